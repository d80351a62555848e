#include "hash.h"
#include "sign_part.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define RECORD_HEAD     10
#define SET_RECORDS_MAX 8192 /* no more go into a message of 64 KiB */
#define CANONICAL_BYTES (2 * DNS_MESSAGE_BYTES_MAX)
#define DER_BYTES       80
#define ARENA_CHUNK     ((size_t)64 * 1024)
#define ARENA_MAX       ((size_t)4 << 30)
#define SOA_FIXED_BYTES 20

/* ---- small things ----------------------------------------------------------------------------------------
 */

uint32_t sign_due_s(const struct sign_settings *settings, const struct rrsig *s)
{
    if (s->algorithm != DNSSEC_ECDSA_P256 || s->key_tag != settings->key->tag)
        return 0;
    return s->expiration_s - SIGN_REFRESH(settings->validity_s);
}

/* Times of RRSIG are serial numbers, RFC 4034 3.1.5. */
static bool is_good(const struct signer *s, const struct rrsig *r)
{
    uint32_t due_s = sign_due_s(s->settings, r);
    return due_s && dns_serial_newer(due_s, s->now_s) && r->signature.len == DNSSEC_SIGNATURE_BYTES;
}

uint32_t sign_serial(struct span soa)
{
    struct reader r = reader_over(soa);
    read_plain_name(&r);
    read_plain_name(&r);
    return read_u32(&r);
}

struct span sign_soa(struct span soa, uint32_t serial, void *room, size_t size)
{
    struct writer w = writer_over(room, size);
    struct reader r = reader_over(soa);
    write_span(&w, read_plain_name(&r));
    write_span(&w, read_plain_name(&r));
    read_skip(&r, 4);
    write_u32(&w, serial);
    write_span(&w, read_rest(&r));
    return writer_ok(&w) && reader_ok(&r) ? writer_span(&w) : span_of(NULL, 0);
}

struct change *sign_new_serial(const struct zone *z, uint32_t to)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + SOA_FIXED_BYTES];
    struct change *c = change_new(z->serial, to);
    struct reader records = zone_records(zone_set_at(z, z->soa));
    struct span rdata, owner = zone_node_name(zone_node_at(z, z->apex));
    struct reader head = reader_over(zone_next_record(&records, &rdata));
    read_skip(&head, 4);
    uint32_t ttl = read_u32(&head);
    if (c && change_add_record(&c->removed, owner, DNS_TYPE_SOA, ttl, rdata) &&
        change_add_record(&c->added, owner, DNS_TYPE_SOA, ttl, sign_soa(rdata, to, room, sizeof room)))
        return c;
    change_release(c);
    return NULL;
}

const struct zone_node *sign_node(const struct signer *s, struct span name)
{
    struct dns_name n, lower;
    if (!dns_name_from_span(name, &n))
        return NULL;
    dns_name_lower(&lower, &n);
    return zone_find_name(s->zone, &lower);
}

bool sign_owns_data(const struct signer *s, const struct zone_node *n)
{
    for (const struct zone_set *set = zone_set_at(s->zone, n->sets); set;
         set = zone_set_at(s->zone, set->next)) /* a chain that ends */
        if (!sign_is_made(set->type))
            return true;
    return false;
}

/* ---- records of a set
 * --------------------------------------------------------------------------------------
 */

struct cursor {
    const struct zone *zone;
    const struct zone_set *piece;
    struct reader r;
    uint32_t ttl;
    struct span rdata;
};

static struct cursor cursor_over(const struct zone *z, const struct zone_set *set)
{
    struct cursor c = { .zone = z, .piece = set };
    if (set)
        c.r = zone_records(set);
    return c;
}

static bool next_record(struct cursor *c)
{
    while (c->piece && !reader_left(&c->r)) { /* a chain that ends */
        c->piece = zone_set_at(c->zone, c->piece->more);
        if (c->piece)
            c->r = zone_records(c->piece);
    }
    if (!c->piece)
        return false;
    struct reader head = reader_over(zone_next_record(&c->r, &c->rdata));
    read_skip(&head, 4);
    c->ttl = read_u32(&head);
    return true;
}

/* ---- what changes
 * ------------------------------------------------------------------------------------------
 */

