/* Who may change what of a zone by UPDATE: by address or key, to the names and the types. Pure. */
#ifndef WIRELAB_DNSD_POLICY_H
#define WIRELAB_DNSD_POLICY_H

#include "keys.h"
#include "zone.h"

struct policy_name {
    struct dns_name name; /* in lower case */
    bool below;           /* every name below it, and not itself */
};

struct policy {
    struct dnsd_permits by;
    struct policy_name *names; /* none: every name of the zone */
    size_t name_count;
    uint16_t *types; /* none: every type but those that make the zone: SOA and NS */
    size_t type_count;
};

struct policies {
    struct policy *all;
    size_t count;
};

/* NOERROR when every change of an UPDATE is granted to this client by some policy; REFUSED when one is not;
 * FORMERR when the message is cut short. To delete all sets of a name takes a policy without types, and one
 * with NS where the name is a delegation of the zone (NULL: it is not in service). *why is constant. */
enum dns_rcode policy_check(const struct policies *p, const struct dnsd_who *who, const struct zone *z,
                            struct span message, const char **why);

#endif
