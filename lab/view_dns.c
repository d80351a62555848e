#include "view_make.h"

#include "text.h"
#include "wire/dns_rdata.h"

#define RECORDS_SHOWN     3     /* on a line; how many more there are is said */
#define RECORD_CHARACTERS 72    /* a longer one is shown by its type alone */
#define RECORDS_READ      65535 /* no message has room for more */
#define LENGTH_BYTES      2     /* before each message over TCP (RFC 1035 4.2.2) */
#define RDATA_ROOM        2048  /* longer data is not shown */
#define TYPE_TEXT_MAX     16
#define NAME_TEXT_ROOM    (DNS_NAME_TEXT_MAX + 1)

/* Without the dot at its end, as people write names; the root is ".". */
static struct span name_text(struct span name, uint8_t *room)
{
    struct writer w = writer_over(room, NAME_TEXT_ROOM);
    write_dns_name_text(&w, name);
    struct span text = writer_span(&w);
    return text.len > 1 ? span_head(text, text.len - 1) : text; /* it always ends in one */
}

static struct span type_text(uint16_t type, uint8_t *room)
{
    struct writer w = writer_over(room, TYPE_TEXT_MAX);
    write_dns_type_text(&w, type);
    return writer_span(&w);
}

static void add_flag(struct view_make *m, const char *name, bool set)
{
    view_add_text(m, name, set ? "1" : "0");
}

static const char *opcode_word(uint16_t flags)
{
    switch (dns_opcode(flags)) {
    case DNS_OPCODE_QUERY:
        return "QUERY";
    case DNS_OPCODE_STATUS:
        return "STATUS";
    case DNS_OPCODE_NOTIFY:
        return "NOTIFY";
    case DNS_OPCODE_UPDATE:
        return "UPDATE";
    }
    return "other";
}

static void add_header(struct view_make *m, const struct dns_header *h)
{
    const char *rcode = dns_rcode_name(dns_rcode(h->flags));
    view_add(m, "id", view_format(m, "0x%04x", h->id));
    view_add(m, "flags", view_format(m, "0x%04x", h->flags));
    view_add_text(m, "opcode", opcode_word(h->flags));
    view_add_text(m, "rcode", rcode ? rcode : "?");
    add_flag(m, "aa", h->flags & DNS_AA);
    add_flag(m, "tc", h->flags & DNS_TC);
    add_flag(m, "rd", h->flags & DNS_RD);
    add_flag(m, "ra", h->flags & DNS_RA);
    view_add_number(m, "questions", h->questions);
    view_add_number(m, "answers", h->answers);
    view_add_number(m, "authorities", h->authorities);
    view_add_number(m, "additionals", h->additionals);
}

/* ---- records
 * ----------------------------------------------------------------------------------------------- */

/* What of a message's records is told. */
struct records {
    struct span message;
    struct writer answer; /* "A 72.32.92.4, A ..." */
    size_t shown, seen;
    uint16_t first_type, last_type; /* of the answers */
};

static void add_first_answer(struct view_make *m, const struct dns_record *record, struct span rdata)
{
    uint8_t room[NAME_TEXT_ROOM];
    uint8_t type[TYPE_TEXT_MAX];
    struct span target = dns_rdata_name(record->type, rdata);
    view_add_number(m, "ttl", record->ttl);
    view_add(m, "type", type_text(record->type, type));
    if (target.len)
        view_add(m, "target", name_text(target, room));
}

/* SOA: two names, then the serial. */
static void add_serial(struct view_make *m, uint16_t type, struct span rdata)
{
    struct reader r = reader_over(rdata);
    if (type != DNS_TYPE_SOA || view_added(m, "serial").len)
        return;
    read_plain_name(&r);
    read_plain_name(&r);
    uint32_t serial = read_u32(&r);
    if (reader_ok(&r))
        view_add_number(m, "serial", serial);
}

static struct span without_dot(struct span text)
{
    return text.len > 1 && text.at[text.len - 1] == '.' && text.at[text.len - 2] != ' '
               ? span_head(text, text.len - 1)
               : text;
}

/* Into the list of all, and of the first few onto the line: keys and their like by their type alone. */
static void tell_answer(struct view_make *m, struct records *all, struct span text, struct span type)
{
    struct mark before = writer_mark(&all->answer);
    if (writer_length(&all->answer))
        write_text(&all->answer, ", ");
    write_span(&all->answer, text);
    if (!writer_ok(&all->answer))
        writer_back_to(&all->answer, before);
    if (++all->shown <= RECORDS_SHOWN)
        view_show(m, text.len > RECORD_CHARACTERS ? type : text);
}

