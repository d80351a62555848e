/* Files beneath a site's root, opened so that nothing outside can be reached, and small ones kept in memory
 * with their field lines and their compressed form. */
#ifndef WIRELAB_HTTPD_FILES_H
#define WIRELAB_HTTPD_FILES_H

#include "httpd.h"
#include "respond.h"

#define FILE_KEPT_MAX    (256 * 1024) /* a larger file is sent from its descriptor */
#define FILES_LISTED_MAX 1000         /* of one directory; more are not shown */

enum files_result { FILES_FOUND, FILES_MISSING, FILES_DIRECTORY, FILES_FORBIDDEN, FILES_BUSY };

struct files;

/* A file that was found: valid until the next call, or for as long as it is held. */
struct file {
    struct http_resource about;
    struct span content, gzip;     /* kept files; content.at == NULL: send it from fd */
    struct span lines, lines_gzip; /* of a whole 200 answer */
    char etag[72], etag_gzip[76];
    int fd; /* the caller's, when content.at is NULL */
};

/* Opens the roots of all sites. NULL, and *p names the root that cannot be opened. */
struct files *files_open(const struct http_settings *t, struct problem *p);
void files_close(struct files *f);
/* `path` begins with "/". */
enum files_result files_look(struct files *f, const struct http_site *site, struct span path, struct now now,
                             struct file **out);
/* Keeps a kept file's bytes until file_release(), for stream_write_shared(). */
void file_hold(struct file *f);
void file_release(void *file);

/* The names in a directory in their order, hidden ones left out; FOUND when it could be read. */
enum files_result files_list(const struct files *f, const struct http_site *site, struct span path,
                             void (*row)(void *owner, const char *name, bool directory), void *owner);

#endif
