/* Where DNS is spoken over TLS from the first octet on (RFC 7858): the certificate and the listeners; and how
 * primaries are asked over TLS (RFC 9103). */
#include "dnsd.h"

#include <stdlib.h>

#define PROTOCOL "dot" /* RFC 7858 8.1 of ALPN */

static struct tls_context *open_context(const struct service *s, const struct dnsd_settings *d,
                                        struct problem *p)
{
    struct tls_context *t = tls_server_context(s->home->tls, d->tls.name, d->tls.certificate_path,
                                               d->tls.key_path, loop_now(s->home->loop), p);
    if (t)
        tls_context_speak(t, PROTOCOL);
    return t;
}

/* RFC 9103 8.1, 9.1: "dot" by ALPN, TLS 1.3. */
static struct tls_context *open_client(const struct service *s, const struct dnsd_settings *d,
                                       struct problem *p)
{
    struct tls_context *t = tls_client_context(s->home->tls, d->tls.ca_path, p);
    if (t) {
        tls_context_speak(t, PROTOCOL);
        tls_context_newest(t);
    }
    return t;
}

static void tell_listening(struct service *s, const struct listener *l)
{
    struct endpoint at = listener_local(l);
    home_listening(s->home, "dnsd", "tls", &at, s->try_tls);
}

bool dnsd_open_tls(struct service *s, struct problem *p)
{
    const struct dnsd_settings *d = s->settings;
    if (d->tls.ca_path && !(s->tls_client = open_client(s, d, p)))
        return false;
    if (!d->tls.listen_count)
        return true;
    s->tls_listeners = calloc(d->tls.listen_count, sizeof(struct listener *));
    if (!s->tls_listeners)
        problem_set(p, "out of memory");
    s->tls = s->tls_listeners ? open_context(s, d, p) : NULL;
    if (!s->tls)
        return false;
    for (size_t i = 0; i < d->tls.listen_count; i++) {
        struct listener_options o = { .bind = d->tls.listen[i], .events = s->home->events };
        s->tls_listeners[i] = listener_open(s->home->loop, &o, dnsd_accept, s, p);
        if (!s->tls_listeners[i])
            return false;
        s->tls_listener_count++;
    }
    return true;
}

void dnsd_tell_tls(struct service *s)
{
    for (size_t i = 0; i < s->tls_listener_count; i++)
        tell_listening(s, s->tls_listeners[i]);
}

bool dnsd_is_tls(const struct service *s, const struct listener *l)
{
    for (size_t i = 0; i < s->tls_listener_count; i++)
        if (s->tls_listeners[i] == l)
            return true;
    return false;
}

bool dnsd_make_tls(const struct service *s, const struct dnsd_settings *d, struct dnsd_contexts *made,
                   struct problem *p)
{
    *made = (struct dnsd_contexts){ 0 };
    if (s->tls && !(made->server = open_context(s, d, p)))
        return false;
    if (!d->tls.ca_path || (made->client = open_client(s, d, p)))
        return true;
    dnsd_drop_tls(made);
    return false;
}

void dnsd_drop_tls(struct dnsd_contexts *made)
{
    tls_context_close(made->server);
    tls_context_close(made->client);
    *made = (struct dnsd_contexts){ 0 };
}

void dnsd_take_tls(struct service *s, const struct dnsd_contexts *made)
{
    tls_context_close(s->tls);
    tls_context_close(s->tls_client);
    s->tls = made->server;
    s->tls_client = made->client;
}

void dnsd_close_tls_listeners(struct service *s)
{
    for (size_t i = 0; i < s->tls_listener_count; i++)
        listener_close(s->tls_listeners[i]);
    s->tls_listener_count = 0;
}

void dnsd_close_tls(struct service *s)
{
    tls_context_close(s->tls);
    tls_context_close(s->tls_client);
    free(s->tls_listeners);
    s->tls = s->tls_client = NULL;
    s->tls_listeners = NULL;
}
