/* What is done to leases by hand, and what is told of them, through the door of the running program. */
#include "server.h"

#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>

#define HARDWARE_ETHERNET 1

/* ---- a lease ended or made by hand ----------------------------------------------------------------------
 */

struct freeing {
    struct service *server;
    struct http_exchange *exchange;
    struct lease_claims claims;
    const char *said; /* when it is done */
};

static void say_done(const struct freeing *f, bool ok, const char *why)
{
    if (!f->server->stopped) /* then the one who asked is gone, too */
        control_say(f->exchange, ok ? 200 : 503, ok ? f->said : why);
}

static void freed(void *owner, bool ok, const char *why)
{
    struct freeing *f = owner;
    struct service *s = f->server;
    struct now now = loop_now(s->home->loop);
    if (ok)
        claims_confirm(&s->leases, &f->claims, now);
    else
        claims_withdraw(&s->leases, &f->claims, now);
    say_done(f, ok, why);
    free(f);
    s->in_hand--;
    dhcpd_free_if_done(s);
}

static void freed6(void *owner, bool ok, const char *why)
{
    struct freeing *f = owner;
    struct service *s = f->server;
    say_done(f, ok, why);
    free(f);
    s->in_hand--;
    dhcpd_free_if_done(s);
}

/* As if the client had released it. False: it is nobody's. */
static bool free_address(struct service *s, struct address a, struct freeing *f)
{
    struct now now = loop_now(s->home->loop);
    if (a.family == FAMILY_IP6)
        return s->six && server6_release(s->six, address_to_ip6(a), freed6, f);
    struct lease *x = leases_find(&s->leases, address_to_ip4(a));
    if (!x || x->state != LEASE_BOUND)
        return false;
    claims_open(&s->leases, &f->claims);
    lease_release(&s->leases, x, now, &f->claims);
    persist_commit(&s->persist, &f->claims, now, freed, f);
    dhcpd_arm_deadline(s, now);
    return true;
}

/* DELETE leases/ADDRESS */
static void end_lease(struct service *s, struct http_exchange *x, struct address a)
{
    struct freeing *f = calloc(1, sizeof *f);
    if (!f) {
        control_say(x, 503, "out of memory");
        return;
    }
    f->server = s;
    f->exchange = x;
    f->said = "The address is free";
    s->in_hand++;
    if (!free_address(s, a, f)) {
        s->in_hand--;
        free(f);
        control_say(x, 404, "Nobody has this address");
    }
}

/* The lease at an address of a pool, for a client that is known by its hardware. False: *why says why not. */
static bool claim_by_hand(struct service *s, uint32_t address, const struct lease_client *c,
                          struct freeing *f, const char **why)
{
    struct now now = loop_now(s->home->loop);
    const struct dhcp_subnet *sn = subnet_of(s->settings, address);
    *why = "The address is in no pool";
    if (!sn || !subnet_in_pool(subnet_part(sn, address), address))
        return false;
    sn = subnet_part(sn, address);
    struct lease *x = leases_at(&s->leases, leases_pool(&s->leases, sn), address);
    *why = "Somebody else has the address";
    if (x && !lease_is_for(x, c))
        return false;
    *why = "out of memory";
    claims_open(&s->leases, &f->claims);
    if (!x || !lease_claim(&s->leases, x, c, now_s(now) + sn->lease_s, now, &f->claims))
        return false;
    f->said = "The lease is there";
    persist_commit(&s->persist, &f->claims, now, freed, f);
    dhcpd_arm_deadline(s, now);
    return true;
}

/* PUT leases/ADDRESS/HARDWARE */
static void add_lease(struct service *s, struct http_exchange *x, struct span what)
{
    struct address a;
    uint8_t hardware[1 + DHCP4_CHADDR_MAX] = { HARDWARE_ETHERNET };
    size_t slash = span_find(what, '/'), len = 0;
    if (slash < what.len && address_parse(span_head(what, slash), &a) && a.family == FAMILY_IP4)
        len = hardware_parse(span_from(what, slash + 1), hardware + 1);
    struct freeing *f = len ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        control_say(x, len ? 503 : 404, len ? "out of memory" : "An IPv4 address and a hardware address");
        return;
    }
    const char *why;
    struct lease_client c = { .hardware = span_of(hardware, 1 + len) };
    f->server = s;
    f->exchange = x;
    s->in_hand++;
    if (!claim_by_hand(s, address_to_ip4(a), &c, f, &why)) {
        s->in_hand--;
        free(f);
        control_say(x, 409, why);
    }
}

