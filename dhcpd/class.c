#include "class.h"

static bool begins_with(struct span s, struct span start)
{
    return s.len >= start.len && span_equal(span_head(s, start.len), start);
}

/* RFC 3004 4 has a length before each class; some boot clients send one class as it is. */
static bool has_user_class(struct span all, struct span wanted)
{
    if (!all.len || span_equal(all, wanted))
        return all.len != 0;
    struct reader r = reader_over(all);
    while (reader_left(&r)) { /* each turn takes a byte or more */
        struct span one = read_span(&r, read_u8(&r));
        if (reader_ok(&r) && span_equal(one, wanted))
            return true;
    }
    return false;
}

static bool has_architecture(struct span all, uint16_t wanted)
{
    if (!all.len)
        return false;
    struct reader r = reader_over(all);
    while (reader_left(&r)) { /* each turn takes two bytes */
        if (read_u16(&r) == wanted && reader_ok(&r))
            return true;
    }
    return false;
}

static bool matches_option(const struct dhcp_match *x, const struct dhcp4_message *m)
{
    struct span s = x->suboption ? dhcp4_relay_suboption(m, x->suboption) : dhcp4_option(m, x->code);
    if (!s.at || x->any_value)
        return s.at != NULL;
    return x->begins ? begins_with(s, x->value) : span_equal(s, x->value);
}

static bool holds(const struct dhcp_match *x, const struct dhcp4_message *m)
{
    switch (x->kind) {
    case DHCP_MATCH_HARDWARE:
        return begins_with(span_of(m->fixed.chaddr, m->fixed.hlen), x->value);
    case DHCP_MATCH_VENDOR_CLASS:
        return begins_with(dhcp4_option(m, DHCP4_OPTION_VENDOR_CLASS), x->value);
    case DHCP_MATCH_USER_CLASS:
        return has_user_class(dhcp4_option(m, DHCP4_OPTION_USER_CLASS), x->value);
    case DHCP_MATCH_ARCHITECTURE:
        return has_architecture(dhcp4_option(m, DHCP4_OPTION_CLIENT_ARCHITECTURE), x->number);
    case DHCP_MATCH_OPTION:
        return matches_option(x, m);
    }
    return false;
}

static bool is_in(const struct dhcp_class *c, const struct dhcp4_message *m)
{
    unsigned asked = 0, met = 0; /* a bit for each kind */
    for (size_t i = 0; i < c->match_count; i++) {
        asked |= 1u << c->matches[i].kind;
        if (!(met >> c->matches[i].kind & 1) && holds(&c->matches[i], m))
            met |= 1u << c->matches[i].kind;
    }
    return met == asked;
}

uint64_t classes_of(const struct dhcp_class *classes, size_t count, const struct dhcp4_message *m)
{
    uint64_t in = 0;
    for (size_t i = 0; i < count && i < CLASSES_MAX; i++)
        if (is_in(&classes[i], m))
            in |= UINT64_C(1) << i;
    return in;
}

struct span options_find(const struct dhcp_options *o, uint8_t code)
{
    return o->slot[code] ? o->list[o->slot[code] - 1].value : (struct span){ NULL, 0 };
}
