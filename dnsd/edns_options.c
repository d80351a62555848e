#include "edns_options.h"

#define OPTION_HEAD   4   /* code and length */
#define PADDING_BLOCK 468 /* RFC 8467 4.1, of responses */
#define LENGTH_BYTES  2   /* of OPT's data: what stands last in a message that ends with an empty OPT */
/* RFC 7873 4: a client cookie alone, or a server cookie of 8 to 32 octets behind it */
#define COOKIE_LEAST 16
#define COOKIE_MOST  40

enum option {
    OPTION_NSID = 3,
    OPTION_COOKIE = 10,
    OPTION_KEEPALIVE = 11,
    OPTION_PADDING = 12,
    OPTION_FAULT = 15,
};

/* ---- reading ------------------------------------------------------------------------------------ */

static const char *take_cookie(struct span cookie, const struct edns_settings *s,
                               const struct edns_asker *from, struct edns_asked *out)
{
    struct reader r = reader_over(cookie);
    struct span client = read_span(&r, COOKIE_CLIENT_BYTES), server = read_rest(&r);
    if (!reader_ok(&r) || (server.len && (cookie.len < COOKIE_LEAST || cookie.len > COOKIE_MOST)))
        return "a cookie of a length that there is not"; /* RFC 7873 5.2.2 */
    if (!s->cookies.count || out->cookie)                /* the first one counts: RFC 7873 4 */
        return NULL;
    struct writer w = writer_over(out->server, sizeof out->server);
    memcpy(out->client, client.at, COOKIE_CLIENT_BYTES);
    out->state = cookie_check(&s->cookies, client, server, from->peer, from->unix_s);
    if (out->state == COOKIE_GOOD)
        write_span(&w, server);
    else
        cookie_make(&s->cookies, client, from->peer, from->unix_s, &w);
    out->cookie = true;
    return NULL;
}

static const char *take_option(uint16_t code, struct span data, const struct edns_settings *s,
                               const struct edns_asker *from, struct edns_asked *out)
{
    switch ((enum option)code) {
    case OPTION_NSID:
        out->nsid = s->nsid.len != 0;
        break;
    case OPTION_COOKIE:
        return take_cookie(data, s, from, out);
    case OPTION_KEEPALIVE:
        if (from->transport == EDNS_UDP)
            break; /* RFC 7828 3.2.1: it is ignored there */
        if (data.len)
            return "a time in a client's keepalive option"; /* RFC 7828 3.2.1 */
        out->keepalive = true;
        break;
    case OPTION_PADDING:
        out->padding = from->transport == EDNS_TLS; /* RFC 7830 6: no use in clear */
        break;
    case OPTION_FAULT:
        break; /* RFC 8914 3: it has no meaning in a query */
    }
    return NULL;
}

const char *edns_options_read(struct span options, const struct edns_settings *s,
                              const struct edns_asker *from, struct edns_asked *out)
{
    struct reader r = reader_over(options);
    const char *wrong = NULL;
    *out = (struct edns_asked){ 0 };
    while (reader_left(&r) && !wrong) { /* ends: each option takes at least its code and length */
        uint16_t code = read_u16(&r);
        uint16_t length = read_u16(&r);
        struct span data = read_span(&r, length);
        wrong = take_option(code, data, s, from, out);
    }
    out->any = out->nsid || out->keepalive || out->padding || out->cookie;
    return wrong;
}

/* ---- writing ------------------------------------------------------------------------------------- */

size_t edns_options_bytes(const struct edns_asked *a, const struct edns_settings *s)
{
    size_t bytes = 0;
    if (a->cookie)
        bytes += OPTION_HEAD + COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES;
    if (a->nsid)
        bytes += OPTION_HEAD + s->nsid.len;
    if (a->keepalive)
        bytes += OPTION_HEAD + 2;
    return bytes;
}

static struct mark open_option(struct writer *w, enum option code)
{
    write_u16(w, (uint16_t)code);
    return write_length16(w);
}

/* The text only as far as there is room for all of it. */
static void write_fault(struct writer *w, struct edns_fault_text fault)
{
    struct mark before = writer_mark(w);
    struct mark length = open_option(w, OPTION_FAULT);
    write_u16(w, fault.code);
    if (fault.text && writer_room(w) >= strlen(fault.text))
        write_text(w, fault.text);
    close_length16(w, length);
    if (!writer_ok(w))
        writer_back_to(w, before);
}

/* Up to the next full block, `behind` octets included. */
static void write_padding(struct writer *w, size_t behind)
{
    struct mark before = writer_mark(w);
    struct mark length = open_option(w, OPTION_PADDING);
    size_t over = (writer_length(w) + behind) % PADDING_BLOCK;
    write_zeros(w, over ? PADDING_BLOCK - over : 0);
    close_length16(w, length);
    if (!writer_ok(w))
        writer_back_to(w, before);
}

static void write_cookie(struct writer *w, const struct edns_asked *a)
{
    struct mark length = open_option(w, OPTION_COOKIE);
    write_bytes(w, a->client, sizeof a->client);
    write_bytes(w, a->server, sizeof a->server);
    close_length16(w, length);
}

static void write_nsid(struct writer *w, struct span nsid)
{
    struct mark length = open_option(w, OPTION_NSID);
    write_span(w, nsid);
    close_length16(w, length);
}

static void write_keepalive(struct writer *w, uint16_t tenths)
{
    struct mark length = open_option(w, OPTION_KEEPALIVE);
    write_u16(w, tenths);
    close_length16(w, length);
}

void edns_options_write(const struct edns_asked *a, const struct edns_settings *s,
                        struct edns_fault_text fault, size_t limit, size_t behind, struct writer *w)
{
    struct mark all = { writer_length(w) - LENGTH_BYTES };
    size_t most = limit > writer_length(w) + behind ? limit - writer_length(w) - behind : 0;
    size_t above = writer_room(w) > most ? writer_room(w) - most : 0;
    writer_reserve(w, above);
    if (a->cookie)
        write_cookie(w, a);
    if (a->nsid)
        write_nsid(w, s->nsid);
    if (a->keepalive)
        write_keepalive(w, s->keepalive);
    if (!writer_ok(w)) /* cannot be: it was kept free */
        writer_back_to(w, (struct mark){ all.offset + LENGTH_BYTES });
    if (fault.code != EDNS_FAULT_NONE)
        write_fault(w, fault);
    if (a->padding)
        write_padding(w, behind);
    writer_release(w, above);
    close_length16(w, all);
}
