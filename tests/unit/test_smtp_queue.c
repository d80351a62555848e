/* smtpd/queue.c on a virtual clock, smtpd/route.c and smtpd/bounce.c: what is due to whom, which way it goes,
 * and what the sender is told. */
#include "smtpd/bounce.h"
#include "smtpd/policy.h"
#include "smtpd/queue.h"
#include "smtpd/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the queue ------------------------------------------------------------------------------- */

#define RETRY_MS 60000

struct world {
    struct mail_queue queue;
    struct now now;
    struct queue_job jobs[64];
};

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    mail_queue_open(&w->queue, RETRY_MS, 1);
    w->now = (struct now){ 1000000, 1451416431000 };
    return w;
}

static void world_close(struct world *w)
{
    mail_queue_close(&w->queue);
    free(w);
}

static struct queue_destination *to(struct world *w, const char *key)
{
    struct route_hop hop = { .port = 25 };
    snprintf(hop.key, sizeof hop.key, "%s", key);
    return mail_queue_destination(&w->queue, &hop);
}

static void add(struct world *w, const char *key, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        mail_queue_add(to(w, key), &w->jobs[i]);
}

static void pass(struct world *w, uint64_t ms)
{
    w->now.mono_ms += ms;
    mail_queue_run(&w->queue, w->now);
}

static void messages_share_connections_within_bounds(void **state)
{
    struct world *w = world_open();
    (void)state;
    add(w, "a", 0, 1);
    assert_ptr_equal(mail_queue_next(&w->queue), to(w, "a"));
    assert_null(mail_queue_next(&w->queue));
    add(w, "a", 1, QUEUE_JOBS_EACH - 1);
    assert_null(mail_queue_next(&w->queue)); /* one can carry so many */
    add(w, "a", QUEUE_JOBS_EACH, 64 - QUEUE_JOBS_EACH);
    size_t more = 0;
    while (mail_queue_next(&w->queue))
        more++;
    assert_int_equal(more, QUEUE_CONNECTIONS_EACH - 1);
    assert_ptr_equal(mail_queue_take(to(w, "a")), &w->jobs[0]); /* in their order */
    assert_ptr_equal(mail_queue_take(to(w, "a")), &w->jobs[1]);
    world_close(w);
}

static void destinations_take_turns(void **state)
{
    struct world *w = world_open();
    (void)state;
    add(w, "a", 0, 20);
    add(w, "b", 20, 1);
    assert_ptr_equal(mail_queue_next(&w->queue), to(w, "a"));
    assert_ptr_equal(mail_queue_next(&w->queue), to(w, "b"));
    assert_ptr_equal(mail_queue_next(&w->queue), to(w, "a"));
    world_close(w);
}

static void a_message_that_was_put_off_waits_longer_each_time(void **state)
{
    struct world *w = world_open();
    uint64_t expected = RETRY_MS;
    (void)state;
    add(w, "a", 0, 1);
    for (size_t i = 0; i < 12; i++) {
        struct queue_destination *d = mail_queue_next(&w->queue);
        assert_non_null(d);
        struct queue_job *j = mail_queue_take(d);
        assert_non_null(j);
        mail_queue_defer(j, w->now);
        mail_queue_disconnected(d, true, w->now);
        assert_int_equal(mail_queue_next_due(&w->queue), w->now.mono_ms + expected);
        pass(w, expected - 1);
        assert_null(mail_queue_next(&w->queue));
        pass(w, 1);
        expected = expected * 2 < QUEUE_RETRY_MOST_MS ? expected * 2 : QUEUE_RETRY_MOST_MS;
    }
    world_close(w);
}

