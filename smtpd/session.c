#include "session.h"

#include "text.h"
#include "verbs.h"

#include <assert.h>
#include <stdio.h>

/* A transaction holds a sender and recipients_max (at most 10000) recipients of some 32 bytes each. */
#define TRANSACTION_CHUNK 1024
#define TRANSACTION_MAX   (512 * 1024)
#define SHOWN_MAX         128 /* bytes of a line that an event shows */

void smtp_session_open(struct smtp_session *s, const struct smtp_settings *settings, struct events *events,
                       const struct endpoint *peer, bool secure)
{
    *s = (struct smtp_session){ .settings = settings, .events = events, .peer = *peer, .secure = secure };
    arena_open(&s->memory, TRANSACTION_CHUNK, TRANSACTION_MAX);
}

void smtp_session_close(struct smtp_session *s)
{
    arena_close(&s->memory);
}

const char *smtp_session_protocol(const struct smtp_session *s)
{
    return !s->extended ? "SMTP" : s->secure ? "ESMTPS" : "ESMTP";
}

/* From where to where: RFC 5321 4.1.4, and 3207 by opening anew. */
static const unsigned allowed[] = {
#define TO(state) (1u << SMTP_##state)
    [SMTP_CONNECTED] = TO(CONNECTED) | TO(GREETED) | TO(ENDED),
    [SMTP_GREETED] = TO(GREETED) | TO(MAIL) | TO(ENDED),
    [SMTP_MAIL] = TO(GREETED) | TO(RCPT) | TO(ENDED),
    [SMTP_RCPT] = TO(GREETED) | TO(RCPT) | TO(DATA) | TO(ENDED),
    [SMTP_DATA] = TO(GREETED) | TO(ENDED),
    [SMTP_ENDED] = TO(ENDED),
#undef TO
};

void session_become(struct smtp_session *s, enum smtp_state next)
{
    assert(allowed[s->state] & 1u << next);
    s->state = next;
    if (next == SMTP_CONNECTED || next == SMTP_GREETED) {
        arena_reset(&s->memory);
        s->envelope = (struct smtp_envelope){ 0 };
    }
    if (next == SMTP_DATA) {
        s->decoder = (struct smtp_dot_decoder){ 0 };
        s->scan = (struct mail_scan){ 0 };
        s->text_bytes = 0;
        s->refused = false;
    }
}

/* ---- replies ------------------------------------------------------------------------------- */

void step_reply(struct smtp_step *t, unsigned code, const char *enhanced, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->said, sizeof t->said, format, args);
    va_end(args);
    char line[SMTP_REPLY_LINE_MAX + 16];
    bool shown = enhanced && (t->s->settings->offered & SMTP_OFFER_CODES);
    n = snprintf(line, sizeof line, "%s%s%s", shown ? enhanced : "", shown ? " " : "", n < 0 ? "" : t->said);
    smtp_write_reply_line(t->replies, code, true,
                          span_head(span_text(line), n < 0 ? 0 : SMTP_REPLY_LINE_MAX));
    t->code = code;
    t->s->errors += code >= 500;
}

void smtp_session_greet(const struct smtp_session *s, struct writer *replies)
{
    smtp_write_reply_line(replies, 220, true, span_text(s->settings->greeting));
}

/* ---- events -------------------------------------------------------------------------------- */

static enum event_id refusal_of(unsigned code)
{
    return code == 500 || code == 501 || code == 503 || code == 555 ? EVENT_SMTP_BAD_INPUT
                                                                    : EVENT_SMTP_REJECTED;
}

/* What came, and what was said to it. */
static void tell(const struct smtp_step *t, enum event_id id, struct span came)
{
    struct event ev;
    if (!event_happens(t->s->events, id))
        return;
    event_begin(&ev, id, t->now);
    event_endpoint(&ev, "peer", &t->s->peer);
    if (t->s->helo[0])
        event_text(&ev, "helo", t->s->helo);
    if (t->s->envelope.sender.at)
        event_span(&ev, "from", t->s->envelope.sender);
    if (came.len > 0)
        event_span(&ev, "line", span_head(came, SHOWN_MAX));
    event_number(&ev, "code", t->code);
    if (t->code >= 400 && t->said[0])
        event_text(&ev, "reply", t->said);
    event_emit(t->s->events, &ev);
}

