/* Who takes part in a capture: hosts in the order in which they first appear, found from the addresses.
 *
 * A hardware address joins what belongs together: a client before and after it has an address, its link-local
 * IPv6 address, its IPv6 beside a private IPv4 address. It does not join several IPv4 addresses: those are
 * behind a router. Where one address talks to itself (loopback), the lower port is a host of its own. */
#ifndef WIRELAB_EXPLAIN_HOSTS_H
#define WIRELAB_EXPLAIN_HOSTS_H

#include "ladder.h"

#define EXPLAIN_NAME_MAX 64

struct explain_hosts {
    struct ladder_host hosts[LADDER_HOSTS_MAX];
    uint8_t hardware[LADDER_HOSTS_MAX]
                    [6]; /* as it was seen; the hosts have it only while it is theirs alone */
    char names[LADDER_HOSTS_MAX][EXPLAIN_NAME_MAX], places[LADDER_HOSTS_MAX][EXPLAIN_NAME_MAX];
    size_t count, left_out; /* ends of messages that found no room any more */
};

/* Notes both ends of a message. */
void explain_hosts_note(struct explain_hosts *h, const struct view_message *m);
/* Gives a name to the host that has this address. */
void explain_hosts_name(struct explain_hosts *h, struct address a, struct span name);
/* All were noted: what stands above and below; at most `most` of them are kept. */
void explain_hosts_finish(struct explain_hosts *h, size_t most);

#endif
