#include "fqdn.h"

#include "name_update.h"

#define FLAG_SERVER_UPDATES 0x01 /* S: the address record is the server's to make */
#define FLAG_OVERRIDDEN     0x02 /* O: the server has it otherwise than the client */
#define FLAG_WIRE_FORM      0x04 /* E: the name is as in the DNS, else it is text */
#define FLAG_NO_UPDATES     0x08 /* N: nobody puts it into the DNS */
#define FLAG6_NO_UPDATES    0x04 /* RFC 4704 4.1: N stands here, and the name is always as in the DNS */
#define RCODE_UNUSED        255  /* RFC 4702 2.2 */

bool fqdn_label(const struct dhcp4_message *m, struct span *label)
{
    struct span value = dhcp4_option(m, DHCP4_OPTION_CLIENT_FQDN);
    *label = (struct span){ NULL, 0 };
    if (!value.at)
        return false;
    struct reader r = reader_over(value);
    uint8_t flags = read_u8(&r);
    read_skip(&r, 2); /* both RCODEs, which mean nothing any more */
    if (!reader_ok(&r) || flags & FLAG_NO_UPDATES || !reader_left(&r))
        return true;
    struct span name = read_rest(&r);
    struct reader labels = reader_over(name);
    struct span first =
        flags & FLAG_WIRE_FORM ? read_span(&labels, read_u8(&labels)) : span_head(name, span_find(name, '.'));
    if (reader_ok(&labels) && first.len <= NAME_LABEL_MAX)
        *label = first;
    return true;
}

/* The first label of a name in wire form, or nothing. */
static struct span first_label(struct span name)
{
    struct reader labels = reader_over(name);
    struct span first = read_span(&labels, read_u8(&labels));
    return reader_ok(&labels) && first.len <= NAME_LABEL_MAX ? first : (struct span){ NULL, 0 };
}

struct span fqdn6_label(const struct dhcp6_message *m)
{
    struct span value = dhcp6_option(m->options, DHCP6_OPTION_CLIENT_FQDN), none = { NULL, 0 };
    if (!value.len)
        return none;
    struct reader r = reader_over(value);
    if (read_u8(&r) & FLAG6_NO_UPDATES)
        return none;
    return first_label(read_rest(&r));
}

bool fqdn6_write(struct writer *w, const struct dhcp6_message *m, const struct dns_name *zone)
{
    struct dns_name name;
    char label[NAME_LABEL_MAX];
    struct span value = dhcp6_option(m->options, DHCP6_OPTION_CLIENT_FQDN), wanted = fqdn6_label(m);
    if (!value.len)
        return false;
    bool asked = value.at[0] & FLAG_SERVER_UPDATES;
    size_t length = wanted.len ? name_label(wanted, label) : 0;
    bool updates = length && name_in_zone(&name, label, length, zone);
    write_u8(w, (uint8_t)((updates ? FLAG_SERVER_UPDATES : FLAG6_NO_UPDATES) |
                          (updates != asked ? FLAG_OVERRIDDEN : 0)));
    if (updates)
        write_span(w, dns_name_span(&name));
    return true;
}

void fqdn_write(struct writer *w, const struct dhcp4_message *m, struct span reserved,
                const struct dns_name *zone)
{
    struct span wanted;
    struct dns_name name;
    char label[NAME_LABEL_MAX];
    struct reader r = reader_over(dhcp4_option(m, DHCP4_OPTION_CLIENT_FQDN));
    uint8_t asked = read_u8(&r);
    fqdn_label(m, &wanted);
    if (reserved.len)
        wanted = reserved;
    size_t length = wanted.len ? name_label(wanted, label) : 0;
    bool updates = length && name_in_zone(&name, label, length, zone);
    bool overridden = updates != ((asked & FLAG_SERVER_UPDATES) != 0);
    write_u8(w, (uint8_t)((asked & FLAG_WIRE_FORM) | (updates ? FLAG_SERVER_UPDATES : FLAG_NO_UPDATES) |
                          (overridden ? FLAG_OVERRIDDEN : 0)));
    write_u8(w, RCODE_UNUSED);
    write_u8(w, RCODE_UNUSED);
    if (!updates)
        return;
    if (asked & FLAG_WIRE_FORM)
        write_span(w, dns_name_span(&name));
    else
        write_dns_name_text(w, dns_name_span(&name));
}
