/* What was recorded of a play: drawn, told as JSON, written for Wireshark. */
#ifndef WIRELAB_SCENARIO_SHOW_H
#define WIRELAB_SCENARIO_SHOW_H

#include "play.h"
#include "wire/pcapng.h"

/* The packets of one capture in the order they were taken in, and so of their times; freed by the caller.
 * NULL: no memory. */
struct pcapng_packet *scenario_packets(const struct play *p, size_t capture, size_t *count);
/* The figure, on standard output. */
void scenario_draw(const struct scenario *s, const struct pcapng_packet *packets, size_t count);
/* One object a message and line. */
void scenario_print_json(const struct scenario *s, const struct pcapng_packet *packets, size_t count);
/* Writes DIRECTORY/NAME.pcapng, or the capture's own name, and says where; false, and that is told. */
bool scenario_record(const struct play *p, const char *directory, const char *name, size_t capture,
                     const struct pcapng_packet *packets, size_t count);

#endif
