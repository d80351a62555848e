#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "interfaces.h"
#include "link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 50
#define BURST     4000 /* more notes than a socket has room for */
#define MTU_BYTES 1400
#define DISCARD   9 /* the port */
#define LOOP_ADDR 0x7f000001

/* A network of our own, with nothing in it but `lo`. */
struct world {
    struct loop loop;
    int udp; /* also the handle for ioctl() */
    unsigned changes, frames;
};

static void interfaces_changed(void *owner, struct now now)
{
    (void)now;
    ((struct world *)owner)->changes++;
}

static void frame_came(void *owner, struct link *k, struct span frame, int64_t time_ns, bool outgoing)
{
    (void)k;
    (void)frame;
    (void)time_ns;
    (void)outgoing;
    ((struct world *)owner)->frames++;
}

static void turn(struct world *w)
{
    for (int i = 0; i < TURNS_MAX; i++)
        loop_turn(&w->loop, false);
}

static void set_mtu(struct world *w, int bytes)
{
    struct ifreq r = { .ifr_name = "lo", .ifr_mtu = bytes };
    assert_int_equal(ioctl(w->udp, SIOCSIFMTU, &r), 0);
}

static void set_up_or_down(struct world *w, bool up)
{
    struct ifreq r = { .ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0 };
    assert_int_equal(ioctl(w->udp, SIOCSIFFLAGS, &r), 0);
}

static void send_one(struct world *w)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(DISCARD) };
    to.sin_addr.s_addr = htonl(LOOP_ADDR);
    assert_int_equal(sendto(w->udp, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_int_equal(loop_open(&w->loop), 0);
    w->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up_or_down(w, true);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    loop_close(&w->loop);
    close(w->udp);
    free(w);
    return 0;
}

static void changes_are_heard_of_after_more_than_there_was_room_for(void **state)
{
    struct world *w = *state;
    struct problem p;
    struct interfaces *i = interfaces_watch(&w->loop, interfaces_changed, w, &p);
    assert_non_null(i);
    set_mtu(w, MTU_BYTES);
    turn(w);
    assert_true(w->changes > 0);
    for (int n = 1; n <= BURST; n++)
        set_mtu(w, MTU_BYTES + n % 2);
    w->changes = 0;
    turn(w);
    assert_true(w->changes > 0);
    w->changes = 0;
    set_mtu(w, MTU_BYTES + 2);
    turn(w);
    assert_true(w->changes > 0);
    interfaces_close(i);
}

static void frames_come_again_after_the_interface_went_down(void **state)
{
    struct world *w = *state;
    struct problem p;
    struct link *k = link_open(&w->loop, "lo", frame_came, w, &p);
    assert_non_null(k);
    send_one(w);
    turn(w);
    assert_true(w->frames > 0);
    set_up_or_down(w, false);
    turn(w);
    set_up_or_down(w, true);
    w->frames = 0;
    send_one(w);
    turn(w);
    assert_true(w->frames > 0);
    link_close(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_are_heard_of_after_more_than_there_was_room_for),
        TEST(frames_come_again_after_the_interface_went_down),
    };
    if (unshare(CLONE_NEWNET) != 0) {
        print_message("left out: a network of its own needs root\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
