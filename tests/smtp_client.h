/* A client and a server's shell around one session, without sockets: feeds bytes, answers effects by a plan,
 * keeps everything that came out. For the unit tests and the fuzz target. */
#ifndef WIRELAB_TESTS_SMTP_CLIENT_H
#define WIRELAB_TESTS_SMTP_CLIENT_H

#include "smtpd/session.h"

struct smtp_client {
    struct smtp_settings settings;
    struct smtp_session session;
    struct events events;
    struct event_sink sink;
    size_t bad_input, rejected;
    struct now now;
    enum smtp_result begins, stores, tls; /* what the effects bring */
    uint8_t said[64 * 1024], text[64 * 1024];
    struct writer replies, message;
    size_t stored, dropped, hung_up, discarded;
    uint8_t rest[SMTP_LINE_MAX + 2];
    size_t rest_len;                    /* bytes that were not taken yet */
    char sender[600], recipients[4096]; /* of the message stored last; recipients each with a space behind */
};

static void client_hears(struct event_sink *sink, const struct event *e)
{
    struct smtp_client *c = (struct smtp_client *)(void *)((char *)sink - offsetof(struct smtp_client, sink));
    c->bad_input += e->id == EVENT_SMTP_BAD_INPUT;
    c->rejected += e->id == EVENT_SMTP_REJECTED;
}

/* The mail01 of the chapter, with two domains so that names can be ambiguous. */
static inline void client_open(struct smtp_client *c)
{
    static struct smtp_offer offers[] = {
        { "PIPELINING", SMTP_OFFER_PIPELINING },
        { "SIZE 10240000", SMTP_OFFER_SIZE },
        { "VRFY", SMTP_OFFER_VRFY },
        { "ETRN", SMTP_OFFER_ETRN },
        { "STARTTLS", SMTP_OFFER_STARTTLS },
        { "ENHANCEDSTATUSCODES", SMTP_OFFER_CODES },
        { "8BITMIME", SMTP_OFFER_8BITMIME },
        { "DSN", SMTP_OFFER_DSN },
    };
    static const char *cyberdyne[] = { "Sanders" }, *skynet[] = { "ppa", "sanders" };
    static struct smtp_domain domains[] = { { "cyberdyne.local", NULL, cyberdyne, 1 },
                                            { "skynet.local", NULL, skynet, 2 } };
    memset(c, 0, sizeof *c);
    c->settings = (struct smtp_settings){ .hostname = "mail01",
                                          .greeting = "mail01 ESMTP Postfix (Ubuntu)",
                                          .offers = offers,
                                          .offer_count = 8,
                                          .offered = 0xff,
                                          .domains = domains,
                                          .domain_count = 2,
                                          .postmaster = &domains[1],
                                          .message_bytes_max = 10240000,
                                          .recipients_max = 100,
                                          .errors_max = 20 };
    struct endpoint peer = { .address = address_ip4(0xac1010e1), .port = 49313 };
    events_open(&c->events);
    c->sink = (struct event_sink){ .take = client_hears, .level = EVENT_TRAFFIC };
    events_attach(&c->events, &c->sink);
    c->replies = writer_over(c->said, sizeof c->said);
    c->message = writer_over(c->text, sizeof c->text);
    smtp_session_open(&c->session, &c->settings, &c->events, &peer, false);
}

static inline void client_close(struct smtp_client *c)
{
    smtp_session_close(&c->session);
}

static inline void client_keeps_envelope(struct smtp_client *c)
{
    struct writer to = writer_over(c->recipients, sizeof c->recipients - 1);
    struct span from = span_head(c->session.envelope.sender, sizeof c->sender - 1);
    for (const struct smtp_recipient *r = c->session.envelope.recipients; r; r = r->next) {
        if (r->target.domain) {
            write_text(&to, r->target.mailbox);
            write_text(&to, "@");
            write_text(&to, r->target.domain->name);
        } else {
            write_span(&to, r->address);
        }
        write_text(&to, " ");
    }
    c->recipients[writer_length(&to)] = 0;
    memcpy(c->sender, from.at, from.len);
    c->sender[from.len] = 0;
}

static inline void client_does(struct smtp_client *c, enum smtp_effect effect)
{
    struct endpoint peer = c->session.peer;
    switch (effect) {
    case SMTP_NOTHING:
        break;
    case SMTP_BEGIN:
        c->message = writer_over(c->text, sizeof c->text);
        smtp_session_result(&c->session, c->begins, span_text(""), c->now, &c->replies);
        break;
    case SMTP_STORE:
        c->stored++;
        client_keeps_envelope(c);
        smtp_session_result(&c->session, c->stores, span_text("931C4400D5"), c->now, &c->replies);
        break;
    case SMTP_FLUSH:
        smtp_session_result(&c->session, c->begins, span_text(""), c->now, &c->replies);
        break;
    case SMTP_START_TLS:
        smtp_session_result(&c->session, c->tls, span_text(""), c->now, &c->replies);
        if (c->tls != SMTP_OK)
            break;
        smtp_session_close(&c->session);
        smtp_session_open(&c->session, &c->settings, &c->events, &peer, true);
        break;
    case SMTP_DROP:
        c->message = writer_over(c->text, sizeof c->text);
        c->dropped++;
        break;
    case SMTP_HANG_UP:
        c->hung_up++;
    }
}

/* Everything in `in`, until the session hung up; what stands behind STARTTLS is thrown away. */
static inline void client_feed(struct smtp_client *c, struct span in)
{
    while (in.len > 0 && !c->hung_up) {
        struct smtp_turn turn = smtp_session_feed(&c->session, in, c->now, &c->replies, &c->message);
        in = span_from(in, turn.taken);
        client_does(c, turn.effect);
        if (turn.effect == SMTP_START_TLS && c->tls == SMTP_OK) {
            c->discarded += in.len;
            return;
        }
        if (turn.taken == 0 && turn.effect == SMTP_NOTHING)
            break;
    }
    if (in.len > 0 && !c->hung_up) { /* the rest waits for more, as in a stream */
        c->rest_len = in.len < sizeof c->rest ? in.len : sizeof c->rest;
        memmove(c->rest, in.at, c->rest_len);
    } else {
        c->rest_len = 0;
    }
}

/* The bytes that were not taken before, and these. */
static inline void client_hear(struct smtp_client *c, struct span in)
{
    uint8_t all[8192];
    struct writer w = writer_over(all, sizeof all);
    write_bytes(&w, c->rest, c->rest_len);
    write_span(&w, in);
    client_feed(c, writer_span(&w));
}

static inline void client_say(struct smtp_client *c, const char *text)
{
    client_hear(c, span_text(text));
}

/* Forgets the replies that came so far. */
static inline void client_forget(struct smtp_client *c)
{
    c->replies = writer_over(c->said, sizeof c->said);
}

#endif
