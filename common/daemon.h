/* What all programs share: the command line, the ready line, signals, exit codes. */
#ifndef WIRELAB_DAEMON_H
#define WIRELAB_DAEMON_H

#include "service.h"

#define WIRELAB_VERSION "0.1.0"

enum exit_code { EXIT_OK = 0, EXIT_RUNNING = 1, EXIT_WRONG_USE = 2 };

struct daemon_options {
    const char *program; /* for messages */
    const char *config_path;
    struct span config_text; /* read in the place of the file at config_path; empty: the file is */
    const char *log_level;   /* --log; NULL: the file's key, or the default */
    bool json;               /* the ready line even on a terminal, and JSON logs */
    bool follow;             /* every message of a protocol is shown, unless the file or --log says less */
};

/* The rows of the whole file: its own keys, then a section for every server. Lives until the program ends. */
const struct config_key *daemon_root_keys(void);
/* Runs the services that the file has a section for (only that one, when `only` is not NULL), until SIGTERM
 * or SIGINT. An enum exit_code. */
int daemon_run(const struct daemon_options *o, const struct service_type *only);
/* Reads and checks the file (also each server's own checks), prints what it means or what is wrong;
 * `effective` prints all keys that are in force, too. */
int daemon_check(const char *path, bool effective);
/* The whole of main() of a server that runs alone. */
int daemon_main(int argc, char **argv, const struct service_type *type);

#endif