void sign_add(struct signer *s, struct span owner, uint16_t type, uint32_t ttl, struct span rdata)
{
    s->failed = s->failed || !change_add_record(&s->added, owner, type, ttl, rdata);
    s->work++;
}

static void remove_one(struct signer *s, const struct zone_node *n, uint16_t type, const struct cursor *c)
{
    s->failed = s->failed || !change_add_record(&s->removed, zone_node_name(n), type, c->ttl, c->rdata);
    s->work++;
}

void sign_remove(struct signer *s, const struct zone_node *n, uint16_t type, uint16_t covered)
{
    struct cursor c = cursor_over(s->zone, zone_find_set(s->zone, n, type));
    struct rrsig sig;
    while (next_record(&c)) /* each turn takes a record */
        if (type != DNS_TYPE_RRSIG || (rrsig_read(c.rdata, &sig) && sig.covered == covered))
            remove_one(s, n, type, &c);
}

/* ---- signatures
 * --------------------------------------------------------------------------------------------
 */

static int compare_records(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return dnssec_compare_rdata(*x, *y);
}

static bool feed(EVP_MD_CTX *c, struct span bytes)
{
    return EVP_DigestSignUpdate(c, bytes.at, bytes.len) == 1;
}

/* RFC 4034 3.1.8.1: the signature's own data, then each record in canonical form. */
static bool feed_set(const struct signer *s, EVP_MD_CTX *c, const struct dns_name *owner,
                     const struct rrsig *sig, size_t count)
{
    uint8_t room[DNSSEC_RRSIG_BYTES_MAX + DNS_NAME_BYTES_MAX + RECORD_HEAD];
    struct writer w = writer_over(room, sizeof room);
    write_rrsig_head(&w, sig);
    bool ok = feed(c, writer_span(&w));
    for (size_t i = 0; ok && i < count; i++) {
        if (i && span_equal(s->records[i], s->records[i - 1]))
            continue; /* alike but for the case of names: RFC 4034 6.3 */
        w = writer_over(room, sizeof room);
        write_span(&w, dns_name_span(owner));
        write_u16(&w, sig->covered);
        write_u16(&w, DNS_CLASS_IN);
        write_u32(&w, sig->ttl);
        write_u16(&w, (uint16_t)s->records[i].len);
        ok = feed(c, writer_span(&w)) && feed(c, s->records[i]);
    }
    return ok;
}

static bool make_signature(const struct signer *s, const struct dns_name *owner, const struct rrsig *sig,
                           size_t count, uint8_t out[DNSSEC_SIGNATURE_BYTES])
{
    uint8_t der[DER_BYTES];
    size_t length = sizeof der;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, s->settings->key->pair) == 1 &&
              feed_set(s, c, owner, sig, count) && EVP_DigestSignFinal(c, der, &length) == 1 &&
              dnssec_signature_from_der(span_of(der, length), out);
    EVP_MD_CTX_free(c);
    return ok;
}

/* Signs what lies in s->records. */
static void sign_records(struct signer *s, struct span owner, uint16_t type, uint32_t ttl, size_t count)
{
    uint8_t room[DNSSEC_RRSIG_BYTES_MAX], signature[DNSSEC_SIGNATURE_BYTES];
    struct dns_name name, lower;
    struct writer w = writer_over(room, sizeof room);
    uint32_t validity_s = s->settings->validity_s;
    if (!dns_name_from_span(owner, &name))
        return;
    dns_name_lower(&lower, &name);
    uint32_t jitter_s = (uint32_t)(hash_bytes(dns_name_span(&lower), type) % (SIGN_JITTER(validity_s) + 1));
    struct rrsig sig = { .covered = type,
                         .algorithm = DNSSEC_ECDSA_P256,
                         .labels = dnssec_labels(&lower),
                         .ttl = ttl,
                         .expiration_s = s->now_s + validity_s - jitter_s,
                         .inception_s = s->now_s - SIGN_INCEPTION_S,
                         .key_tag = s->settings->key->tag,
                         .signer = dns_name_span(&s->apex) };
    qsort(s->records, count, sizeof *s->records, compare_records);
    if (!make_signature(s, &lower, &sig, count, signature)) {
        s->failed = true;
        return;
    }
    write_rrsig_head(&w, &sig);
    write_bytes(&w, signature, sizeof signature);
    sign_add(s, owner, DNS_TYPE_RRSIG, ttl, writer_span(&w));
}

