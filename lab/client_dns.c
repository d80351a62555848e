/* DNS questions (RFC 1035 4.2, 7) and zone transfers (RFC 5936, RFC 1995) as a client asks them. */
#include "client.h"

#include "text.h"
#include "wire/dns_rdata.h"

#define DNS_PORT        53
#define TRY_MS          2000 /* until a question is sent again by UDP */
#define TRIES_MAX       3
#define STRAY_BYTES_MAX 64

/* Where a transfer is. The first SOA's serial is the zone's new one; a second SOA at once with the serial
 * that the asker has makes it incremental (RFC 1995 4), anything else is the whole zone. */
enum transfer_at { AT_BEGIN, AT_SECOND, AT_WHOLE, AT_DELETED, AT_ADDED, AT_END };

struct client_dns {
    struct client client;
    struct dns_question question;
    uint16_t id;
    bool over_tcp, length_sent;
    unsigned tries;
    enum transfer_at at;
    bool incremental; /* asked for */
    uint32_t has;     /* incremental: the serial that the asker has */
    uint32_t newest;  /* of the first SOA */
    uint32_t version; /* incremental: of the SOA met last */
};

/* ---- lines ------------------------------------------------------------------------------------------------
 */

static bool is_name(const struct span *words, size_t count)
{
    struct dns_name name;
    return count == 1 && !dns_name_from_text(words[0], NULL, &name);
}

static bool is_type(const struct span *words, size_t count)
{
    uint16_t type;
    return count == 1 && dns_type_from_text(words[0], &type);
}

static bool class_from_text(struct span text, uint16_t *out)
{
    static const struct {
        const char *name;
        uint16_t class;
    } classes[] = {
        { "IN", DNS_CLASS_IN }, { "CH", DNS_CLASS_CH }, { "HS", DNS_CLASS_HS }, { "ANY", DNS_CLASS_ANY }
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (span_is_nocase(text, classes[i].name)) {
            *out = classes[i].class;
            return true;
        }
    }
    return false;
}

static bool is_class(const struct span *words, size_t count)
{
    uint16_t class;
    return count == 1 && class_from_text(words[0], &class);
}

static bool rcode_from_text(struct span text, unsigned *out)
{
    uint64_t number;
    for (unsigned code = 0; code <= DNS_BADVERS; code++) {
        const char *name = dns_rcode_name((enum dns_rcode)code);
        *out = code;
        if (name && span_is_nocase(text, name))
            return true;
    }
    bool good = parse_decimal(text, 0xFFF, &number); /* RFC 6891 6.1.3: twelve bits */
    *out = good ? (unsigned)number : 0;
    return good;
}

static bool is_rcode(const struct span *words, size_t count)
{
    unsigned code;
    return count == 1 && rcode_from_text(words[0], &code);
}

static bool is_serial(const struct span *words, size_t count)
{
    uint64_t serial;
    return count == 1 && parse_decimal(words[0], UINT32_MAX, &serial);
}

static bool is_segments(const struct span *words, size_t count)
{
    return count == 1 && (span_is(words[0], "1") || span_is(words[0], "2"));
}

