/* Capture files for readers: pcapng, and classic pcap (draft-ietf-opsawg-pcap) in both byte orders, with
 * microseconds or nanoseconds. Packets come in the file's order, each with the type of its link. Spans point
 * into the file's bytes. */
#ifndef WIRELAB_PCAP_H
#define WIRELAB_PCAP_H

#include "pcapng.h"

#define PCAP_PACKET_MAX (1024 * 1024) /* longer ones are a sign that the file is damaged */

struct pcap_packet {
    uint16_t link_type; /* of the registry at tcpdump.org: 1 Ethernet, 101 raw IP, 113 and 276 Linux cooked */
    int64_t unix_ns;
    uint32_t original_bytes; /* on the wire; more than bytes.len: the rest was not kept */
    struct span bytes;
};

struct pcap_reader {
    bool classic, little, nanoseconds;
    uint16_t link_type;
    const char *fault;
    struct reader in;        /* of a classic file ... */
    size_t packet_offset;    /* ... and where its last packet begins */
    struct pcapng_reader ng; /* of the other kind */
};

/* False: it is neither, and pcap_fault() says what it looks like. */
bool pcap_open(struct pcap_reader *r, struct span file);
/* The next packet; false at the end, and where the file is damaged: then pcap_fault() says how. */
bool pcap_next(struct pcap_reader *r, struct pcap_packet *p);
/* NULL: nothing is wrong so far. Constant text. */
const char *pcap_fault(const struct pcap_reader *r);
/* Where in the file the packet or block begins that was read last, or that is damaged. */
size_t pcap_offset(const struct pcap_reader *r);

/* The names that a file gives to addresses; a classic one gives none. */
struct pcap_names {
    struct pcapng_reader ng;
    struct pcapng_block block;
    bool in_block;
};

void pcap_names_open(struct pcap_names *n, struct span file);
/* False after the last. */
bool pcap_next_name(struct pcap_names *n, struct pcapng_name *out);

#endif