static void take_answer(struct view_make *m, struct records *all, const struct dns_record *record)
{
    uint8_t held[RDATA_ROOM], type[TYPE_TEXT_MAX];
    struct writer rdata = writer_over(held, sizeof held);
    bool readable = dns_rdata_read(record->type, record->rdata, all->message, &rdata);
    if (!all->seen++ && readable)
        add_first_answer(m, record, writer_span(&rdata));
    if (all->seen == 1)
        all->first_type = record->type;
    all->last_type = record->type;
    if (readable)
        add_serial(m, record->type, writer_span(&rdata));
    uint8_t room[VIEW_VALUE_BYTES];
    struct writer text = writer_over(room, sizeof room);
    write_span(&text, type_text(record->type, type));
    write_u8(&text, ' ');
    if (readable)
        write_dns_rdata_text(&text, record->type, writer_span(&rdata));
    else
        write_text(&text, "(unreadable)");
    if (writer_ok(&text))
        tell_answer(m, all, without_dot(writer_span(&text)), type_text(record->type, type));
}

/* The authority section of a negative answer, a referral, an IXFR query. */
static void take_authority(struct view_make *m, const struct records *all, const struct dns_record *record)
{
    uint8_t held[RDATA_ROOM], room[NAME_TEXT_ROOM], type[TYPE_TEXT_MAX];
    struct writer rdata = writer_over(held, sizeof held);
    if (!dns_rdata_read(record->type, record->rdata, all->message, &rdata))
        return;
    add_serial(m, record->type, writer_span(&rdata));
    if (view_added(m, "authority").len)
        return;
    struct span name = dns_rdata_name(record->type, writer_span(&rdata));
    struct span text = name_text(dns_name_span(&record->owner), room);
    struct span owner = view_format(m, "%.*s", SPAN(text));
    text = type_text(record->type, type);
    struct span kind = view_format(m, "%.*s", SPAN(text));
    text = name.len ? name_text(name, room) : span_of(room, 0);
    view_add(m, "authority", view_format(m, "%.*s %.*s %.*s", SPAN(owner), SPAN(kind), SPAN(text)));
}

static void take_additional(struct view_make *m, const struct dns_record *record)
{
    struct dns_edns edns;
    if (record->type == DNS_TYPE_OPT && dns_edns_read(record, &edns))
        view_add_number(m, "edns", edns.udp_bytes);
}

static bool take_records(struct view_make *m, struct reader *r, const struct dns_header *h,
                         struct records *all)
{
    size_t count = (size_t)h->answers + h->authorities + h->additionals;
    struct dns_record record;
    for (size_t i = 0; i < count && i < RECORDS_READ; i++) {
        if (!read_dns_record(r, all->message, &record))
            return false;
        if (i < h->answers)
            take_answer(m, all, &record);
        else if (i < (size_t)h->answers + h->authorities)
            take_authority(m, all, &record);
        else
            take_additional(m, &record);
    }
    return true;
}

/* ---- the message
 * -------------------------------------------------------------------------------------------- */

static void add_question(struct view_make *m, const struct dns_question *q)
{
    uint8_t room[NAME_TEXT_ROOM], type[TYPE_TEXT_MAX];
    view_add(m, "qname", name_text(dns_name_span(&q->name), room));
    view_add(m, "qtype", type_text(q->type, type));
    view_add_number(m, "qclass", q->class);
}

static void set_word(struct view_make *m, uint16_t flags)
{
    bool response = flags & DNS_QR;
    enum dns_opcode opcode = dns_opcode(flags);
    const char *word = "query";
    if (response)
        word = "response";
    else if (opcode == DNS_OPCODE_NOTIFY || opcode == DNS_OPCODE_UPDATE)
        word = opcode_word(flags);
    view_word(m, VIEW_DNS, word);
    m->message.reply = response;
}

static void show_query(struct view_make *m, const struct dns_header *h)
{
    struct span name = view_added(m, "qname"), type = view_added(m, "qtype");
    view_show_format(m, "%.*s %.*s", SPAN(type), SPAN(name));
    view_show_field(m, "serial");
    if (dns_opcode(h->flags) == DNS_OPCODE_UPDATE)
        view_show_format(m, "%u changes", h->authorities);
}

