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

/* Connections in their handshake hold what they need of the context before. */
bool dnsd_reload_tls(struct service *s, const struct dnsd_settings *d, struct problem *p)
{
    struct tls_context *t = s->tls ? open_context(s, d, p) : NULL;
    struct tls_context *client = d->tls.ca_path ? open_client(s, d, p) : NULL;
    if ((s->tls && !t) || (d->tls.ca_path && !client)) {
        tls_context_close(t);
        tls_context_close(client);
        return false;
    }
    tls_context_close(s->tls_client_before);
    s->tls_client_before = s->tls_client;
    s->tls_client = client;
    tls_context_close(s->tls_before);
    s->tls_before = s->tls;
    s->tls = t;
    return true;
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
    tls_context_close(s->tls_before);
    tls_context_close(s->tls_client);
    tls_context_close(s->tls_client_before);
    free(s->tls_listeners);
    s->tls = s->tls_before = s->tls_client = s->tls_client_before = NULL;
    s->tls_listeners = NULL;
}
