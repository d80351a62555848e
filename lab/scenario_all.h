/* Many scenarios, one after the other, one line each; what a failed one said is shown. */
#ifndef WIRELAB_SCENARIO_ALL_H
#define WIRELAB_SCENARIO_ALL_H

#include <stdbool.h>
#include <stddef.h>

/* `play` is called in a process of its own for each name, with standard output and standard error kept for a
 * failure; it returns an exit code. Ended by a signal, it ends the scenario that is under way. Returns
 * EXIT_OK when all were. `json`: the lines as JSON. */
int scenario_play_all(char *const *names, size_t count, int (*play)(void *owner, const char *name),
                      void *owner, bool json);

#endif
