/* The whole server on one loop: real sockets on loopback, the test's own clock where time matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/encode.h"
#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 20000

static const struct config_key root_keys[] = {
    { .name = "dnsd", .type = CONFIG_SECTION, .keys = NULL },
    { 0 },
};

static struct world {
    struct loop loop;
    struct events events;
    struct event_sink sink;
    struct home home;
    struct service *service;
    struct endpoint udp, tcp;
    char directory[64];
    char seen[8192]; /* names of the events, with the reason where there is one */
} w;

static void listening(struct home *h, const char *service, const char *protocol, const struct endpoint *at,
                      const char *try)
{
    (void)h;
    assert_string_equal(service, "dnsd");
    if (strcmp(protocol, "udp") == 0) {
        assert_string_equal(try, "dig @%s -p %p z.test. SOA");
        w.udp = *at;
    } else {
        w.tcp = *at;
    }
}

static void take(struct event_sink *s, const struct event *e)
{
    size_t at = strlen(w.seen);
    (void)s;
    snprintf(w.seen + at, sizeof w.seen - at, "%s ", event_rows[e->id].name);
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->fields[i].name, "reason") == 0) {
            at = strlen(w.seen);
            snprintf(w.seen + at, sizeof w.seen - at, "(%.*s) ", (int)e->fields[i].text.len,
                     e->fields[i].text.at);
        }
}

