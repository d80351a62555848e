#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view_samples.h"
#include "view_wire.h"

#include <stdio.h>

#define LINES(a) (sizeof(a) / sizeof *(a))
#define C(text)                                                                                              \
    {                                                                                                        \
        false,                                                                                               \
        {                                                                                                    \
            (const uint8_t *)(text), sizeof(text) - 1                                                        \
        }                                                                                                    \
    }
#define S(text)                                                                                              \
    {                                                                                                        \
        true,                                                                                                \
        {                                                                                                    \
            (const uint8_t *)(text), sizeof(text) - 1                                                        \
        }                                                                                                    \
    }
#define BYTES(b)                                                                                             \
    {                                                                                                        \
        (b), sizeof(b)                                                                                       \
    }

static struct wire wire;
static struct view_world *world;

static const struct view_message *seen(struct span frame)
{
    view_world_take(world, &(struct view_frame){ .link_type = VIEW_LINK_ETHERNET, .bytes = frame });
    const struct view_message *m = view_world_next(world);
    assert_non_null(m);
    return m;
}

static void assert_word(const struct view_message *m, const char *word)
{
    if (!span_is(m->word, word))
        fail_msg("%.*s, not %s", (int)m->word.len, (const char *)m->word.at, word);
}

static void assert_field(const struct view_message *m, const char *name, const char *wanted)
{
    struct span value;
    bool there = view_field(m, span_text(name), &value);
    if (!there && wanted)
        fail_msg("%s is not there, wanted was %s", name, wanted);
    if (there && (!wanted || !span_is(value, wanted)))
        fail_msg("%s is %.*s, wanted was %s", name, (int)value.len, (const char *)value.at,
                 wanted ? wanted : "nothing");
    assert_true(view_knows_field(span_text(name)));
}

static void assert_shown(const struct view_message *m, const char *wanted)
{
    char text[256];
    struct writer w = writer_over(text, sizeof text - 1);
    view_write_shown(m, &w);
    text[writer_length(&w)] = 0;
    assert_string_equal(text, wanted);
}

/* ---- datagrams ------------------------------------------------------------------------------------- */

static void dhcp6(void **state)
{
    (void)state;
    const struct view_message *m = seen((struct span)BYTES(frame_solicit));
    assert_word(m, "SOLICIT");
    assert_true(m->everyone && !m->reply && m->protocol == VIEW_DHCP6);
    assert_field(m, "xid", "0x9de03f");
    assert_field(m, "client-identifier", "00:01:00:01:1d:ef:69:bd:00:0c:29:5e:77:44");
    assert_field(m, "option-request", "23, 24, 39, 31");
    assert_field(m, "ip-destination", "ff02::1:2");
    assert_field(m, "address", NULL);
    m = seen((struct span)BYTES(frame_advertise));
    assert_word(m, "ADVERTISE");
    assert_true(!m->everyone && m->reply);
    assert_field(m, "address", "2001:db8:1:2::1002");
    assert_field(m, "t1", "1800");
    assert_field(m, "t2", "2880");
    assert_field(m, "valid", "3600");
    assert_field(m, "dns-servers", "2001:db8::35");
    assert_field(m, "protocol", "dhcp6");
    assert_true(span_is(m->sentence, "ADVERTISE: a server proposes 2001:db8:1:2::1002"));
}

