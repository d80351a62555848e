/* A dialog by hand over TCP: what is sent, and what is waited for, in the order of the lines. */
#include "client.h"

#include "text.h"

#define AWAITED_BYTES_MAX 512

struct client_tcp {
    struct client client;
    size_t line; /* of the step: what comes next, or is waited for */
};

static bool is_line(const struct client_setting *s, const char *key)
{
    return strcmp(s->key->name, key) == 0;
}

/* The next line that is to be sent or waited for; NULL: all is done. */
static const struct client_setting *action(struct client_tcp *t)
{
    for (; t->line < t->client.setting_count; t->line++) {
        const struct client_setting *s = &t->client.settings[t->line];
        if (is_line(s, "send") || is_line(s, "await") || is_line(s, "await-end"))
            return s;
    }
    return NULL;
}

static void write_lines(struct writer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n')
            write_u8(out, '\r');
        write_u8(out, text.at[i]);
    }
}

/* Sends what comes before the next thing to wait for, each block in a segment of its own. */
static enum client_wish go_on(struct client_tcp *t, struct writer *out)
{
    const struct client_setting *s = action(t);
    if (!s)
        return CLIENT_DONE;
    if (!is_line(s, "send"))
        return CLIENT_WAIT;
    t->line++;
    write_lines(out, s->bytes);
    return CLIENT_AGAIN;
}

static struct span awaited(const struct client_setting *s, struct writer *w)
{
    for (size_t i = 0; i < s->word_count; i++) {
        write_text(w, i ? " " : "");
        write_span(w, s->words[i]);
    }
    return writer_span(w);
}

/* Where the text first stands in `in`; in.len when it is not there. */
static size_t find(struct span in, struct span text)
{
    size_t at = 0;
    while (at < in.len && !span_equal(span_head(span_from(in, at), text.len), text))
        at++;
    return at;
}

/* What was waited for, and all before it, is taken; of the rest as much as cannot be its beginning. */
static enum client_wish take_bytes(struct client_tcp *t, struct span in, size_t *taken, struct writer *out)
{
    const struct client_setting *s;
    enum client_wish wish = CLIENT_WAIT;
    while (wish == CLIENT_WAIT && (s = action(t)) && is_line(s, "await")) { /* ends: with the step's lines */
        uint8_t room[AWAITED_BYTES_MAX];
        struct writer w = writer_over(room, sizeof room);
        struct span left = span_from(in, *taken), text = awaited(s, &w);
        size_t at = find(left, text);
        if (at == left.len) {
            *taken += left.len < text.len ? 0 : left.len - text.len + 1;
            return CLIENT_WAIT;
        }
        *taken += at + text.len;
        t->line++;
        wish = go_on(t, out);
    }
    if (wish == CLIENT_WAIT && s && is_line(s, "await-end"))
        *taken = in.len;
    return wish;
}

static enum client_wish closed(struct client_tcp *t, struct writer *out)
{
    const struct client_setting *s = action(t);
    if (!s || !is_line(s, "await-end"))
        return client_fail(&t->client, "await-end waits for that",
                           "the server ended the connection at line %u", s ? s->line : 0);
    t->line++;
    if (action(t))
        return client_fail(&t->client, "let await-end be the last line",
                           "nothing can follow the connection's end");
    return go_on(t, out);
}

static enum client_wish happen(struct client_tcp *t, enum client_event event, struct span in, size_t *taken,
                               struct writer *out)
{
    struct client *c = &t->client;
    switch (event) {
    case CLIENT_BEGIN:
        if (!client_find_server(c, 0) || c->server.port == 0)
            return client_fail(c, "server 172.16.16.139:80", "the server is no address with a port");
        c->tls_name =
            client_setting(c, "tls-name", 0) ? arena_text(c->arena, client_word(c, "tls-name", "")) : NULL;
        return CLIENT_CONNECT;
    case CLIENT_CONNECTED:
        return client_setting(c, "tls", 0) ? CLIENT_TLS : go_on(t, out);
    case CLIENT_SECURED:
    case CLIENT_SENT:
        return go_on(t, out);
    case CLIENT_BYTES:
        return take_bytes(t, in, taken, out);
    case CLIENT_CLOSED:
        return closed(t, out);
    case CLIENT_DUE:
        break;
    }
    return CLIENT_WAIT;
}

static enum client_wish step(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    (void)now;
    return client_written(c, out, happen((struct client_tcp *)c, event, in, taken, out));
}

static const char *fault(const struct client *c)
{
    const struct client_tcp *t = (const struct client_tcp *)c;
    bool end = t->line < c->setting_count && is_line(&c->settings[t->line], "await-end");
    return end ? "the server does not end the connection" : "what is awaited does not come";
}

static bool is_endpoint(const struct span *words, size_t count)
{
    struct endpoint e;
    return count == 1 && endpoint_parse(words[0], &e) && e.port > 0;
}

static bool is_text(const struct span *words, size_t count)
{
    uint8_t room[AWAITED_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct client_setting s = { .word_count = count };
    memcpy(s.words, words, count * sizeof *words);
    return awaited(&s, &w).len > 0 && writer_ok(&w);
}

static const struct client_key keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, is_endpoint, "server 172.16.16.139:80",
      "whom to speak to" },
    { "tls", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "tls", "TLS from the start" },
    { "tls-name", CLIENT_VALUE_WORDS, 1, 1, false, false, NULL, "tls-name www.example.com",
      "the name that the server's certificate must have; else its address" },
    { "send", CLIENT_VALUE_BLOCK, 0, 0, false, true, NULL, "send",
      "lines to be sent, with CRLF at their ends" },
    { "await", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, true, is_text, "await 220",
      "text that must come from the server before the next line is done" },
    { "await-end", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "await-end",
      "the server must end the connection" },
};

const struct client_type client_tcp = {
    .word = "tcp",
    .meaning = "speaks any protocol of lines, by hand",
    .keys = keys,
    .key_count = sizeof keys / sizeof *keys,
    .bytes = sizeof(struct client_tcp),
    .step = step,
    .fault = fault,
};
