#include "zonemd.h"

#include "wire/dns_rdata.h"
#include "wire/dnssec.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define SCHEME_SIMPLE 1 /* RFC 8976 5.2 */
#define HASH_SHA384   1 /* RFC 8976 5.3 */
#define HASH_SHA512   2
#define HEAD_BYTES    6                           /* serial, scheme, algorithm */
#define PLAIN_BYTES   (2 * DNS_MESSAGE_BYTES_MAX) /* a set fits into a message */
#define RECORDS_MAX   8192                        /* the same */
#define TYPES_MAX     1024                        /* of one name: more than there are */
#define RECORD_HEAD   10

/* A record of a set, canonical. */
struct plain {
    uint32_t ttl;
    struct span rdata;
};

struct digesting {
    const struct zone *zone;
    EVP_MD_CTX *context;
    const struct zone_node **nodes; /* in canonical order */
    const struct zone_set **sets;   /* of a name */
    struct plain *records;          /* of a set */
    uint8_t *room;                  /* their data */
    bool failed;
};

/* ---- order -------------------------------------------------------------------------------------------- */

static int compare_labels(const struct zone_node *a, const struct zone_node *b)
{
    size_t of_a = a->name[0], of_b = b->name[0], both = of_a < of_b ? of_a : of_b;
    for (size_t i = 1; i <= both; i++) {
        int difference = ascii_lower(a->name[i]) - ascii_lower(b->name[i]);
        if (difference)
            return difference;
    }
    return (int)of_a - (int)of_b;
}

/* RFC 4034 6.1; most names stand beside each other. */
static int compare_nodes(const void *a, const void *b)
{
    const struct zone_node *const *x = a, *const *y = b;
    struct dns_name of_x, of_y;
    if ((*x)->parent && (*x)->parent == (*y)->parent)
        return compare_labels(*x, *y);
    dns_name_from_span(zone_node_name(*x), &of_x);
    dns_name_from_span(zone_node_name(*y), &of_y);
    return dns_name_compare(&of_x, &of_y);
}

static int compare_types(const void *a, const void *b)
{
    const struct zone_set *const *x = a, *const *y = b;
    return (int)(*x)->type - (int)(*y)->type;
}

static int compare_records(const void *a, const void *b)
{
    const struct plain *x = a, *y = b;
    return dnssec_compare_rdata(x->rdata, y->rdata);
}

/* ---- what goes into the digest: RFC 8976 3.3 ------------------------------------------------------------
 */

static void take(struct digesting *d, struct span s)
{
    d->failed = d->failed || EVP_DigestUpdate(d->context, s.at, s.len) != 1;
}

/* The apex's digests themselves, and signatures over them. */
static bool is_left_out(const struct digesting *d, const struct zone_node *n, uint16_t type,
                        struct span rdata)
{
    struct reader r = reader_over(rdata);
    return !n->parent && n == zone_node_at(d->zone, d->zone->apex) &&
           (type == DNS_TYPE_ZONEMD || (type == DNS_TYPE_RRSIG && read_u16(&r) == DNS_TYPE_ZONEMD));
}

/* The set's records in canonical form and order; how many. */
static size_t sort_records(struct digesting *d, const struct zone_node *n, const struct zone_set *set)
{
    struct writer w = writer_over(d->room, PLAIN_BYTES);
    size_t count = 0;
    for (const struct zone_set *piece = set; piece; piece = zone_set_at(d->zone, piece->more))
        for (struct reader r = zone_records(piece); reader_left(&r);) { /* each turn takes a record */
            struct span rdata;
            struct reader head = reader_over(zone_next_record(&r, &rdata));
            if (is_left_out(d, n, set->type, rdata))
                continue;
            size_t from = writer_length(&w);
            read_skip(&head, 4);
            write_canonical_rdata(&w, set->type, rdata);
            d->failed = d->failed || count == RECORDS_MAX || !writer_ok(&w);
            if (d->failed)
                return 0;
            d->records[count++] = (struct plain){ read_u32(&head), span_from(writer_span(&w), from) };
        }
    qsort(d->records, count, sizeof *d->records, compare_records);
    return count;
}

