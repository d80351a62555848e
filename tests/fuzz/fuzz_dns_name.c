/* Any bytes as a name: in a message, in text, and back. */
#include "dns_replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Text and wire form of a good name say the same. */
static void round_trip(const struct dns_name *n)
{
    uint8_t text[DNS_NAME_TEXT_MAX];
    struct dns_name back, lower;
    struct writer w = writer_over(text, sizeof text);
    must(n->len >= 1 && n->labels <= DNS_LABELS_MAX && n->at[n->labels] == n->len - 1);
    write_dns_name_text(&w, dns_name_span(n));
    must(writer_ok(&w));
    must(dns_name_from_text(writer_span(&w), NULL, &back) == NULL);
    must(span_equal(dns_name_span(n), dns_name_span(&back)));
    dns_name_lower(&lower, n);
    must(dns_name_compare(n, &lower) == 0 && dns_name_within(n, &lower));
    struct reader r = reader_over(dns_name_span(n));
    must(span_equal(read_plain_name(&r), dns_name_span(n)) && reader_done(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_names names;
    static uint8_t room[4096];
    struct dns_name n, origin = name_of("origin.example.");
    struct reader r = reader_over(span_of(data, size));
    struct writer w = writer_over(room, sizeof room);
    write_zeros(&w, DNS_HEADER_BYTES);
    dns_names_open(&names, size & 1);
    read_skip(&r, DNS_HEADER_BYTES);
    for (int i = 0; i < 16 && reader_left(&r) && read_dns_name(&r, span_of(data, size), &n); i++) {
        round_trip(&n);
        struct mark at = writer_mark(&w);
        write_dns_name(&w, &names, dns_name_span(&n));
        if (!writer_ok(&w))
            break;
        struct reader again = reader_over(writer_span(&w));
        struct dns_name back;
        read_skip(&again, at.offset);
        must(read_dns_name(&again, writer_span(&w), &back) && reader_done(&again));
        must(dns_name_equal(dns_name_span(&n), dns_name_span(&back)));
    }
    if (!dns_name_from_text(span_of(data, size), &origin, &n))
        round_trip(&n);
    if (dns_name_from_span(span_of(data, size), &n))
        round_trip(&n);
    return 0;
}
