/* The figure of a conversation: hosts as columns, time downwards, one line a message with what decides; the
 * messages of one frame share a line. What only carries the conversation (ARP, SYN, FIN) is dotted. What
 * decides, and has no room on a short arrow, stands beside it, over the columns of hosts that have no part in
 * the message.
 *
 *   seconds  client                                                                        server
 *            00:0c:29:59:fd:21                                                        192.168.1.5
 *            |                                                                                  |
 *   0.000000 |-- DISCOVER  requested-address 192.168.100.129, host-name ubuntu2 --------------->|
 *   0.000412 |<- OFFER  yiaddr 192.168.1.10, lease-time 600 ------------------------------------|
 *   0.001022 |.. SYN  port 25 .................................................................>|
 *   0.002310 |-- MAIL  FROM:<a@b.example> | RCPT  TO:<c@d.example> | DATA --------------------->|
 */
#ifndef WIRELAB_LADDER_H
#define WIRELAB_LADDER_H

#include "scenario.h"
#include "view.h"

#define LADDER_WIDTH_LEAST   60
#define LADDER_WIDTH_MOST    160
#define LADDER_HOSTS_MAX     SCENARIO_HOSTS_MAX
#define LADDER_ADDRESSES_MAX 4
#define LADDER_LINE_BYTES    4096 /* a line with all its colours, or the head */
#define LADDER_FRAME_BYTES                                                                                   \
    (8 * LADDER_LINE_BYTES) /* the lines of one frame; what does not fit is counted                          \
                             */

struct ladder_host {
    struct span name, place; /* what stands below the name: an address */
    uint8_t hardware[6];     /* zeros: unknown, or shared with others */
    struct address addresses[LADDER_ADDRESSES_MAX];
    size_t address_count;
    uint16_t port; /* only what this port does; 0: all */
};

struct ladder {
    const struct ladder_host *hosts;
    size_t host_count;
    size_t width;     /* characters; taken into the bounds above */
    bool boxes;       /* line drawing in UTF-8, else ASCII */
    bool colours;     /* SGR sequences */
    bool all;         /* acknowledgements and parts of messages, too */
    int64_t began_ns; /* of the first message: times count from it */
    struct view_world *world;
};

/* The names, their places, and the first bit of the columns: three lines with their ends. */
void ladder_write_head(struct writer *w, const struct ladder *l);
/* All messages that l->world has now, in a room of LADDER_FRAME_BYTES; none: nothing. A message of which no
 * host is known gets its text alone. */
void ladder_write_messages(struct writer *w, const struct ladder *l);
/* The next frame, of Ethernet: l->world takes it, and its messages are drawn. */
void ladder_write_frame(struct writer *w, const struct ladder *l, struct span frame, int64_t unix_ns);
/* Which host this is, by port, by address, by hardware; LADDER_HOSTS_MAX: none. */
size_t ladder_host_of(const struct ladder *l, const struct view_end *e);

#endif
