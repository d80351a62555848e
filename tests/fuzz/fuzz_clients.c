/* Any bytes from a server, to each client of a scenario's steps: it comes to rest, keeps to the contract of
 * lab/client.h, says why it failed, and however the bytes are cut it says the same. */
#include "client_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX     16384
#define DATAGRAM_MOST 512
#define SEGMENTS      16 /* of smtp: the bit of segment-bytes */

static struct client_play whole, pieces;
static const char text[] = "To: a\n\n.dots\n..\nend";

/* Which lines the step has: each bit of `plan` one of them. */
struct line {
    uint8_t plan; /* 0: always */
    const char *key, *words;
};

static const struct line dns_query[] = {
    { 0, "name", "wireshark.org" },
    { 1, "tcp", "" },
    { 2, "edns", "1232" },
    { 4, "type", "TXT" },
    { 8, "segments", "2" },
    { 16, "expect-rcode", "NXDOMAIN" },
    { 0, NULL, NULL },
};
static const struct line dns_transfer[] = {
    { 0, "zone", "contoso.local" }, { 1, "serial", "71" }, { 2, "segments", "2" },
    { 4, "stray-bytes", "4d53" },   { 0, NULL, NULL },
};
static const struct line http[] = {
    { 0, "request", "GET / HTTP/1.1\nCookie: {cookies}\n" },
    { 1, "request", "GET {location} HTTP/1.1\nCookie: {cookies}\n" },
    { 2, "request", "HEAD / HTTP/1.1\n" },
    { 4, "request", "POST {location} HTTP/1.1\n\nbody\n" },
    { 8, "expect-status", "200 200 200" },
    { 16, "tls", "" },
    { 0, NULL, NULL },
};
static const struct line imap[] = {
    { 1, "command", "STARTTLS" },        { 2, "user", "a b" },    { 0, "command", "SELECT INBOX" },
    { 4, "wait-exists", "2" },           { 8, "append", "Sent" }, { 0, "message", text },
    { 16, "command", "FETCH 1 BODY[]" }, { 0, NULL, NULL },
};
static const struct line smtp[] = {
    { 0, "hello", "x" },         { 0, "from", "a@b.c" },
    { 0, "to", "a@b.c" },        { 1, "to", "d@b.c" },
    { 2, "pipelining", "" },     { 4, "starttls", "" },
    { 8, "expect-code", "550" }, { SEGMENTS, "segment-bytes", "7" },
    { 32, "vrfy", "a" },         { 0, "message", text },
    { 0, NULL, NULL },
};
static const struct line tcp[] = {
    { 0, "send", "a\n" }, { 0, "await", "aab" },  { 1, "send", "b\n" },
    { 2, "await", "c" },  { 4, "await-end", "" }, { 0, NULL, NULL },
};

static bool never(uint8_t plan)
{
    (void)plan;
    return false;
}

static bool always(uint8_t plan)
{
    (void)plan;
    return true;
}

static bool with_segments(uint8_t plan)
{
    return (plan & SEGMENTS) != 0;
}

static const struct {
    const struct client_type *type;
    const struct line *lines;
    bool (*cuts_matter)(uint8_t plan); /* what comes too early may be told apart from what comes in time */
} rows[] = { { &client_dns_query, dns_query, never },
             { &client_dns_transfer, dns_transfer, never },
             { &client_http, http, always },
             { &client_imap, imap, never },
             { &client_smtp_send, smtp, with_segments },
             { &client_tcp, tcp, never } };

static void hear(struct client_play *p, struct span in, size_t piece)
{
    while (in.len && !play_ended(p)) {
        struct span head = span_head(in, p->over_datagrams ? DATAGRAM_MOST : piece);
        play_piece(p, head);
        in = span_from(in, head.len);
    }
    if (!play_ended(p) && p->c->due_ms) {
        p->now.mono_ms = p->c->due_ms;
        play_happen(p, CLIENT_DUE);
    }
    for (int i = 0; !play_ended(p) && i < 4; i++) /* a request may be sent again, and that ends */
        play_happen(p, CLIENT_CLOSED);
}

static void play(struct client_play *p, size_t row, uint8_t plan, struct span in, size_t piece)
{
    play_open(p, rows[row].type);
    play_set(p, "server", "172.16.16.139:80");
    for (const struct line *l = rows[row].lines; l->key; l++) {
        bool block = client_key_of(p->c->type, span_text(l->key))->value == CLIENT_VALUE_BLOCK;
        if (!l->plan || plan & l->plan)
            play_line(p, l->key, block ? "" : l->words, span_text(block ? l->words : ""));
    }
    play_begin(p);
    hear(p, in, piece);
    play_must(play_ended(p));
    play_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX)
        return 0;
    struct span in = span_of(data + 3, size - 3);
    size_t row = data[0] % (sizeof rows / sizeof *rows);
    play(&whole, row, data[1], in, in.len + 1);
    play(&pieces, row, data[1], in, 1 + data[2] % 64u);
    if (rows[row].cuts_matter(data[1]) || whole.connects > 1 || pieces.connects > 1 || whole.secured ||
        pieces.secured)
        return 0;
    play_must(whole.wish == pieces.wish);
    play_must(span_equal(writer_span(&whole.said_to), writer_span(&pieces.said_to)));
    return 0;
}
