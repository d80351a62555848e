#include "version.h"

#include "worker.h"

bool version_fits(struct service *s, struct zones_row *row, const struct change *c, const char **why)
{
    workers_pause(s->workers);
    bool ok = change_fits(row->zone, c, why);
    workers_resume(s->workers);
    return ok;
}

bool version_change(struct service *s, struct zones_row *row, const struct change *c, const char **why)
{
    workers_pause(s->workers);
    bool ok = change_apply(&row->zone, c, why);
    workers_resume(s->workers);
    return ok;
}

struct zone *version_replace(struct service *s, struct zones_row *row, struct zone *next)
{
    workers_pause(s->workers);
    struct zone *before = row->zone;
    row->zone = next;
    s->zones.large = s->zones.large || (next && next->block_used >= ZONE_BYTES_CACHED);
    row->expired = !next;
    workers_resume(s->workers);
    return before;
}
