#include "coding.h"

#include "wire/http_fields.h"

#include <limits.h>

#define GZIP_WINDOW 31 /* the largest window, and a gzip header around it */
#define GZIP_MEMORY 8

static bool open_stream(z_stream *z)
{
    *z = (z_stream){ 0 };
    return deflateInit2(z, CODING_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
}

void coding_begin(struct coding *c, struct http_exchange *x, unsigned status, struct writer *lines)
{
    c->x = x;
    c->gzip = http_takes_gzip(x->request) && open_stream(&c->stream); /* no memory: as it is */
    write_text(lines, "Vary: Accept-Encoding\r\n");
    if (c->gzip)
        write_text(lines, "Content-Encoding: gzip\r\n");
    http_begin(x, status, writer_span(lines));
}

/* Packs what there is, and sends what comes of it. */
static void pack(struct coding *c, struct span piece, int flush)
{
    uint8_t room[CODING_BYTES];
    size_t packed;
    c->stream.next_in = (uint8_t *)(uintptr_t)piece.at; /* zlib only reads it */
    c->stream.avail_in = (uInt)piece.len;
    do { /* each turn takes input or empties zlib's own buffer, which ends when a piece is not filled */
        c->stream.next_out = room;
        c->stream.avail_out = sizeof room;
        deflate(&c->stream, flush);
        packed = sizeof room - c->stream.avail_out;
        http_piece(c->x, span_of(room, packed));
    } while (packed == sizeof room);
}

void coding_piece(struct coding *c, struct span piece)
{
    if (!c->gzip)
        http_piece(c->x, piece);
    else if (piece.len && piece.len <= UINT_MAX)
        pack(c, piece, Z_NO_FLUSH);
}

void coding_end(struct coding *c)
{
    if (c->gzip) {
        pack(c, span_of("", 0), Z_FINISH);
        deflateEnd(&c->stream);
    }
    http_end(c->x);
}

size_t coding_whole(struct span content, uint8_t *room, size_t room_bytes)
{
    z_stream z;
    if (content.len > UINT_MAX || room_bytes > UINT_MAX || !open_stream(&z))
        return 0;
    z.next_in = (uint8_t *)(uintptr_t)content.at;
    z.avail_in = (uInt)content.len;
    z.next_out = room;
    z.avail_out = (uInt)room_bytes;
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    deflateEnd(&z);
    return whole ? room_bytes - z.avail_out : 0;
}
