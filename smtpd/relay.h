/* Messages to other hosts: which way each goes, and what came of it. */
#ifndef WIRELAB_SMTPD_RELAY_H
#define WIRELAB_SMTPD_RELAY_H

#include "spool.h"

struct relay;

/* NULL: no memory. */
struct relay *relay_open(struct spool *s);
/* When nothing of it is under way. */
void relay_close(struct relay *r);
/* The settings of the spool are others: all that waits takes the new way, at once. */
void relay_configure(struct relay *r);
/* No new connections; those that are there end after the message they have in hand. */
void relay_drain(struct relay *r);
/* Ends all connections; each that was open leaves the spool when it is closed. */
void relay_stop(struct relay *r);
/* On the way to its recipients elsewhere; message_settle() hears of each try. False: it has none. */
bool relay_queue(struct relay *r, struct message *m);
/* Connections are about to be opened; those that are open are counted by the spool. */
bool relay_busy(const struct relay *r);
/* What waits for this domain is tried now; false: nothing does. */
bool relay_flush(struct relay *r, struct span domain);

#endif
