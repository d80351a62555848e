#include "edit.h"

#include "sign.h"
#include "text.h"
#include "update.h"
#include "wire/dns_rdata.h"
#include "zone_text.h"

#define WORDS_MAX       2048 /* as in a master file */
#define FOUND_SHOWN_MAX 40   /* octets of the wrong word that are shown */

/* An edit, cut up. */
struct line {
    struct span text;
    struct dns_word *words;
    size_t count, next;
    struct dns_name owner;
    bool has_ttl, has_type;
    uint32_t ttl;
    uint16_t type;
};

/* A set that an edit before has begun anew. */
struct begun {
    struct begun *next;
    struct dns_name owner;
    uint16_t type;
};

struct editing {
    const struct zone *zone;
    const struct edit *edits;
    bool signs_itself;
    struct updating *updating;
    struct arena *arena;
    struct begun *begun;
    struct edit_problem *problem;
    struct dns_word words[WORDS_MAX];
    uint8_t rdata[DNS_RDATA_BYTES_MAX];
};

/* ---- problems ------------------------------------------------------------------------------------------ */

static bool wrong(struct editing *e, unsigned column, const char *text)
{
    struct writer w = writer_over(e->problem->text, EDIT_TEXT_MAX - 1);
    write_span(&w, span_head(span_text(text), EDIT_TEXT_MAX - 1));
    e->problem->text[writer_length(&w)] = '\0';
    e->problem->column = column;
    return false;
}

/* At this word, or behind the last one. */
static bool expected(struct editing *e, const struct line *l, size_t word, const char *what)
{
    char text[EDIT_TEXT_MAX];
    struct writer w = writer_over(text, sizeof text - 1);
    size_t at = l->text.len;
    write_text(&w, "expected ");
    write_text(&w, what);
    write_text(&w, ", found ");
    if (word < l->count) {
        at = (size_t)(l->words[word].text.at - l->text.at) - l->words[word].quoted;
        write_json_string(&w, span_head(l->words[word].text, FOUND_SHOWN_MAX));
    } else {
        write_text(&w, "the end");
    }
    text[writer_length(&w)] = '\0';
    return wrong(e, (unsigned)at + 1, text);
}

/* ---- words --------------------------------------------------------------------------------------------- */

static const bool is_blank[256] = { ['\t'] = true, [' '] = true, ['\r'] = true, ['\n'] = true };
static const bool ends_word[256] = {
    ['\t'] = true, [' '] = true, ['\r'] = true, ['\n'] = true, ['\\'] = true, ['"'] = true
};
static const bool ends_quoted[256] = { ['"'] = true, ['\\'] = true };

/* Up to what ends it; what stands behind a backslash does not. */
static struct span take_word(struct reader *r, const bool ends[256])
{
    struct reader from = *r;
    read_until(r, ends);
    while (reader_peek(r) == '\\') { /* ends: each turn reads the backslash */
        read_skip(r, reader_left(r) > 1 ? 2 : 1);
        read_until(r, ends);
    }
    return read_span(&from, reader_offset(r) - reader_offset(&from));
}

static bool cut(struct editing *e, struct line *l)
{
    struct reader r = reader_over(l->text);
    l->words = e->words;
    for (int c; (c = reader_peek(&r)) >= 0;) { /* each turn takes a blank or a word */
        unsigned column = (unsigned)reader_offset(&r) + 1;
        if (is_blank[c]) {
            read_skip(&r, 1);
            continue;
        }
        if (l->count == WORDS_MAX)
            return wrong(e, column, "expected a record of at most 2048 words");
        bool quoted = c == '"';
        if (quoted)
            read_skip(&r, 1);
        l->words[l->count++] = (struct dns_word){ take_word(&r, quoted ? ends_quoted : ends_word), quoted };
        if (quoted && reader_peek(&r) != '"')
            return wrong(e, column, "expected a closing quote");
        if (quoted)
            read_skip(&r, 1);
    }
    return l->count || expected(e, l, 0, "a name, as in: www 300 A 192.0.2.1");
}

static bool take_owner(struct editing *e, struct line *l)
{
    const char *what = dns_name_from_text(l->words[0].text, &e->zone->name, &l->owner);
    l->next = 1;
    if (what)
        return expected(e, l, 0, what);
    if (!dns_name_within(&l->owner, &e->zone->name))
        return expected(e, l, 0, "a name of this zone: without a final dot it is continued by the zone's");
    return true;
}

