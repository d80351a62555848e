/* The spool's files: texts that are too long for a row, written by a thread as they come. For spool.c. */
#ifndef WIRELAB_SMTPD_SPOOL_FILE_H
#define WIRELAB_SMTPD_SPOOL_FILE_H

#include "spool.h"

#include <sys/types.h>

/* Hands the message's body to the thread and goes on with an empty one; `last`: then the file and its
 * directory are synced. done() comes on the loop; m->thread_error tells. One at a time: m->writing must be
 * false. False when there is no memory. */
bool spool_file_write(struct message *m, const char *directory, bool last, void (*done)(struct work *w));
/* Removes the file on the thread, then done(). */
void spool_file_remove(struct message *m, void (*done)(struct work *w));
/* Reads up to `bytes` from the front of the file into m->head, then done(); m->thread_error tells. False when
 * there is no memory. */
bool spool_file_head(struct message *m, size_t bytes, void (*done)(struct work *w));
/* On the calling thread, which must not be the loop's: up to `bytes` from this place; -1 with errno set. */
ssize_t spool_file_read(const char *path, uint64_t from, void *into, size_t bytes);
/* Closes and frees what belongs to the file, not the file itself. m->writing must be false. */
void spool_file_forget(struct message *m);
/* Removes each file of the directory that keep(owner, name) is false for; on the calling thread. */
void spool_file_sweep(const char *directory, bool (*keep)(void *owner, const char *name), void *owner);

static inline struct message *message_of_work(struct work *w)
{
    return (struct message *)(void *)((char *)w - offsetof(struct message, work));
}

#endif
