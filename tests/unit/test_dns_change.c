/* A zone that is changed where it lies is the zone that its records would make: the same names are found in
 * the same way, delegations and wildcards and empty names come and go with their records (RFC 1034 4.2.1,
 * 4592, 8020), and a change that does not fit leaves everything as it was. Random changes, the same in every
 * run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dns_versions.h"

#define ROUNDS      40
#define CHANGES     150
#define RECORDS_MAX 64
#define COUNT(a)    (sizeof(a) / sizeof(a)[0])

struct record {
    const char *owner;
    uint16_t type;
    uint32_t ttl;
    uint8_t data[40];
    size_t length;
};

static struct record model[RECORDS_MAX];
static size_t model_count;
static uint32_t serial;
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

/* Names that are above, below and beside each other. */
static const char *const owners[] = { "a.test.",         "w.a.test.",     "x.w.a.test.",      "y.x.w.a.test.",
                                      "*.w.a.test.",     "*.a.test.",     "s.a.test.",        "ns.s.a.test.",
                                      "q.ns.s.a.test.",  "d.a.test.",     "e.d.a.test.",      "f.e.d.a.test.",
                                      "g.f.e.d.a.test.", "*.e.d.a.test.", "LONG-ONE.a.test.", "z.*.a.test." };
static const char *const asked[] = { "n.a.test.",       "n.w.a.test.",      "n.n.w.a.test.",
                                     "n.s.a.test.",     "n.e.d.a.test.",    "n.ns.s.a.test.",
                                     "n.f.e.d.a.test.", "long-one.a.test.", "n.long-one.a.test." };

static size_t write_soa(uint8_t *data, uint32_t number)
{
    struct writer w = writer_over(data, 40);
    write_bytes(&w, "\1n\0\1a\0", 6);
    write_u32(&w, number);
    for (uint32_t i = 2; i < 6; i++)
        write_u32(&w, i);
    return writer_length(&w);
}

static struct record random_record(void)
{
    struct record r = { .owner = owners[below(COUNT(owners))], .ttl = 60 };
    static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_NS, DNS_TYPE_TXT };
    r.type = types[below(COUNT(types))];
    r.length = r.type == DNS_TYPE_A      ? 4
               : r.type == DNS_TYPE_AAAA ? 16
               : r.type == DNS_TYPE_NS   ? 4
                                         : 1 + below(30);
    memset(r.data, (int)below(4), r.length);
    if (r.type == DNS_TYPE_NS)
        memcpy(r.data, (uint8_t[]){ 2, 'n', (uint8_t)('a' + below(4)), 0 }, 4);
    if (r.type == DNS_TYPE_TXT)
        r.data[0] = (uint8_t)(r.length - 1);
    return r;
}

static bool same(const struct record *a, const struct record *b)
{
    return strcmp(a->owner, b->owner) == 0 && a->type == b->type && a->length == b->length &&
           memcmp(a->data, b->data, a->length) == 0;
}

static void put(struct change_records *to, const struct record *r)
{
    struct dns_name owner = name_of(r->owner);
    assert_true(change_add_record(to, dns_name_span(&owner), r->type, r->ttl, span_of(r->data, r->length)));
}

/* ---- the zone that the records make
 * ------------------------------------------------------------------------ */

