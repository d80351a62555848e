/* What $GENERATE of a master file makes: a series of records from one line, as BIND has it. Pure. */
#ifndef WIRELAB_DNSD_GENERATE_H
#define WIRELAB_DNSD_GENERATE_H

#include "wire/wire.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define GENERATE_COUNT_MAX 16 /* a fuzzer is to spend its time elsewhere */
#else
#define GENERATE_COUNT_MAX 65536 /* records of one line: a typing error fills no memory */
#endif
#define GENERATE_WIDTH_MAX 253 /* digits; more fit no name */

struct generate_range {
    uint32_t first, last, step;
};

/* "1-127", "0-254/2". False, and *expected says what would be right (constant). */
bool generate_read_range(struct span text, struct generate_range *out, const char **expected);
/* Writes the template for number i: "$" stands for it, "${OFFSET,WIDTH,BASE}" for i + OFFSET in decimal (d),
 * octal (o), hexadecimal (x, X) or in nibbles from the right with dots (n, N), with zeros in front up to
 * WIDTH, and below 0 as 32 bits in two's complement but in decimal; "\$" and "$$" are a dollar. False, and
 * *expected says what would be right. */
bool generate_write(struct writer *w, struct span template, uint32_t i, const char **expected);

#endif
