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
/* Takes the message over; message_remove() ends it. */
void dispatch_queue(struct dispatch *d, struct message *m);
/* Its row could not be deleted: message_remove() is called again later. */
void dispatch_remove_later(struct dispatch *d, struct message *m);
bool dispatch_busy(const struct dispatch *d);

#endif