/* POST reconfigure/ADDRESS, reconfigure/all */
static void reconfigure(struct service *s, struct http_exchange *x, struct span which)
{
    struct address a;
    struct ip6 six;
    char said[64];
    bool all = span_is(which, "all");
    if (!all && (!address_parse(which, &a) || a.family != FAMILY_IP6)) {
        control_say(x, 404, "An IPv6 address, or all");
        return;
    }
    if (!all)
        six = address_to_ip6(a);
    size_t count = s->six ? server6_reconfigure(s->six, all ? NULL : &six) : 0;
    snprintf(said, sizeof said, "Clients told: %zu", count);
    control_say(x, count || all ? 200 : 404, count || all ? said : "No client there takes a Reconfigure");
}

void dhcpd_control(struct service *s, struct http_exchange *x, struct span path)
{
    static const char leases[] = "leases/", again[] = "reconfigure/";
    struct address a;
    bool ends = span_starts(path, leases) && address_parse(span_from(path, strlen(leases)), &a);
    if (span_starts(path, leases) && span_is(x->request->method, "PUT"))
        add_lease(s, x, span_from(path, strlen(leases)));
    else if (!ends && !span_starts(path, again))
        control_say(x, 404,
                    "dhcpd takes DELETE of leases/ADDRESS, PUT of leases/ADDRESS/HARDWARE, and POST of "
                    "reconfigure/ADDRESS or reconfigure/all");
    else if (!span_is(x->request->method, ends ? "DELETE" : "POST"))
        control_say(x, 405, ends ? "Only DELETE is possible here" : "Only POST is possible here");
    else if (ends)
        end_lease(s, x, a);
    else
        reconfigure(s, x, span_from(path, strlen(again)));
}

/* ---- what is told ---------------------------------------------------------------------------------- */

static void measure_subnet(struct http_exchange *x, const struct leases *l, const struct dhcp_subnet *sn)
{
    uint64_t addresses = 0, in_use = leases_pool(l, sn)->in_use;
    for (size_t i = 0; i < sn->range_count; i++)
        addresses += (uint64_t)sn->ranges[i].last - sn->ranges[i].first + 1;
    for (size_t i = 0; i < sn->part_count; i++)
        in_use += leases_pool(l, &sn->parts[i])->in_use;
    metric_line(x, "wirelab_dhcp_pool_addresses", "subnet", sn->name, NULL, NULL, addresses);
    metric_line(x, "wirelab_dhcp_addresses_in_use", "subnet", sn->name, NULL, NULL, in_use);
}

static void measure_subnet6(struct http_exchange *x, const struct server6 *six, const struct dhcp6_subnet *sn)
{
    struct server6_use u = server6_use(six, sn);
    metric_line(x, "wirelab_dhcp_addresses_in_use", "subnet", sn->name, NULL, NULL, u.addresses);
    if (sn->prefix_pool_count)
        metric_line(x, "wirelab_dhcp_prefixes_in_use", "subnet", sn->name, NULL, NULL, u.prefixes);
}

void dhcpd_measure(struct service *s, struct http_exchange *x)
{
    http_piece(
        x,
        span_text("# TYPE wirelab_dhcp_pool_addresses gauge\n# TYPE wirelab_dhcp_addresses_in_use gauge\n"));
    for (size_t i = 0; i < s->settings->subnet_count; i++)
        measure_subnet(x, &s->leases, &s->settings->subnets[i]);
    for (size_t i = 0; s->six && i < s->settings->six.subnet_count; i++)
        measure_subnet6(x, s->six, &s->settings->six.subnets[i]);
}