static void write_zone(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w.directory, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The settings of a dnsd section; NULL, and the problems' text stands in `why`, when it is wrong. */
static void *settings_of(const char *section, char *why, size_t room)
{
    static struct config_key keys[2];
    char path[128];
    memcpy(keys, root_keys, sizeof keys);
    keys[0].keys = dnsd_service.keys;
    snprintf(path, sizeof path, "%s/test.conf", w.directory);
    struct config *c = config_read_text(span_text(section), path, keys);
    void *settings = config_ok(c) ? dnsd_service.configure(c, config_section(config_root(c), "dnsd")) : NULL;
    FILE *f = fmemopen(why, room, "w");
    config_print_problems(c, f);
    config_print_warnings(c, f);
    fclose(f);
    if (!config_ok(c)) {
        dnsd_service.forget(settings);
        settings = NULL;
    }
    config_close(c);
    return settings;
}

static const char small_zone[] = "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
static const char section[] = "dnsd { listen = { \"127.0.0.1:0\" } zone \"z.test\" { file = \"z.zone\" "
                              "allow-transfer = { \"127.0.0.0/8\" } } }";

static int open_world(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    snprintf(w.directory, sizeof w.directory, "%s/dnsd.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(w.directory) || loop_open(&w.loop) != 0)
        return -1;
    events_open(&w.events);
    w.sink = (struct event_sink){ .take = take, .level = EVENT_TRAFFIC };
    events_attach(&w.events, &w.sink);
    w.home = (struct home){ .loop = &w.loop, .events = &w.events, .listening = listening };
    return 0;
}

static int close_world(void **state)
{
    char path[128];
    (void)state;
    if (w.service)
        dnsd_service.stop(w.service);
    loop_close(&w.loop);
    snprintf(path, sizeof path, "%s/z.zone", w.directory);
    unlink(path);
    return rmdir(w.directory);
}

static void start_with(const char *zone)
{
    char why[4096];
    struct problem p = { 0 };
    write_zone("z.zone", zone);
    void *settings = settings_of(section, why, sizeof why);
    assert_non_null(settings);
    w.service = dnsd_service.start(&w.home, settings, &p);
    assert_string_equal(p.what, "");
    assert_non_null(w.service);
}

/* A zone of so many names with one address each, and its three records of the apex and ns. */
static void make_zone_text(char *text, size_t room, unsigned names)
{
    struct writer out = writer_over(text, room - 1);
    write_text(&out, small_zone);
    for (unsigned i = 0; i < names; i++) {
        write_text(&out, "h");
        write_decimal(&out, i);
        write_text(&out, " A 10.0.0.1\n");
    }
    text[writer_length(&out)] = 0;
}

static int client(int type)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    to.sin_port = htons(type == SOCK_STREAM ? w.tcp.port : w.udp.port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Turns the loop until so many octets came, or the end of the connection; how many that were. */
static size_t receive(int fd, uint8_t *into, size_t wanted)
{
    size_t have = 0;
    for (int i = 0; i < TURNS_MAX && have < wanted; i++) {
        loop_turn(&w.loop, false);
        ssize_t n = recv(fd, into + have, wanted - have, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        have += n > 0 ? (size_t)n : 0;
        if (n < 0)
            poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, i > 100 ? 1 : 0);
    }
    return have;
}

/* A message with its length in front. */
static size_t tcp_query(uint8_t *room, const char *name, const char *type)
{
    size_t len = build_query(room + 2, 500, name, type, 0);
    room[0] = (uint8_t)(len >> 8);
    room[1] = (uint8_t)len;
    return len + 2;
}

static void answers_by_udp(void **state)
{
    uint8_t m[512];
    (void)state;
    start_with(small_zone);
    assert_int_equal(w.udp.port, w.tcp.port); /* port 0 is one number for both */
    assert_int_not_equal(w.udp.port, 0);
    int fd = client(SOCK_DGRAM);
    size_t len = build_query(m, sizeof m, "ns.z.test.", "A", 0);
    send(fd, m, len, 0);
    assert_string_equal(reply_text(span_of(m, receive(fd, m, 1 + len + 15))),
                        "NOERROR aa; ns.z.test. 60 A 192.0.2.1;;");
    close(fd);
    assert_non_null(strstr(w.seen, "dns.zone.loaded dns.query "));
}

/* What cannot be read harms nobody: the next question is answered, and events tell of it. */
static void survives_rubbish(void **state)
{
    uint8_t m[512];
    (void)state;
    start_with(small_zone);
    int fd = client(SOCK_DGRAM);
    send(fd, "x", 1, 0);
    send(fd, "\0\1\0\0\0\0\0\0\0\0\0\0", 12, 0);
    size_t len = build_query(m, sizeof m, "ns.z.test.", "A", 0);
    send(fd, m, len, 0);
    assert_string_equal(reply_text(span_of(m, receive(fd, m, 12))), "FORMERR;;;");
    assert_string_equal(reply_text(span_of(m, receive(fd, m, len + 16))),
                        "NOERROR aa; ns.z.test. 60 A 192.0.2.1;;");
    close(fd);
    assert_non_null(strstr(
        w.seen, "dns.ignored (shorter than a header) dns.malformed (not exactly one question) dns.query"));
}

/* Three questions, cut in two at every octet: the same three answers in order. */
static void tcp_split_at_every_octet(void **state)
{
    uint8_t in[512], whole[1024], got[1024];
    (void)state;
    start_with(small_zone);
    size_t len = tcp_query(in, "ns.z.test.", "A");
    len += tcp_query(in + len, "none.z.test.", "MX");
    len += tcp_query(in + len, "z.test.", "NS");
    size_t expected = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        int fd = client(SOCK_STREAM);
        if (cut)
            send(fd, in, cut, 0);
        for (int i = 0; i < 4; i++)
            loop_turn(&w.loop, false);
        if (cut < len)
            send(fd, in + cut, len - cut, 0);
        shutdown(fd, SHUT_WR);
        size_t n = receive(fd, got, sizeof got); /* to the end: all was answered before it */
        if (cut == 0) {
            memcpy(whole, got, n);
            expected = n;
        }
        assert_int_equal(n, expected);
        assert_memory_equal(got, whole, n);
        close(fd);
    }
    struct reader r = reader_over(span_of(whole, expected));
    static const char *const answers[] = { "NOERROR aa; ns.z.test. 60 A 192.0.2.1;;",
                                           "NXDOMAIN aa;; z.test. 5 SOA ns.z.test. a.z.test. 1 2 3 4 5;",
                                           "NOERROR aa; z.test. 60 NS ns.z.test.;;" };
    for (int i = 0; i < 3; i++)
        assert_string_equal(reply_text(read_span(&r, read_u16(&r))), answers[i]);
    assert_true(reader_done(&r));
}

static void tcp_ends_when_idle(void **state)
{
    uint8_t m[512];
    (void)state;
    clock_freeze(&w.loop.clock);
    start_with(small_zone);
    int fd = client(SOCK_STREAM);
    size_t len = tcp_query(m, "ns.z.test.", "A");
    send(fd, m, len, 0);
    assert_int_equal(receive(fd, m, len + 16), len + 16);
    send(fd, "\0", 1, 0); /* half a message does not keep it open */
    for (int i = 0; i < 4; i++)
        loop_turn(&w.loop, false);
    loop_advance(&w.loop, 9000);
    loop_turn(&w.loop, false);
    assert_int_equal(recv(fd, m, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    loop_advance(&w.loop, 2000);
    assert_int_equal(receive(fd, m, 1), 0); /* the end */
    assert_int_not_equal(errno, ECONNRESET);
    close(fd);
    assert_non_null(strstr(w.seen, "dns.ignored (not all of it came in time) "));
}

/* What is cut short is told, and what came whole before it is answered. */
static void tcp_ends_within_a_message(void **state)
{
    uint8_t m[512];
    (void)state;
    start_with(small_zone);
    int fd = client(SOCK_STREAM);
    size_t len = tcp_query(m, "ns.z.test.", "A");
    memcpy(m + len, m, len - 1);
    send(fd, m, len + len - 1, 0);
    shutdown(fd, SHUT_WR);
    assert_int_equal(receive(fd, m, sizeof m), len + 16);
    close(fd);
    assert_non_null(strstr(w.seen, "dns.query dns.ignored (the connection ended within it) "));
}

/* A zone of several megabytes to one who reads slowly and said at once that he has nothing more to ask. */
static void transfers_a_large_zone(void **state)
{
    enum { RECORDS = 60000 };
    char *text = malloc(RECORDS * 40);
    uint8_t *m = malloc(70000);
    size_t records = 0, messages = 0;
    (void)state;
    make_zone_text(text, RECORDS * 40, RECORDS);
    start_with(text);
    int fd = client(SOCK_STREAM);
    size_t len = tcp_query(m, "z.test.", "AXFR");
    send(fd, m, len, 0);
    shutdown(fd, SHUT_WR);
    while (receive(fd, m, 2) == 2) {
        size_t n = (size_t)(m[0] << 8 | m[1]);
        assert_int_equal(receive(fd, m, n), n);
        struct reader r = reader_over(span_of(m, n));
        struct dns_header h;
        assert_true(read_dns_header(&r, &h));
        records += h.answers;
        messages++;
    }
    assert_int_equal(records, RECORDS + 3 + 1);
    assert_true(messages < 100);
    close(fd);
    for (int i = 0; i < 10; i++)
        loop_turn(&w.loop, false);
    assert_non_null(strstr(w.seen, "dns.transfer "));
    assert_null(strstr(w.seen, "broken"));
    free(text);
    free(m);
}

/* The one who asks goes away in the middle: the zone is let go of, and the event says so. */
static void broken_transfers_are_told(void **state)
{
    enum { RECORDS = 60000 };
    char *text = malloc(RECORDS * 40);
    uint8_t m[512];
    (void)state;
    make_zone_text(text, RECORDS * 40, RECORDS);
    start_with(text);
    int fd = client(SOCK_STREAM);
    send(fd, m, tcp_query(m, "z.test.", "AXFR"), 0);
    assert_int_equal(receive(fd, m, sizeof m), sizeof m);
    assert_true(dnsd_service.busy(w.service));
    dnsd_service.drain(w.service); /* does not end what is in the middle */
    assert_true(dnsd_service.busy(w.service));
    struct linger reset = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    for (int i = 0; i < 100 && dnsd_service.busy(w.service); i++)
        loop_turn(&w.loop, false);
    assert_false(dnsd_service.busy(w.service));
    assert_non_null(strstr(w.seen, "dns.transfer.broken "));
    free(text);
}

/* So many names with a text each: more than the kernel takes from us for one connection. */
static void start_with_texts(unsigned names)
{
    static char text[200 + 1], line[256];
    char *zone = malloc((size_t)names * sizeof line);
    size_t length = (size_t)sprintf(zone, "%s", small_zone);
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < names; i++)
        length += (size_t)sprintf(zone + length, "h%u TXT %s\n", i, text);
    start_with(zone);
    free(zone);
}

/* One who has little room for what comes. */
static int narrow_client(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 8192;
    to.sin_port = htons(w.tcp.port);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* However slow, who takes some of a zone gets it; who takes nothing does not. */
static void a_transfer_lasts_while_its_receiver_takes_some(void **state)
{
    static uint8_t m[16384];
    (void)state;
    clock_freeze(&w.loop.clock);
    start_with_texts(40000);
    int fd = narrow_client();
    send(fd, m, tcp_query(m, "z.test.", "AXFR"), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(receive(fd, m, sizeof m), sizeof m);
        loop_advance(&w.loop, 20000);
    }
    assert_true(dnsd_service.busy(w.service));
    assert_null(strstr(w.seen, "broken"));
    loop_advance(&w.loop, 61000);
    for (int i = 0; i < 4; i++)
        loop_turn(&w.loop, false);
    assert_non_null(strstr(w.seen, "dns.transfer.broken "));
    close(fd);
}

/* Answers to all that came: queued, or still to be made when there is room for them. */
static void an_end_waits_for_what_is_owed(void **state)
{
    enum { QUESTIONS = 200, TEXTS = 250 };
    static uint8_t in[QUESTIONS * 32], m[70000];
    static char zone[TEXTS * 250];
    size_t len = 0;
    (void)state;
    int at = sprintf(zone, "%s", small_zone);
    for (int i = 0; i < TEXTS; i++)
        at += sprintf(zone + at, "fat TXT %0200d\n", i);
    start_with(zone);
    int fd = narrow_client();
    for (int i = 0; i < QUESTIONS; i++)
        len += tcp_query(in + len, "fat.z.test.", "TXT");
    send(fd, in, len, 0);
    assert_int_equal(receive(fd, m, 1), 1);
    dnsd_service.drain(w.service);
    assert_true(dnsd_service.busy(w.service));
    for (size_t i = 0, have = 1; i < QUESTIONS; i++, have = 0) {
        assert_int_equal(receive(fd, m + have, 2 - have), 2 - have);
        size_t n = (size_t)(m[0] << 8 | m[1]);
        assert_int_equal(receive(fd, m, n), n);
        if (w.service && !dnsd_service.busy(w.service)) {
            dnsd_service.stop(w.service); /* what the kernel has, it delivers */
            w.service = NULL;
        }
    }
    assert_null(w.service);
    assert_int_equal(recv(fd, m, 1, 0), 0); /* the end, and no reset */
    close(fd);
}

static bool reload(void)
{
    char why[4096];
    struct problem p = { 0 };
    void *settings = settings_of(section, why, sizeof why);
    bool ok = dnsd_service.reload(w.service, settings, &p);
    if (!ok)
        dnsd_service.forget(settings);
    return ok;
}

static const char *ask(const char *name, const char *type)
{
    static uint8_t m[512];
    int fd = client(SOCK_DGRAM);
    send(fd, m, build_query(m, sizeof m, name, type, 0), 0);
    for (int i = 0; i < TURNS_MAX; i++) {
        loop_turn(&w.loop, false);
        ssize_t got = recv(fd, m, sizeof m, 0);
        if (got > 0) {
            close(fd);
            return reply_text(span_of(m, (size_t)got));
        }
    }
    close(fd);
    return "nothing came";
}

static void reload_swaps_or_keeps(void **state)
{
    (void)state;
    start_with(small_zone);
    write_zone("z.zone", "$TTL 60\n@ SOA ns a 2 2 3 4 5\n@ NS ns\nns A 192.0.2.2\n");
    assert_true(reload());
    assert_string_equal(ask("ns.z.test.", "A"), "NOERROR aa; ns.z.test. 60 A 192.0.2.2;;");
    write_zone("z.zone", "$TTL 60\n@ SOA ns a 3 2 3 4 5\n@ NS ns\nns A 192.0.2.x\n");
    w.seen[0] = 0;
    assert_true(reload());
    assert_string_equal(w.seen,
                        "dns.zone.refused (expected an IPv4 address like 192.0.2.1, found \"192.0.2.x\") ");
    assert_string_equal(ask("ns.z.test.", "A"), "NOERROR aa; ns.z.test. 60 A 192.0.2.2;;");
}

static void a_wrong_zone_stops_the_start(void **state)
{
    char why[4096], expected[512];
    struct problem p = { 0 };
    (void)state;
    write_zone("z.zone", "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A\n");
    void *settings = settings_of(section, why, sizeof why);
    assert_null(dnsd_service.start(&w.home, settings, &p));
    snprintf(expected, sizeof expected, "%s/z.zone:4:5: expected one more word, found the end of the record",
             w.directory);
    assert_string_equal(p.what, expected);
    char path[128];
    snprintf(path, sizeof path, "%s/z.zone", w.directory);
    unlink(path);
    assert_null(dnsd_service.start(&w.home, settings, &p));
    snprintf(expected, sizeof expected, "%s/z.zone: cannot read it: No such file or directory", w.directory);
    assert_string_equal(p.what, expected);
    dnsd_service.forget(settings);
}

/* What is configured and not there yet is refused in words, not passed over. */
static void what_is_not_there_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "dnsd { listen = \"127.0.0.1:0\" }", "there is no zone" },
        { "dnsd { zone \"a.test\" { file = \"z\" } }", "listen" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { } }", "neither a file nor primaries" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" primaries = { \"127.0.0.1:53\" } } "
          "}",
          "has a file, and primaries" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" allow-transfer = { \"key k\" } } }",
          "names a key that is not there" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" update-policy \"p\" { by = { "
          "\"127.0.0.1\" } names = { \"*.b.test\" } } } }",
          "is no name of the zone" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" update-policy \"p\" { by = { "
          "\"127.0.0.1\" } types = { \"AAAAA\" } } } }",
          "is no type of record" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" allow-update = { \"somebody\" } } "
          "}",
          "neither a range of addresses nor a key" },
        { "dnsd { listen = \"127.0.0.1:0\" key \"k\" { secret = \"AQIDBAU=\" } }", "too short" },
        { "dnsd { listen = \"127.0.0.1:0\" key \"k\" { secret = \"not base64\" } }", "no base64" },
        { "dnsd { listen = \"127.0.0.1:0\" key \"k\" { algorithm = hmac-sha1 secret = "
          "\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\" } zone \"a.test\" { primaries = { \"127.0.0.1 "
          "key "
          "k\" } } }",
          "hmac-sha1 is not used" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { primaries = { \"somewhere\" } } }",
          "\"somewhere\" is no address" },
        { "dnsd { listen = \"127.0.0.1:0\" forward \".\" { to = { \"4.2.2.1\" } } }", "there is no zone" },
        { "dnsd { listen = \"127.0.0.1:0\" allow-recursion = \"::1\" forward \".\" { } }",
          "leads to nobody" },
        { "dnsd { listen = \"127.0.0.1:0\" allow-recursion = \"::1\" forward \".\" { to = \"4.2.2\" } }",
          "\"4.2.2\" is not an address" },
        { "dnsd { listen = \"127.0.0.1:0\" allow-recursion = \"::1\" forward \"a.test\" { to = \"::1\" } "
          "forward \"A.test.\" { to = \"::1\" } }",
          "forward \"A.test.\" is there already" },
        { "dnsd { listen = \"127.0.0.1:0\" allow-recursion = \"::1\" cache-min-ttl = \"1m\" cache-max-ttl = "
          "\"10s\" }",
          "above cache-max-ttl" },
        { "dnsd { listen = \"127.0.0.1:0\" zone \"a.test\" { file = \"z\" } zone \"A.test.\" { file = \"z\" "
          "} }",
          "already" },
    };
    char why[4096];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memset(why, 0, sizeof why);
        assert_null(settings_of(wrong[i].text, why, sizeof why));
        assert_non_null(strstr(why, wrong[i].says));
    }
    memset(why, 0, sizeof why);
    void *settings = settings_of("dnsd { listen = \"127.0.0.1:0\" zone \"contoso.local\" { file = \"z\" } }",
                                 why, sizeof why);
    assert_non_null(settings);
    assert_non_null(strstr(why, "nss-mdns"));
    dnsd_service.forget(settings);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(answers_by_udp),
        TEST(survives_rubbish),
        TEST(tcp_split_at_every_octet),
        TEST(tcp_ends_when_idle),
        TEST(tcp_ends_within_a_message),
        TEST(transfers_a_large_zone),
        TEST(broken_transfers_are_told),
        TEST(a_transfer_lasts_while_its_receiver_takes_some),
        TEST(an_end_waits_for_what_is_owed),
        TEST(reload_swaps_or_keeps),
        TEST(a_wrong_zone_stops_the_start),
        TEST(what_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
