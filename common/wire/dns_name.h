/* Domain names: read with three bounds, compared, ordered, written with compression, to and from text
 * (RFC 1035 3.1, 4.1.4 and 5.1; RFC 4343 for case).
 *
 * A name's wire form is its labels, each behind its length octet, and the root's zero octet at the end; as a
 * span it is always whole and uncompressed. */
#ifndef WIRELAB_DNS_NAME_H
#define WIRELAB_DNS_NAME_H

#include "wire.h"

#define DNS_NAME_BYTES_MAX  255 /* RFC 1035 2.3.4, root octet included */
#define DNS_LABEL_BYTES_MAX 63
#define DNS_LABELS_MAX      127  /* what fits in 255 octets, the root not counted */
#define DNS_NAME_HOPS_MAX   127  /* compression pointers in one name: more than labels makes no sense */
#define DNS_NAME_TEXT_MAX   1021 /* each octet of a label as \DDD, and its dot */

/* A name with the place of its labels; 1 <= len once it was filled by a function below. Where there are many,
 * one takes as much memory as it needs (dns_name_room): then it is read and copied by a function, never
 * assigned. */
struct dns_name {
    uint8_t len;                    /* octets of the wire form */
    uint8_t labels;                 /* without the root */
    uint8_t at[DNS_LABELS_MAX + 1]; /* where label i starts, the leftmost first; at[labels] is the root */
    uint8_t bytes[DNS_NAME_BYTES_MAX];
};

/* How many octets of the structure are in use. */
static inline size_t dns_name_room(const struct dns_name *n)
{
    return offsetof(struct dns_name, bytes) + n->len;
}

static inline struct span dns_name_span(const struct dns_name *n)
{
    return span_of(n->bytes, n->len);
}

/* Its last `labels` labels (and the root); labels <= n->labels. */
static inline struct span dns_name_suffix(const struct dns_name *n, size_t labels)
{
    return span_from(dns_name_span(n), n->at[n->labels - labels]);
}

/* The octets of label i, without their length. */
static inline struct span dns_name_label(const struct dns_name *n, size_t i)
{
    return span_of(n->bytes + n->at[i] + 1, n->bytes[n->at[i]]);
}

void dns_name_root(struct dns_name *n);
void dns_name_copy(struct dns_name *to, const struct dns_name *from);
/* Like the other, with ASCII letters in lower case. */
void dns_name_lower(struct dns_name *to, const struct dns_name *from);

/* ---- reading -------------------------------------------------------------------------- */

/* Reads a name that may be compressed; `r` reads the message or a window of it. Pointers must go strictly
 * backwards, not into the header, at most DNS_NAME_HOPS_MAX of them; else `r` has failed and false comes
 * back. */
bool read_dns_name(struct reader *r, struct span message, struct dns_name *out);
/* Reads an uncompressed name where it stands; empty and `r` failed when it is none. */
struct span read_plain_name(struct reader *r);
/* From a span that holds one uncompressed name and nothing else. */
bool dns_name_from_span(struct span name, struct dns_name *out);

/* ---- comparing ------------------------------------------------------------------------ */

/* Equal but for case. */
static inline bool dns_name_equal(struct span a, struct span b)
{
    return span_equal_nocase(a, b);
}

/* `n` is `parent` or a name below it. */
bool dns_name_within(const struct dns_name *n, const struct dns_name *parent);
/* RFC 4034 6.1: label by label from the right, octets in lower case. <0, 0, >0. */
int dns_name_compare(const struct dns_name *a, const struct dns_name *b);

/* ---- text ----------------------------------------------------------------------------- */

/* RFC 1035 5.1: \X and \DDD, "@" is the origin, a name without final dot is continued by it (NULL: by the
 * root). NULL when it is a name, else what would be right: "a name whose labels have at most 63 octets each".
 */
const char *dns_name_from_text(struct span text, const struct dns_name *origin, struct dns_name *out);
/* With the final dot, and everything escaped that a master file would take for something else. */
void write_dns_name_text(struct writer *w, struct span name);

/* ---- writing -------------------------------------------------------------------------- */

#define DNS_NAMES_HEADS     256
#define DNS_NAMES_MAX       1023 /* labels remembered for one message; a name beyond that is written whole */
#define DNS_NAMES_CHAIN_MAX 32   /* labels looked at for one label to write */

/* Where the names of one message were written, label by label, each hung under the rest of its name, so that
 * a suffix is found by one look-up a label. The writer must begin where the message begins. */
struct dns_names {
    bool exact_case;     /* only what is written alike is shared */
    uint8_t rest_len;    /* of what stood behind the first label of the name before; 0: nothing yet */
    uint16_t rest_entry; /* where that was written */
    uint16_t count;
    uint16_t head[DNS_NAMES_HEADS]; /* 1-based into entries */
    struct dns_names_entry {
        uint16_t offset;    /* of the label in the message */
        uint16_t parent;    /* the rest of the name; 0: the root */
        uint16_t next;      /* in the same chain */
        uint8_t chain, tag; /* of the label's hash: tags differ where labels do, nearly always */
    } entries[DNS_NAMES_MAX + 1];
    uint8_t rest[DNS_NAME_BYTES_MAX];
};

/* `exact_case`: for zone transfers, which must keep the case of every name (RFC 5936 3.4). */
void dns_names_open(struct dns_names *t, bool exact_case);
/* Tells that `name` stands at `offset` already: the question. */
void dns_names_note(struct dns_names *t, const struct writer *w, const struct dns_name *name, size_t offset);
/* Forgets all at or after the mark; with writer_back_to(). */
void dns_names_forget(struct dns_names *t, struct mark m);
/* Writes the name and notes it; t == NULL: whole, noting nothing. */
void write_dns_name(struct writer *w, struct dns_names *t, struct span name);

#endif