static bool is_hex(const struct span *words, size_t count)
{
    uint8_t room[STRAY_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    return count == 1 && write_unhex(&w, words[0]);
}

/* ---- asking -----------------------------------------------------------------------------------------------
 */

static enum client_wish start(struct client_dns *d, const char *name, uint16_t type)
{
    struct client *c = &d->client;
    const char *wrong = dns_name_from_text(client_word(c, name, ""), NULL, &d->question.name);
    d->question.type = type;
    if (!class_from_text(client_word(c, "class", "IN"), &d->question.class) || wrong)
        return client_fail(c, "write a domain name", "the name is not %s", wrong ? wrong : "in a class");
    if (!client_find_server(c, DNS_PORT))
        return client_fail(c, "server 172.16.16.139", "the server is no address");
    d->id = (uint16_t)rng_next(&c->rng);
    return CLIENT_WAIT;
}

static void write_query(const struct client_dns *d, struct writer *out)
{
    const struct client *c = &d->client;
    uint64_t edns_bytes = client_number(c, "edns", 0);
    bool edns = client_setting(c, "edns", 0) != NULL;
    struct dns_header h = { .id = d->id,
                            .flags = client_says_no(c, "recursion") ? 0 : DNS_RD,
                            .questions = 1,
                            .authorities = d->incremental,
                            .additionals = edns };
    write_dns_header(out, &h);
    write_dns_question(out, &d->question);
    if (d->incremental) { /* RFC 1995 3: an SOA, of which only the serial counts */
        write_dns_name(out, NULL, dns_name_span(&d->question.name));
        write_u16(out, DNS_TYPE_SOA);
        write_u16(out, d->question.class);
        write_u32(out, 0);
        struct mark length = write_length16(out);
        write_zeros(out, 2); /* two names, the root each */
        write_u32(out, d->has);
        write_zeros(out, 4 * sizeof(uint32_t));
        close_length16(out, length);
    }
    if (edns)
        write_dns_opt(out, &(struct dns_edns){ .udp_bytes = (uint16_t)edns_bytes }, DNS_NOERROR);
    write_unhex(out, client_word(c, "stray-bytes", ""));
}

/* The question behind its length; that may go ahead in a segment of its own. */
static enum client_wish ask_over_tcp(struct client_dns *d, struct writer *out)
{
    bool apart = client_number(&d->client, "segments", 1) == 2;
    struct mark length = write_length16(out);
    struct mark message = writer_mark(out);
    write_query(d, out);
    if (!apart) {
        close_length16(out, length);
        return CLIENT_WAIT;
    }
    size_t bytes = writer_length(out) - message.offset;
    writer_back_to(out, length);
    if (d->length_sent) {
        write_query(d, out);
        return CLIENT_WAIT;
    }
    d->length_sent = true;
    write_u16(out, (uint16_t)bytes);
    return CLIENT_AGAIN;
}

static enum client_wish ask_over_udp(struct client_dns *d, struct now now, struct writer *out)
{
    struct client *c = &d->client;
    if (d->tries++ == TRIES_MAX)
        return client_fail(c, "is a server there, and does it listen on UDP?", "no answer to %u questions",
                           TRIES_MAX);
    c->due_ms = now.mono_ms + TRY_MS;
    write_query(d, out);
    return CLIENT_DATAGRAM;
}

static enum client_wish connect_to_ask(struct client_dns *d)
{
    d->over_tcp = true;
    d->client.due_ms = 0;
    return CLIENT_CONNECT;
}

/* ---- answers ----------------------------------------------------------------------------------------------
 */

/* A response to this question: identifier, and the question itself (RFC 5452 9.1). An error may come without
 * the question, and so may the later messages of a transfer (RFC 5936 2.2.1). `r` stands behind it. */
static bool is_answer(const struct client_dns *d, struct span message, struct reader *r, struct dns_header *h)
{
    struct dns_question q;
    *r = reader_over(message);
    if (!read_dns_header(r, h) || h->id != d->id || !(h->flags & DNS_QR) ||
        dns_opcode(h->flags) != DNS_OPCODE_QUERY || h->questions > 1)
        return false;
    if (h->questions == 0)
        return dns_rcode(h->flags) != DNS_NOERROR || d->at != AT_BEGIN;
    return read_dns_question(r, message, &q) && q.type == d->question.type && q.class == d->question.class &&
           dns_name_equal(dns_name_span(&q.name), dns_name_span(&d->question.name));
}

/* Reads all records; *rcode gets the upper eight bits that OPT has. */
static bool read_records(struct reader *r, struct span message, const struct dns_header *h, unsigned *rcode)
{
    uint32_t count = (uint32_t)h->answers + h->authorities + h->additionals;
    for (uint32_t i = 0; i < count; i++) { /* ends: by the count, and each takes eleven bytes */
        struct dns_record record;
        struct dns_edns e;
        if (!read_dns_record(r, message, &record))
            return false;
        if (record.type == DNS_TYPE_OPT && dns_edns_read(&record, &e))
            *rcode |= (unsigned)e.extended_rcode << 4;
    }
    return true;
}

static enum client_wish refused(struct client_dns *d, unsigned rcode, const char *remedy, const char *what)
{
    const char *name = dns_rcode_name((enum dns_rcode)rcode);
    return name ? client_fail(&d->client, remedy, "%s %s", what, name)
                : client_fail(&d->client, remedy, "%s rcode %u", what, rcode);
}

static enum client_wish take_answer(struct client_dns *d, struct span message, struct reader *r,
                                    const struct dns_header *h)
{
    unsigned rcode = dns_rcode(h->flags), expected;
    if (h->flags & DNS_TC) {
        if (d->over_tcp)
            return client_fail(&d->client, "an answer by TCP has room for all",
                               "the answer by TCP is truncated");
        d->id = (uint16_t)rng_next(&d->client.rng);
        return connect_to_ask(d);
    }
    if (!read_records(r, message, h, &rcode))
        return client_fail(&d->client, "look at the capture",
                           "the answer is malformed: a record is cut short");
    if (!rcode_from_text(client_word(&d->client, "expect-rcode", ""), &expected) || rcode == expected)
        return CLIENT_DONE;
    return refused(d, rcode, "is the name in the zone, and may this client ask?", "the answer is");
}

/* The next whole message of the connection; false when there is none yet. */
static bool next_message(struct reader *in, struct span *message)
{
    struct reader whole = *in;
    *message = read_span(&whole, read_u16(&whole));
    if (!reader_ok(&whole))
        return false;
    *in = whole;
    return true;
}

static enum client_wish take_bytes(struct client_dns *d, struct span in, size_t *taken)
{
    struct reader bytes = reader_over(in), r;
    struct dns_header h;
    struct span message;
    if (!next_message(&bytes, &message))
        return CLIENT_WAIT;
    *taken = reader_offset(&bytes);
    if (!is_answer(d, message, &r, &h))
        return client_fail(&d->client, "look at the capture",
                           "what came by TCP is no answer to the question");
    return take_answer(d, message, &r, &h);
}

/* Datagrams that are no answer to this question are not looked at further: anyone may send such. */
static enum client_wish take_datagram(struct client_dns *d, struct span in)
{
    struct reader r;
    struct dns_header h;
    return is_answer(d, in, &r, &h) ? take_answer(d, in, &r, &h) : CLIENT_WAIT;
}

static enum client_wish closed(struct client_dns *d)
{
    if (d->over_tcp)
        return client_fail(&d->client, "the server's events say why",
                           "the server ended the connection before its answer was whole");
    return client_fail(&d->client, "start a server there", "nobody listens on port %u of the server",
                       d->client.server.port);
}

/* ---- dns-query --------------------------------------------------------------------------------------------
 */

static enum client_wish query_begin(struct client_dns *d, struct now now, struct writer *out)
{
    uint16_t type = DNS_TYPE_A;
    dns_type_from_text(client_word(&d->client, "type", "A"), &type);
    enum client_wish wish = start(d, "name", type);
    if (wish == CLIENT_FAILED)
        return wish;
    return client_setting(&d->client, "tcp", 0) ? connect_to_ask(d) : ask_over_udp(d, now, out);
}

static enum client_wish query_step(struct client *c, enum client_event event, struct span in, size_t *taken,
                                   struct now now, struct writer *out)
{
    struct client_dns *d = (struct client_dns *)c;
    switch (event) {
    case CLIENT_BEGIN:
        return query_begin(d, now, out);
    case CLIENT_CONNECTED:
    case CLIENT_SENT:
        return ask_over_tcp(d, out);
    case CLIENT_BYTES:
        return d->over_tcp ? take_bytes(d, in, taken) : take_datagram(d, in);
    case CLIENT_CLOSED:
        return closed(d);
    case CLIENT_DUE:
        return d->over_tcp ? CLIENT_WAIT : ask_over_udp(d, now, out);
    case CLIENT_SECURED:
        break;
    }
    return CLIENT_WAIT;
}

static const char *query_fault(const struct client *c)
{
    return ((const struct client_dns *)c)->over_tcp ? "no answer by TCP" : "no answer by UDP";
}

static const struct client_key query_keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.139",
      "whom to ask; port 53 where none is given" },
    { "name", CLIENT_VALUE_WORDS, 1, 1, true, false, is_name, "name www.example.com", "what to ask for" },
    { "type", CLIENT_VALUE_WORDS, 1, 1, false, false, is_type, "type MX",
      "the type of record, or TYPE and its number; A where none is given" },
    { "class", CLIENT_VALUE_WORDS, 1, 1, false, false, is_class, "class CH", "IN, CH, HS or ANY; else IN" },
    { "recursion", CLIENT_VALUE_WORDS, 1, 1, false, false, client_is_yes_no, "recursion no",
      "whether the server is asked to ask others (the flag RD); else yes" },
    { "edns", CLIENT_VALUE_WORDS, 1, 1, false, false, client_is_number, "edns 1232",
      "adds an OPT record with this size of answers by UDP" },
    { "tcp", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "tcp",
      "asks by TCP at once, and not only after a truncated answer" },
    { "segments", CLIENT_VALUE_WORDS, 1, 1, false, false, is_segments, "segments 2",
      "2: by TCP the two bytes of the length go ahead in a segment of their own" },
    { "stray-bytes", CLIENT_VALUE_WORDS, 1, 1, false, false, is_hex, "stray-bytes 4d53",
      "these bytes, in hexadecimal, behind the question and within the message's length" },
    { "expect-rcode", CLIENT_VALUE_WORDS, 1, 1, false, false, is_rcode, "expect-rcode NXDOMAIN",
      "fails when the answer has another; any will do where none is given" },
};

