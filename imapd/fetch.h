/* What FETCH answers for one message. Pure. */
#ifndef WIRELAB_IMAPD_FETCH_H
#define WIRELAB_IMAPD_FETCH_H

#include "wire/imap.h"
#include "wire/mime.h"

struct imap_message {
    uint32_t number, uid;
    unsigned flags;
    int64_t date_s;
    uint64_t bytes;
    struct span text;       /* where it was asked for */
    struct mime_tree *tree; /* of the text; NULL: without it */
};

/* One of the items is about the parts of the message. */
bool imap_fetch_needs_tree(const struct imap_fetch *f);
/* "* 3 FETCH (FLAGS (\Seen) UID 17)": `flags` and `uid` add these two when they were not asked for. The
 * writer fails when it has too little room: with more, the same again. */
void imap_write_fetch(struct writer *w, const struct imap_fetch *f, const struct imap_message *m, bool flags,
                      bool uid, struct arena *a);
/* The same with flags only, as for a change. */
void imap_write_fetch_flags(struct writer *w, const struct imap_message *m, bool uid);

/* The bytes of a section; at == NULL: there is no such part. */
struct span imap_section_bytes(const struct imap_section *s, const struct mime_tree *t, struct arena *a);

#endif
