/* For sign.c and sign_chain.c alone. */
#ifndef WIRELAB_DNSD_SIGN_PART_H
#define WIRELAB_DNSD_SIGN_PART_H

#include "arena.h"
#include "sign.h"

/* A name of the chain of NSEC or NSEC3. */
struct sign_link {
    struct span owner;            /* of its record: the name, or its hash and the zone's name */
    const struct zone_node *node; /* NULL: there is none any more */
    bool in;                      /* it belongs into the chain */
    bool was;                     /* it has a record now */
};

struct signer {
    const struct zone *zone; /* with the new data, and the signatures of before */
    const struct sign_settings *settings;
    const struct change *change;
    const struct sign_scope *scope;
    struct dns_name apex; /* in lower case */
    uint32_t now_s, nsec_ttl;
    uint64_t *changed; /* hashes of owner and type of what changes, in order */
    size_t changed_count;
    struct span *records; /* of the set that is signed, canonical */
    uint8_t *canonical;
    struct change_records removed, added;
    struct sign_link *links;
    size_t link_count, link_room;
    struct arena arena;
    uint8_t *living; /* one bit a place in the zone; for NSEC3 */
    size_t work;     /* beside the SOA's signature, which every serial needs */
    bool all;        /* names are looked at */
    bool failed;
};

static inline uint16_t sign_chain_type(const struct signer *s)
{
    return s->settings->nsec3 ? DNS_TYPE_NSEC3 : DNS_TYPE_NSEC;
}

/* Made by signing, wherever they are. */
static inline bool sign_is_made(uint16_t type)
{
    return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3;
}

/* Whether a set of this node is signed by the zone: RFC 4035 2.2. */
static inline bool sign_is_signed(const struct zone_node *n, uint16_t type)
{
    return !(n->flags & ZONE_NODE_BELOW) && (!(n->flags & ZONE_NODE_CUT) || type == DNS_TYPE_DS);
}

const struct zone_node *sign_node(const struct signer *s, struct span name);
bool sign_owns_data(const struct signer *s, const struct zone_node *n);

/* A set that nothing changed keeps its signature, unless that is due; then, and else, it gets a new one. */
void sign_keep(struct signer *s, const struct zone_node *n, uint16_t type, bool changed);
/* Signs data that is not in the zone yet. */
void sign_new(struct signer *s, struct span owner, uint16_t type, uint32_t ttl, struct span rdata);
/* All records of the type go; of RRSIG those that cover `covered`. */
void sign_remove(struct signer *s, const struct zone_node *n, uint16_t type, uint16_t covered);
void sign_add(struct signer *s, struct span owner, uint16_t type, uint32_t ttl, struct span rdata);

/* sign_chain.c */
/* Notes a name for the chain, and what is in its place. */
void sign_note_link(struct signer *s, struct span name, const struct zone_node *n);
/* The chain after all names were noted, or those that changed. */
void sign_chain(struct signer *s);

#endif
