/* What a scenario expects against what was seen. */
#ifndef WIRELAB_EXPECT_H
#define WIRELAB_EXPECT_H

#include "scenario.h"
#include "view.h"
#include "wire/pcapng.h"

/* One difference: the scenario's line it is about (0: none), and what is different. */
typedef void expect_tell_fn(void *owner, unsigned line, const char *what);

/* Goes through the messages in their order, one for each `expect` line; frames that are no messages such a
 * line can name are stepped over. Returns how many differences there are; stops where the order itself is
 * different, since all that follows would be, too. */
size_t expect_compare(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                      expect_tell_fn *tell, void *owner);
/* The host that has this hardware address; SCENARIO_HOSTS_MAX: none has. */
size_t expect_host_of(const struct scenario *s, const uint8_t hardware[6]);

#endif
