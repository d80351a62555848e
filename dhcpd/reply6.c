#include "reply6.h"

#include "fqdn.h"
#include "reconfigure6.h"

static const char *status_words(uint16_t status)
{
    static const char *const words[] = {
        [DHCP6_SUCCESS] = "done",
        [DHCP6_UNSPEC_FAIL] = "it could not be done",
        [DHCP6_NO_ADDRS_AVAIL] = "no address is free",
        [DHCP6_NO_BINDING] = "nothing is leased to this IA",
        [DHCP6_NOT_ON_LINK] = "an address is not of this link",
        [DHCP6_USE_MULTICAST] = "use the multicast address",
        [DHCP6_NO_PREFIX_AVAIL] = "no prefix is free",
    };
    return words[status];
}

static void write_ia(struct writer *out, const struct dhcp6_decision *d, const struct dhcp6_ia_answer *ia)
{
    struct mark m = dhcp6_ia_open(out, ia->code, ia->iaid, ia->held ? d->subnet->t1_s : 0,
                                  ia->held ? d->subnet->t2_s : 0);
    for (size_t i = 0; i < ia->count; i++) {
        const struct dhcp6_grant *g = &d->grants[ia->first + i];
        if (ia->code == DHCP6_OPTION_IA_PD)
            dhcp6_write_prefix(out, g->address, g->bits, g->preferred_s, g->valid_s);
        else
            dhcp6_write_address(out, g->address, g->preferred_s, g->valid_s);
    }
    if (ia->status != DHCP6_SUCCESS)
        dhcp6_write_status(out, ia->status, status_words(ia->status));
    dhcp6_option_close(out, m);
}

/* It was asked for before `place` already. */
static bool is_repeated(struct span list, size_t place, uint16_t code)
{
    struct reader r = reader_over(span_head(list, place));
    while (reader_left(&r)) /* each turn takes two bytes */
        if (read_u16(&r) == code)
            return true;
    return false;
}

static void write_options(struct writer *out, const struct dhcp6_options *o, struct span list)
{
    struct reader r = reader_over(list);
    while (reader_left(&r)) { /* each turn takes two bytes */
        size_t place = reader_offset(&r);
        uint16_t code = read_u16(&r);
        struct span value = options6_find(o, code);
        if (value.at && !is_repeated(list, place, code))
            dhcp6_write_option(out, code, value);
    }
}

/* RFC 4704 6: a client that says how it wants to be called is told how it is, where names are registered. */
static void write_fqdn(struct writer *out, const struct dhcp6_decision *d, const struct dhcp6_message *m)
{
    uint8_t room[1 + DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (fqdn6_write(&w, m, d->subnet->zone))
        dhcp6_write_option(out, DHCP6_OPTION_CLIENT_FQDN, writer_span(&w));
}

static bool asks_plainly(const struct dhcp6_message *m, uint16_t code)
{
    return m->option_request.at && dhcp6_asks_for(m, code);
}

/* RFC 9686 4.2.1: the address as it came, and nothing else. */
static bool write_registered(struct writer *out, const struct dhcp6_message *m, const struct dhcp6_arrival *a)
{
    struct dhcp6_wrap wrap;
    const struct dhcp6_ia_address *x = &m->addresses[0];
    dhcp6_wrap_open(&wrap, out, DHCP6_RELAY_REPLY, a->relays);
    dhcp6_write_header(out, DHCP6_ADDR_REG_REPLY, m->xid);
    dhcp6_write_option(out, DHCP6_OPTION_CLIENT_ID, m->client_id);
    dhcp6_write_option(out, DHCP6_OPTION_SERVER_ID, a->server_id);
    dhcp6_write_address(out, x->address, x->preferred_s, x->valid_s);
    dhcp6_wrap_close(&wrap, out);
    return writer_ok(out);
}

bool reply6_write(struct writer *out, const struct dhcp6_decision *d, const struct dhcp6_message *m,
                  const struct dhcp6_arrival *a)
{
    struct dhcp6_wrap wrap;
    bool advertise = d->answer == DHCP6_ANSWER_ADVERTISE;
    if (d->answer == DHCP6_ANSWER_REGISTERED)
        return write_registered(out, m, a);
    dhcp6_wrap_open(&wrap, out, DHCP6_RELAY_REPLY, a->relays);
    dhcp6_write_header(out, advertise ? DHCP6_ADVERTISE : DHCP6_REPLY, m->xid);
    if (m->client_id.at)
        dhcp6_write_option(out, DHCP6_OPTION_CLIENT_ID, m->client_id);
    dhcp6_write_option(out, DHCP6_OPTION_SERVER_ID, a->server_id);
    if (advertise && d->subnet->preference)
        dhcp6_write_u8(out, DHCP6_OPTION_PREFERENCE, d->subnet->preference);
    if (d->rapid_commit)
        dhcp6_write_option(out, DHCP6_OPTION_RAPID_COMMIT, span_text(""));
    for (size_t i = 0; i < d->ia_count; i++)
        write_ia(out, d, &d->ias[i]);
    if (d->has_status)
        dhcp6_write_status(out, d->status, status_words(d->status));
    if (d->reconfigure)
        dhcp6_write_option(out, DHCP6_OPTION_RECONFIGURE_ACCEPT, span_text(""));
    if (d->gives_key)
        reconfigure6_write_key(out, a->secret, m->client_id);
    if (d->options && d->subnet->registers && asks_plainly(m, DHCP6_OPTION_ADDR_REG_ENABLE))
        dhcp6_write_option(out, DHCP6_OPTION_ADDR_REG_ENABLE, span_text(""));
    if (d->options && d->subnet->zone)
        write_fqdn(out, d, m);
    if (d->options && m->option_request.at)
        write_options(out, d->options, m->option_request);
    dhcp6_wrap_close(&wrap, out);
    return writer_ok(out);
}
