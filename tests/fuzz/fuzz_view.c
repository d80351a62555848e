/* Any conversation: the input says which side sends what, in which segments, what is lost, sent twice or too
 * early. Each message has a word that is known or says what is wrong, and memory stays bounded. */
#include "lab/view.h"
#include "lab/view_json.h"
#include "wire/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
#define MESSAGES_OF_A_FRAME 100000 /* far more than a frame has room for */

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void look(struct view_world *world)
{
    static uint8_t room[VIEW_JSON_BYTES];
    const struct view_message *m;
    size_t messages = 0;
    while ((m = view_world_next(world))) {
        struct writer w = writer_over(room, 120);
        must(++messages < MESSAGES_OF_A_FRAME);
        must(m->word.len && m->field_count <= VIEW_FIELDS_MAX && m->shown_count <= VIEW_SHOWN_MAX);
        view_write_shown(m, &w);
        must(writer_length(&w) <= 120);
        w = writer_over(room, sizeof room);
        view_write_json(&w, m, 0, m->word, m->word);
        must(writer_ok(&w));
    }
}

struct talk {
    struct view_world *world;
    uint16_t port;
    uint32_t next[2];
};

static void segment(struct talk *t, bool server, uint32_t sequence, struct span bytes, uint8_t flags,
                    size_t cut)
{
    static uint8_t room[70000];
    struct writer f = writer_over(room, sizeof room);
    write_zeros(&f, 12);
    write_u16(&f, FRAME_IP4);
    write_u16(&f, 0x4500);
    write_u16(&f, (uint16_t)(40 + bytes.len + cut));
    write_u32(&f, 0);
    write_u16(&f, 64 << 8 | FRAME_TCP);
    write_u16(&f, 0);
    write_u32(&f, server ? 2 : 1);
    write_u32(&f, server ? 1 : 2);
    write_u16(&f, server ? t->port : 50000);
    write_u16(&f, server ? 50000 : t->port);
    write_u32(&f, sequence);
    write_u32(&f, t->next[!server]);
    write_u8(&f, 5 << 4);
    write_u8(&f, flags);
    write_zeros(&f, 6);
    write_span(&f, bytes);
    struct view_frame frame = { .link_type = VIEW_LINK_ETHERNET, .bytes = writer_span(&f) };
    view_world_take(t->world, &frame);
    look(t->world);
}

/* A step: whence, how, how long; then the bytes. */
static void step(struct talk *t, struct reader *r)
{
    uint8_t how = read_u8(r);
    size_t length = read_u8(r);
    bool server = how & 1;
    length = length < reader_left(r) ? length : reader_left(r);
    struct span bytes = read_span(r, length);
    uint32_t at = t->next[server];
    size_t cut = (how >> 1 & 7) == 1 ? 10 : 0;
    t->next[server] += (uint32_t)(length + cut);
    switch (how >> 1 & 7) {
    case 2: /* lost */
        return;
    case 3: /* too early: a part is sent afterwards */
        segment(t, server, at + (uint32_t)(length / 2), span_from(bytes, length / 2), ACK, 0);
        segment(t, server, at, span_head(bytes, length / 2), ACK, 0);
        return;
    case 4: /* twice */
        segment(t, server, at, bytes, ACK, 0);
        break;
    case 5:
        segment(t, server, at, bytes, how & 0x80 ? RST : FIN | ACK, 0);
        return;
    case 6:
        segment(t, server, at - 5, bytes, how & 0x80 ? SYN : ACK, 0);
        return;
    default:
        break;
    }
    segment(t, server, at, bytes, ACK, cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = { 25, 80, 143, 53, 443, 4711 };
    static const uint16_t links[] = { 1, 101, 113, 276, 0 };
    struct reader r = reader_over(span_of(data, size));
    uint8_t kind = read_u8(&r);
    struct talk t = { .world = view_world_open(), .port = ports[kind % 6], .next = { 0xfffffff0, 77 } };
    if (!t.world)
        return 0;
    if (kind & 0x80) { /* one frame as it is */
        struct view_frame f = { .link_type = links[kind % 5], .bytes = read_rest(&r) };
        view_world_take(t.world, &f);
        look(t.world);
    }
    while (reader_left(&r) >= 2)
        step(&t, &r);
    view_world_finish(t.world);
    look(t.world);
    view_world_close(t.world);
    return 0;
}
