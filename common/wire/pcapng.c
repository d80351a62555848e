#include "pcapng.h"

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_OLD_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_NAMES = 4,
    BLOCK_PACKET = 6,
    BLOCK_SECRETS = 10,
    BLOCK_SECTION = 0x0a0d0d0a, /* reads the same in both byte orders */
};

enum option_code {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    SECTION_OS = 3,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_DESCRIPTION = 3,
    INTERFACE_IP4 = 4,
    INTERFACE_HARDWARE = 6,
    INTERFACE_RESOLUTION = 9,
    INTERFACE_OFFSET = 14,
    PACKET_FLAGS = 2,
};

enum name_record { NAME_END = 0, NAME_IP4 = 1, NAME_IP6 = 2 };

#define MAGIC              0x1a2b3c4d
#define MAGIC_SWAPPED      0x4d3c2b1a
#define BLOCK_BYTES_LEAST  12 /* type and both lengths */
#define RESOLUTION_DEFAULT 6  /* microseconds, where if_tsresol is not there */
#define RESOLUTION_BINARY  0x80
#define DIRECTION_BITS     3
#define NANO               UINT64_C(1000000000)
#define NANO_DIGITS        9
#define BINARY_BITS        30 /* of a second's fraction that count: finer than a nanosecond */

/* ---- writing ---------------------------------------------------------------------------- */

/* Everything in a block stands on multiples of four bytes. */
static void write_padding(struct writer *w, size_t len)
{
    write_zeros(w, (4 - len % 4) % 4);
}

static void write_padded(struct writer *w, struct span s)
{
    write_span(w, s);
    write_padding(w, s.len);
}

static struct mark open_block(struct writer *w, enum block_type type)
{
    struct mark start = writer_mark(w);
    write_u32(w, type);
    write_u32(w, 0);
    return start;
}

/* The length stands in front and at the end, so that a file can be read backwards, too. */
static void close_block(struct writer *w, struct mark start)
{
    size_t length = writer_length(w) - start.offset + 4;
    if (length > UINT32_MAX)
        writer_fail(w);
    write_u32(w, (uint32_t)length);
    writer_patch_u16(w, (struct mark){ start.offset + 4 }, (uint16_t)(length >> 16));
    writer_patch_u16(w, (struct mark){ start.offset + 6 }, (uint16_t)length);
}

static void write_option(struct writer *w, enum option_code code, struct span value)
{
    if (!value.len)
        return;
    write_u16(w, (uint16_t)code);
    struct mark length = write_length16(w);
    write_span(w, value);
    close_length16(w, length);
    write_padding(w, value.len);
}

static void write_options_end(struct writer *w)
{
    write_u16(w, OPTION_END);
    write_u16(w, 0);
}

void pcapng_write_section(struct writer *w, const struct pcapng_section *s)
{
    struct mark start = open_block(w, BLOCK_SECTION);
    write_u32(w, MAGIC);
    write_u16(w, 1); /* version 1.0 */
    write_u16(w, 0);
    write_u64(w, UINT64_MAX); /* the section's length is not told */
    write_option(w, OPTION_COMMENT, s->comment);
    write_option(w, SECTION_OS, s->os);
    write_option(w, SECTION_APPLICATION, s->application);
    write_options_end(w);
    close_block(w, start);
}

void pcapng_write_interface(struct writer *w, const struct pcapng_interface *i)
{
    static const uint8_t resolution = NANO_DIGITS;
    struct mark start = open_block(w, BLOCK_INTERFACE);
    write_u16(w, i->link_type);
    write_u16(w, 0);
    write_u32(w, i->snap_bytes);
    write_option(w, INTERFACE_NAME, i->name);
    write_option(w, INTERFACE_DESCRIPTION, i->description);
    write_option(w, INTERFACE_IP4, i->ip4);
    write_option(w, INTERFACE_HARDWARE, i->hardware);
    write_option(w, INTERFACE_RESOLUTION, span_of(&resolution, 1));
    write_options_end(w);
    close_block(w, start);
}

