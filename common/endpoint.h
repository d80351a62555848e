/* Addresses, pure: IPv4 and IPv6 with a port, prefixes, ranges and hardware addresses, to and from text. */
#ifndef WIRELAB_ENDPOINT_H
#define WIRELAB_ENDPOINT_H

#include "wire/wire.h"

enum family { FAMILY_NONE = 0, FAMILY_IP4 = 4, FAMILY_IP6 = 6 };

/* An address: IPv4 in the first four bytes, IPv6 in all sixteen. */
struct address {
    uint8_t bytes[16];
    uint8_t family; /* enum family */
};

struct endpoint {
    struct address address;
    uint16_t port;
    uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
};

struct prefix {
    struct address address;
    uint8_t bits;
};

#define ADDRESS_TEXT_MAX  46 /* with the NUL */
#define ENDPOINT_TEXT_MAX 64
#define HARDWARE_TEXT_MAX 64 /* 20 bytes: a DUID of the usual kinds is longer than hardware addresses are */

/* IPv4 addresses are host-order numbers wherever arithmetic is done on them. */
struct address address_ip4(uint32_t host_order);
/* The IPv4 address as a host-order number; 0 for other families. */
uint32_t address_to_ip4(struct address a);
/* IPv6 addresses are two host-order numbers wherever arithmetic is done on them. */
struct ip6 {
    uint64_t high, low;
};
struct address address_ip6(struct ip6 a);
/* Zeros for other families. */
struct ip6 address_to_ip6(struct address a);
/* < 0, 0, > 0 */
static inline int ip6_compare(struct ip6 a, struct ip6 b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}
static inline bool ip6_equal(struct ip6 a, struct ip6 b)
{
    return a.high == b.high && a.low == b.low;
}
/* The first address of the prefix of so many bits that it lies in. */
static inline struct ip6 ip6_first(struct ip6 a, unsigned bits)
{
    uint64_t high = bits >= 64 ? UINT64_MAX : bits ? UINT64_MAX << (64 - bits) : 0;
    uint64_t low = bits >= 128 ? UINT64_MAX : bits > 64 ? UINT64_MAX << (128 - bits) : 0;
    return (struct ip6){ a.high & high, a.low & low };
}
/* Exact text forms only ("192.168.1.1", "2001:db8::1"). */
bool address_parse(struct span text, struct address *out);
/* Writes text and NUL into out[ADDRESS_TEXT_MAX]; returns out. */
char *address_format(struct address a, char *out);
bool address_equal(struct address a, struct address b);
bool address_is_any(struct address a);

/* "192.0.2.1:53", "[2001:db8::1]:53"; port 0 .. 65535 is always needed. */
bool endpoint_parse(struct span text, struct endpoint *out);
/* Into out[ENDPOINT_TEXT_MAX]. */
char *endpoint_format(const struct endpoint *e, char *out);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* "192.168.1.0/24", or an address alone (then all bits). Host bits must be zero. */
bool prefix_parse(struct span text, struct prefix *out);
bool prefix_contains(const struct prefix *p, struct address a);
char *prefix_format(const struct prefix *p, char *out);

/* "00:0c:29:59:fd:21"; returns the number of bytes, 0 when it is not one (1 .. 16 bytes). */
size_t hardware_parse(struct span text, uint8_t out[16]);
/* Into out[HARDWARE_TEXT_MAX]. */
char *hardware_format(struct span hardware, char *out);

#endif
