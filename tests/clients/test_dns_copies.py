"""Zones that change, with ordinary servers and clients: nsupdate, kdig, NSD and Knot as secondaries and as primaries."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import lab
from lab import free_port

ZONE = """$ORIGIN a.test.
$TTL 60
@ SOA ns hostmaster {serial} 3600 600 86400 60
  NS ns
ns A 127.0.0.1
www A 192.0.2.1
{more}
"""

PRIMARY = '''dnsd {{
  listen = {{ "127.0.0.1:0" }}
  zone "a.test" {{
    file           = "{directory}/a.zone"
    allow-transfer = {{ "127.0.0.0/8" }}
    allow-update   = {{ "127.0.0.1" }}
    {notify}
  }}
}}
'''
SECONDARY = '''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{port}" }}  allow-transfer = {{ "127.0.0.0/8" }} }}
}}
'''


def ask(port, *words):
    done = lab.run("kdig", "@127.0.0.1", "-p", port, "+short", "+time=1", "+retry=0", *words)
    return done.stdout.decode().split()


def serial(port):
    soa = ask(port, "a.test", "SOA")
    return int(soa[2]) if len(soa) > 2 and soa[2].isdigit() else None


def whole(port):
    """All records of a.test as text, the SOA once."""
    done = lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "+time=5", "a.test", "AXFR")
    return sorted({" ".join(line.split()) for line in done.stdout.decode().splitlines() if line and line[0] != ";"})


def update(port, *lines):
    text = "\n".join([f"server 127.0.0.1 {port}", "zone a.test", *lines, "send", ""])
    return lab.run("nsupdate", "-t", "5", input=text.encode())


class Peer:
    """Another server, until the test ends."""

    def __init__(self, test, *command):
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        stdin=subprocess.DEVNULL,
                                        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, start_new_session=True)
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(lab.END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Zones(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.addCleanup(shutil.rmtree, self.directory, True)

    def write_zone(self, number, more=""):
        path = self.directory / "a.zone"
        path.write_text(ZONE.format(serial=number, more=more))
        return path

    def primary(self, notify=(), **options):
        told = f'notify = {{ {", ".join(f"{chr(34)}127.0.0.1:{p}{chr(34)}" for p in notify)} }}' if notify else ""
        server = lab.Program(PRIMARY.format(directory=self.directory, notify=told), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def secondary(self, port, listen=0, **options):
        server = lab.Program(SECONDARY.format(port=port, listen=listen), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def follows(self, port, number):
        lab.until(lambda: serial(port) == number, lambda: f"serial is {serial(port)}, not {number}")

    def nsd(self, listen, zone):
        conf = self.directory / "nsd.conf"
        conf.write_text(f'''server:
  server-count: 1
  ip-address: 127.0.0.1@{listen}
  username: ""
  chroot: ""
  zonesdir: "{self.directory}"
  database: ""
  pidfile: "{self.directory}/nsd.pid"
  xfrdir: "{self.directory}"
  xfrdfile: "{self.directory}/xfrd.state"
  zonelistfile: "{self.directory}/zone.list"
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
zone:
  name: a.test
  {zone}
''')
        return Peer(self, "nsd", "-d", "-c", conf)

    def knot(self, listen, rest):
        storage = self.directory / "knot"
        storage.mkdir()
        conf = self.directory / "knot.conf"
        conf.write_text(f'''server:
  rundir: {storage}
  listen: 127.0.0.1@{listen}
database:
  storage: {storage}
template:
  - id: default
    storage: {storage}
{rest}''')
        return Peer(self, "knotd", "-c", conf)


@lab.needs("nsupdate", "kdig")
class Updates(Zones):
    def test_changes_are_seen_and_survive_a_crash(self):
        self.write_zone(1)
        server, port = self.primary()
        self.assertEqual(update(port, "update add new.a.test 60 A 192.0.2.9", "update delete www.a.test A").returncode, 0)
        self.assertEqual((ask(port, "new.a.test"), ask(port, "www.a.test"), serial(port)), (["192.0.2.9"], [], 2))
        server.kill()
        server, port = self.primary(state=server.directory)
        self.assertEqual((ask(port, "new.a.test"), ask(port, "www.a.test"), serial(port)), (["192.0.2.9"], [], 2))

    def test_none_of_many_changes_is_lost(self):
        """However many: the zone's file stays as it was, so each of them counts at the next start."""
        self.write_zone(1)
        server, port = self.primary()
        count = 700
        lines = []
        for i in range(count):
            lines += [f"update add n{i % 500}.a.test 60 TXT {i}", "send"]
        self.assertEqual(update(port, *lines[:-1]).returncode, 0)
        before = whole(port)
        self.assertEqual((serial(port), len(before)), (1 + count, 4 + count))
        for _ in range(2):
            server.kill()
            server, port = self.primary(state=server.directory)
            self.assertEqual(whole(port), before)
            self.assertEqual(update(port, f"update add again.a.test 60 TXT {port}").returncode, 0)
            before = whole(port)

    def test_prerequisites(self):
        self.write_zone(1)
        _, port = self.primary()
        for line, code in (("prereq nxdomain www.a.test", b"YXDOMAIN"), ("prereq yxdomain none.a.test", b"NXDOMAIN"),
                           ("prereq nxrrset www.a.test A", b"YXRRSET"), ("prereq yxrrset www.a.test AAAA", b"NXRRSET"),
                           ("prereq yxrrset www.a.test A 192.0.2.2", b"NXRRSET"), ("prereq yxdomain www.b.test", b"NOTZONE")):
            done = update(port, line, "update add new.a.test 60 A 192.0.2.9")
            self.assertIn(code, done.stderr + done.stdout, line)
        self.assertEqual((serial(port), ask(port, "new.a.test")), (1, []))
        done = update(port, "prereq yxrrset www.a.test A 192.0.2.1", "prereq nxdomain new.a.test", "update add new.a.test 60 A 192.0.2.9")
        self.assertEqual((done.returncode, serial(port)), (0, 2))

    def test_serials_by_the_clock(self):
        """The day, or the seconds; never the same twice (RFC 1982)."""
        self.write_zone(1)
        conf = PRIMARY.format(directory=self.directory, notify="serial-policy = date")
        with lab.Program(conf) as server:
            port, before = server.port("dnsd", "udp"), time.strftime("%Y%m%d00", time.gmtime())
            self.assertEqual(update(port, "update add new.a.test 60 A 192.0.2.9").returncode, 0)
            first, after = serial(port), time.strftime("%Y%m%d00", time.gmtime())
            self.assertIn(str(first), (before, after))
            self.assertEqual(update(port, "update add other.a.test 60 A 192.0.2.9").returncode, 0)
            self.assertIn(serial(port), (first + 1, int(after)))
        before = int(time.time()) - 60  # another clock than time() may be behind
        with lab.Program(conf.replace("= date", "= unixtime dnssec = true")) as server:
            port = server.port("dnsd", "udp")
            signed = serial(port)
            self.assertTrue(before <= signed <= time.time() + 60, signed)
            self.assertEqual(update(port, "update add new.a.test 60 A 192.0.2.9").returncode, 0)
            self.assertTrue(signed < serial(port) <= time.time() + 60)

    def test_not_from_everybody_and_not_for_every_zone(self):
        self.write_zone(1)
        _, port = self.primary()
        refused = lab.run("nsupdate", "-t", "5", input=f"local 127.0.0.2\nserver 127.0.0.1 {port}\nzone a.test\nupdate add x.a.test 60 A "
                          "192.0.2.9\nsend\n".encode())
        self.assertIn(b"REFUSED", refused.stderr + refused.stdout)
        other = lab.run("nsupdate", "-t", "5", input=f"server 127.0.0.1 {port}\nzone b.test\nupdate add x.b.test 60 A 192.0.2.9\n"
                        "send\n".encode())
        self.assertIn(b"NOTAUTH", other.stderr + other.stdout)
        outside = update(port, "update add x.b.test 60 A 192.0.2.9")
        self.assertIn(b"NOTZONE", outside.stderr + outside.stdout)
        chaos = update(port, "class CH", "update add x.a.test 60 TXT x")  # RFC 2136 3.1.1: no zone of this class is ours
        self.assertIn(b"NOTAUTH", chaos.stderr + chaos.stdout)

    def test_an_update_that_fails_is_told_of_with_its_reason(self):
        self.write_zone(1)
        server, port = self.primary()
        for line, code in (("prereq yxdomain no.a.test", "NXDOMAIN"), ("prereq nxdomain www.a.test", "YXDOMAIN"),
                           ("prereq yxrrset www.a.test MX", "NXRRSET"), ("prereq nxrrset www.a.test A", "YXRRSET"),
                           ("prereq yxrrset www.a.test A 192.0.2.9", "NXRRSET"), ("update add x.b.test 60 A 192.0.2.9", "NOTZONE"),
                           ("update add x.a.test 60 NSEC a.test. A", "REFUSED")):
            done = update(port, line, "update add y.a.test 60 A 192.0.2.9")
            self.assertIn(code.encode(), done.stdout + done.stderr, line)
        self.assertEqual(ask(port, "y.a.test", "A"), [])
        self.assertEqual(len(set(re.findall('dns.update.refused.*reason="(.*?)"', server.log()))), 7, server.log())

    def test_the_case_of_names_is_no_difference(self):
        self.write_zone(1, "mail MX 10 WWW")
        _, port = self.primary()
        self.assertEqual(update(port, "prereq yxrrset A.test NS NS.A.test.", "update add mail.a.test 60 MX 20 www.a.test.").returncode, 0)
        self.assertEqual(update(port, "update add mail.a.test 60 MX 20 Www.a.test.").returncode, 0)
        self.assertEqual(len(ask(port, "mail.a.test", "MX")), 4)  # two records
        self.assertEqual(update(port, "update delete mail.a.test MX 10 www.a.test.").returncode, 0)
        self.assertEqual(ask(port, "mail.a.test", "MX"), ["20", "Www.a.test."])  # as it came last

    def test_the_zone_keeps_its_soa_and_a_name_server(self):
        self.write_zone(5)
        _, port = self.primary()
        update(port, "update delete a.test SOA", "update delete a.test NS")  # RFC 2136 3.4.2.3: passed over
        self.assertEqual((serial(port) >= 5, ask(port, "a.test", "NS")), (True, ["ns.a.test."]))
        update(port, "update add www.a.test 60 CNAME ns.a.test.")  # 3.4.2.2: not beside others
        self.assertEqual(ask(port, "www.a.test", "A"), ["192.0.2.1"])

    def test_ixfr_tells_what_changed(self):
        self.write_zone(1)
        _, port = self.primary()
        update(port, "update add new.a.test 60 A 192.0.2.9")
        update(port, "update delete www.a.test")
        out = lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "a.test", "IXFR=1").stdout.decode()
        self.assertIn("new.a.test.", out)
        self.assertNotIn("ns.a.test.\tA", out.replace("  ", "\t"))
        self.assertGreaterEqual(out.count("SOA"), 4)  # RFC 1995 4: at both ends and before each part
        same = lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "a.test", "IXFR=3").stdout.decode()
        self.assertEqual(same.count("SOA"), 1)
        self.assertEqual(len(whole(port)), 4)