static struct zone *build(void)
{
    struct dns_name apex = name_of("a.test.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct record soa = { .owner = "a.test." };
    enum zone_fault fault;
    soa.length = write_soa(soa.data, serial);
    zone_builder_add(b, &apex, DNS_TYPE_SOA, 60, span_of(soa.data, soa.length));
    for (size_t i = 0; i < model_count; i++) {
        struct dns_name owner = name_of(model[i].owner);
        zone_builder_add(b, &owner, model[i].type, model[i].ttl, span_of(model[i].data, model[i].length));
    }
    struct zone *z = zone_builder_finish(b, &fault);
    assert_non_null(z);
    return z;
}

static size_t records_of(const struct zone *z, const struct zone_node *n, uint16_t type)
{
    size_t count = 0;
    for (const struct zone_set *s = n ? zone_find_set(z, n, type) : NULL; s; s = zone_set_at(z, s->more))
        count += s->count;
    return count;
}

static void assert_found_alike(const struct zone *a, const struct zone *b, const char *text)
{
    static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_NS, DNS_TYPE_TXT, DNS_TYPE_SOA };
    const struct zone_node *na = NULL, *nb = NULL;
    struct dns_name name = name_of(text), lower;
    dns_name_lower(&lower, &name);
    enum zone_found found = zone_find(a, &lower, &na);
    assert_int_equal(found, zone_find(b, &lower, &nb));
    assert_int_equal(na != NULL, nb != NULL);
    if (!na)
        return;
    assert_true(dns_name_equal(zone_node_name(na), zone_node_name(nb)));
    assert_int_equal(na->flags, nb->flags);
    assert_int_equal(na->children, nb->children);
    for (size_t i = 0; i < COUNT(types); i++)
        assert_int_equal(records_of(a, na, types[i]), records_of(b, nb, types[i]));
}

static size_t chain_length(const struct zone *z)
{
    size_t count = 0;
    zone_ref before = 0;
    for (zone_ref ref = z->apex; ref; ref = zone_node_at(z, ref)->next) {
        assert_int_equal(zone_node_at(z, ref)->previous, before);
        before = ref;
        count++;
    }
    assert_int_equal(before, z->last_node);
    return count;
}

static void assert_is_the_model(const struct zone *z)
{
    struct zone *fresh = build();
    for (size_t i = 0; i < COUNT(owners); i++)
        assert_found_alike(z, fresh, owners[i]);
    for (size_t i = 0; i < COUNT(asked); i++)
        assert_found_alike(z, fresh, asked[i]);
    assert_int_equal(z->serial, serial);
    assert_int_equal(z->record_count, fresh->record_count);
    assert_int_equal(z->digest, fresh->digest);
    assert_int_equal(z->node_count, fresh->node_count);
    assert_int_equal(chain_length(z), z->node_count);
    struct change *none = change_between(z, fresh);
    assert_int_equal(none->removed.count, 1); /* the SOA that each part begins with */
    assert_int_equal(none->added.count, 1);
    change_release(none);
    zone_release(fresh);
}

/* ---- random changes ---------------------------------------------------------------------------------------
 */

/* A change of a few records; the model is what it leads to. */
static struct change *next_change(void)
{
    struct change *c = change_new(serial, serial + 1);
    struct record soa = { .owner = "a.test.", .type = DNS_TYPE_SOA, .ttl = 60 };
    size_t before = model_count;
    soa.length = write_soa(soa.data, serial);
    put(&c->removed, &soa);
    soa.length = write_soa(soa.data, ++serial);
    put(&c->added, &soa);
    for (uint32_t n = below(4); n > 0 && before > 1; n--) { /* the first is the apex's NS */
        size_t which = 1 + below((uint32_t)before - 1);
        put(&c->removed, &model[which]);
        model[which] = model[--before];
        model[before] = model[--model_count];
    }
    for (uint32_t n = below(4); n > 0 && model_count < RECORDS_MAX; n--) {
        struct record r = random_record();
        size_t i = 0;
        while (i < model_count && !same(&model[i], &r))
            i++;
        if (i < model_count)
            continue;
        put(&c->added, &r);
        model[model_count++] = r;
    }
    return c;
}

static void begin(void)
{
    model[0] = (struct record){ .owner = "a.test.", .type = DNS_TYPE_NS, .ttl = 60, .length = 4 };
    memcpy(model[0].data, (uint8_t[]){ 2, 'n', 's', 0 }, 4);
    model_count = 1;
    serial = UINT32_MAX - 50;
}

static void a_changed_zone_is_what_its_records_make(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        const char *why;
        random_state = round;
        begin();
        struct zone *z = build(), *at_first = z;
        for (unsigned i = 0; i < CHANGES; i++) {
            struct change *c = next_change();
            assert_true(change_fits(z, c, &why));
            assert_true(change_apply(&z, c, &why));
            assert_ptr_equal(z, at_first); /* nobody else holds it */
            assert_is_the_model(z);
            change_release(c);
        }
        zone_release(z);
    }
}

