/* Captures in the pcapng format (draft-ietf-opsawg-pcapng), written and read.
 *
 * Written are: the section header, an interface with its name and nanoseconds, enhanced packets with
 * comments, a name resolution block and a decryption secrets block; all in network byte order, which the
 * format allows. Read are the same blocks in either byte order, and simple and
 * obsolete packets; others are stepped over. Spans that were read
 * point into the file's bytes; an empty span stands for an option that is not there, and is not written. */
#ifndef WIRELAB_PCAPNG_H
#define WIRELAB_PCAPNG_H

#include "wire.h"

#define PCAPNG_INTERFACES_MAX 64  /* in one section; more are refused */
#define PCAPNG_BLOCK_OVERHEAD 128 /* what a block takes at most beside its spans, padding included */

enum pcapng_link_type { PCAPNG_ETHERNET = 1 };
enum pcapng_direction { PCAPNG_UNKNOWN = 0, PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };
enum pcapng_secrets_type { PCAPNG_TLS_KEY_LOG = 0x544c534b };

struct pcapng_section {
    struct span comment, os, application;
};

struct pcapng_interface {
    uint16_t link_type;            /* enum pcapng_link_type */
    uint32_t snap_bytes;           /* the longest packet that is kept whole; 0: no limit */
    struct span name, description; /* "eth0" */
    struct span hardware;          /* 6 bytes, or none */
    struct span ip4;               /* address and mask, 8 bytes, or none */
};

struct pcapng_packet {
    uint32_t interface; /* counted from 0 in the section */
    int64_t unix_ns;
    uint32_t original_bytes; /* on the wire; at least bytes.len */
    uint8_t direction;       /* enum pcapng_direction */
    struct span bytes;
    struct span comment;
};

struct pcapng_name {
    struct span address; /* 4 or 16 bytes */
    struct span name;    /* the first one, where there are several */
};

struct pcapng_secrets {
    uint32_t type; /* enum pcapng_secrets_type */
    struct span bytes;
};

/* ---- writing: each a whole block; the writer's `failed` says that there was no room ------------------- */

void pcapng_write_section(struct writer *w, const struct pcapng_section *s);
/* Its packets' times are counted in nanoseconds. */
void pcapng_write_interface(struct writer *w, const struct pcapng_interface *i);
/* Packets before 1970 cannot be written: they get the time 0. */
void pcapng_write_packet(struct writer *w, const struct pcapng_packet *p);
void pcapng_write_names(struct writer *w, const struct pcapng_name *names, size_t count);
void pcapng_write_secrets(struct writer *w, const struct pcapng_secrets *s);

/* ---- reading ------------------------------------------------------------------------------------------- */

enum pcapng_kind {
    PCAPNG_SECTION,
    PCAPNG_INTERFACE,
    PCAPNG_PACKET,
    PCAPNG_NAMES, /* pcapng_next_name() */
    PCAPNG_SECRETS,
    PCAPNG_OTHER, /* a block that is not read */
};

struct pcapng_reader {
    struct reader in;
    bool in_section, little; /* the section's byte order */
    const char *fault;
    uint32_t interface_count;
    size_t block_offset; /* where in the file the last block begins */
    struct {
        uint16_t link_type;
        uint32_t snap_bytes;
        uint8_t resolution; /* if_tsresol */
        uint64_t offset_s;  /* if_tsoffset */
    } interfaces[PCAPNG_INTERFACES_MAX];
};

struct pcapng_block {
    enum pcapng_kind kind;
    union {
        struct pcapng_section section;
        struct pcapng_interface interface;
        struct pcapng_packet packet;
        struct pcapng_secrets secrets;
        struct {
            struct reader records;
            bool little;
        } names;
    };
};

void pcapng_open(struct pcapng_reader *r, struct span file);
/* The next block; false at the end, and where the file is damaged: then pcapng_fault() says how. */
bool pcapng_next(struct pcapng_reader *r, struct pcapng_block *b);
/* "a block is cut short"; NULL: nothing is wrong so far. Constant text. */
const char *pcapng_fault(const struct pcapng_reader *r);
/* The next address and name of a PCAPNG_NAMES block; false after the last. */
bool pcapng_next_name(struct pcapng_block *b, struct pcapng_name *n);

#endif