class Followed(Zones):
    """Ours is the primary; `port` is where a secondary answers."""

    def check(self, listen, start):
        self.write_zone(1)
        _, port = self.primary(notify=(listen,))
        start(port)
        self.follows(listen, 1)
        self.assertEqual(whole(listen), whole(port))
        for number in (2, 3, 4):
            update(port, f"update add host{number}.a.test 60 A 192.0.2.{number}", "update delete www.a.test")
            self.follows(listen, number)  # by NOTIFY: the refresh time of the zone is an hour
        self.assertEqual(whole(listen), whole(port))
        self.assertEqual((ask(listen, "host4.a.test"), ask(listen, "www.a.test")), (["192.0.2.4"], []))

    @lab.needs("nsupdate", "kdig", "nsd")
    def test_nsd_follows(self):
        listen = free_port()
        self.check(listen, lambda port: self.nsd(listen, f"request-xfr: 127.0.0.1@{port} NOKEY\n  allow-notify: 127.0.0.1 NOKEY\n"
                                                "  provide-xfr: 127.0.0.1 NOKEY"))

    @lab.needs("nsupdate", "kdig", "knotd")
    def test_knot_follows(self):
        listen = free_port()
        self.check(listen, lambda port: self.knot(listen, f'''remote:
  - id: up
    address: 127.0.0.1@{port}
acl:
  - id: told
    address: 127.0.0.1
    action: notify
  - id: any
    address: 127.0.0.1
    action: transfer
zone:
  - domain: a.test
    master: up
    acl: [told, any]
'''))

    @lab.needs("nsupdate", "kdig")
    def test_ours_follows_ours(self):
        listen = free_port()
        self.check(listen, lambda port: self.secondary(port, listen))


