/* One direction of a TCP connection: segments in, bytes in their order out. Retransmitted bytes are dropped,
 * segments that came too early are kept aside, and what the capture has missed becomes a gap. Pure. */
#ifndef WIRELAB_VIEW_STREAM_H
#define WIRELAB_VIEW_STREAM_H

#include "wire/wire.h"

#define VIEW_STREAM_BYTES_MAX                                                                                \
    (192 * 1024)                  /* not taken yet: the longest message that is kept whole, and a segment */
#define VIEW_STREAM_PIECES    128 /* segments aside; where there are more, what is missing is a gap */
#define VIEW_STREAM_ASIDE_MAX (512 * 1024) /* their bytes */

struct view_piece {
    uint32_t sequence;
    size_t length;
    uint8_t *bytes; /* NULL: the capture did not keep them */
};

struct view_stream {
    bool begun, ended; /* ended: all that was sent before its FIN or RST was delivered */
    bool fin;          /* at fin_sequence */
    uint32_t next;     /* the sequence number that is wanted */
    uint32_t fin_sequence, acknowledged;
    bool has_acknowledged;
    uint64_t gap;   /* bytes that are missing behind what is here; nothing comes before it is taken */
    uint8_t *bytes; /* in order, not taken yet */
    size_t length, room;
    struct view_piece pieces[VIEW_STREAM_PIECES]; /* by sequence number */
    size_t piece_count, aside_bytes;
};

enum view_came {
    VIEW_CAME_NEW,
    VIEW_CAME_EARLY, /* segments before it did not come yet */
    VIEW_CAME_AGAIN, /* all of it had come before */
};

/* The next byte has this sequence number. */
void view_stream_begin(struct view_stream *s, uint32_t sequence);
/* A segment of data; `missing` bytes behind it were sent and not captured. */
enum view_came view_stream_add(struct view_stream *s, uint32_t sequence, struct span data, size_t missing);
/* The other side has all before this number: what is missing there will never come. */
void view_stream_acknowledge(struct view_stream *s, uint32_t sequence);
/* Nothing is sent from this number on. */
void view_stream_fin(struct view_stream *s, uint32_t sequence);
/* It ends here, whatever is missing. */
void view_stream_abort(struct view_stream *s);
/* What can be read: up to the next gap. */
struct span view_stream_span(const struct view_stream *s);
/* Takes n bytes away, at `at`. */
void view_stream_take(struct view_stream *s, size_t at, size_t n);
/* Steps over the gap: what came behind it can be read. Returns how many bytes are missing; 0: there is no
 * gap, or bytes before it were not taken. */
uint64_t view_stream_take_gap(struct view_stream *s);
/* Gives its memory back; it can be begun again. */
void view_stream_close(struct view_stream *s);

#endif
