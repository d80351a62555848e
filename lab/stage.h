/* Inside a play: one process that stands in the switches' namespace and goes into a host's to open its
 * sockets. */
#ifndef WIRELAB_STAGE_H
#define WIRELAB_STAGE_H

#include "capture.h"
#include "hostlog.h"
#include "loop.h"
#include "netlink.h"
#include "play.h"
#include "serve.h"

struct tls_context;

struct stage {
    struct play *play;
    const struct scenario *s;
    struct problem *problem;
    struct loop loop;
    int switches_fd, host_fds[SCENARIO_HOSTS_MAX]; /* network namespaces */
    struct capture captures[SCENARIO_CAPTURES_MAX];
    bool capture_is_open[SCENARIO_CAPTURES_MAX];
    struct serve servers[SCENARIO_HOSTS_MAX];
    struct hostlog logs[SCENARIO_HOSTS_MAX];
    struct client_dhcp_lease leases[SCENARIO_HOSTS_MAX]; /* what earlier steps have left */
    _Alignas(16) uint8_t memory[SCENARIO_HOSTS_MAX][CLIENT_MEMORY_BYTES];
    struct tls_context *tls; /* of the clients; NULL until one needs it */
};

/* A step in the present namespace, that of its host. Each runs the loop until the step is done; false, and
 * the problem says why. */
bool act_dhcp(struct stage *g, struct netlink *n, const struct scenario_step *step);
bool act_client(struct stage *g, struct netlink *n, const struct scenario_step *step);
bool act_await(struct stage *g, const struct scenario_step *step);

/* The interface has what the lease says, and the host's next steps begin with it. */
bool act_settle(struct stage *g, struct netlink *n, size_t host, const struct client_dhcp_lease *l);

/* The same by a program that people know (client_real.h). CANNOT: there is none for this step, or it is not
 * installed; nothing was done. */
enum act_real { ACT_REAL_DONE, ACT_REAL_FAILED, ACT_REAL_CANNOT };
enum act_real act_real(struct stage *g, struct netlink *n, const struct scenario_step *step);

#endif