class Following(Zones):
    """Ours is the secondary of others."""

    @lab.needs("kdig", "nsd")
    def test_ours_follows_nsd(self):
        listen, ours = free_port(), free_port()
        self.write_zone(1)
        peer = self.nsd(listen, f'zonefile: {self.directory}/a.zone\n  provide-xfr: 127.0.0.1 NOKEY\n  notify: 127.0.0.1@{ours} NOKEY')
        self.follows(listen, 1)
        self.secondary(listen, ours)
        self.follows(ours, 1)
        self.write_zone(7, "more TXT \"by hand\"")
        peer.process.send_signal(signal.SIGHUP)
        self.follows(ours, 7)
        self.assertEqual(whole(ours), whole(listen))
        self.assertEqual(ask(ours, "more.a.test", "TXT"), ['"by', 'hand"'])

    @lab.needs("kdig", "knotd", "knotc")
    def test_ours_follows_knot(self):
        listen, ours = free_port(), free_port()
        self.write_zone(1)
        self.knot(listen, f'''remote:
  - id: down
    address: 127.0.0.1@{ours}
acl:
  - id: any
    address: 127.0.0.1
    action: [transfer, update]
zone:
  - domain: a.test
    file: {self.directory}/a.zone
    notify: down
    acl: any
''')
        self.follows(listen, 1)
        server, port = self.secondary(listen, ours)
        self.follows(ours, 1)
        for number in (2, 3):
            update(listen, f"update add host{number}.a.test 60 AAAA 2001:db8::{number}", "update delete www.a.test A")
            self.follows(ours, number)
        self.assertEqual(whole(ours), whole(listen))
        self.assertIn("by=IXFR", server.log())

    @lab.needs("kdig")
    def test_a_primary_that_gives_little_at_a_time_is_left(self):
        """The zone is endless: a message now and then, so that nothing ever stalls."""
        ended = threading.Event()
        self.addCleanup(ended.set)
        slow = free_port()
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (udp, tcp):
            s.bind(("127.0.0.1", slow))
            self.addCleanup(s.close)
        tcp.listen()
        soa = b"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x16\0\0" + struct.pack("!5I", 1, 3600, 600, 86400, 60)

        def answer(question, record):
            return question[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + question[12:24] + record

        def checks():
            while not ended.is_set():
                try:
                    question, peer = udp.recvfrom(512)
                    udp.sendto(answer(question, soa), peer)
                except OSError:
                    return

        def transfers():
            try:
                connection, _ = tcp.accept()
                question = connection.recv(512)[2:]
                record = soa
                while not ended.wait(0.05):
                    message = answer(question, record)
                    connection.sendall(struct.pack("!H", len(message)) + message)
                    record = b"\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\2\1" + os.urandom(1)
            except OSError:
                pass  # ours has ended it

        for run in (checks, transfers):
            threading.Thread(target=run, daemon=True).start()
        server = lab.Program('dnsd {\n listen = { "127.0.0.1:0" }\n'
                             f' zone "a.test" {{ primaries = {{ "127.0.0.1:{slow}" }}  max-transfer-time = "1s" }}\n}}\n')
        self.addCleanup(server.close)
        server.wait_log("takes longer than max-transfer-time")

    def test_what_is_said_while_a_check_fails_is_not_forgotten(self):
        question = b"\1a\4test\0\0\6\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as primary, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            primary.bind(("127.0.0.1", 0))
            primary.settimeout(8)  # a check that failed is repeated after nine seconds
            other.settimeout(8)
            _, port = self.secondary(primary.getsockname()[1])
            asked, whence = primary.recvfrom(512)
            other.sendto(b"\1\2\x24\0\0\1\0\0\0\0\0\0" + question, ("127.0.0.1", port))
            self.assertEqual(other.recv(512)[:4], b"\1\2\xa0\0", "the NOTIFY is taken")
            primary.sendto(asked[:2] + b"\x80\5" + asked[4:], whence)
            self.assertIn(question, primary.recvfrom(512)[0])

    def test_a_copy_is_served_while_the_primary_is_away(self):
        ours = free_port()
        self.write_zone(3)
        primary, port = self.primary()
        secondary, _ = self.secondary(port, ours)
        self.follows(ours, 3)
        kept = secondary.directory / "state" / "dnsd"
        lab.until(lambda: list(kept.glob("*.copy")), "the copy is not on disk")
        primary.kill()
        secondary.kill()
        self.secondary(port, ours, state=secondary.directory)
        self.follows(ours, 3)
        self.assertEqual(ask(ours, "www.a.test"), ["192.0.2.1"])

    def test_a_reload_does_not_make_a_copy_young_again(self):
        ours = free_port()
        (self.directory / "a.zone").write_text(ZONE.format(serial=3, more="").replace("3600 600 86400", "2 2 3"))
        primary, port = self.primary()
        secondary, _ = self.secondary(port, ours)
        self.follows(ours, 3)
        primary.kill()
        began = time.monotonic()
        while "event=dns.zone.expired" not in secondary.log():
            secondary.reload()
            self.assertLess(time.monotonic() - began, lab.END_S)
        self.assertEqual(ask(ours, "www.a.test"), [])


if __name__ == "__main__":
    unittest.main()
