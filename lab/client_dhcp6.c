#include "client_dhcp6.h"

#define PREFERENCE_MOST 255  /* RFC 9915 18.2.1: such a server is taken at once */
#define FIRST_DELAY_MS  1000 /* SOL_MAX_DELAY, CNF_MAX_DELAY, INF_MAX_DELAY */

/* RFC 9915 7.6, 15: first and longest retransmission time, how often, how long; 0: without end. */
struct patience {
    uint32_t first_ms, most_ms;
    unsigned tries;
    uint32_t duration_ms;
};

static const struct patience patience_of[] = {
    [DHCP6_SOLICIT] = { 1000, 3600000, 0, 0 },
    [DHCP6_REQUEST] = { 1000, 30000, 10, 0 },
    [DHCP6_CONFIRM] = { 1000, 4000, 0, 10000 },
    [DHCP6_RENEW] = { 10000, 600000, 0, 0 },  /* until T2 */
    [DHCP6_REBIND] = { 10000, 600000, 0, 0 }, /* until the address ends */
    [DHCP6_RELEASE] = { 1000, 0, 4, 0 },
    [DHCP6_DECLINE] = { 1000, 0, 4, 0 },
    [DHCP6_INFORMATION_REQUEST] = { 1000, 3600000, 0, 0 },
};

/* Which messages carry what (RFC 9915, appendix B). */
#define BIT(type)        (1u << (type))
#define TO_ONE_SERVER    (BIT(DHCP6_REQUEST) | BIT(DHCP6_RENEW) | BIT(DHCP6_RELEASE) | BIT(DHCP6_DECLINE))
#define WITHOUT_REQUESTS (BIT(DHCP6_CONFIRM) | BIT(DHCP6_RELEASE) | BIT(DHCP6_DECLINE))
#define WITHOUT_HINTS    WITHOUT_REQUESTS

static bool is_among(uint8_t type, unsigned set)
{
    return BIT(type) & set;
}

/* ---- messages ------------------------------------------------------------------------------ */

static void write_option_request(const struct client_dhcp6_settings *s, struct writer *out)
{
    struct mark m = dhcp6_option_open(out, DHCP6_OPTION_OPTION_REQUEST);
    for (size_t i = 0; i < s->option_request_count; i++)
        write_u16(out, s->option_request[i]);
    dhcp6_option_close(out, m);
}

static void write_ia(const struct client_dhcp6 *c, struct writer *out)
{
    const struct client_dhcp6_settings *s = c->settings;
    bool hints = !is_among(c->message, WITHOUT_HINTS);
    struct ip6 address = c->message == DHCP6_SOLICIT ? s->wish : c->bound.address, none = { 0, 0 };
    struct mark m = dhcp6_ia_open(out, DHCP6_OPTION_IA_NA, s->iaid, hints ? s->t1_s : 0, hints ? s->t2_s : 0);
    if (!ip6_equal(address, none))
        dhcp6_write_address(out, address, hints ? s->preferred_s : 0, hints ? s->valid_s : 0);
    dhcp6_option_close(out, m);
}

static uint16_t elapsed_10ms(const struct client_dhcp6 *c, struct now now)
{
    uint64_t elapsed = (now.mono_ms - c->began_ms) / 10;
    return elapsed < UINT16_MAX ? (uint16_t)elapsed : UINT16_MAX;
}

