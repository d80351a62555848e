/* Any bytes as what an IMAP client sends, in pieces whose sizes the first bytes say: the session takes what
 * it is given or waits for more, never says more than its room, and ends when it said BYE. */
#include "imapd/session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct imap_user user = { "u", "p", "mail/a.test/u", true };
static const struct imap_settings settings = {
    .hostname = "mail02", .users = &user, .user_count = 1, .message_bytes_max = 65536, .allow_plaintext = true
};

/* False when the session takes nothing more. */
static bool feed(struct imap_session *s, struct span in, size_t *taken)
{
    uint8_t room[2 * IMAP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    struct imap_turn turn = imap_session_feed(s, in, (struct now){ 0 }, &replies);
    must(writer_ok(&replies) && turn.taken <= in.len);
    must((turn.effect == IMAP_HANG_UP) == (s->state == IMAP_ENDED));
    must((turn.effect == IMAP_PERFORM) == (s->waiting == IMAP_PERFORM));
    must(s->state != IMAP_CONNECTED || !s->user);
    *taken = turn.taken;
    if (s->waiting == IMAP_PERFORM) {
        must(s->user && s->command.tag.len > 0);
        imap_session_performed(s, s->command.verb != IMAP_CLOSE, "OK", (struct now){ 0 });
    }
    return turn.effect != IMAP_HANG_UP && (turn.taken > 0 || turn.effect != IMAP_NOTHING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct endpoint peer;
    static const char login[] = "a LOGIN u p\r\n";
    struct imap_session s;
    struct events events;
    struct reader r = reader_over(span_of(data, size));
    uint8_t options = read_u8(&r);
    size_t step = (size_t)read_u8(&r) + 1, taken, at = 0;
    struct span in = read_rest(&r);
    events_open(&events);
    imap_session_open(&s, &settings, &events, &peer, options & 1);
    if (options & 2)
        must(feed(&s, span_text(login), &taken) && s.user);
    for (size_t end = step; at < in.len; end += step) { /* each turn offers more, until all was offered */
        size_t offered = end < in.len ? end : in.len;
        while (at < offered && feed(&s, span_from(span_head(in, offered), at), &taken))
            at += taken;
        if (s.state == IMAP_ENDED || offered == in.len)
            break;
    }
    imap_session_close(&s);
    return 0;
}
