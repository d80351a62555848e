/* Messages that are signed (TSIG, RFC 8945): verified before anything else looks at them; the reply is signed
 * with the same key. */
#include "dnsd.h"

#include "encode.h"
#include "forward.h"

static uint64_t seconds(struct now now)
{
    return (uint64_t)now.unix_ms / 1000;
}

static const struct tsig_key *key_of(const struct dnsd_settings *d, const struct tsig *t)
{
    for (size_t i = 0; i < d->key_count; i++)
        if (tsig_key_is(&d->keys[i], t))
            return &d->keys[i];
    return NULL;
}

static void tell(struct service *s, const struct endpoint *peer, const struct tsig *t, enum tsig_error error,
                 struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (!event_happens_for(s->home->events, EVENT_DNS_KEY_REFUSED, tsig_error_name(error)))
        return;
    event_begin(&ev, EVENT_DNS_KEY_REFUSED, now);
    event_endpoint(&ev, "client", peer);
    if (error != TSIG_FORMERR)
        dnsd_event_name(&ev, "key", &t->key, name);
    event_text(&ev, "reason", tsig_error_name(error));
    event_emit(s->home->events, &ev);
}

/* RFC 8945 5.2: FORMERR; or NOTAUTH with a record that says more, signed where the key was right. */
static void refuse(struct service *s, const struct dns_query *q, const struct tsig *t, enum tsig_error error,
                   struct writer *out, struct now now)
{
    enum dns_rcode rcode = error == TSIG_FORMERR ? DNS_FORMERR : DNS_NOTAUTH;
    respond_refused(q, rcode, &s->response);
    encode_error(q, rcode, out);
    if (error == TSIG_BADKEY || error == TSIG_BADSIG)
        tsig_write_refusal(out, t, error);
    else if (error != TSIG_FORMERR)
        tsig_sign_error(&s->session, out, t, error, seconds(now));
    tsig_close(&s->session);
}

/* A message that has more than a question: it may be signed. */
static bool verify(struct service *s, const struct dns_query *q, struct dnsd_asker *from, struct writer *out,
                   struct now now)
{
    struct tsig t;
    enum tsig_place place = tsig_find(q->message, &t);
    if (place == TSIG_ABSENT || q->header.flags & DNS_QR)
        return true;
    const struct tsig_key *key = place == TSIG_PRESENT ? key_of(s->settings, &t) : NULL;
    enum tsig_error error = place == TSIG_MISPLACED ? TSIG_FORMERR : TSIG_BADKEY;
    if (key)
        error =
            tsig_open(&s->session, key) ? tsig_verify(&s->session, q->message, seconds(now)) : TSIG_BADKEY;
    if (!key && place == TSIG_PRESENT && forward_takes_message(from, q))
        return true; /* who knows the key checks it: RFC 8945 5.5 */
    if (error != TSIG_GOOD) {
        tell(s, from->peer, &t, error, now);
        refuse(s, q, &t, error, out, now);
        return false;
    }
    from->key = s->response.key = key;
    from->view = views_choose(s, &from->peer->address, &from->local->address, key);
    s->response.reserved_bytes = tsig_bytes(&s->session);
    return true;
}

bool dnsd_verify(struct service *s, const struct dns_query *q, struct dnsd_asker *from, struct writer *out,
                 struct now now)
{
    struct response *r = &s->response;
    r->query = NULL; /* until respond() has seen it */
    from->key = r->key = NULL;
    from->view = views_choose(s, &from->peer->address, &from->local->address, NULL);
    r->local = &from->local->address;
    r->reserved_bytes = 0;
    r->edns = &s->edns;
    r->rotates = s->settings->rotates;
    r->unix_ms = now.unix_ms;
    r->over_tls = from->over_tls;
    return !dns_query_has_records(q) || verify(s, q, from, out, now);
}

void dnsd_sign(struct tsig_session *session, struct writer *out, struct now now)
{
    if (!tsig_is_open(session))
        return;
    if (writer_length(out))
        tsig_sign(session, out, seconds(now));
    tsig_close(session);
}