static void what_does_not_fit_changes_nothing(void **state)
{
    static const struct record absent = { "none.a.test.", DNS_TYPE_A, 60, { 9, 9, 9, 9 }, 4 };
    static const struct record alias = { "a.test.", DNS_TYPE_CNAME, 60, { 1, 'q', 0 }, 3 };
    static const struct record deep_alias = { "p.o.n.a.test.", DNS_TYPE_CNAME, 60, { 1, 'q', 0 }, 3 };
    const char *why;
    (void)state;
    random_state = 7;
    begin();
    struct zone *z = build();
    for (unsigned i = 0; i < CHANGES; i++) {
        struct record saved[RECORDS_MAX];
        size_t saved_count = model_count;
        memcpy(saved, model, sizeof saved);
        struct change *c = next_change();
        put(i % 2 ? &c->removed : &c->added, i % 2 ? &absent : &alias);
        put(&c->added, &deep_alias);
        memcpy(model, saved, sizeof saved);
        model_count = saved_count;
        serial--;
        why = NULL;
        assert_false(change_fits(z, c, &why));
        assert_non_null(why);
        assert_false(change_apply(&z, c, &why));
        assert_is_the_model(z);
        change_release(c);
        c = next_change();
        assert_true(change_apply(&z, c, &why));
        change_release(c);
    }
    zone_release(z);
}

static void a_version_that_is_held_stays(void **state)
{
    const char *why;
    (void)state;
    random_state = 3;
    begin();
    struct zone *z = build(), *held = zone_hold(z);
    uint32_t before = serial;
    struct change *c = next_change();
    assert_true(change_apply(&z, c, &why));
    assert_ptr_not_equal(z, held);
    assert_int_equal(held->serial, before);
    assert_int_equal(z->serial, serial);
    assert_is_the_model(z);
    change_release(c);
    zone_release(held);
    zone_release(z);
}

static void places_are_used_again(void **state)
{
    const char *why;
    (void)state;
    random_state = 5;
    begin();
    struct zone *z = build();
    size_t used = 0;
    for (unsigned i = 0; i < 20 * CHANGES; i++) {
        struct change *c = next_change();
        assert_true(change_apply(&z, c, &why));
        change_release(c);
        if (i == 10 * CHANGES)
            used = z->block_used;
    }
    assert_in_range(z->block_used, 1, used + used / 4); /* as many records as before take no more room */
    zone_release(z);
}

/* A primary may say that a record goes in another case than it once came (RFC 4343), and one that changes the
 * case of a name says that it goes and comes. */
static void the_case_of_names_is_no_difference(void **state)
{
    char text[512];
    const char *why = NULL;
    static const char before[] = "@ 60 SOA n a 1 2 3 4 5\n@ 60 NS n\n@ 60 NS M\nw 60 MX 1 W\nw 60 MX 2 W\n";
    static const char after[] = "@ 60 SOA n a 2 2 3 4 5\n@ 60 NS n\n@ 60 NS m\nw 60 MX 2 w\n";
    struct zone *from = zone_from("a.test.", before, text), *to = zone_from("a.test.", after, text);
    struct zone *lower = zone_from("a.test.",
                                   "@ 60 SOA n a 1 2 3 4 5\n@ 60 NS n\n@ 60 NS m\nw 60 MX 1 w\n"
                                   "w 60 MX 2 w\n",
                                   text);
    (void)state;
    struct change *c = change_between(from, to);
    assert_int_equal(c->removed.count, 4);
    assert_int_equal(c->added.count, 3);
    struct zone *next = zone_after(lower, c, &why);
    assert_non_null(next);
    struct change *rest = change_between(next, to);
    assert_int_equal(next->record_count, to->record_count);
    assert_int_equal(rest->removed.count + rest->added.count, 2); /* the SOAs alone */
    change_release(rest);
    change_release(c);
    zone_release(next);
    zone_release(lower);
    zone_release(from);
    zone_release(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_zone_is_what_its_records_make),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(a_version_that_is_held_stays),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(the_case_of_names_is_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