const struct client_type client_dns_query = {
    .word = "dns-query",
    .meaning = "asks a DNS server one question, by UDP, and by TCP when the answer is truncated",
    .keys = query_keys,
    .key_count = sizeof query_keys / sizeof *query_keys,
    .bytes = sizeof(struct client_dns),
    .step = query_step,
    .fault = query_fault,
};

/* ---- dns-transfer -----------------------------------------------------------------------------------------
 */

static enum client_wish transfer_begin(struct client_dns *d)
{
    uint64_t serial = client_number(&d->client, "serial", 0);
    d->incremental = client_setting(&d->client, "serial", 0) != NULL;
    d->has = (uint32_t)serial;
    enum client_wish wish = start(d, "zone", d->incremental ? DNS_TYPE_IXFR : DNS_TYPE_AXFR);
    return wish == CLIENT_FAILED ? wish : connect_to_ask(d);
}

/* The serial of the zone's SOA; false when the record is another one. */
static bool is_soa(const struct client_dns *d, const struct dns_record *record, struct span message,
                   uint32_t *serial)
{
    struct reader r = record->rdata;
    struct dns_name skipped;
    if (record->type != DNS_TYPE_SOA ||
        !dns_name_equal(dns_name_span(&record->owner), dns_name_span(&d->question.name)))
        return false;
    read_dns_name(&r, message, &skipped);
    read_dns_name(&r, message, &skipped);
    *serial = read_u32(&r);
    return reader_ok(&r);
}

