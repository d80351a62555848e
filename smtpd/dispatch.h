/* Takes queued messages to their mailboxes: batches on a thread, one at a time, and tries again what failed.
 */
#ifndef WIRELAB_SMTPD_DISPATCH_H
#define WIRELAB_SMTPD_DISPATCH_H

#include "spool.h"

struct dispatch;

struct dispatch *dispatch_open(struct spool *s);
/* When nothing of it is under way. */
void dispatch_close(struct dispatch *d);
/* No more batches after the one under way. */
void dispatch_stop(struct dispatch *d);
/* Tries the mailboxes of ours that wait for it; message_settle() hears of each batch. False: none does. */
bool dispatch_queue(struct dispatch *d, struct message *m);
bool dispatch_busy(const struct dispatch *d);

#endif
