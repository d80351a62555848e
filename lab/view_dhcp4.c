#include "view_make.h"

#include "text.h"
#include "wire/dhcp4.h"

static void add_option(struct view_make *m, uint8_t code, struct span value)
{
    uint8_t text[VIEW_VALUE_BYTES];
    struct writer w = writer_over(text, sizeof text);
    const struct dhcp4_option_row *row = dhcp4_option_row(code);
    if (!row)
        return;
    dhcp4_write_value(&w, code, value);
    view_add(m, row->name, writer_span(&w));
}

static void add_flags(struct view_make *m, uint16_t flags)
{
    if (flags == 0)
        view_add_text(m, "flags", "unicast");
    else if (flags == DHCP4_FLAG_BROADCAST)
        view_add_text(m, "flags", "broadcast");
    else
        view_add(m, "flags", view_format(m, "0x%04x", (unsigned)flags));
}

static void add_fields(struct view_make *m, const struct dhcp4_message *d)
{
    const struct dhcp4_fixed *f = &d->fixed;
    char hardware[HARDWARE_TEXT_MAX];
    view_add(m, "xid", view_format(m, "0x%08x", (unsigned)f->xid));
    view_add_number(m, "secs", f->secs);
    add_flags(m, f->flags);
    view_add_address(m, "ciaddr", address_ip4(f->ciaddr));
    view_add_address(m, "yiaddr", address_ip4(f->yiaddr));
    view_add_address(m, "siaddr", address_ip4(f->siaddr));
    view_add_address(m, "giaddr", address_ip4(f->giaddr));
    view_add_text(m, "chaddr", hardware_format(span_of(f->chaddr, f->hlen), hardware));
    for (size_t i = 0; i < d->count; i++)
        add_option(m, d->order[i], d->value[d->order[i]]);
}

/* ---- what decides ----------------------------------------------------------------------------------------
 */

#define DECISIVE_MAX 8

static const char *const decisive[][DECISIVE_MAX] = {
    [DHCP4_DISCOVER] = { "requested-address", "host-name", "client-identifier", "flags", "vendor-class" },
    [DHCP4_OFFER] = { "yiaddr", "lease-time", "server-identifier", "subnet-mask", "routers", "dns-servers",
                      "domain" },
    [DHCP4_REQUEST] = { "requested-address", "server-identifier", "ciaddr", "host-name",
                        "client-identifier" },
    [DHCP4_DECLINE] = { "requested-address", "server-identifier", "message" },
    [DHCP4_ACK] = { "yiaddr", "lease-time", "server-identifier", "subnet-mask", "routers", "dns-servers",
                    "domain" },
    [DHCP4_NAK] = { "message", "server-identifier" },
    [DHCP4_RELEASE] = { "ciaddr", "server-identifier" },
    [DHCP4_INFORM] = { "ciaddr", "host-name" },
    [DHCP4_FORCERENEW] = { "server-identifier" },
    [DHCP4_LEASEQUERY] = { "ciaddr", "client-identifier" },
    [DHCP4_LEASEUNASSIGNED] = { "ciaddr", "server-identifier" },
    [DHCP4_LEASEUNKNOWN] = { "ciaddr", "server-identifier" },
    [DHCP4_LEASEACTIVE] = { "ciaddr", "lease-time", "client-identifier", "server-identifier" },
};

/* A field that was left 0 decides nothing. */
static bool says_something(const struct dhcp4_fixed *f, const char *name)
{
    if (strcmp(name, "ciaddr") == 0)
        return f->ciaddr != 0;
    if (strcmp(name, "yiaddr") == 0)
        return f->yiaddr != 0;
    if (strcmp(name, "flags") == 0)
        return f->flags != 0;
    return true;
}

/* ---- one sentence -----------------------------------------------------------------------------------------
 */

/* RFC 2131 4.3.2: what a REQUEST means is told by which fields it has. */
static void say_request(struct view_make *m, const struct dhcp4_message *d)
{
    char text[ADDRESS_TEXT_MAX];
    uint32_t server, requested;
    if (dhcp4_number(d, DHCP4_OPTION_SERVER_IDENTIFIER, &server))
        view_say(m, "REQUEST: the client takes the offer of %s", address_format(address_ip4(server), text));
    else if (dhcp4_number(d, DHCP4_OPTION_REQUESTED_ADDRESS, &requested))
        view_say(m, "REQUEST: a client that knows this network asks whether it may keep %s",
                 address_format(address_ip4(requested), text));
    else
        view_say(m, "REQUEST: a client asks for more time for %s",
                 address_format(address_ip4(d->fixed.ciaddr), text));
}

static void say_ack(struct view_make *m, const struct dhcp4_message *d)
{
    char text[ADDRESS_TEXT_MAX];
    uint32_t lease_s;
    address_format(address_ip4(d->fixed.yiaddr), text);
    if (!d->fixed.yiaddr)
        view_say(m, "ACK: the server tells what it was asked");
    else if (dhcp4_number(d, DHCP4_OPTION_LEASE_TIME, &lease_s))
        view_say(m, "ACK: the server confirms: %s is the client's for %u seconds", text, (unsigned)lease_s);
    else
        view_say(m, "ACK: the server confirms: %s", text);
}

static void say(struct view_make *m, const struct dhcp4_message *d)
{
    static const char *const sentences[] = {
        [DHCP4_DISCOVER] = "a client looks for a server",
        [DHCP4_NAK] = "the server refuses: the client begins anew",
        [DHCP4_DECLINE] = "the client found its address in use",
        [DHCP4_RELEASE] = "the client gives its address back",
        [DHCP4_INFORM] = "a client that has an address asks for the rest",
        [DHCP4_FORCERENEW] = "a server tells a client to renew now",
        [DHCP4_LEASEQUERY] = "a relay asks who has an address",
        [DHCP4_LEASEUNASSIGNED] = "nobody has the address",
        [DHCP4_LEASEUNKNOWN] = "the server knows nothing of it",
        [DHCP4_LEASEACTIVE] = "this client has the address",
    };
    char text[ADDRESS_TEXT_MAX];
    if (d->type == DHCP4_REQUEST)
        say_request(m, d);
    else if (d->type == DHCP4_ACK)
        say_ack(m, d);
    else if (d->type == DHCP4_OFFER)
        view_say(m, "OFFER: a server proposes %s", address_format(address_ip4(d->fixed.yiaddr), text));
    else
        view_say(m, "%s: %s", dhcp4_type_name(d->type), sentences[d->type]);
}

bool view_dhcp4(struct view_make *m, struct span payload)
{
    struct dhcp4_message d;
    enum dhcp4_fault fault = dhcp4_parse(&d, payload);
    if (fault == DHCP4_TOO_SHORT || fault == DHCP4_NO_COOKIE || fault == DHCP4_BAD_OP)
        return false;
    if (fault != DHCP4_FINE) {
        view_word(m, VIEW_DHCP4, "damaged");
        view_show_format(m, "DHCP: %s", dhcp4_fault_text(fault));
        return true;
    }
    view_word(m, VIEW_DHCP4, dhcp4_type_name(d.type));
    m->message.reply = d.fixed.op == DHCP4_BOOTREPLY;
    add_fields(m, &d);
    for (size_t i = 0; i < DECISIVE_MAX && decisive[d.type][i]; i++)
        if (says_something(&d.fixed, decisive[d.type][i]))
            view_show_field(m, decisive[d.type][i]);
    say(m, &d);
    return true;
}
