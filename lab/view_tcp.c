#include "view_make.h"

#define TCP_HEADER_BYTES 20

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* What is still to be told of a segment. */
enum stage { STAGE_SYN, STAGE_BYTES, STAGE_END, STAGE_REST, STAGE_DONE };

/* ---- which protocol ------------------------------------------------------------------------------------ */

/* The usual ports, and those of the lab's examples. */
static const struct {
    uint16_t port;
    enum view_protocol protocol;
} services[] = {
    { 53, VIEW_DNS },  { 5300, VIEW_DNS }, { 80, VIEW_HTTP },   { 8080, VIEW_HTTP }, { 8000, VIEW_HTTP },
    { 25, VIEW_SMTP }, { 587, VIEW_SMTP }, { 2525, VIEW_SMTP }, { 143, VIEW_IMAP },  { 1143, VIEW_IMAP },
    { 443, VIEW_TLS }, { 465, VIEW_TLS },  { 993, VIEW_TLS },   { 8443, VIEW_TLS },
};

static enum view_protocol protocol_of_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (services[i].port == port)
            return services[i].protocol;
    return VIEW_TCP;
}

static bool begins_with_method(struct span bytes)
{
    static const char *const methods[] = {
        "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "HTTP/1."
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (span_starts(bytes, methods[i]))
            return true;
    return false;
}

/* By what the first bytes look like; VIEW_TCP: like nothing known. */
static enum view_protocol protocol_of_bytes(struct span bytes)
{
    if (bytes.len > 2 && bytes.at[0] == 22 && bytes.at[1] == 3)
        return VIEW_TLS;
    if (begins_with_method(bytes))
        return VIEW_HTTP;
    if (span_starts(bytes, "220 ") || span_starts(bytes, "220-"))
        return VIEW_SMTP;
    if (span_starts(bytes, "* OK") || span_starts(bytes, "* PREAUTH"))
        return VIEW_IMAP;
    return VIEW_TCP;
}

/* Settled when a side's first bytes are there: a port may be used for TLS, too. */
static void settle_protocol(struct view_connection *c, enum view_side side)
{
    struct span bytes = view_stream_span(&c->flows[side].stream);
    if (c->sniffed || !bytes.len)
        return;
    enum view_protocol seen = protocol_of_bytes(bytes);
    c->protocol = protocol_of_port(c->ends[VIEW_SERVER].port);
    if (c->protocol == VIEW_TCP)
        c->protocol = protocol_of_port(c->ends[VIEW_CLIENT].port);
    if (c->protocol == VIEW_TCP || (seen == VIEW_TLS && c->protocol != VIEW_DNS))
        c->protocol = seen;
    c->sniffed = true;
}

/* ---- the table of connections ---------------------------------------------------------------------------
 */

static bool end_equal(const struct view_end *a, const struct view_end *b)
{
    return a->port == b->port && address_equal(a->address, b->address);
}

static void close_connection(struct view_connection *c)
{
    for (int side = 0; side < VIEW_SIDES; side++)
        view_stream_close(&c->flows[side].stream);
    memset(c, 0, sizeof *c); /* large for a compound literal on the stack */
}

static struct view_connection *find(struct view_tcp *t, const struct view_packet *p, enum view_side *side)
{
    for (size_t i = 0; i < VIEW_CONNECTIONS_MAX; i++) {
        struct view_connection *c = &t->connections[i];
        for (int s = 0; c->used && s < VIEW_SIDES; s++)
            if (end_equal(&c->ends[s], &p->from) && end_equal(&c->ends[!s], &p->to)) {
                *side = (enum view_side)s;
                return c;
            }
    }
    return NULL;
}

/* The one that was silent longest makes room. */
static struct view_connection *make_connection(struct view_tcp *t)
{
    struct view_connection *oldest = &t->connections[0];
    for (size_t i = 0; i < VIEW_CONNECTIONS_MAX; i++) {
        struct view_connection *c = &t->connections[i];
        if (!c->used)
            return c;
        if (c->last_frame < oldest->last_frame)
            oldest = c;
    }
    close_connection(oldest);
    return oldest;
}

/* Who sent the SYN is the client; where that was not seen, who has no service's port. */
static enum view_side side_of(const struct view_tcp *t, const struct view_packet *p)
{
    if (t->flags & TCP_SYN)
        return t->flags & TCP_ACK ? VIEW_SERVER : VIEW_CLIENT;
    bool from = protocol_of_port(p->from.port) != VIEW_TCP, to = protocol_of_port(p->to.port) != VIEW_TCP;
    if (from != to)
        return from ? VIEW_SERVER : VIEW_CLIENT;
    return p->from.port < p->to.port ? VIEW_SERVER : VIEW_CLIENT;
}

/* A SYN with another number begins another connection between the same ports. */
static bool begins_anew(const struct view_tcp *t, const struct view_connection *c, enum view_side side)
{
    return t->flags & TCP_SYN && !(t->flags & TCP_ACK) && c->flows[side].stream.begun &&
           c->flows[side].stream.next != t->sequence + 1;
}

static struct view_connection *connection_of(struct view_tcp *t, const struct view_packet *p)
{
    struct view_connection *c = find(t, p, &t->side);
    if (c && begins_anew(t, c, t->side)) {
        close_connection(c);
        c = NULL;
    }
    if (c)
        return c;
    c = make_connection(t);
    t->side = side_of(t, p);
    c->used = true;
    c->protocol = VIEW_TCP;
    c->ends[t->side] = p->from;
    c->ends[!t->side] = p->to;
    return c;
}

/* ---- a segment --------------------------------------------------------------------------------------------
 */

static void feed(struct view_tcp *t, struct span data, size_t missing)
{
    struct view_stream *own = &t->connection->flows[t->side].stream;
    struct view_stream *other = &t->connection->flows[!t->side].stream;
    uint32_t first = t->sequence + (t->flags & TCP_SYN ? 1 : 0);
    t->came = VIEW_CAME_NEW;
    if (t->flags & TCP_SYN && own->begun)
        t->came = VIEW_CAME_AGAIN;
    else if (t->flags & TCP_SYN)
        view_stream_begin(own, first);
    if (data.len + missing)
        t->came = view_stream_add(own, first, data, missing);
    if (t->flags & TCP_ACK)
        view_stream_acknowledge(other, t->acknowledgement);
    if (t->flags & TCP_FIN) {
        if (own->fin && !(data.len + missing))
            t->came = VIEW_CAME_AGAIN;
        view_stream_fin(own, first + (uint32_t)(data.len + missing));
    }
    if (t->flags & TCP_RST) {
        view_stream_abort(own);
        view_stream_abort(other);
    }
}

bool view_tcp_take(struct view_tcp *t, struct view_packet *p, uint64_t frame)
{
    struct reader *r = &p->inside;
    p->from.port = read_u16(r);
    p->to.port = read_u16(r);
    t->sequence = read_u32(r);
    t->acknowledgement = read_u32(r);
    size_t header_bytes = (size_t)(read_u8(r) >> 4) * 4;
    t->flags = read_u8(r);
    t->window = read_u16(r);
    read_skip(r, 4);
    if (!reader_ok(r) || header_bytes < TCP_HEADER_BYTES)
        return false;
    read_skip(r, header_bytes - TCP_HEADER_BYTES);
    if (!reader_ok(r))
        return false;
    struct span data = read_rest(r);
    t->connection = connection_of(t, p);
    t->connection->last_frame = frame;
    t->bytes = data.len + p->missing;
    t->stage = STAGE_SYN;
    t->told = false;
    feed(t, data, p->missing);
    return true;
}

/* ---- messages of the bytes
 * ---------------------------------------------------------------------------------- */

bool view_data_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_stream *s = &c->flows[side].stream;
    if (!s->length)
        return false;
    view_word(m, VIEW_TCP, "data");
    view_add_number(m, "bytes", s->length);
    view_show_format(m, "%zu bytes", s->length);
    view_say(m, "%zu bytes of a protocol that is not read here", s->length);
    view_stream_take(s, 0, s->length);
    return true;
}

