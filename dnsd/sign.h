/* A zone that signs itself (RFC 4034, 4035, 5155): what a change of its data means for its keys, signatures
 * and proofs of what is not there. The change gets the records that go and come with it, so that a version is
 * either signed or not there at all. One key does both jobs (a CSK, zone key and secure entry point): with
 * signatures made online a second key would lie beside the first, and be rolled by the same hand. Pure. */
#ifndef WIRELAB_DNSD_SIGN_H
#define WIRELAB_DNSD_SIGN_H

#include "change.h"
#include "wire/dnssec.h"

#define SIGN_INCEPTION_S 3600      /* signatures begin an hour ago: clocks of others go wrong */
#define SIGN_JITTER(s)   ((s) / 8) /* they end earlier by up to so much, so that not all are due at once */
#define SIGN_REFRESH(s)  ((s) / 4) /* and are made anew so long before */
#define SIGN_NAMES_MAX   64        /* a change of more names: all are looked at, which is less work then */

struct sign_key {
    struct evp_pkey_st *pair;
    uint16_t tag;
    uint8_t dnskey[DNSSEC_DNSKEY_BYTES];
};

struct sign_settings {
    const struct sign_key *key;
    bool nsec3; /* without it: NSEC */
    uint32_t validity_s;
};

/* When a signature is to be made anew; 0: now, it is of another key. */
uint32_t sign_due_s(const struct sign_settings *settings, const struct rrsig *s);

/* What is looked at beside the names of the change. */
struct sign_scope {
    bool all;
    const struct span *names; /* in wire form */
    size_t name_count;        /* at most SIGN_NAMES_MAX */
};

enum sign_result {
    SIGN_FAILED,  /* and *why says it in words (constant) */
    SIGN_NOTHING, /* nothing but the serial would change */
    SIGN_CHANGED,
};

/* The change of a zone's data, or of its serial alone, becomes one of its signatures, too: what it says of
 * these itself does not count. `z` is left as it was (see change_fits()). */
enum sign_result sign_change(struct zone *z, struct change *c, const struct sign_settings *settings,
                             const struct sign_scope *scope, uint32_t now_s, const char **why);

/* A change of nothing but the serial. NULL: no memory. */
struct change *sign_new_serial(const struct zone *z, uint32_t to);
/* The same SOA with another serial; empty when `room` is too small. */
uint32_t sign_serial(struct span soa);
struct span sign_soa(struct span soa, uint32_t serial, void *room, size_t size);

#endif
