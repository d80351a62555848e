/* Any bytes: read without harm; what was read and is written again reads the same. */
#include "wire/pcapng.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM (1 << 20)

static uint8_t room[ROOM];

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* A block that is read from what was just written. */
static void read_again(const struct writer *w, struct pcapng_block *b, size_t interfaces)
{
    struct pcapng_reader r;
    pcapng_open(&r, writer_span(w));
    for (size_t i = 0; i <= interfaces; i++) /* the section, then the interfaces before it */
        must(pcapng_next(&r, b));
    must(pcapng_next(&r, b));
    must(!pcapng_next(&r, &(struct pcapng_block){ 0 }) && !pcapng_fault(&r));
}

static void packet_survives(const struct pcapng_packet *p)
{
    struct pcapng_block again;
    struct pcapng_packet copy = *p;
    struct writer w = writer_over(room, sizeof room);
    copy.interface = 0;
    pcapng_write_section(&w, &(struct pcapng_section){ 0 });
    pcapng_write_interface(&w, &(struct pcapng_interface){ .link_type = PCAPNG_ETHERNET });
    pcapng_write_packet(&w, &copy);
    if (!writer_ok(&w))
        return;
    read_again(&w, &again, 1);
    must(again.kind == PCAPNG_PACKET && span_equal(again.packet.bytes, p->bytes) &&
         span_equal(again.packet.comment, p->comment) && again.packet.direction == p->direction &&
         again.packet.original_bytes == p->original_bytes &&
         (again.packet.unix_ns == p->unix_ns || p->unix_ns < 0));
}

static void interface_survives(const struct pcapng_interface *i)
{
    struct pcapng_block again;
    struct writer w = writer_over(room, sizeof room);
    pcapng_write_section(&w, &(struct pcapng_section){ 0 });
    pcapng_write_interface(&w, i);
    if (!writer_ok(&w))
        return;
    read_again(&w, &again, 0);
    must(again.kind == PCAPNG_INTERFACE && span_equal(again.interface.name, i->name) &&
         span_equal(again.interface.description, i->description) &&
         span_equal(again.interface.hardware, i->hardware) && span_equal(again.interface.ip4, i->ip4) &&
         again.interface.link_type == i->link_type && again.interface.snap_bytes == i->snap_bytes);
}

static void names_are_inside(struct pcapng_block *b, struct span file)
{
    struct pcapng_name n;
    while (pcapng_next_name(b, &n)) {
        must(n.address.len == 4 || n.address.len == 16);
        must(n.name.at >= file.at && n.name.at + n.name.len <= file.at + file.len);
    }
}

static void read_all(struct span file)
{
    struct pcapng_reader r;
    struct pcapng_block b;
    size_t blocks = 0;
    pcapng_open(&r, file);
    while (pcapng_next(&r, &b)) {
        must(++blocks <= file.len / 12);
        if (b.kind == PCAPNG_PACKET)
            packet_survives(&b.packet);
        else if (b.kind == PCAPNG_INTERFACE)
            interface_survives(&b.interface);
        else if (b.kind == PCAPNG_NAMES)
            names_are_inside(&b, file);
    }
    must(pcapng_fault(&r) || reader_left(&r.in) == 0);
}

static void write_number(struct writer *w, bool little, uint32_t v)
{
    write_u32(w, little ? __builtin_bswap32(v) : v);
}

/* A block around the bytes, whole whatever they are. */
static void write_block(struct writer *w, bool little, uint32_t type, struct span body)
{
    uint32_t length = 12 + (uint32_t)(body.len & ~(size_t)3);
    write_number(w, little, type);
    write_number(w, little, length);
    write_span(w, span_head(body, length - 12));
    write_number(w, little, length);
}

/* Behind a section header in either byte order, an interface and one more block, cut out of the input. */
static void read_framed(struct span input)
{
    static uint8_t file[ROOM];
    struct writer w = writer_over(file, sizeof file);
    struct reader r = reader_over(input);
    uint8_t header[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255 };
    struct writer h = writer_over(header, sizeof header);
    uint8_t kind = read_u8(&r);
    bool little = kind & 1;
    struct reader interface = read_window(&r, reader_left(&r) < kind ? 0 : kind);
    write_number(&h, little, 0x1a2b3c4d);
    write_bytes(&h, little ? "\1\0\0\0" : "\0\1\0\0", 4);
    write_block(&w, little, 0x0a0d0d0a, span_of(header, sizeof header));
    write_block(&w, little, 1, read_rest(&interface));
    write_block(&w, little, kind >> 1 & 15, read_rest(&r));
    if (writer_ok(&w))
        read_all(writer_span(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    read_all(input);
    if (size)
        read_framed(input);
    return 0;
}
