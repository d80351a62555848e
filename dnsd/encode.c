#include "encode.h"

#include "wire/dns_rdata.h"

#define QUESTION_POINTER 0xC00C /* the question's name stands behind the header */
#define RECORD_FIXED     8      /* type, class, TTL */
#define FLAGS_AT         2
#define COUNTS_AT        6

/* The table of names is opened when the first name other than the question's is written: most replies have
 * none. */
struct encoding {
    struct writer *w;
    const struct dns_question *question;
    size_t rows_left;
    bool names_open;
    unsigned turn;
    struct dns_names names;
};

uint16_t encode_flags(const struct dns_query *q, enum dns_rcode rcode)
{
    return (uint16_t)(DNS_QR | (q->header.flags & (0x7800 | DNS_RD)) | (rcode & 0xF));
}

size_t encode_limit(const struct dns_query *q, bool over_tcp)
{
    if (over_tcp)
        return DNS_MESSAGE_BYTES_MAX;
    if (!q->edns.present || q->edns.udp_bytes < DNS_UDP_BYTES_PLAIN)
        return DNS_UDP_BYTES_PLAIN;
    return q->edns.udp_bytes < ENCODE_UDP_BYTES_MAX ? q->edns.udp_bytes : ENCODE_UDP_BYTES_MAX;
}

void encode_opt(const struct dns_query *q, enum dns_rcode rcode, struct writer *w)
{
    if (!q->edns.present)
        return;
    struct dns_edns ours = { .udp_bytes = ENCODE_UDP_BYTES_MAX,
                             .dnssec_ok = q->edns.dnssec_ok }; /* RFC 3225 3 */
    write_dns_opt(w, &ours, rcode);
}

static void write_head(const struct dns_query *q, uint16_t flags, struct writer *w)
{
    struct dns_header h = { .id = q->header.id, .flags = flags, .questions = q->asked };
    write_dns_header(w, &h);
    if (q->asked)
        write_dns_question(w, &q->question);
}

static void patch_count(struct writer *w, size_t section, uint16_t count)
{
    writer_patch_u16(w, (struct mark){ COUNTS_AT + 2 * section }, count);
}

void encode_error(const struct dns_query *q, enum dns_rcode rcode, struct writer *w)
{
    write_head(q, encode_flags(q, rcode), w);
    encode_opt(q, rcode, w);
    patch_count(w, ANSWER_ADDITIONAL, q->edns.present);
}

enum dns_rcode encode_truncated_code(const struct dns_query *q)
{
    return dns_opcode(q->header.flags) == DNS_OPCODE_QUERY ? DNS_NOERROR : DNS_REFUSED;
}

void encode_truncated(const struct dns_query *q, struct writer *w)
{
    enum dns_rcode rcode = encode_truncated_code(q);
    encode_error(q, rcode, w);
    writer_patch_u16(w, (struct mark){ FLAGS_AT }, encode_flags(q, rcode) | DNS_TC);
}

void encode_record(struct writer *w, struct dns_names *t, struct span owner, uint16_t type,
                   struct span record, struct span rdata)
{
    write_dns_name(w, t, owner);
    if (!dns_type_shrinks(type)) {
        write_span(w, record);
        return;
    }
    write_span(w, span_head(record, RECORD_FIXED));
    struct mark length = write_length16(w);
    write_dns_rdata(w, t, type, rdata);
    close_length16(w, length);
}

static struct dns_names *names_of(struct encoding *e)
{
    if (!e->names_open) {
        dns_names_open(&e->names, false);
        dns_names_note(&e->names, e->w, &e->question->name, DNS_HEADER_BYTES);
        e->names_open = true;
    }
    return &e->names;
}

/* Sets of the question's own name, of types without names in their data, are copied as they lie. */
static void write_piece_plain(struct writer *w, const struct zone_set *piece)
{
    struct reader r = zone_records(piece);
    struct span rdata;
    for (uint16_t i = 0; i < piece->count; i++) {
        write_u16(w, QUESTION_POINTER);
        write_span(w, piece->count == 1 ? read_rest(&r) : zone_next_record(&r, &rdata));
    }
}

static void write_piece(struct encoding *e, const struct answer_row *row, const struct zone_set *piece)
{
    struct dns_names *names = names_of(e);
    struct span owner = row->owner.at ? row->owner : dns_name_span(&e->question->name);
    struct reader r = zone_records(piece);
    struct span rdata;
    for (struct span record; (record = zone_next_record(&r, &rdata)).len;)
        encode_record(e->w, names, owner, piece->type, record, rdata);
}

