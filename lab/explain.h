/* What the commands that draw have in common. */
#ifndef WIRELAB_EXPLAIN_H
#define WIRELAB_EXPLAIN_H

#include "ladder.h"

#define EXPLAIN_WIDTH_USUAL 100 /* of a figure that goes into a file */

/* As wide as the terminal, with lines and colours where it has them; without hosts and world. */
struct ladder ladder_for_output(void);

#endif
