/* What a scenario expects against what was seen. */
#ifndef WIRELAB_EXPECT_H
#define WIRELAB_EXPECT_H

#include "scenario.h"
#include "view.h"
#include "wire/pcapng.h"

/* One difference: the scenario's line it is about (0: none), and what is different. */
typedef void expect_tell_fn(void *owner, unsigned line, const char *what);

/* Goes through the messages in their order, one for each `expect` line. Returns how many differences there
 * are; stops where the order itself is different, since all that follows would be, too. Conversations over
 * TCP between different pairs of hosts do not wait for each other: each pair's lines are met in their own
 * order.
 *
 * Messages of a protocol that no line has a word of are stepped over. So is what only carries a conversation
 * (ARP, ICMP, neighbour discovery, SYN, FIN, ...), until a line names such a word: that line takes the next
 * message that is as it says. A word that several protocols have (REQUEST) speaks of all of them, unless the
 * line says which: protocol=dhcp6. */
size_t expect_compare(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                      expect_tell_fn *tell, void *owner);
/* The host that has this address, or else this hardware; SCENARIO_HOSTS_MAX: none has. */
size_t expect_host_of(const struct scenario *s, const struct view_end *e);

#endif