static void write_message(const struct client_dhcp6 *c, struct now now, struct writer *out)
{
    const struct client_dhcp6_settings *s = c->settings;
    dhcp6_write_header(out, c->message, c->xid);
    dhcp6_write_option(out, DHCP6_OPTION_CLIENT_ID, s->duid);
    if (is_among(c->message, TO_ONE_SERVER))
        dhcp6_write_option(out, DHCP6_OPTION_SERVER_ID, span_of(c->bound.server, c->bound.server_len));
    if (s->option_request_count && !is_among(c->message, WITHOUT_REQUESTS))
        write_option_request(s, out);
    if (s->elapsed_time)
        dhcp6_write_u16(out, DHCP6_OPTION_ELAPSED_TIME, elapsed_10ms(c, now));
    if (s->rapid_commit && c->message == DHCP6_SOLICIT)
        dhcp6_write_option(out, DHCP6_OPTION_RAPID_COMMIT, span_text(""));
    if (c->message != DHCP6_INFORMATION_REQUEST)
        write_ia(c, out);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* A time and up to a tenth of it more or less (RFC 9915 15: RAND). */
static uint64_t spread(struct client_dhcp6 *c, uint64_t base_ms, uint64_t part_ms, bool only_more)
{
    uint64_t tenth = part_ms / 10;
    return only_more ? base_ms + 1 + rng_below(&c->rng, tenth)
                     : base_ms - tenth + rng_below(&c->rng, 2 * tenth + 1);
}

/* RFC 9915 15; the first Solicit's RAND is above 0, so that servers have a whole second (18.2.1). */
static void arm(struct client_dhcp6 *c, struct now now)
{
    const struct patience *p = &patience_of[c->message];
    if (c->tries == 1)
        c->wait_ms = spread(c, p->first_ms, p->first_ms, c->message == DHCP6_SOLICIT);
    else
        c->wait_ms = spread(c, 2 * c->wait_ms, c->wait_ms, false);
    if (p->most_ms && c->wait_ms > p->most_ms)
        c->wait_ms = spread(c, p->most_ms, p->most_ms, false);
    c->due_ms = now.mono_ms + c->wait_ms;
    if (c->due_ms > c->until_ms)
        c->due_ms = c->until_ms;
}

static void transmit(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    c->state = CLIENT_DHCP6_ASKING;
    c->tries++;
    write_message(c, now, out);
    arm(c, now);
}

/* When this message is given up (RFC 9915 15: MRD). What is given in seconds to a Renew counts from T1, to a
 * Rebind from T2, which is when they begin. */
static uint64_t give_up_ms(const struct client_dhcp6 *c, struct now now)
{
    const struct client_dhcp6_binding *b = &c->bound;
    uint32_t duration_ms = patience_of[c->message].duration_ms;
    if (c->message == DHCP6_RENEW && b->t2_s > b->t1_s && b->t2_s != DHCP6_INFINITE)
        return now.mono_ms + (uint64_t)(b->t2_s - b->t1_s) * 1000;
    if (c->message == DHCP6_REBIND && b->valid_s > b->t2_s && b->valid_s != DHCP6_INFINITE)
        return now.mono_ms + (uint64_t)(b->valid_s - b->t2_s) * 1000;
    return duration_ms ? now.mono_ms + duration_ms : TIMER_NEVER;
}

/* A new message with a transaction of its own, at once or after a delay. */
static void begin(struct client_dhcp6 *c, uint8_t message, uint64_t delay_ms, struct now now,
                  struct writer *out)
{
    c->message = message;
    c->xid = (uint32_t)rng_next(&c->rng) & 0xffffff;
    c->tries = 0;
    c->began_ms = now.mono_ms + delay_ms;
    c->until_ms = give_up_ms(c, now);
    c->state = CLIENT_DHCP6_DELAYED;
    c->due_ms = c->began_ms;
    if (!delay_ms)
        transmit(c, now, out);
}

/* RFC 9915 18.2.1, 18.2.3, 18.2.6: hosts that boot together do not ask together. */
static uint64_t first_delay_ms(struct client_dhcp6 *c, uint8_t message)
{
    bool delayed =
        is_among(message, BIT(DHCP6_SOLICIT) | BIT(DHCP6_CONFIRM) | BIT(DHCP6_INFORMATION_REQUEST));
    /* after a refusal never at once, so that two that disagree make no storm */
    bool anew = c->state != CLIENT_DHCP6_DELAYED;
    return delayed && (anew || !c->settings->hasty) ? 1 + rng_below(&c->rng, FIRST_DELAY_MS) : 0;
}

static void solicit(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    c->chosen = false;
    begin(c, DHCP6_SOLICIT, first_delay_ms(c, DHCP6_SOLICIT), now, out);
}

static void end(struct client_dhcp6 *c, enum client_dhcp6_state state)
{
    c->state = state;
    c->due_ms = TIMER_NEVER;
}

void client_dhcp6_start(struct client_dhcp6 *c, const struct client_dhcp6_settings *settings,
                        enum dhcp6_type what, uint64_t seed, struct now now, struct writer *out)
{
    *c = (struct client_dhcp6){ .settings = settings, .what = (uint8_t)what, .bound = settings->held };
    rng_seed(&c->rng, seed);
    if (what == DHCP6_SOLICIT)
        solicit(c, now, out);
    else
        begin(c, (uint8_t)what, first_delay_ms(c, (uint8_t)what), now, out);
}

/* ---- what servers say ------------------------------------------------------------------------- */

/* RFC 9915 16.3, 16.10: a server's message to this client in this exchange, or not. */
static bool understand(struct client_dhcp6 *c, struct span payload)
{
    struct dhcp6_message *m = &c->last;
    if (dhcp6_parse(m, payload) != DHCP6_FINE || (m->type != DHCP6_ADVERTISE && m->type != DHCP6_REPLY))
        return false;
    return m->xid == c->xid && m->server_id.at && span_equal(m->client_id, c->settings->duid);
}

/* The IA that is the client's own, if it is good: one with T1 beyond T2 is not (RFC 9915 21.4). */
static const struct dhcp6_ia *own_ia(const struct client_dhcp6 *c)
{
    const struct dhcp6_message *m = &c->last;
    for (size_t i = 0; i < m->ia_count; i++) {
        const struct dhcp6_ia *ia = &m->ias[i];
        if (ia->code == DHCP6_OPTION_IA_NA && ia->iaid == c->settings->iaid)
            return ia->t1_s > ia->t2_s && ia->t2_s ? NULL : ia;
    }
    return NULL;
}

/* Its first address that can be used (RFC 9915 21.6), with the server that gave it; false when there is none.
 */
static bool take_binding(struct client_dhcp6 *c, struct client_dhcp6_binding *into)
{
    const struct dhcp6_message *m = &c->last;
    const struct dhcp6_ia *ia = own_ia(c);
    for (size_t i = 0; ia && i < ia->count; i++) {
        const struct dhcp6_ia_address *a = &m->addresses[ia->first + i];
        if (!a->valid_s || a->preferred_s > a->valid_s || a->status != DHCP6_SUCCESS)
            continue;
        *into = (struct client_dhcp6_binding){ .address = a->address,
                                               .preferred_s = a->preferred_s,
                                               .valid_s = a->valid_s,
                                               .t1_s = ia->t1_s,
                                               .t2_s = ia->t2_s,
                                               .server_len = m->server_id.len };
        memcpy(into->server, m->server_id.at, m->server_id.len);
        return true;
    }
    return false;
}

static void request(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    begin(c, DHCP6_REQUEST, 0, now, out);
}

/* RFC 9915 18.2.9: the first Solicit's time is for all servers; after it, the first one is taken. */
static void take_advertise(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    struct client_dhcp6_binding offered;
    const struct dhcp6_ia *ia = own_ia(c);
    if (c->last.status != DHCP6_SUCCESS || !take_binding(c, &offered)) {
        c->status = c->last.status ? c->last.status : ia ? ia->status : c->status;
        return;
    }
    if (!c->chosen || c->last.preference > c->preference) {
        c->bound = offered;
        c->preference = c->last.preference;
        c->chosen = true;
    }
    if (c->settings->hasty || c->tries > 1 || c->preference == PREFERENCE_MOST)
        request(c, now, out);
}

/* RFC 9915 18.2.10.1: the IA's own status. */
static void take_refusal(struct client_dhcp6 *c, uint16_t status, struct now now, struct writer *out)
{
    c->status = status;
    switch (status) {
    case DHCP6_UNSPEC_FAIL:
        break; /* the same message again, when it is due */
    case DHCP6_NO_BINDING:
        if (c->message == DHCP6_REQUEST) {
            end(c, CLIENT_DHCP6_FAILED);
            break;
        }
        memcpy(c->bound.server, c->last.server_id.at, c->last.server_id.len);
        c->bound.server_len = c->last.server_id.len;
        request(c, now, out);
        break;
    case DHCP6_NOT_ON_LINK:
        solicit(c, now, out);
        break;
    default:
        end(c, CLIENT_DHCP6_FAILED);
        break;
    }
}

static void take_lease(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    const struct dhcp6_ia *ia = own_ia(c);
    if (c->last.status != DHCP6_SUCCESS || (ia && ia->status != DHCP6_SUCCESS)) {
        take_refusal(c, c->last.status ? c->last.status : ia->status, now, out);
        return;
    }
    if (take_binding(c, &c->bound)) {
        c->replied = true;
        end(c, CLIENT_DHCP6_DONE);
    } else if (ia && c->message != DHCP6_REQUEST) {
        solicit(c, now, out); /* the address has ended: RFC 9915 18.2.10.1 */
    }
}

static void take_reply(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    switch (c->message) {
    case DHCP6_SOLICIT: /* RFC 9915 16.10, 18.2.1: only with the option, and only if it was asked for */
        if (c->settings->rapid_commit && c->last.rapid_commit)
            take_lease(c, now, out);
        break;
    case DHCP6_REQUEST:
    case DHCP6_RENEW:
    case DHCP6_REBIND:
        take_lease(c, now, out);
        break;
    case DHCP6_CONFIRM:
        c->status = c->last.status;
        if (c->status == DHCP6_NOT_ON_LINK) {
            solicit(c, now, out);
            break;
        }
        c->replied = true;
        end(c, CLIENT_DHCP6_DONE);
        break;
    default:
        c->status = c->last.status;
        c->replied = true;
        end(c, CLIENT_DHCP6_DONE);
        break;
    }
}

void client_dhcp6_take(struct client_dhcp6 *c, struct span payload, struct now now, struct writer *out)
{
    if (c->state != CLIENT_DHCP6_ASKING || !understand(c, payload))
        return;
    if (c->last.type == DHCP6_REPLY)
        take_reply(c, now, out);
    else if (c->message == DHCP6_SOLICIT)
        take_advertise(c, now, out);
}

/* ---- what nobody says --------------------------------------------------------------------------- */

/* RFC 9915 18.2.2 .. 18.2.8: what follows when a message was sent in vain as often as it may. */
static void give_up(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    switch (c->message) {
    case DHCP6_REQUEST:
        solicit(c, now, out);
        break;
    case DHCP6_RENEW:
        begin(c, DHCP6_REBIND, 0, now, out);
        break;
    case DHCP6_REBIND:
        solicit(c, now, out);
        break;
    default: /* CONFIRM: it keeps what it has; RELEASE, DECLINE: done, as far as it can be */
        end(c, CLIENT_DHCP6_DONE);
        break;
    }
}

void client_dhcp6_expire(struct client_dhcp6 *c, struct now now, struct writer *out)
{
    unsigned most = patience_of[c->message].tries;
    if (c->state == CLIENT_DHCP6_DONE || c->state == CLIENT_DHCP6_FAILED)
        return;
    if (c->message == DHCP6_SOLICIT && c->chosen)
        request(c, now, out);
    else if ((most && c->tries >= most) || now.mono_ms >= c->until_ms)
        give_up(c, now, out);
    else
        transmit(c, now, out);
}

static const char *refusal(uint16_t status)
{
    switch (status) {
    case DHCP6_NO_ADDRS_AVAIL:
        return "the server has no address for it (NoAddrsAvail)";
    case DHCP6_NOT_ON_LINK:
        return "its address is not of this link (NotOnLink)";
    case DHCP6_NO_BINDING:
        return "the server does not know of its address (NoBinding)";
    default:
        return "the server could not do it (UnspecFail)";
    }
}

const char *client_dhcp6_fault(const struct client_dhcp6 *c)
{
    static const char *const silent[] = {
        [DHCP6_SOLICIT] = "no server answered its Solicit",
        [DHCP6_REQUEST] = "the server did not answer its Request",
        [DHCP6_CONFIRM] = "no server answered its Confirm",
        [DHCP6_RENEW] = "the server did not answer its Renew",
        [DHCP6_REBIND] = "no server answered its Rebind",
        [DHCP6_RELEASE] = "the server did not answer its Release",
        [DHCP6_DECLINE] = "the server did not answer its Decline",
        [DHCP6_INFORMATION_REQUEST] = "no server answered its Information-request",
    };
    return c->status != DHCP6_SUCCESS ? refusal(c->status) : silent[c->message];
}