void sign_new(struct signer *s, struct span owner, uint16_t type, uint32_t ttl, struct span rdata)
{
    s->records[0] = rdata;
    sign_records(s, owner, type, ttl, 1);
}

static void sign_set(struct signer *s, const struct zone_node *n, const struct zone_set *set)
{
    struct writer w = writer_over(s->canonical, CANONICAL_BYTES);
    struct cursor c = cursor_over(s->zone, set);
    size_t count = 0;
    uint32_t ttl = 0;
    while (count < SET_RECORDS_MAX && next_record(&c)) { /* each turn takes a record */
        struct mark m = writer_mark(&w);
        write_canonical_rdata(&w, set->type, c.rdata);
        s->records[count++] = span_from(writer_span(&w), m.offset);
        ttl = c.ttl;
    }
    s->failed = s->failed || !writer_ok(&w);
    sign_records(s, zone_node_name(n), set->type, ttl, count);
}

void sign_keep(struct signer *s, const struct zone_node *n, uint16_t type, bool changed)
{
    const struct zone_set *set = zone_find_set(s->zone, n, type);
    struct cursor c = cursor_over(s->zone, zone_find_set(s->zone, n, DNS_TYPE_RRSIG));
    struct rrsig sig;
    bool kept = false;
    size_t before = s->work;
    while (next_record(&c)) { /* each turn takes a record */
        if (!rrsig_read(c.rdata, &sig) || sig.covered != type)
            continue;
        if (!changed && !kept && is_good(s, &sig))
            kept = true;
        else
            remove_one(s, n, DNS_TYPE_RRSIG, &c);
    }
    if (!kept && set)
        sign_set(s, n, set);
    if (type == DNS_TYPE_SOA && changed) /* that every version has */
        s->work = before;
}

/* ---- one name
 * ----------------------------------------------------------------------------------------------
 */

static uint64_t hash_of(struct span lower, uint16_t type)
{
    return hash_bytes(lower, type);
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_changed(const struct signer *s, struct span lower, uint16_t type)
{
    uint64_t hash = hash_of(lower, type);
    return s->changed_count &&
           bsearch(&hash, s->changed, s->changed_count, sizeof hash, compare_hashes) != NULL;
}

/* Signatures of what is not there, or not the zone's to sign. */
static void remove_stray(struct signer *s, const struct zone_node *n)
{
    struct cursor c = cursor_over(s->zone, zone_find_set(s->zone, n, DNS_TYPE_RRSIG));
    struct rrsig sig;
    while (next_record(&c)) { /* each turn takes a record */
        bool whole = rrsig_read(c.rdata, &sig);
        bool there = whole && sig.covered != DNS_TYPE_RRSIG && zone_find_set(s->zone, n, sig.covered);
        if (!there || (!sign_is_made(sig.covered) && !sign_is_signed(n, sig.covered)))
            remove_one(s, n, DNS_TYPE_RRSIG, &c);
    }
}

static void sign_name(struct signer *s, struct span name, const struct zone_node *n)
{
    struct dns_name as_is, lower;
    sign_note_link(s, name, n);
    if (!n || !dns_name_from_span(name, &as_is))
        return;
    dns_name_lower(&lower, &as_is);
    for (const struct zone_set *set = zone_set_at(s->zone, n->sets); set;
         set = zone_set_at(s->zone, set->next)) /* a chain that ends */
        if (!sign_is_made(set->type) && sign_is_signed(n, set->type))
            sign_keep(s, n, set->type, is_changed(s, dns_name_span(&lower), set->type));
    remove_stray(s, n);
}

/* ---- which names
 * -------------------------------------------------------------------------------------------
 */

static void sign_all(struct signer *s)
{
    for (zone_ref at = s->zone->apex; at && !s->failed;) { /* each turn takes a node */
        const struct zone_node *n = zone_node_at(s->zone, at);
        sign_name(s, zone_node_name(n), n);
        at = n->next;
    }
}

/* Names that are looked at, each once. */
struct names {
    struct span all[4 * SIGN_NAMES_MAX];
    size_t count;
    bool too_many;
};

static void take_name(struct names *l, struct span name)
{
    for (size_t i = 0; i < l->count; i++)
        if (span_equal_nocase(l->all[i], name))
            return;
    l->too_many = l->too_many || l->count == sizeof l->all / sizeof *l->all;
    if (!l->too_many)
        l->all[l->count++] = name;
}

/* With NSEC3 the names above have records of their own, which come and go with those below. */
static void take_with_those_above(const struct signer *s, struct names *l, struct span name)
{
    struct reader r = reader_over(name);
    take_name(l, name);
    while (s->settings->nsec3 && reader_left(&r) && !l->too_many) { /* each turn takes a label */
        read_skip(&r, read_u8(&r));
        struct span above = span_from(name, reader_offset(&r));
        if (above.len <= s->apex.len)
            return;
        take_name(l, above);
    }
}

/* What is below a delegation or a DNAME is seen anew when that comes or goes. */
static bool moves_a_cut(const struct signer *s, const struct dns_record *record)
{
    struct dns_name lower;
    dns_name_lower(&lower, &record->owner);
    const struct zone_node *n = zone_find_name(s->zone, &lower);
    bool cuts =
        record->type == DNS_TYPE_DNAME || (record->type == DNS_TYPE_NS && lower.labels > s->apex.labels);
    return cuts && n && n->children;
}

static void take_names(const struct signer *s, const struct change_records *records, struct names *l)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    size_t at = 0;
    while (!l->too_many && change_next(&r, &record, &rdata)) { /* each turn takes a record */
        struct span owner =
            span_head(span_from(span_of(records->bytes, records->length), at), record.owner.len);
        at = reader_offset(&r);
        if (record.type != DNS_TYPE_SOA || dns_name_span(&record.owner).len == s->apex.len)
            take_with_those_above(s, l, owner);
        l->too_many = l->too_many || moves_a_cut(s, &record);
    }
}

