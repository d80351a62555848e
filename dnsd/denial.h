/* What proves that something is not there, from a zone that carries the records for it: NSEC (RFC 4035 3.1.3)
 * or NSEC3 (RFC 5155 7.2). Names are in lower case, at or below the zone's apex. */
#ifndef WIRELAB_DNSD_DENIAL_H
#define WIRELAB_DNSD_DENIAL_H

#include "zone.h"

#define DENIAL_NODES_MAX 4 /* one more than any proof needs */
/* More iterations of the hash than this are not done: each proof would cost three times as many SHA-1s, and
 * who has a zone transferred to a server could slow down all that it serves. It is the most that validators
 * take for secure (RFC 9276 3.2), so a zone with more is insecure to them. But they say so only after a look
 * at an NSEC3 whose signature is good, and without one take the answer for forged: all negative answers of
 * such a zone carry one and the same record of its chain, which costs nothing and shows the iterations. */
#define DENIAL_ITERATIONS_MAX 150

/* The owners of the records, in the order in which they are sent; none where the zone has none that fit. */
struct denial {
    uint16_t type; /* NSEC or NSEC3 */
    size_t count;
    const struct zone_node *nodes[DENIAL_NODES_MAX];
};

/* There is no such name, and no wildcard that would answer for it. */
void denial_of_name(const struct zone *z, const struct dns_name *name, struct denial *out);
/* The name is there, but not the type that was asked for; a delegation: it has no DS. */
void denial_of_type(const struct zone *z, const struct dns_name *name, struct denial *out);
/* There is no such name, so that the wildcard answers for it ... */
void denial_beside_wildcard(const struct zone *z, const struct dns_name *name,
                            const struct zone_node *wildcard, struct denial *out);
/* ... but it has not the type either. */
void denial_of_wildcard_type(const struct zone *z, const struct dns_name *name,
                             const struct zone_node *wildcard, struct denial *out);

/* What is wrong with the zone's means of proof, for who has it signed (constant); NULL: nothing. */
const char *denial_fault(const struct zone *z);

/* RFC 5155 5: the hash of a name in lower case, as the owner of its NSEC3 in the zone. False: too many
 * iterations, or a name that would be too long. */
bool denial_hashed_name(const struct dns_name *name, struct span salt, unsigned iterations,
                        const struct dns_name *zone, struct dns_name *out);

#endif
