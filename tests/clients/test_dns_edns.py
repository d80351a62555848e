"""EDNS: every probe of the DNS flag days and of the EDNS compliance tester, and the options, by dig, kdig and by
hand."""
import pathlib
import re
import socket
import struct
import tempfile
import time
import unittest

import lab

ZONE = """$TTL 1h
@ SOA ns1 hostmaster 1 15m 10m 1d 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
""" + "".join(f"big TXT \"{'x' * 200}{i}\"\n" for i in range(20))
SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
NSID, COOKIE, KEEPALIVE, PADDING, EDE = 3, 10, 11, 12, 15
BADVERS, BADCOOKIE = 16, 23


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.rstrip(".").split(".") if label) + b"\0"


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def query(qname="example.test", qtype=6, qclass=1, options=None, version=0, flags=0, size=1232, header=0x0100,
          questions=1, opcode=0):
    """A query; options None: without EDNS."""
    message = struct.pack("!6H", 0x4711, header | opcode << 11, questions, 0, 0, options is not None)
    if questions:
        message += name(qname) + struct.pack("!HH", qtype, qclass)
    if options is not None:
        message += b"\0" + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options
    return message


class Reply:
    """A reply whose records but the OPT are skipped."""

    def __init__(self, message):
        self.length = len(message)
        self.id, self.flags, *self.counts = struct.unpack("!6H", message[:12])
        self.opt, self.version, self.edns_flags, self.options, at = 0, None, None, {}, 12
        for _ in range(self.counts[0]):
            at = self.skip_name(message, at) + 4
        for _ in range(sum(self.counts[1:])):
            at = self.skip_name(message, at)
            kind, self_class, ttl, length = struct.unpack("!HHIH", message[at:at + 10])
            data, at = message[at + 10:at + 10 + length], at + 10 + length
            if kind == 41:
                self.opt += 1
                self.size, self.upper = self_class, ttl >> 24
                self.version, self.edns_flags = ttl >> 16 & 0xFF, ttl & 0xFFFF
                self.read_options(data)
        assert at == len(message), "bytes behind the last record"
        self.rcode = self.flags & 15 | (self.upper << 4 if self.opt else 0)
        self.truncated = bool(self.flags & 0x0200)

    @staticmethod
    def skip_name(message, at):
        while message[at] and message[at] < 0xC0:
            at += message[at] + 1
        return at + (2 if message[at] else 1)

    def read_options(self, data):
        while data:
            code, length = struct.unpack("!HH", data[:4])
            assert len(data) >= 4 + length and code not in self.options
            self.options[code], data = data[4:4 + length], data[4 + length:]


