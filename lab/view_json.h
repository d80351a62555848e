/* A message as one line of JSON. */
#ifndef WIRELAB_VIEW_JSON_H
#define WIRELAB_VIEW_JSON_H

#include "view.h"

#define VIEW_JSON_BYTES (8 * VIEW_TEXT_BYTES) /* room that is enough: a byte becomes six at most */

/* {"frame":1,"part":1,"time":...,"seconds":...,"protocol":"dns","word":"query","from":{...},"to":{...},
 * "carrier":false,"reply":false,"fields":{...},"sentence":"..."} and a line end. `seconds` counts from
 * began_ns. Names that are empty are left out, and so is `to` of what goes to everyone: there is
 * "everyone":true. */
void view_write_json(struct writer *w, const struct view_message *m, int64_t began_ns, struct span from_name,
                     struct span to_name);

#endif