static bool take_ttl(struct editing *e, struct line *l)
{
    struct span text = l->next < l->count ? l->words[l->next].text : (struct span){ NULL, 0 };
    if (!text.len || text.at[0] < '0' || text.at[0] > '9')
        return true;
    if (!dns_period_from_text(text, &l->ttl))
        return expected(e, l, l->next, "a TTL: seconds up to 2147483647, or a time like 1h30m");
    l->has_ttl = true;
    l->next++;
    return true;
}

static void take_class(struct line *l)
{
    l->next += l->next < l->count && span_is_nocase(l->words[l->next].text, "IN");
}

static bool take_type(struct editing *e, struct line *l)
{
    if (l->next == l->count && e->edits[e->problem->edit].kind == EDIT_REMOVE) /* the name alone */
        return true;
    if (l->next == l->count || !dns_type_from_text(l->words[l->next].text, &l->type) ||
        dns_type_is_meta(l->type))
        return expected(e, l, l->next, "a record type like A, MX or TYPE65");
    l->has_type = true;
    l->next++;
    return true;
}

static bool is_apex(const struct editing *e, const struct dns_name *owner)
{
    return owner->labels == e->zone->name.labels;
}

/* A line's parts up to the data. */
static bool take_head(struct editing *e, struct line *l)
{
    if (!cut(e, l) || !take_owner(e, l) || !take_ttl(e, l))
        return false;
    take_class(l);
    if (!take_ttl(e, l) || !take_type(e, l))
        return false;
    if (e->signs_itself && l->has_type && zone_text_is_made(is_apex(e, &l->owner), l->type))
        return wrong(e, 0, "the zone signs itself: its keys, signatures and proofs are the server's");
    return true;
}

static bool take_data(struct editing *e, struct line *l, struct span *rdata)
{
    struct writer w = writer_over(e->rdata, sizeof e->rdata);
    struct dns_word_problem p;
    if (!dns_rdata_from_words(l->type, l->words + l->next, l->count - l->next, &e->zone->name, &w, &p))
        return expected(e, l, l->next + p.word, p.expected);
    *rdata = writer_span(&w);
    return true;
}

/* ---- one edit ------------------------------------------------------------------------------------------ */

static uint32_t soa_ttl(const struct zone *z)
{
    struct reader records = zone_records(zone_set_at(z, z->soa));
    struct span rdata;
    struct reader head = reader_over(zone_next_record(&records, &rdata));
    read_skip(&head, 4); /* type and class */
    return read_u32(&head);
}

/* Whether an edit before this one has set the same; from now on one has. */
static bool is_begun(struct editing *e, const struct line *l)
{
    for (const struct begun *b = e->begun; b; b = b->next) /* the edits before it */
        if (b->type == l->type && dns_name_equal(dns_name_span(&b->owner), dns_name_span(&l->owner)))
            return true;
    struct begun *b = arena_alloc(e->arena, sizeof *b);
    if (b) {
        *b = (struct begun){ .next = e->begun, .type = l->type };
        dns_name_copy(&b->owner, &l->owner);
        e->begun = b;
    }
    return false;
}

static bool add(struct editing *e, struct line *l, bool replaces)
{
    struct span rdata;
    if (!take_data(e, l, &rdata))
        return false;
    if (!l->has_ttl && !update_ttl(e->updating, &l->owner, l->type, &l->ttl))
        l->ttl = soa_ttl(e->zone);
    if (replaces && !is_begun(e, l))
        update_clear_set(e->updating, &l->owner, l->type);
    const char *why = update_add(e->updating, &l->owner, l->type, l->ttl, rdata);
    return why ? wrong(e, 0, why) : true;
}

static bool take_away(struct editing *e, struct line *l)
{
    struct span rdata;
    const char *why;
    if (!l->has_type || l->next == l->count)
        why = update_remove_set(e->updating, &l->owner, l->has_type ? l->type : DNS_TYPE_ANY);
    else if (!take_data(e, l, &rdata))
        return false;
    else
        why = update_remove(e->updating, &l->owner, l->type, rdata);
    return why ? wrong(e, 0, why) : true;
}

