/* For tests of the DHCP core: settings from the text of a configuration, clients' messages from a few fields,
 * and a world of both with a lease table. */
#ifndef WIRELAB_TESTS_DHCP_WORLD_H
#define WIRELAB_TESTS_DHCP_WORLD_H

#include "dhcpd/decide4.h"
#include "dhcpd/dhcpd.h"
#include "dhcpd/reply.h"

#include <assert.h>
#include <stdio.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define WORLD_SERVER   IP(192, 168, 1, 5)
#define WORLD_START_S  1790000000

/* What is inside dhcpd { }; `listen` is added. */
/* NULL: `problems` hears why. */
static inline struct dhcp_settings *settings_told(const char *inside, FILE *problems)
{
    static const struct config_key root[] = {
        { .name = "dhcpd", .type = CONFIG_SECTION, .keys = dhcpd_keys, .help = "server" }, { .name = NULL }
    };
    char text[8192];
    int n = snprintf(text, sizeof text, "dhcpd {\n listen = { \"lab0\" }\n%s\n}\n", inside);
    struct config *c = config_read_text(span_of(text, (size_t)n), "test.conf", root);
    const struct config_section *s = config_section(config_root(c), "dhcpd");
    struct dhcp_settings *settings = config_ok(c) ? dhcpd_configure(c, s) : NULL;
    if (!settings)
        config_print_problems(c, problems);
    config_close(c);
    return settings;
}

static inline struct dhcp_settings *settings_of(const char *inside)
{
    return settings_told(inside, stderr);
}

static inline struct dhcp_settings *settings_or_why(const char *inside, char *why, size_t size)
{
    FILE *f = fmemopen(why, size, "w");
    struct dhcp_settings *settings = f ? settings_told(inside, f) : NULL;
    if (f)
        fclose(f);
    return settings;
}

/* A client's message; what is zero is not in it. */
struct says {
    uint8_t type;
    unsigned mac; /* the last two bytes of its hardware address */
    uint32_t requested, server, ciaddr, giaddr, lease_s;
    uint16_t flags, max_size;
    struct span client_id, host_name, parameters, relay;
    struct {
        uint8_t code; /* 0: none */
        struct span value;
    } extra[2];
};

static inline struct span message_bytes(const struct says *s, uint8_t *room, size_t size)
{
    struct writer w = writer_over(room, size);
    struct dhcp4_build b;
    struct dhcp4_fixed f = { .op = DHCP4_BOOTREQUEST,
                             .htype = 1,
                             .hlen = 6,
                             .xid = s->mac + 1,
                             .flags = s->flags,
                             .ciaddr = s->ciaddr,
                             .giaddr = s->giaddr,
                             .chaddr = { 2, 0, 0, (uint8_t)(s->mac >> 16), (uint8_t)(s->mac >> 8),
                                         (uint8_t)s->mac } };
    dhcp4_build_open(&b, &w, &f, span_of("", 0), span_of("", 0), size);
    if (s->type)
        dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, s->type);
    if (s->requested)
        dhcp4_build_u32(&b, DHCP4_OPTION_REQUESTED_ADDRESS, s->requested);
    if (s->server)
        dhcp4_build_u32(&b, DHCP4_OPTION_SERVER_IDENTIFIER, s->server);
    if (s->lease_s)
        dhcp4_build_u32(&b, DHCP4_OPTION_LEASE_TIME, s->lease_s);
    if (s->max_size)
        dhcp4_build_u16(&b, DHCP4_OPTION_MAX_MESSAGE_SIZE, s->max_size);
    if (s->client_id.at)
        dhcp4_build_option(&b, DHCP4_OPTION_CLIENT_IDENTIFIER, s->client_id);
    if (s->host_name.at)
        dhcp4_build_option(&b, DHCP4_OPTION_HOST_NAME, s->host_name);
    if (s->parameters.at)
        dhcp4_build_option(&b, DHCP4_OPTION_PARAMETER_REQUEST_LIST, s->parameters);
    for (size_t i = 0; i < 2; i++)
        if (s->extra[i].code)
            dhcp4_build_option(&b, s->extra[i].code, s->extra[i].value);
    if (s->relay.at)
        dhcp4_build_option(&b, DHCP4_OPTION_RELAY_AGENT, s->relay);
    dhcp4_build_close(&b);
    assert(writer_ok(&w) && !b.left_out);
    return writer_span(&w);
}

struct world {
    struct dhcp_settings *settings;
    struct leases leases;
    struct lease_claims claims;
    struct dhcp4_arrival arrival;
    struct now now;
    struct dhcp4_message m; /* the last one said */
    uint8_t in[DHCP4_BYTES_MAX], out[REPLY_BYTES_MAX];
};

static inline void world_open(struct world *w, const char *configuration)
{
    memset(w, 0, sizeof *w);
    w->now = (struct now){ .mono_ms = 1000, .unix_ms = (int64_t)WORLD_START_S * 1000 };
    w->settings = settings_of(configuration);
    assert(w->settings);
    bool opened = leases_open(&w->leases, 7, NULL) && leases_settle(&w->leases, w->settings, w->now);
    assert(opened);
    (void)opened;
    w->arrival = (struct dhcp4_arrival){ .server = WORLD_SERVER, .link = WORLD_SERVER, .broadcast = true };
    claims_open(&w->leases, &w->claims);
}

static inline void world_close(struct world *w)
{
    leases_close(&w->leases);
    dhcpd_forget(w->settings);
}

/* Lets time pass, and what is over end. */
static inline void world_wait(struct world *w, int64_t seconds)
{
    w->now.mono_ms += (uint64_t)seconds * 1000;
    w->now.unix_ms += seconds * 1000;
    leases_run(&w->leases, w->now, SIZE_MAX);
}

static inline void world_commit(struct world *w)
{
    claims_confirm(&w->leases, &w->claims, w->now);
    claims_open(&w->leases, &w->claims);
}

static inline void world_fail(struct world *w)
{
    claims_withdraw(&w->leases, &w->claims, w->now);
    claims_open(&w->leases, &w->claims);
}

/* The decision on a message; what it claims waits for world_commit() or world_fail(). */
static inline struct dhcp4_decision world_hears(struct world *w, struct says says)
{
    enum dhcp4_fault fault = dhcp4_parse(&w->m, message_bytes(&says, w->in, sizeof w->in));
    assert(fault == DHCP4_FINE);
    (void)fault;
    return dhcp4_decide(w->settings, &w->leases, &w->m, &w->arrival, w->now, &w->claims);
}

/* A client's whole way to a lease; its address, or 0. */
static inline uint32_t world_lease(struct world *w, unsigned mac)
{
    struct dhcp4_decision d = world_hears(w, (struct says){ .type = DHCP4_DISCOVER, .mac = mac });
    if (d.answer != DHCP4_ANSWER_OFFER)
        return 0;
    d = world_hears(
        w, (struct says){
               .type = DHCP4_REQUEST, .mac = mac, .requested = d.address, .server = w->arrival.server });
    if (d.answer != DHCP4_ANSWER_ACK)
        return 0;
    world_commit(w);
    return d.address;
}

#endif
