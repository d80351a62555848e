#include "lease_query.h"

#include "options.h"
#include "reply.h"

#define ASSOCIATED_MAX 16 /* other addresses of a client that are told: one on each of its links */

/* What was found. */
struct found {
    enum dhcp4_type type;
    const struct lease *lease;       /* LEASEACTIVE */
    uint32_t others[ASSOCIATED_MAX]; /* what else the client has */
    size_t other_count;
};

/* What the disk says is promised; 0: nothing. */
static int64_t ends_s(const struct lease *x, struct now now)
{
    int64_t until_s = x->state == LEASE_BOUND     ? x->until_s
                      : x->state == LEASE_CLAIMED ? x->durable_until_s
                                                  : 0;
    return until_s > now.unix_ms / 1000 ? until_s : 0;
}

/* RFC 4388 6.4.1: by address. */
static void find_address(struct found *f, const struct dhcp_settings *s, const struct leases *l,
                         uint32_t address, struct now now)
{
    const struct lease *x = leases_find(l, address);
    if (!subnet_of(s, address))
        f->type = DHCP4_LEASEUNKNOWN;
    else if (!x || !ends_s(x, now))
        f->type = DHCP4_LEASEUNASSIGNED;
    else
        f->lease = x;
}

/* The lease that was granted last is told, the others by their addresses. */
static void add(struct found *f, const struct lease *x)
{
    const struct lease *other = x;
    if (!f->lease || x->granted_s > f->lease->granted_s) {
        other = f->lease;
        f->lease = x;
    }
    if (other && f->other_count < ASSOCIATED_MAX)
        f->others[f->other_count++] = other->address;
}

/* RFC 4388 6.4.2 and 6.4.3: by hardware address or client identifier, on each link. */
static void find_client(struct found *f, const struct dhcp_settings *s, const struct leases *l,
                        const struct lease_client *c, struct now now)
{
    for (size_t i = 0; i < s->subnet_count; i++) {
        const struct dhcp_subnet *sn = &s->subnets[i];
        const struct lease *x =
            sn->link->number == i ? leases_of(l, leases_pool(l, sn), c, 0) : NULL; /* each link once */
        if (x && ends_s(x, now))
            add(f, x);
    }
    const struct lease *x = f->lease || c->client_id.len ? NULL : leases_of_hardware(l, NULL, c->hardware);
    for (; x; x = leases_of_hardware(l, x, c->hardware)) /* ends with the leases */
        if (x->pool->subnet && ends_s(x, now))
            add(f, x);
    if (!f->lease)
        f->type = DHCP4_LEASEUNKNOWN;
}

/* No more than there is: what is left of a second does not count. */
static uint32_t left_s(int64_t until_s, struct now now)
{
    if (until_s == INT64_MAX)
        return LEASE_INFINITE;
    int64_t left = until_s - now_s(now);
    return left < 0 ? 0 : left >= LEASE_INFINITE ? LEASE_INFINITE - 1 : (uint32_t)left;
}

/* T1 or T2 as it is counted from the last grant. */
static uint32_t renewal_left_s(const struct lease *x, uint32_t (*part)(uint32_t), struct now now)
{
    if (x->until_s == INT64_MAX)
        return LEASE_INFINITE;
    return left_s(x->granted_s + part((uint32_t)(x->until_s - x->granted_s)), now);
}

/* RFC 4388 6.1 and 6.4.4: what the relay may ask for of a lease. When it was granted is not on disk: after a
 * restart it is not told until the client was heard again. */
static void write_asked(struct dhcp4_build *b, uint8_t code, const struct found *f, struct now now)
{
    const struct lease *x = f->lease;
    struct span client_id = lease_tenant(x).client_id;
    uint8_t room[4 * ASSOCIATED_MAX];
    struct writer others = writer_over(room, sizeof room);
    for (size_t i = 0; i < f->other_count; i++)
        write_u32(&others, f->others[i]);
    if (code == DHCP4_OPTION_LEASE_TIME)
        dhcp4_build_u32(b, code, left_s(ends_s(x, now), now));
    else if (code == DHCP4_OPTION_CLIENT_IDENTIFIER && client_id.len)
        dhcp4_build_option(b, code, client_id);
    else if (code == DHCP4_OPTION_RELAY_AGENT && lease_relay_agent(x).len)
        dhcp4_build_option(b, code, lease_relay_agent(x));
    else if (code == DHCP4_OPTION_ASSOCIATED_IP && f->other_count)
        dhcp4_build_option(b, code, writer_span(&others));
    if (!x->granted_s)
        return;
    if (code == DHCP4_OPTION_LAST_TRANSACTION)
        dhcp4_build_u32(b, code, (uint32_t)(now.unix_ms / 1000) - x->granted_s);
    else if (code == DHCP4_OPTION_RENEWAL_TIME)
        dhcp4_build_u32(b, code, renewal_left_s(x, options_t1, now));
    else if (code == DHCP4_OPTION_REBINDING_TIME)
        dhcp4_build_u32(b, code, renewal_left_s(x, options_t2, now));
}

