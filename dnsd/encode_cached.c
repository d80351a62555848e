#include "encode_cached.h"

#include "wire/dns_rdata.h"

#define QUESTION_POINTER 0xC00C /* the question's name stands behind the header */
#define FLAGS_AT         2
#define COUNTS_AT        6
#define ANY_TTL_S        3600

static uint16_t flags_of(const struct dns_query *q, enum dns_rcode rcode)
{
    return (uint16_t)(encode_flags(q, rcode) | DNS_RA |
                      (q->header.flags & DNS_CD)); /* RFC 4035 3.2.2: CD as it came */
}

static void write_head(const struct dns_query *q, uint16_t flags, struct writer *w)
{
    struct dns_header h = { .id = q->header.id, .flags = flags, .questions = 1 };
    write_dns_header(w, &h);
    write_dns_question(w, &q->question);
}

static void patch_count(struct writer *w, size_t section, size_t count)
{
    writer_patch_u16(w, (struct mark){ COUNTS_AT + 2 * section }, (uint16_t)count);
}

/* The table of names is opened for the first name other than the question's: most replies have none. */
struct encoding {
    const struct encode_cached *e;
    struct writer *w;
    bool names_open;
    size_t counts[ANSWER_SECTIONS];
    struct dns_names names;
};

static void encoding_open(struct encoding *g, const struct encode_cached *e, struct writer *w)
{
    g->e = e;
    g->w = w;
    g->names_open = false; /* the names stay as they are: they are long */
    memset(g->counts, 0, sizeof g->counts);
}

static struct dns_names *names_of(struct encoding *g)
{
    if (!g->names_open) {
        dns_names_open(&g->names, false);
        dns_names_note(&g->names, g->w, &g->e->query->question.name, DNS_HEADER_BYTES);
        g->names_open = true;
    }
    return &g->names;
}

/* owner.at == NULL: the question's name. */
static void write_record(struct encoding *g, struct span owner, uint16_t type, uint32_t ttl_s,
                         struct span rdata)
{
    if (owner.at)
        write_dns_name(g->w, names_of(g), owner);
    else
        write_u16(g->w, QUESTION_POINTER);
    write_u16(g->w, type);
    write_u16(g->w, DNS_CLASS_IN);
    write_u32(g->w, ttl_s);
    struct mark length = write_length16(g->w);
    if (dns_type_shrinks(type))
        write_dns_rdata(g->w, names_of(g), type, rdata);
    else
        write_span(g->w, rdata);
    close_length16(g->w, length);
}

static void write_set(struct encoding *g, struct span owner, const struct cache_entry *set)
{
    struct reader r = reader_over(cache_data(set));
    uint32_t ttl_s = cache_ttl(set, g->e->now_ms);
    for (uint16_t i = 0; i < set->count; i++)
        write_record(g, owner, set->type, ttl_s, cache_next_record(&r));
    g->counts[ANSWER_ANSWER] += set->count;
}

/* The SOA of a "no" goes with the time that is left of the "no" (RFC 2308 5). */
static void write_soa(struct encoding *g, const struct cache_entry *no)
{
    struct reader r = reader_over(cache_data(no));
    struct span owner = read_plain_name(&r);
    struct span soa = cache_next_record(&r);
    if (!reader_ok(&r))
        return;
    write_record(g, owner, DNS_TYPE_SOA, cache_ttl(no, g->e->now_ms), soa);
    g->counts[ANSWER_AUTHORITY]++;
}

/* The aliases of our own zones that stand before what is cached. */
static void write_plan(struct encoding *g, const struct answer_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct answer_row *row = &plan->rows[i];
        struct span owner = row->owner.at ? row->owner : dns_name_span(&g->e->query->question.name);
        struct reader r = zone_records(row->set);
        struct span rdata;
        for (struct span record; (record = zone_next_record(&r, &rdata)).len;) {
            encode_record(g->w, names_of(g), owner, row->set->type, record, rdata);
            g->counts[ANSWER_ANSWER]++;
        }
    }
}

