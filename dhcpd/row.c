#include "row.h"

enum column {
    ADDRESS,
    STATE,
    EXPIRES,
    HARDWARE_TYPE,
    HARDWARE,
    CLIENT_ID,
    HOST_NAME,
    SUBNET,
    RELAY,
    COLUMNS
};

static const struct store_holder holder = { STATE, EXPIRES,
                                            1u << HARDWARE_TYPE | 1u << HARDWARE | 1u << CLIENT_ID };

const struct store_table lease_table = {
    .name = "dhcp4_lease",
    .key_columns = 1,
    .column_count = COLUMNS,
    .holder = &holder,
    .columns = {
        [ADDRESS] = { "address", STORE_TEXT },
        [STATE] = { "state", STORE_TEXT },     /* bound, free, declined */
        [EXPIRES] = { "expires", STORE_NUMBER }, /* unix seconds; free: since when */
        [HARDWARE_TYPE] = { "hardware_type", STORE_NUMBER },
        [HARDWARE] = { "hardware", STORE_TEXT },
        [CLIENT_ID] = { "client_id", STORE_BYTES }, /* option 61; null: the client is known by its hardware */
        [HOST_NAME] = { "host_name", STORE_TEXT }, /* what the client says: any bytes */
        [SUBNET] = { "subnet", STORE_TEXT },
        [RELAY] = { "relay", STORE_BYTES }, /* giaddr, then option 82, as they last came; null: never */
    },
};

static const char *state_word(const struct lease *x)
{
    switch (x->state) {
    case LEASE_CLAIMED:
    case LEASE_BOUND:
        return "bound";
    case LEASE_DECLINED:
        return "declined";
    default:
        return "free";
    }
}

static struct span bytes_or_null(struct span s)
{
    return s.len ? s : (struct span){ NULL, 0 };
}

/* Digits by hand: this is done for each lease that is granted. */
static struct span write_ip4(char *room, uint32_t a)
{
    struct writer w = writer_over(room, ADDRESS_TEXT_MAX);
    for (int shift = 24; shift >= 0; shift -= 8) {
        write_decimal(&w, a >> shift & 0xff);
        if (shift)
            write_u8(&w, '.');
    }
    return writer_span(&w);
}

void row_write(struct store_change *c, struct row_room *room, const struct lease *x, struct now now)
{
    struct lease_client t = lease_tenant(x);
    const struct dhcp_subnet *sn = x->pool->subnet;
    c->kind = x->state == LEASE_DECLINED ? STORE_PUT : STORE_CLAIM;
    c->now_s = now.unix_ms / 1000;
    c->table = &lease_table;
    struct store_value *v = c->values;
    v[ADDRESS].bytes = write_ip4(room->address, x->address);
    v[STATE].bytes = span_text(state_word(x));
    v[EXPIRES].number = x->state == LEASE_OFFERED ? now_s(now) : x->until_s;
    v[HARDWARE_TYPE].number = t.hardware.len ? t.hardware.at[0] : 0;
    v[HARDWARE].bytes = bytes_or_null(span_from(t.hardware, 1));
    if (v[HARDWARE].bytes.at)
        v[HARDWARE].bytes = span_text(hardware_format(v[HARDWARE].bytes, room->hardware));
    v[CLIENT_ID].bytes = bytes_or_null(t.client_id);
    v[HOST_NAME].bytes = bytes_or_null(t.host_name);
    v[RELAY].bytes = bytes_or_null(t.relay);
    v[SUBNET].bytes = sn ? span_text(sn->name) : (struct span){ NULL, 0 };
}

bool row_read(struct lease_record *r, uint8_t room[LEASE_HARDWARE_MAX], const struct store_value *values)
{
    struct address address;
    uint8_t hardware[16];
    if (!address_parse(values[ADDRESS].bytes, &address) || address.family != FAMILY_IP4)
        return false;
    r->address = address_to_ip4(address);
    r->until_s = values[EXPIRES].number;
    r->state = LEASE_FREE;
    if (span_is(values[STATE].bytes, "bound"))
        r->state = LEASE_BOUND;
    else if (span_is(values[STATE].bytes, "declined"))
        r->state = LEASE_DECLINED;
    struct writer w = writer_over(room, LEASE_HARDWARE_MAX);
    size_t len = values[HARDWARE].bytes.at ? hardware_parse(values[HARDWARE].bytes, hardware) : 0;
    if (len) {
        write_u8(&w, (uint8_t)values[HARDWARE_TYPE].number);
        write_bytes(&w, hardware, len);
    }
    r->client.hardware = writer_span(&w);
    r->client.client_id = span_head(values[CLIENT_ID].bytes, UINT8_MAX);
    r->client.host_name = span_head(values[HOST_NAME].bytes, LEASE_HOST_NAME_MAX);
    r->client.relay = span_head(values[RELAY].bytes, LEASE_RELAY_MAX);
    return true;
}