/* The next record, in what order they come: NULL, or what is wrong. */
static const char *take_soa(struct client_dns *d, uint32_t serial)
{
    switch (d->at) {
    case AT_BEGIN: /* RFC 1995 2: alone when the asker has the newest already */
        d->newest = serial;
        d->at = d->incremental && !dns_serial_newer(serial, d->has) ? AT_END : AT_SECOND;
        return NULL;
    case AT_SECOND:
        d->at = d->incremental && serial == d->has ? AT_DELETED : AT_END;
        d->version = serial;
        return d->at == AT_END && serial != d->newest ? "the second SOA has another serial than the first"
                                                      : NULL;
    case AT_WHOLE:
        d->at = AT_END;
        return serial != d->newest ? "the closing SOA has another serial than the first" : NULL;
    case AT_DELETED:
        d->at = AT_ADDED;
        d->version = serial;
        return NULL;
    case AT_ADDED:
        d->at = d->version == d->newest ? AT_END : AT_DELETED;
        return serial != d->version
                   ? "a difference begins at another serial than that where the last one ended"
                   : NULL;
    case AT_END:
        break;
    }
    return "records follow the closing SOA";
}

static const char *take_record(struct client_dns *d, const struct dns_record *record, struct span message)
{
    uint32_t serial;
    if (is_soa(d, record, message, &serial))
        return take_soa(d, serial);
    if (d->at == AT_BEGIN)
        return "the first record is not the zone's SOA";
    if (d->at == AT_END)
        return "records follow the closing SOA";
    if (d->at == AT_SECOND)
        d->at = AT_WHOLE;
    return NULL;
}

