/* Any bytes as an UPDATE (RFC 2136) for a small zone: what is decided is either a code and nothing, or a
 * change that makes a new version, whose serial is later, and which IXFR brings over to another server just
 * so. */
#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES ((size_t)16 * 1024 * 1024)

static const char zone_text[] =
    "$TTL 60\n@ SOA ns a 4294967295 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.3\n"
    "c CNAME d\nd TXT x y\na.b MX 1 ns\n*.w TXT x\ns NS ns.s\nns.s A 192.0.2.2\n";

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void follow(struct zone *before, const struct change *c)
{
    const char *why = NULL;
    struct zone *after = zone_after(before, c, &why);
    must(after != NULL);
    struct change *again = change_between(before, after);
    must(again && again->from == c->from && again->to == c->to);
    struct zone *same = zone_after(before, again, &why);
    must(same != NULL);
    struct change *none = change_between(after, same);
    must(none && none->removed.count <= 1 &&
         none->added.count <= 1); /* but for the SOA that each part begins with */
    change_release(none);
    change_release(again);
    zone_release(same);
    zone_release(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone *zone;
    char problem[512];
    struct span message = span_of(data, size);
    struct dns_query query;
    struct change *change = NULL;
    const char *why = NULL;
    struct arena a;
    if (!zone)
        must((zone = zone_from("z.", zone_text, problem)) != NULL);
    dns_query_read(message, &query);
    if (!query.asked || query.question.type != DNS_TYPE_SOA)
        return 0;
    arena_open(&a, 4096, ARENA_BYTES);
    enum dns_rcode code = update_decide(zone, message, zone->serial + 1, &a, &change, &why);
    must(code == DNS_NOERROR || !change);
    must((code == DNS_NOERROR) == !why);
    if (change) {
        must(change->to == change->from + 1 || (int32_t)(change->to - change->from) > 0); /* RFC 1982 */
        follow(zone, change);
    }
    change_release(change);
    arena_close(&a);
    return 0;
}
