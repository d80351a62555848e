/* For tests of DNS: zones from text, questions from words, and replies as text that can be compared whole:
 *     "NOERROR aa; www.example. 3600 A 192.0.2.1; ; " with sections between the semicolons and records
 * between "/". */
#ifndef WIRELAB_TESTS_DNS_REPLIES_H
#define WIRELAB_TESTS_DNS_REPLIES_H

#include "dnsd/masterfile.h"
#include "dnsd/respond.h"
#include "wire/dns_rdata.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLY_MALFORMED "\001MALFORMED" /* no name or text prints a control character */
#define REPLY_LEFTOVER  "\001LEFTOVER"
#define TEST_SEED       42
#define REPLY_TEXT_MAX  8192
#define KEPT_NAMES      1024

static inline struct dns_name name_of(const char *text)
{
    struct dns_name n;
    if (dns_name_from_text(span_text(text), NULL, &n))
        abort();
    return n;
}

/* The same, until KEPT_NAMES others were kept. */
static inline const struct dns_name *kept_name(const char *text)
{
    static struct dns_name kept[KEPT_NAMES];
    static size_t next;
    struct dns_name *n = &kept[next++ % KEPT_NAMES];
    *n = name_of(text);
    return n;
}

/* The zone of a text, or NULL; then the first problem stands in `why` as "LINE:COLUMN: TEXT". */
static inline struct zone *zone_from(const char *apex, const char *text, char why[512])
{
    struct dns_name name = name_of(apex);
    struct zone_builder *b = zone_builder_open(&name, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    enum zone_fault fault = ZONE_FINE;
    struct zone *z = NULL;
    size_t count;
    masterfile_push(m, span_text(text), "test.zone");
    while (masterfile_run(m) == MASTERFILE_INCLUDE)
        masterfile_missing(m, "a file in this test");
    const struct masterfile_problem *p = masterfile_problems(m, &count);
    snprintf(why, 512, "%s", "");
    if (count)
        snprintf(why, 512, "%u:%u: %s", p[0].line, p[0].column, p[0].text);
    if (masterfile_errors(m))
        zone_builder_drop(b);
    else
        z = zone_builder_finish(b, &fault);
    if (fault != ZONE_FINE)
        snprintf(why, 512, "%s", zone_fault_text(fault));
    masterfile_close(m);
    return z;
}

/* A query of opcode QUERY: "www.example. A", id 0x1234, RD; OPT when udp_bytes is not 0. */
static inline size_t build_query(uint8_t *room, size_t size, const char *name, const char *type,
                                 uint16_t udp_bytes)
{
    struct writer w = writer_over(room, size);
    struct dns_question q = { .name = name_of(name), .class = DNS_CLASS_IN };
    if (!dns_type_from_text(span_text(type), &q.type))
        abort();
    struct dns_header h = { .id = 0x1234, .flags = DNS_RD, .questions = 1, .additionals = udp_bytes != 0 };
    write_dns_header(&w, &h);
    write_dns_question(&w, &q);
    if (udp_bytes)
        write_dns_opt(&w, &(struct dns_edns){ .udp_bytes = udp_bytes }, DNS_NOERROR);
    return writer_length(&w);
}

/* A record into a message: write_rr(w, "www.example.", "MX", 60, "10 mail.example."). */
static inline void write_rr(struct writer *w, const char *owner, const char *type, uint32_t ttl,
                            const char *words)
{
    struct dns_word split[8];
    size_t count = 0;
    uint16_t code;
    struct dns_name name = name_of(owner);
    struct dns_word_problem p;
    for (struct span rest = span_text(words); rest.len && count < 8;) {
        size_t end = span_find(rest, ' ');
        split[count++] = (struct dns_word){ span_head(rest, end), false };
        rest = span_from(rest, end + 1);
    }
    if (!dns_type_from_text(span_text(type), &code))
        abort();
    write_dns_name(w, NULL, dns_name_span(&name));
    write_u16(w, code);
    write_u16(w, DNS_CLASS_IN);
    write_u32(w, ttl);
    struct mark length = write_length16(w);
    if (!dns_rdata_from_words(code, split, count, NULL, w, &p))
        abort();
    close_length16(w, length);
}

static inline void record_text(struct writer *w, struct reader *r, struct span message)
{
    struct dns_record record;
    uint8_t rdata[4096];
    struct writer data = writer_over(rdata, sizeof rdata);
    if (!read_dns_record(r, message, &record)) {
        write_text(w, REPLY_MALFORMED);
        return;
    }
    if (record.type == DNS_TYPE_OPT) {
        struct dns_edns e;
        write_text(w, dns_edns_read(&record, &e) ? "OPT " : REPLY_MALFORMED " OPT ");
        write_decimal(w, e.udp_bytes);
        write_text(w, e.dnssec_ok ? " do" : "");
        if (e.extended_rcode)
            write_text(w, " extended");
        return;
    }
    write_dns_name_text(w, dns_name_span(&record.owner));
    write_u8(w, ' ');
    write_decimal(w, record.ttl);
    write_u8(w, ' ');
    write_dns_type_text(w, record.type);
    write_u8(w, ' ');
    if (dns_rdata_read(record.type, record.rdata, message, &data))
        write_dns_rdata_text(w, record.type, writer_span(&data));
    else
        write_text(w, REPLY_MALFORMED);
}

/* The reply as text; the question is left out. */
static inline const char *reply_text(struct span message)
{
    static char text[REPLY_TEXT_MAX];
    struct writer w = writer_over(text, sizeof text - 1);
    struct reader r = reader_over(message);
    struct dns_header h;
    struct dns_question q;
    if (message.len == 0)
        return "silence";
    read_dns_header(&r, &h);
    const char *code = dns_rcode_name(dns_rcode(h.flags));
    write_text(&w, code ? code : "OTHER");
    write_text(&w, h.flags & DNS_QR ? "" : " query");
    write_text(&w, h.flags & DNS_AA ? " aa" : "");
    write_text(&w, h.flags & DNS_TC ? " tc" : "");
    write_text(&w, h.flags & DNS_RA ? " ra" : "");
    for (uint16_t i = 0; i < h.questions; i++)
        read_dns_question(&r, message, &q);
    uint16_t counts[] = { h.answers, h.authorities, h.additionals };
    for (size_t section = 0; section < 3; section++) {
        write_u8(&w, ';');
        for (uint16_t i = 0; i < counts[section]; i++) {
            write_text(&w, i ? " / " : " ");
            record_text(&w, &r, message);
        }
    }
    if (!reader_done(&r))
        write_text(&w, REPLY_LEFTOVER);
    text[writer_length(&w)] = 0;
    return text;
}

#endif