/* The bytes of a line that began where something is missing. */
static bool resync(struct view_flow *f)
{
    struct span line;
    size_t taken;
    if (!view_line(view_stream_span(&f->stream), &line, &taken)) {
        view_stream_take(&f->stream, 0, f->stream.length);
        return false;
    }
    view_stream_take(&f->stream, 0, taken);
    f->state = VIEW_STATE_START;
    return true;
}

/* Bytes that do not become a message although no more of them have room. */
static bool is_stuck(const struct view_flow *f)
{
    return f->stream.length == VIEW_STREAM_BYTES_MAX;
}

static bool next_of_protocol(struct view_make *m, struct view_connection *c, enum view_side side)
{
    static view_flow_fn *const of[VIEW_PROTOCOLS] = { [VIEW_DNS] = view_dns_next,
                                                      [VIEW_HTTP] = view_http_next,
                                                      [VIEW_SMTP] = view_smtp_next,
                                                      [VIEW_IMAP] = view_imap_next,
                                                      [VIEW_TLS] = view_tls_next };
    struct view_flow *f = &c->flows[side];
    settle_protocol(c, side);
    if (f->state == VIEW_STATE_RESYNC && !resync(f))
        return false;
    if (f->state != VIEW_STATE_LOST && of[c->protocol] && of[c->protocol](m, c, side))
        return true;
    if ((c->sniffed && !of[c->protocol]) || is_stuck(f))
        f->state = VIEW_STATE_LOST;
    return f->state == VIEW_STATE_LOST && view_data_next(m, c, side);
}

