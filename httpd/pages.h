/* Pages that are made here, pure: errors, the entries of a form, lists of directories. Text from outside is
 * escaped. */
#ifndef WIRELAB_HTTPD_PAGES_H
#define WIRELAB_HTTPD_PAGES_H

#include "entries.h"

/* What an entry of ENTRY_BYTES_MAX needs at most: escaping makes six bytes of one. */
#define PAGES_ENTRY_ROOM (6 * ENTRY_BYTES_MAX + 8192)
/* What one line of a list of a directory needs at most: a byte of a name is ten, its link and its escaping.
 */
#define PAGES_ROW_ROOM (256 * 10 + 64)

/* A small page for a status. */
void pages_write_error(struct writer *w, unsigned status, const char *reason);
/* Where it goes on, for whoever does not follow a redirect by itself. */
void pages_write_redirect(struct writer *w, unsigned status, struct span location);
/* One entry as an <article>, its id made by the form's anchor. */
void pages_write_entry(struct writer *w, const struct http_form *form, const struct entry *e);
/* Where the entries go in a page: the line <!-- entries -->; content.len when there is none. */
size_t pages_find_marker(struct span content, size_t *marker_len);
/* `text` with the entry's number in the place of {id}. */
void pages_write_with_id(struct writer *w, const char *text, int64_t id);

/* A list of a directory: its head, a line each, its end. `path` is decoded and ends with "/". */
void pages_write_list_head(struct writer *w, struct span path);
void pages_write_list_row(struct writer *w, struct span name, bool directory);
void pages_write_list_end(struct writer *w);

#endif
