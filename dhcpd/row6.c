#include "row6.h"

enum column { ADDRESS, STATE, EXPIRES, DUID, IAID, SUBNET, HOST, RECONFIGURE, RELAY, COLUMNS };

static const struct store_holder holder = { STATE, EXPIRES, 1u << DUID | 1u << IAID };

const struct store_table lease6_table = {
    .name = "dhcp6_lease",
    .key_columns = 1,
    .column_count = COLUMNS,
    .holder = &holder,
    .columns = {
        [ADDRESS] = { "address", STORE_TEXT },   /* or a prefix: 2001:db8:1::/56 */
        [STATE] = { "state", STORE_TEXT },       /* bound, registered, free, declined */
        [EXPIRES] = { "expires", STORE_NUMBER }, /* unix seconds; free: since when */
        [DUID] = { "duid", STORE_BYTES },        /* null: nobody had it, or it is declined */
        [IAID] = { "iaid", STORE_NUMBER },
        [SUBNET] = { "subnet", STORE_TEXT },
        [HOST] = { "host", STORE_BYTES }, /* as the client said it: any bytes */
        [RECONFIGURE] = { "reconfigure", STORE_NUMBER }, /* 1: the client takes a Reconfigure */
        [RELAY] = { "relay", STORE_BYTES }, /* link, code and value of what names its port; null: nothing did */
    },
};

const struct store_table own_table = {
    .name = "dhcp6_server",
    .key_columns = 1,
    .column_count = 2,
    .shared = true,
    .columns = { { "name", STORE_TEXT }, { "duid", STORE_BYTES } },
};

static const char *state_word(const struct lease6 *x)
{
    if (lease6_is_held(x))
        return x->registered ? "registered" : "bound";
    return x->state == LEASE_DECLINED ? "declined" : "free";
}

void row6_write(struct store_change *c, struct row6_room *room, const struct lease6 *x, struct now now)
{
    struct lease6_client t = lease6_tenant(x);
    const struct dhcp6_subnet *sn = x->pool->subnet;
    struct span none = { NULL, 0 };
    c->kind = x->state == LEASE_DECLINED ? STORE_PUT : STORE_CLAIM;
    c->now_s = now.unix_ms / 1000;
    c->table = &lease6_table;
    struct store_value *v = c->values;
    struct prefix prefix = { address_ip6(x->address), x->bits };
    v[ADDRESS].bytes = span_text(x->bits == DHCP6_ADDRESS_BITS ? address_format(prefix.address, room->address)
                                                               : prefix_format(&prefix, room->address));
    v[STATE].bytes = span_text(state_word(x));
    v[EXPIRES].number = x->state == LEASE_OFFERED ? now_s(now) : x->until_s;
    v[DUID].bytes = t.duid.len ? t.duid : none;
    v[IAID].number = t.iaid;
    v[SUBNET].bytes = sn ? span_text(sn->name) : none;
    v[HOST].bytes = t.name.len ? t.name : none;
    v[RECONFIGURE].number = x->accepts_reconfigure;
    v[RELAY].bytes = t.relay.len ? t.relay : none;
}

bool row6_read(struct lease6_record *r, const struct store_value *values)
{
    struct prefix prefix;
    struct span duid = values[DUID].bytes;
    if (!prefix_parse(values[ADDRESS].bytes, &prefix) || prefix.address.family != FAMILY_IP6)
        return false;
    r->address = address_to_ip6(prefix.address);
    r->bits = prefix.bits;
    r->until_s = values[EXPIRES].number;
    r->state = LEASE_FREE;
    r->registered = span_is(values[STATE].bytes, "registered");
    if (r->registered || span_is(values[STATE].bytes, "bound"))
        r->state = LEASE_BOUND;
    else if (span_is(values[STATE].bytes, "declined"))
        r->state = LEASE_DECLINED;
    r->client = (struct lease6_client){ .duid = duid,
                                        .iaid = (uint32_t)values[IAID].number,
                                        .name = values[HOST].bytes,
                                        .relay = span_head(values[RELAY].bytes, CIRCUIT6_KEY_MAX),
                                        .accepts_reconfigure = values[RECONFIGURE].number == 1 };
    return duid.len <= DHCP6_DUID_MAX && (duid.len || r->state != LEASE_BOUND);
}

void own_row_write(struct store_change *c, const char *name, struct span value)
{
    c->kind = STORE_PUT;
    c->table = &own_table;
    c->values[0].bytes = span_text(name);
    c->values[1].bytes = value;
}

struct span own_row_read(const struct store_value *values, const char *name)
{
    return span_is(values[0].bytes, name) ? values[1].bytes : (struct span){ NULL, 0 };
}