/* Who does not answer is left alone, with all that waits for him, and does not hold up others. */
static void a_host_that_does_not_answer_is_held(void **state)
{
    struct world *w = world_open();
    (void)state;
    add(w, "a", 0, 2);
    struct queue_destination *d = mail_queue_next(&w->queue);
    mail_queue_disconnected(d, false, w->now);
    add(w, "a", 2, 1);
    add(w, "b", 3, 1);
    assert_ptr_equal(mail_queue_next(&w->queue), to(w, "b"));
    assert_null(mail_queue_next(&w->queue));
    pass(w, RETRY_MS);
    assert_ptr_equal(mail_queue_next(&w->queue), d);
    mail_queue_disconnected(d, false, w->now);
    pass(w, RETRY_MS);
    assert_null(mail_queue_next(&w->queue));  /* twice as long now */
    assert_int_equal(mail_queue_flush(d), 3); /* ETRN does not wait */
    assert_ptr_equal(mail_queue_next(&w->queue), d);
    mail_queue_answered(d);
    mail_queue_disconnected(d, false, w->now);
    pass(w, RETRY_MS); /* the first failure again */
    assert_ptr_equal(mail_queue_next(&w->queue), d);
    world_close(w);
}

static void a_destination_goes_with_its_last_message(void **state)
{
    struct world *w = world_open();
    (void)state;
    add(w, "a", 0, 2);
    struct queue_destination *d = mail_queue_next(&w->queue);
    mail_queue_remove(mail_queue_take(d));
    mail_queue_again(mail_queue_take(d));
    assert_true(mail_queue_has_more(d));
    mail_queue_remove(mail_queue_take(d));
    assert_false(mail_queue_has_more(d));
    assert_int_equal(w->queue.job_count, 0);
    assert_non_null(mail_queue_find(&w->queue, "a")); /* its connection is there yet */
    mail_queue_disconnected(d, true, w->now);
    assert_null(mail_queue_find(&w->queue, "a"));
    assert_int_equal(mail_queue_next_due(&w->queue), TIMER_NEVER);
    w->queue.stopped = true;
    add(w, "a", 2, 1);
    assert_null(mail_queue_next(&w->queue));
    world_close(w);
}

/* ---- routes ------------------------------------------------------------------------------------ */

static void the_nearest_route_counts(void **state)
{
    struct smtp_route routes[] = {
        { .name = "", .host = "smart.example", .port = 587 },
        { .name = "cyberdyne.local", .host = "172.16.16.231", .port = 25, .tls = CLIENT_TLS_NONE },
        { .name = "mx.cyberdyne.local", .port = 25, .tls = CLIENT_TLS_REQUIRED }
    };
    struct smtp_settings s = { .routes = routes, .route_count = 3, .mx_port = 25 };
    struct route_hop hop;
    (void)state;
    smtp_route_choose(&s, span_text("Cyberdyne.LOCAL"), &hop);
    assert_string_equal(hop.key, "172.16.16.231:25 (clear)");
    smtp_route_choose(&s, span_text("sub.cyberdyne.local"), &hop);
    assert_string_equal(hop.host, "172.16.16.231");
    smtp_route_choose(&s, span_text("a.MX.cyberdyne.local"), &hop);
    assert_true(hop.by_mx);
    assert_string_equal(hop.host, "a.mx.cyberdyne.local");
    assert_int_equal(hop.tls, CLIENT_TLS_REQUIRED);
    smtp_route_choose(&s, span_text("notcyberdyne.local"), &hop);
    assert_string_equal(hop.key, "smart.example:587 (clear)");
    smtp_route_choose(&s, span_text("[192.0.2.1]"), &hop);
    assert_string_equal(hop.host, "smart.example");
    s.routes = routes + 1;
    s.route_count = 2;
    smtp_route_choose(&s, span_text("[IPv6:2001:db8::1]"), &hop);
    assert_string_equal(hop.host, "2001:db8::1");
    assert_false(hop.by_mx);
    smtp_route_choose(&s, span_text("elsewhere.example"), &hop);
    assert_true(hop.by_mx);
    assert_int_equal(hop.tls, CLIENT_TLS_OPPORTUNISTIC);
}

