#include "tell6.h"

#define EXHAUSTED_TELL_S 60

static enum event_id event_of_message(uint8_t type)
{
    static const enum event_id events[] = {
        [DHCP6_SOLICIT] = EVENT_DHCP6_SOLICIT,
        [DHCP6_REQUEST] = EVENT_DHCP6_REQUEST,
        [DHCP6_CONFIRM] = EVENT_DHCP6_CONFIRM,
        [DHCP6_RENEW] = EVENT_DHCP6_RENEW,
        [DHCP6_REBIND] = EVENT_DHCP6_REBIND,
        [DHCP6_RELEASE] = EVENT_DHCP6_RELEASE,
        [DHCP6_DECLINE] = EVENT_DHCP6_DECLINE,
        [DHCP6_INFORMATION_REQUEST] = EVENT_DHCP6_INFORMATION,
        [DHCP6_ADDR_REG_INFORM] = EVENT_DHCP6_REGISTER,
        [DHCP6_LEASEQUERY] = EVENT_DHCP6_LEASE_QUERY,
    };
    return events[type]; /* of a message that was not discarded */
}

static void emit_message(struct events *e, enum event_id id, const struct heard6 *h, const char *reason)
{
    struct event ev;
    const struct dhcp6_message *m = h->message;
    event_begin(&ev, id, h->now);
    if (id == EVENT_DHCP6_DISCARD)
        event_text(&ev, "message", dhcp6_type_text(m->type));
    if (m->client_id.at)
        event_hardware(&ev, "duid", m->client_id);
    if (m->address_count)
        event_address(&ev, "address", address_ip6(m->addresses[0].address));
    event_endpoint(&ev, h->relays->count ? "relay" : "from", h->from);
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(e, &ev);
}

void tell6_message(struct events *e, const struct heard6 *h)
{
    enum event_id id = event_of_message(h->message->type);
    if (event_happens(e, id))
        emit_message(e, id, h, NULL);
}

void tell6_about(struct events *e, enum event_id id, const struct heard6 *h, const char *reason)
{
    if (event_happens_for(e, id, reason))
        emit_message(e, id, h, reason);
}

void tell6_obsolete(struct events *e, const struct heard6 *h)
{
    if (h->message->has_ia_ta)
        tell6_about(e, EVENT_DHCP6_OBSOLETE, h, "temporary addresses (IA_TA)");
    if (dhcp6_option(h->message->options, DHCP6_OPTION_SERVER_UNICAST).at)
        tell6_about(e, EVENT_DHCP6_OBSOLETE, h, "server unicast");
}

void tell6_discard(struct events *e, const struct endpoint *from, const char *reason, uint16_t option,
                   struct now now)
{
    struct event ev;
    if (!event_happens_for(e, EVENT_DHCP6_DISCARD, reason))
        return;
    event_begin(&ev, EVENT_DHCP6_DISCARD, now);
    event_endpoint(&ev, "from", from);
    event_text(&ev, "reason", reason);
    if (option)
        event_number(&ev, "option", option);
    event_emit(e, &ev);
}

void tell6_answer(struct events *e, const struct answer6_note *n, struct now now)
{
    struct event ev;
    if (!event_happens(e, n->event))
        return;
    event_begin(&ev, n->event, now);
    if (n->duid.at)
        event_hardware(&ev, "duid", n->duid);
    if (n->has_grant) {
        event_address(&ev, "address", address_ip6(n->grant.address));
        event_number(&ev, "seconds", n->grant.valid_s);
    }
    if (n->status != DHCP6_SUCCESS)
        event_text(&ev, "status", dhcp6_status_text(n->status));
    event_emit(e, &ev);
}

void tell6_exhausted(struct events *e, struct leases6 *l, const struct dhcp6_subnet *sn, struct now now)
{
    struct lease6_pool *p = leases6_pool(l, sn);
    if (p->exhausted_told_s && now_s(now) < p->exhausted_told_s + EXHAUSTED_TELL_S)
        return;
    p->exhausted_told_s = now_s(now);
    event_note(e, EVENT_DHCP6_EXHAUSTED, now, "subnet", sn->name);
}

void tell6_circuit_full(struct events *e, struct leases6 *l, const struct dhcp6_subnet *sn,
                        const struct heard6 *h)
{
    struct event ev;
    uint8_t room[CIRCUIT6_KEY_MAX];
    struct span key = circuit6_key(h->relays, room);
    if (!event_happens(e, EVENT_DHCP6_CIRCUIT_FULL) || !circuits_tell_full(&l->circuits, key, now_s(h->now)))
        return;
    const struct dhcp6_relay *next =
        &h->relays->relay[h->relays->count - 1]; /* it has a key, so it is there */
    event_begin(&ev, EVENT_DHCP6_CIRCUIT_FULL, h->now);
    event_text(&ev, "subnet", sn->name);
    if (next->interface_id.len)
        event_span(&ev, "interface-id", next->interface_id);
    else
        event_hardware(&ev, "remote-id", next->remote_id);
    event_number(&ev, "limit", sn->circuit_limit);
    event_emit(e, &ev);
}
