/* What the server says of itself, as the settings have it now; and a secret for its cookies that is made here
 * and replaced from time to time, where the settings have none. */
#include "dnsd.h"

#include "worker.h"

#define SECRET_LIFE_MS (24 * 3600 * 1000) /* RFC 7873 7.1: a day or so; that before is good for as long */

static void new_secret(struct service *s)
{
    uint8_t secret[COOKIE_SECRET_BYTES];
    entropy_fill(secret, sizeof secret);
    cookie_rotate(&s->edns.cookies, span_of(secret, sizeof secret));
}

static void secret_due(struct timer *t, struct now now)
{
    struct service *s = list_item(t, struct service, secret_due);
    workers_pause(s);
    new_secret(s);
    workers_resume(s);
    loop_arm(s->home->loop, t, now.mono_ms + SECRET_LIFE_MS);
}

void dnsd_identify(struct service *s, const struct dnsd_settings *d)
{
    struct cookie_secrets made = s->edns.cookies;
    bool makes = d->cookies && !d->edns.cookies.count;
    s->edns = d->edns;
    if (!d->cookies)
        s->edns.cookies.count = 0;
    if (makes && timer_armed(&s->secret_due)) {
        s->edns.cookies = made; /* and its time goes on */
    } else if (makes) {
        new_secret(s);
        s->secret_due.fire = secret_due;
        loop_arm(s->home->loop, &s->secret_due, loop_now(s->home->loop).mono_ms + SECRET_LIFE_MS);
    } else {
        loop_disarm(s->home->loop, &s->secret_due);
    }
}
