/* A plan into a message: under its limit, with names compressed, whole sets or none (RFC 2181 5 and 9). */
#ifndef WIRELAB_DNSD_ENCODE_H
#define WIRELAB_DNSD_ENCODE_H

#include "answer.h"

#define ENCODE_UDP_BYTES_MAX 1232 /* what passes everywhere without fragments: RFC 9715 3.1 */

/* How many octets a reply to this query may have. */
size_t encode_limit(const struct dns_query *q, bool over_tcp);
/* The reply; the writer is empty and has room for `limit` octets or less. */
void encode_plan(const struct dns_query *q, const struct answer_plan *plan, size_t limit, struct writer *w);
/* A reply without records: the question, if it could be read, and the code. */
void encode_error(const struct dns_query *q, enum dns_rcode rcode, struct writer *w);

/* A reply that says no more than to come by TCP; and its code: who updates or notifies looks at nothing else,
 * and nothing was done. */
enum dns_rcode encode_truncated_code(const struct dns_query *q);
void encode_truncated(const struct dns_query *q, struct writer *w);

/* ---- shared with transfers -------------------------------------------------------------- */

/* The flags of a reply: QR, and of the query the opcode and RD. */
uint16_t encode_flags(const struct dns_query *q, enum dns_rcode rcode);
/* One record as it lies in a zone. The owner is compressed, and so are the names of the types that allow it.
 */
void encode_record(struct writer *w, struct dns_names *t, struct span owner, uint16_t type,
                   struct span record, struct span rdata);
/* OPT, where the query had one. */
void encode_opt(const struct dns_query *q, enum dns_rcode rcode, struct writer *w);

#endif
