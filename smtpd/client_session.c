#include "client_session.h"

#include "text.h"

#include <assert.h>

void client_session_open(struct client_session *c, const char *name, enum client_tls tls)
{
    *c = (struct client_session){ .name = name, .tls = tls };
}

/* ---- verdicts ------------------------------------------------------------------------------ */

static void copy_shown(char *to, size_t size, struct span from)
{
    size_t n = 0;
    for (; n < from.len && n + 1 < size; n++)
        to[n] = from.at[n] >= ' ' && from.at[n] <= '~' ? (char)from.at[n] : '?';
    to[n] = '\0';
}

void client_verdict_set(struct client_verdict *v, unsigned code, const char *status, const char *text)
{
    *v = (struct client_verdict){ .code = code };
    copy_shown(v->status, sizeof v->status, span_text(status));
    copy_shown(v->text, sizeof v->text, span_text(text));
}

/* The reply's own code of RFC 3463 when it agrees with the reply's class. */
static void set_status(struct client_verdict *v, const struct smtp_reply *r)
{
    struct smtp_enhanced e = { r->code / 100, 0, 0 }, own;
    struct span rest;
    if (smtp_parse_enhanced(r->lines[r->count - 1], &own, &rest) && own.class == e.class)
        e = own;
    struct writer w = writer_over(v->status, sizeof v->status);
    write_format(&w, "%u.%u.%u", e.class, e.subject, e.detail);
    write_u8(&w, 0);
}

/* 552 to RCPT means what 452 does (RFC 5321 4.5.3.1.10); what is neither 2xx, 4xx nor 5xx says nothing. */
static unsigned meant(unsigned code, bool rcpt)
{
    return code / 100 == 3 || (rcpt && code == 552) ? 452 : code;
}

static struct client_verdict verdict_of(const struct smtp_reply *r, bool rcpt)
{
    struct client_verdict v = { .code = meant(r->code, rcpt), .replied = true };
    struct writer w = writer_over(v.text, sizeof v.text);
    set_status(&v, r);
    if (v.code / 100 == 4)
        v.status[0] = '4';
    write_format(&w, "%u", r->code);
    for (size_t i = 0; i < r->count; i++) {
        struct span line = span_head(r->lines[i], writer_room(&w) > 2 ? writer_room(&w) - 2 : 0);
        write_u8(&w, ' ');
        for (size_t at = 0; at < line.len; at++)
            write_u8(&w, line.at[at] >= ' ' && line.at[at] <= '~' ? line.at[at] : '?');
    }
    v.text[writer_length(&w) < sizeof v.text ? writer_length(&w) : sizeof v.text - 1] = '\0';
    return v;
}

/* For all recipients that have none yet. */
static void decide(struct client_session *c, const struct client_verdict *v)
{
    for (size_t i = 0; c->mail && i < c->mail->count; i++)
        if (c->mail->recipients[i].verdict.code == 0)
            c->mail->recipients[i].verdict = *v;
}

static enum client_effect end(struct client_session *c, const struct client_verdict *why)
{
    if (why && c->failure.code == 0)
        c->failure = *why;
    if (why)
        decide(c, why);
    c->state = CLIENT_AT_END;
    return CLIENT_ENDED;
}

static enum client_effect fail(struct client_session *c, unsigned code, const char *status, const char *text)
{
    struct client_verdict v;
    client_verdict_set(&v, code, status, text);
    return end(c, &v);
}

static enum client_effect refused(struct client_session *c, const struct smtp_reply *r)
{
    struct client_verdict v = verdict_of(r, false);
    if (v.code < 400) { /* a reply that means nothing here */
        v.code = 451;
        memcpy(v.status, "4.5.0", sizeof "4.5.0");
    }
    return end(c, &v);
}

void client_session_lost(struct client_session *c, const char *why)
{
    if (c->state != CLIENT_AT_END)
        fail(c, 451, "4.4.2", why);
}

/* ---- before the first message -------------------------------------------------------------- */

static enum client_effect say(struct client_session *c, struct writer *out, enum client_state next,
                              const char *verb, const char *argument)
{
    write_text(out, verb);
    write_text(out, argument);
    write_text(out, "\r\n");
    c->state = next;
    return CLIENT_MORE;
}

