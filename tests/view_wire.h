/* For tests of what is seen of packets: frames around bytes, and a TCP conversation cut into segments. */
#ifndef WIRELAB_TESTS_VIEW_WIRE_H
#define WIRELAB_TESTS_VIEW_WIRE_H

#include "lab/view.h"
#include "text.h"
#include "wire/frame.h"

#define WIRE_FRAME_MAX 70000
#define WIRE_SAID_MAX  (256 * 1024)

enum wire_flag { WIRE_FIN = 1, WIRE_SYN = 2, WIRE_RST = 4, WIRE_ACK = 16 };

/* A client 192.0.2.1 with the MAC 02:..:01 and a server 192.0.2.2. */
struct wire {
    struct view_world *world;
    uint16_t server_port;
    uint32_t next[2];         /* sequence numbers */
    bool with_quiet;          /* tells acknowledgements and segments, too */
    bool with_control;        /* ... SYN, FIN and their like */
    char said[WIRE_SAID_MAX]; /* "C MAIL FROM:<a@b>\n": what was seen */
    size_t said_length;
};

static inline void wire_tell(struct wire *w)
{
    const struct view_message *m;
    while ((m = view_world_next(w->world))) {
        struct writer out = writer_over(w->said + w->said_length, sizeof w->said - w->said_length - 1);
        if ((m->weight == VIEW_QUIET && !w->with_quiet) || (m->weight == VIEW_CONTROL && !w->with_control))
            continue;
        write_text(&out, m->reply ? "S " : "C ");
        write_span(&out, m->word);
        if (m->shown_count)
            write_u8(&out, ' ');
        view_write_shown(m, &out);
        write_u8(&out, '\n');
        w->said_length += writer_length(&out);
        w->said[w->said_length] = 0;
    }
}

static inline void wire_open(struct wire *w, uint16_t server_port)
{
    *w =
        (struct wire){ .world = view_world_open(), .server_port = server_port, .next = { 1000, 0xfffffff0 } };
}

static inline void wire_close(struct wire *w)
{
    view_world_close(w->world);
}

static inline void wire_take(struct wire *w, struct span frame)
{
    view_world_take(w->world, &(struct view_frame){ .link_type = VIEW_LINK_ETHERNET, .bytes = frame });
    wire_tell(w);
}

static inline void write_ethernet(struct writer *w, bool server, uint16_t type)
{
    const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
    write_bytes(w, macs[!server], 6);
    write_bytes(w, macs[server], 6);
    write_u16(w, type);
}

/* An IPv4 header without its checksum, as cards leave it. `kept`: bytes of the payload that are in the frame.
 */
static inline void write_ip4(struct writer *w, bool server, uint8_t protocol, size_t payload,
                             uint16_t fragment)
{
    write_u16(w, 0x4500);
    write_u16(w, (uint16_t)(20 + payload));
    write_u16(w, 7);
    write_u16(w, fragment);
    write_u8(w, 64);
    write_u8(w, protocol);
    write_u16(w, 0);
    write_u32(w, server ? 0xc0000202 : 0xc0000201);
    write_u32(w, server ? 0xc0000201 : 0xc0000202);
}

/* A segment at this sequence number; `cut` bytes at its end are not in the capture. */
static inline void wire_segment(struct wire *w, bool server, uint32_t sequence, struct span bytes,
                                unsigned flags, size_t cut)
{
    static uint8_t room[WIRE_FRAME_MAX];
    struct writer f = writer_over(room, sizeof room);
    write_ethernet(&f, server, FRAME_IP4);
    write_ip4(&f, server, FRAME_TCP, 20 + bytes.len, 0);
    write_u16(&f, server ? w->server_port : 40000);
    write_u16(&f, server ? 40000 : w->server_port);
    write_u32(&f, sequence);
    write_u32(&f, w->next[!server]);
    write_u8(&f, 5 << 4);
    write_u8(&f, (uint8_t)flags);
    write_u16(&f, 1000);
    write_u32(&f, 0);
    write_span(&f, span_head(bytes, bytes.len - cut));
    wire_take(w, writer_span(&f));
}

static inline void wire_connect(struct wire *w)
{
    struct span none = { NULL, 0 };
    wire_segment(w, false, w->next[0]++, none, WIRE_SYN, 0);
    wire_segment(w, true, w->next[1]++, none, WIRE_SYN | WIRE_ACK, 0);
    wire_segment(w, false, w->next[0], none, WIRE_ACK, 0);
}

static inline void wire_send(struct wire *w, bool server, struct span bytes)
{
    uint32_t at = w->next[server];
    w->next[server] += (uint32_t)bytes.len;
    wire_segment(w, server, at, bytes, WIRE_ACK, 0);
}

static inline void wire_end(struct wire *w, bool server)
{
    wire_segment(w, server, w->next[server]++, (struct span){ NULL, 0 }, WIRE_FIN | WIRE_ACK, 0);
}

/* How a conversation is cut into segments. */
enum wire_way { WIRE_WHOLE, WIRE_IN_ORDER, WIRE_TWICE, WIRE_BACKWARDS };

/* In segments of `size` bytes. */
static inline void wire_send_cut(struct wire *w, bool server, struct span bytes, size_t size,
                                 enum wire_way way)
{
    uint32_t began = w->next[server];
    size_t pieces = (bytes.len + size - 1) / size;
    for (size_t i = 0; i < pieces; i++) {
        size_t at = (way == WIRE_BACKWARDS ? pieces - 1 - i : i) * size;
        struct span piece = span_head(span_from(bytes, at), size);
        for (int turn = 0; turn < (way == WIRE_TWICE ? 2 : 1); turn++)
            wire_segment(w, server, began + (uint32_t)at, piece, WIRE_ACK, 0);
    }
    w->next[server] += (uint32_t)bytes.len;
}

struct wire_line {
    bool server;
    struct span bytes;
};

/* A whole conversation; `size` counts only where it is cut. */
static inline void wire_play(struct wire *w, uint16_t port, const struct wire_line *lines, size_t count,
                             size_t size, enum wire_way way)
{
    wire_open(w, port);
    wire_connect(w);
    for (size_t i = 0; i < count; i++)
        if (way == WIRE_WHOLE)
            wire_send(w, lines[i].server, lines[i].bytes);
        else
            wire_send_cut(w, lines[i].server, lines[i].bytes, size, way);
    wire_end(w, false);
    wire_end(w, true);
    view_world_finish(w->world);
    wire_tell(w);
}

#endif
