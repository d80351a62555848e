/* struct endpoint <-> sockaddr, and the words for what a socket call refused. For the files of common/ that
 * open sockets. */
#ifndef WIRELAB_SOCKET_H
#define WIRELAB_SOCKET_H

#include "endpoint.h"
#include "problem.h"

#include <sys/socket.h>

/* Returns the length of the address. */
socklen_t socket_address(const struct endpoint *e, struct sockaddr_storage *out);
struct endpoint socket_endpoint(const struct sockaddr_storage *s);
/* What the socket sends comes from this address, by a port that the system chooses. Harmless with NULL, and
 * with one of no family: the system chooses that, too. False, and errno is set. */
bool socket_from(int fd, const struct address *from);
/* The local address of a socket. */
struct endpoint socket_local(int fd);
/* "cannot bind 127.0.0.1:53/udp: permission denied", with the remedy for the errors a person can mend. */
void socket_problem(struct problem *p, const char *what, const struct endpoint *at, const char *protocol,
                    int error);

#endif