static void take_set(struct digesting *d, const struct zone_node *n, struct span owner,
                     const struct zone_set *set)
{
    size_t count = sort_records(d, n, set);
    for (size_t i = 0; i < count; i++) {
        uint8_t head[RECORD_HEAD];
        struct writer w = writer_over(head, sizeof head);
        if (i && span_equal(d->records[i].rdata, d->records[i - 1].rdata))
            continue; /* the same but for upper case: RFC 8976 3.3.1 */
        write_u16(&w, set->type);
        write_u16(&w, DNS_CLASS_IN);
        write_u32(&w, d->records[i].ttl);
        write_u16(&w, (uint16_t)d->records[i].rdata.len);
        take(d, owner);
        take(d, writer_span(&w));
        take(d, d->records[i].rdata);
    }
}

static void take_node(struct digesting *d, const struct zone_node *n)
{
    struct dns_name name, lower;
    size_t count = 0;
    dns_name_from_span(zone_node_name(n), &name);
    dns_name_lower(&lower, &name);
    for (const struct zone_set *s = zone_set_at(d->zone, n->sets); s; s = zone_set_at(d->zone, s->next)) {
        d->failed = d->failed || count == TYPES_MAX;
        if (d->failed)
            return;
        d->sets[count++] = s;
    }
    qsort(d->sets, count, sizeof *d->sets, compare_types);
    for (size_t i = 0; i < count; i++)
        take_set(d, n, dns_name_span(&lower), d->sets[i]);
}

/* ---- the digest -----------------------------------------------------------------------------------------
 */

static bool open_digesting(struct digesting *d, const struct zone *z)
{
    size_t count = 0;
    *d = (struct digesting){ .zone = z };
    d->context = EVP_MD_CTX_new();
    d->nodes = malloc(z->node_count * sizeof *d->nodes);
    d->sets = malloc(TYPES_MAX * sizeof *d->sets);
    d->records = malloc(RECORDS_MAX * sizeof *d->records);
    d->room = malloc(PLAIN_BYTES);
    if (!d->context || !d->nodes || !d->sets || !d->records || !d->room)
        return false;
    for (const struct zone_node *n = zone_node_at(z, z->apex); n;
         n = zone_node_at(z, n->next)) /* each node once */
        d->nodes[count++] = n;
    qsort(d->nodes, count, sizeof *d->nodes, compare_nodes);
    return true;
}

static void close_digesting(struct digesting *d)
{
    EVP_MD_CTX_free(d->context);
    free(d->nodes);
    free(d->sets);
    free(d->records);
    free(d->room);
}

/* NULL: not one of ours. */
static const EVP_MD *algorithm(uint8_t hash)
{
    return hash == HASH_SHA384 ? EVP_sha384() : hash == HASH_SHA512 ? EVP_sha512() : NULL;
}

static bool digest(struct digesting *d, uint8_t hash, uint8_t out[EVP_MAX_MD_SIZE])
{
    unsigned length;
    d->failed = d->failed || EVP_DigestInit_ex(d->context, algorithm(hash), NULL) != 1;
    for (size_t i = 0; !d->failed && i < d->zone->node_count; i++)
        take_node(d, d->nodes[i]);
    return !d->failed && EVP_DigestFinal_ex(d->context, out, &length) == 1;
}

/* ---- checked: RFC 8976 4 ----------------------------------------------------------------------------------
 */

struct zonemd {
    uint32_t serial;
    uint8_t scheme, hash;
    struct span digest;
};

#define ZONEMD_MAX 16 /* that are looked at: there are two algorithms, and twice the same does not count */

static const struct zone_set *set_of(const struct zone *z)
{
    return zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_ZONEMD);
}