static void dns(void **state)
{
    (void)state;
    const struct view_message *m = seen((struct span)BYTES(frame_query));
    assert_word(m, "query");
    assert_field(m, "qname", "www.nostarch.com");
    assert_field(m, "qtype", "A");
    assert_field(m, "id", "0x8b34");
    assert_field(m, "rd", "1");
    assert_field(m, "transport", "udp");
    assert_field(m, "destination-port", "53");
    assert_shown(m, "A www.nostarch.com");
    m = seen((struct span)BYTES(frame_answer));
    assert_word(m, "response");
    assert_true(m->reply);
    assert_field(m, "flags", "0x8180");
    assert_field(m, "rcode", "NOERROR");
    assert_field(m, "aa", "0");
    assert_field(m, "ra", "1");
    assert_field(m, "tc", "0");
    assert_field(m, "answers", "1");
    assert_field(m, "answer", "A 72.32.92.4");
    assert_field(m, "ttl", "3600");
    assert_shown(m, "A 72.32.92.4, ttl 3600");
    m = seen((struct span)BYTES(frame_nonexistent));
    assert_field(m, "rcode", "NXDOMAIN");
    assert_field(m, "authorities", "1");
    assert_field(m, "authority", "net SOA a.gtld-servers.net");
    assert_shown(m, "NXDOMAIN, net SOA a.gtld-servers.net");
    m = seen((struct span)BYTES(frame_pointer));
    assert_field(m, "qname", "25.206.119.75.in-addr.arpa");
    assert_field(m, "target", "apache2-rank.fullsail.dreamhost.com");
}

/* A frame that ends anywhere is told, and never read past its end (the sanitizers look). */
static void whatever_is_cut_short_is_told(void **state)
{
    (void)state;
    const struct span frames[] = { BYTES(frame_solicit), BYTES(frame_answer), BYTES(frame_nonexistent) };
    for (size_t i = 0; i < LINES(frames); i++)
        for (size_t n = 0; n < frames[i].len; n++) {
            uint8_t *copy = test_malloc(n + 1);
            memcpy(copy, frames[i].at, n);
            const struct view_message *m = seen(span_of(copy, n));
            assert_true(span_is(m->word, "damaged") || span_is(m->word, "datagram") ||
                        span_is(m->word, "frame"));
            assert_null(view_world_next(world));
            test_free(copy);
        }
}

/* ---- packets made here -------------------------------------------------------------------------------- */

static uint8_t room[2048];

static void a_fragment_is_told(void **state)
{
    (void)state;
    struct writer w = writer_over(room, sizeof room);
    write_ethernet(&w, false, FRAME_IP4);
    write_ip4(&w, false, FRAME_UDP, 100, 0x2000 | 185);
    write_zeros(&w, 100);
    const struct view_message *m = seen(writer_span(&w));
    assert_word(m, "fragment");
    assert_field(m, "offset", "1480");
    assert_field(m, "bytes", "100");
    assert_shown(m, "bytes 1480 to 1579 of a packet, more follow");
}

static void an_error_says_about_what(void **state)
{
    (void)state;
    struct writer w = writer_over(room, sizeof room);
    write_ethernet(&w, true, FRAME_IP4);
    write_ip4(&w, true, FRAME_ICMP, 36, 0);
    write_u16(&w, 0x0303);
    write_zeros(&w, 6);
    write_ip4(&w, false, FRAME_UDP, 8, 0);
    write_zeros(&w, 8);
    const struct view_message *m = seen(writer_span(&w));
    assert_word(m, "destination-unreachable");
    assert_field(m, "reason", "nobody listens at the port");
    assert_field(m, "about", "192.0.2.2");
}

/* IPv6 with `extensions` hop-by-hop headers before what follows. */
static struct writer open_ip6(uint8_t protocol, size_t payload, size_t extensions)
{
    struct writer w = writer_over(room, sizeof room);
    write_ethernet(&w, false, FRAME_IP6);
    write_u32(&w, 0x60000000);
    write_u16(&w, (uint16_t)(payload + 8 * extensions));
    write_u8(&w, extensions ? 0 : protocol);
    write_u8(&w, 255);
    for (int end = 1; end <= 2; end++) {
        write_u16(&w, 0xfe80);
        write_zeros(&w, 13);
        write_u8(&w, (uint8_t)end);
    }
    for (size_t i = 0; i < extensions; i++) {
        write_u8(&w, i + 1 < extensions ? 0 : protocol);
        write_u8(&w, 0);
        write_zeros(&w, 6);
    }
    return w;
}