static void exchangers_are_tried_in_their_order(void **state)
{
    size_t first_of_equals[2] = { 0, 0 };
    struct rng rng;
    (void)state;
    rng_seed(&rng, 7);
    for (size_t i = 0; i < 200; i++) {
        struct route_exchanger list[] = { { 20, "c" }, { 10, "a" }, { 10, "b" }, { 30, "d" } };
        size_t count = 4;
        assert_int_equal(smtp_route_order(list, &count, "own", &rng), ROUTE_MX_USE);
        assert_int_equal(count, 4);
        first_of_equals[strcmp(list[0].host, "a") != 0]++;
        assert_string_equal(list[2].host, "c");
        assert_string_equal(list[3].host, "d");
    }
    assert_true(first_of_equals[0] > 50 && first_of_equals[1] > 50); /* RFC 5321 5.1: to spread the load */
}

static void our_own_name_ends_the_list(void **state)
{
    struct route_exchanger list[] = { { 20, "OWN" }, { 10, "a" }, { 20, "b" }, { 30, "c" } };
    struct route_exchanger best[] = { { 10, "own" }, { 20, "b" } };
    struct route_exchanger null[] = { { 0, "" } };
    struct rng rng;
    size_t count = 4;
    (void)state;
    rng_seed(&rng, 7);
    assert_int_equal(smtp_route_order(list, &count, "own", &rng), ROUTE_MX_USE);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].host, "a");
    count = 2;
    assert_int_equal(smtp_route_order(best, &count, "own", &rng), ROUTE_MX_LOOP);
    count = 1;
    assert_int_equal(smtp_route_order(null, &count, "own", &rng), ROUTE_MX_NONE);
}

static void only_those_who_may_relay(void **state)
{
    struct prefix prefixes[2];
    struct address a;
    struct smtp_settings s = { .allow_relay = prefixes, .allow_relay_count = 2 };
    (void)state;
    assert_true(prefix_parse(span_text("127.0.0.0/8"), &prefixes[0]));
    assert_true(prefix_parse(span_text("2001:db8::/32"), &prefixes[1]));
    assert_true(address_parse(span_text("127.1.2.3"), &a) && policy_may_relay(&s, a));
    assert_true(address_parse(span_text("2001:db8::1"), &a) && policy_may_relay(&s, a));
    assert_true(address_parse(span_text("128.0.0.1"), &a) && !policy_may_relay(&s, a));
    assert_true(address_parse(span_text("::1"), &a) && !policy_may_relay(&s, a));
    s.allow_relay_count = 0;
    assert_true(address_parse(span_text("127.0.0.1"), &a) && !policy_may_relay(&s, a));
}

/* ---- reports ------------------------------------------------------------------------------------- */

static void a_report_has_its_three_parts(void **state)
{
    static const struct bounce_recipient list[] = {
        { .address = { (const uint8_t *)"a@x.example", 11 },
          .orcpt = { (const uint8_t *)"rfc822;A+2Bb@old.example", 24 },
          .action = BOUNCE_FAILED,
          .status = "5.1.1",
          .reply = "550 5.1.1 no such user",
          .host = "mx.x.example" },
        { .address = { (const uint8_t *)"b@x.example", 11 },
          .action = BOUNCE_DELAYED,
          .status = "4.4.1",
          .reason = "Nobody answers" },
    };
    struct bounce b = { .hostname = "mail01",
                        .id = "ABC",
                        .sender = span_text("s@y.example"),
                        .envid = span_text("evil+0D+0AX:y"),
                        .arrived_unix_ms = 1451416431000,
                        .now_unix_ms = 1451416432000,
                        .until_unix_ms = 1451416433000,
                        .recipients = list,
                        .count = 2,
                        .original = span_text("Subject: x\r\n") };
    char room[16384];
    struct writer w = writer_over(room, bounce_room(&b));
    (void)state;
    assert_true(bounce_room(&b) < sizeof room);
    bounce_write(&w, &b);
    assert_true(writer_ok(&w));
    write_u8(&w, 0);
    static const char *const there[] = {
        "To: <s@y.example>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_ABC\"\r\n",
        "Original-Envelope-Id: evil+0D+0AX:y\r\nReporting-MTA: dns; mail01\r\n", /* no line of its own comes
                                                                                    of it */
        "\r\n\r\nOriginal-Recipient: rfc822;A+b@old.example\r\nFinal-Recipient: rfc822; "
        "a@x.example\r\nAction: failed\r\n"
        "Status: 5.1.1\r\nRemote-MTA: dns; mx.x.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "\r\n\r\nFinal-Recipient: rfc822; b@x.example\r\nAction: delayed\r\nStatus: "
        "4.4.1\r\nWill-Retry-Until: ",
        "--=_ABC\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--=_ABC--\r\n",
    };
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        if (!strstr(room, there[i]))
            fail_msg("not there: %s", there[i]);
}