static bool make(struct editing *e, const struct edit *edit)
{
    struct line l = { .text = edit->text };
    if (!take_head(e, &l))
        return false;
    return edit->kind == EDIT_REMOVE ? take_away(e, &l) : add(e, &l, edit->kind == EDIT_SET);
}

bool edit_decide(const struct zone *z, const struct edit *edits, size_t count, const struct edit_rules *rules,
                 struct arena *a, struct change **out, struct edit_problem *p)
{
    struct editing *e = arena_alloc(a, sizeof *e);
    *p = (struct edit_problem){ 0 };
    *out = NULL;
    if (e) {
        e->zone = z;
        e->edits = edits;
        e->signs_itself = rules->signs_itself;
        e->arena = a;
        e->begun = NULL;
        e->problem = p;
        e->updating = update_begin(z, rules->next_serial, a);
    }
    for (size_t i = 0; e && e->updating && i < count; i++) {
        p->edit = i;
        if (!make(e, &edits[i]))
            return false;
    }
    if (e && e->updating && update_end(e->updating, out))
        return true;
    memcpy(p->text, "out of memory", sizeof "out of memory");
    return false;
}

/* ---- a whole zone -------------------------------------------------------------------------------------- */

/* The SOA says the same but for its serial. */
static bool same_soa(struct span a, struct span b)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 20];
    return span_equal(sign_soa(a, sign_serial(b), room, sizeof room), b);
}

/* Takes over what a person may write, with this serial. *more: there is something beside the SOA. */
static bool take_written(const struct change_records *from, const struct edit_rules *rules, bool digest,
                         uint32_t serial, struct change_records *to, bool *more)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 20];
    struct reader r = change_reader(from);
    struct dns_record record;
    struct span rdata;
    unsigned apex_labels = 0;                  /* of the SOA, which comes first */
    while (change_next(&r, &record, &rdata)) { /* each turn takes a record */
        bool soa = record.type == DNS_TYPE_SOA;
        apex_labels = soa ? record.owner.labels : apex_labels;
        if ((rules->signs_itself && zone_text_is_made(record.owner.labels == apex_labels, record.type)) ||
            (record.type == DNS_TYPE_ZONEMD && !digest))
            continue;
        *more = *more || !soa;
        if (soa)
            rdata = sign_soa(rdata, serial, room, sizeof room);
        if (!change_add_record(to, dns_name_span(&record.owner), record.type, record.ttl, rdata))
            return false;
    }
    return true;
}

/* The SOAs that a change begins with differ in more than their serials. */
static bool changes_soa(const struct change *c)
{
    struct reader removed = change_reader(&c->removed), added = change_reader(&c->added);
    struct dns_record before, after;
    struct span before_data, after_data;
    change_next(&removed, &before, &before_data);
    change_next(&added, &after, &after_data);
    return before.ttl != after.ttl || !same_soa(before_data, after_data);
}

/* The digests of the version before go with it. */
static bool remove_digest(const struct zone *z, struct change_records *removed)
{
    const struct zone_node *apex = zone_node_at(z, z->apex);
    struct span rdata;
    for (const struct zone_set *s = zone_find_set(z, apex, DNS_TYPE_ZONEMD); s; s = zone_set_at(z, s->more))
        for (struct reader r = zone_records(s); reader_left(&r);) { /* each turn takes a record */
            struct reader head = reader_over(zone_next_record(&r, &rdata));
            read_skip(&head, 4); /* type and class */
            if (!change_add_record(removed, zone_node_name(apex), DNS_TYPE_ZONEMD, read_u32(&head), rdata))
                return false;
        }
    return true;
}

bool edit_replace(const struct zone *before, const struct zone *after, const struct edit_rules *rules,
                  struct change **out)
{
    bool newer = dns_serial_newer(after->serial, before->serial);
    uint32_t to = newer ? after->serial : rules->next_serial;
    struct change *all = change_between(before, after), *c = all ? change_new(before->serial, to) : NULL;
    bool more = c && (newer || changes_soa(all));
    *out = NULL;
    bool ok = c && take_written(&all->removed, rules, newer, before->serial, &c->removed, &more) &&
              take_written(&all->added, rules, newer, to, &c->added, &more);
    if (ok && more && !newer)
        ok = remove_digest(before, &c->removed);
    change_release(all);
    if (ok && more)
        *out = c;
    else
        change_release(c);
    return ok;
}
