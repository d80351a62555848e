/* Pages that are made here, pure: errors, and the entries of a form. Text from outside is escaped. */
#ifndef WIRELAB_HTTPD_PAGES_H
#define WIRELAB_HTTPD_PAGES_H

#include "entries.h"

/* A small page for a status. */
void pages_write_error(struct writer *w, unsigned status, const char *reason);
/* One entry as an <article id="entry-ID">. */
void pages_write_entry(struct writer *w, const struct entry *e);
/* Where the entries go in a page: the line <!-- entries -->; content.len when there is none. */
size_t pages_find_marker(struct span content, size_t *marker_len);
/* `then` with the entry's number in the place of {id}. */
void pages_write_location(struct writer *w, const char *then, int64_t id);

#endif
