#include "outgoing.h"

static bool is_of_this_host(const struct address *a)
{
    struct ip6 ip = address_to_ip6(*a);
    return a->family == FAMILY_IP4 ? a->bytes[0] == 127 : ip.high == 0 && ip.low == 1;
}

/* Of the link alone; which link is not known here. */
static bool is_of_link(const struct address *a)
{
    const uint8_t *b = a->bytes;
    return a->family == FAMILY_IP4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

static bool is_of_view(const struct dnsd_view *v, struct address a)
{
    for (size_t i = 0; i < v->address_count; i++)
        if (prefix_contains(&v->addresses[i], a))
            return true;
    return !v->address_count;
}

/* Takes it if it may be the one; false: it may be another, where all are listened at or several. All ways to
 * this host itself are one; of ways to others the first need not be the right one. */
static bool count(struct address *chosen, struct address a, const struct endpoint *to)
{
    bool here = is_of_this_host(&a);
    if (a.family != to->address.family)
        return true;
    if (address_is_any(a))
        return false;
    if (is_of_link(&a) || here != is_of_this_host(&to->address))
        return true;
    bool several = chosen->family && !address_equal(*chosen, a);
    if (!several)
        *chosen = a;
    return !several || here;
}

struct address outgoing_address(const struct view *view, const struct endpoint *to)
{
    const struct dnsd_settings *d = view->service->settings;
    const struct dnsd_view *v = view->settings;
    struct address chosen = { 0 };
    bool one = !is_of_link(&to->address);         /* a link has addresses of its own */
    for (size_t i = 0; i < v->address_count; i++) /* where every address is listened at */
        if (v->addresses[i].bits == (v->addresses[i].address.family == FAMILY_IP4 ? 32 : 128))
            one = count(&chosen, v->addresses[i].address, to) && one;
    for (size_t i = 0; i < d->listen_count; i++)
        if (is_of_view(v, d->listen[i].address))
            one = count(&chosen, d->listen[i].address, to) && one;
    return one ? chosen : (struct address){ 0 };
}
