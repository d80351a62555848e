#include "denial.h"

#include "wire/dnssec.h"
#include "zone_order.h"

#include <openssl/evp.h>

#define SALT_MAX 255

/* How the zone tells what is not there. */
struct chain {
    const struct zone *zone;
    struct denial *out;
    struct zone_hashing hashing;
};

bool denial_hashed_name(const struct dns_name *name, struct span salt, unsigned iterations,
                        const struct dns_name *zone, struct dns_name *out)
{
    uint8_t hash[EVP_MAX_MD_SIZE], room[DNS_NAME_BYTES_MAX + SALT_MAX];
    struct span input = dns_name_span(name);
    if (iterations > DENIAL_ITERATIONS_MAX || salt.len > SALT_MAX)
        return false;
    for (unsigned i = 0; i <= iterations; i++) {
        struct writer w = writer_over(room, sizeof room);
        write_span(&w, input);
        write_span(&w, salt);
        if (EVP_Digest(room, writer_length(&w), hash, NULL, EVP_sha1(), NULL) != 1)
            return false;
        input = span_of(hash, DNSSEC_HASH_BYTES);
    }
    return nsec3_owner(hash, zone, out);
}

/* ---- which records ------------------------------------------------------------------------- */

static void note(struct chain *c, const struct zone_node *n)
{
    struct denial *d = c->out;
    for (size_t i = 0; i < d->count; i++)
        if (d->nodes[i] == n)
            return;
    if (n && d->count < DENIAL_NODES_MAX)
        d->nodes[d->count++] = n;
}

static void suffix_of(const struct dns_name *name, size_t labels, struct dns_name *out)
{
    dns_name_from_span(dns_name_suffix(name, labels), out); /* it is a name */
}

/* The wildcard below the last labels of a name that has more of them, so there is room. */
static void wildcard_of(const struct dns_name *name, size_t labels, struct dns_name *out)
{
    uint8_t room[DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_bytes(&w, "\1*", 2);
    write_span(&w, dns_name_suffix(name, labels));
    dns_name_from_span(writer_span(&w), out);
}

static void add_nsec(struct chain *c, const struct dns_name *name)
{
    bool exact;
    note(c, zone_order_find(c->zone, ZONE_ORDER_NSEC, name, &exact));
}

/* The record at the name's hash or, where it has none, the one that spans it. */
static const struct zone_node *hashed(const struct chain *c, const struct dns_name *name, bool *exact)
{
    struct dns_name owner;
    *exact = false;
    if (!denial_hashed_name(name, c->hashing.salt, c->hashing.iterations, &c->zone->name, &owner))
        return NULL;
    return zone_order_find(c->zone, ZONE_ORDER_NSEC3, &owner, exact);
}

/* True: the name has a record of its own, and it is noted. */
static bool add_match(struct chain *c, const struct dns_name *name)
{
    bool exact;
    const struct zone_node *n = hashed(c, name, &exact);
    if (exact)
        note(c, n);
    return exact;
}

static void add_cover(struct chain *c, const struct dns_name *name)
{
    bool exact;
    const struct zone_node *n = hashed(c, name, &exact);
    if (!exact)
        note(c, n);
}

/* How many labels the nearest name above that exists has. */
static size_t encloser_labels(const struct zone *z, const struct dns_name *name)
{
    struct dns_name above;
    size_t labels = name->labels > z->name.labels ? name->labels - 1U : z->name.labels;
    for (; labels > z->name.labels; labels--) { /* up to the apex */
        suffix_of(name, labels, &above);
        if (zone_find_name(z, &above))
            break;
    }
    return labels;
}

/* RFC 5155 7.2.1: the nearest name above that has a record, and what spans the one next below it. Names
 * without a record are there where there is opt-out (RFC 5155 7.2.4). Its labels. */
static size_t add_closest_encloser(struct chain *c, const struct dns_name *name)
{
    struct dns_name n;
    size_t labels = encloser_labels(c->zone, name);
    for (suffix_of(name, labels, &n);
         !add_match(c, &n) && labels > c->zone->name.labels;) /* up to the apex */
        suffix_of(name, --labels, &n);
    if (labels < name->labels) {
        suffix_of(name, labels + 1, &n);
        add_cover(c, &n);
    }
    return labels;
}

/* ---- what the zone has ------------------------------------------------------------------------- */

const char *denial_fault(const struct zone *z)
{
    struct zone_hashing h;
    bool dear =
        z->order[ZONE_ORDER_NSEC3].count && zone_order_hashing(z, &h) && h.iterations > DENIAL_ITERATIONS_MAX;
    return dear ? "its NSEC3 has more than 150 iterations: no name is proved not to be there, and validators "
                  "take the zone for insecure: sign it with 0 iterations (RFC 9276 3.1)"
                : NULL;
}

/* False: the zone has nothing more to prove with. */
static bool open_chain(struct chain *c, const struct zone *z, struct denial *out)
{
    const struct zone_order *hashes = &z->order[ZONE_ORDER_NSEC3];
    *c = (struct chain){ .zone = z, .out = out };
    out->count = 0;
    out->type = hashes->count && zone_order_hashing(z, &c->hashing) ? DNS_TYPE_NSEC3 : DNS_TYPE_NSEC;
    if (out->type == DNS_TYPE_NSEC)
        return z->order[ZONE_ORDER_NSEC].count != 0;
    if (c->hashing.iterations <= DENIAL_ITERATIONS_MAX)
        return true;
    note(c, zone_node_at(z, hashes->at[0]));
    return false;
}

void denial_of_name(const struct zone *z, const struct dns_name *name, struct denial *out)
{
    struct chain c;
    struct dns_name wildcard;
    if (!open_chain(&c, z, out))
        return;
    if (out->type == DNS_TYPE_NSEC) {
        add_nsec(&c, name);
        wildcard_of(name, encloser_labels(z, name), &wildcard);
        add_nsec(&c, &wildcard);
        return;
    }
    wildcard_of(name, add_closest_encloser(&c, name), &wildcard);
    add_cover(&c, &wildcard);
}

void denial_of_type(const struct zone *z, const struct dns_name *name, struct denial *out)
{
    struct chain c;
    if (!open_chain(&c, z, out))
        return;
    if (out->type == DNS_TYPE_NSEC)
        add_nsec(&c, name); /* an empty non-terminal has none, and the one before spans it */
    else if (!add_match(&c, name))
        add_closest_encloser(&c, name); /* RFC 5155 7.2.4: opt-out */
}

void denial_beside_wildcard(const struct zone *z, const struct dns_name *name,
                            const struct zone_node *wildcard, struct denial *out)
{
    struct chain c;
    struct dns_name next;
    if (!open_chain(&c, z, out))
        return;
    if (out->type == DNS_TYPE_NSEC) {
        add_nsec(&c, name);
        return;
    }
    suffix_of(name, wildcard->labels,
              &next); /* RFC 5155 7.2.6: the wildcard's labels are one more than its parent's */
    add_cover(&c, &next);
}

void denial_of_wildcard_type(const struct zone *z, const struct dns_name *name,
                             const struct zone_node *wildcard, struct denial *out)
{
    struct chain c;
    struct dns_name n;
    if (!open_chain(&c, z, out))
        return;
    wildcard_of(name, wildcard->labels - 1U, &n);
    if (out->type == DNS_TYPE_NSEC) {
        add_nsec(&c, name);
        add_nsec(&c, &n);
        return;
    }
    add_closest_encloser(&c, name);
    add_match(&c, &n);
}
