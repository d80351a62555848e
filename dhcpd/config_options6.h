/* DHCPv6 options in the configuration: named ones, with the types of common/wire/dhcp6_options.def, and any
 * by number. */
#ifndef WIRELAB_DHCPD_CONFIG_OPTIONS6_H
#define WIRELAB_DHCPD_CONFIG_OPTIONS6_H

#include "config.h"
#include "config_options.h"
#include "subnet6.h"

#define OPTIONS6_MAX 64 /* of a section and what it inherits; the table knows fewer */

/* Values by code while a section is read. A host starts with a copy of its subnet's. */
struct options6_draft {
    size_t count;
    struct dhcp6_option_value list[OPTIONS6_MAX]; /* by code */
    bool changed;                                 /* since this was last set to false */
};

/* Adds the options of a section to the draft; problems go to `c`. False when there is no memory. */
bool options6_read(struct options6_draft *d, struct arena *a, struct config *c,
                   const struct config_section *s);
/* The finished set. False when there is no memory. */
bool options6_finish(const struct options6_draft *d, struct arena *a, struct dhcp6_options *out);

/* The rows of the section `option "NUMBER"`. */
extern const struct config_key option6_keys[];

#define OPTION6_SECTION                                                                                      \
    {                                                                                                        \
        .name = "option", .type = CONFIG_SECTION, .flags = CONFIG_TITLED, .title_type = CONFIG_NUMBER,       \
        .keys = option6_keys, .help = "Any option, by its number.",                                          \
        .example = "option \"56\" { hex = \"0102\" }"                                                        \
    }

#endif
