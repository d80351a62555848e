#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- HTTP: GET on kept connections ------------------------------------------------------- */

#define HTTP_CONNECTIONS 64

/* The length of a whole answer: its head and the Content-Length; 0 while the head is not there. */
static size_t answer_length(struct span in)
{
    const uint8_t *end = memmem(in.at, in.len, "\r\n\r\n", 4);
    const uint8_t *field = end ? memmem(in.at, in.len, "Content-Length: ", 16) : NULL;
    if (!field)
        return 0;
    return (size_t)(end - in.at) + 4 + strtoul((const char *)field + 16, NULL, 10);
}

void load_http(struct load *l, const char *path)
{
    static uint8_t room[HTTP_CONNECTIONS][65536];
    static size_t have[HTTP_CONNECTIONS];
    struct pollfd p[HTTP_CONNECTIONS];
    char request[512];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench.test\r\n\r\n", path);
    for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
        p[i] = (struct pollfd){ .fd = load_connect(l, SOCK_STREAM), .events = POLLIN };
        (void)!send(p[i].fd, request, (size_t)len, 0);
    }
    while (load_goes_on(l)) {
        poll(p, HTTP_CONNECTIONS, 100);
        for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
            if (!p[i].revents)
                continue;
            ssize_t n = recv(p[i].fd, room[i] + have[i], sizeof room[i] - have[i], MSG_DONTWAIT);
            if (n <= 0) {
                l->wrong++;
                p[i].fd = -1;
                continue;
            }
            have[i] += (size_t)n;
            size_t whole = answer_length(span_of(room[i], have[i]));
            if (!whole || have[i] < whole)
                continue;
            if (memcmp(room[i], "HTTP/1.1 200", 12) == 0)
                l->done++;
            else
                l->wrong++;
            have[i] = 0;
            (void)!send(p[i].fd, request, (size_t)len, MSG_NOSIGNAL);
        }
    }
}

/* ---- SMTP: many messages on each connection ------------------------------------------------ */

#define SMTP_CONNECTIONS 20
#define BODY_BYTES       1024

enum smtp_step { BANNER, EHLO, MAIL, RCPT, DATA, DOT, SMTP_STEPS };

struct smtp_client {
    enum smtp_step waits_for;
    uint8_t in[4096];
    size_t have;
};

/* A whole reply is one whose last line has a space after its code. */
static bool whole_reply(struct span in)
{
    if (in.len < 2 || in.at[in.len - 1] != '\n')
        return false;
    size_t line = in.len - 1;
    while (line > 0 && in.at[line - 1] != '\n')
        line--;
    return in.len - line > 4 && in.at[line + 3] == ' ';
}

struct smtp_words {
    char text[SMTP_STEPS][BODY_BYTES + 256]; /* what is sent when this step was answered */
    size_t len[SMTP_STEPS];
};

static void smtp_prepare(struct smtp_words *w, const char *recipient)
{
    static const char wanted[SMTP_STEPS][64] = { "EHLO load.test\r\n",
                                                 "MAIL FROM:<load@bench.test>\r\n",
                                                 "",
                                                 "DATA\r\n",
                                                 "",
                                                 "MAIL FROM:<load@bench.test>\r\n" };
    for (int i = 0; i < SMTP_STEPS; i++)
        snprintf(w->text[i], sizeof w->text[i], "%s", wanted[i]);
    snprintf(w->text[MAIL], sizeof w->text[MAIL], "RCPT TO:<%s>\r\n", recipient);
    size_t at = (size_t)snprintf(w->text[DATA], sizeof w->text[DATA],
                                 "From: <load@bench.test>\r\nSubject: load\r\n\r\n");
    while (at + 66 < BODY_BYTES) {
        memset(w->text[DATA] + at, 'x', 64);
        memcpy(w->text[DATA] + at + 64, "\r\n", 3);
        at += 66;
    }
    snprintf(w->text[DATA] + at, 8, ".\r\n");
    for (int i = 0; i < SMTP_STEPS; i++)
        w->len[i] = strlen(w->text[i]);
}

static void smtp_answered(struct load *l, int fd, struct smtp_client *c, const struct smtp_words *w)
{
    static const char good[SMTP_STEPS] = "222232";
    if (c->in[0] != (uint8_t)good[c->waits_for])
        l->wrong++;
    else if (c->waits_for == DOT)
        l->done++;
    (void)!send(fd, w->text[c->waits_for], w->len[c->waits_for], MSG_NOSIGNAL);
    c->waits_for = c->waits_for == DOT ? MAIL : c->waits_for + 1;
    c->have = 0;
}

void load_smtp(struct load *l, const char *recipient)
{
    static struct smtp_client clients[SMTP_CONNECTIONS];
    static struct smtp_words words;
    struct pollfd p[SMTP_CONNECTIONS];
    smtp_prepare(&words, recipient);
    for (size_t i = 0; i < SMTP_CONNECTIONS; i++)
        p[i] = (struct pollfd){ .fd = load_connect(l, SOCK_STREAM), .events = POLLIN };
    while (load_goes_on(l)) {
        poll(p, SMTP_CONNECTIONS, 100);
        for (size_t i = 0; i < SMTP_CONNECTIONS; i++) {
            struct smtp_client *c = &clients[i];
            if (!p[i].revents)
                continue;
            ssize_t n = recv(p[i].fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT);
            if (n <= 0) {
                l->wrong++;
                p[i].fd = -1;
                continue;
            }
            c->have += (size_t)n;
            if (whole_reply(span_of(c->in, c->have)))
                smtp_answered(l, p[i].fd, c, &words);
        }
    }
}
