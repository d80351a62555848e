/* A message as IMAP sees it (RFC 5322, RFC 2045, 2046): header fields, parts inside parts, what ENVELOPE and
 * BODYSTRUCTURE tell. Pure; bounded in depth and number. */
#ifndef WIRELAB_IMAPD_MIME_H
#define WIRELAB_IMAPD_MIME_H

#include "wire/imap.h"

#define MIME_PARTS_MAX 1000
#define MIME_DEPTH_MAX IMAP_PART_DEPTH_MAX

/* Where a part lies in the message; children hang below it. */
struct mime_part {
    struct span header, body; /* header: with the empty line that ends it */
    struct mime_part *first_child, *next;
    bool multipart, message; /* message/rfc822: its one child is the message inside */
};

/* The whole message; NULL: no memory. What is deeper or more than the bounds say is left as it is. */
struct mime_part *mime_read(struct span message, struct arena *a);
/* A field's value, unfolded ends cut; at == NULL: there is none. Goes over `from`-th occurrences: 0 the
 * first. */
struct span mime_field(struct span header, const char *name);

/* The part of this path ("1.2"); NULL: there is none. An empty path is the message. */
const struct mime_part *mime_find(const struct mime_part *message, const uint32_t *path, size_t depth);
/* What BODY[section] answers with; at == NULL: NIL. */
struct span mime_section(const struct mime_part *message, const struct imap_section *s, struct arena *a);

void mime_write_envelope(struct writer *w, struct span header, struct arena *a);
void mime_write_structure(struct writer *w, const struct mime_part *p, bool extended, struct arena *a);

#endif