static void look(void *owner, const struct zone *z)
{
    struct signer *s = owner;
    struct names *l = calloc(1, sizeof *l);
    s->zone = z;
    s->failed = s->failed || !l;
    if (!l)
        return;
    l->too_many = s->all;
    take_names(s, &s->change->removed, l);
    take_names(s, &s->change->added, l);
    for (size_t i = 0; !l->too_many && i < s->scope->name_count; i++)
        take_with_those_above(s, l, s->scope->names[i]);
    s->all = l->too_many;
    if (l->too_many)
        sign_all(s);
    for (size_t i = 0; !l->too_many && i < l->count; i++)
        sign_name(s, l->all[i], sign_node(s, l->all[i]));
    if (!s->failed)
        sign_chain(s);
    free(l);
}

/* ---- the change before it is looked at
 * ---------------------------------------------------------------------
 */

/* What the server alone says of its keys. */
static bool is_published(const struct dns_name *apex, const struct dns_name *owner, uint16_t type)
{
    return owner->labels == apex->labels &&
           (type == DNS_TYPE_DNSKEY || type == DNS_TYPE_CDS || type == DNS_TYPE_CDNSKEY ||
            type == DNS_TYPE_NSEC3PARAM || type == DNS_TYPE_ZONEMD);
}

/* Takes out what the server makes. */
static bool strip(struct change_records *records, const struct dns_name *apex)
{
    struct change_records left = { 0 };
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    bool ok = true;
    while (ok && change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (!sign_is_made(record.type) && !is_published(apex, &record.owner, record.type))
            ok = change_add_record(&left, dns_name_span(&record.owner), record.type, record.ttl, rdata);
    free(ok ? records->bytes : left.bytes);
    if (ok)
        *records = left;
    return ok;
}

/* The set of the apex has this record and no other; without any data: there is none. */
static bool publish(const struct zone *z, struct change *c, uint16_t type, uint32_t ttl, struct span rdata)
{
    const struct zone_node *apex = zone_node_at(z, z->apex);
    struct cursor held = cursor_over(z, zone_find_set(z, apex, type));
    bool there = false, ok = true;
    while (ok && next_record(&held)) /* each turn takes a record */
        if (rdata.len && span_equal(held.rdata, rdata))
            there = true;
        else
            ok = change_add_record(&c->removed, zone_node_name(apex), type, held.ttl, held.rdata);
    return ok &&
           (there || !rdata.len || change_add_record(&c->added, zone_node_name(apex), type, ttl, rdata));
}

static bool publish_all(const struct zone *z, struct change *c, const struct sign_settings *settings,
                        uint32_t ttl)
{
    static const uint8_t parameters[] = { 1, 0, 0, 0, 0 }; /* SHA-1, no flags, no iterations, no salt */
    uint8_t room[DNSSEC_DS_BYTES];
    struct writer ds = writer_over(room, sizeof room);
    struct span key = span_of(settings->key->dnskey, DNSSEC_DNSKEY_BYTES);
    return write_ds(&ds, &z->name, key) && publish(z, c, DNS_TYPE_DNSKEY, ttl, key) &&
           publish(z, c, DNS_TYPE_CDNSKEY, ttl, key) && publish(z, c, DNS_TYPE_CDS, ttl, writer_span(&ds)) &&
           publish(z, c, DNS_TYPE_NSEC3PARAM, 0,
                   span_of(parameters, settings->nsec3 ? sizeof parameters : 0)) &&
           publish(z, c, DNS_TYPE_ZONEMD, 0, span_of(NULL, 0)); /* it would be of another version */
}

/* The TTL of proofs, RFC 9077 3.1; *ttl: of the SOA itself. The SOA stands first. */
static uint32_t negative_ttl(const struct change_records *records, uint32_t *ttl)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    if (!change_next(&r, &record, &rdata) || rdata.len < 4)
        return 0;
    struct reader minimum = reader_over(span_from(rdata, rdata.len - 4));
    uint32_t minimum_s = read_u32(&minimum);
    *ttl = record.ttl;
    return minimum_s < record.ttl ? minimum_s : record.ttl;
}