static struct span alias_target(const struct cache_entry *alias)
{
    struct reader r = reader_over(cache_data(alias));
    return cache_next_record(&r);
}

/* What the cache has, behind the plan. */
static enum dns_rcode write_answer(struct encoding *g, const struct cache_answer *a)
{
    struct span owner = g->e->plan->away;
    if (owner.at)
        write_plan(g, g->e->plan);
    for (size_t i = 0; i < a->alias_count; i++) {
        write_set(g, owner, a->aliases[i]);
        owner = alias_target(a->aliases[i]);
    }
    if (a->end->kind == CACHE_SET) {
        write_set(g, owner, a->end);
        return DNS_NOERROR;
    }
    write_soa(g, a->end);
    return a->end->kind == CACHE_NO_NAME ? DNS_NXDOMAIN : DNS_NOERROR; /* RFC 6604 3 */
}

bool encode_cached(const struct encode_cached *e, struct writer *w, enum dns_rcode *rcode,
                   struct dns_name *missing)
{
    const struct dns_query *q = e->query;
    struct cache_answer a;
    struct dns_name away;
    const struct dns_name *name = &e->query->lower;
    if (e->plan->away.at && dns_name_from_span(e->plan->away, missing)) {
        dns_name_lower(&away, missing);
        name = &away;
    }
    if (!cache_answer(e->cache, dns_name_span(name), q->question.type, e->at_ms, &a)) {
        dns_name_copy(missing, name);
        return false;
    }
    writer_back_to(w, (struct mark){ 0 });
    if (a.end->kind == CACHE_FAILURE) {
        *rcode = DNS_SERVFAIL;
        encode_failure(q, w);
        return true;
    }
    struct encoding g;
    encoding_open(&g, e, w);
    size_t above = writer_room(w) > e->limit ? writer_room(w) - e->limit : 0;
    writer_reserve(w, above);
    write_head(q, 0, w);
    struct mark body = writer_mark(w);
    bool room_for_opt = q->edns.present && writer_reserve(w, DNS_OPT_BYTES);
    *rcode = write_answer(&g, &a);
    uint16_t flags =
        (uint16_t)(flags_of(q, *rcode) | (e->plan->away.at && e->plan->authoritative ? DNS_AA : 0));
    if (!writer_ok(w)) { /* RFC 2181 9: not a part of a set */
        writer_back_to(w, body);
        memset(g.counts, 0, sizeof g.counts);
        flags |= DNS_TC;
    }
    if (room_for_opt) {
        writer_release(w, DNS_OPT_BYTES);
        encode_opt(q, *rcode, w);
        g.counts[ANSWER_ADDITIONAL]++;
    }
    writer_release(w, above);
    writer_patch_u16(w, (struct mark){ FLAGS_AT }, flags);
    for (size_t i = 0; i < ANSWER_SECTIONS; i++)
        patch_count(w, i, g.counts[i]);
    return true;
}

void encode_failure(const struct dns_query *q, struct writer *w)
{
    write_head(q, flags_of(q, DNS_SERVFAIL), w);
    encode_opt(q, DNS_SERVFAIL, w);
    patch_count(w, ANSWER_ADDITIONAL, q->edns.present);
}

void encode_any(const struct dns_query *q, struct writer *w)
{
    static const uint8_t hinfo[] = "\x07RFC8482"; /* its end is the second, empty string */
    struct encode_cached e = { .query = q };
    struct encoding g;
    encoding_open(&g, &e, w);
    write_head(q, flags_of(q, DNS_NOERROR), w);
    write_record(&g, span_of(NULL, 0), DNS_TYPE_HINFO, ANY_TTL_S, span_of(hinfo, sizeof hinfo));
    encode_opt(q, DNS_NOERROR, w);
    patch_count(w, ANSWER_ANSWER, 1);
    patch_count(w, ANSWER_ADDITIONAL, q->edns.present);
}
