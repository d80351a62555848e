/* Any replies: what the client says is well-formed, each recipient has a verdict at the end, and however the
 * replies are cut the same is said. */
#include "smtpd/client_session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  8000
#define MAILS_MAX  8
#define RECIPIENTS 3

struct play {
    struct client_session session;
    struct client_recipient recipients[RECIPIENTS];
    struct client_mail mail;
    uint8_t said[256 * 1024];
    struct writer out;
    size_t mails;
    bool quits, ended;
};

static struct play whole, pieces;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void act(struct play *p, enum client_effect effect)
{
    while (effect == CLIENT_READY || effect == CLIENT_CONCLUDED) {
        for (size_t i = 0; effect == CLIENT_CONCLUDED && i < RECIPIENTS; i++)
            must(p->recipients[i].verdict.code >= 200 && p->recipients[i].verdict.code < 600);
        if (p->session.state != CLIENT_AT_READY)
            return;
        if (p->mails++ == MAILS_MAX) {
            client_session_quit(&p->session, &p->out);
            return;
        }
        for (size_t i = 0; i < RECIPIENTS; i++)
            p->recipients[i].verdict.code = 0;
        effect = client_session_send(&p->session, &p->mail, &p->out);
    }
    if (effect == CLIENT_TEXT) {
        client_session_text(&p->session, span_text(".\r\n"), &p->out);
        client_session_text_end(&p->session, &p->out, p->quits);
    } else if (effect == CLIENT_START_TLS) {
        client_session_secured(&p->session, &p->out);
    } else if (effect == CLIENT_ENDED) {
        p->ended = true;
    }
}

static void play(struct play *p, uint8_t plan, struct span in, size_t piece)
{
    static const char *const to[RECIPIENTS] = { "a@b.c", "\"x y\"@b.c", "d+e@[192.0.2.1]" };
    memset(&p->session, 0, sizeof p->session);
    p->out = writer_over(p->said, sizeof p->said);
    p->mails = 0;
    p->ended = false;
    p->quits = plan & 1;
    p->mail = (struct client_mail){ .sender = span_text(plan & 2 ? "" : "s@b.c"),
                                    .envid = span_text("x"),
                                    .eight_bit = plan & 4,
                                    .bytes = 100,
                                    .recipients = p->recipients,
                                    .count = RECIPIENTS };
    for (size_t i = 0; i < RECIPIENTS; i++)
        p->recipients[i] = (struct client_recipient){ .address = span_text(to[i]), .notify = plan >> 4 & 15 };
    client_session_open(&p->session, "mail01", (enum client_tls)(plan % 3));
    for (size_t from = 0, end = 0; end < in.len && !p->ended;) {
        size_t taken = 1;
        end = end + piece < in.len ? end + piece : in.len;
        for (enum client_effect effect = CLIENT_READY; effect != CLIENT_MORE && taken > 0 && !p->ended;) {
            effect =
                client_session_feed(&p->session, span_head(span_from(in, from), end - from), &p->out, &taken);
            from += taken;
            act(p, effect);
        }
    }
    client_session_lost(&p->session, "gone");
    for (size_t i = 0; p->mails > 0 && p->mails <= MAILS_MAX && i < RECIPIENTS; i++)
        must(p->recipients[i].verdict.code != 0);
}

static void lines_are_whole(struct play *p)
{
    must(writer_ok(&p->out));
    for (struct span left = writer_span(&p->out); left.len > 0;
         left = span_from(left, span_find(left, '\n') + 1)) {
        size_t end = span_find(left, '\n');
        must(end < left.len && end > 0 && left.at[end - 1] == '\r' && end <= CLIENT_COMMAND_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct span in = span_of(data + 2, size - 2);
    play(&whole, data[0], in, in.len + 1);
    play(&pieces, data[0], in, 1 + data[1] % 64u);
    lines_are_whole(&whole);
    must(span_equal(writer_span(&whole.out), writer_span(&pieces.out)));
    return 0;
}
