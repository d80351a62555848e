/* Which view a client sees. */
#include "dnsd.h"

static bool is_for(const struct dnsd_view *d, const struct address *peer, const struct address *local,
                   const struct tsig_key *key)
{
    bool here = !d->address_count;
    for (size_t i = 0; !here && i < d->address_count; i++)
        here = prefix_contains(&d->addresses[i], *local);
    struct dnsd_who who = { peer, local, key };
    return here && (d->any_client || dnsd_permitted(&d->clients, &who));
}

struct view *views_choose_among(const struct service *s, const struct address *peer,
                                const struct address *local, const struct tsig_key *key)
{
    size_t i = 0;
    while (i + 1 < s->view_count && !is_for(s->views[i]->settings, peer, local, key))
        i++;
    return s->views[i];
}