void pcapng_write_packet(struct writer *w, const struct pcapng_packet *p)
{
    uint8_t flags[4] = { 0, 0, 0, p->direction & DIRECTION_BITS };
    struct mark start = open_block(w, BLOCK_PACKET);
    if (p->bytes.len > UINT32_MAX)
        writer_fail(w);
    write_u32(w, p->interface);
    write_u64(w, p->unix_ns < 0 ? 0 : (uint64_t)p->unix_ns);
    write_u32(w, (uint32_t)p->bytes.len);
    write_u32(w, p->original_bytes);
    write_padded(w, p->bytes);
    write_option(w, OPTION_COMMENT, p->comment);
    write_option(w, PACKET_FLAGS, span_of(flags, p->direction ? sizeof flags : 0));
    write_options_end(w);
    close_block(w, start);
}

void pcapng_write_names(struct writer *w, const struct pcapng_name *names, size_t count)
{
    struct mark start = open_block(w, BLOCK_NAMES);
    for (size_t i = 0; i < count; i++) {
        write_u16(w, names[i].address.len == 4 ? NAME_IP4 : NAME_IP6);
        struct mark length = write_length16(w);
        write_span(w, names[i].address);
        write_span(w, names[i].name);
        write_u8(w, 0);
        close_length16(w, length);
        write_padding(w, names[i].address.len + names[i].name.len + 1);
    }
    write_u16(w, NAME_END);
    write_u16(w, 0);
    close_block(w, start);
}

void pcapng_write_secrets(struct writer *w, const struct pcapng_secrets *s)
{
    struct mark start = open_block(w, BLOCK_SECRETS);
    if (s->bytes.len > UINT32_MAX)
        writer_fail(w);
    write_u32(w, s->type);
    write_u32(w, (uint32_t)s->bytes.len);
    write_padded(w, s->bytes);
    close_block(w, start);
}

/* ---- reading ---------------------------------------------------------------------------- */

static uint16_t get_u16(struct reader *r, bool little)
{
    uint16_t v = read_u16(r);
    return (uint16_t)(little ? v >> 8 | v << 8 : v);
}

static uint32_t get_u32(struct reader *r, bool little)
{
    uint32_t v = read_u32(r);
    return little ? v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24 : v;
}

static uint64_t get_u64(struct reader *r, bool little)
{
    uint64_t first = get_u32(r, little);
    uint64_t second = get_u32(r, little);
    return little ? second << 32 | first : first << 32 | second;
}

/* The padding of a file's last option may be missing. */
static void skip_padding(struct reader *r, size_t len)
{
    size_t padding = (4 - len % 4) % 4;
    read_skip(r, padding < reader_left(r) ? padding : reader_left(r));
}

struct option {
    uint16_t code;
    struct span value;
};

/* False after the last one. */
static bool next_option(struct reader *r, bool little, struct option *o)
{
    if (!reader_left(r))
        return false;
    o->code = get_u16(r, little);
    size_t length = get_u16(r, little);
    o->value = read_span(r, length);
    skip_padding(r, length);
    return reader_ok(r) && o->code != OPTION_END;
}

/* The first of several counts. */
static void keep_first(struct span *kept, struct span value)
{
    if (!kept->len)
        *kept = value;
}

static void read_section(struct pcapng_reader *r, struct reader *body, struct pcapng_section *s)
{
    struct option o;
    *s = (struct pcapng_section){ 0 };
    read_skip(body, 4); /* the magic, read before */
    uint16_t version = get_u16(body, r->little);
    read_skip(body, 2 + 8);
    if (version != 1)
        reader_fail(body);
    while (next_option(body, r->little, &o)) { /* each turn takes at least four bytes */
        if (o.code == OPTION_COMMENT)
            keep_first(&s->comment, o.value);
        else if (o.code == SECTION_OS)
            keep_first(&s->os, o.value);
        else if (o.code == SECTION_APPLICATION)
            keep_first(&s->application, o.value);
    }
    r->in_section = true;
    r->interface_count = 0;
}

static void take_interface_option(struct pcapng_reader *r, struct pcapng_interface *i, const struct option *o)
{
    struct reader value = reader_over(o->value);
    if (o->code == INTERFACE_NAME)
        keep_first(&i->name, o->value);
    else if (o->code == INTERFACE_DESCRIPTION)
        keep_first(&i->description, o->value);
    else if (o->code == INTERFACE_IP4 && o->value.len == 8)
        keep_first(&i->ip4, o->value);
    else if (o->code == INTERFACE_HARDWARE && o->value.len == 6)
        keep_first(&i->hardware, o->value);
    else if (o->code == INTERFACE_RESOLUTION && o->value.len == 1)
        r->interfaces[r->interface_count].resolution = read_u8(&value);
    else if (o->code == INTERFACE_OFFSET && o->value.len == 8)
        r->interfaces[r->interface_count].offset_s = get_u64(&value, r->little);
}

