/* Any messages as the responses of other servers. Nothing gets into the cache but what the server asked may
 * speak for, in good form; replies from it are well-formed; a resolution ends within its budget. The input:
 * an octet of choices, then messages behind their lengths. */
#include "dns_replies.h"
#include "dnsd/encode_cached.h"
#include "dnsd/hints.h"
#include "dnsd/learn.h"
#include "dnsd/resolve.h"
#include "wire/dns_response.h"

#define NOW 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum choice {
    CHOICE_FORWARDED = 1,
    CHOICE_ADDRESS = 2,
    CHOICE_SERVERS = 4,
    CHOICE_EDNS = 8,
    CHOICE_ABOVE = 16
};

static uint8_t room[LEARN_ROOM_BYTES];
static struct cache cache;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void open_cache(void)
{
    struct cache_options o = {
        .bytes_max = CACHE_BYTES_MIN, .ttl_max_s = 86400, .negative_max_s = 3600, .seed = TEST_SEED
    };
    must(cache_open(&cache, &o));
}

static struct span next_message(struct reader *r)
{
    size_t len = read_u16(r);
    return read_span(r, len < reader_left(r) ? len : reader_left(r));
}

/* An entry's data is what its kind says. */
static void check_entry(const struct cache_entry *e)
{
    struct reader r = reader_over(cache_data(e));
    if (e->kind == CACHE_SET) {
        must(e->count > 0);
        for (uint16_t i = 0; i < e->count; i++)
            must(dns_rdata_is_plain(e->type, cache_next_record(&r)));
        must(reader_done(&r));
    } else if (reader_left(&r)) {
        must(read_plain_name(&r).len > 0);
        must(dns_rdata_is_plain(DNS_TYPE_SOA, cache_next_record(&r)));
        must(reader_done(&r));
    }
}

static void check_cache(const struct dns_name *zone)
{
    must(cache.bytes <= cache.options.bytes_max);
    for (struct list_node *n = list_first(&cache.order); n; n = list_next(&cache.order, n)) {
        const struct cache_entry *e = list_item(n, struct cache_entry, node);
        struct dns_name name;
        check_entry(e);
        must(dns_name_from_span(cache_name(e), &name));
        must(!zone || dns_name_within(&name, zone));
    }
}

static void check_reply(struct span message)
{
    struct dns_records s;
    struct dns_record record;
    must(dns_records_open(&s, message));
    while (dns_records_next(&s, &record) != DNS_SECTION_END) {
        static uint8_t rdata[2 * DNS_RDATA_BYTES_MAX];
        struct writer w = writer_over(rdata, sizeof rdata);
        must(record.type == DNS_TYPE_OPT || dns_rdata_read(record.type, record.rdata, message, &w));
    }
    must(reader_done(&s.reader) && s.next == s.end);
}

static void answer(const char *name, const char *type, bool edns)
{
    static uint8_t out[DNS_MESSAGE_BYTES_MAX];
    uint8_t query[512];
    struct dns_query q;
    struct dns_name missing;
    struct answer_plan plan = { .rcode = DNS_REFUSED };
    enum dns_rcode rcode;
    size_t len = build_query(query, sizeof query, name, type, edns ? 1232 : 0);
    must(dns_query_read(span_of(query, len), &q) == DNS_QUERY_GOOD);
    struct encode_cached e = { &cache, &q, &plan, edns ? 1232 : sizeof out, NOW, NOW };
    struct writer w = writer_over(out, sizeof out);
    if (encode_cached(&e, &w, &rcode, &missing)) {
        must(writer_ok(&w) && writer_length(&w) <= e.limit);
        check_reply(writer_span(&w));
    }
}

static const char *type_of(uint8_t choices)
{
    return choices & CHOICE_ADDRESS ? "A" : choices & CHOICE_SERVERS ? "NS" : "MX";
}

static uint16_t code_of(uint8_t choices)
{
    uint16_t code;
    must(dns_type_from_text(span_text(type_of(choices)), &code));
    return code;
}

/* All messages from one server of one zone. */
static void learn_all(uint8_t choices, struct reader r)
{
    struct dns_name name = name_of("www.sub.evil.com."), zone = name_of("evil.com.");
    struct learning l = { .cache = &cache,
                          .name = &name,
                          .type = code_of(choices),
                          .zone = &zone,
                          .forwarded = choices & CHOICE_FORWARDED,
                          .room = room };
    open_cache();
    while (reader_left(&r)) {
        learn(&l, next_message(&r), NOW);
        check_cache(&zone);
        answer("www.sub.evil.com.", type_of(choices), choices & CHOICE_EDNS);
    }
    answer("sub.evil.com.", "NS", choices & CHOICE_EDNS);
    cache_close(&cache);
}

/* A resolution that gets one message after the other; what it needs on the way is never found. */
static void resolve_all(uint8_t choices, struct reader r)
{
    static struct zone *hints;
    static struct dns_name root;
    struct rng rng;
    struct resolution resolution;
    struct resolve_wish wish;
    struct resolve_budget budget = { .queries_left = RESOLVE_QUERIES_MAX };
    struct dns_name name = name_of("www.sub.evil.com.");
    struct endpoint upstream = { .address.family = FAMILY_IP4, .port = 53 };
    struct resolve_forward forward = { .edns = true, .to = &upstream, .to_count = 1 };
    if (!hints)
        hints = hints_builtin(TEST_SEED);
    dns_name_root(&root);
    forward.name = root;
    rng_seed(&rng, TEST_SEED);
    open_cache();
    struct resolve_world w = { .cache = &cache,
                               .servers = servers_open(TEST_SEED),
                               .rng = &rng,
                               .hints = hints,
                               .forwards = &forward,
                               .forward_count = choices & CHOICE_FORWARDED ? 1 : 0,
                               .port = 53,
                               .room = room };
    must(w.servers != NULL);
    resolve_open(&resolution, &name, code_of(choices), 0, &budget, NOW);
    unsigned asked = 0, steps = 0;
    for (;;) {
        resolve_step(&resolution, &w, NOW, &wish);
        must(steps++ < 1000);
        if (wish.kind == RESOLVE_DONE)
            break;
        if (wish.kind == RESOLVE_NEED)
            continue;
        must(asked++ < RESOLVE_QUERIES_MAX);
        struct span message = next_message(&r);
        struct reader head = reader_over(message);
        struct dns_header h;
        if (read_dns_header(&head, &h))
            resolve_response(&resolution, &w, message, 10, NOW);
        else
            resolve_lost(&resolution, &w, false, NOW);
        check_cache(NULL);
    }
    answer("www.sub.evil.com.", type_of(choices), choices & CHOICE_EDNS);
    servers_close(w.servers);
    cache_close(&cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(span_of(data, size));
    uint8_t choices = read_u8(&r);
    if (choices & CHOICE_ABOVE)
        resolve_all(choices, r);
    else
        learn_all(choices, r);
    return 0;
}