static enum client_wish take_transfer(struct client_dns *d, struct span message)
{
    static const char look[] = "look at the capture";
    struct dns_header h;
    struct reader r;
    if (!is_answer(d, message, &r, &h))
        return client_fail(&d->client, look, "what came is no answer to the question");
    if (dns_rcode(h.flags) != DNS_NOERROR)
        return refused(d, dns_rcode(h.flags), "does the zone's allow-transfer name this client?",
                       "the server answered the transfer with");
    if (h.answers == 0)
        return client_fail(&d->client, look, "a message of the transfer has no record");
    for (uint32_t i = 0; i < h.answers; i++) { /* ends: by the count, and each takes eleven bytes */
        struct dns_record record;
        const char *wrong = "a record is cut short";
        if (read_dns_record(&r, message, &record))
            wrong = take_record(d, &record, message);
        if (wrong)
            return client_fail(&d->client, look, "the transfer is not in order: %s", wrong);
    }
    return d->at == AT_END ? CLIENT_DONE : CLIENT_WAIT;
}

static enum client_wish take_transfers(struct client_dns *d, struct span in, size_t *taken)
{
    struct reader bytes = reader_over(in);
    struct span message;
    enum client_wish wish = CLIENT_WAIT;
    while (wish == CLIENT_WAIT &&
           next_message(&bytes, &message)) /* ends: each takes its length's two bytes */
        wish = take_transfer(d, message);
    *taken = reader_offset(&bytes);
    return wish;
}

static enum client_wish transfer_step(struct client *c, enum client_event event, struct span in,
                                      size_t *taken, struct now now, struct writer *out)
{
    struct client_dns *d = (struct client_dns *)c;
    (void)now;
    switch (event) {
    case CLIENT_BEGIN:
        return transfer_begin(d);
    case CLIENT_CONNECTED:
    case CLIENT_SENT:
        return ask_over_tcp(d, out);
    case CLIENT_BYTES:
        return take_transfers(d, in, taken);
    case CLIENT_CLOSED:
        return client_fail(c, "the server's events say why", "the server ended the connection %s",
                           d->at == AT_BEGIN ? "before the first record" : "before the closing SOA");
    case CLIENT_DUE:
    case CLIENT_SECURED:
        break;
    }
    return CLIENT_WAIT;
}

static const char *transfer_fault(const struct client *c)
{
    return ((const struct client_dns *)c)->at == AT_BEGIN ? "no answer to the transfer" : "no closing SOA";
}

static const struct client_key transfer_keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.139",
      "whom to ask; port 53 where none is given" },
    { "zone", CLIENT_VALUE_WORDS, 1, 1, true, false, is_name, "zone contoso.local", "what to transfer" },
    { "serial", CLIENT_VALUE_WORDS, 1, 1, false, false, is_serial, "serial 71",
      "the serial that the client has: asks for what changed since (IXFR), and not for the zone (AXFR)" },
    { "recursion", CLIENT_VALUE_WORDS, 1, 1, false, false, client_is_yes_no, "recursion no",
      "the flag RD, without a meaning here; else yes" },
    { "segments", CLIENT_VALUE_WORDS, 1, 1, false, false, is_segments, "segments 2",
      "2: the two bytes of the length go ahead in a segment of their own" },
    { "stray-bytes", CLIENT_VALUE_WORDS, 1, 1, false, false, is_hex, "stray-bytes 4d53",
      "these bytes, in hexadecimal, behind the question and within the message's length" },
};

const struct client_type client_dns_transfer = {
    .word = "dns-transfer",
    .meaning = "transfers a zone, whole or what changed in it",
    .keys = transfer_keys,
    .key_count = sizeof transfer_keys / sizeof *transfer_keys,
    .bytes = sizeof(struct client_dns),
    .step = transfer_step,
    .fault = transfer_fault,
};