static void read_interface(struct pcapng_reader *r, struct reader *body, struct pcapng_interface *i)
{
    struct option o;
    *i = (struct pcapng_interface){ 0 };
    i->link_type = get_u16(body, r->little);
    read_skip(body, 2);
    i->snap_bytes = get_u32(body, r->little);
    if (r->interface_count == PCAPNG_INTERFACES_MAX) {
        r->fault = "there are more interfaces than are read";
        return;
    }
    r->interfaces[r->interface_count].link_type = i->link_type;
    r->interfaces[r->interface_count].snap_bytes = i->snap_bytes;
    r->interfaces[r->interface_count].resolution = RESOLUTION_DEFAULT;
    r->interfaces[r->interface_count].offset_s = 0;
    while (next_option(body, r->little, &o)) /* each turn takes at least four bytes */
        take_interface_option(r, i, &o);
    r->interface_count++;
}

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    for (unsigned i = 0; i < exponent && i < 19; i++) /* 10^19 is the largest in 64 bits */
        power *= 10;
    return power;
}

/* A count of an interface's units since its offset, as nanoseconds since 1970. */
static int64_t unix_ns_of(uint64_t count, uint8_t resolution, uint64_t offset_s)
{
    unsigned exponent = resolution & (RESOLUTION_BINARY - 1U);
    uint64_t ns;
    if (resolution & RESOLUTION_BINARY) {
        exponent = exponent > 63 ? 63 : exponent;
        uint64_t fraction = count & ((UINT64_C(1) << exponent) - 1);
        uint64_t coarse = exponent > BINARY_BITS ? fraction >> (exponent - BINARY_BITS) : fraction;
        unsigned bits = exponent > BINARY_BITS ? BINARY_BITS : exponent;
        ns = (count >> exponent) * NANO + (coarse * NANO >> bits);
    } else if (exponent <= NANO_DIGITS) {
        ns = count * power_of_ten(NANO_DIGITS - exponent);
    } else {
        ns = count / power_of_ten(exponent - NANO_DIGITS);
    }
    return (int64_t)(ns + offset_s * NANO);
}

static void read_packet_options(const struct pcapng_reader *r, struct reader *body, struct pcapng_packet *p)
{
    struct option o;
    while (next_option(body, r->little, &o)) { /* each turn takes at least four bytes */
        struct reader value = reader_over(o.value);
        if (o.code == OPTION_COMMENT)
            keep_first(&p->comment, o.value);
        else if (o.code == PACKET_FLAGS && o.value.len == 4)
            p->direction = get_u32(&value, r->little) & DIRECTION_BITS;
    }
}

static bool know_interface(struct pcapng_reader *r, uint32_t interface)
{
    if (interface < r->interface_count)
        return true;
    r->fault = "a packet is of an interface that was not described";
    return false;
}

/* The obsolete form has a shorter number of the interface, and a count of packets that were lost. */
static void read_packet(struct pcapng_reader *r, struct reader *body, bool old, struct pcapng_packet *p)
{
    *p = (struct pcapng_packet){ 0 };
    p->interface = old ? get_u16(body, r->little) : get_u32(body, r->little);
    read_skip(body, old ? 2 : 0);
    /* two halves, the higher one first, in either byte order */
    uint64_t high = get_u32(body, r->little);
    uint64_t low = get_u32(body, r->little);
    size_t length = get_u32(body, r->little);
    p->original_bytes = get_u32(body, r->little);
    p->bytes = read_span(body, length);
    skip_padding(body, length);
    if (!know_interface(r, p->interface))
        return;
    p->unix_ns = unix_ns_of(high << 32 | low, r->interfaces[p->interface].resolution,
                            r->interfaces[p->interface].offset_s);
    read_packet_options(r, body, p);
}