static void the_longest_report_fits_its_room(void **state)
{
    char address[512], orcpt[SMTP_ORCPT_MAX + 1], reply[256];
    struct bounce_recipient list[8];
    (void)state;
    memset(address, 'a', sizeof address);
    memset(orcpt, 'o', sizeof orcpt);
    orcpt[6] = ';';
    memset(reply, 'r', sizeof reply);
    reply[255] = '\0';
    for (size_t i = 0; i < 8; i++)
        list[i] = (struct bounce_recipient){ .address = span_of(address, sizeof address),
                                             .orcpt = span_of(orcpt, SMTP_ORCPT_MAX),
                                             .action = BOUNCE_FAILED,
                                             .status = "5.255.255",
                                             .reply = reply,
                                             .host = reply };
    struct bounce b = { .hostname = reply,
                        .id = "ABC",
                        .sender = span_of(address, sizeof address),
                        .envid = span_of(orcpt, SMTP_ENVID_MAX),
                        .recipients = list,
                        .count = 8,
                        .original = span_of(address, sizeof address) };
    char *room = malloc(bounce_room(&b));
    struct writer w = writer_over(room, bounce_room(&b));
    bounce_write(&w, &b);
    assert_true(writer_ok(&w));
    free(room);
}

static void only_what_was_asked_for_is_told(void **state)
{
    (void)state;
    assert_true(bounce_is_wanted(0, BOUNCE_FAILED)); /* RFC 3461 4.1 */
    assert_false(bounce_is_wanted(0, BOUNCE_DELIVERED));
    assert_false(bounce_is_wanted(0, BOUNCE_DELAYED));
    assert_false(bounce_is_wanted(SMTP_NOTIFY_NEVER, BOUNCE_FAILED));
    assert_true(bounce_is_wanted(SMTP_NOTIFY_SUCCESS, BOUNCE_DELIVERED));
    assert_true(bounce_is_wanted(SMTP_NOTIFY_SUCCESS, BOUNCE_RELAYED));
    assert_false(bounce_is_wanted(SMTP_NOTIFY_SUCCESS, BOUNCE_FAILED));
    assert_true(bounce_is_wanted(SMTP_NOTIFY_DELAY, BOUNCE_DELAYED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_share_connections_within_bounds),
        cmocka_unit_test(destinations_take_turns),
        cmocka_unit_test(a_message_that_was_put_off_waits_longer_each_time),
        cmocka_unit_test(a_host_that_does_not_answer_is_held),
        cmocka_unit_test(a_destination_goes_with_its_last_message),
        cmocka_unit_test(the_nearest_route_counts),
        cmocka_unit_test(exchangers_are_tried_in_their_order),
        cmocka_unit_test(our_own_name_ends_the_list),
        cmocka_unit_test(only_those_who_may_relay),
        cmocka_unit_test(a_report_has_its_three_parts),
        cmocka_unit_test(the_longest_report_fits_its_room),
        cmocka_unit_test(only_what_was_asked_for_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
