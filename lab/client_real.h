/* A step of a scenario as the command line of a program that people know: dig, curl, swaks, dhclient. Pure:
 * whether it is installed, and starting it in the host's namespace, is the runner's business.
 *
 * What such a program cannot vary is left to it: how its bytes are cut into segments, stray bytes, its own
 * fields and options besides. Codes and statuses that a step expects are not looked at, for these programs do
 * not tell them; what a scenario expects of the packets is. */
#ifndef WIRELAB_CLIENT_REAL_H
#define WIRELAB_CLIENT_REAL_H

#include "arena.h"
#include "problem.h"
#include "scenario.h"

#define CLIENT_REAL_WORDS_MAX 256

struct client_real {
    const char
        *argv[CLIENT_REAL_WORDS_MAX + 1]; /* the program's name first, ended by NULL; no shell reads it */
    size_t count;
    struct span input; /* for its standard input; may be empty */
    /* To be written there before it starts; NULL: no file is needed. Leases stand beside it, and are the next
     * step's, too. */
    const char *config_path;
    struct span config;
    /* Of dhclient, else NULL: where its leases stand, and its process id, for with a lease it goes on by
     * itself. */
    const char *lease_path, *pid_path;
};

/* `interface`: the host's; `directory`: one that this host has for itself, for leases and configuration.
 * False when no program can play the step: *why says what is in the way. All text lies in the arena. */
bool client_real(const struct scenario_step *step, const char *interface, const char *directory,
                 struct arena *a, struct client_real *out, struct problem *why);

/* What a lease file of dhclient says last; address 0: nothing. Whose hardware the server has, it does not
 * say. */
struct client_dhcp_lease client_real_lease(struct span file);

#endif
