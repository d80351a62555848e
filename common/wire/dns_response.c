#include "dns_response.h"

void write_dns_query(struct writer *w, uint16_t id, uint16_t flags, const struct dns_question *q,
                     const struct dns_edns *edns)
{
    struct dns_header h = { .id = id, .flags = flags, .questions = 1, .additionals = edns != NULL };
    write_dns_header(w, &h);
    write_dns_question(w, q);
    if (edns)
        write_dns_opt(w, edns, DNS_NOERROR);
}

bool dns_response_matches(struct span message, uint16_t id, const struct dns_question *q)
{
    struct reader r = reader_over(message);
    struct dns_header h;
    struct dns_question theirs;
    if (!read_dns_header(&r, &h) || h.id != id || !(h.flags & DNS_QR) ||
        dns_opcode(h.flags) != DNS_OPCODE_QUERY)
        return false;
    if (h.questions == 0)
        return dns_rcode(h.flags) == DNS_FORMERR || dns_rcode(h.flags) == DNS_NOTIMP;
    return h.questions == 1 && read_dns_question(&r, message, &theirs) && theirs.type == q->type &&
           theirs.class == q->class && dns_name_equal(dns_name_span(&theirs.name), dns_name_span(&q->name));
}

bool dns_response_answers(struct span message, uint16_t id, struct span request)
{
    struct reader r = reader_over(message), asked = reader_over(request);
    struct dns_header h, ours;
    return read_dns_header(&r, &h) && read_dns_header(&asked, &ours) && h.id == id && (h.flags & DNS_QR) &&
           dns_opcode(h.flags) == dns_opcode(ours.flags);
}

bool dns_records_open(struct dns_records *s, struct span message)
{
    struct dns_question skipped;
    *s = (struct dns_records){ .reader = reader_over(message), .message = message };
    read_dns_header(&s->reader, &s->header);
    s->answers_end = s->header.answers;
    s->authorities_end = s->answers_end + s->header.authorities;
    s->end = s->authorities_end + s->header.additionals;
    if (s->header.questions > 1)
        reader_fail(&s->reader);
    return s->header.questions == 0 ? reader_ok(&s->reader)
                                    : read_dns_question(&s->reader, message, &skipped);
}

enum dns_section dns_records_next(struct dns_records *s, struct dns_record *out)
{
    uint32_t at = s->next;
    /* ends: by the counts, and each record takes eleven bytes of the message */
    if (at >= s->end || !read_dns_record(&s->reader, s->message, out))
        return DNS_SECTION_END;
    s->next++;
    if (at < s->answers_end)
        return DNS_SECTION_ANSWER;
    return at < s->authorities_end ? DNS_SECTION_AUTHORITY : DNS_SECTION_ADDITIONAL;
}