static bool note_changed(struct signer *s, const struct change_records *records)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct dns_name lower;
    struct span rdata;
    while (change_next(&r, &record, &rdata)) { /* each turn takes a record */
        dns_name_lower(&lower, &record.owner);
        s->changed[s->changed_count++] = hash_of(dns_name_span(&lower), record.type);
    }
    return reader_ok(&r);
}

static bool open_signer(struct signer *s)
{
    const struct change *c = s->change;
    size_t most = c->removed.count + c->added.count;
    arena_open(&s->arena, ARENA_CHUNK, ARENA_MAX);
    s->changed = calloc(most + 1, sizeof *s->changed);
    s->records = calloc(SET_RECORDS_MAX, sizeof *s->records);
    s->canonical = malloc(CANONICAL_BYTES);
    if (!s->changed || !s->records || !s->canonical || !note_changed(s, &c->removed) ||
        !note_changed(s, &c->added))
        return false;
    qsort(s->changed, s->changed_count, sizeof *s->changed, compare_hashes);
    return true;
}

static void close_signer(struct signer *s)
{
    free(s->changed);
    free(s->records);
    free(s->canonical);
    free(s->links);
    free(s->living);
    free(s->removed.bytes);
    free(s->added.bytes);
    arena_close(&s->arena);
}

static bool append(struct change_records *to, const struct change_records *from)
{
    struct reader r = change_reader(from);
    struct dns_record record;
    struct span rdata;
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (!change_add_record(to, dns_name_span(&record.owner), record.type, record.ttl, rdata))
            return false;
    return true;
}

/* ---- the whole
 * ---------------------------------------------------------------------------------------------
 */

enum sign_result sign_change(struct zone *z, struct change *c, const struct sign_settings *settings,
                             const struct sign_scope *scope, uint32_t now_s, const char **why)
{
    struct signer s = { .settings = settings, .change = c, .scope = scope, .now_s = now_s };
    uint32_t ttl = 0, old_ttl = 0;
    dns_name_lower(&s.apex, &z->name);
    *why = "out of memory";
    if (!strip(&c->removed, &s.apex) || !strip(&c->added, &s.apex))
        return SIGN_FAILED;
    s.nsec_ttl = negative_ttl(&c->added, &ttl);
    s.all = scope->all || negative_ttl(&c->removed, &old_ttl) != s.nsec_ttl;
    bool ok = publish_all(z, c, settings, ttl) && open_signer(&s);
    size_t data = c->removed.count + c->added.count;
    ok = ok && change_try(z, c, look, &s, why);
    if (s.failed)
        *why = "not enough memory to sign";
    ok = ok && !s.failed && append(&c->removed, &s.removed) && append(&c->added, &s.added);
    size_t work = s.work;
    close_signer(&s);
    if (!ok)
        return SIGN_FAILED;
    return data > 2 || work ? SIGN_CHANGED : SIGN_NOTHING;
}
