#include "load.h"

#include "socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECONDS_MOST 30 /* no run is longer, whatever is asked for */

int load_connect(const struct load *l, int type)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(&l->server, &at);
    int fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, len) != 0) {
        fprintf(stderr, "load: cannot connect: %s\n", strerror(errno));
        exit(1);
    }
    return fd;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: load dns ADDRESS PORT SECONDS NAMES\n"
            "       load http ADDRESS PORT SECONDS PATH\n"
            "       load smtp ADDRESS PORT SECONDS RECIPIENT\n"
            "       load dhcp SERVER RELAY SECONDS CLIENTS PER_SECOND MOST\n"
            "       (clients: 0: each is new; per second: 0: as many as are answered; most: 0: no end)\n");
    return 2;
}

static bool run(struct load *l, int argc, char **argv)
{
    struct span what = span_text(argv[1]);
    struct address relay;
    if (span_is(what, "dhcp") && argc == 8 && address_parse(span_text(argv[3]), &relay)) {
        l->most = strtoull(argv[7], NULL, 10);
        load_dhcp(
            l, relay,
            (struct load_pace){ (uint32_t)strtoul(argv[5], NULL, 10), (uint32_t)strtoul(argv[6], NULL, 10) });
    } else if (span_is(what, "dns") && argc == 6)
        load_dns(l, (unsigned)strtoul(argv[5], NULL, 10));
    else if (span_is(what, "http") && argc == 6)
        load_http(l, argv[5]);
    else if (span_is(what, "smtp") && argc == 6)
        load_smtp(l, argv[5]);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct load l = { 0 };
    if (argc < 5 || !address_parse(span_text(argv[2]), &l.server.address))
        return usage();
    l.server.port = (uint16_t)strtoul(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    if (seconds <= 0 || seconds > SECONDS_MOST)
        return usage();
    clock_open(&l.clock);
    uint64_t start_ms = clock_now(&l.clock).mono_ms;
    l.end_ms = start_ms + (uint64_t)(seconds * 1000);
    if (!run(&l, argc, argv))
        return usage();
    double took = (double)(clock_now(&l.clock).mono_ms - start_ms) / 1000;
    printf("{\"done\":%llu,\"wrong\":%llu,\"seconds\":%.3f,\"p99_us\":%llu}\n", (unsigned long long)l.done,
           (unsigned long long)l.wrong, took > 0 ? took : seconds, (unsigned long long)l.p99_us);
    return 0;
}
