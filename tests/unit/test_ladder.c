#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp4_samples.h"
#include "lab/expect.h"
#include "lab/ladder.h"
#include "lab/record.h"
#include "lab/view.h"
#include "view_samples.h"
#include "view_wire.h"
#include "wire/dhcp4.h"
#include "wire/frame.h"

static const uint8_t client_mac[6] = { 0, 0x0c, 0x29, 0x59, 0xfd, 0x21 };
static const uint8_t server_mac[6] = { 0, 0x0c, 0x29, 0xc0, 0x60, 0xa4 };
static uint8_t discover_room[512];
static struct span discover, offer = { sample_offer_frame, sizeof sample_offer_frame };

static struct view_world *world;

static int make_discover(void **state)
{
    (void)state;
    world = view_world_open();
    struct writer w = writer_over(discover_room, sizeof discover_room);
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .to = UINT32_MAX, .protocol = FRAME_UDP, .ttl = 128 };
    struct frame_udp u = { .from = 68, .to = 67 };
    memcpy(e.to, frame_broadcast, 6);
    memcpy(e.from, client_mac, 6);
    frame_write_ethernet(&w, &e);
    frame_write_udp4(&w, &ip, &u, span_of(sample_discover, sizeof sample_discover));
    discover = writer_span(&w);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    view_world_close(world);
    return 0;
}

static struct ladder two_hosts(struct ladder_host hosts[2])
{
    hosts[0] = (struct ladder_host){ .name = span_text("client"), .place = span_text("00:0c:29:59:fd:21") };
    hosts[1] = (struct ladder_host){ .name = span_text("server"), .place = span_text("192.168.1.5") };
    memcpy(hosts[0].hardware, client_mac, 6);
    memcpy(hosts[1].hardware, server_mac, 6);
    return (struct ladder){
        .hosts = hosts, .host_count = 2, .width = 90, .began_ns = INT64_C(5000000000), .world = world
    };
}

static const char *drawn(const struct ladder *l, struct span frame, int64_t unix_ns)
{
    static char text[LADDER_FRAME_BYTES + 1];
    struct writer w = writer_over(text, LADDER_FRAME_BYTES);
    ladder_write_frame(&w, l, frame, unix_ns);
    assert_true(writer_ok(&w));
    text[writer_length(&w)] = 0;
    return text;
}

static void the_figure_in_ascii(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = two_hosts(hosts);
    char head[LADDER_LINE_BYTES];
    struct writer w = writer_over(head, sizeof head);
    ladder_write_head(&w, &l);
    head[writer_length(&w)] = 0;
    assert_string_equal(
        head, "   seconds client                                                                   server\n"
              "           00:0c:29:59:fd:21                                                   192.168.1.5\n"
              "           |                                                                             |\n");
    assert_string_equal(
        drawn(&l, discover, INT64_C(5000000000)),
        "  0.000000 |-- DISCOVER  requested-address 192.168.100.129, host-name ubuntu2 ---------->|\n");
    assert_string_equal(
        drawn(&l, offer, INT64_C(6002288999)),
        "  1.002288 |<- OFFER  yiaddr 192.168.1.10, lease-time 600 -------------------------------|\n");
}

/* Fields are left out, the last ones first, and never cut in the middle; every line keeps its width. */
static void fields_are_shown_as_long_as_they_fit(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = two_hosts(hosts);
    for (l.width = 0; l.width < 400; l.width++) {
        const char *line = drawn(&l, offer, 0);
        size_t width = l.width < LADDER_WIDTH_LEAST  ? LADDER_WIDTH_LEAST
                       : l.width > LADDER_WIDTH_MOST ? LADDER_WIDTH_MOST
                                                     : l.width;
        assert_int_equal(strlen(line), width + 1);
        assert_non_null(strstr(line, "|<- OFFER  yiaddr 192.168.1.10"));
        assert_true(strstr(line, "lease-time 600") || !strstr(line, "lease"));
    }
}

