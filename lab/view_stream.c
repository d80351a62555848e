#include "view_stream.h"

#include <stdlib.h>

#define ROOM_LEAST 4096

/* How far a is behind b in the circle of sequence numbers (RFC 9293 3.4); negative: before it. */
static int32_t distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

void view_stream_begin(struct view_stream *s, uint32_t sequence)
{
    s->begun = true;
    s->next = sequence;
}

static void drop_piece(struct view_stream *s)
{
    s->aside_bytes -= s->pieces[0].length;
    free(s->pieces[0].bytes);
    s->piece_count--;
    memmove(&s->pieces[0], &s->pieces[1], s->piece_count * sizeof s->pieces[0]);
}

void view_stream_close(struct view_stream *s)
{
    while (s->piece_count) /* each turn drops one */
        drop_piece(s);
    free(s->bytes);
    *s = (struct view_stream){ 0 };
}

/* Room for n bytes more, as far as the bound allows; how many there are. */
static size_t make_room(struct view_stream *s, size_t n)
{
    if (n > VIEW_STREAM_BYTES_MAX - s->length)
        n = VIEW_STREAM_BYTES_MAX - s->length;
    if (s->length + n <= s->room)
        return n;
    size_t room = s->room ? s->room : ROOM_LEAST;
    while (room < s->length + n) /* doubles */
        room *= 2;
    uint8_t *bytes = realloc(s->bytes, room);
    if (!bytes)
        return s->room - s->length;
    s->bytes = bytes;
    s->room = room;
    return n;
}

/* The bytes stand at s->next. What finds no room is missing, too. */
static void append(struct view_stream *s, struct span data, size_t missing)
{
    size_t n = make_room(s, data.len);
    if (n)
        memcpy(s->bytes + s->length, data.at, n);
    s->length += n;
    s->next += (uint32_t)(data.len + missing);
    s->gap += data.len - n + missing;
}

/* Without what was delivered before. */
static void append_new(struct view_stream *s, uint32_t sequence, struct span data, size_t missing)
{
    size_t old = (size_t)distance(s->next, sequence);
    if (old > data.len)
        missing -= old - data.len;
    append(s, span_from(data, old), missing);
}

/* What is missing before `sequence` will not come. */
static bool is_lost(const struct view_stream *s, uint32_t sequence)
{
    return (s->has_acknowledged && distance(s->acknowledged, sequence) >= 0) ||
           s->piece_count == VIEW_STREAM_PIECES || s->aside_bytes > VIEW_STREAM_ASIDE_MAX;
}

static void jump(struct view_stream *s, uint32_t sequence)
{
    s->gap = sequence - s->next;
    s->next = sequence;
}

/* Takes from what is aside, up to the next gap. */
static void deliver(struct view_stream *s)
{
    while (s->piece_count && !s->gap) { /* each turn drops a piece, or is the last */
        const struct view_piece *p = &s->pieces[0];
        uint32_t end = p->sequence + (uint32_t)p->length;
        if (distance(p->sequence, s->next) > 0) {
            if (is_lost(s, p->sequence))
                jump(s, p->sequence);
            return;
        }
        if (distance(end, s->next) > 0)
            append_new(s, p->sequence, span_of(p->bytes, p->bytes ? p->length : 0), p->bytes ? 0 : p->length);
        drop_piece(s);
    }
    if (s->piece_count || s->gap || !s->fin)
        return;
    if (distance(s->fin_sequence, s->next) > 0) {
        if (is_lost(s, s->fin_sequence))
            jump(s, s->fin_sequence);
        return;
    }
    s->ended = true;
}

static bool is_covered(const struct view_stream *s, const struct view_piece *piece)
{
    for (size_t i = 0; i < s->piece_count; i++) {
        const struct view_piece *p = &s->pieces[i];
        int32_t before = distance(piece->sequence, p->sequence);
        if (before >= 0 && (size_t)before + piece->length <= p->length)
            return true;
    }
    return false;
}

/* In the order of sequence numbers. What has no room is forgotten: it will be a gap. */
static void insert_piece(struct view_stream *s, struct view_piece piece)
{
    size_t at = s->piece_count;
    if (!piece.length || at == VIEW_STREAM_PIECES || is_covered(s, &piece)) {
        free(piece.bytes);
        return;
    }
    while (at && distance(s->pieces[at - 1].sequence, piece.sequence) > 0)
        at--;
    memmove(&s->pieces[at + 1], &s->pieces[at], (s->piece_count - at) * sizeof s->pieces[0]);
    s->pieces[at] = piece;
    s->piece_count++;
    s->aside_bytes += piece.length;
}

/* Keeps a segment aside: its bytes, and those that the capture did not keep. */
static void put_aside(struct view_stream *s, uint32_t sequence, struct span data, size_t missing)
{
    uint8_t *bytes = data.len ? malloc(data.len) : NULL;
    if (bytes)
        memcpy(bytes, data.at, data.len);
    insert_piece(s, (struct view_piece){ sequence, data.len, bytes });
    insert_piece(s, (struct view_piece){ sequence + (uint32_t)data.len, missing, NULL });
}

enum view_came view_stream_add(struct view_stream *s, uint32_t sequence, struct span data, size_t missing)
{
    if (!s->begun)
        view_stream_begin(s, sequence);
    if (!data.len && !missing)
        return VIEW_CAME_NEW;
    uint32_t end = sequence + (uint32_t)(data.len + missing);
    if (distance(end, s->next) <= 0)
        return VIEW_CAME_AGAIN;
    if (s->gap || distance(sequence, s->next) > 0) {
        put_aside(s, sequence, data, missing);
        deliver(s);
        return VIEW_CAME_EARLY;
    }
    append_new(s, sequence, data, missing);
    deliver(s);
    return VIEW_CAME_NEW;
}

void view_stream_acknowledge(struct view_stream *s, uint32_t sequence)
{
    if (!s->begun || (s->has_acknowledged && distance(sequence, s->acknowledged) <= 0))
        return;
    s->has_acknowledged = true;
    s->acknowledged = sequence;
    deliver(s);
}

void view_stream_fin(struct view_stream *s, uint32_t sequence)
{
    if (!s->begun)
        view_stream_begin(s, sequence);
    s->fin = true;
    s->fin_sequence = sequence;
    deliver(s);
}

void view_stream_abort(struct view_stream *s)
{
    s->ended = true;
}

struct span view_stream_span(const struct view_stream *s)
{
    static const uint8_t nothing[1];
    return span_of(s->bytes ? s->bytes : nothing, s->length);
}

void view_stream_take(struct view_stream *s, size_t at, size_t n)
{
    size_t behind = s->length - at - n;
    if (behind)
        memmove(s->bytes + at, s->bytes + at + n, behind);
    s->length = at + behind;
}

uint64_t view_stream_take_gap(struct view_stream *s)
{
    uint64_t gap = s->gap;
    s->gap = 0;
    if (gap)
        deliver(s);
    return gap;
}
