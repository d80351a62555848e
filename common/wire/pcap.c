#include "pcap.h"

#define MAGIC_MICRO    0xa1b2c3d4
#define MAGIC_NANO     0xa1b23c4d
#define NANO           INT64_C(1000000000)
#define NANO_OF_MICRO  1000
#define LINK_TYPE_BITS 0xffff /* above them: whether frames have their checksum */

static uint32_t swap(uint32_t v)
{
    return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

static uint32_t get_u32(struct pcap_reader *r)
{
    uint32_t v = read_u32(&r->in);
    return r->little ? swap(v) : v;
}

/* What files are that are handed over by mistake. */
static const char *look_of(struct span file)
{
    if (!file.len)
        return "it is empty";
    if (file.len >= 2 && file.at[0] == 0x1f && file.at[1] == 0x8b)
        return "it is compressed: unpack it first, by gunzip";
    if (span_starts(file, "\x28\xb5\x2f\xfd"))
        return "it is compressed: unpack it first, by zstd -d";
    if (file.len < 24)
        return "it is too short for a capture";
    return "it is neither pcap nor pcapng";
}

static bool open_classic(struct pcap_reader *r)
{
    uint32_t magic = read_u32(&r->in);
    bool big = magic == MAGIC_MICRO || magic == MAGIC_NANO;
    r->little = swap(magic) == MAGIC_MICRO || swap(magic) == MAGIC_NANO;
    if (!big && !r->little)
        return false;
    r->nanoseconds = magic == MAGIC_NANO || swap(magic) == MAGIC_NANO;
    read_skip(&r->in, 2 + 2 + 4 + 4 + 4); /* version, two that are not used, the longest packet */
    r->link_type = get_u32(r) & LINK_TYPE_BITS;
    r->classic = true;
    if (!reader_ok(&r->in))
        r->fault = "its header is cut short";
    return reader_ok(&r->in);
}

bool pcap_open(struct pcap_reader *r, struct span file)
{
    *r = (struct pcap_reader){ .in = reader_over(file) };
    if (open_classic(r))
        return true;
    if (!r->fault && span_starts(file, "\x0a\x0d\x0d\x0a")) {
        pcapng_open(&r->ng, file);
        return true;
    }
    if (!r->fault)
        r->fault = look_of(file);
    return false;
}

static bool next_classic(struct pcap_reader *r, struct pcap_packet *p)
{
    r->packet_offset = reader_offset(&r->in);
    if (!reader_left(&r->in))
        return false;
    uint32_t seconds = get_u32(r);
    uint32_t fraction = get_u32(r);
    size_t length = get_u32(r);
    p->original_bytes = get_u32(r);
    p->link_type = r->link_type;
    p->unix_ns = seconds * NANO + (int64_t)fraction * (r->nanoseconds ? 1 : NANO_OF_MICRO);
    if (!reader_ok(&r->in))
        r->fault = "the header of a packet is cut short";
    else if (length > PCAP_PACKET_MAX)
        r->fault = "a packet has a length that cannot be";
    else
        p->bytes = read_span(&r->in, length);
    if (!r->fault && !reader_ok(&r->in))
        r->fault = "a packet is cut short";
    return !r->fault;
}

bool pcap_next(struct pcap_reader *r, struct pcap_packet *p)
{
    struct pcapng_block b;
    if (r->fault)
        return false;
    if (r->classic)
        return next_classic(r, p);
    while (pcapng_next(&r->ng, &b)) /* each turn takes a block */
        if (b.kind == PCAPNG_PACKET) {
            *p = (struct pcap_packet){ .link_type = r->ng.interfaces[b.packet.interface].link_type,
                                       .unix_ns = b.packet.unix_ns,
                                       .original_bytes = b.packet.original_bytes,
                                       .bytes = b.packet.bytes };
            return true;
        }
    r->fault = pcapng_fault(&r->ng);
    return false;
}

const char *pcap_fault(const struct pcap_reader *r)
{
    return r->fault;
}

size_t pcap_offset(const struct pcap_reader *r)
{
    return r->classic ? r->packet_offset : r->ng.block_offset;
}

void pcap_names_open(struct pcap_names *n, struct span file)
{
    *n = (struct pcap_names){ .in_block = false };
    pcapng_open(&n->ng, file);
}

bool pcap_next_name(struct pcap_names *n, struct pcapng_name *out)
{
    for (;;) { /* each turn takes a name or a block, or is the last */
        if (n->in_block && pcapng_next_name(&n->block, out))
            return true;
        if (!pcapng_next(&n->ng, &n->block))
            return false;
        n->in_block = n->block.kind == PCAPNG_NAMES;
    }
}
