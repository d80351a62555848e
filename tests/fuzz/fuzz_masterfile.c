/* Any text as a master file; a zone that loads is printed, and loads again as the same zone. */
#include "dns_replies.h"
#include "dnsd/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct zone *load(struct span text)
{
    struct dns_name apex = name_of("z.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    enum zone_fault fault;
    int includes = 0;
    masterfile_push(m, text, "fuzz");
    while (masterfile_run(m) == MASTERFILE_INCLUDE) {
        if (includes++ < 4)
            masterfile_push(m, text, "again");
        else
            masterfile_missing(m, "fewer files");
    }
    size_t errors = masterfile_errors(m);
    masterfile_close(m);
    if (!errors)
        return zone_builder_finish(b, &fault);
    zone_builder_drop(b);
    return NULL;
}

/* "OWNER TTL TYPE DATA", the first SOA first, the last left out. */
static void print(struct zone *z, struct writer *text)
{
    static uint8_t message[DNS_MESSAGE_BYTES_MAX], rdata[2 * DNS_RDATA_BYTES_MAX];
    static struct dns_query query;
    struct transfer t;
    size_t count = 0;
    query.asked = true;
    dns_name_copy(&query.question.name, &z->name);
    transfer_begin(&t, z, &query, false);
    while (!transfer_over(&t)) {
        struct writer w = writer_over(message, sizeof message);
        struct dns_header h;
        struct dns_question q;
        struct dns_record record;
        transfer_next(&t, &w);
        must(writer_ok(&w));
        struct reader r = reader_over(writer_span(&w));
        read_dns_header(&r, &h);
        if (h.questions)
            read_dns_question(&r, writer_span(&w), &q);
        for (uint16_t i = 0; i < h.answers; i++) {
            struct writer out = writer_over(rdata, sizeof rdata);
            must(read_dns_record(&r, writer_span(&w), &record));
            must(dns_rdata_read(record.type, record.rdata, writer_span(&w), &out));
            if (count++ == z->record_count)
                break;
            write_dns_name_text(text, dns_name_span(&record.owner));
            write_u8(text, ' ');
            write_decimal(text, record.ttl);
            write_u8(text, ' ');
            write_dns_type_text(text, record.type);
            write_u8(text, ' ');
            write_dns_rdata_text(text, record.type, writer_span(&out));
            write_u8(text, '\n');
        }
    }
    must(count == z->record_count + 1);
    transfer_end(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[1 << 22], second[1 << 22];
    struct zone *z = load(span_of(data, size));
    if (!z)
        return 0;
    struct writer a = writer_over(first, sizeof first);
    struct writer b = writer_over(second, sizeof second);
    print(z, &a);
    if (writer_ok(&a)) {
        struct zone *again = load(writer_span(&a));
        must(again && again->record_count == z->record_count && again->node_count == z->node_count);
        print(again, &b);
        must(span_equal(writer_span(&a), writer_span(&b)));
        zone_release(again);
    }
    zone_release(z);
    return 0;
}
