#include "condense.h"

#include "wire/dnssec.h"

#include <stdlib.h>

struct entry {
    struct span owner, rdata;
    uint32_t ttl, order;
    uint16_t type;
    int16_t came; /* 1, or -1: it went */
};

static int compare_owners(struct span a, struct span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return ascii_lower(a.at[i]) < ascii_lower(b.at[i]) ? -1 : 1;
    return 0;
}

/* The SOA first, which each part begins with; then what is the same record stands together. */
static int compare_records(const struct entry *a, const struct entry *b)
{
    bool soa_a = a->type == DNS_TYPE_SOA, soa_b = b->type == DNS_TYPE_SOA;
    if (soa_a != soa_b)
        return soa_a ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->ttl != b->ttl)
        return a->ttl < b->ttl ? -1 : 1;
    int order = compare_owners(a->owner, b->owner);
    return order ? order : dnssec_compare_held(a->type, a->rdata, b->rdata);
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = compare_records(a, b);
    return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

static size_t collect(struct entry *out, size_t count, const struct change_records *from, int16_t came)
{
    struct reader r = change_reader(from), ahead = r;
    struct dns_record record;
    struct entry e = { .came = came };
    while (change_next(&r, &record, &e.rdata)) { /* each turn takes a record */
        e.owner = read_plain_name(&ahead);
        e.type = record.type;
        e.ttl = record.ttl;
        e.order = (uint32_t)count;
        out[count++] = e;
        ahead = r;
    }
    return count;
}

/* What is left of the changes of one record: it was there before or it is there after. Where both, nothing,
 * unless a name in its data is written otherwise now. */
static bool add_record(struct change *c, const struct entry *e, size_t count)
{
    const struct entry *first = e, *last = &e[count - 1];
    bool before = first->came<0, after = last->came> 0;
    if (before && after && span_equal(first->rdata, last->rdata))
        return true;
    return (!before || change_add_record(&c->removed, last->owner, e->type, e->ttl, first->rdata)) &&
           (!after || change_add_record(&c->added, last->owner, e->type, e->ttl, last->rdata));
}

static bool add_records(struct change *c, const struct entry *all, size_t count)
{
    bool ok = true;
    for (size_t i = 0, next; ok && i < count; i = next) { /* each turn takes one or more */
        for (next = i; next < count && compare_records(&all[i], &all[next]) == 0;)
            next++;
        ok = add_record(c, &all[i], next - i);
    }
    return ok;
}

struct change *condense(struct change *const *changes, size_t count, size_t records_max)
{
    size_t total = 0, filled = 0;
    for (size_t i = 0; i < count; i++)
        total += changes[i]->removed.count + changes[i]->added.count;
    if (!count || total > records_max)
        return NULL;
    struct entry *all = calloc(total + 1, sizeof *all);
    struct change *c = all ? change_new(changes[0]->from, changes[count - 1]->to) : NULL;
    for (size_t i = 0; c && i < count; i++) {
        filled = collect(all, filled, &changes[i]->removed, -1);
        filled = collect(all, filled, &changes[i]->added, 1);
    }
    if (c)
        qsort(all, filled, sizeof *all, compare);
    if (c && !add_records(c, all, filled)) {
        change_release(c);
        c = NULL;
    }
    free(all);
    return c;
}