class Server:
    """dnsd with one zone and some words of configuration."""

    def __init__(self, words="", zone="example.test", extra="", zone_words="", **program):
        self.directory = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.directory.name, "zone")
        path.write_text(ZONE)
        self.program = lab.Program(f'dnsd {{ listen = {{ "127.0.0.1:0" }} {words} '
                                   f'zone "{zone}" {{ file = "{path}" {zone_words} }} {extra} }}\n', **program)
        self.port = self.program.port("dnsd", "udp")

    def close(self):
        self.program.close()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def udp(self, message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.connect(("127.0.0.1", self.port))
            s.send(message)
            return Reply(s.recv(65535))

    def tcp(self, message):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
            s.sendall(struct.pack("!H", len(message)) + message)
            f = s.makefile("rb")
            return Reply(f.read(struct.unpack("!H", f.read(2))[0]))

    def dig(self, *words, program="dig"):
        return lab.run(program, "@127.0.0.1", "-p", self.port, *words).stdout.decode()


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def good(self, reply, answers=1):
        self.assertEqual((reply.rcode, reply.counts[1], reply.truncated), (0, answers, False))
        self.assertTrue(reply.flags & 0x0400, "not authoritative")

    def test_plain_dns_has_no_opt_in_return(self):
        reply = self.server.udp(query())
        self.good(reply)
        self.assertEqual(reply.opt, 0)

    def test_edns(self):
        reply = self.server.udp(query(options=b""))
        self.good(reply)
        self.assertEqual((reply.opt, reply.version, reply.edns_flags, reply.options), (1, 0, 0, {}))
        self.assertGreaterEqual(reply.size, 512)

    def test_an_unknown_version_with_and_without_do_and_options(self):
        for version in (1, 2, 255):
            for flags in (0, 0x8000):
                # what options mean in that version, nobody knows: not even that this is no cookie
                for options in (b"", option(100, b"x"), option(COOKIE, b"12345678"), option(COOKIE, b"1")):
                    reply = self.server.udp(query(options=options, version=version, flags=flags))
                    self.assertEqual((reply.rcode, reply.version, reply.counts[1]), (BADVERS, 0, 0))
                    self.assertEqual(reply.edns_flags, flags)
                    self.assertEqual(reply.options, {})

    def test_unknown_options_are_not_returned(self):
        for options in (option(100), option(100, b"abc"), option(65001, b"x" * 300), option(100) + option(101, b"z")):
            for flags in (0, 0x8000):
                reply = self.server.udp(query(options=options, flags=flags))
                self.good(reply)
                self.assertEqual((reply.options, reply.edns_flags), ({}, flags))

    def test_unknown_flags_are_not_returned(self):
        for flags in (0x0001, 0x0040, 0x4000, 0x7FFF, 0xFFFF):
            reply = self.server.udp(query(options=b"", flags=flags))
            self.good(reply)
            self.assertEqual(reply.edns_flags, flags & 0x8000)

    def test_do(self):
        reply = self.server.udp(query(options=b"", flags=0x8000))
        self.good(reply)
        self.assertEqual(reply.edns_flags, 0x8000)

    def test_a_list_of_options(self):
        options = option(NSID) + option(8, b"\0\1\0\0") + option(9) + option(COOKIE, b"12345678")
        reply = self.server.udp(query(options=options))
        self.good(reply)
        self.assertEqual(set(reply.options), {COOKIE})

    def test_truncated_replies_keep_their_opt(self):
        for size in (0, 100, 512, 1232, 4096, 65535):
            for flags in (0, 0x8000):
                reply = self.server.udp(query("big.example.test", 16, options=option(COOKIE, b"12345678"), size=size,
                                              flags=flags))
                self.assertTrue(reply.truncated)
                self.assertEqual((reply.opt, reply.edns_flags, len(reply.options[COOKIE])), (1, flags, 24))
                self.assertLessEqual(reply.length, min(max(size, 512), 1232))
        reply = self.server.tcp(query("big.example.test", 16, options=b"", size=512))
        self.assertEqual((reply.truncated, reply.counts[1], reply.opt), (False, 20, 1))

    def test_header_bits_and_types_that_nobody_knows(self):
        for header in (0x0000, 0x0010, 0x0020, 0x0040, 0x0170):
            reply = self.server.udp(query(header=header))
            self.good(reply)
            self.assertEqual(reply.flags & 0x0040, 0, "the bit that must be zero came back")
        reply = self.server.udp(query(qtype=1000, options=b""))
        self.assertEqual((reply.rcode, reply.counts[1], reply.counts[2], reply.opt), (0, 0, 1, 1))

    def test_an_opcode_that_nobody_knows(self):
        reply = self.server.udp(query(opcode=15))
        self.assertEqual((reply.rcode, reply.opt), (4, 0))
        for ask in (self.server.udp, self.server.tcp):
            for questions in (0, 1):  # a cookie without a question is one of opcode QUERY alone
                reply = ask(query(opcode=15, options=option(COOKIE, b"12345678"), questions=questions))
                self.assertEqual((reply.rcode, reply.opt, len(reply.options[COOKIE])), (4, 1, 24))
            reply = ask(query(opcode=15, options=b"", version=1))
            self.assertEqual((reply.rcode, reply.opt, reply.version), (BADVERS, 1, 0))

    def test_two_questions(self):
        message = query(options=b"")
        twice = message[:4] + b"\0\2" + message[6:-11] + message[12:-11] + message[-11:]
        reply = self.server.udp(twice)
        self.assertEqual((reply.rcode, reply.counts[0], reply.opt), (1, 0, 1))

    def test_updates_and_notifies_have_an_opt_in_return(self):
        for opcode, code in ((5, 5), (4, 9)):  # nobody may change it; it is not fetched from elsewhere
            for flags in (0, 0x8000):
                reply = self.server.udp(query(options=option(100), opcode=opcode, flags=flags))
                self.assertEqual((reply.rcode, reply.opt, reply.version, reply.edns_flags), (code, 1, 0, flags))
            reply = self.server.udp(query(options=b"", opcode=opcode, version=1))
            self.assertEqual((reply.rcode, reply.opt, reply.version), (BADVERS, 1, 0))
            self.assertEqual(self.server.udp(query(opcode=opcode)).opt, 0)

    def test_malformed(self):
        no_root = query()[:-4]  # an OPT below a name
        opt = b"\0" + struct.pack("!HHBBHH", 41, 1232, 0, 0, 0, 0)
        two = struct.pack("!6H", 1, 0, 1, 0, 0, 2) + query()[12:] + opt + opt
        owner = struct.pack("!6H", 1, 0, 1, 0, 0, 1) + query()[12:] + b"\1x" + opt
        overrun = query(options=struct.pack("!HH", 100, 9) + b"x")
        answer = struct.pack("!6H", 1, 0, 1, 1, 0, 0) + query()[12:] + opt
        for message in (no_root, two, owner, overrun, answer):
            self.assertEqual(self.server.udp(message).rcode, 1)

    @lab.needs("dig")
    def test_the_compliance_testers_own_commands(self):
        for words, expected in (
                ("+noedns +noad +norec", "status: NOERROR"),
                ("+edns=0 +nocookie +noad +norec", "EDNS: version: 0"),
                ("+edns=1 +noednsneg +nocookie +noad +norec", "status: BADVERS"),
                ("+edns=0 +nocookie +ednsopt=100 +noad +norec", "status: NOERROR"),
                ("+edns=1 +noednsneg +nocookie +ednsopt=100 +noad +norec", "status: BADVERS"),
                ("+edns=0 +nocookie +ednsflags=0x40 +noad +norec", "status: NOERROR"),
                ("+edns=0 +nocookie +dnssec +noad +norec", "flags: do;"),
                ("+edns=1 +noednsneg +nocookie +dnssec +noad +norec", "status: BADVERS"),
                ("+edns=0 +cookie +dnssec +noad +norec", "(good)"),
                ("+edns=0 +cookie +nsid +expire +subnet=0.0.0.0/0 +noad +norec", "(good)"),
                ("+edns=0 +nocookie +tcp +noad +norec", "status: NOERROR"),
                ("+edns=0 +zflag +noad +norec", "status: NOERROR"),
                ("+noedns +header-only", "status: FORMERR"),
                ("+opcode=15 +noedns", "status: NOTIMP")):
            out = self.server.dig("example.test", "SOA", *words.split())
            self.assertIn(expected, out, words)
            self.assertNotIn("OPT=100", out)
            self.assertNotIn("MBZ: 0x", out.split(";; QUESTION")[0].split(";; Got answer")[-1], words)


        out = self.server.dig("big.example.test", "TXT", "+edns=0", "+bufsize=512", "+dnssec", "+ignore", "+norec")
        self.assertIn("flags: qr aa tc;", out)
        self.assertIn("flags: do;", out)

    @lab.needs("kdig")
    def test_kdig(self):
        out = self.server.dig("example.test", "SOA", "+edns=1", "+nocookie", program="kdig")
        self.assertIn("BADVERS", out)
        out = self.server.dig("example.test", "SOA", "+cookie", "+noretry", program="kdig")
        self.assertRegex(out, r"COOKIE: [0-9A-F]{16,}")
        self.assertIn("NOERROR", out)


class Options(unittest.TestCase):
    def test_nsid_and_class_ch(self):
        with Server('nsid = "ns1.lab" version = "a teapot"') as server:
            self.assertEqual(server.udp(query(options=option(NSID))).options[NSID], b"ns1.lab")
            self.assertEqual(server.tcp(query(options=option(NSID))).options[NSID], b"ns1.lab")
            self.assertNotIn(NSID, server.udp(query(options=b"")).options)
            for question, text in (("id.server", "ns1.lab"), ("hostname.bind", "ns1.lab"), ("Version.BIND", "a teapot"),
                                   ("version.server", "a teapot")):
                out = server.dig("CH", "TXT", question)
                self.assertRegex(out, rf'(?i){re.escape(question)}\.\s+0\s+CH\s+TXT\s+"{text}"')
            self.assertIn("status: REFUSED", server.dig("CH", "TXT", "authors.bind"))
            reply = server.udp(query("id.server", 1, 3, options=b""))
            self.assertEqual((reply.rcode, reply.counts[1]), (0, 0))

    def test_nothing_is_told_unless_it_is_configured(self):
        with Server() as server:
            self.assertNotIn(NSID, server.udp(query(options=option(NSID))).options)
            for question in ("id.server", "hostname.bind", "version.bind", "version.server"):
                self.assertEqual(server.udp(query(question, 16, 3)).rcode, 5)

    def test_extended_errors(self):
        with Server(extra='zone "missing.test" { primaries = { "127.0.0.1:1" } }') as server:
            def fault(reply):
                return struct.unpack("!H", reply.options[EDE][:2])[0]
            reply = server.udp(query("elsewhere.test", options=b""))
            self.assertEqual((reply.rcode, fault(reply)), (5, 20))  # not authoritative
            reply = server.udp(query("www.missing.test", options=b""))
            self.assertEqual((reply.rcode, fault(reply)), (2, 14))  # not ready
            reply = server.tcp(query(qtype=252, options=b""))
            self.assertEqual((reply.rcode, fault(reply)), (5, 18))  # prohibited
            self.assertEqual(server.udp(query("elsewhere.test")).opt, 0)
        with Server('allow-recursion = { "192.0.2.0/24" }') as server:
            reply = server.udp(query("elsewhere.test", options=b""))
            self.assertEqual((reply.rcode, fault(reply)), (5, 18))
            reply = server.udp(query("elsewhere.test", options=b"", header=0))
            self.assertEqual((reply.rcode, fault(reply)), (5, 20))

    def test_replies_that_come_later_have_their_options(self):
        words = 'allow-recursion = { "127.0.0.0/8" } nsid = "ns1"'
        with Server(words, extra='forward "dead.test" { to = { "127.0.0.1:1" } }') as server:
            for faults in ((22, 23), (13,)):  # nobody answers; and that is remembered
                for ask in (server.udp, server.tcp):
                    asked = option(COOKIE, b"abcdefgh") + option(NSID)
                    reply = ask(query(f"{ask.__name__}.dead.test", 1, options=asked))
                    self.assertEqual((reply.rcode, len(reply.options[COOKIE]), reply.options[NSID]), (2, 24, b"ns1"))
                    self.assertIn(struct.unpack("!H", reply.options[EDE][:2])[0], faults)

    def test_keepalive_over_tcp_only(self):
        with Server('tcp-idle-timeout = "30s"') as server:
            reply = server.tcp(query(options=option(KEEPALIVE)))
            self.assertEqual(struct.unpack("!H", reply.options[KEEPALIVE])[0], 300)
            self.assertNotIn(KEEPALIVE, server.tcp(query(options=b"")).options)
            self.assertNotIn(KEEPALIVE, server.udp(query(options=option(KEEPALIVE))).options)
            self.assertEqual(server.tcp(query(options=option(KEEPALIVE, b"\0\1"))).rcode, 1)

    def test_no_padding_in_clear(self):
        with Server() as server:
            for ask in (server.udp, server.tcp):
                self.assertNotIn(PADDING, ask(query(options=option(PADDING, b"\0" * 20))).options)


class Cookies(unittest.TestCase):
    def test_a_cookie_is_made_kept_and_known(self):
        with Server() as server:
            first = server.udp(query(options=option(COOKIE, b"abcdefgh"))).options[COOKIE]
            self.assertEqual((len(first), first[:8]), (24, b"abcdefgh"))
            self.assertEqual(first[8:12], b"\1\0\0\0")
            self.assertLess(abs(struct.unpack("!I", first[12:16])[0] - time.time()), 120)
            self.assertEqual(server.udp(query(options=option(COOKIE, first))).options[COOKIE], first)
            other = server.udp(query(options=option(COOKIE, first[:23] + b"\0"))).options[COOKIE]
            self.assertEqual(other[:8], b"abcdefgh")
            out = server.dig("example.test", "SOA", "+cookie")
            self.assertIn("(good)", out)

    def test_servers_with_one_secret_know_each_others_cookies(self):
        words = f'cookie-secret = {{ "{SECRET}" }}'
        with Server(words) as one, Server(words) as two:
            first = one.udp(query(options=option(COOKIE, b"abcdefgh"))).options[COOKIE]
            self.assertEqual(two.udp(query(options=option(COOKIE, first))).options[COOKIE], first)
        with Server(f'require-cookies = true cookie-secret = {{ "{"00" * 16}", "{SECRET}" }}') as three:
            self.assertEqual(three.udp(query(options=option(COOKIE, first))).rcode, 0)

    def test_impossible_lengths(self):
        with Server() as server:
            for length in (0, 1, 7, 9, 15, 41, 100):
                self.assertEqual(server.udp(query(options=option(COOKIE, b"x" * length))).rcode, 1, length)
            for length in (8, 16, 17, 24, 40):
                self.assertEqual(server.udp(query(options=option(COOKIE, b"x" * length))).rcode, 0, length)

    def test_a_cookie_without_a_question(self):
        with Server() as server:
            reply = server.udp(query(options=option(COOKIE, b"abcdefgh"), questions=0))
            self.assertEqual((reply.rcode, reply.counts[0], len(reply.options[COOKIE])), (0, 0, 24))
            self.assertEqual(server.udp(query(options=b"", questions=0)).rcode, 1)
            self.assertEqual(server.udp(query(questions=0)).rcode, 1)

    def test_required(self):
        with Server("require-cookies = true") as server:
            reply = server.udp(query(options=b""))
            self.assertTrue(reply.truncated)
            self.assertEqual(reply.counts[1], 0)
            self.assertTrue(server.udp(query()).truncated)
            reply = server.udp(query(options=option(COOKIE, b"abcdefgh")))
            self.assertEqual((reply.rcode, reply.counts[1]), (BADCOOKIE, 0))
            reply = server.udp(query(options=option(COOKIE, reply.options[COOKIE])))
            self.assertEqual((reply.rcode, reply.counts[1]), (0, 1))
            self.assertEqual(server.tcp(query(options=option(COOKIE, b"abcdefgh"))).counts[1], 1)
            self.assertEqual(server.tcp(query()).counts[1], 1)
            if lab.have("dig"):
                self.assertIn("status: NOERROR", server.dig("example.test", "SOA"))  # it tries again by itself

    def test_required_of_updates_and_notifies(self):
        """An address alone is easily forged: whoever changes a zone by it shows that it is his, too."""
        def update(options=None):
            return query(opcode=5, header=0, options=options)  # one that asks for nothing
        with Server("require-cookies = true", zone_words='allow-update = { "127.0.0.1" }') as server:
            reply = server.udp(update())  # whoever updates judges by the code alone
            self.assertEqual((reply.rcode, reply.truncated), (5, True))
            self.assertEqual(server.udp(update(option(COOKIE, b"xx"))).rcode, 1)
            reply = server.udp(update(option(COOKIE, b"abcdefgh")))
            self.assertEqual(reply.rcode, BADCOOKIE)
            cookie = option(COOKIE, reply.options[COOKIE])
            reply = server.udp(update(cookie))
            self.assertEqual((reply.rcode, reply.truncated), (0, False))
            self.assertEqual(reply.options[COOKIE][:8], b"abcdefgh")  # RFC 7873 5.3: without it, it is not taken
            self.assertEqual(server.tcp(update()).rcode, 0)
            self.assertEqual(server.udp(query(opcode=4, header=0)).rcode, 9)  # it only has a primary asked
            self.assertEqual(server.udp(query(opcode=4, header=0, options=cookie)).rcode, 9)

    def test_required_above_a_load(self):
        with Server("require-cookies-above = 30") as server:
            self.assertEqual(server.udp(query()).counts[1], 1)
            for _ in range(300):
                if server.udp(query()).truncated:
                    break
            else:
                self.fail("the load is not seen")
            server.program.wait_log("event=dns.load cookies=required")
            first = server.udp(query(options=option(COOKIE, b"abcdefgh")))
            known = server.udp(query(options=option(COOKIE, first.options[COOKIE])))
            self.assertEqual((first.rcode, known.rcode, known.counts[1]), (BADCOOKIE, 0, 1))

            def is_quiet():
                time.sleep(0.2)  # few enough questions a second
                return server.udp(query()).counts[1] == 1
            lab.until(is_quiet, "cookies are still required")

    def test_switched_off(self):
        with Server("cookies = false") as server:
            self.assertEqual(server.udp(query(options=option(COOKIE, b"abcdefgh"))).options, {})


if __name__ == "__main__":
    unittest.main()