/* Tells that bytes are missing, and goes on behind them where that can be done. */
static bool take_gap(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    if (!f->stream.gap)
        return false;
    uint64_t gap = f->stream.gap;
    bool to_close = f->state == VIEW_STATE_CHUNKS || (f->state == VIEW_STATE_BODY && f->left < gap);
    if (c->protocol == VIEW_HTTP && to_close)
        f->state = VIEW_STATE_TO_CLOSE; /* where the body ends is not known any more */
    bool in_body = f->state == VIEW_STATE_TO_CLOSE || f->state == VIEW_STATE_TEXT ||
                   (f->state == VIEW_STATE_BODY && f->left >= gap);
    if (in_body) {
        f->left -= f->state == VIEW_STATE_BODY ? gap : 0;
        f->body += gap;
        f->missing += gap;
    } else {
        bool lines = c->protocol == VIEW_SMTP || c->protocol == VIEW_IMAP;
        view_stream_take(&f->stream, 0, f->stream.length);
        f->state = lines ? VIEW_STATE_RESYNC : c->protocol == VIEW_HTTP ? VIEW_STATE_START : VIEW_STATE_LOST;
        f->held = 0;
        f->body = f->left = 0;
    }
    view_stream_take_gap(&f->stream);
    view_word(m, VIEW_TCP, "gap");
    m->message.weight = VIEW_CONTROL;
    view_add_number(m, "bytes", gap);
    view_show_format(m, "%llu bytes were not captured", (unsigned long long)gap);
    view_say(m, "%llu bytes of this connection are not in the capture", (unsigned long long)gap);
    return true;
}

static void set_ends(struct view_make *m, const struct view_connection *c, enum view_side side)
{
    m->message.from = c->ends[side];
    m->message.to = c->ends[!side];
    m->message.reply = side == VIEW_SERVER;
}

/* A message that was begun and whose end will not come. */
static bool take_broken(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    bool counted = f->state == VIEW_STATE_TEXT; /* what is held is a part of the body */
    uint64_t bytes = f->stream.length + f->body - (counted ? f->held : 0);
    if (!f->stream.ended || !bytes || f->state == VIEW_STATE_LOST)
        return false;
    view_word(m, c->protocol, "cut");
    view_add_number(m, "bytes", bytes);
    view_show_format(m, "%llu bytes of a message that has no end here", (unsigned long long)bytes);
    view_say(m, "a message begins, and its end is not there");
    view_stream_take(&f->stream, 0, f->stream.length);
    f->body = f->held = 0;
    f->state = VIEW_STATE_LOST;
    return true;
}

static bool next_of_side(struct view_make *m, struct view_connection *c, enum view_side side)
{
    set_ends(m, c, side);
    return next_of_protocol(m, c, side) || take_gap(m, c, side) || take_broken(m, c, side);
}