/* What stands on a response's line before its records. */
static void show_outcome(struct view_make *m, const struct dns_header *h)
{
    struct span rcode = view_added(m, "rcode");
    if (dns_rcode(h->flags) != DNS_NOERROR)
        view_show(m, rcode);
    if (h->flags & DNS_TC)
        view_show_format(m, "truncated");
    if (h->answers > RECORDS_SHOWN)
        view_show_format(m, "%u records", h->answers);
}

static void show_rest(struct view_make *m, const struct dns_header *h)
{
    struct span authority = view_added(m, "authority");
    if (!h->answers && authority.len)
        view_show(m, authority);
    else if (!h->answers && dns_opcode(h->flags) == DNS_OPCODE_QUERY && dns_rcode(h->flags) == DNS_NOERROR)
        view_show_format(m, "no records");
    view_show_field(m, "ttl");
    if (h->flags & DNS_AA)
        view_show_format(m, "authoritative");
}

static void say_response(struct view_make *m, const struct dns_header *h)
{
    struct span name = view_added(m, "qname"), type = view_added(m, "qtype"), rcode = view_added(m, "rcode");
    if (h->flags & DNS_TC)
        view_say(m, "response: too long for a datagram; ask again over TCP");
    else if (dns_opcode(h->flags) != DNS_OPCODE_QUERY)
        view_say(m, "response: %.*s", SPAN(rcode));
    else if (dns_rcode(h->flags) == DNS_NXDOMAIN)
        view_say(m, "response: there is no name %.*s", SPAN(name));
    else if (dns_rcode(h->flags) != DNS_NOERROR)
        view_say(m, "response: %.*s", SPAN(rcode));
    else if (!h->answers)
        view_say(m, "response: %.*s has no records of type %.*s here", SPAN(name), SPAN(type));
    else
        view_say(m, "response: %u %s of %.*s", h->answers, h->answers == 1 ? "record" : "records",
                 SPAN(name));
}

static void say_query(struct view_make *m, const struct dns_header *h)
{
    struct span name = view_added(m, "qname"), type = view_added(m, "qtype");
    if (dns_opcode(h->flags) == DNS_OPCODE_NOTIFY)
        view_say(m, "NOTIFY: the zone %.*s has changed", SPAN(name));
    else if (dns_opcode(h->flags) == DNS_OPCODE_UPDATE)
        view_say(m, "UPDATE: change the zone %.*s", SPAN(name));
    else if (span_is(type, "AXFR"))
        view_say(m, "query: the whole zone %.*s, please", SPAN(name));
    else if (span_is(type, "IXFR"))
        view_say(m, "query: what has changed in the zone %.*s?", SPAN(name));
    else
        view_say(m, "query: which %.*s records has %.*s?", SPAN(type), SPAN(name));
}

bool view_dns(struct view_make *m, struct span payload, bool tcp)
{
    struct reader r = reader_over(payload);
    struct dns_header h;
    struct dns_question q;
    uint8_t answer[VIEW_VALUE_BYTES];
    struct records all = { .message = payload, .answer = writer_over(answer, sizeof answer) };
    if (!read_dns_header(&r, &h))
        return false;
    set_word(m, h.flags);
    add_header(m, &h);
    view_add_text(m, "transport", tcp ? "tcp" : "udp");
    bool whole = true;
    for (size_t i = 0; whole && i < h.questions; i++) { /* each turn reads a name at least */
        whole = read_dns_question(&r, payload, &q);
        if (whole && i == 0)
            add_question(m, &q);
    }
    bool response = h.flags & DNS_QR;
    if (response)
        show_outcome(m, &h);
    whole = whole && take_records(m, &r, &h, &all);
    if (writer_length(&all.answer))
        view_add(m, "answer", writer_span(&all.answer));
    if (!response)
        show_query(m, &h);
    else
        show_rest(m, &h);
    if (!whole)
        view_show(m, span_text("cut short or malformed"));
    else if (reader_left(&r))
        view_add_number(m, "stray-bytes", reader_left(&r));
    if (response)
        say_response(m, &h);
    else
        say_query(m, &h);
    return true;
}

bool view_dns_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_stream *s = &c->flows[side].stream;
    struct reader r = reader_over(view_stream_span(s));
    size_t length = read_u16(&r);
    struct span message = read_span(&r, length);
    if (!reader_ok(&r))
        return false;
    if (!view_dns(m, message, true)) {
        view_word(m, VIEW_DNS, "damaged");
        view_show_format(m, "%zu bytes that are no DNS message", length);
    }
    view_stream_take(s, 0, LENGTH_BYTES + length);
    return true;
}
