/* What was recorded, as a pcapng file: the interface's name, the hosts' names, the keys of its TLS sessions,
 * a comment on each message. */
#ifndef WIRELAB_RECORD_H
#define WIRELAB_RECORD_H

#include "scenario.h"
#include "wire/pcapng.h"

/* Room that is enough for record_write(). */
size_t record_bytes_max(const struct scenario *s, const struct pcapng_packet *packets, size_t count,
                        struct span tls_keys);
/* Writes the packets of one capture in their order; their comments are made here. tls_keys: lines of a key
 * log (the NSS format, as SSLKEYLOGFILE has them), with which the file can be read decrypted; empty: none. */
void record_write(struct writer *w, const struct scenario *s, const struct scenario_capture *c,
                  const char *interface, const struct pcapng_packet *packets, size_t count,
                  struct span tls_keys);

#endif