/* ---- messages of the segment itself
 * ---------------------------------------------------------------------------- */

static void make_segment(struct view_make *m, const struct view_tcp *t, const char *word,
                         enum view_weight weight)
{
    set_ends(m, t->connection, t->side);
    view_word(m, VIEW_TCP, word);
    m->message.weight = weight;
    view_add_number(m, "sequence", t->sequence);
    if (t->flags & TCP_ACK)
        view_add_number(m, "acknowledgement", t->acknowledgement);
    view_add_number(m, "window", t->window);
    view_add_number(m, "bytes", t->bytes);
}

static bool make_syn(struct view_make *m, const struct view_tcp *t)
{
    const struct view_connection *c = t->connection;
    bool answers = t->flags & TCP_ACK;
    if (!(t->flags & TCP_SYN))
        return false;
    make_segment(m, t, answers ? "SYN-ACK" : "SYN", VIEW_CONTROL);
    if (t->came == VIEW_CAME_AGAIN)
        view_show_format(m, "again");
    if (!answers)
        view_show_format(m, "port %u", c->ends[VIEW_SERVER].port);
    view_say(m, answers ? "SYN-ACK: the connection is accepted" : "SYN: a connection to port %u is asked for",
             c->ends[VIEW_SERVER].port);
    return true;
}

static bool make_end(struct view_make *m, const struct view_tcp *t)
{
    if (!(t->flags & (TCP_FIN | TCP_RST)))
        return false;
    bool reset = t->flags & TCP_RST;
    make_segment(m, t, reset ? "RST" : "FIN", VIEW_CONTROL);
    if (t->came == VIEW_CAME_AGAIN && !reset)
        view_show_format(m, "again");
    view_say(m, reset ? "RST: the connection is broken off" : "FIN: this side has sent all it has to send");
    return true;
}

/* What made no message yet: acknowledgements, parts of messages, and what came again. */
static bool make_rest(struct view_make *m, const struct view_tcp *t)
{
    if (t->told)
        return false;
    if (!t->bytes) {
        make_segment(m, t, "acknowledgement", VIEW_QUIET);
        return true;
    }
    bool probe = t->bytes == 1 && t->came == VIEW_CAME_AGAIN;
    bool again = t->came == VIEW_CAME_AGAIN && !probe;
    make_segment(m, t,
                 probe   ? "keep-alive"
                 : again ? "retransmission"
                         : "segment",
                 again ? VIEW_CONTROL : VIEW_QUIET);
    view_show_format(m, "%zu bytes", t->bytes);
    if (again)
        view_say(m, "%zu bytes are sent again", t->bytes);
    return true;
}

bool view_tcp_next(struct view_tcp *t, struct view_make *m)
{
    bool made = false;
    while (!made && t->connection &&
           t->stage != STAGE_DONE) { /* each turn makes a message, or is of a later stage */
        if (t->stage == STAGE_SYN)
            made = make_syn(m, t);
        else if (t->stage == STAGE_BYTES)
            made = next_of_side(m, t->connection, t->side) || next_of_side(m, t->connection, !t->side);
        else if (t->stage == STAGE_END)
            made = make_end(m, t);
        else
            made = make_rest(m, t);
        if (!made || t->stage != STAGE_BYTES)
            t->stage++;
    }
    t->told = t->told || made;
    return made;
}

bool view_tcp_finish(struct view_tcp *t, struct view_make *m)
{
    for (; t->finishing < 2 * VIEW_CONNECTIONS_MAX; t->finishing++) {
        struct view_connection *c = &t->connections[t->finishing / 2];
        enum view_side side = t->finishing % 2 ? VIEW_SERVER : VIEW_CLIENT;
        if (!c->used)
            continue;
        view_stream_abort(&c->flows[side].stream);
        if (next_of_side(m, c, side))
            return true;
    }
    return false;
}

void view_tcp_close(struct view_tcp *t)
{
    for (size_t i = 0; i < VIEW_CONNECTIONS_MAX; i++)
        close_connection(&t->connections[i]);
}
