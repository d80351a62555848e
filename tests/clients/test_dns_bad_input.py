"""Messages that are not as they must be: the RFC's code or silence, each counted by its reason; and connections that
dawdle, crowd or do not read."""
import pathlib
import re
import resource
import select
import socket
import struct
import tempfile
import threading
import time
import unittest

import lab
from test_dns_edns import Reply, Server, name, option, query

FORMERR, NOTIMP, REFUSED = 1, 4, 5
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
SOA_QUESTION = name("example.test") + struct.pack("!HH", 6, 1)


def message(body, questions=1, answers=0, authorities=0, additionals=0, flags=0x0100):
    return struct.pack("!6H", 7, flags, questions, answers, authorities, additionals) + body


def record(owner=b"\0", kind=1, rdata=b"\1\2\3\4", length=None):
    return owner + struct.pack("!HHIH", kind, 1, 0, len(rdata) if length is None else length) + rdata


TSIG = record(name("k.test"), 250, name("hmac-sha256") + bytes(6) + struct.pack("!HHHHH", 300, 0, 7, 0, 0))
# what is wrong, the message, the code (None: silence), a word of its reason (None: it is told elsewhere)
BAD = (
    ("a pointer to itself", message(b"\xc0\x0c" + struct.pack("!HH", 1, 1)), FORMERR, "question"),
    ("a pointer forward", message(b"\xc0\x20" + struct.pack("!HH", 1, 1) + bytes(30)), FORMERR, "question"),
    ("pointers to each other", message(SOA_QUESTION + record(b"\xc0\x2a"[:0] + b"\xc0\x1e"), answers=1), FORMERR, "record"),
    ("a chain of many pointers", message(SOA_QUESTION + record(rdata=b"".join(  # from octet 41 on
        struct.pack("!H", 0xC000 | (41 + 2 * (i - 1) if i else 12)) for i in range(200))) +
        record(struct.pack("!H", 0xC000 | 41 + 2 * 199)), answers=2), FORMERR, "record"),
    ("a label of 64", message(b"\x40" + b"a" * 64 + b"\0" + struct.pack("!HH", 1, 1)), FORMERR, "question"),
    ("a label kind of RFC 2673", message(b"\x41\x08a\0" + struct.pack("!HH", 1, 1)), FORMERR, "question"),
    ("a name of 256", message(b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0" + struct.pack("!HH", 1, 1)),
     FORMERR, "question"),
    ("a name cut short", message(b"\7exam"), FORMERR, "question"),
    ("no type", message(name("example.test")), FORMERR, "question"),
    ("more records than there are", message(SOA_QUESTION, additionals=1), FORMERR, "record"),
    ("counts at their most", message(SOA_QUESTION, answers=65535, authorities=65535, additionals=65535), FORMERR, "record"),
    ("a record longer than the message", message(SOA_QUESTION + record(length=100), answers=1), FORMERR, "record"),
    ("no question", message(b"", questions=0), FORMERR, "question"),
    ("two questions", message(SOA_QUESTION * 2, questions=2), FORMERR, "question"),
    ("two OPT", message(SOA_QUESTION + OPT * 2, additionals=2), FORMERR, "OPT"),
    ("OPT among the answers", message(SOA_QUESTION + OPT, answers=1), FORMERR, "OPT"),
    ("OPT of a name", message(SOA_QUESTION + b"\1x" + OPT, additionals=1), FORMERR, "OPT"),
    ("an option that overruns", query(options=struct.pack("!HH", 3, 5)), FORMERR, "OPT"),
    ("a cookie of seven", query(options=option(10, b"1234567")), FORMERR, "cookie"),
    ("TSIG not last", message(SOA_QUESTION + TSIG + OPT, additionals=2), FORMERR, None),
    ("TSIG among the answers", message(SOA_QUESTION + TSIG, answers=1), FORMERR, None),
    ("an opcode that there is not", message(SOA_QUESTION, flags=0x7800), NOTIMP, "opcode"),
    ("IQUERY", message(SOA_QUESTION, flags=0x0800), NOTIMP, "opcode"),
    ("STATUS", message(SOA_QUESTION, flags=0x1000), NOTIMP, "opcode"),
    ("a type that is none of data", message(name("example.test") + struct.pack("!HH", 253, 1)), NOTIMP, "type"),
    ("OPT as a question", message(name("example.test") + struct.pack("!HH", 41, 1)), FORMERR, "type"),
    ("AXFR by UDP", message(name("example.test") + struct.pack("!HH", 252, 1)), FORMERR, "AXFR"),
    ("a class that there is not", message(name("example.test") + struct.pack("!HH", 6, 4711)), REFUSED, None),
    ("eleven octets", b"\0\7\1\0\0\1\0\0\0\0\0", None, "header"),
    ("nothing", b"", None, None),
    ("a response", message(SOA_QUESTION, flags=0x8400), None, "response"),
)


class BadMessages(unittest.TestCase):
    def stats(self, server):
        out = lab.run(lab.BUILD / "wirelab", "stats", "-c", server.program.conf).stdout.decode()
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\w.*) (\d+)$", out, re.M)}

    def reasons(self, server):
        return {re.search(r'reason="(.*)"', n)[1]: v for n, v in self.stats(server).items() if "reason=" in n}

    def check(self, server, what, bad, code, word, send):
        before = self.reasons(server)
        reply = send(bad)
        self.assertEqual(reply and reply.rcode, code, what)
        if reply and len(bad) >= 2:
            self.assertEqual(reply.id, struct.unpack("!H", bad[:2])[0])
        new = [r for r, n in self.reasons(server).items() if n > before.get(r, 0)]
        if word:
            self.assertEqual(len(new), 1, (what, new))
            self.assertIn(word, new[0], what)

    def test_by_udp(self):
        with Server() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.connect(("127.0.0.1", server.port))

            def send(bad):
                s.send(bad)
                s.send(message(SOA_QUESTION)[:2].replace(b"\0\7", b"\x7f\x7f") + message(SOA_QUESTION)[2:])
                reply = Reply(s.recv(65535))
                if reply.id == 0x7F7F:
                    return None  # it is answered in order: there was no reply
                self.assertEqual(Reply(s.recv(65535)).rcode, 0)
                return reply
            for row in BAD:
                self.check(server, *row, send)

    def test_by_tcp(self):
        with Server() as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as s:
            f = s.makefile("rb")

            def send(bad):
                good = b"\x7f\x7f" + message(SOA_QUESTION)[2:]
                s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in (bad, good)))
                reply = Reply(f.read(struct.unpack("!H", f.read(2))[0]))
                if reply.id == 0x7F7F:
                    return None
                self.assertEqual(Reply(f.read(struct.unpack("!H", f.read(2))[0])).rcode, 0)
                return reply
            for what, bad, code, word in BAD:
                if "UDP" not in what:
                    self.check(server, what, bad, code, word, send)

    def test_the_counters(self):
        with Server('rate-limit { responses-per-second = 1 slip = 0 }') as server:
            server.udp(query(options=b""))
            server.udp(query("nothing.example.test", 1))
            server.udp(query("elsewhere.test", 28))
            server.tcp(query(qtype=4711))
            counts = self.stats(server)
            for what, number in (('messages_total{transport="udp"}', 3), ('messages_total{transport="tcp"}', 1),
                                 ('replies_total{rcode="NOERROR"}', 2), ('replies_total{rcode="NXDOMAIN"}', 1),
                                 ('replies_total{rcode="REFUSED"}', 1), ('questions_total{type="A"}', 1),
                                 ('questions_total{type="SOA"}', 1), ('questions_total{type="AAAA"}', 1),
                                 ('questions_total{type="other"}', 1),
                                 ('rate_limited_total{reply="dropped"}', 0)):
                self.assertEqual(counts.get("wirelab_dns_" + what), number, what)

    def test_longer_than_taken_by_udp(self):
        """Not judged by its head: it may come by TCP, where there is room."""
        for words in ("", "workers = 2"):
            with Server(words, zone_words='allow-update = { "127.0.0.1" }', log="info") as server:
                padding = option(12, bytes(1600))
                for long in (query(options=padding), query(opcode=5, header=0, options=padding)):
                    reply = server.udp(long)
                    self.assertEqual((reply.rcode, reply.truncated), (5 if long[2] >> 3 else 0, True))
                    reply = server.tcp(long)
                    self.assertEqual((reply.rcode, reply.truncated), (0, False))
                self.assertEqual(server.udp(query(options=option(12, bytes(1400)))).counts[1], 1)
                self.assertEqual(self.reasons(server), {"longer than what is taken by UDP": 2})

    def test_requests_are_counted_as_well(self):
        with Server(zone_words='allow-update = { "127.0.0.1" }') as server:
            server.udp(query(opcode=5, header=0))  # made, with nothing to do
            server.udp(query("elsewhere.test", opcode=5, header=0))
            server.tcp(query(opcode=4, header=0))  # nobody's secondary
            counts = self.stats(server)
            for what, number in (('messages_total{transport="udp"}', 2), ('messages_total{transport="tcp"}', 1),
                                 ('replies_total{rcode="NOERROR"}', 1), ('replies_total{rcode="NOTAUTH"}', 2)):
                self.assertEqual(counts.get("wirelab_dns_" + what), number, what)
            self.assertNotIn('wirelab_dns_questions_total{type="SOA"}', counts)

    def test_a_request_that_the_limit_drops_is_no_question(self):
        with Server("rate-limit { responses-per-second = 1 slip = 0 }") as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for _ in range(20):
                    s.sendto(query("elsewhere.test", opcode=5, header=0), ("127.0.0.1", server.port))
            lab.until(lambda: self.stats(server).get('wirelab_dns_messages_total{transport="udp"}') == 20,
                      lambda: str(self.stats(server)))
            self.assertNotIn('wirelab_dns_questions_total{type="SOA"}', self.stats(server))


