/* Client classes: who a message's sender is, told by what it says of itself, so that options and pools can be
 * its kind's own. */
#ifndef WIRELAB_DHCPD_CLASS_H
#define WIRELAB_DHCPD_CLASS_H

#include "wire/dhcp4.h"

#define CLASSES_MAX 64 /* a message's classes are bits of one word */

struct dhcp_option {
    uint8_t code;
    struct span value; /* as on the wire */
};

struct dhcp_options {
    size_t count;
    const struct dhcp_option *list; /* in the order of their codes */
    uint8_t slot[256];              /* code -> 1 + its place in list; 0: not configured */
};
/* The value of a configured option; at == NULL when there is none. */
struct span options_find(const struct dhcp_options *o, uint8_t code);

/* What is looked at. Each kind is a condition of its own. */
enum dhcp_match_kind {
    DHCP_MATCH_HARDWARE,     /* chaddr begins with the value */
    DHCP_MATCH_VENDOR_CLASS, /* option 60 begins with it */
    DHCP_MATCH_USER_CLASS,   /* one of the classes of option 77 (RFC 3004), or all of it, is the value */
    DHCP_MATCH_ARCHITECTURE, /* one of option 93's is the number (RFC 4578 2.1) */
    DHCP_MATCH_OPTION,       /* the option, or the relay's sub-option of 82, is the value */
};

struct dhcp_match {
    enum dhcp_match_kind kind;
    struct span value;
    uint16_t number;        /* ARCHITECTURE */
    uint8_t code;           /* OPTION */
    uint8_t suboption;      /* OPTION 82; 0: the option as a whole */
    bool any_value, begins; /* OPTION: it is enough that it is there, or that it begins with the value */
};

struct dhcp_class {
    const char *name;
    const struct dhcp_match *matches; /* one of each kind that is there must hold */
    size_t match_count;
    struct dhcp_options options;
    uint32_t next_server; /* 0: as the subnet */
    uint32_t lease_s;     /* 0: as the subnet */
    bool broadcast;       /* as if its clients had set the flag; also where the subnet says so */
};

/* The classes that the sender is in: bit i for classes[i]. */
uint64_t classes_of(const struct dhcp_class *classes, size_t count, const struct dhcp4_message *m);

#endif
