/* A DHCP option written by a person, as bytes. */
#ifndef WIRELAB_DHCP_WORDS_H
#define WIRELAB_DHCP_WORDS_H

#include "wire/dhcp4.h"

/* The option of this name, or NULL. */
const struct dhcp4_option_row *dhcp_words_row(struct span name);
/* The name that is nearest. Constant text. */
const char *dhcp_words_nearest(const char *name);
/* Writes the value of the words as the option's type wants it: addresses, numbers, text, option codes, else
 * bytes in hexadecimal. False when they are not that; dhcp_words_example() says what would be. */
bool dhcp_words_write(struct writer *w, const struct dhcp4_option_row *row, const struct span *words,
                      size_t count);
/* "192.168.1.10", "1 3 6". Constant text. */
const char *dhcp_words_example(enum dhcp4_option_type type);

#endif
