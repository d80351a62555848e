#include "transfer.h"

#include "encode.h"

#include <stdlib.h>

#define ANSWER_COUNT_AT 6
#define RECORD_HEAD     10 /* type, class, TTL, length */

void transfer_begin(struct transfer *t, struct zone *z, const struct dns_query *q, bool soa_alone)
{
    struct reader r = zone_records(zone_set_at(z, z->soa));
    struct span rdata;
    struct span soa = zone_next_record(&r, &rdata), apex = zone_node_name(zone_node_at(z, z->apex));
    *t = (struct transfer){ .zone = soa_alone ? NULL : zone_hold(z), .query = *q };
    t->serial = z->serial;
    t->apex_bytes = (uint16_t)apex.len;
    t->soa_bytes = (uint16_t)soa.len;
    memcpy(t->apex, apex.at, apex.len);
    memcpy(t->soa, soa.at, soa.len);
    t->at = soa_alone ? TRANSFER_LAST_SOA : TRANSFER_FIRST_SOA;
}

void transfer_changes(struct transfer *t, struct change *const *changes, size_t count)
{
    t->changes = calloc(count, sizeof *t->changes);
    if (!t->changes)
        return;
    t->change_count = count;
    for (size_t i = 0; i < count; i++)
        t->changes[i] = change_hold(changes[i]);
    zone_release(t->zone);
    t->zone = NULL;
}

void transfer_end(struct transfer *t)
{
    for (size_t i = 0; i < t->change_count; i++)
        change_release(t->changes[i]);
    free(t->changes);
    t->changes = NULL;
    t->change_count = 0;
    zone_release(t->zone);
    t->zone = NULL;
    t->at = TRANSFER_OVER;
}

static void open_piece(struct transfer *t, const struct zone_set *piece)
{
    t->piece = piece;
    if (piece)
        t->records = zone_records(piece);
}

/* The node's sets from `set` on; the apex's SOA has its own places. */
static void open_set(struct transfer *t, zone_ref set)
{
    t->set = zone_set_at(t->zone, set);
    if (t->set && set == t->zone->soa)
        t->set = zone_set_at(t->zone, t->set->next);
    open_piece(t, t->set);
}

/* Moves on when the piece is at its end. False: there is nothing more. */
static bool find_next(struct transfer *t)
{
    while (t->node) { /* ends: pieces, sets and nodes are chains without a way back */
        if (t->piece && reader_left(&t->records))
            return true;
        if (t->piece && t->piece->more) {
            open_piece(t, zone_set_at(t->zone, t->piece->more));
        } else if (t->set && t->set->next) {
            open_set(t, t->set->next);
        } else {
            t->node = zone_node_at(t->zone, t->node->next);
            open_set(t, t->node ? t->node->sets : 0);
        }
    }
    return false;
}

static void write_soa(struct transfer *t, struct writer *w, struct dns_names *names)
{
    struct span soa = span_of(t->soa, t->soa_bytes);
    encode_record(w, names, span_of(t->apex, t->apex_bytes), DNS_TYPE_SOA, soa, span_from(soa, RECORD_HEAD));
}

/* Opens the next part of the changes that has records; false behind the last one. */
static bool find_next_change(struct transfer *t)
{
    while (!reader_left(&t->records)) { /* ends: parts are counted */
        if (t->added && ++t->change == t->change_count)
            return false;
        t->added = !t->added;
        const struct change *c = t->changes[t->change];
        t->records = change_reader(t->added ? &c->added : &c->removed);
    }
    return true;
}

static void write_change(struct transfer *t, struct writer *w, struct dns_names *names)
{
    struct reader r = t->records, ahead;
    struct dns_record record;
    struct span rdata;
    struct span owner = read_plain_name(&r);
    ahead = r;
    read_skip(&ahead, 8);
    size_t length = (size_t)read_u16(&ahead);
    ahead = t->records;
    change_next(&ahead, &record, &rdata);
    encode_record(w, names, owner, record.type, read_span(&r, 10 + length), rdata);
}

/* Writes one record, or the mark that all are written. */
static void write_next(struct transfer *t, struct writer *w, struct dns_names *names)
{
    struct span rdata;
    if (t->at == TRANSFER_CHANGES) {
        write_change(t, w, names);
        return;
    }
    if (t->at != TRANSFER_BODY) {
        write_soa(t, w, names);
        return;
    }
    struct reader r = t->records;
    struct span record = zone_next_record(&r, &rdata);
    encode_record(w, names, zone_node_name(t->node), t->piece->type, record, rdata);
}

/* What was written is behind us. */
static void advance(struct transfer *t)
{
    struct span rdata;
    struct dns_record record;
    if (t->at == TRANSFER_FIRST_SOA && t->changes) {
        t->at = TRANSFER_CHANGES;
        t->records = change_reader(&t->changes[0]->removed);
    } else if (t->at == TRANSFER_CHANGES) {
        change_next(&t->records, &record, &rdata);
    } else if (t->at == TRANSFER_FIRST_SOA) {
        t->at = TRANSFER_BODY;
        t->node = zone_node_at(t->zone, t->zone->apex);
        open_set(t, t->node->sets);
    } else if (t->at == TRANSFER_BODY) {
        zone_next_record(&t->records, &rdata);
    } else {
        t->at = TRANSFER_OVER;
    }
    t->record_count++;
    if (t->at == TRANSFER_CHANGES && !find_next_change(t))
        t->at = TRANSFER_LAST_SOA;
    if (t->at == TRANSFER_BODY && !find_next(t))
        t->at = TRANSFER_LAST_SOA;
}

/* As many records as fit; how many that were. */
static uint16_t write_records(struct transfer *t, struct writer *w, struct dns_names *names)
{
    uint16_t count = 0;
    while (t->at != TRANSFER_OVER && count < UINT16_MAX) {
        struct mark before = writer_mark(w);
        write_next(t, w, names);
        if (!writer_ok(w)) {
            writer_back_to(w, before); /* the first of the next message, which has names of its own */
            break;
        }
        count++;
        advance(t);
    }
    return count;
}

void transfer_next(struct transfer *t, struct writer *w)
{
    struct dns_names names;
    bool first = t->messages++ == 0;
    struct dns_header h = { .id = t->query.header.id,
                            .flags = (uint16_t)(encode_flags(&t->query, DNS_NOERROR) | DNS_AA),
                            .questions = first,
                            .additionals = t->query.edns.present };
    write_dns_header(w, &h);
    dns_names_open(&names, true);
    if (first) { /* RFC 5936 2.2.1: later ones may go without */
        write_dns_question(w, &t->query.question);
        dns_names_note(&names, w, &t->query.question.name, DNS_HEADER_BYTES);
    }
    size_t opt = t->query.edns.present ? DNS_OPT_BYTES : 0;
    writer_reserve(w, opt);
    uint16_t count = write_records(t, w, &names);
    writer_release(w, opt);
    encode_opt(&t->query, DNS_NOERROR, w);
    writer_patch_u16(w, (struct mark){ ANSWER_COUNT_AT }, count);
    if (count == 0) /* cannot be: the zone's reader admits nothing that no message could carry */
        t->at = TRANSFER_OVER;
}
