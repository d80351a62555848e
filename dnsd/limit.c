#include "limit.h"

#include "encode.h"
#include "event.h"
#include "hash.h"
#include "metrics.h"

#include <pthread.h>
#include <stdlib.h>

/* What answers have in common beside their record set. */
enum kind { KIND_ANSWER, KIND_NO_DATA, KIND_NO_NAME, KIND_REFERRAL, KIND_ERROR };

struct limit {
    struct rate_settings settings;
    pthread_mutex_t gate; /* of all that follows */
    struct rate rate;
    bool untold;
    bool told; /* there was a first time */
    uint64_t told_ms;
    struct prefix network;               /* the one that is told of */
    uint64_t dropped, truncated;         /* since it was told */
    uint64_t all_dropped, all_truncated; /* ever */
};

struct limit *limit_open(const struct rate_settings *s, uint64_t seed)
{
    struct limit *l = malloc(sizeof *l);
    struct limit begin = { .settings = *s, .rate.seed = seed };
    begin.rate.rows = calloc(RATE_ROWS, sizeof *begin.rate.rows);
    if (!l || !begin.rate.rows) {
        free(begin.rate.rows);
        free(l);
        return NULL;
    }
    *l = begin;
    pthread_mutex_init(&l->gate, NULL);
    return l;
}

void limit_close(struct limit *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->gate);
    free(l->rate.rows);
    free(l);
}

static enum kind kind_of(const struct response *r)
{
    if (r->rcode == DNS_NXDOMAIN)
        return KIND_NO_NAME;
    if (r->rcode != DNS_NOERROR)
        return KIND_ERROR;
    if (!r->plan.count || r->plan.rows[0].section == ANSWER_ANSWER)
        return KIND_ANSWER;
    return r->plan.authoritative ? KIND_NO_DATA : KIND_REFERRAL;
}

/* The set that stands first: the same for all names of a wildcard, for all names that a zone does not have,
 * for all below a delegation. Errors are all alike; what has no set of ours, by its name. */
static uint64_t answer_of(const struct response *r, uint64_t seed)
{
    enum kind kind = kind_of(r);
    uint64_t set = 0;
    if (kind != KIND_ERROR && r->plan.count)
        set = (uintptr_t)r->plan.rows[0].set;
    else if (kind != KIND_ERROR && r->query->asked)
        set = hash_bytes(dns_name_span(&r->query->lower), seed);
    return set * 8 + kind;
}

static bool is_known(const struct response *r)
{
    return r->key || (r->asked.cookie && r->asked.state != COOKIE_NONE);
}

static void note(struct limit *l, enum rate_verdict verdict, struct address peer, uint64_t mono_ms)
{
    l->dropped += verdict == RATE_DROP;
    l->truncated += verdict == RATE_TRUNCATE;
    if (l->untold || (l->told && mono_ms < l->told_ms + RATE_WINDOW_S * 1000)) /* told_ms may be later */
        return;
    l->untold = l->told = true;
    l->told_ms = mono_ms;
    l->network = rate_network(&l->settings, peer);
}

bool limit_reply(struct limit *l, struct response *r, struct address peer, struct writer *out,
                 uint64_t mono_ms)
{
    if (is_known(r))
        return true;
    uint64_t answer = answer_of(r, l->rate.seed);
    pthread_mutex_lock(&l->gate);
    enum rate_verdict verdict = rate_judge(&l->rate, &l->settings, peer, answer, mono_ms);
    if (verdict != RATE_SEND)
        note(l, verdict, peer, mono_ms);
    pthread_mutex_unlock(&l->gate);
    if (verdict == RATE_SEND)
        return true;
    writer_back_to(out, (struct mark){ 0 });
    if (verdict == RATE_DROP) {
        r->why = "too many answers of this kind for its network";
        return false;
    }
    r->rcode = encode_truncated_code(r->query);
    r->fault.code = EDNS_FAULT_NONE;
    encode_truncated(r->query, out);
    respond_options(r, false, out);
    return true;
}

bool limit_untold(struct limit *l)
{
    pthread_mutex_lock(&l->gate);
    bool untold = l->untold;
    pthread_mutex_unlock(&l->gate);
    return untold;
}

void limit_measure(struct limit *l, struct http_exchange *x)
{
    pthread_mutex_lock(&l->gate);
    uint64_t dropped = l->all_dropped + l->dropped, truncated = l->all_truncated + l->truncated;
    pthread_mutex_unlock(&l->gate);
    metric_line(x, "wirelab_dns_rate_limited_total", "reply", "dropped", NULL, NULL, dropped);
    metric_line(x, "wirelab_dns_rate_limited_total", "reply", "truncated", NULL, NULL, truncated);
}

void limit_tell(struct limit *l, struct events *e, struct now now)
{
    struct event ev;
    char network[ENDPOINT_TEXT_MAX];
    pthread_mutex_lock(&l->gate);
    bool untold = l->untold;
    uint64_t dropped = l->dropped, truncated = l->truncated;
    prefix_format(&l->network, network);
    if (untold) {
        l->untold = false;
        l->all_dropped += l->dropped;
        l->all_truncated += l->truncated;
        l->dropped = l->truncated = 0;
    }
    pthread_mutex_unlock(&l->gate);
    if (!untold || !event_happens(e, EVENT_DNS_RATE_LIMITED))
        return;
    event_begin(&ev, EVENT_DNS_RATE_LIMITED, now);
    event_text(&ev, "network", network);
    event_number(&ev, "dropped", (int64_t)dropped);
    event_number(&ev, "truncated", (int64_t)truncated);
    event_emit(e, &ev);
}
