/* Questions that our zones do not answer: from the cache, or later, when others have answered. */
#include "dnsd.h"

#include "encode_cached.h"

#define FLAGS_AT 2

bool dnsd_recurses_for(const struct service *s, const struct view *view, const struct dnsd_who *who)
{
    const struct recursion_settings *r = &s->settings->recursion;
    return r->allow_count && view->settings->recursion && dnsd_permitted(&r->allow, who);
}

static bool may_ask(const struct service *s, const struct dnsd_asker *from)
{
    struct dnsd_who who = dnsd_who(from);
    return dnsd_recurses_for(s, from->view, &who);
}

void dnsd_set_available(struct writer *out)
{
    struct reader r = reader_over(writer_span(out));
    read_skip(&r, FLAGS_AT);
    uint16_t flags = read_u16(&r);
    if (reader_ok(&r))
        writer_patch_u16(out, (struct mark){ FLAGS_AT }, flags | DNS_RA);
}

static enum respond_outcome fail(struct response *r, const char *why, struct writer *out)
{
    writer_back_to(out, (struct mark){ 0 });
    r->rcode = DNS_SERVFAIL;
    r->fault = (struct edns_fault_text){ EDNS_FAULT_OTHER, why };
    encode_failure(r->query, out);
    return RESPOND_REPLY;
}

/* Whether the reply comes from the cache. What respond() wrote stays where it does not. */
static bool from_cache(struct service *s, struct writer *out, struct now now, struct dns_name *missing)
{
    struct response *r = &s->response;
    struct encode_cached e = { .cache = recursion_cache(s->recursion),
                               .query = r->query,
                               .plan = &r->plan,
                               .limit = respond_limit(r, s->over_tcp),
                               .at_ms = now.mono_ms,
                               .now_ms = now.mono_ms };
    if (!encode_cached(&e, out, &r->rcode, missing))
        return false;
    r->fault.code = EDNS_FAULT_NONE;
    if (r->rcode == DNS_SERVFAIL)
        r->fault = (struct edns_fault_text){ EDNS_FAULT_CACHED_ERROR, "it failed a moment ago" };
    return true;
}

static enum respond_outcome wait(struct service *s, const struct dnsd_asker *from,
                                 const struct dns_name *missing, struct writer *out)
{
    struct response *r = &s->response;
    struct recursion_client *c = recursion_client_new(s->recursion);
    if (!c)
        return fail(r, "too many questions wait", out);
    c->query = *r->query;
    c->over_tcp = from->connection != NULL;
    c->over_tls = r->over_tls;
    c->asked = r->asked;
    c->peer = *from->peer;
    c->local = *from->local;
    c->interface = from->interface;
    c->udp = from->udp;
    c->connection = from->connection;
    if (!recursion_ask(s->recursion, c, missing))
        return fail(r, "too many questions wait", out);
    if (from->connection)
        dnsd_connection_waits(from->connection, c);
    writer_back_to(out, (struct mark){ 0 });
    return RESPOND_LATER;
}

/* Names of others for somebody who may ask for them. */
static enum respond_outcome look_up(struct service *s, const struct dnsd_asker *from, struct writer *out,
                                    struct now now)
{
    struct response *r = &s->response;
    struct dns_name missing;
    dnsd_set_available(out);
    if (from_cache(s, out, now, &missing))
        return RESPOND_REPLY;
    if (!(r->query->header.flags & DNS_RD))
        return RESPOND_REPLY;
    if (r->query->question.type == DNS_TYPE_ANY) {
        writer_back_to(out, (struct mark){ 0 });
        r->rcode = DNS_NOERROR;
        r->fault.code = EDNS_FAULT_NONE;
        encode_any(r->query, out);
        return RESPOND_REPLY;
    }
    return wait(s, from, &missing, out);
}

enum respond_outcome dnsd_elsewhere(struct service *s, enum respond_outcome outcome,
                                    const struct dnsd_asker *from, struct writer *out, struct now now)
{
    struct response *r = &s->response;
    bool written = outcome == RESPOND_REPLY || outcome == RESPOND_ELSEWHERE;
    if (!written)
        return outcome;
    bool may = !tsig_is_open(&s->session) /* keys are for zones */ && may_ask(s, from);
    if (outcome == RESPOND_REPLY) {
        if (may)
            dnsd_set_available(out);
        return outcome;
    }
    s->over_tcp = from->connection != NULL;
    if (may)
        outcome = look_up(s, from, out, now);
    else if (s->recursion && r->rcode == DNS_REFUSED && r->query->header.flags & DNS_RD)
        r->fault = (struct edns_fault_text){ EDNS_FAULT_PROHIBITED, "recursion is not for you" };
    if (outcome == RESPOND_LATER)
        return outcome;
    respond_options(r, s->over_tcp, out);
    return RESPOND_REPLY;
}

/* ---- later ------------------------------------------------------------------------------------------- */

static void send_reply(struct service *s, struct recursion_client *c, const struct writer *w, struct now now)
{
    enum edns_transport transport = edns_transport_of(c->over_tcp, c->over_tls);
    dnsd_tell(s, RESPOND_REPLY, &c->peer, transport, writer_length(w), now);
    if (c->over_tcp)
        dnsd_connection_reply(c->connection, c, w);
    else
        udp_send_one(c->udp, &c->peer, &c->local, c->interface, writer_span(w));
}

/* Our zones are looked at again: they may have changed. */
void dnsd_answered(void *owner, struct recursion_client *c, const char *failed, uint16_t fault,
                   uint64_t began_ms)
{
    struct service *s = owner;
    struct response *r = &s->response;
    struct now now = loop_now(s->home->loop);
    struct writer w = writer_over(s->out.bytes, sizeof s->out.bytes);
    struct dns_name missing;
    struct answer_question question = { .name = &c->query.lower,
                                        .type = c->query.question.type,
                                        .class = DNS_CLASS_IN };
    r->query = &c->query;
    r->asked = c->asked;
    r->fault.code = EDNS_FAULT_NONE;
    r->reserved_bytes = 0;
    r->over_tls = c->over_tls;
    r->why = NULL;
    /* keys are for zones: who signed does not wait here */
    const struct view *view = views_choose(s, &c->peer.address, &c->local.address, NULL);
    answer_question(&view->zones, &question, &r->plan);
    struct encode_cached e = { .cache = recursion_cache(s->recursion),
                               .query = r->query,
                               .plan = &r->plan,
                               .limit = respond_limit(r, c->over_tcp),
                               .at_ms = began_ms,
                               .now_ms = now.mono_ms };
    if (failed || !encode_cached(&e, &w, &r->rcode, &missing)) {
        r->rcode = DNS_SERVFAIL;
        r->fault = (struct edns_fault_text){ fault, failed ? failed : "the answer did not last" };
        encode_failure(r->query, &w);
    }
    respond_options(r, c->over_tcp, &w);
    send_reply(s, c, &w, now);
}