static enum client_effect say_ehlo(struct client_session *c, struct writer *out)
{
    c->offered = 0;
    c->size_most = 0;
    return say(c, out, CLIENT_AT_EHLO, "EHLO ", c->name);
}

static enum client_effect ready(struct client_session *c)
{
    c->state = CLIENT_AT_READY;
    return CLIENT_READY;
}

static void read_offer(struct client_session *c, struct span line)
{
    static const struct {
        const char *keyword;
        enum smtp_extension extension;
    } known[] = {
        { "PIPELINING", SMTP_OFFER_PIPELINING },
        { "SIZE", SMTP_OFFER_SIZE },
        { "STARTTLS", SMTP_OFFER_STARTTLS },
        { "8BITMIME", SMTP_OFFER_8BITMIME },
        { "DSN", SMTP_OFFER_DSN },
    };
    struct smtp_command words = smtp_parse_command(line);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_is_nocase(words.verb, known[i].keyword))
            c->offered |= known[i].extension;
    if (span_is_nocase(words.verb, "SIZE") && !parse_decimal(words.argument, UINT64_MAX, &c->size_most))
        c->size_most = 0;
}

static enum client_effect heard_greeting(struct client_session *c, const struct smtp_reply *r,
                                         struct writer *out)
{
    return r->code == 220 ? say_ehlo(c, out) : refused(c, r);
}

static enum client_effect heard_ehlo(struct client_session *c, const struct smtp_reply *r, struct writer *out)
{
    if (r->code / 100 == 5 && (c->secure || c->tls != CLIENT_TLS_REQUIRED))
        return say(c, out, CLIENT_AT_HELO, "HELO ", c->name); /* RFC 5321 3.2 */
    if (r->code != 250)
        return refused(c, r);
    for (size_t i = 1; i < r->count; i++)
        read_offer(c, r->lines[i]);
    if (c->secure || c->tls == CLIENT_TLS_NONE)
        return ready(c);
    if (c->offered & SMTP_OFFER_STARTTLS)
        return say(c, out, CLIENT_AT_STARTTLS, "STARTTLS", "");
    if (c->tls == CLIENT_TLS_REQUIRED)
        return fail(c, 454, "4.7.4", "TLS is required by the route and not offered by the next host");
    return ready(c);
}

static enum client_effect heard_starttls(struct client_session *c, const struct smtp_reply *r)
{
    if (r->code == 220) {
        c->state = CLIENT_AT_HANDSHAKE;
        return CLIENT_START_TLS;
    }
    return c->tls == CLIENT_TLS_REQUIRED ? refused(c, r) : ready(c);
}

void client_session_secured(struct client_session *c, struct writer *out)
{
    assert(c->state == CLIENT_AT_HANDSHAKE);
    c->secure = true;
    say_ehlo(c, out); /* what was said in clear does not count (RFC 3207 4.2) */
}

/* ---- a message ------------------------------------------------------------------------------ */

enum { AT_RSET, AT_MAIL, AT_RCPT };

static size_t at_data(const struct client_session *c)
{
    return AT_RCPT + c->mail->count;
}

