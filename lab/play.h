/* Plays a scenario: makes its network, starts its servers, lets its clients act, records. */
#ifndef WIRELAB_PLAY_H
#define WIRELAB_PLAY_H

#include "capture.h"
#include "netns.h"
#include "scenario.h"

#define PLAY_INTERFACE "eth0" /* of every host */

#define PLAY_SECRETS_BYTES (64 * 1024) /* some 300 sessions */

/* What the play leaves to who asked for it. */
struct play {
    const struct scenario *scenario;
    const char *path; /* of the scenario */
    bool real;        /* dig, curl, swaks, dhclient play its steps, where they can and are installed */
    int log_fd;       /* the servers' logs, in memory; -1: there are none */
    uint8_t secrets[PLAY_SECRETS_BYTES]; /* of TLS sessions, as a key log has them */
    size_t secrets_length;
    struct problem problem;
    unsigned problem_line; /* of the scenario, that the problem is about; 0: none */
    struct capture_log log;
};

/* NULL: no memory. The scenario and its path must outlive it. */
struct play *play_open(const struct scenario *s, const char *path);
/* Signals must be held (netns_hold_signals()). Whatever comes of it, nothing of the play is left but *p;
 * after NETNS_FAILED, problem says what it was, and the log has what was recorded until then. */
enum netns_end play_run(struct play *p);
void play_close(struct play *p);

#endif
