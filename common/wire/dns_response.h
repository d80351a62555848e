/* A question as it is sent to a server, and what is taken for its response. */
#ifndef WIRELAB_DNS_RESPONSE_H
#define WIRELAB_DNS_RESPONSE_H

#include "dns.h"

#define DNS_QUERY_BYTES_MAX (DNS_HEADER_BYTES + DNS_NAME_BYTES_MAX + 4 + DNS_OPT_BYTES)

/* A query of opcode QUERY. `flags`: DNS_RD, DNS_CD, DNS_AD or none; edns == NULL: exactly plain. */
void write_dns_query(struct writer *w, uint16_t id, uint16_t flags, const struct dns_question *q,
                     const struct dns_edns *edns);

/* RFC 5452 9.1: the message is a response to that identifier and question. FORMERR and NOTIMP may come
 * without the question, from a server that did not read so far. Where it came from, the caller has checked.
 */
bool dns_response_matches(struct span message, uint16_t id, const struct dns_question *q);

/* The same for another request than a query, by its identifier and opcode: RFC 2136 3.8 leaves the rest of
 * such a response open. */
bool dns_response_answers(struct span message, uint16_t id, struct span request);

enum dns_section { DNS_SECTION_ANSWER, DNS_SECTION_AUTHORITY, DNS_SECTION_ADDITIONAL, DNS_SECTION_END };

/* The records of a response, one after the other. */
struct dns_records {
    struct reader reader;
    struct span message;
    struct dns_header header;
    uint32_t next, answers_end, authorities_end, end; /* counted over all three sections */
};

/* Stands before the first record; false when header or question cannot be read. */
bool dns_records_open(struct dns_records *s, struct span message);
/* The next record and its section; DNS_SECTION_END behind the last one, and where a record is cut short: ask
 * reader_ok(&s->reader). */
enum dns_section dns_records_next(struct dns_records *s, struct dns_record *out);

#endif
