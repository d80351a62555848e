#include "version.h"

#include "worker.h"

bool version_fits(struct view *v, struct zones_row *row, const struct change *c, const char **why)
{
    workers_pause(v->service->workers);
    bool ok = change_fits(row->zone, c, why);
    workers_resume(v->service->workers);
    return ok;
}

bool version_change(struct view *v, struct zones_row *row, const struct change *c, const char **why)
{
    workers_pause(v->service->workers);
    bool ok = change_apply(&row->zone, c, why);
    workers_resume(v->service->workers);
    return ok;
}

struct zone *version_replace(struct view *v, struct zones_row *row, struct zone *next)
{
    workers_pause(v->service->workers);
    struct zone *before = row->zone;
    row->zone = next;
    v->zones.large = v->zones.large || (next && next->block_used >= ZONE_BYTES_CACHED);
    row->expired = !next;
    workers_resume(v->service->workers);
    return before;
}