static void write_mail(const struct client_session *c, struct writer *out)
{
    const struct client_mail *m = c->mail;
    write_text(out, "MAIL FROM:<");
    write_span(out, m->sender);
    write_text(out, ">");
    if (c->offered & SMTP_OFFER_SIZE)
        write_format(out, " SIZE=%llu", (unsigned long long)m->bytes);
    if ((c->offered & SMTP_OFFER_8BITMIME) && (m->body_8bit || m->eight_bit))
        write_text(out, " BODY=8BITMIME");
    if ((c->offered & SMTP_OFFER_DSN) && m->ret != SMTP_RET_UNSAID)
        write_text(out, m->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
    if ((c->offered & SMTP_OFFER_DSN) && m->envid.len > 0) {
        write_text(out, " ENVID=");
        write_span(out, m->envid);
    }
    write_text(out, "\r\n");
}

static void write_rcpt(const struct client_session *c, const struct client_recipient *r, struct writer *out)
{
    write_text(out, "RCPT TO:<");
    write_span(out, r->address);
    write_text(out, ">");
    if ((c->offered & SMTP_OFFER_DSN) && r->notify) {
        write_text(out, " NOTIFY=");
        smtp_write_notify(out, r->notify);
    }
    if (c->offered & SMTP_OFFER_DSN) {
        write_text(out, r->orcpt.len > 0 ? " ORCPT=" : " ORCPT=rfc822;"); /* RFC 3461 5.2.1 */
        if (r->orcpt.len > 0)
            write_span(out, r->orcpt);
        else
            smtp_write_xtext(out, r->address);
    }
    write_text(out, "\r\n");
}

static void write_command(const struct client_session *c, size_t at, struct writer *out)
{
    if (at == AT_RSET)
        write_text(out, "RSET\r\n");
    else if (at == AT_MAIL)
        write_mail(c, out);
    else if (at < at_data(c))
        write_rcpt(c, &c->mail->recipients[at - AT_RCPT], out);
    else
        write_text(out, "DATA\r\n");
}

/* As many commands as may leave now and have room. */
static void fill(struct client_session *c, struct writer *out)
{
    bool together = c->offered & SMTP_OFFER_PIPELINING;
    while (c->next_out <= at_data(c) && (together || c->next_out == c->next_in) &&
           writer_room(out) >= CLIENT_COMMAND_MAX)
        write_command(c, c->next_out++, out);
}

static enum client_effect conclude(struct client_session *c)
{
    c->mail = NULL;
    c->state = c->quit_sent ? CLIENT_AT_QUIT : CLIENT_AT_READY;
    return CLIENT_CONCLUDED;
}

/* What the next host has said that it cannot take is not tried. */
static bool cannot_have(struct client_session *c, const struct client_mail *m, struct client_verdict *why)
{
    if (m->eight_bit && !(c->offered & SMTP_OFFER_8BITMIME)) { /* RFC 6152 3 */
        client_verdict_set(why, 554, "5.6.3",
                           "The message has 8-bit text, and the next host takes 7 bits only");
        return true;
    }
    if (c->size_most > 0 && m->bytes > c->size_most) { /* RFC 1870 6.1 */
        client_verdict_set(why, 552, "5.3.4", "The message is longer than the next host takes");
        return true;
    }
    return false;
}

enum client_effect client_session_send(struct client_session *c, struct client_mail *mail, struct writer *out)
{
    struct client_verdict why;
    assert(c->state == CLIENT_AT_READY && mail->count > 0 && mail->count <= CLIENT_RECIPIENTS_MAX);
    c->mail = mail;
    if (cannot_have(c, mail, &why)) {
        decide(c, &why);
        return conclude(c);
    }
    c->state = CLIENT_AT_ENVELOPE;
    c->next_out = c->next_in = c->transaction_open ? AT_RSET : AT_MAIL;
    c->accepted = 0;
    c->mail_refused = false;
    fill(c, out);
    return CLIENT_MORE;
}

static void heard_mail(struct client_session *c, const struct smtp_reply *r)
{
    struct client_verdict v = verdict_of(r, false);
    c->mail_refused = v.code / 100 != 2;
    c->transaction_open = !c->mail_refused;
    if (c->mail_refused)
        decide(c, &v);
}

static void heard_rcpt(struct client_session *c, struct client_recipient *to, const struct smtp_reply *r)
{
    struct client_verdict v = verdict_of(r, true);
    if (v.code / 100 == 2)
        c->accepted += !c->mail_refused;
    else if (!c->mail_refused)
        to->verdict = v;
}

/* 354 also comes when nobody was accepted: then a dot alone ends what must not be delivered (RFC 2920 3.1).
 */
static enum client_effect heard_data(struct client_session *c, const struct smtp_reply *r, struct writer *out)
{
    struct client_verdict v = verdict_of(r, false);
    if (r->code != 354) {
        if (v.code < 400)
            return refused(c, r);
        decide(c, &v);
        return conclude(c);
    }
    c->encoder = (struct smtp_dot_encoder){ 0 };
    c->state = CLIENT_AT_TEXT;
    if (c->accepted > 0)
        return CLIENT_TEXT;
    client_session_text_end(c, out, false);
    return CLIENT_MORE;
}

static enum client_effect heard_envelope(struct client_session *c, const struct smtp_reply *r,
                                         struct writer *out)
{
    size_t at = c->next_in++;
    if (at == at_data(c))
        return heard_data(c, r, out);
    if (at == AT_RSET)
        c->transaction_open = false;
    else if (at == AT_MAIL)
        heard_mail(c, r);
    else
        heard_rcpt(c, &c->mail->recipients[at - AT_RCPT], r);
    bool pointless = c->mail_refused || (c->next_in == at_data(c) && c->accepted == 0);
    if (pointless && c->next_out == c->next_in)
        return conclude(c);
    fill(c, out);
    return CLIENT_MORE;
}

size_t client_session_text(struct client_session *c, struct span in, struct writer *out)
{
    assert(c->state == CLIENT_AT_TEXT);
    return smtp_dot_encode(&c->encoder, in, out);
}

void client_session_text_end(struct client_session *c, struct writer *out, bool quit)
{
    assert(c->state == CLIENT_AT_TEXT);
    smtp_dot_finish(&c->encoder, out);
    c->state = CLIENT_AT_DOT;
    c->quit_sent = quit;
    if (quit)
        write_text(out, "QUIT\r\n");
}

static enum client_effect heard_dot(struct client_session *c, const struct smtp_reply *r)
{
    struct client_verdict v = verdict_of(r, false);
    c->transaction_open = false;
    decide(c, &v);
    return conclude(c);
}

void client_session_quit(struct client_session *c, struct writer *out)
{
    c->quit_sent = true;
    say(c, out, CLIENT_AT_QUIT, "QUIT", "");
}

/* ---- the door ------------------------------------------------------------------------------- */

static enum client_effect heard(struct client_session *c, const struct smtp_reply *r, struct writer *out)
{
    if (r->code == 421 && c->state != CLIENT_AT_QUIT) /* RFC 5321 3.8: it closes */
        return refused(c, r);
    switch (c->state) {
    case CLIENT_AT_GREETING:
        return heard_greeting(c, r, out);
    case CLIENT_AT_EHLO:
        return heard_ehlo(c, r, out);
    case CLIENT_AT_HELO:
        return r->code == 250 ? ready(c) : refused(c, r);
    case CLIENT_AT_STARTTLS:
        return heard_starttls(c, r);
    case CLIENT_AT_ENVELOPE:
        return c->next_in < c->next_out ? heard_envelope(c, r, out) : refused(c, r);
    case CLIENT_AT_DOT:
        return heard_dot(c, r);
    case CLIENT_AT_QUIT:
        return end(c, NULL);
    case CLIENT_AT_HANDSHAKE:
    case CLIENT_AT_READY:
    case CLIENT_AT_TEXT:
    case CLIENT_AT_END:
        return refused(c, r); /* nobody asked */
    }
    return refused(c, r);
}

enum client_effect client_session_feed(struct client_session *c, struct span in, struct writer *out,
                                       size_t *taken)
{
    enum client_effect effect = CLIENT_MORE;
    *taken = 0;
    while (effect == CLIENT_MORE && *taken < in.len && writer_room(out) >= CLIENT_COMMAND_MAX) {
        struct smtp_reply r;
        size_t n = 0;
        enum smtp_parsed parsed =
            c->state == CLIENT_AT_END ? SMTP_PARSE_BAD : smtp_parse_reply(span_from(in, *taken), &r, &n);
        if (parsed == SMTP_PARSE_MORE)
            break;
        if (parsed == SMTP_PARSE_BAD) {
            *taken = in.len;
            return fail(c, 451, "4.5.0", "What the next host said is no SMTP");
        }
        *taken += n;
        effect = heard(c, &r, out);
    }
    return effect;
}

uint64_t client_session_timeout_ms(const struct client_session *c)
{
    switch (c->state) {
    case CLIENT_AT_GREETING:
        return CLIENT_GREETING_MS;
    case CLIENT_AT_ENVELOPE:
        return c->next_in == at_data(c) ? CLIENT_DATA_MS : CLIENT_COMMAND_MS;
    case CLIENT_AT_TEXT:
        return CLIENT_BLOCK_MS;
    case CLIENT_AT_DOT:
        return CLIENT_DOT_MS;
    case CLIENT_AT_QUIT:
    case CLIENT_AT_END:
        return CLIENT_QUIT_MS;
    default:
        return CLIENT_COMMAND_MS;
    }
}