static void neighbours_behind_extension_headers(void **state)
{
    (void)state;
    for (size_t extensions = 0; extensions <= 17; extensions++) {
        struct writer w = open_ip6(FRAME_ICMP6, 32, extensions);
        write_u16(&w, 135 << 8);
        write_zeros(&w, 2 + 4);
        write_u16(&w, 0xfe80);
        write_zeros(&w, 13);
        write_u8(&w, 2);
        write_bytes(&w, "\1\1\2\0\0\0\0\1", 8);
        const struct view_message *m = seen(writer_span(&w));
        if (extensions > 16) { /* more than are looked at */
            assert_word(m, "packet");
            continue;
        }
        assert_word(m, "neighbor-solicitation");
        assert_field(m, "target", "fe80::2");
        assert_field(m, "source-hardware", "02:00:00:00:00:01");
        assert_shown(m, "who has fe80::2");
        assert_true(m->weight == VIEW_CONTROL);
    }
}

static void a_router_says_what_to_do(void **state)
{
    (void)state;
    struct writer w = open_ip6(FRAME_ICMP6, 48, 0);
    write_bytes(&w, "\206\0\0\0\100\300\7\10", 8); /* hops 64, managed and other, 1800 s */
    write_zeros(&w, 8);
    write_bytes(&w, "\3\4\100\300\0\0\16\20\0\0\7\10\0\0\0\0", 16); /* a /64, for 3600 and 1800 s */
    write_bytes(&w, "\40\1\15\270\0\1\0\2", 8);
    write_zeros(&w, 8);
    const struct view_message *m = seen(writer_span(&w));
    assert_word(m, "router-advertisement");
    assert_field(m, "managed", "yes");
    assert_field(m, "other", "yes");
    assert_field(m, "router-lifetime", "1800");
    assert_field(m, "prefix", "2001:db8:1:2::/64");
    assert_field(m, "valid", "3600");
    assert_field(m, "preferred", "1800");
}

/* The same packet behind other link layers. */
static void links_that_are_not_ethernet(void **state)
{
    (void)state;
    const struct span packet = span_from((struct span)BYTES(frame_query), 14);
    const struct {
        uint16_t type;
        struct span head;
    } links[] = {
        { 101, { (const uint8_t *)"", 0 } },
        { 228, { (const uint8_t *)"", 0 } },
        { 0, { (const uint8_t *)"\2\0\0\0", 4 } },
        { 108, { (const uint8_t *)"\0\0\0\2", 4 } },
        { 113, { (const uint8_t *)"\0\0\0\1\0\6\0\45\263\277\221\356\0\0\10\0", 16 } },
        { 276, { (const uint8_t *)"\10\0\0\0\0\0\0\2\0\1\0\6\0\45\263\277\221\356\0\0", 20 } },
    };
    for (size_t i = 0; i < LINES(links); i++) {
        struct writer w = writer_over(room, sizeof room);
        write_span(&w, links[i].head);
        write_span(&w, packet);
        assert_true(view_knows_link(links[i].type));
        for (size_t n = 0; n <= writer_length(&w); n++) {
            struct view_frame f = { .link_type = links[i].type, .bytes = span_head(writer_span(&w), n) };
            view_world_take(world, &f);
            const struct view_message *m = view_world_next(world);
            assert_non_null(m);
            if (n < writer_length(&w))
                continue;
            assert_word(m, "query");
            assert_field(m, "ip-source", "172.16.0.8");
            assert_int_equal(m->from.has_hardware, links[i].type == 113 || links[i].type == 276);
        }
    }
    assert_false(view_knows_link(127));
}

static void behind_vlan_tags(void **state)
{
    (void)state;
    struct writer w = writer_over(room, sizeof room);
    write_bytes(&w, frame_query, 12);
    write_u32(&w, 0x81000007);
    write_span(&w, span_from((struct span)BYTES(frame_query), 12));
    assert_word(seen(writer_span(&w)), "query");
}

/* ---- conversations ----------------------------------------------------------------------------------------
 */

/* However it is cut into segments, the same is seen: whole, in pieces of any size, each piece twice, each
 * line's pieces from the last to the first. */
