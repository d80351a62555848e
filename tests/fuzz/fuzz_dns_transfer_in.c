/* Any bytes as the messages of a transfer: each begins with its length, as over TCP. The first byte says
 * whether there is a version to begin with (IXFR). What comes of it is a zone that can be sent on, or words.
 */
#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/transfer_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX    65536
#define MESSAGES_MAX 64

static const char zone_text[] = "$TTL 60\n@ SOA ns a 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.3\n";

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void use(struct transfer_in *t, struct zone *base)
{
    struct zone *z = zone_of_transfer(t, base);
    struct change_records all = { 0 };
    must(z || t->change_count); /* changes may not fit */
    if (z)
        must(change_add_zone(&all, z) && all.count > 0);
    free(all.bytes);
    zone_release(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone *zone;
    char problem[512];
    struct transfer_in t;
    struct dns_name name = name_of("z.");
    struct reader r = reader_over(span_of(data, size));
    if (!zone)
        must((zone = zone_from("z.", zone_text, problem)) != NULL);
    bool incremental = read_u8(&r) & 1;
    enum transfer_in_state state = TRANSFER_IN_MORE;
    transfer_in_begin(&t, &name, incremental ? zone : NULL, TEST_SEED, BYTES_MAX);
    for (int i = 0; i < MESSAGES_MAX && state == TRANSFER_IN_MORE && reader_left(&r) > 2; i++) {
        struct reader message = read_window(&r, read_u16(&r));
        state = transfer_in_feed(&t, read_rest(&message));
    }
    must(state != TRANSFER_IN_UP_TO_DATE || incremental);
    must(state != TRANSFER_IN_WRONG || t.why);
    if (state == TRANSFER_IN_DONE)
        use(&t, zone);
    transfer_in_end(&t);
    transfer_in_end(&t);
    return 0;
}
