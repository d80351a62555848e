/* Any bytes as a message: read record by record, what was read is written and reads back alike; and as a
 * query to a server with a small zone, by UDP and TCP: the reply, if there is one, is well-formed and within
 * its limit. */
#include "dns_replies.h"
#include "dnsd/ahead.h"
#include "dnsd/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] =
    "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n*.w MX 1 ns\n*.w TXT x\nc CNAME d\n"
    "d CNAME e.w\nl CNAME l\na.b.c.e TXT y\ns NS ns.s\ns NS ns\nns.s A 192.0.2.2\n";

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct zones *zones(void)
{
    static struct zones all;
    static struct prefix anyone = { .address = { .family = FAMILY_IP4 } };
    static const struct dnsd_permits permits = { .prefixes = &anyone, .prefix_count = 1 };
    if (!all.count) {
        char why[512];
        struct zones_row row = { .name = kept_name("z."), .transfer = &permits };
        row.zone = zone_from("z.", zone_text, why);
        must(row.zone && zones_open(&all, &row, 1, TEST_SEED));
    }
    return &all;
}

/* A server with these zones and no views. */
static const struct service *service(void)
{
    static struct view view;
    static struct view *views[] = { &view };
    static struct service all = { .views = views, .view_count = 1 };
    view.zones = *zones();
    return &all;
}

/* A record that was read is written with compression, read again, and is the same. */
static void write_and_read(const struct dns_record *record, struct span rdata)
{
    static uint8_t message[2 * DNS_RDATA_BYTES_MAX], again[2 * DNS_RDATA_BYTES_MAX];
    static struct dns_names names;
    struct writer w = writer_over(message, sizeof message);
    struct writer back = writer_over(again, sizeof again);
    struct dns_name owner;
    write_zeros(&w, DNS_HEADER_BYTES);
    dns_names_open(&names, false);
    write_dns_name(&w, &names, dns_name_span(&record->owner));
    struct mark start = writer_mark(&w);
    write_dns_rdata(&w, &names, record->type, rdata);
    must(writer_ok(&w) && dns_rdata_is_plain(record->type, rdata));
    struct reader r = reader_over(writer_span(&w));
    read_skip(&r, DNS_HEADER_BYTES);
    must(read_dns_name(&r, writer_span(&w), &owner) && reader_offset(&r) == start.offset);
    must(dns_name_equal(dns_name_span(&owner), dns_name_span(&record->owner)));
    must(dns_rdata_read(record->type, r, writer_span(&w), &back));
    must(span_equal_nocase(writer_span(&back),
                           rdata)); /* compression may take the case of what stands before */
}

static void read_all(struct span message)
{
    static uint8_t rdata[2 * DNS_RDATA_BYTES_MAX], text[8 * DNS_RDATA_BYTES_MAX];
    struct reader r = reader_over(message);
    struct dns_header h;
    struct dns_question q;
    struct dns_record record;
    struct dns_edns e;
    read_dns_header(&r, &h);
    for (unsigned i = 0; i < h.questions && read_dns_question(&r, message, &q); i++)
        ;
    for (int i = 0; i < 64 && reader_ok(&r) && reader_left(&r) && read_dns_record(&r, message, &record);
         i++) {
        struct writer out = writer_over(rdata, sizeof rdata);
        struct writer words = writer_over(text, sizeof text);
        if (record.type == DNS_TYPE_OPT)
            dns_edns_read(&record, &e);
        if (!dns_rdata_read(record.type, record.rdata, message, &out))
            continue;
        write_dns_rdata_text(&words, record.type, writer_span(&out));
        write_and_read(&record, writer_span(&out));
    }
}

static void ask(const struct dns_query *q, bool over_tcp)
{
    static uint8_t room[DNS_MESSAGE_BYTES_MAX];
    static struct response response;
    static struct edns_settings edns = { .cookies.count = 1, .keepalive = 100 };
    struct address from = address_ip4(1);
    edns.nsid = edns.version = span_text("fuzz");
    edns.require_cookies = q->message.len % 8 == 0;
    response.edns = &edns;
    response.over_tls = over_tcp && q->message.len % 2;
    struct writer w = writer_over(room, over_tcp ? sizeof room : ENCODE_UDP_BYTES_MAX);
    enum respond_outcome outcome = respond(zones(), q, &from, over_tcp, &w, &response);
    bool written = outcome == RESPOND_REPLY || outcome == RESPOND_ELSEWHERE;
    must(writer_ok(&w) && (writer_length(&w) > 0) == written);
    if (!written)
        return;
    must(writer_length(&w) <= encode_limit(q, over_tcp));
    const char *text = reply_text(writer_span(&w));
    must(!strstr(text, REPLY_MALFORMED) && !strstr(text, REPLY_LEFTOVER));
    must(writer_span(&w).at[2] & DNS_QR >> 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_of(data, size);
    static struct batch batch = { .count = 1 };
    static struct ahead ahead;
    batch.d[0] = (struct datagram){ .in = message };
    ahead_begin(&ahead, service(), &batch);
    size_t first;
    const struct dns_query *q = ahead_next(&ahead, &first);
    read_all(message);
    ask(q, false);
    ask(q, true);
    return 0;
}