static void assert_conversation(uint16_t port, const struct wire_line *lines, size_t count,
                                const char *wanted)
{
    wire_play(&wire, port, lines, count, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, wanted);
    wire_close(&wire);
    for (int way = WIRE_IN_ORDER; way <= WIRE_BACKWARDS; way++)
        for (size_t size = 1; size < 200; size += size < 40 ? 1 : 23) {
            if (way == WIRE_BACKWARDS && size < 12)
                continue; /* more segments aside than are kept */
            wire_play(&wire, port, lines, count, size, (enum wire_way)way);
            if (strcmp(wire.said, wanted) != 0)
                fail_msg("in pieces of %zu, way %d: %s", size, way, wire.said);
            wire_close(&wire);
        }
}

static void mail_with_pipelining(void **state)
{
    (void)state;
    const struct wire_line lines[] = {
        S("220 mail02 ESMTP\r\n"),
        C("EHLO mail01\r\n"),
        S("250-mail02\r\n250-PIPELINING\r\n250 DSN\r\n"),
        C("MAIL FROM:<sanders@skynet.local> SIZE=732\r\nRCPT TO:<sanders@cyberdyne.local>\r\nDATA\r\n"),
        S("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go on\r\n"),
        C("From: Chris Sanders <sanders@skynet.local>\r\nSubject: Help!\r\n\r\nWe "
          "need\r\n..help\r\nQUIT\r\n.\r\n"
          "QUIT\r\n"),
        S("250 2.0.0 Ok: queued\r\n221 2.0.0 Bye\r\n"),
    };
    assert_conversation(25, lines, LINES(lines),
                        "S 220 mail02 ESMTP\n"
                        "C EHLO mail01\n"
                        "S 250 mail02 | PIPELINING | DSN\n"
                        "C MAIL FROM:<sanders@skynet.local> SIZE=732\n"
                        "C RCPT TO:<sanders@cyberdyne.local>\n"
                        "C DATA\n"
                        "S 250 2.1.0 Ok\n"
                        "S 250 2.1.5 Ok\n"
                        "S 354 go on\n"
                        "C message 84 bytes, Subject: Help!\n"
                        "C QUIT\n"
                        "S 250 2.0.0 Ok: queued\n"
                        "S 221 2.0.0 Bye\n");
}

/* No text follows a DATA that was refused; chunks of BDAT and proofs of identity are no commands. */
static void mail_that_is_no_text(void **state)
{
    (void)state;
    const struct wire_line lines[] = {
        S("220 a\r\n"),
        C("AUTH PLAIN\r\n"),
        S("334 \r\n"),
        C("AHVzZXIAcGFzcw==\r\n"),
        S("235 ok\r\n"),
        C("mail from:<>\r\nrcpt to:<x@y.example>\r\ndata\r\n"),
        S("250 ok\r\n550 no such mailbox\r\n554 no recipients\r\n"),
        C("RSET\r\n"),
        C("BDAT 10 LAST\r\nQUIT\r\nDATA"),
        C("NOOP\r\n"),
        C("12345 ?\r\n"),
    };
    assert_conversation(25, lines, LINES(lines),
                        "S 220 a\nC AUTH PLAIN\nS 334\nC credentials 16 bytes\nS 235 ok\n"
                        "C MAIL from:<>\nC RCPT to:<x@y.example>\nC DATA\n"
                        "S 250 ok\nS 550 no such mailbox\nS 554 no recipients\n"
                        "C RSET\nC BDAT 10 LAST\nC NOOP\nC command 12345 ?\n");
}

