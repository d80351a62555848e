/* The load generators of `make bench`: one closed loop a protocol. Each keeps a number of operations in hand,
 * begins the next when one is answered, and stops by itself. */
#ifndef WIRELAB_LOAD_H
#define WIRELAB_LOAD_H

#include "clock.h"
#include "endpoint.h"

struct load {
    struct clock clock;
    struct endpoint server;
    uint64_t start_ms, end_ms; /* mono: when it began, when to stop */
    uint64_t done, wrong;
    uint64_t most;   /* stop after so many, too; 0: whenever the time is over */
    uint64_t p99_us; /* of what was measured; 0: nothing */
};

/* False when the time is over, or all is done. */
static inline bool load_goes_on(const struct load *l)
{
    return clock_now(&l->clock).mono_ms < l->end_ms && !(l->most && l->done >= l->most);
}

/* Connections are there: only now does the time begin. A server with a short backlog makes them wait. */
static inline void load_begin(struct load *l)
{
    uint64_t now_ms = clock_now(&l->clock).mono_ms;
    l->end_ms += now_ms - l->start_ms;
    l->start_ms = now_ms;
}

/* A connected, non-blocking socket, or the end of the program with a word of why. */
int load_connect(const struct load *l, int type);

/* The same, where questions come to; so that a server is measured beside it. */
int load_bind(const struct load *l);
uint64_t load_us(void);

/* h0 to hN of a zone. */
struct load_names {
    const char *zone; /* without a final dot */
    uint32_t count, last;
};
#define DNS_TCP_BYTES 65536

void load_dns(struct load *l, struct load_names names);
void load_dns_tcp(struct load *l, struct load_names names, unsigned in_flight);
/* As a server: until the time is over. */
void load_echo(struct load *l);
/* names.count: the records of the transfer, the SOA twice. */
void load_axfr(struct load *l, struct load_names names);
/* One change after the other, each until it is seen. */
void load_dns_update(struct load *l, const char *zone);
void load_http(struct load *l, const char *path);
void load_smtp(struct load *l, const char *recipient);

/* How exchanges of four messages go. */
struct load_pace {
    uint32_t clients;    /* so many, again and again; 0: each one is new */
    uint32_t per_second; /* begin so many, whatever is answered; 0: each when one is done */
};
/* DHCPv4 or DHCPv6, as the relay at this address. */
void load_dhcp(struct load *l, struct address relay, struct load_pace pace);

#endif