/* A command whose reply has to wait is told of with its result. Of AUTH, which is refused, only the word is
 * shown: what follows may be a password. */
static void tell_command(const struct smtp_step *t, struct span line)
{
    if (t->code == 0)
        return;
    if (span_is_nocase(span_head(line, 5), "AUTH "))
        line = span_head(line, 4);
    tell(t, EVENT_SMTP_COMMAND, line);
    if (t->code >= 400 && t->code != 502)
        tell(t, refusal_of(t->code), line);
}

/* ---- commands ------------------------------------------------------------------------------ */

static bool too_many_errors(struct smtp_step *t)
{
    if (t->s->errors < t->s->settings->errors_max)
        return false;
    step_reply(t, 421, "4.7.0", "%s Too many errors", t->s->settings->hostname);
    session_become(t->s, SMTP_ENDED);
    t->effect = SMTP_HANG_UP;
    tell(t, EVENT_SMTP_REJECTED, span_text(""));
    return true;
}

/* What is no line is refused once; its rest up to the next CRLF is never looked at. */
static void refuse_token(struct smtp_step *t, enum smtp_token token, struct span text)
{
    struct smtp_session *s = t->s;
    if (s->skipping) {
        s->errors++;
        return;
    }
    s->skipping = true;
    step_reply(t, 500, "5.5.2", "%s; the rest of the line is not read",
               token == SMTP_LONG      ? "The line is too long"
               : token == SMTP_BARE_LF ? "A line ends with CR and LF, this has LF alone"
               : token == SMTP_BARE_CR ? "A line ends with CR and LF, this has CR alone"
                                       : "A command has no NUL");
    tell(t, EVENT_SMTP_BAD_INPUT, text);
}

/* One line of `in`, or none yet; returns how many bytes were taken. */
static size_t feed_command(struct smtp_step *t, struct span in)
{
    struct span text;
    size_t taken;
    if (too_many_errors(t))
        return 0;
    enum smtp_token token = smtp_split(in, &text, &taken);
    if (token == SMTP_MORE)
        return 0;
    if (token != SMTP_LINE) {
        refuse_token(t, token, text);
    } else if (t->s->skipping) {
        t->s->skipping = false;
    } else {
        t->code = 0; /* of the command before */
        verb_run(t, text);
        tell_command(t, text);
    }
    return taken;
}

/* ---- text ---------------------------------------------------------------------------------- */

static bool is_spoilt(const struct smtp_dot_decoder *d)
{
    return d->bare_cr || d->bare_lf || d->nul;
}

static void text_is_whole(struct smtp_step *t)
{
    struct smtp_session *s = t->s;
    if (!s->refused) {
        t->effect = s->waiting = SMTP_STORE;
        return;
    }
    if (is_spoilt(&s->decoder))
        step_reply(t, 550, "5.6.0", "A message has CR and LF together only, and no NUL; this has %s",
                   s->decoder.nul       ? "a NUL"
                   : s->decoder.bare_lf ? "LF alone"
                                        : "CR alone");
    else if (s->scan.hops > MAIL_HOPS_MAX)
        step_reply(t, 554, "5.4.6", "The message has passed %zu hosts: it goes in a circle", s->scan.hops);
    else
        step_reply(t, 552, "5.3.4", "The message has more than %llu octets",
                   (unsigned long long)s->settings->message_bytes_max);
    session_become(s, SMTP_GREETED);
    tell(t, is_spoilt(&s->decoder) ? EVENT_SMTP_BAD_INPUT : EVENT_SMTP_REJECTED, span_text(""));
}

/* A part of the message's text; returns how many bytes were taken. */
static size_t feed_text(struct smtp_step *t, struct span in)
{
    struct smtp_session *s = t->s;
    uint8_t nowhere[4096];
    struct writer drop = writer_over(nowhere, sizeof nowhere), *out = s->refused ? &drop : t->text;
    size_t before = writer_length(out), taken;
    enum smtp_dot end = smtp_dot_decode(&s->decoder, in, out, &taken);
    s->text_bytes += writer_length(out) - before;
    if (!s->refused)
        mail_scan(&s->scan, span_from(writer_span(out), before));
    if (!s->refused && (is_spoilt(&s->decoder) || s->text_bytes > s->settings->message_bytes_max ||
                        s->scan.hops > MAIL_HOPS_MAX)) {
        s->refused = true;
        t->effect = SMTP_DROP;
    }
    if (end == SMTP_DOT_END)
        text_is_whole(t);
    return taken;
}

