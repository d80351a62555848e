/* What all programs share: the command line, the ready line, signals, exit codes. */
#ifndef WIRELAB_DAEMON_H
#define WIRELAB_DAEMON_H

#include "service.h"

#define WIRELAB_VERSION "0.1.0"

enum exit_code { EXIT_OK = 0, EXIT_RUNNING = 1, EXIT_WRONG_USE = 2 };

struct daemon_options {
    const char *program;       /* argv[0]'s last part */
    const char *config_path;
    bool json;                 /* the ready line even on a terminal, and JSON logs */
    bool follow;               /* TRAFFIC events, too */
    const char *banner;        /* the lab's name for the table */
    struct span default_config; /* when config_path is NULL; at == NULL: -c is needed */
};

/* The root rows: the file's own keys, then one section for each of the services. Lives until the program ends. */
const struct config_key *daemon_root_keys(const struct service_type *const *types, size_t count);
/* Runs the services that the file has a section for, until SIGTERM or SIGINT. An enum exit_code. */
int daemon_run(const struct daemon_options *o, const struct service_type *const *types, size_t count);
/* Reads and checks the file (also each server's own checks), prints what it means or what is wrong. */
int daemon_check(const char *path, const struct service_type *const *types, size_t count, bool effective);
/* The whole of main() of a server that runs alone. */
int daemon_main(int argc, char **argv, const struct service_type *type);

#endif
