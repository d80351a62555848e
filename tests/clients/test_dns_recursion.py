"""Recursion: dig, and Unbound on both sides, against a dnsd that forwards or walks down from the root."""
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import lab
from lab import free_port

NOSTARCH = b"\x03www\x08nostarch\x03com\x00\x00\x01\x00\x01"


def header(identifier, flags, *counts):
    return struct.pack("!HHHHHH", identifier, flags, *counts)


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.rstrip(".").split(".") if label) + b"\0"


def record(owner, kind, ttl, data):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address(text):
    return socket.inet_aton(text)


def question_of(query):
    """Name, type and class, without the OPT that may follow."""
    return query[12:query.index(b"\0", 12) + 5]


def plain_answer(query, source=None):
    """A: 72.32.92.4 with a TTL of 3600, as the reference capture has it."""
    return (header(struct.unpack("!H", query[:2])[0], 0x8180, 1, 1, 0, 0) + question_of(query) +
            record(b"\xc0\x0c", 1, 3600, address("72.32.92.4")))


class Upstream:
    """A resolver that the test writes: answer(query, source) -> messages."""

    def __init__(self, answer=plain_answer, at="127.0.0.1"):
        self.answer, self.queries, self.sources = answer, [], []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((at, 0))
        self.port = self.socket.getsockname()[1]
        self.arrived = threading.Condition()
        self.go = threading.Event()
        self.go.set()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            query, source = self.socket.recvfrom(4096)
            if not query:
                return
            with self.arrived:
                self.queries.append(query)
                self.sources.append(source)
                self.arrived.notify_all()
            self.go.wait(20)
            answers = self.answer(query, source)
            for message in answers if isinstance(answers, list) else [answers]:
                if message:
                    self.socket.sendto(message, source)

    def wait_queries(self, count):
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.queries) >= count, 10):
                raise AssertionError(f"{len(self.queries)} queries came, not {count}")

    def close(self):
        self.go.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def forwarding(*ports, more="", forward=""):
    to = ", ".join(f'"127.0.0.1:{p}"' for p in ports)
    return (f'dnsd {{ listen = {{ "127.0.0.1:0" }} allow-recursion = {{ "127.0.0.0/8" }} {more} '
            f'forward "." {{ to = {{ {to} }} {forward} }} }}\n')


def ask(server, message, wait=True):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.connect(("127.0.0.1", server.port("dnsd", "udp")))
    s.send(message)
    if not wait:
        return s
    with s:
        return s.recv(4096)


def dig(server, *words, port=None):
    done = lab.run("dig", "@127.0.0.1", "-p", port or server.port("dnsd", "udp"), "+tries=1", "+time=9", *words)
    return done.stdout.decode()


def status(text):
    found = re.search(r"status: (\w+)", text)
    return found.group(1) if found else text


def flags(text):
    return re.search(r"flags: ([a-z ]*)", text).group(1).split()


