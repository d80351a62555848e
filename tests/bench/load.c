#include "load.h"

#include "socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
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

int load_bind(const struct load *l)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(&l->server, &at);
    struct timeval patience = { .tv_usec = 100000 };
    int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, len) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
        fprintf(stderr, "load: cannot bind: %s\n", strerror(errno));
        exit(1);
    }
    return fd;
}

uint64_t load_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: load dns ADDRESS PORT SECONDS ZONE NAMES\n"
            "       load dns-tcp ADDRESS PORT SECONDS ZONE NAMES IN_FLIGHT\n"
            "       load axfr ADDRESS PORT SECONDS ZONE RECORDS\n"
            "       load dns-update ADDRESS PORT SECONDS ZONE\n"
            "       load echo ADDRESS PORT SECONDS\n"
            "       load http ADDRESS PORT SECONDS PATH\n"
            "       load smtp ADDRESS PORT SECONDS RECIPIENT\n"
            "       load dhcp SERVER RELAY SECONDS CLIENTS PER_SECOND MOST\n"
            "       (clients: 0: each is new; per second: 0: as many as are answered; most: 0: no end)\n");
    return 2;
}

static bool run_dns(struct load *l, struct span what, int argc, char **argv)
{
    struct load_names names = { .zone = argc > 5 ? argv[5] : "",
                                .count = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0 };
    if (span_is(what, "dns") && argc == 7 && names.count)
        load_dns(l, names);
    else if (span_is(what, "dns-tcp") && argc == 8 && names.count)
        load_dns_tcp(l, names, (unsigned)strtoul(argv[7], NULL, 10));
    else if (span_is(what, "axfr") && argc == 7)
        load_axfr(l, names);
    else if (span_is(what, "dns-update") && argc == 6)
        load_dns_update(l, names.zone);
    else if (span_is(what, "echo") && argc == 5)
        load_echo(l);
    else
        return false;
    return true;
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
    } else if (run_dns(l, what, argc, argv))
        return true;
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
    l.start_ms = clock_now(&l.clock).mono_ms;
    l.end_ms = l.start_ms + (uint64_t)(seconds * 1000);
    if (!run(&l, argc, argv))
        return usage();
    double took = (double)(clock_now(&l.clock).mono_ms - l.start_ms) / 1000;
    printf("{\"done\":%llu,\"wrong\":%llu,\"seconds\":%.3f,\"p99_us\":%llu}\n", (unsigned long long)l.done,
           (unsigned long long)l.wrong, took > 0 ? took : seconds, (unsigned long long)l.p99_us);
    return 0;
}