/* Of the first interface, without a time; its length is what was on the wire, up to the interface's bound. */
static void read_simple_packet(struct pcapng_reader *r, struct reader *body, struct pcapng_packet *p)
{
    *p = (struct pcapng_packet){ 0 };
    p->original_bytes = get_u32(body, r->little);
    if (!know_interface(r, 0))
        return;
    uint32_t most = r->interfaces[0].snap_bytes;
    p->bytes = read_span(body, most && most < p->original_bytes ? most : p->original_bytes);
}

static void read_secrets(const struct pcapng_reader *r, struct reader *body, struct pcapng_secrets *s)
{
    s->type = get_u32(body, r->little);
    size_t length = get_u32(body, r->little);
    s->bytes = read_span(body, length);
}

void pcapng_open(struct pcapng_reader *r, struct span file)
{
    *r = (struct pcapng_reader){ .in = reader_over(file) };
}

/* The byte order of the section that a header opens. */
static void learn_order(struct pcapng_reader *r, struct reader ahead)
{
    read_skip(&ahead, 4);
    uint32_t magic = read_u32(&ahead);
    if (!reader_ok(&ahead) || (magic != MAGIC && magic != MAGIC_SWAPPED))
        r->fault = "a section does not begin as one";
    r->little = magic == MAGIC_SWAPPED;
}

/* Type and body of the next block; both lengths must agree. */
static bool next_body(struct pcapng_reader *r, uint32_t *type, struct reader *body)
{
    struct reader *in = &r->in;
    r->block_offset = reader_offset(in);
    *type = get_u32(in, r->little);
    if (reader_ok(in) && *type == BLOCK_SECTION)
        learn_order(r, *in);
    else if (reader_ok(in) && !r->in_section)
        r->fault = "this is no pcapng file: it begins with no section header";
    if (r->fault)
        return false;
    size_t length = get_u32(in, r->little);
    bool possible = length >= BLOCK_BYTES_LEAST && length % 4 == 0;
    *body = read_window(in, possible ? length - BLOCK_BYTES_LEAST : SIZE_MAX);
    if (get_u32(in, r->little) != length || !reader_ok(in)) {
        r->fault = "a block is cut short, or its two lengths differ";
        return false;
    }
    return true;
}

bool pcapng_next(struct pcapng_reader *r, struct pcapng_block *b)
{
    uint32_t type;
    struct reader body;
    if (r->fault || !reader_left(&r->in) || !next_body(r, &type, &body))
        return false;
    b->kind = PCAPNG_OTHER;
    if (type == BLOCK_SECTION) {
        b->kind = PCAPNG_SECTION;
        read_section(r, &body, &b->section);
    } else if (type == BLOCK_INTERFACE) {
        b->kind = PCAPNG_INTERFACE;
        read_interface(r, &body, &b->interface);
    } else if (type == BLOCK_PACKET || type == BLOCK_OLD_PACKET) {
        b->kind = PCAPNG_PACKET;
        read_packet(r, &body, type == BLOCK_OLD_PACKET, &b->packet);
    } else if (type == BLOCK_SIMPLE_PACKET) {
        b->kind = PCAPNG_PACKET;
        read_simple_packet(r, &body, &b->packet);
    } else if (type == BLOCK_SECRETS) {
        b->kind = PCAPNG_SECRETS;
        read_secrets(r, &body, &b->secrets);
    } else if (type == BLOCK_NAMES) {
        b->kind = PCAPNG_NAMES;
        b->names.records = body;
        b->names.little = r->little;
    }
    if (!r->fault && !reader_ok(&body))
        r->fault = "a length inside a block is longer than the block";
    return !r->fault;
}

const char *pcapng_fault(const struct pcapng_reader *r)
{
    return r->fault;
}

bool pcapng_next_name(struct pcapng_block *b, struct pcapng_name *n)
{
    struct reader *r = &b->names.records;
    while (reader_left(r)) { /* each turn takes at least four bytes */
        uint16_t kind = get_u16(r, b->names.little);
        size_t length = get_u16(r, b->names.little);
        struct reader record = read_window(r, length);
        skip_padding(r, length);
        if (kind == NAME_END)
            return false;
        if (kind != NAME_IP4 && kind != NAME_IP6)
            continue;
        n->address = read_span(&record, kind == NAME_IP4 ? 4 : 16);
        struct span names = read_rest(&record);
        n->name = span_head(names, span_find(names, 0));
        if (reader_ok(&record))
            return true;
    }
    return false;
}
