/* For tests of the DHCPv6 core: a configuration, clients' messages from a few fields, and a world of both
 * with a lease table. */
#ifndef WIRELAB_TESTS_DHCP6_WORLD_H
#define WIRELAB_TESTS_DHCP6_WORLD_H

#include "dhcp_world.h"
#include "dhcpd/reply6.h"

#define WORLD6_LINK     UINT64_C(0x20010db800010002)
#define WORLD6(low)     ((struct ip6){ WORLD6_LINK, (low) })
#define ELSEWHERE6(low) ((struct ip6){ UINT64_C(0x20010db800090009), (low) })
#define SAYS6_ADDRESSES 8
#define SAYS6_IAS       4

struct says6_ia {
    uint32_t iaid;                         /* 0: no more IAs */
    bool prefix;                           /* an IA_PD, ... */
    uint8_t bits;                          /* ... its prefixes have so many */
    bool hint;                             /* of this length only: the prefix is :: */
    struct ip6 addresses[SAYS6_ADDRESSES]; /* up to zeros */
};

/* A client's message; what is zero is not in it. */
struct says6 {
    uint8_t type;
    unsigned client;        /* its DUID ends with this */
    size_t long_duid;       /* its length, where it is not 10 */
    bool to_us, to_another; /* the server identifier */
    bool rapid_commit, temporary;
    const uint16_t *wants; /* up to 0 */
    struct says6_ia ia[SAYS6_IAS];
};

static const uint8_t world6_server[] = { 0, 3, 0, 1, 2, 0, 0, 0, 0, 1 };

static inline struct span duid6(unsigned client, size_t len, uint8_t room[DHCP6_DUID_MAX])
{
    struct writer w = writer_over(room, DHCP6_DUID_MAX);
    write_u32(&w, 0x00030001);
    write_u16(&w, 0x0200);
    write_u32(&w, client);
    if (len > 10)
        write_zeros(&w, len - 10);
    return writer_span(&w);
}

static inline void write_says6_ia(struct writer *w, const struct says6_ia *ia)
{
    struct ip6 none = { 0, 0 };
    struct mark m = dhcp6_ia_open(w, ia->prefix ? DHCP6_OPTION_IA_PD : DHCP6_OPTION_IA_NA, ia->iaid, 7, 8);
    for (size_t i = 0; i < SAYS6_ADDRESSES && !ip6_equal(ia->addresses[i], none); i++)
        if (ia->prefix)
            dhcp6_write_prefix(w, ia->addresses[i], ia->bits, 11, 12);
        else
            dhcp6_write_address(w, ia->addresses[i], 11, 12);
    if (ia->hint)
        dhcp6_write_prefix(w, none, ia->bits, 0, 0);
    dhcp6_option_close(w, m);
}

static inline struct span message6(const struct says6 *s, uint8_t *room, size_t size)
{
    uint8_t duid[DHCP6_DUID_MAX];
    struct writer w = writer_over(room, size);
    dhcp6_write_header(&w, s->type, s->client + 1);
    if (s->client)
        dhcp6_write_option(&w, DHCP6_OPTION_CLIENT_ID, duid6(s->client, s->long_duid, duid));
    if (s->to_us)
        dhcp6_write_option(&w, DHCP6_OPTION_SERVER_ID, span_of(world6_server, sizeof world6_server));
    if (s->to_another)
        dhcp6_write_option(&w, DHCP6_OPTION_SERVER_ID, span_text("another"));
    if (s->wants) {
        struct mark m = dhcp6_option_open(&w, DHCP6_OPTION_OPTION_REQUEST);
        for (const uint16_t *code = s->wants; *code; code++)
            write_u16(&w, *code);
        dhcp6_option_close(&w, m);
    }
    if (s->rapid_commit)
        dhcp6_write_option(&w, DHCP6_OPTION_RAPID_COMMIT, span_text(""));
    if (s->temporary)
        dhcp6_write_option(&w, DHCP6_OPTION_IA_TA, span_text("\0\0\0\1"));
    for (size_t i = 0; i < SAYS6_IAS && s->ia[i].iaid; i++)
        write_says6_ia(&w, &s->ia[i]);
    assert(writer_ok(&w));
    return writer_span(&w);
}

struct world6 {
    struct dhcp_settings *settings;
    struct leases6 leases;
    struct dhcp6_arrival arrival;
    struct dhcp6_relays relays;
    struct now now;
    struct lease6_claims claims;
    struct dhcp6_message message;
    struct dhcp6_decision decision;
    uint8_t in[DHCP6_BYTES_MAX], out[DHCP6_BYTES_MAX];
};

static inline void world6_open(struct world6 *w, const char *inside)
{
    memset(w, 0, sizeof *w);
    w->settings = settings_of(inside);
    assert(w->settings);
    w->now = (struct now){ .mono_ms = 1000, .unix_ms = (int64_t)WORLD_START_S * 1000 };
    bool ok = leases6_open(&w->leases, 99, NULL) && leases6_settle(&w->leases, &w->settings->six, w->now);
    assert(ok);
    (void)ok;
    w->arrival = (struct dhcp6_arrival){ .server_id = span_of(world6_server, sizeof world6_server),
                                         .link = w->settings->six.subnets,
                                         .multicast = true,
                                         .relays = &w->relays };
}

static inline void world6_close(struct world6 *w)
{
    leases6_close(&w->leases);
    dhcpd_forget(w->settings);
}

static inline void world6_pass(struct world6 *w, uint32_t seconds)
{
    w->now.mono_ms += (uint64_t)seconds * 1000;
    w->now.unix_ms += (int64_t)seconds * 1000;
    leases6_run(&w->leases, w->now, SIZE_MAX);
}

/* Decides, without a commit. */
static inline struct dhcp6_decision *world6_hear(struct world6 *w, const struct says6 *s)
{
    enum dhcp6_fault f = dhcp6_parse(&w->message, message6(s, w->in, sizeof w->in));
    assert(f == DHCP6_FINE);
    (void)f;
    claims6_open(&w->leases, &w->claims);
    dhcp6_decide(&w->decision, &w->settings->six, &w->leases, &w->message, &w->arrival, w->now, &w->claims);
    return &w->decision;
}

/* Decides, and the store agrees. */
static inline struct dhcp6_decision *world6_say(struct world6 *w, const struct says6 *s)
{
    struct dhcp6_decision *d = world6_hear(w, s);
    claims6_confirm(&w->leases, &w->claims, w->now);
    return d;
}

/* The answer as bytes. */
static inline struct span world6_reply(struct world6 *w)
{
    struct writer out = writer_over(w->out, sizeof w->out);
    bool ok = reply6_write(&out, &w->decision, &w->message, &w->arrival);
    assert(ok);
    (void)ok;
    return writer_span(&out);
}

#endif