/* Of the signatures in a piece those that cover one type, with a TTL of at most that of what they sign. */
static unsigned write_signatures(struct encoding *e, const struct answer_row *row,
                                 const struct zone_set *piece)
{
    struct dns_names *names = names_of(e);
    struct span owner = row->owner.at ? row->owner : dns_name_span(&e->question->name);
    struct reader r = zone_records(piece);
    struct span rdata;
    unsigned count = 0;
    for (struct span record; (record = zone_next_record(&r, &rdata)).len;) {
        struct reader data = reader_over(rdata);
        struct reader head = reader_over(record);
        if (read_u16(&data) != row->covered)
            continue;
        read_skip(&head, 4);
        uint32_t ttl = read_u32(&head);
        write_dns_name(e->w, names, owner);
        write_u16(e->w, DNS_TYPE_RRSIG);
        write_u16(e->w, DNS_CLASS_IN);
        write_u32(e->w, ttl < row->ttl_max ? ttl : row->ttl_max);
        write_span(e->w, read_rest(&head));
        count++;
    }
    return count;
}

/* From the record whose turn it is, around the end of the set. */
static unsigned write_turned(struct encoding *e, const struct answer_row *row)
{
    struct dns_names *names = names_of(e);
    struct span owner = row->owner.at ? row->owner : dns_name_span(&e->question->name);
    unsigned count = 0;
    for (const struct zone_set *piece = row->set; piece; piece = zone_set_at(row->zone, piece->more))
        count += piece->count;
    unsigned first = count ? e->turn % count : 0;
    for (int round = 0; round < 2; round++) {
        unsigned at = 0;
        for (const struct zone_set *piece = row->set; piece; piece = zone_set_at(row->zone, piece->more)) {
            struct reader r = zone_records(piece);
            struct span rdata;
            for (struct span record; (record = zone_next_record(&r, &rdata)).len; at++)
                if ((at < first) == (round == 1))
                    encode_record(e->w, names, owner, piece->type, record, rdata);
        }
    }
    return count;
}

/* Adds to *written how many records it was. False, and nothing is written: they do not fit together. */
static bool write_row(struct encoding *e, const struct answer_row *row, uint16_t *written)
{
    struct mark before = writer_mark(e->w);
    bool plain = !row->owner.at && !dns_type_shrinks(row->set->type);
    bool turned = e->turn && !row->covered;
    unsigned count = turned ? write_turned(e, row) : 0;
    for (const struct zone_set *piece = turned ? NULL : row->set; piece;
         piece = zone_set_at(row->zone, piece->more)) {
        if (row->covered) {
            count += write_signatures(e, row, piece);
            continue;
        }
        if (plain)
            write_piece_plain(e->w, piece);
        else
            write_piece(e, row, piece);
        count += piece->count;
    }
    if (writer_ok(e->w)) {
        *written = (uint16_t)(*written + count);
        return true;
    }
    writer_back_to(e->w, before);
    if (e->names_open)
        dns_names_forget(&e->names, before);
    return false;
}

/* False when a set that is required does not fit: the reply is truncated there. */
static bool write_section(struct encoding *e, const struct answer_plan *plan, size_t section, uint16_t *count)
{
    for (size_t i = 0; e->rows_left && i < plan->count; i++) {
        const struct answer_row *row = &plan->rows[i];
        if (row->section != section)
            continue;
        e->rows_left--;
        if (!write_row(e, row, count) && row->required)
            return false;
    }
    return true;
}

void encode_plan(const struct dns_query *q, const struct answer_plan *plan, size_t limit, struct writer *w)
{
    struct encoding e;
    uint16_t flags = (uint16_t)(encode_flags(q, plan->rcode) | (plan->authoritative ? DNS_AA : 0) |
                                (plan->incomplete ? DNS_TC : 0));
    uint16_t counts[ANSWER_SECTIONS] = { 0 };
    size_t above = writer_room(w) > limit ? writer_room(w) - limit : 0;
    e.w = w;
    e.question = &q->question;
    e.rows_left = plan->count;
    e.names_open = false;
    e.turn = plan->turn;
    writer_reserve(w, above);
    struct writer head = write_window(w, DNS_HEADER_BYTES); /* once the counts are known */
    if (q->asked)
        write_dns_question(w, &q->question);
    bool room_for_opt = q->edns.present && writer_reserve(w, DNS_OPT_BYTES);
    for (size_t section = 0; e.rows_left && section < ANSWER_SECTIONS; section++)
        if (!write_section(&e, plan, section, &counts[section])) {
            flags |= DNS_TC;
            break;
        }
    if (room_for_opt) {
        writer_release(w, DNS_OPT_BYTES);
        encode_opt(q, plan->rcode, w);
        counts[ANSWER_ADDITIONAL]++;
    }
    writer_release(w, above);
    write_dns_header(&head, &(struct dns_header){ q->header.id, flags, q->asked, counts[ANSWER_ANSWER],
                                                  counts[ANSWER_AUTHORITY], counts[ANSWER_ADDITIONAL] });
}