/* ---- the doors ----------------------------------------------------------------------------- */

struct smtp_turn smtp_session_feed(struct smtp_session *s, struct span in, struct now now,
                                   struct writer *replies, struct writer *text)
{
    struct smtp_step t = { .s = s, .now = now, .replies = replies, .text = text };
    size_t taken = 0;
    while (taken < in.len && t.effect == SMTP_NOTHING && s->waiting == SMTP_NOTHING &&
           s->state != SMTP_ENDED && writer_room(replies) >= SMTP_SESSION_REPLY_MAX) {
        struct span rest = span_from(in, taken);
        size_t n = s->state == SMTP_DATA ? feed_text(&t, rest) : feed_command(&t, rest);
        taken += n;
        if (n == 0)
            break;
    }
    return (struct smtp_turn){ t.effect, s->state == SMTP_ENDED ? in.len : taken };
}

static void message_began(struct smtp_step *t, enum smtp_result result)
{
    if (result == SMTP_OK) {
        session_become(t->s, SMTP_DATA);
        step_reply(t, 354, NULL, "End data with <CR><LF>.<CR><LF>");
        return;
    }
    session_become(t->s, SMTP_GREETED);
    step_reply(t, result == SMTP_FULL ? 452 : 451, result == SMTP_FULL ? "4.3.1" : "4.3.0",
               "No room for a message now, try again later");
}

static void message_stored(struct smtp_step *t, enum smtp_result result, struct span id)
{
    session_become(t->s, SMTP_GREETED);
    if (result == SMTP_OK)
        step_reply(t, 250, "2.0.0", "Ok: queued as %.*s", (int)id.len, (const char *)id.at);
    else if (result == SMTP_FULL)
        step_reply(t, 452, "4.3.1", "The disk is full, the message is not kept; try again later");
    else
        step_reply(t, 451, "4.3.0", "The message could not be stored and is not kept; try again later");
}

static void flush_began(struct smtp_step *t, enum smtp_result result)
{
    if (result == SMTP_OK)
        step_reply(t, 250, "2.0.0", "Ok: what waits for the domain is tried now");
    else
        step_reply(t, 251, "2.0.0", "Ok: nothing waits for the domain");
}

static void tls_begins(struct smtp_step *t, enum smtp_result result)
{
    if (result == SMTP_OK)
        step_reply(t, 220, "2.0.0", "Ready to start TLS");
    else
        step_reply(t, 454, "4.7.0", "TLS is not available now");
}

void smtp_session_result(struct smtp_session *s, enum smtp_result result, struct span id, struct now now,
                         struct writer *replies)
{
    struct smtp_step t = { .s = s, .now = now, .replies = replies };
    enum smtp_effect waited = s->waiting;
    s->waiting = SMTP_NOTHING;
    if (waited == SMTP_BEGIN)
        message_began(&t, result);
    else if (waited == SMTP_STORE)
        message_stored(&t, result, id);
    else if (waited == SMTP_START_TLS)
        tls_begins(&t, result);
    else if (waited == SMTP_FLUSH)
        flush_began(&t, result);
    tell_command(&t, span_text(waited == SMTP_BEGIN   ? "DATA"
                               : waited == SMTP_STORE ? "."
                               : waited == SMTP_FLUSH ? "ETRN"
                                                      : "STARTTLS"));
}

void smtp_session_farewell(struct smtp_session *s, enum smtp_farewell why, struct writer *replies)
{
    static const struct {
        const char *code, *text;
    } words[] = {
        [SMTP_TIMEOUT] = { "4.4.2", "Nothing came for too long" },
        [SMTP_SHUTDOWN] = { "4.3.2", "The service is shutting down" },
        [SMTP_CROWDED] = { "4.7.0", "Too many connections" },
    };
    struct smtp_step t = { .s = s, .replies = replies };
    session_become(s, SMTP_ENDED);
    step_reply(&t, 421, words[why].code, "%s %s", s->settings->hostname, words[why].text);
}
