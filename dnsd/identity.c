#include "identity.h"

#include "encode.h"

#define QUESTION_POINTER 0xC00C

static bool is_named(const struct dns_name *name, const char *text)
{
    uint8_t room[32];
    struct writer w = writer_over(room, sizeof room);
    write_dns_name_text(&w, dns_name_span(name));
    return writer_ok(&w) && span_is(writer_span(&w), text);
}

static struct span text_of(const struct dns_name *name, const struct edns_settings *s)
{
    if (is_named(name, "id.server.") || is_named(name, "hostname.bind."))
        return s->nsid;
    if (is_named(name, "version.bind.") || is_named(name, "version.server."))
        return s->version;
    return span_of(NULL, 0);
}

bool identity_answer(const struct dns_query *q, const struct dns_name *name, const struct edns_settings *s,
                     struct writer *w)
{
    struct span text = text_of(name, s);
    if (!text.len)
        return false;
    bool is_asked = q->question.type == DNS_TYPE_TXT || q->question.type == DNS_TYPE_ANY;
    struct dns_header h = { .id = q->header.id,
                            .flags = encode_flags(q, DNS_NOERROR) | DNS_AA,
                            .questions = 1,
                            .answers = is_asked,
                            .additionals = q->edns.present };
    write_dns_header(w, &h);
    write_dns_question(w, &q->question);
    if (is_asked) {
        write_u16(w, QUESTION_POINTER);
        write_u16(w, DNS_TYPE_TXT);
        write_u16(w, DNS_CLASS_CH);
        write_u32(w, 0); /* RFC 4892 2: it is not for caches */
        struct mark length = write_length16(w);
        write_u8(w, (uint8_t)text.len);
        write_span(w, text);
        close_length16(w, length);
    }
    encode_opt(q, DNS_NOERROR, w);
    return true;
}
