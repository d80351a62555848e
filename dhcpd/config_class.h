/* Client classes in the configuration, and identities that are written as text or as "0x" and hexadecimal
 * digits. */
#ifndef WIRELAB_DHCPD_CONFIG_CLASS_H
#define WIRELAB_DHCPD_CONFIG_CLASS_H

#include "config_options.h"

/* Reads the `class` sections of the server's section into the settings; problems go to `c`. False when there
 * is no memory. */
bool config_classes(struct config *c, const struct config_section *s, struct arena *a,
                    struct dhcp_settings *out);
/* The class of this name as its bit; 0: there is none, and `c` was told at `v`. */
uint64_t config_class_bit(struct config *c, const struct config_section *s, const struct config_value *v,
                          const struct dhcp_settings *settings, const char *name);
/* The bytes that a text stands for, as a copy in the arena. False when there is no memory; what is wrong is
 * told to `c` and leaves *out empty. */
bool config_bytes(struct config *c, const struct config_section *s, const struct config_value *v,
                  struct span text, struct arena *a, struct span *out);

#endif
