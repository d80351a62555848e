/* What the commands about a program's state have in common: the file that says where it is. */
#ifndef WIRELAB_LAB_CONFIGURED_H
#define WIRELAB_LAB_CONFIGURED_H

#include "config.h"

/* Gives an exit code. `words` are the command's own. */
typedef int configured_fn(const struct config_section *root, void *words);
/* Runs it with a file that is right, whose problems are told otherwise. An exit code. */
int configured(const char *path, configured_fn *run, void *words);

#endif