bool zonemd_is_there(const struct zone *z)
{
    return set_of(z) != NULL;
}

/* Those of our scheme and algorithms. */
static size_t read_known(const struct zone *z, struct zonemd out[ZONEMD_MAX])
{
    size_t count = 0;
    for (const struct zone_set *piece = set_of(z); piece; piece = zone_set_at(z, piece->more))
        for (struct reader all = zone_records(piece); reader_left(&all) && count < ZONEMD_MAX;) {
            struct span rdata;
            zone_next_record(&all, &rdata);
            struct reader r = reader_over(rdata);
            struct zonemd m = { .serial = read_u32(&r), .scheme = read_u8(&r), .hash = read_u8(&r) };
            m.digest = read_rest(&r);
            if (m.scheme == SCHEME_SIMPLE && algorithm(m.hash))
                out[count++] = m;
        }
    return count;
}

static bool is_alone(const struct zonemd *all, size_t count, size_t which)
{
    for (size_t i = 0; i < count; i++)
        if (i != which && all[i].hash == all[which].hash)
            return false;
    return true;
}

static const char *fault_of(struct digesting *d, const struct zonemd *m)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    if (m->serial != d->zone->serial)
        return "its ZONEMD is of another serial";
    if (m->digest.len != (size_t)EVP_MD_get_size(algorithm(m->hash)))
        return "the digest in its ZONEMD has a wrong length";
    if (!digest(d, m->hash, made))
        return "there is not enough memory to check its ZONEMD";
    return memcmp(made, m->digest.at, m->digest.len) == 0 ? NULL : "its digest is not what its ZONEMD says";
}

const char *zonemd_fault(const struct zone *z)
{
    struct zonemd all[ZONEMD_MAX];
    struct digesting d;
    const char *fault = NULL;
    size_t count = read_known(z, all);
    if (!count)
        return NULL;
    bool ok = open_digesting(&d, z);
    for (size_t i = 0; ok && i < count; i++) {
        if (!is_alone(all, count, i))
            continue;
        fault = fault_of(&d, &all[i]);
        if (!fault)
            break;
    }
    close_digesting(&d);
    return ok ? fault : "there is not enough memory to check its ZONEMD";
}

/* ---- made
 * -------------------------------------------------------------------------------------------------- */

/* What is there goes. */
static void remove_all(struct zone *z)
{
    uint32_t ttl;
    const struct zone_set *set;
    while ((set = set_of(z))) { /* each turn takes a record */
        uint8_t copy[DNS_RDATA_BYTES_MAX];
        struct writer w = writer_over(copy, sizeof copy);
        struct reader r = zone_records(set);
        struct span rdata;
        zone_next_record(&r, &rdata);
        write_span(&w, rdata);
        if (!zone_remove(z, &z->name, DNS_TYPE_ZONEMD, writer_span(&w), &ttl))
            return;
    }
}

/* The TTL is the SOA's: RFC 8976 3.1. */
static uint32_t soa_ttl(const struct zone *z)
{
    struct reader r = zone_records(zone_set_at(z, z->soa));
    read_skip(&r, 4);
    return read_u32(&r);
}

bool zonemd_make(struct zone *z)
{
    uint8_t made[EVP_MAX_MD_SIZE], room[HEAD_BYTES + EVP_MAX_MD_SIZE];
    struct writer w = writer_over(room, sizeof room);
    struct digesting d;
    remove_all(z);
    bool ok = open_digesting(&d, z) && digest(&d, HASH_SHA384, made);
    close_digesting(&d);
    write_u32(&w, z->serial);
    write_u8(&w, SCHEME_SIMPLE);
    write_u8(&w, HASH_SHA384);
    write_bytes(&w, made, (size_t)EVP_MD_get_size(EVP_sha384()));
    return ok && !zone_refused(zone_add(z, &z->name, DNS_TYPE_ZONEMD, soa_ttl(z), writer_span(&w))) &&
           zone_settle(z) == ZONE_FINE;
}
