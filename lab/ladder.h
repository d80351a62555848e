/* The figure of a conversation: hosts as columns, time downwards, one line a message with its decisive
 * fields.
 *
 *   seconds  client                                                                        server
 *            00:0c:29:59:fd:21                                                        192.168.1.5
 *            |                                                                                  |
 *   0.000000 |-- DISCOVER  requested-address 192.168.100.129, host-name ubuntu2 --------------->|
 *   0.000412 |<-------------------------------------- OFFER  yiaddr 192.168.1.10, lease-time 600 --|
 */
#ifndef WIRELAB_LADDER_H
#define WIRELAB_LADDER_H

#include "scenario.h"
#include "wire/wire.h"

#define LADDER_WIDTH_LEAST 60
#define LADDER_WIDTH_MOST  160
#define LADDER_HOSTS_MAX   SCENARIO_HOSTS_MAX
#define LADDER_LINE_BYTES  4096 /* a line with all its colours, or the head */

struct ladder_host {
    struct span name, place; /* what stands below the name: an address */
    uint8_t hardware[6];
};

struct ladder {
    const struct ladder_host *hosts;
    size_t host_count;
    size_t width;     /* characters; taken into the bounds above */
    bool boxes;       /* line drawing in UTF-8, else ASCII */
    bool colours;     /* SGR sequences */
    int64_t began_ns; /* of the first message: times count from it */
};

/* The names, their places, and the first bit of the columns: three lines with their ends. */
void ladder_write_head(struct writer *w, const struct ladder *l);
/* One frame, as one line with its end. A frame of which no host is known gets its text alone. */
void ladder_write_frame(struct writer *w, const struct ladder *l, struct span frame, int64_t unix_ns);

#endif
