/* Room for as many connections as the settings allow: the process may have 1024 files and sockets unless it
 * asks for more. */
#include "dnsd.h"

#include <sys/resource.h>

#define OTHERS 640 /* RECURSION_JOBS_MAX, and what else is open */

size_t dnsd_connections_possible(size_t wanted)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return wanted;
    if (l.rlim_cur < wanted + OTHERS) {
        struct rlimit more = { .rlim_cur = wanted + OTHERS, .rlim_max = l.rlim_max };
        if (more.rlim_cur > l.rlim_max)
            more.rlim_cur = l.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            l = more;
    }
    size_t possible = l.rlim_cur > 2 * OTHERS ? (size_t)l.rlim_cur - OTHERS : (size_t)l.rlim_cur / 2;
    return wanted < possible ? wanted : possible;
}
