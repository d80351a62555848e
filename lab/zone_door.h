/* Zones of a running dnsd, through its door: what `wirelab zone` and `wirelab zones` have in common. */
#ifndef WIRELAB_LAB_ZONE_DOOR_H
#define WIRELAB_LAB_ZONE_DOOR_H

#include "door.h"

#define ZONE_PATH_BYTES 8192

/* "/dnsd/zones/NAME/ACTION?view=VIEW&signatures=yes", escaped; action and view may be NULL. */
void zone_door_path(char path[ZONE_PATH_BYTES], const char *name, const char *action, const char *view,
                    bool signatures);
/* Prints why it was refused; an exit code. `lines`: the changes as they were written (NULL: there are none),
 * whose place is shown. */
int zone_door_refused(const char *command, const struct door_answer *a, const char *const *lines);

#endif
