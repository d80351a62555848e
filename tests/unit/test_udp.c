#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "socket.h"
#include "udp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 500
#define HELD_MAX  16

/* The linker leads the calls of common/ here. */
static bool no_memory;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes)
{
    return no_memory ? NULL : __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes)
{
    return no_memory ? NULL : __real_calloc(count, bytes);
}

struct world {
    struct loop loop;
    struct udp *u;
    struct batch *held[HELD_MAX];
    size_t held_count, datagrams;
    bool hold;
    struct endpoint last_peer, last_local;
    bool truncated;
    int client;
};

static void answer(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        write_text(&b->d[i].out, "re:");
        write_span(&b->d[i].out, b->d[i].in);
    }
    udp_send(b->udp, b);
}

static void batch_came(void *o, struct udp *u, struct batch *b, struct now now)
{
    struct world *w = o;
    (void)now;
    assert_ptr_equal(b->udp, u);
    w->datagrams += b->count;
    w->last_peer = b->d[b->count - 1].peer;
    w->last_local = b->d[b->count - 1].local;
    w->truncated |= b->d[0].truncated;
    if (w->hold)
        w->held[w->held_count++] = b;
    else
        answer(b);
}

static void open_on(struct world *w, const char *address)
{
    struct udp_options o = { .in_bytes = 64, .out_bytes = 128 };
    struct problem p;
    struct sockaddr_storage at;
    assert_true(endpoint_parse(span_text(address), &o.bind));
    w->u = udp_open(&w->loop, &o, batch_came, w, &p);
    assert_non_null(w->u);
    struct endpoint to = udp_local(w->u);
    assert_true(to.port != 0);
    if (address_is_any(to.address))
        to.address = address_ip4(0x7f000002); /* 127.0.0.2: an answer must come from there */
    w->client = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(w->client, (struct sockaddr *)&at, socket_address(&to, &at)), 0);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_int_equal(loop_open(&w->loop), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    close(w->client);
    udp_close(w->u);
    loop_close(&w->loop);
    free(w);
    return 0;
}

static void wait_for_datagrams(struct world *w, size_t count)
{
    for (int i = 0; i < TURNS_MAX && w->datagrams < count; i++)
        loop_turn(&w->loop, false);
    assert_int_equal(w->datagrams, count);
}

static void a_datagram_is_answered_to_its_sender(void **state)
{
    struct world *w = *state;
    char in[32] = "";
    open_on(w, "127.0.0.1:0");
    assert_int_equal(send(w->client, "ping", 4, 0), 4);
    wait_for_datagrams(w, 1);
    struct endpoint here = socket_local(w->client);
    assert_true(endpoint_equal(&w->last_peer, &here));
    assert_int_equal(recv(w->client, in, sizeof in, 0), 7);
    assert_string_equal(in, "re:ping");
}

static void the_answer_comes_from_the_address_that_was_asked(void **state)
{
    struct world *w = *state;
    char in[32] = "", text[ADDRESS_TEXT_MAX];
    open_on(w, "0.0.0.0:0");
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    wait_for_datagrams(w, 1);
    assert_string_equal(address_format(w->last_local.address, text), "127.0.0.2");
    assert_int_equal(recv(w->client, in, sizeof in, 0),
                     4); /* the socket is connected: another source is dropped */
}

static void batches_may_be_given_back_turns_later_and_bound_what_is_read(void **state)
{
    struct world *w = *state;
    char in[32];
    open_on(w, "127.0.0.1:0");
    w->hold = true;
    for (int i = 0; i < UDP_BATCHES + 2; i++) { /* each turn makes a batch of one */
        assert_int_equal(send(w->client, "x", 1, 0), 1);
        loop_turn(&w->loop, false);
        loop_turn(&w->loop, false);
    }
    assert_int_equal(w->held_count, UDP_BATCHES);
    w->hold = false;
    for (size_t i = 0; i < w->held_count; i++)
        answer(w->held[i]);
    wait_for_datagrams(w, UDP_BATCHES + 2);
    for (int i = 0; i < UDP_BATCHES + 2; i++)
        assert_int_equal(recv(w->client, in, sizeof in, 0), 4);
}