static void write_options(struct dhcp4_build *b, const struct found *f, const struct dhcp4_message *m,
                          const struct dhcp4_arrival *a, struct now now)
{
    static const uint8_t otherwise[] = { DHCP4_OPTION_LEASE_TIME, DHCP4_OPTION_CLIENT_IDENTIFIER,
                                         DHCP4_OPTION_LAST_TRANSACTION, DHCP4_OPTION_ASSOCIATED_IP };
    struct span wanted = dhcp4_option(m, DHCP4_OPTION_PARAMETER_REQUEST_LIST);
    struct reader r = reader_over(wanted.len ? wanted : span_of(otherwise, sizeof otherwise));
    uint64_t done[4] = { 0 };
    dhcp4_build_u8(b, DHCP4_OPTION_MESSAGE_TYPE, (uint8_t)f->type);
    dhcp4_build_u32(b, DHCP4_OPTION_SERVER_IDENTIFIER, a->server);
    while (f->lease && reader_left(&r)) { /* each turn takes a byte; each code is written once */
        uint8_t code = read_u8(&r);
        if (!(done[code >> 6] >> (code & 63) & 1))
            write_asked(b, code, f, now);
        done[code >> 6] |= UINT64_C(1) << (code & 63);
    }
}

static bool is_allowed(const struct dhcp_settings *s, uint32_t relay)
{
    for (size_t i = 0; i < s->query_from_count; i++)
        if (prefix_contains(&s->query_from[i], address_ip4(relay)))
            return true;
    return false;
}

/* RFC 4388 6.4.4: the client's hardware address and ciaddr tell whose lease it is. */
static bool write_message(struct writer *out, const struct found *f, const struct dhcp4_message *m,
                          const struct dhcp4_arrival *a, struct now now)
{
    struct dhcp4_fixed fixed = m->fixed;
    struct dhcp4_build b;
    fixed.op = DHCP4_BOOTREPLY;
    fixed.hops = 0;
    fixed.yiaddr = fixed.siaddr = 0;
    if (f->lease) {
        struct span hardware = lease_tenant(f->lease).hardware;
        struct reader r = reader_over(hardware);
        memset(fixed.chaddr, 0, sizeof fixed.chaddr);
        fixed.htype = hardware.len ? read_u8(&r) : 0;
        fixed.hlen = (uint8_t)reader_left(&r);
        read_bytes(&r, fixed.chaddr, fixed.hlen);
        fixed.ciaddr = f->lease->address;
    }
    dhcp4_build_open(&b, out, &fixed, span_text(""), span_text(""), reply_max_bytes(m));
    write_options(&b, f, m, a, now);
    return dhcp4_build_close(&b);
}

const char *lease_query_answer(struct writer *out, const struct dhcp_settings *s, const struct leases *l,
                               const struct dhcp4_message *m, const struct dhcp4_arrival *a, struct now now)
{
    struct found f = { .type = DHCP4_LEASEACTIVE };
    uint8_t room[LEASE_CLIENT_ROOM];
    struct lease_client client = lease_client_of(m, room);
    if (!m->fixed.giaddr)
        return "a lease query without a relay's address in giaddr";
    if (!is_allowed(s, m->fixed.giaddr))
        return "this relay may not ask about leases";
    if (m->fixed.ciaddr)
        find_address(&f, s, l, m->fixed.ciaddr, now);
    else if (lease_client_key(&client).len)
        find_client(&f, s, l, &client, now);
    else
        return "a lease query that asks about nothing";
    return write_message(out, &f, m, a, now) ? NULL : "out of room";
}