@lab.needs("dig")
class Forward(unittest.TestCase):
    def test_the_reference_capture(self):
        """dns_recursivequery: another id and port upstream, nothing added on either leg, the TTL as it came."""
        with Upstream() as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            reply = ask(server, header(0x8b34, 0x0100, 1, 0, 0, 0) + NOSTARCH)
            self.assertEqual(reply, header(0x8b34, 0x8180, 1, 1, 0, 0) + NOSTARCH +
                             record(b"\xc0\x0c", 1, 3600, address("72.32.92.4")))
            self.assertEqual(len(up.queries), 1)
            self.assertEqual(up.queries[0][2:], header(0, 0x0100, 1, 0, 0, 0)[2:] + NOSTARCH)

    def test_reverse_lookup_and_a_name_that_does_not_exist(self):
        """dns_reverse_lookup, dns_query_nonexistent"""
        soa = (name("a.gtld-servers.net") + name("nstld.verisign-grs.com") +
               struct.pack("!IIIII", 1490970238, 1800, 900, 604800, 86400))

        def answer(query, source):
            identifier = struct.unpack("!H", query[:2])[0]
            if b"in-addr" in query:
                return (header(identifier, 0x8180, 1, 1, 0, 0) + query[12:] +
                        record(b"\xc0\x0c", 12, 86400, name("host.example.net")))
            return header(identifier, 0x8183, 1, 0, 1, 0) + query[12:] + record(name("net"), 6, 899, soa)

        with Upstream(answer) as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            out = dig(server, "+noedns", "-x", "192.0.2.7")
            self.assertRegex(out, r"7\.2\.0\.192\.in-addr\.arpa\.\s+86400\s+IN\s+PTR\s+host\.example\.net\.")
            out = dig(server, "+noedns", "12498283719301382971974.net")
            self.assertEqual((status(out), flags(out)), ("NXDOMAIN", ["qr", "rd", "ra"]))
            self.assertRegex(out, r"QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 0")
            self.assertRegex(out, r"AUTHORITY SECTION:\nnet\.\s+899\s+IN\s+SOA\s+a\.gtld-servers\.net\. "
                                  r"nstld\.verisign-grs\.com\. 1490970238 1800 900 604800 86400")

    def test_identifiers_and_ports_cannot_be_guessed(self):
        with Upstream() as up, lab.Program(forwarding(up.port)) as server:
            for i in range(24):
                ask(server, header(7, 0x0100, 1, 0, 0, 0) + name(f"n{i}.test") + b"\0\1\0\1")
            ids = [struct.unpack("!H", q[:2])[0] for q in up.queries]
            ports = [s[1] for s in up.sources]
            self.assertGreater(len(set(ids)), 20)
            self.assertGreater(len(set(ports)), 20)
            self.assertGreater(max(ports) - min(ports), 10000)
            self.assertGreater(max(ids) - min(ids), 10000)

    def test_forged_answers_are_not_looked_at(self):
        def answer(query, source):
            identifier = struct.unpack("!H", query[:2])[0]
            bad = record(b"\xc0\x0c", 1, 3600, address("6.6.6.6"))
            question = question_of(query)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:  # the right id from another port
                other.sendto(header(identifier, 0x8180, 1, 1, 0, 0) + question + bad, source)
            return [header(identifier ^ 1, 0x8180, 1, 1, 0, 0) + question + bad,
                    header(identifier, 0x8180, 1, 1, 0, 0) + name("other.test") + b"\0\1\0\1" + bad,
                    header(identifier, 0x0100, 1, 1, 0, 0) + question + bad,
                    b"\0", plain_answer(query)]

        with Upstream(answer) as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            self.assertEqual(dig(server, "+short", "www.nostarch.com").strip(), "72.32.92.4")
            server.wait_log("event=dns.upstream.stray")

    def test_many_clients_and_one_query(self):
        with Upstream() as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            up.go.clear()
            waiting = [ask(server, header(i, 0x0100, 1, 0, 0, 0) + NOSTARCH, wait=False) for i in range(50)]
            up.wait_queries(1)
            ask(server, header(1, 0x0100, 1, 0, 0, 0) + name("self.test") + b"\0\1\0\3")  # CHAOS: at once, after them
            up.go.set()
            for i, s in enumerate(waiting):
                with s:
                    self.assertEqual(s.recv(4096)[:4], header(i, 0x8180, 0, 0, 0, 0)[:4])
            self.assertEqual(sum(NOSTARCH in q for q in up.queries), 1)

    def test_too_many_questions(self):
        """Past the bound: SERVFAIL at once, and told once."""
        with Upstream(lambda q, s: None) as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                s.connect(("127.0.0.1", server.port("dnsd", "udp")))
                for i in range(600):
                    s.send(header(i, 0x0100, 1, 0, 0, 0) + name(f"n{i}.test") + b"\0\1\0\1")
                    if i % 50 == 49:  # the kernel's queue is not what is tested
                        s.send(header(1000, 0x0100, 1, 0, 0, 0) + name("self.test") + b"\0\1\0\3")
                        while (reply := s.recv(4096))[:2] != b"\x03\xe8":
                            self.assertGreaterEqual(struct.unpack("!H", reply[:2])[0], 512)
                            self.assertEqual(reply[2:4], b"\x81\x82")
            self.assertEqual(server.log().count("event=dns.recursion.crowded"), 1)
            self.assertEqual(status(dig(server, "version.bind", "CH", "TXT")), "REFUSED")  # others are served
            server.kill()  # who waits is waited for, and nobody will answer

    def test_nobody_else_may_ask(self):
        conf = ('dnsd { listen = { "127.0.0.1:0" } allow-recursion = { "127.0.0.2" } '
                'forward "." { to = { "127.0.0.1:%d" } } }\n')
        with Upstream() as up, lab.Program(conf % up.port) as server:
            out = dig(server, "www.nostarch.com")
            self.assertEqual((status(out), "ra" in flags(out)), ("REFUSED", False))
            self.assertEqual(len(up.queries), 0)
            out = dig(server, "-b", "127.0.0.2", "www.nostarch.com")
            self.assertEqual((status(out), "ra" in flags(out)), ("NOERROR", True))
            self.assertEqual(status(dig(server, "www.nostarch.com")), "REFUSED")  # nor look into the cache

    def test_without_rd_nothing_is_looked_up(self):
        with Upstream() as up, lab.Program(forwarding(up.port)) as server:
            self.assertEqual(status(dig(server, "+norecurse", "www.nostarch.com")), "REFUSED")
            self.assertEqual(len(up.queries), 0)

    def test_checking_disabled_comes_back_and_nothing_is_authentic(self):
        """RFC 4035 3.2: of a resolver that does not validate."""
        with Upstream() as up, lab.Program(forwarding(up.port)) as server:
            out = dig(server, "+cdflag", "+adflag", "+dnssec", "www.nostarch.com")
            self.assertEqual(flags(out), ["qr", "rd", "ra", "cd"])
            self.assertRegex(out, r"EDNS: version: 0, flags: do;")

    def test_upstreams_that_are_dead(self):
        with Upstream(lambda q, s: None) as silent, Upstream() as up:
            with lab.Program(forwarding(free_port(), silent.port, up.port)) as server:
                self.assertEqual(dig(server, "+short", "www.nostarch.com").strip(), "72.32.92.4")
        with lab.Program(forwarding(free_port(), free_port())) as server:
            out = dig(server, "www.nostarch.com")
            self.assertEqual(status(out), "SERVFAIL")
            self.assertIn("EDE: 23 (Network Error)", out)
            self.assertIn("EDE: 13 (Cached Error)", dig(server, "www.nostarch.com"))  # RFC 9520
            self.assertNotIn("EDE", dig(server, "+noedns", "www.nostarch.com"))

    def test_an_upstream_without_edns(self):
        def no_edns(query, source):
            if query[11]:  # an additional record
                return header(struct.unpack("!H", query[:2])[0], 0x8181, 0, 0, 0, 0)
            return plain_answer(query)

        def drops_edns(query, source):
            return None if query[11] else plain_answer(query)

        for answer in (no_edns, drops_edns):
            with self.subTest(answer=answer.__name__), Upstream(answer) as up:
                with lab.Program(forwarding(up.port)) as server:
                    self.assertEqual(dig(server, "+short", "www.nostarch.com").strip(), "72.32.92.4")
                    self.assertEqual([q[11] for q in up.queries], [1, 0])

    def test_bad_messages_from_upstream(self):
        def bad(query, source):
            return plain_answer(query)[:-1]

        with Upstream(bad) as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            self.assertEqual(status(dig(server, "www.nostarch.com")), "SERVFAIL")
            up.answer = plain_answer
            self.assertEqual(status(dig(server, "other.test")), "NOERROR")

    def test_a_client_by_tcp(self):
        """Replies may overtake each other (RFC 7766 6.2.1.1); a client that goes leaves nothing behind."""
        with Upstream() as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            self.assertEqual(dig(server, "+tcp", "+short", "fast.test").strip(), "72.32.92.4")
            up.go.clear()
            slow = header(1, 0x0100, 1, 0, 0, 0) + NOSTARCH
            fast = header(2, 0x0100, 1, 0, 0, 0) + name("fast.test") + b"\0\1\0\1"
            port = server.port("dnsd", "tcp")
            gone = socket.create_connection(("127.0.0.1", port), 5)
            gone.sendall(struct.pack("!H", len(slow)) + slow)
            up.wait_queries(2)
            gone.close()
            with socket.create_connection(("127.0.0.1", port), 10) as s:
                s.sendall(struct.pack("!H", len(slow)) + slow + struct.pack("!H", len(fast)) + fast)
                s.shutdown(socket.SHUT_WR)  # both are owed all the same
                stream = s.makefile("rb")
                first = stream.read(struct.unpack("!H", stream.read(2))[0])
                self.assertEqual(first[:4], header(2, 0x8180, 0, 0, 0, 0)[:4])
                up.go.set()
                second = stream.read(struct.unpack("!H", stream.read(2))[0])
                self.assertEqual(second[:4], header(1, 0x8180, 0, 0, 0, 0)[:4])
                self.assertEqual(stream.read(), b"")
            self.assertEqual(server.end(), 0)

    def test_what_waits_is_answered_before_the_end(self):
        with Upstream() as up, lab.Program(forwarding(up.port, forward="edns = false")) as server:
            up.go.clear()
            with ask(server, header(9, 0x0100, 1, 0, 0, 0) + NOSTARCH, wait=False) as s:
                up.wait_queries(1)
                server.signal(signal.SIGTERM)
                server.wait_log("event=stopping")
                up.go.set()
                self.assertEqual(s.recv(4096)[:4], header(9, 0x8180, 0, 0, 0, 0)[:4])
            self.assertEqual(server.process.wait(lab.END_S), 0)

    def test_reload_leads_elsewhere(self):
        other = lambda q, s: plain_answer(q)[:-4] + address("192.0.2.99")
        with Upstream() as one, Upstream(other) as two, lab.Program(forwarding(one.port, forward="edns = false")) as server:
            one.go.clear()
            with ask(server, header(9, 0x0100, 1, 0, 0, 0) + NOSTARCH, wait=False) as s:
                one.wait_queries(1)
                state = server.conf.read_text().splitlines()[0]
                listen = f'listen = {{ "127.0.0.1:0" }}'
                self.assertIn(listen, server.conf.read_text())
                server.conf.write_text(state + "\n" + forwarding(two.port, forward="edns = false"))
                server.reload()
                self.assertEqual(s.recv(4096)[-4:], address("192.0.2.99"))  # what was under way began anew
            one.go.set()
            server.conf.write_text(state + f'\ndnsd {{ {listen} zone "a.test" {{ file = "a.zone" }} }}\n')
            (server.directory / "a.zone").write_text("$TTL 60\n@ SOA ns x 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
            server.reload()
            self.assertEqual(status(dig(server, "www.nostarch.com")), "REFUSED")

    def test_our_zones_come_first(self):
        with Upstream() as up, tempfile.TemporaryDirectory() as directory:
            zone = pathlib.Path(directory, "z")
            zone.write_text("$TTL 60\n@ SOA ns x 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nout CNAME in\n"
                            "in CNAME www.elsewhere.test.\n")
            with lab.Program(forwarding(up.port, more=f'zone "a.test" {{ file = "{zone}" }}')) as server:
                out = dig(server, "ns.a.test")
                self.assertEqual(flags(out), ["qr", "aa", "rd", "ra"])
                self.assertEqual(status(dig(server, "nope.a.test")), "NXDOMAIN")
                self.assertEqual(len(up.queries), 0)
                out = dig(server, "out.a.test")  # an alias of ours that leads out is followed
                self.assertEqual(re.findall(r"\s(CNAME|A)\s+(\S+)$", out, re.M),
                                 [("CNAME", "in.a.test."), ("CNAME", "www.elsewhere.test."), ("A", "72.32.92.4")])
                self.assertEqual(dig(server, "+short", "out.a.test").split()[-1], "72.32.92.4")  # cached
                self.assertEqual(len(up.queries), 1)


ROOT = """$TTL 3600
@ SOA a.root.test. x. 1 2 3 4 300
@ NS a.root.test.
a.root.test. A {0}.1
com. NS a.gtld.test.
com. NS b.gtld.com.
com. NS dead.gtld.com.
b.gtld.com. A {0}.2
dead.gtld.com. A {0}.9
test. NS ns.test.
ns.test. A {0}.1
"""
TEST = """$TTL 3600
@ SOA ns x 1 2 3 4 300
@ NS ns
ns A {0}.1
a.gtld A {0}.2
alias CNAME www.nostarch.com.
"""
COM = """$TTL 3600
@ SOA b.gtld x 1 2 3 4 300
@ NS b.gtld
b.gtld A {0}.2
dead.gtld A {0}.9
nostarch NS ns1.nostarch
ns1.nostarch A {0}.3
glueless NS dns.test.
lame NS ns1.nostarch
"""
NOSTARCH_ZONE = """$TTL 3600
@ SOA ns1 x 1 2 3 4 300
@ NS ns1
@ MX 10 mail
ns1 A {0}.3
www A 72.32.92.4
away CNAME alias.test.
big TXT {1}
"""
GLUELESS = "$TTL 3600\n@ SOA dns.test. x 1 2 3 4 300\n@ NS dns.test.\nwww A 10.1.1.1\n"


class World:
    """A root, test, com, nostarch.com and glueless.com on three addresses with one port; a resolver without a
    zone of its own."""
    NET = "127.77.3"

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.programs = []
        big = " ".join(f'"{c * 200}"' for c in "abcdefghij")
        zones = {"root": ROOT, "test": TEST + f"dns A {self.NET}.3\n", "com": COM, "nostarch.com": NOSTARCH_ZONE,
                 "glueless.com": GLUELESS}
        for zone, text in zones.items():
            self.path(zone).write_text(text.format(self.NET, big))
        self.path("hints").write_text(f". 3600 NS a.root.test.\na.root.test. 3600 A {self.NET}.1\n")
        try:
            self.root = self.start(1, 0, {".": "root", "test": "test"})
            self.port = self.root.port("dnsd", "udp")
            self.com = self.start(2, self.port, {"com": "com"})
            self.nostarch = self.start(3, self.port, {"nostarch.com": "nostarch.com", "glueless.com": "glueless.com"})
            self.resolver = self.new_resolver()
        except BaseException:
            self.close()
            raise

    def path(self, zone):
        return pathlib.Path(self.directory.name, zone)

    def program(self, conf):
        self.programs.append(lab.Program(conf))
        return self.programs[-1]

    def new_resolver(self):
        return self.program(f'dnsd {{ listen = {{ "127.0.0.1:0" }} allow-recursion = {{ "127.0.0.0/8" }} '
                            f'root-hints = "{self.path("hints")}" query-port = {self.port} }}\n')

    def start(self, host, port, zones):
        rows = " ".join(f'zone "{apex}" {{ file = "{self.path(file)}" }}' for apex, file in zones.items())
        return self.program(f'dnsd {{ listen = {{ "{self.NET}.{host}:{port}" }} {rows} }}\n')

    def close(self):
        for program in self.programs:
            program.close()
        self.directory.cleanup()


@lab.needs("dig")
class FromTheRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def dig(self, *words):
        return dig(self.world.resolver, *words)

    def test_down_to_the_name(self):
        resolver = self.world.new_resolver()
        servers = (self.world.root, self.world.com, self.world.nostarch)
        count = lambda: [server.log().count("name=www.nostarch.com.") for server in servers]
        before = count()
        out = dig(resolver, "www.nostarch.com")
        self.assertEqual((status(out), flags(out)), ("NOERROR", ["qr", "rd", "ra"]))
        self.assertRegex(out, r"www\.nostarch\.com\.\s+3600\s+IN\s+A\s+72\.32\.92\.4")
        after = count()
        self.assertEqual(after, [n + 1 for n in before])
        self.assertEqual(status(dig(resolver, "www.nostarch.com")), "NOERROR")
        self.assertEqual(count(), after)

    def test_without_glue(self):
        self.assertEqual(self.dig("+short", "www.glueless.com").strip(), "10.1.1.1")

    def test_an_alias_over_three_zones(self):
        self.assertEqual(self.dig("+short", "away.nostarch.com").split(), ["alias.test.", "www.nostarch.com.", "72.32.92.4"])

    def test_noes(self):
        out = self.dig("nope.nostarch.com")
        self.assertEqual((status(out), "aa" in flags(out)), ("NXDOMAIN", False))
        self.assertRegex(out, r"AUTHORITY SECTION:\nnostarch\.com\.\s+300\s+IN\s+SOA")
        out = self.dig("www.nostarch.com", "MX")
        self.assertEqual((status(out), "ANSWER: 0, AUTHORITY: 1" in out), ("NOERROR", True))
        self.assertEqual(status(self.dig("nope")), "NXDOMAIN")

    def test_truncated_comes_by_tcp(self):
        out = self.dig("+bufsize=4096", "+tcp", "big.nostarch.com", "TXT")
        self.assertIn("j" * 200, out)
        self.assertRegex(self.world.resolver.log(), r"protocol=tcp name=big\.nostarch\.com\. type=TXT")
        self.assertIn("tc", flags(self.dig("+ignore", "+bufsize=1232", "big.nostarch.com", "TXT")))

    def test_a_lame_server(self):
        out = self.dig("www.lame.com")
        self.assertEqual(status(out), "SERVFAIL")
        self.assertIn("EDE: 22 (No Reachable Authority)", out)


UNBOUND = """server:
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  num-threads: 1
  so-rcvbuf: 0
  local-zone: "test." nodefault
  {more}
remote-control:
  control-enable: no
{zones}
"""


class Unbound:
    def __init__(self, zones, more=""):
        self.directory = tempfile.TemporaryDirectory()
        self.port = free_port()
        conf = pathlib.Path(self.directory.name, "unbound.conf")
        conf.write_text(UNBOUND.format(port=self.port, directory=self.directory.name, zones=zones, more=more))
        self.process = subprocess.Popen(["/usr/sbin/unbound", "-d", "-c", str(conf)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab.until(lambda: status(dig(None, "localhost", port=self.port)) == "NOERROR", "unbound does not answer")

    def close(self):
        self.process.terminate()
        self.process.wait(lab.END_S)
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@lab.needs("unbound")
class WithUnbound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    QUESTIONS = (("www.nostarch.com", "A", "NOERROR", "72.32.92.4"), ("away.nostarch.com", "A", "NOERROR", "72.32.92.4"),
                 ("nostarch.com", "MX", "NOERROR", "10 mail.nostarch.com."), ("nope.nostarch.com", "A", "NXDOMAIN", "SOA"),
                 ("www.nostarch.com", "AAAA", "NOERROR", "SOA"), ("big.nostarch.com", "TXT", "NOERROR", "j" * 200))

    def ask_all(self, server, port=None):
        for owner, kind, code, text in self.QUESTIONS:
            with self.subTest(owner=owner, kind=kind):
                out = dig(server, owner, kind, port=port)
                self.assertEqual(status(out), code)
                self.assertIn(text, out)

    def test_unbound_forwards_to_us(self):
        port = self.world.resolver.port("dnsd", "udp")
        with Unbound(f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{port}\n') as unbound:
            self.ask_all(None, unbound.port)

    def test_we_forward_to_unbound(self):
        port = self.world.resolver.port("dnsd", "udp")
        with Unbound(f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{port}\n') as unbound:
            with lab.Program(forwarding(unbound.port)) as server:
                self.ask_all(server)

    def test_unbound_iterates_over_our_zones(self):
        """What we say as authorities leads another resolver as it leads ours."""
        stub = f'stub-zone:\n  name: "nostarch.com"\n  stub-addr: {World.NET}.3@{self.world.port}\n'
        stub += f'stub-zone:\n  name: "test"\n  stub-addr: {World.NET}.1@{self.world.port}\n'
        with Unbound(stub) as unbound:
            self.assertEqual(dig(None, "+short", "away.nostarch.com", port=unbound.port).split()[-1], "72.32.92.4")

    def test_we_forward_to_ourselves(self):
        port = self.world.resolver.port("dnsd", "udp")
        with lab.Program(forwarding(port)) as server:
            self.ask_all(server)


if __name__ == "__main__":
    unittest.main()
