#include "notify.h"

#include "dns_exchange.h"
#include "dnsd.h"

#include <stdlib.h>

#define TRIES_MAX     5    /* RFC 1996 3.6 */
#define FIRST_MS      1000 /* doubled for each further try: half a minute in all */
#define MESSAGE_BYTES DNS_EXCHANGE_BYTES_MAX

struct notification {
    struct list_node node;
    struct notifier *notifier;
    struct dns_exchange *exchange;
    struct endpoint to;
    struct address from;
    struct dns_name zone;
    uint32_t serial;
    uint64_t zone_key;
    unsigned tries;
    struct timer again;
    struct tsig_session session; /* where it is signed */
    uint64_t due_ms;             /* of the next try */
    size_t length;
    uint8_t message[MESSAGE_BYTES];
};

static void tell(struct notification *t, enum event_id id, const char *reason, struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (t->notifier->followers)
        followers_told(t->notifier->followers, t->zone_key, &t->to, t->serial, reason, now.unix_ms);
    if (!event_happens(t->notifier->events, id))
        return;
    event_begin(&ev, id, now);
    dnsd_event_name(&ev, "zone", &t->zone, name);
    event_number(&ev, "serial", t->serial);
    event_endpoint(&ev, "to", &t->to);
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(t->notifier->events, &ev);
}

static void end(struct notification *t)
{
    list_remove(&t->node);
    loop_disarm(t->notifier->loop, &t->again);
    t->notifier->count--;
    tsig_close(&t->session);
    free(t);
}

static void send_again(struct notification *t);

static void again_due(struct timer *timer, struct now now)
{
    (void)now;
    send_again(list_item(timer, struct notification, again));
}

static enum dns_rcode rcode_of(struct span message)
{
    struct reader r = reader_over(message);
    struct dns_header h;
    return read_dns_header(&r, &h) ? dns_rcode(h.flags) : DNS_FORMERR;
}

static void answered(void *owner, const struct dns_exchange_result *r, struct now now)
{
    struct notification *t = owner;
    t->exchange = NULL;
    enum tsig_error error = r->outcome == DNS_EXCHANGE_RESPONSE && tsig_is_open(&t->session)
                                ? tsig_verify(&t->session, r->message, (uint64_t)now.unix_ms / 1000)
                                : TSIG_GOOD;
    enum dns_rcode rcode = r->outcome == DNS_EXCHANGE_RESPONSE ? rcode_of(r->message) : DNS_NOERROR;
    if (error || rcode != DNS_NOERROR) { /* an answer all the same: to say it again would not help */
        tell(t, EVENT_DNS_NOTIFY_FAILED, error ? tsig_error_name(error) : dns_rcode_name(rcode), now);
        end(t);
    } else if (r->outcome == DNS_EXCHANGE_RESPONSE) {
        tell(t, EVENT_DNS_NOTIFIED, NULL, now);
        end(t);
    } else if (++t->tries >= TRIES_MAX) {
        tell(t, EVENT_DNS_NOTIFY_FAILED, "no answer", now);
        end(t);
    } else { /* a host that says at once that nobody is there is given as much time as one that says nothing
              */
        loop_arm(t->notifier->loop, &t->again, t->due_ms > now.mono_ms ? t->due_ms : now.mono_ms);
    }
}

static void send_again(struct notification *t)
{
    struct dns_exchange_options o = { .server = t->to,
                                      .from = t->from,
                                      .message = span_of(t->message, t->length),
                                      .timeout_ms = (uint32_t)FIRST_MS << t->tries };
    t->due_ms = loop_now(t->notifier->loop).mono_ms + o.timeout_ms;
    t->exchange = dns_exchange_start(t->notifier->loop, &o, answered, t);
    if (!t->exchange)
        end(t);
}

/* RFC 1996 3.7: with the new SOA, as a hint. */
static bool write_message(struct notification *t, const struct zone *z, const struct tsig_key *key,
                          struct now now)
{
    struct writer w = writer_over(t->message, sizeof t->message);
    struct dns_header h = { .flags = DNS_OPCODE_NOTIFY << 11 | DNS_AA, .questions = 1, .answers = 1 };
    struct dns_question q = { .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
    struct reader soa = zone_records(zone_set_at(z, z->soa));
    struct span rdata;
    dns_name_copy(&q.name, &z->name);
    write_dns_header(&w, &h);
    write_dns_question(&w, &q);
    write_span(&w, dns_name_span(&z->name));
    write_span(&w, zone_next_record(&soa, &rdata));
    bool ok =
        !key || (tsig_open(&t->session, key) && tsig_sign(&t->session, &w, (uint64_t)now.unix_ms / 1000));
    t->length = writer_length(&w);
    return ok && writer_ok(&w);
}

void notifier_open(struct notifier *n, struct loop *l, struct events *e)
{
    *n = (struct notifier){ .loop = l, .events = e };
    list_open(&n->under_way);
}

void notifier_tell(struct notifier *n, const struct zone *z, const struct notify_whom *whom, struct now now)
{
    struct notification *t = n->count < NOTIFY_UNDER_WAY_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        event_note(n->events, EVENT_DNS_NOTIFY_FAILED, now, "reason", "too many are under way");
        return;
    }
    t->notifier = n;
    t->again.fire = again_due;
    t->to = whom->at;
    t->from = whom->from;
    t->serial = z->serial;
    t->zone_key = whom->zone_key;
    dns_name_copy(&t->zone, &z->name);
    list_append(&n->under_way, &t->node);
    n->count++;
    if (write_message(t, z, whom->key, now)) {
        send_again(t);
        return;
    }
    tell(t, EVENT_DNS_NOTIFY_FAILED, "no message can carry names of such lengths", now);
    end(t);
}

void notifier_close(struct notifier *n)
{
    for (struct list_node *first; (first = list_first(&n->under_way));) { /* ends: each is taken off */
        struct notification *t = list_item(first, struct notification, node);
        if (t->exchange)
            dns_exchange_cancel(t->exchange);
        end(t);
    }
}