class Connections(unittest.TestCase):
    def server(self, words="", **more):
        server = Server(words, **more)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.addCleanup(s.close)
        return s

    def is_closed(self, s):
        try:
            return s.recv(1) == b""
        except ConnectionResetError:
            return True

    def test_a_length_that_never_fills(self):
        """However it dawdles: what counts is the whole message."""
        server = self.server('tcp-idle-timeout = "600ms"')
        s, began = self.connect(server), time.monotonic()
        try:
            for octet in struct.pack("!H", 65535) + bytes(1000):
                s.send(bytes([octet]))
                if select.select([s], [], [], 0.02)[0]:
                    break
        except (ConnectionResetError, BrokenPipeError):
            pass
        self.assertTrue(self.is_closed(s))
        self.assertGreater(time.monotonic() - began, 0.5)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(self.ignored(server, "not all of it came in time"), 1)

    def ignored(self, server, why):
        out = lab.run(lab.BUILD / "wirelab", "stats", "-c", server.program.conf).stdout.decode()
        counted = re.search(r'^wirelab_\w+\{.*"dns.ignored".*reason="%s"\} (\d+)$' % why, out, re.M)
        return int(counted[1]) if counted else 0

    def test_silence_and_half_a_length(self):
        server = self.server('tcp-idle-timeout = "300ms"')
        for first in (b"", b"\0", b"\0\0\0", struct.pack("!H", len(query())) + query()):
            s = self.connect(server)
            s.sendall(first)
            if len(first) > 3:
                self.assertEqual(s.recv(1), b"\0")
                while s.recv(65535):
                    pass
            else:
                self.assertTrue(self.is_closed(s))

    def test_who_does_not_read_is_not_written_to_for_ever(self):
        server = self.server('tcp-idle-timeout = "500ms"')
        s = self.connect(server)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        big = query("big.example.test", 16)
        s.settimeout(0.5)
        try:
            while True:
                s.sendall((struct.pack("!H", len(big)) + big) * 100)
        except (socket.timeout, ConnectionResetError, BrokenPipeError):
            pass
        lab.until(lambda: self.open(server) == 0, "the connection is still there")

    def open(self, server):
        out = lab.run(lab.BUILD / "wirelab", "stats", "-c", server.program.conf).stdout.decode()
        return int(re.search(r"^wirelab_dns_connections (\d+)$", out, re.M)[1])

    def test_more_idle_connections_than_there_may_be(self):
        """They cost the limit and no more; who comes anew is served, who was silent longest goes."""
        server = self.server('max-tcp-clients = 20 tcp-idle-timeout = "60s"')
        most = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
        first = self.connect(server)
        first.sendall(struct.pack("!H", len(query())) + query())
        self.assertNotEqual(first.recv(65535), b"")
        idle = [self.connect(server) for _ in range(most)]
        self.assertEqual(server.tcp(query()).rcode, 0)
        self.assertTrue(self.is_closed(first))
        self.assertTrue(self.is_closed(idle[0]))
        self.assertLessEqual(self.open(server), 20)
        last = idle[-1]
        last.sendall(struct.pack("!H", len(query())) + query())
        self.assertNotEqual(last.recv(65535), b"")

    @lab.needs("prlimit")
    def test_descriptors(self):
        """As many as the system gives; and where it gives few, those are not used up."""
        server = self.server("max-tcp-clients = 400", inside=("prlimit", "--nofile=64:4096"))
        first = [self.connect(server) for _ in range(300)]
        self.assertEqual(server.tcp(query()).rcode, 0)
        lab.until(lambda: self.open(server) >= 300, "they are not all there")
        first[0].sendall(struct.pack("!H", len(query())) + query())
        self.assertNotEqual(first[0].recv(65535), b"")
        server = self.server("max-tcp-clients = 400", inside=("prlimit", "--nofile=128:128"))
        for _ in range(300):
            self.connect(server)
        self.assertEqual(server.tcp(query()).rcode, 0)
        self.assertLess(self.open(server), 128)

    def behind_another(self, words=""):
        """A server that asks another one for slow.test, and that one's socket."""
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(upstream.close)
        upstream.bind(("127.0.0.1", 0))
        upstream.settimeout(20)
        return upstream, self.server(
            f'allow-recursion = {{ "127.0.0.0/8" }} {words}',
            extra=f'forward "slow.test" {{ to = {{ "127.0.0.1:{upstream.getsockname()[1]}" }} }}')

    def answer(self, upstream):
        asked, peer = upstream.recvfrom(65535)
        end = asked.index(b"\4slow\4test\0") + 15
        answer = asked[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + asked[12:end]
        upstream.sendto(answer + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\0\2\x09", peer)

    def test_replies_overtake_each_other(self):
        """RFC 7766 6.2.1.1: one that others must answer first does not hold up the rest."""
        upstream, server = self.behind_another()
        s = self.connect(server)
        f = s.makefile("rb")
        slow, fast = query("a.slow.test", 1), b"\0\1" + query("www.example.test", 1)[2:]
        s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in (slow, fast, fast)))
        for _ in range(2):
            self.assertEqual(Reply(f.read(struct.unpack("!H", f.read(2))[0])).id, 1)
        self.answer(upstream)
        late = Reply(f.read(struct.unpack("!H", f.read(2))[0]))
        self.assertEqual((late.id, late.rcode, late.counts[1]), (0x4711, 0, 1))

    def test_who_waits_for_an_answer_is_not_idle(self):
        """RFC 7766 3: a server's connection is idle when it has answered all that came."""
        upstream, server = self.behind_another('tcp-idle-timeout = "200ms"')
        s = self.connect(server)
        s.sendall(struct.pack("!H", len(query("a.slow.test", 1))) + query("a.slow.test", 1))
        for _ in range(2):  # their time was over later than that of the first would have been
            self.assertTrue(self.is_closed(self.connect(server)))
        self.answer(upstream)
        f = s.makefile("rb")
        self.assertEqual(Reply(f.read(struct.unpack("!H", f.read(2))[0])).id, 0x4711)
        self.assertTrue(self.is_closed(s))

    def transferring(self, *more, **options):
        """A connection on which a zone of 12 MB was asked for, and more behind it."""
        server = self.server(zone="small.test", **options,
                             extra='zone "large.test" { file = "%s" allow-transfer = { "127.0.0.1" } }' % self.large())
        s = socket.socket()
        self.addCleanup(s.close)
        s.settimeout(20)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.connect(("127.0.0.1", server.port))
        s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in (query("large.test", 252), *more)))
        return server, s

    def large(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, "large")
        path.write_text("$TTL 1h\n@ SOA ns1 hostmaster 1 15m 10m 1d 300\n@ NS ns1\nns1 A 192.0.2.1\n"
                        f'$GENERATE 1-50000 h$ TXT "{"x" * 230}"\n')
        return path

    def replies(self, s):
        """All that come, by ID, until the end."""
        f, ids = s.makefile("rb"), []
        while length := f.read(2):
            message = f.read(struct.unpack("!H", length)[0])
            self.assertEqual(len(message), struct.unpack("!H", length)[0])
            ids.append(struct.unpack("!H", message[:2])[0])
        return ids

    def test_questions_behind_a_transfer_are_answered_after_the_end_of_the_client(self):
        behind = [struct.pack("!H", i) + query("large.test")[2:] for i in (1, 2, 3)]
        server, s = self.transferring(*behind)
        s.shutdown(socket.SHUT_WR)
        ids = self.replies(s)
        self.assertEqual(ids[-3:], [1, 2, 3])
        self.assertEqual(set(ids[:-3]), {0x4711})
        self.assertEqual(server.program.end(), 0)

    def test_many_connections_and_many_in_flight(self):
        server = self.server()
        errors = []

        def talk(number):
            try:
                with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
                    f = s.makefile("rb")
                    for _ in range(3):
                        s.sendall(b"".join(struct.pack("!H", len(query())) + struct.pack("!H", i) + query()[2:]
                                           for i in range(100)))
                        ids = [Reply(f.read(struct.unpack("!H", f.read(2))[0])).id for _ in range(100)]
                        if ids != list(range(100)):
                            errors.append((number, ids))
            except (OSError, struct.error) as e:
                errors.append((number, e))
        threads = [threading.Thread(target=talk, args=(i,)) for i in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])


if __name__ == "__main__":
    unittest.main()
