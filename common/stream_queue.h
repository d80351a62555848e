/* What a stream has yet to send: copies, shared bytes and parts of files, in order. Only stream.c uses it. */
#ifndef WIRELAB_STREAM_QUEUE_H
#define WIRELAB_STREAM_QUEUE_H

#include "list.h"
#include "loop.h"

#include <openssl/types.h>
#include <sys/types.h>

struct stream_queue {
    struct loop *loop;
    struct list segments;
    uint64_t bytes;
};

enum queue_state { QUEUE_EMPTY, QUEUE_BLOCKED, QUEUE_FAILED };

void queue_open(struct stream_queue *q, struct loop *l);
/* Drops what is there; shared bytes are released, files closed. */
void queue_close(struct stream_queue *q);
/* Room for `bytes` at the tail, in one piece; NULL when there is no memory. `borrow`: the loop's scratch may
 * be used, until queue_settle(). */
uint8_t *queue_room(struct stream_queue *q, size_t bytes, bool borrow);
void queue_commit(struct stream_queue *q, size_t bytes);
bool queue_shared(struct stream_queue *q, struct span bytes, void (*release)(void *owner), void *owner);
bool queue_file(struct stream_queue *q, int fd, off_t from, uint64_t len);
/* Sends as much as the socket takes; by TLS when ssl is not NULL. QUEUE_FAILED with errno (0: TLS, see its
 * queue). */
enum queue_state queue_send(struct stream_queue *q, int fd, SSL *ssl);
/* Moves what lies in the loop's scratch into memory of its own. False: no memory. */
bool queue_settle(struct stream_queue *q);

#endif
