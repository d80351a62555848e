#include "transfer_in.h"

#include "wire/dns_rdata.h"
#include "wire/dns_response.h"

#include <stdlib.h>

#define NAMES_EXPECTED 1024 /* the tables grow with the zone */

void transfer_in_begin(struct transfer_in *t, const struct dns_name *name, const struct zone *base,
                       uint64_t seed, size_t bytes_max)
{
    *t = (struct transfer_in){ .incremental = base,
                               .base_serial = base ? base->serial : 0,
                               .names_expected = base ? base->node_count : NAMES_EXPECTED,
                               .seed = seed,
                               .bytes_max = bytes_max };
    dns_name_copy(&t->name, name);
}

void transfer_in_end(struct transfer_in *t)
{
    if (t->builder)
        zone_builder_drop(t->builder);
    for (size_t i = 0; i < t->change_count; i++)
        change_release(t->changes[i]);
    free(t->changes);
    zone_release(t->result);
    *t = (struct transfer_in){ .why = t->why,
                               .record_count = t->record_count,
                               .message_count = t->message_count };
}

struct zone *transfer_in_take(struct transfer_in *t)
{
    struct zone *z = t->result;
    t->result = NULL;
    return z;
}

static bool wrong(struct transfer_in *t, const char *why)
{
    t->why = why;
    return false;
}

/* ---- records --------------------------------------------------------------------------------------------
 */

/* A record of the answer with its data in plain form. */
struct incoming {
    struct dns_record record;
    struct span rdata;
    uint32_t serial; /* of an SOA */
    bool soa;        /* the zone's own */
};

static uint32_t serial_of(struct span soa)
{
    struct reader r = reader_over(soa);
    read_plain_name(&r);
    read_plain_name(&r);
    return read_u32(&r);
}

static bool begin_whole(struct transfer_in *t)
{
    t->at = IN_WHOLE;
    t->builder = zone_builder_open(&t->name, t->seed, t->names_expected);
    return t->builder || wrong(t, "out of memory");
}

/* RFC 5936 3.5: what is not of this zone is not ours to serve; it is left out. */
static bool add_whole(struct transfer_in *t, const struct incoming *in)
{
    enum zone_fault fault =
        zone_builder_add(t->builder, &in->record.owner, in->record.type, in->record.ttl, in->rdata);
    if (fault != ZONE_OUTSIDE && zone_refused(fault))
        return wrong(t, zone_fault_text(fault));
    return true;
}

static bool begin_change(struct transfer_in *t, uint32_t from)
{
    if (t->change_count == TRANSFER_IN_CHANGES_MAX)
        return wrong(t, "more changes than one answer may have");
    if (!t->changes)
        t->changes = calloc(TRANSFER_IN_CHANGES_MAX, sizeof *t->changes);
    struct change *c = t->changes ? change_new(from, from) : NULL;
    if (!c)
        return wrong(t, "out of memory");
    t->changes[t->change_count++] = c;
    t->at = IN_REMOVED;
    return true;
}

static bool add_changed(struct transfer_in *t, const struct incoming *in)
{
    struct change *c = t->changes[t->change_count - 1];
    return change_add_record(t->at == IN_ADDED ? &c->added : &c->removed, dns_name_span(&in->record.owner),
                             in->record.type, in->record.ttl, in->rdata) ||
           wrong(t, "out of memory");
}

/* An SOA among changes ends one part and begins the next (RFC 1995 4). */
static bool take_change_soa(struct transfer_in *t, const struct incoming *in)
{
    if (t->at == IN_REMOVED) {
        t->at = IN_ADDED;
        t->changes[t->change_count - 1]->to = t->version = in->serial;
        return add_changed(t, in);
    }
    if (in->serial != t->version)
        return wrong(t, "a change does not follow on the one before");
    if (t->version == t->newest) {
        t->at = IN_END;
        return true;
    }
    return begin_change(t, in->serial) && add_changed(t, in);
}

/* The second record tells what it is: changes, or the whole zone (RFC 1995 4). The first one's data is the
 * closing SOA's, too, so it need not be kept. */
static bool take_second(struct transfer_in *t, const struct incoming *in)
{
    if (in->soa && t->incremental && in->serial == t->base_serial && in->serial != t->newest) {
        t->version = in->serial;
        return begin_change(t, in->serial) && add_changed(t, in);
    }
    if (!begin_whole(t) || !add_whole(t, in))
        return false;
    if (in->soa)
        t->at = in->serial == t->newest ? IN_END : t->at;
    return true;
}

