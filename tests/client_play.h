/* Plays one client of lab/client.h without sockets: its lines, what happens to it, all that it wrote. For the
 * unit tests and the fuzz target. Aborts where a client breaks the contract. */
#ifndef WIRELAB_TESTS_CLIENT_PLAY_H
#define WIRELAB_TESTS_CLIENT_PLAY_H

#include "lab/client.h"

#include <stdlib.h>

#define PLAY_SEGMENTS_MAX 256
#define PLAY_STEPS_MAX    4096 /* a client that does not come to rest by then never does */

struct client_play {
    struct client *c;
    struct client_setting settings[CLIENT_SETTINGS_MAX];
    size_t setting_count;
    struct arena arena;
    struct now now;
    enum client_wish wish;
    uint8_t out[CLIENT_OUT_BYTES];
    uint8_t said[512 * 1024]; /* all that was sent, on all connections */
    struct writer said_to;
    size_t segments[PLAY_SEGMENTS_MAX], segment_count; /* bytes of each piece that was sent */
    size_t datagrams, connects, secured;
    uint8_t left[256 * 1024]; /* what was heard and not taken */
    size_t left_len;
    bool over_datagrams;
};

static inline void play_must(bool condition)
{
    if (!condition)
        abort();
}

static inline void play_open(struct client_play *p, const struct client_type *type)
{
    memset(p, 0, sizeof *p);
    p->said_to = writer_over(p->said, sizeof p->said);
    p->now = (struct now){ 1000000, 1451416448000 };
    arena_open(&p->arena, 64 * 1024, 16 * 1024 * 1024);
    p->c = calloc(1, type->bytes);
    play_must(p->c != NULL);
    p->c->type = type;
    p->c->settings = p->settings;
    p->c->arena = &p->arena;
    rng_seed(&p->c->rng, 42);
}

static inline void play_close(struct client_play *p)
{
    arena_close(&p->arena);
    free(p->c);
}

/* A line of the step: words with one space between them; a block's or a file's bytes. Both live on. */
static inline struct client_setting *play_line(struct client_play *p, const char *key, const char *words,
                                               struct span bytes)
{
    struct client_setting *s = &p->settings[p->setting_count++];
    struct span rest = span_text(words);
    *s = (struct client_setting){ .key = client_key_of(p->c->type, span_text(key)), .bytes = bytes };
    play_must(s->key && p->setting_count <= CLIENT_SETTINGS_MAX);
    while (rest.len) {
        size_t end = span_find(rest, ' ');
        play_must(s->word_count < CLIENT_WORDS_MAX);
        s->words[s->word_count++] = span_head(rest, end);
        rest = span_from(rest, end + 1);
    }
    if (s->key->value == CLIENT_VALUE_WORDS) {
        play_must(s->word_count >= s->key->least && s->word_count <= s->key->most);
        play_must(!s->key->check || s->key->check(s->words, s->word_count));
    }
    p->c->setting_count = p->setting_count;
    return s;
}

static inline void play_set(struct client_play *p, const char *key, const char *words)
{
    play_line(p, key, words, (struct span){ NULL, 0 });
}

/* Whether the line would be taken by the scenario's reader. */
static inline bool play_is_good(const struct client_type *type, const char *key, const char *word)
{
    const struct client_key *k = client_key_of(type, span_text(key));
    struct span words[1] = { span_text(word) };
    play_must(k && k->check);
    return k->check(words, 1);
}

static inline void play_keep(struct client_play *p, struct span sent)
{
    if (sent.len == 0)
        return;
    write_span(&p->said_to, sent);
    play_must(writer_ok(&p->said_to));
    if (p->segment_count < PLAY_SEGMENTS_MAX)
        p->segments[p->segment_count++] = sent.len;
}

/* One call, and what it asks for: a connection and TLS are there at once. */
static inline enum client_wish play_event(struct client_play *p, enum client_event event, struct span in,
                                          size_t *taken)
{
    size_t none = 0;
    for (size_t i = 0; i < PLAY_STEPS_MAX; i++) {
        struct writer out = writer_over(p->out, sizeof p->out);
        p->wish = p->c->type->step(p->c, event, in, taken, p->now, &out);
        play_must(*taken <= in.len && p->c->type->fault(p->c) != NULL);
        if (p->wish == CLIENT_FAILED) {
            play_must(p->c->problem.what[0] && p->c->problem.remedy[0]);
            if (writer_ok(&out)) /* what came before the failure goes out */
                play_keep(p, writer_span(&out));
            return p->wish;
        }
        play_must(writer_ok(&out));
        play_keep(p, writer_span(&out));
        in = (struct span){ NULL, 0 };
        taken = &none;
        none = 0;
        if (p->wish == CLIENT_AGAIN) {
            event = CLIENT_SENT;
        } else if (p->wish == CLIENT_CONNECT) {
            p->connects++;
            p->left_len = 0;
            p->over_datagrams = false;
            event = CLIENT_CONNECTED;
        } else if (p->wish == CLIENT_TLS) {
            p->secured++;
            event = CLIENT_SECURED;
        } else {
            if (p->wish == CLIENT_DATAGRAM)
                p->datagrams++, p->over_datagrams = true;
            return p->wish;
        }
    }
    abort();
}

static inline enum client_wish play_happen(struct client_play *p, enum client_event event)
{
    size_t taken = 0;
    return play_event(p, event, (struct span){ NULL, 0 }, &taken);
}

static inline enum client_wish play_begin(struct client_play *p)
{
    return play_happen(p, CLIENT_BEGIN);
}

static inline bool play_ended(const struct client_play *p)
{
    return p->wish == CLIENT_DONE || p->wish == CLIENT_FAILED;
}

static inline enum client_wish play_piece(struct client_play *p, struct span in)
{
    size_t taken = 0;
    if (p->over_datagrams)
        return play_event(p, CLIENT_BYTES, in, &taken);
    taken = 1;
    play_must(p->left_len + in.len <= sizeof p->left);
    memcpy(p->left + p->left_len, in.at, in.len);
    p->left_len += in.len;
    while (taken && p->left_len && !play_ended(p)) { /* the bytes get less */
        size_t connects = p->connects, secured = p->secured;
        taken = 0;
        play_event(p, CLIENT_BYTES, span_of(p->left, p->left_len), &taken);
        if (p->connects != connects || p->secured != secured)
            taken = p->left_len;
        memmove(p->left, p->left + taken, p->left_len - taken);
        p->left_len -= taken;
    }
    return p->wish;
}

/* Bytes from the server in pieces of `piece` bytes (0: in one), until the client has ended. */
static inline enum client_wish play_hear_in(struct client_play *p, struct span in, size_t piece)
{
    while (in.len && !play_ended(p)) {
        struct span head = span_head(in, piece ? piece : in.len);
        play_piece(p, head);
        in = span_from(in, head.len);
    }
    return p->wish;
}

static inline enum client_wish play_hear(struct client_play *p, const char *text)
{
    return play_hear_in(p, span_text(text), 0);
}

#endif