static void pages(void **state)
{
    (void)state;
    const struct wire_line lines[] = {
        C("POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\na=b&c"),
        { true, BYTES(bytes_redirect) },
        C("GET /?p=310 HTTP/1.1\r\nHost: a.example\r\n\r\nHEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n4\r\nwiki\r\n"
          "e\r\npedia in chunk\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        C("GET / HTTP/1.0\r\n\r\n"),
        S("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    };
    assert_conversation(
        80, lines, LINES(lines),
        "C POST /form, host a.example, 5 bytes\n"
        "S 302 Found, location http://www.chrissanders.org/?p=310&cpage=1#comment-103002, cookies 3, "
        "text/html, gzip, 20 bytes\n"
        "C GET /?p=310, host a.example\n"
        "C HEAD /, host a.example\n"
        "S 200 OK, text/html, 18 bytes\n"
        "S 200 OK\n"
        "C GET /\n"
        "S 200 OK, 13 bytes\n");
}

static void zones(void **state)
{
    (void)state;
    const struct wire_line lines[] = { { false, BYTES(bytes_axfr) } };
    assert_conversation(53, lines, LINES(lines), "C query AXFR contoso.local\n");
}

static void mailboxes(void **state)
{
    (void)state;
    const struct wire_line lines[] = {
        S("* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        C("a1 LOGIN sanders secret\r\na2 select INBOX\r\n"),
        S("a1 OK done\r\n* 3 EXISTS\r\n* FLAGS (\\Seen)\r\na2 OK [READ-WRITE] done\r\n"),
        C("a3 UID FETCH 1:* (FLAGS BODY[])\r\n"),
        S("* 1 FETCH (UID 7 BODY[] {12}\r\na4 OK no\r\n..X\"\" FLAGS ())\r\na3 OK done\r\n"),
        C("a4 APPEND INBOX {5}\r\n"),
        S("+ go on\r\n"),
        C("12345\r\n"),
        C("a5 IDLE\r\n"),
        S("+ idling\r\n* 4 EXISTS\r\n"),
        C("DONE\r\n"),
        S("a5 OK done\r\n"),
    };
    assert_conversation(143, lines, LINES(lines),
                        "S OK [CAPABILITY IMAP4rev1] ready\n"
                        "C LOGIN sanders secret\n"
                        "C SELECT INBOX\n"
                        "S OK done\n"
                        "S EXISTS 3\n"
                        "S FLAGS (\\Seen)\n"
                        "S OK [READ-WRITE] done\n"
                        "C UID-FETCH 1:* (FLAGS BODY[])\n"
                        "S FETCH 1 (UID 7 BODY[] {12}, 12 bytes\n"
                        "S OK done\n"
                        "S + go on\n"
                        "C APPEND INBOX {5}, 5 bytes\n"
                        "C IDLE\n"
                        "S + idling\n"
                        "S EXISTS 4\n"
                        "C DONE\n"
                        "S OK done\n");
}

static const char tls_said[] = "C ClientHello sni mail02.cyberdyne.local, TLS 1.2\n"
                               "S ServerHello TLS 1.2\n"
                               "S Certificate\n"
                               "S ServerKeyExchange\n"
                               "S ServerHelloDone\n"
                               "C ClientKeyExchange\n"
                               "C ChangeCipherSpec\n"
                               "C encrypted-handshake\n"
                               "S application-data 3 bytes\n";

static void assert_tls(uint16_t port, struct wire_line *lines, size_t before, const char *said_before)
{
    char wanted[1024];
    lines[before++] = (struct wire_line){ false, BYTES(bytes_client_hello) };
    lines[before++] = (struct wire_line){ true, BYTES(bytes_server_hello) };
    lines[before++] = (struct wire_line){ false, BYTES(bytes_client_key) };
    lines[before++] = (struct wire_line)S("\27\3\3\0\3abc");
    snprintf(wanted, sizeof wanted, "%s%s", said_before, tls_said);
    assert_conversation(port, lines, before, wanted);
}

static void tls_behind_starttls_and_alone(void **state)
{
    (void)state;
    struct wire_line smtp[8] = { S("220 a\r\n"), C("STARTTLS\r\n"), S("220 go on\r\n") };
    struct wire_line imap[8] = { S("* OK a\r\n"), C("1 STARTTLS\r\n"), S("* 1 EXISTS\r\n1 OK begin\r\n") };
    struct wire_line refused[8] = { S("220 a\r\n"), C("STARTTLS\r\n"), S("454 not now\r\n"), C("NOOP\r\n") };
    struct wire_line alone[8];
    assert_tls(443, alone, 0, "");
    assert_tls(25, smtp, 3, "S 220 a\nC STARTTLS\nS 220 go on\n");
    assert_tls(143, imap, 3, "S OK a\nC STARTTLS\nS EXISTS 1\nS OK begin\n");
    assert_conversation(25, refused, 4, "S 220 a\nC STARTTLS\nS 454 not now\nC NOOP\n");
}

/* A service at a port of its own is known by how it begins; one that is not known is counted. */
static void ports_that_nobody_knows(void **state)
{
    (void)state;
    const struct wire_line smtp[] = { S("220 a ESMTP\r\n"), C("QUIT\r\n") };
    const struct wire_line http[] = { C("GET / HTTP/1.1\r\nHost: a\r\n\r\n") };
    const struct wire_line other[] = { C("hello"), S("world!") };
    wire_play(&wire, 40025, smtp, 2, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, "S 220 a ESMTP\nC QUIT\n");
    wire_close(&wire);
    wire_play(&wire, 40080, http, 1, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, "C GET /, host a\n");
    wire_close(&wire);
    wire_play(&wire, 4711, other, 2, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, "C data 5 bytes\nS data 6 bytes\n");
    wire_close(&wire);
}

/* ---- what is missing
 * ------------------------------------------------------------------------------------------ */

static void what_was_not_captured_is_told(void **state)
{
    (void)state;
    wire_open(&wire, 25);
    wire.with_control = true;
    wire_connect(&wire);
    wire_send(&wire, true, span_text("220 a\r\n"));
    wire_send(&wire, false, span_text("EHLO b\r\nMAIL FR"));
    wire.next[0] += 20; /* a segment that is not in the capture */
    wire_send(&wire, false, span_text("le>\r\nRCPT TO:<c@d.example>\r\n"));
    wire_send(&wire, true, span_text("250 ok\r\n"));
    assert_string_equal(wire.said, "C SYN port 25\nS SYN-ACK\nS 220 a\nC EHLO b\nS 250 ok\n"
                                   "C gap 20 bytes were not captured\nC RCPT TO:<c@d.example>\n");
    wire_close(&wire);
}

/* Of a long body, a part is missing: the message is told all the same. */
static void a_body_may_have_holes(void **state)
{
    (void)state;
    wire_open(&wire, 80);
    wire_connect(&wire);
    wire_send(&wire, false, span_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    wire_segment(&wire, true, wire.next[1], span_text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456"),
                 WIRE_ACK, 4);
    wire.next[1] += (uint32_t)strlen("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456");
    wire_send(&wire, true, span_text("789"));
    assert_string_equal(wire.said, "C GET /, host a\nS 200 OK, 9 bytes, 4 of them were not captured\n");
    wire_close(&wire);
}

static void a_capture_may_end_early(void **state)
{
    (void)state;
    const struct wire_line lines[] = { C("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                                       S("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n12345") };
    wire_play(&wire, 80, lines, 2, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, "C GET /, host a\nS 200 OK, 5 bytes, its end is not there\n");
    wire_close(&wire);
    const struct wire_line mail[] = { S("220 a\r\n"), C("DATA\r\n"), S("354 go on\r\n"), C("Subject: x\r\n"),
                                      S("25") };
    wire_play(&wire, 25, mail, 5, 0, WIRE_WHOLE);
    assert_string_equal(wire.said, "S 220 a\nC DATA\nS 354 go on\n"
                                   "C cut 12 bytes of a message that has no end here\n"
                                   "S cut 2 bytes of a message that has no end here\n");
    wire_close(&wire);
}

static void segments_and_acknowledgements(void **state)
{
    (void)state;
    wire_open(&wire, 25);
    wire.with_control = wire.with_quiet = true;
    wire_connect(&wire);
    wire_send(&wire, true, span_text("220 "));
    wire_send(&wire, true, span_text("a\r\n"));
    wire_segment(&wire, false, wire.next[0], span_of(NULL, 0), WIRE_ACK, 0);
    wire_segment(&wire, true, wire.next[1] - 3, span_text("a\r\n"), WIRE_ACK, 0);
    wire_segment(&wire, false, wire.next[0] - 1, span_of("", 1), WIRE_ACK, 0);
    wire_end(&wire, true);
    wire_segment(&wire, false, wire.next[0], span_of(NULL, 0), WIRE_RST, 0);
    assert_string_equal(wire.said,
                        "C SYN port 25\nS SYN-ACK\nC acknowledgement\nS segment 4 bytes\nS 220 a\n"
                        "C acknowledgement\nS retransmission 3 bytes\nC keep-alive 1 bytes\nS FIN\nC RST\n");
    wire_close(&wire);
}

/* More connections than are kept: the oldest is forgotten, the newest works. */
static void connections_have_a_bound(void **state)
{
    (void)state;
    wire_open(&wire, 25);
    for (unsigned i = 0; i < 2 * VIEW_CONNECTIONS_MAX; i++) {
        wire.server_port = (uint16_t)(20000 + i);
        wire_send(&wire, true, span_text("220 "));
    }
    wire.said_length = 0;
    wire_send(&wire, true, span_text("a\r\n"));
    assert_string_equal(wire.said, "S 220 a\n");
    wire_close(&wire);
}

/* ---- words
 * -------------------------------------------------------------------------------------------------- */

static void words_are_known(void **state)
{
    (void)state;
    const char *const known[] = { "DISCOVER", "SOLICIT",     "query",       "response",
                                  "GET",      "302",         "EHLO",        "250",
                                  "SYN",      "FIN",         "message",     "UID-FETCH",
                                  "+",        "ClientHello", "ARP-request", "echo-reply" };
    for (size_t i = 0; i < LINES(known); i++)
        assert_true(view_knows_word(span_text(known[i])));
    const char *const unknown[] = { "", "600", "099", "2500", "GETS", "syn" };
    for (size_t i = 0; i < LINES(unknown); i++)
        assert_false(view_knows_word(span_text(unknown[i])));
    assert_true(view_has_word(VIEW_DHCP6, span_text("REQUEST")) &&
                view_has_word(VIEW_DHCP4, span_text("REQUEST")));
    assert_false(view_has_word(VIEW_IMAP, span_text("250")));
    assert_string_equal(view_nearest_word("SOLICT"), "SOLICIT");
    assert_string_equal(view_nearest_field("qnam"), "qname");
    assert_true(view_knows_field(span_text("lease-time")) && view_knows_field(span_text("sol-max-rt")));
    for (size_t i = 0; view_word_row(i); i++)
        assert_true(view_has_word(view_word_row(i)->protocol, span_text(view_word_row(i)->name)));
}

static int open_world(void **state)
{
    (void)state;
    world = view_world_open();
    return world == NULL;
}

static int close_world(void **state)
{
    (void)state;
    view_world_close(world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp6),
        cmocka_unit_test(dns),
        cmocka_unit_test(whatever_is_cut_short_is_told),
        cmocka_unit_test(a_fragment_is_told),
        cmocka_unit_test(an_error_says_about_what),
        cmocka_unit_test(neighbours_behind_extension_headers),
        cmocka_unit_test(a_router_says_what_to_do),
        cmocka_unit_test(links_that_are_not_ethernet),
        cmocka_unit_test(behind_vlan_tags),
        cmocka_unit_test(mail_with_pipelining),
        cmocka_unit_test(mail_that_is_no_text),
        cmocka_unit_test(pages),
        cmocka_unit_test(zones),
        cmocka_unit_test(mailboxes),
        cmocka_unit_test(tls_behind_starttls_and_alone),
        cmocka_unit_test(ports_that_nobody_knows),
        cmocka_unit_test(what_was_not_captured_is_told),
        cmocka_unit_test(a_body_may_have_holes),
        cmocka_unit_test(a_capture_may_end_early),
        cmocka_unit_test(segments_and_acknowledgements),
        cmocka_unit_test(connections_have_a_bound),
        cmocka_unit_test(words_are_known),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