static bool take_record(struct transfer_in *t, const struct incoming *in)
{
    t->record_count++;
    switch (t->at) {
    case IN_FIRST:
        if (!in->soa)
            return wrong(t, "it does not begin with the zone's SOA");
        t->newest = in->serial;
        t->at = IN_SECOND;
        return true;
    case IN_SECOND:
        return take_second(t, in);
    case IN_WHOLE:
        if (in->soa && in->serial != t->newest)
            return wrong(t, "it ends with another SOA than it began with");
        if (in->soa)
            t->at = IN_END;
        return add_whole(t, in);
    case IN_REMOVED:
    case IN_ADDED:
        return in->soa ? take_change_soa(t, in) : add_changed(t, in);
    case IN_END:
        break;
    }
    return wrong(t, "something comes after its end");
}

/* ---- messages
 * ---------------------------------------------------------------------------------------------- */

static bool take_answers(struct transfer_in *t, struct dns_records *all, struct span message)
{
    static uint8_t room[DNS_RDATA_BYTES_MAX];
    struct incoming in;
    enum dns_section section;
    while ((section = dns_records_next(all, &in.record)) != DNS_SECTION_END) { /* by the message's counts */
        if (section != DNS_SECTION_ANSWER)
            continue;
        struct writer w = writer_over(room, sizeof room);
        if (in.record.class != DNS_CLASS_IN || dns_type_is_meta(in.record.type) ||
            !dns_rdata_read(in.record.type, in.record.rdata, message, &w))
            return wrong(t, "a record that is not as its type says");
        in.rdata = writer_span(&w);
        in.soa = in.record.type == DNS_TYPE_SOA &&
                 dns_name_equal(dns_name_span(&in.record.owner), dns_name_span(&t->name));
        in.serial = in.soa ? serial_of(in.rdata) : 0;
        if (!take_record(t, &in))
            return false;
    }
    return reader_ok(&all->reader) || wrong(t, "a message that is cut short");
}

static enum transfer_in_state finish_whole(struct transfer_in *t)
{
    enum zone_fault fault;
    t->result = zone_builder_finish(t->builder, &fault);
    t->builder = NULL;
    if (t->result)
        return TRANSFER_IN_DONE;
    t->why = zone_fault_text(fault);
    return TRANSFER_IN_WRONG;
}

enum transfer_in_state transfer_in_feed(struct transfer_in *t, struct span message)
{
    struct dns_records all;
    t->message_count++;
    t->bytes += message.len;
    if (!dns_records_open(&all, message) || !(all.header.flags & DNS_QR)) {
        t->why = "a message that is no response";
        return TRANSFER_IN_WRONG;
    }
    if (dns_rcode(all.header.flags) != DNS_NOERROR) {
        const char *name = dns_rcode_name(dns_rcode(all.header.flags));
        t->why = name ? name : "an error without a name";
        return TRANSFER_IN_WRONG;
    }
    if (t->bytes > t->bytes_max) {
        t->why = "the zone is larger than max-transfer-size";
        return TRANSFER_IN_WRONG;
    }
    if (!take_answers(t, &all, message))
        return TRANSFER_IN_WRONG;
    if (t->at == IN_SECOND && t->incremental && !dns_serial_newer(t->newest, t->base_serial))
        return TRANSFER_IN_UP_TO_DATE;
    if (t->at != IN_END)
        return all.header.answers ? TRANSFER_IN_MORE
                                  : (wrong(t, "a message without records"), TRANSFER_IN_WRONG);
    return t->builder ? finish_whole(t) : TRANSFER_IN_DONE;
}

void transfer_in_ask(struct writer *w, uint16_t id, const struct dns_name *name, const struct zone *have)
{
    struct dns_header h = { .id = id, .questions = 1, .authorities = have != NULL };
    struct dns_question q = { .type = have ? DNS_TYPE_IXFR : DNS_TYPE_AXFR, .class = DNS_CLASS_IN };
    dns_name_copy(&q.name, name);
    write_dns_header(w, &h);
    write_dns_question(w, &q);
    if (!have)
        return;
    struct reader soa = zone_records(zone_set_at(have, have->soa));
    struct span rdata;
    write_span(w, dns_name_span(&have->name));
    write_span(w, zone_next_record(&soa, &rdata));
}