static void lines_and_colours_only_where_wanted(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = two_hosts(hosts);
    l.boxes = true;
    assert_non_null(strstr(drawn(&l, discover, 0), "│──"));
    assert_non_null(strstr(drawn(&l, discover, 0), "▶│"));
    assert_null(strstr(drawn(&l, discover, 0), "\033"));
    l.colours = true;
    assert_non_null(strstr(drawn(&l, discover, 0), "\033[0;1mDISCOVER"));
    const char *line = drawn(&l, discover, 0);
    assert_string_equal(line + strlen(line) - 5, "\033[0m\n");
}

/* What a host says of itself cannot move a terminal's cursor. */
static void foreign_text_is_made_harmless(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = two_hosts(hosts);
    uint8_t evil[sizeof discover_room];
    uint8_t message[sizeof sample_discover];
    memcpy(message, sample_discover, sizeof message);
    memcpy(message + 251, "\033[2Jab\n", 7); /* the host name */
    struct writer w = writer_over(evil, sizeof evil);
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .to = UINT32_MAX, .protocol = FRAME_UDP, .ttl = 128 };
    struct frame_udp u = { .from = 68, .to = 67 };
    memcpy(e.to, frame_broadcast, 6);
    memcpy(e.from, client_mac, 6);
    frame_write_ethernet(&w, &e);
    frame_write_udp4(&w, &ip, &u, span_of(message, sizeof message));
    const char *line = drawn(&l, writer_span(&w), 0);
    assert_non_null(strstr(line, "host-name \\x1b[2Jab"));
    assert_null(strstr(line, "\033"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    hosts[0].name = span_text("\033[31m");
    char head[LADDER_LINE_BYTES];
    w = writer_over(head, sizeof head - 1);
    ladder_write_head(&w, &l);
    head[writer_length(&w)] = 0;
    assert_null(strstr(head, "\033"));
}

static void a_broadcast_from_the_middle_goes_both_ways(void **state)
{
    (void)state;
    struct ladder_host hosts[3];
    struct ladder l = two_hosts(hosts);
    hosts[2] = hosts[1];
    hosts[1] = hosts[0];
    hosts[0] = (struct ladder_host){ .name = span_text("left"), .place = span_text("10.0.0.1") };
    hosts[0].hardware[5] = 9;
    l.host_count = 3;
    const char *line = drawn(&l, discover, 0);
    assert_non_null(strstr(line, "|<---"));
    assert_non_null(strstr(line, ">|\n"));
    assert_non_null(strstr(line, "DISCOVER"));
    /* and what goes from the right to the middle leaves the left alone */
    line = drawn(&l, offer, 0);
    assert_non_null(strstr(line, "|<- OFFER"));
    assert_non_null(strstr(line, "|          "));
}

static void frames_of_nobody_and_cut_frames_are_told(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = two_hosts(hosts);
    hosts[0].hardware[5] = 0;
    assert_non_null(strstr(drawn(&l, discover, 0), "| 0.0.0.0 to everyone: DISCOVER  requested-address"));
    for (size_t len = 0; len < discover.len; len++)
        assert_non_null(drawn(&l, span_head(discover, len), 0));
    assert_non_null(strstr(drawn(&l, span_head(discover, 10), 0), "cut short"));
    for (l.host_count = 0; l.host_count < 2; l.host_count++)
        assert_non_null(strstr(drawn(&l, discover, 0), "DISCOVER"));
}

/* ---- conversations ------------------------------------------------------------------------------------ */

static struct wire talk;
static char drawing[16 * LADDER_LINE_BYTES];

/* What was just said is drawn instead of listed. */
static void draw_line(const struct ladder *l, bool server, const char *text, unsigned flags)
{
    static uint8_t frame[2048];
    struct writer f = writer_over(frame, sizeof frame);
    size_t length = strlen(text), before = strlen(drawing);
    write_ethernet(&f, server, FRAME_IP4);
    write_ip4(&f, server, FRAME_TCP, 20 + length, 0);
    write_u16(&f, server ? 25 : 40000);
    write_u16(&f, server ? 40000 : 25);
    write_u32(&f, talk.next[server]);
    write_u32(&f, talk.next[!server]);
    write_u16(&f, (uint16_t)(5 << 12 | flags));
    write_zeros(&f, 6);
    write_text(&f, text);
    talk.next[server] += (uint32_t)length + (flags & (WIRE_SYN | WIRE_FIN) ? 1 : 0);
    struct writer w = writer_over(drawing + before, sizeof drawing - before - 1);
    ladder_write_frame(&w, l, writer_span(&f), 0);
    drawing[before + writer_length(&w)] = 0;
}

static struct ladder mail_hosts(struct ladder_host hosts[2])
{
    struct ladder l = two_hosts(hosts);
    for (uint8_t i = 0; i < 2; i++) {
        memset(hosts[i].hardware, 0, 6);
        hosts[i].addresses[0] = address_ip4(0xc0000201U + i);
        hosts[i].address_count = 1;
    }
    l.began_ns = 0;
    l.width = 76;
    l.world = view_world_open();
    drawing[0] = 0;
    talk = (struct wire){ .next = { 1, 1000 } };
    return l;
}

/* What carries the conversation is dotted; commands of one segment share a line. */
static void a_conversation(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = mail_hosts(hosts);
    draw_line(&l, false, "", WIRE_SYN);
    draw_line(&l, true, "", WIRE_SYN | WIRE_ACK);
    draw_line(&l, false, "", WIRE_ACK);
    draw_line(&l, true, "220 mail", WIRE_ACK);
    draw_line(&l, true, "02\r\n", WIRE_ACK);
    draw_line(&l, false, "MAIL FROM:<a@b.example>\r\nRCPT TO:<sanders@cyberdyne.local>\r\nDATA\r\n",
              WIRE_ACK);
    draw_line(&l, true, "250 1\r\n250 2\r\n354 3\r\n", WIRE_ACK);
    draw_line(&l, false, "", WIRE_FIN | WIRE_ACK);
    assert_string_equal(drawing,
                        "  0.000000 |.. SYN  port 25 ..............................................>|\n"
                        "  0.000000 |<. SYN-ACK ....................................................|\n"
                        "  0.000000 |<- 220  mail02 ------------------------------------------------|\n"
                        "  0.000000 |-- MAIL  FROM:<a@b.examp.. | RCPT  TO:<sanders@cyb.. | DATA -->|\n"
                        "  0.000000 |<- 250  1 | 250  2 | 354  3 -----------------------------------|\n"
                        "  0.000000 |.. FIN .......................................................>|\n");
    view_world_close(l.world);
}

/* With other hosts on one side there is room, and on the other. */
static void what_a_short_arrow_cannot_hold_stands_beside_it(void **state)
{
    (void)state;
    struct ladder_host hosts[4];
    struct ladder l = mail_hosts(hosts);
    hosts[2] = hosts[3] = (struct ladder_host){ .name = span_text("other") };
    l.host_count = 4;
    draw_line(&l, true, "220 mail02 is ready\r\n", WIRE_ACK);
    draw_line(&l, false, "MAIL FROM:<a@b.example>\r\nRCPT TO:<sanders@cyberdyne.local>\r\nNOOP\r\n",
              WIRE_ACK);
    draw_line(&l, true, "221 Bye\r\n", WIRE_ACK);
    assert_string_equal(drawing,
                        "  0.000000 |<- 220 -------------| mail02 is ready    |                     |\n"
                        "  0.000000 |-- MAIL | +2 ------>| FROM:<a@b.exam.. | TO:<sanders@cy..      |\n"
                        "  0.000000 |<- 221  Bye --------|                    |                     |\n");
    hosts[2] = hosts[0]; /* now the two on the right talk */
    hosts[3] = hosts[1];
    hosts[0] = hosts[1] = (struct ladder_host){ .name = span_text("other") };
    drawing[0] = 0;
    draw_line(&l, false, "MAIL FROM:<somebody@somewhere.example>\r\n", WIRE_ACK);
    draw_line(&l, true, "250 2.1.0 Ok, this is fine\r\n", WIRE_ACK);
    assert_string_equal(drawing,
                        "  0.000000 |       FROM:<somebody@somewhere.example> |-- MAIL ------------>|\n"
                        "  0.000000 |                  2.1.0 Ok, this is fine |<- 250 --------------|\n");
    for (l.width = LADDER_WIDTH_LEAST; l.width <= LADDER_WIDTH_MOST; l.width++) {
        drawing[0] = 0;
        draw_line(&l, false, "MAIL FROM:<somebody@somewhere.example>\r\nRCPT TO:<x>\r\nNOOP\r\n", WIRE_ACK);
        assert_int_equal(strlen(drawing), l.width + 1);
    }
    view_world_close(l.world);
}

static void all_of_a_conversation(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = mail_hosts(hosts);
    l.all = true;
    draw_line(&l, false, "", WIRE_ACK);
    draw_line(&l, true, "220 mail", WIRE_ACK);
    assert_non_null(strstr(drawing, "|.. acknowledgement ...."));
    assert_non_null(strstr(drawing, "|<. segment  8 bytes ...."));
    view_world_close(l.world);
}

/* More messages in one segment than a line has room for: it says how many. */
static void what_a_line_cannot_hold_is_counted(void **state)
{
    (void)state;
    struct ladder_host hosts[2];
    struct ladder l = mail_hosts(hosts);
    char many[1200] = "";
    for (int i = 0; i < 150; i++)
        strncat(many, "NOOP\r\n", sizeof many - strlen(many) - 1);
    draw_line(&l, false, many, WIRE_ACK);
    assert_non_null(strstr(drawing, "NOOP | NOOP | NOOP"));
    assert_non_null(strstr(drawing, " +14"));
    for (l.width = 60; l.width < 170; l.width++) {
        drawing[0] = 0;
        draw_line(&l, false, many, WIRE_ACK);
        assert_int_equal(strlen(drawing), (l.width > LADDER_WIDTH_MOST ? LADDER_WIDTH_MOST : l.width) + 1);
    }
    view_world_close(l.world);
}

/* ---- fields and sentences -------------------------------------------------------------------- */

static const struct view_message *seen(struct span frame)
{
    view_world_take(world, &(struct view_frame){ .link_type = VIEW_LINK_ETHERNET, .bytes = frame });
    const struct view_message *m = view_world_next(world);
    assert_non_null(m);
    return m;
}

static void assert_field(const struct view_message *m, const char *name, const char *wanted)
{
    struct span value;
    assert_int_equal(view_field(m, span_text(name), &value), wanted != NULL);
    if (wanted && !span_is(value, wanted))
        fail_msg("%s is %.*s, not %s", name, (int)value.len, (const char *)value.at, wanted);
}

static void fields_are_text(void **state)
{
    (void)state;
    const struct view_message *m = seen(offer);
    assert_true(span_is(m->word, "OFFER") && m->reply && !m->everyone && m->protocol == VIEW_DHCP4);
    assert_field(m, "yiaddr", "192.168.1.10");
    assert_field(m, "siaddr", "192.168.1.5");
    assert_field(m, "ciaddr", "0.0.0.0");
    assert_field(m, "xid", "0x696ddc66");
    assert_field(m, "flags", "unicast");
    assert_field(m, "chaddr", "00:0c:29:59:fd:21");
    assert_field(m, "ip-source", "192.168.1.5");
    assert_field(m, "ip-destination", "192.168.1.10");
    assert_field(m, "lease-time", "600");
    assert_field(m, "dns-servers", "192.168.1.1, 192.168.1.2");
    assert_field(m, "host-name", NULL);
    assert_field(m, "nonsense", NULL);
    assert_true(view_knows_field(span_text("dns-servers")) && view_knows_field(span_text("yiaddr")));
    assert_false(view_knows_field(span_text("nonsense")));
    assert_string_equal(view_nearest_field("yaddr"), "yiaddr");
    assert_string_equal(view_nearest_word("OFER"), "OFFER");
}

static void assert_sentence(struct span frame, const char *wanted)
{
    const struct view_message *m = seen(frame);
    if (!span_is(m->sentence, wanted))
        fail_msg("%.*s, not %s", (int)m->sentence.len, (const char *)m->sentence.at, wanted);
}

static void sentences_say_what_happens(void **state)
{
    (void)state;
    assert_sentence(discover, "DISCOVER: a client looks for a server");
    assert_sentence(offer, "OFFER: a server proposes 192.168.1.10");
    uint8_t frame[512];
    const struct {
        const uint8_t *payload;
        size_t len;
        const char *wanted;
    } others[] = {
        { sample_request, sizeof sample_request, "REQUEST: the client takes the offer of 192.168.1.5" },
        { sample_ack, sizeof sample_ack,
          "ACK: the server confirms: 192.168.1.10 is the client's for 600 seconds" },
        { sample_reboot_request, sizeof sample_reboot_request,
          "REQUEST: a client that knows this network asks whether it may keep 192.168.1.10" },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct writer w = writer_over(frame, sizeof frame);
        frame_write_ethernet(&w, &(struct frame_ethernet){ .type = FRAME_IP4 });
        frame_write_udp4(&w, &(struct frame_ip4){ .ttl = 1 }, &(struct frame_udp){ .from = 67, .to = 68 },
                         span_of(others[i].payload, others[i].len));
        assert_sentence(writer_span(&w), others[i].wanted);
    }
}

/* ---- expectations ------------------------------------------------------------------------------- */

struct told {
    size_t count;
    unsigned line;
    char what[256];
};

static void tell(void *owner, unsigned line, const char *what)
{
    struct told *t = owner;
    if (t->count++)
        return;
    t->line = line;
    strncpy(t->what, what, sizeof t->what - 1);
}

static struct scenario s;

/* The two messages against these `expect` lines, which begin with line 7. */
static struct told told_by(const char *expects)
{
    static char text[1024];
    struct arena a;
    struct told t = { 0 };
    struct pcapng_packet packets[] = { { .bytes = discover },
                                       { .bytes = span_text("no message, a frame") },
                                       { .bytes = offer } };
    struct writer w = writer_over(text, sizeof text - 1);
    write_text(&w, "host client\nhardware 00:0c:29:59:fd:21\nhost server\nhardware 00:0c:29:c0:60:a4\n"
                   "link client server\nplay client dhcp-acquire\n");
    write_text(&w, expects);
    write_text(&w, "\ncapture client\n");
    text[writer_length(&w)] = 0;
    arena_open(&a, 4096, 1 << 20);
    if (!scenario_parse(&s, span_text(text), &a))
        fail_msg("%s", s.problems[0].problem.what);
    size_t differences = expect_compare(&s, packets, 3, tell, &t);
    assert_int_equal(differences, t.count);
    arena_close(&a);
    return t;
}

/* The conversation of a question, with ARP, SYN and an answer by DHCP between its messages. */
static struct told asked_by(const char *expects)
{
    static char text[1024];
    static uint8_t arp[60], syn[60];
    struct arena a;
    struct told t = { 0 };
    struct writer w = writer_over(arp, sizeof arp);
    write_bytes(&w, "\xff\xff\xff\xff\xff\xff\0\45\263\277\221\356\10\6", 14);
    frame_write_arp(&w, &(struct frame_arp){ .op = 1, .from = 0xac100008, .to = 0xac100066 });
    w = writer_over(syn, sizeof syn);
    write_bytes(&w, frame_query, 12);
    write_u16(&w, FRAME_IP4);
    write_bytes(&w, "\x45\0\0\x28\0\0\0\0\x40\6\0\0\254\20\0\10\254\20\0\146", 20);
    write_bytes(&w, "\x9c\x40\0\x35\0\0\0\1\0\0\0\0\x50\2\0\0\0\0\0\0", 20);
    struct pcapng_packet packets[] = { { .bytes = span_of(arp, sizeof arp) },
                                       { .bytes = span_of(frame_query, sizeof frame_query) },
                                       { .bytes = offer },
                                       { .bytes = span_of(syn, sizeof syn) },
                                       { .bytes = span_of(frame_answer, sizeof frame_answer) } };
    w = writer_over(text, sizeof text - 1);
    write_text(&w, "host client\nhardware 00:25:b3:bf:91:ee\naddress 172.16.0.8/24\nhost server\n"
                   "address 172.16.0.102/24\nlink client server\nplay client dhcp-acquire\n");
    write_text(&w, expects);
    write_text(&w, "\ncapture client\n");
    text[writer_length(&w)] = 0;
    arena_open(&a, 4096, 1 << 20);
    if (!scenario_parse(&s, span_text(text), &a))
        fail_msg("%s", s.problems[0].problem.what);
    size_t differences = expect_compare(&s, packets, 5, tell, &t);
    assert_int_equal(differences, t.count);
    arena_close(&a);
    return t;
}

#define QUERY    "expect client -> server query qname=www.nostarch.com qtype=A\n"
#define RESPONSE "expect server -> client response rcode=NOERROR answers=1 ttl=3600\n"

static void what_no_line_speaks_of_is_stepped_over(void **state)
{
    (void)state;
    assert_int_equal(asked_by(QUERY RESPONSE).count, 0);
    assert_int_equal(asked_by("expect client -> everyone ARP-request target=172.16.0.102\n" QUERY
                              "expect client -> server SYN destination-port=53\n" RESPONSE)
                         .count,
                     0);
    /* a protocol that a line speaks of counts whole: here the OFFER between the two is not expected */
    struct told t = asked_by(QUERY RESPONSE "expect server -> client ACK protocol=dhcp4\n");
    assert_string_equal(t.what,
                        "message 2: expected was response from server to client, seen was OFFER from an "
                        "unknown host to an unknown host");
    /* ... unless it speaks of another protocol with that word */
    t = asked_by(QUERY RESPONSE "expect server -> client REQUEST protocol=dhcp6\n");
    assert_string_equal(t.what,
                        "message 3: expected was REQUEST from server to client, and nothing more came");
    t = asked_by(QUERY "expect server -> client SYN\n" RESPONSE);
    assert_string_equal(t.what,
                        "message 2: expected was SYN from server to client, seen was response from server "
                        "to client");
    t = asked_by(QUERY);
    assert_string_equal(t.what, "message 2: response from server to client was not expected");
    t = asked_by(QUERY "expect server -> client response ttl=60");
    assert_string_equal(t.what, "message 2, response: ttl is 3600, expected was 60");
}

#define FIRST "expect client -> everyone DISCOVER"

static void expectations_are_held_against_messages(void **state)
{
    (void)state;
    assert_int_equal(told_by("").count, 0); /* nothing is expected: nothing is checked */
    assert_int_equal(
        told_by(FIRST "\nexpect server -> client OFFER yiaddr=192.168.1.10 lease-time=600").count, 0);
    struct told t = told_by(FIRST "\nexpect server -> client OFFER yiaddr=192.168.1.11 lease-time=1");
    assert_int_equal(t.count, 2);
    assert_int_equal(t.line, 8);
    assert_string_equal(t.what, "message 2, OFFER: yiaddr is 192.168.1.10, expected was 192.168.1.11");
    t = told_by(FIRST " routers=1.2.3.4\nexpect server -> client OFFER");
    assert_string_equal(t.what, "message 1, DISCOVER: routers is not there, expected was 1.2.3.4");
    t = told_by("expect client -> server DISCOVER\nexpect server -> client OFFER yiaddr=1.2.3.4");
    assert_int_equal(t.count, 1); /* the order is lost: nothing more is said */
    assert_string_equal(t.what,
                        "message 1: expected was DISCOVER from client to server, seen was DISCOVER from "
                        "client to everyone");
    assert_int_equal(told_by("expect server -> everyone DISCOVER\nexpect server -> client OFFER").count, 1);
    t = told_by(FIRST "\nexpect client -> server OFFER");
    assert_string_equal(t.what,
                        "message 2: expected was OFFER from client to server, seen was OFFER from server "
                        "to client");
    t = told_by(FIRST "\nexpect server -> client OFFER\nexpect client -> everyone REQUEST");
    assert_int_equal(t.line, 9);
    assert_string_equal(t.what,
                        "message 3: expected was REQUEST from client to everyone, and nothing more came");
    t = told_by(FIRST);
    assert_string_equal(t.what, "message 2: OFFER from server to client was not expected");
}

/* ---- the file -------------------------------------------------------------------------------------- */

static void the_record_has_names_and_comments(void **state)
{
    (void)state;
    static const char text[] = "title \"A lease\"\nhost client\nhost server\naddress 192.168.1.5/24\n"
                               "link client server\ncapture server\nplay client dhcp-acquire\n";
    static uint8_t file[4096];
    struct pcapng_packet packets[] = { { .bytes = discover, .unix_ns = 1, .original_bytes = 342 },
                                       { .bytes = offer, .unix_ns = 2, .original_bytes = 344 } };
    struct arena a;
    struct pcapng_reader r;
    struct pcapng_block b;
    struct pcapng_name n;
    arena_open(&a, 4096, 1 << 20);
    assert_true(scenario_parse(&s, span_text(text), &a));
    static const char keys[] = "CLIENT_RANDOM 00 11\n";
    size_t most = record_bytes_max(&s, packets, 2, span_text(keys));
    assert_true(most <= sizeof file);
    struct writer w = writer_over(file, most);
    record_write(&w, &s, &s.captures[0], "eth0", packets, 2, span_text(keys));
    assert_true(writer_ok(&w));
    pcapng_open(&r, writer_span(&w));
    assert_true(pcapng_next(&r, &b) && span_is(b.section.comment, "A lease"));
    assert_true(pcapng_next(&r, &b) && span_is(b.interface.name, "eth0"));
    assert_true(span_is(b.interface.description, "server") && b.interface.ip4.len == 8);
    assert_memory_equal(b.interface.ip4.at, "\xc0\xa8\x01\x05\xff\xff\xff\x00", 8);
    assert_true(pcapng_next(&r, &b) && pcapng_next_name(&b, &n) && span_is(n.name, "server"));
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_SECRETS && b.secrets.type == PCAPNG_TLS_KEY_LOG);
    assert_true(span_is(b.secrets.bytes, keys));
    assert_true(pcapng_next(&r, &b) && span_is(b.packet.comment, "DISCOVER: a client looks for a server"));
    assert_true(span_equal(b.packet.bytes, discover) && b.packet.unix_ns == 1);
    assert_true(pcapng_next(&r, &b) && span_is(b.packet.comment, "OFFER: a server proposes 192.168.1.10"));
    assert_false(pcapng_next(&r, &b));
    assert_null(pcapng_fault(&r));
    arena_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figure_in_ascii),
        cmocka_unit_test(fields_are_shown_as_long_as_they_fit),
        cmocka_unit_test(lines_and_colours_only_where_wanted),
        cmocka_unit_test(foreign_text_is_made_harmless),
        cmocka_unit_test(a_broadcast_from_the_middle_goes_both_ways),
        cmocka_unit_test(frames_of_nobody_and_cut_frames_are_told),
        cmocka_unit_test(fields_are_text),
        cmocka_unit_test(sentences_say_what_happens),
        cmocka_unit_test(expectations_are_held_against_messages),
        cmocka_unit_test(a_conversation),
        cmocka_unit_test(what_a_short_arrow_cannot_hold_stands_beside_it),
        cmocka_unit_test(all_of_a_conversation),
        cmocka_unit_test(what_a_line_cannot_hold_is_counted),
        cmocka_unit_test(what_no_line_speaks_of_is_stepped_over),
        cmocka_unit_test(the_record_has_names_and_comments),
    };
    return cmocka_run_group_tests(tests, make_discover, close_world);
}
