/* Options in the configuration: named ones, with the types of common/wire/dhcp_options.def, and any by
 * number. */
#ifndef WIRELAB_DHCPD_CONFIG_OPTIONS_H
#define WIRELAB_DHCPD_CONFIG_OPTIONS_H

#include "config.h"
#include "subnet.h"

/* Values by code while a section is read; at == NULL: not set. A subnet starts with a copy of the server's, a
 * host with a copy of its subnet's. */
struct options_draft {
    struct span value[256];
};

/* Adds the options of a section to the draft; problems go to `c`. False when there is no memory. */
bool options_read(struct options_draft *d, struct arena *a, struct config *c, const struct config_section *s);
/* Sets one whose value is computed; false when there is no memory. */
bool options_set_u32(struct options_draft *d, struct arena *a, uint8_t code, uint32_t value);
/* The finished set. False when there is no memory. */
bool options_finish(const struct options_draft *d, struct arena *a, struct dhcp_options *out);

/* Hexadecimal digits in pairs, with or without colons, as bytes; false when it is something else. */
bool options_write_hex(struct writer *w, struct span text);

/* The rows of the section `option "NUMBER"`. */
extern const struct config_key option_keys[];

#endif