/* More than a batch, from more than one turn: the socket is watched again after each of them. */
static void many_at_once_are_all_answered(void **state)
{
    struct world *w = *state;
    char in[32];
    open_on(w, "127.0.0.1:0");
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < UDP_BATCH_MAX + 20; i++)
            assert_int_equal(send(w->client, "x", 1, 0), 1);
        wait_for_datagrams(w, (size_t)round * (UDP_BATCH_MAX + 20));
        for (int i = 0; i < UDP_BATCH_MAX + 20; i++)
            assert_int_equal(recv(w->client, in, sizeof in, 0), 4);
    }
}

/* A batch that waits for something does not hold up the reading of those behind it, also after many replies.
 */
static void a_batch_in_hand_holds_up_nothing(void **state)
{
    struct world *w = *state;
    open_on(w, "127.0.0.1:0");
    w->hold = true;
    for (int i = 0; i < 20; i++)
        assert_int_equal(send(w->client, "x", 1, 0), 1);
    wait_for_datagrams(w, 20);
    assert_int_equal(w->held_count, 1);
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    answer(w->held[0]); /* so many that it is not watched for a while */
    wait_for_datagrams(w, 21);
    for (size_t i = 1; i < UDP_BATCHES; i++) {
        assert_int_equal(send(w->client, "x", 1, 0), 1);
        wait_for_datagrams(w, 21 + i);
    }
    for (size_t i = 1; i < w->held_count; i++)
        answer(w->held[i]);
}

static void nothing_written_is_nothing_sent(void **state)
{
    struct world *w = *state;
    char in[8];
    open_on(w, "127.0.0.1:0");
    w->hold = true;
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    wait_for_datagrams(w, 1);
    udp_send(w->u, w->held[0]);
    loop_turn(&w->loop, false);
    assert_int_equal(recv(w->client, in, sizeof in, 0), -1);
}

static void a_datagram_over_the_room_is_marked(void **state)
{
    struct world *w = *state;
    char big[65] = { 0 };
    open_on(w, "127.0.0.1:0");
    assert_int_equal(send(w->client, big, 64, 0), 64);
    wait_for_datagrams(w, 1);
    assert_false(w->truncated);
    assert_int_equal(send(w->client, big, 65, 0), 65);
    wait_for_datagrams(w, 2);
    assert_true(w->truncated);
}

static void closing_with_a_batch_in_hand_is_safe(void **state)
{
    struct world *w = *state;
    open_on(w, "127.0.0.1:0");
    w->hold = true;
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    wait_for_datagrams(w, 1);
    udp_close(w->u);
    loop_turn(&w->loop, false);
    write_text(&w->held[0]->d[0].out, "late");
    udp_send(w->u, w->held[0]);
    open_on(w, "127.0.0.1:0"); /* for tear_down */
}

static void a_moment_without_memory_does_not_make_it_deaf(void **state)
{
    struct world *w = *state;
    open_on(w, "127.0.0.1:0");
    no_memory = true;
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    for (int i = 0; i < 10; i++)
        loop_turn(&w->loop, false);
    no_memory = false;
    assert_int_equal(send(w->client, "x", 1, 0), 1);
    wait_for_datagrams(w, 2);
}

static void an_address_in_use_is_named_with_a_remedy(void **state)
{
    struct world *w = *state;
    struct problem p;
    char text[ENDPOINT_TEXT_MAX];
    open_on(w, "127.0.0.1:0");
    struct udp_options o = { .bind = udp_local(w->u), .in_bytes = 64, .out_bytes = 64 };
    assert_null(udp_open(&w->loop, &o, batch_came, w, &p));
    assert_non_null(strstr(p.what, endpoint_format(&o.bind, text)));
    assert_true(p.remedy[0] != 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_datagram_is_answered_to_its_sender),
        TEST(the_answer_comes_from_the_address_that_was_asked),
        TEST(batches_may_be_given_back_turns_later_and_bound_what_is_read),
        TEST(many_at_once_are_all_answered),
        TEST(a_batch_in_hand_holds_up_nothing),
        TEST(nothing_written_is_nothing_sent),
        TEST(a_datagram_over_the_room_is_marked),
        TEST(closing_with_a_batch_in_hand_is_safe),
        TEST(a_moment_without_memory_does_not_make_it_deaf),
        TEST(an_address_in_use_is_named_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
