"""ISC dhclient -6 in a network of two hosts, a client of a few lines on its multicast group, and relays on a plain
socket, against dhcpd."""
import pathlib
import re
import resource
import socket
import sqlite3
import struct
import tempfile
import unittest

import lab

(SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE, RECONFIGURE, INFORMATION, FORWARD,
 RELAYED) = range(1, 14)
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, ORO, RELAY_MESSAGE, STATUS, INTERFACE_ID, IA_PD = 1, 2, 3, 5, 6, 9, 13, 18, 25
NO_ADDRESS, NO_BINDING, NOT_ON_LINK, NO_PREFIX = 2, 3, 4, 6
SERVER_DUID = bytes.fromhex("000100011de4b858000c291fa755")
CLIENT_DUID = bytes.fromhex("000100011def69bd000c295e7744")
LINK = "2001:db8:1:2::1"

CONF = """dhcpd {
  listen = { "srv0" }
  duid = "00:01:00:01:1d:e4:b8:58:00:0c:29:1f:a7:55"
  subnet6 "2001:db8:1:2::/64" {
    pool = { "2001:db8:1:2::1002-2001:db8:1:2::1fff" }
    dns-servers = { "2001:db8::35" }
    domain-search = { "mydomain.example" }
  }
}
"""


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def option(code, value=b""):
    return struct.pack("!HH", code, len(value)) + value


def options(data):
    """[(code, value), ...]"""
    found = []
    while data:
        code, length = struct.unpack_from("!HH", data)
        found.append((code, data[4:4 + length]))
        assert len(found[-1][1]) == length, "an option is cut"
        data = data[4 + length:]
    return found


def ia(iaid=1, *addresses):
    inside = b"".join(option(IA_ADDRESS, ip6(a) + bytes(8)) for a in addresses)
    return option(IA_NA, struct.pack("!III", iaid, 0, 0) + inside)


def message(kind, *parts, duid=CLIENT_DUID, server=None, xid=0x123456):
    data = struct.pack("!I", kind << 24 | xid)
    data += option(CLIENT_ID, duid) if duid else b""
    data += option(SERVER_ID, server) if server else b""
    return data + b"".join(parts)


def relayed(inner, link=LINK, hops=0, interface=b"port7"):
    return struct.pack("!BB16s16s", FORWARD, hops, ip6(link), ip6("fe80::1")) + option(INTERFACE_ID, interface) + option(
        RELAY_MESSAGE, inner)


class Answer:
    def __init__(self, data):
        self.kind, self.xid = data[0], data[1:4]
        self.options = options(data[4:])
        self.codes = [code for code, _ in self.options]
        self.addresses, self.lifetimes, self.ia_status, self.times = {}, {}, {}, {}
        for value in (v for code, v in self.options if code == IA_NA):
            iaid, *times = struct.unpack_from("!III", value)
            self.times[iaid] = tuple(times)
            self.addresses.setdefault(iaid, [])
            for code, inner in options(value[12:]):
                if code == IA_ADDRESS:
                    address = socket.inet_ntop(socket.AF_INET6, inner[:16])
                    self.addresses[iaid].append(address)
                    self.lifetimes[address] = struct.unpack_from("!II", inner, 16)
                elif code == STATUS:
                    self.ia_status[iaid] = struct.unpack_from("!H", inner)[0]

    def get(self, code):
        return dict(self.options).get(code)

    @property
    def status(self):
        value = self.get(STATUS)
        return None if value is None else struct.unpack_from("!H", value)[0]


class Relay:
    """A client behind a relay that sends from any port, which a server beside port 547 answers at."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.connect(("::1", port))

    def ask(self, inner, **how):
        self.socket.send(relayed(inner, **how))
        return self.hear(how.get("interface", b"port7"))

    def hear(self, interface=b"port7"):
        data = self.socket.recv(4096)
        assert data[0] == RELAYED, data
        parts = dict(options(data[34:]))
        assert parts[INTERFACE_ID] == interface
        return Answer(parts[RELAY_MESSAGE])

    def close(self):
        self.socket.close()


class ByRelay(unittest.TestCase):
    """Without any right: relays on loopback."""

    def setUp(self):
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)
        self.start()

    def start(self, conf=CONF):
        self.server = lab.Program(conf.replace('"srv0"', '"[::1]:0"'), program="dhcpd", state=self.state.name)
        self.addCleanup(self.server.close)
        self.relay = Relay(self.server.port("dhcpd", "udp"))
        self.addCleanup(self.relay.close)

    def lease(self, duid=CLIENT_DUID, iaid=1):
        answer = self.relay.ask(message(REQUEST, ia(iaid), duid=duid, server=SERVER_DUID))
        return answer.addresses[iaid][0]

    def test_what_is_obsolete_is_passed_over(self):
        temporary, unicast = option(4, b"\0\0\0\7"), option(12, ip6(LINK))
        answer = self.relay.ask(message(REQUEST, temporary, unicast, ia(), server=SERVER_DUID))
        self.assertEqual((answer.kind, list(answer.addresses)), (REPLY, [1]))
        for code in (4, 12):
            self.assertNotIn(code, answer.codes)
        for reason in ("temporary addresses (IA_TA)", "server unicast"):
            self.server.wait_log(f'event=dhcp6.obsolete duid={CLIENT_DUID.hex(":")}')
            self.server.wait_log(reason)

    def test_the_four_messages(self):
        wants = option(ORO, struct.pack("!HHHH", 23, 24, 39, 31))
        offered = self.relay.ask(message(SOLICIT, wants, ia()))
        self.assertEqual((offered.kind, offered.codes), (ADVERTISE, [CLIENT_ID, SERVER_ID, IA_NA, 23, 24]))
        self.assertEqual(offered.addresses, {1: ["2001:db8:1:2::1002"]})
        granted = self.relay.ask(message(REQUEST, wants, ia(1, "2001:db8:1:2::1002"), server=SERVER_DUID))
        self.assertEqual((granted.kind, granted.xid), (REPLY, b"\x12\x34\x56"))
        self.assertEqual(granted.times, {1: (1800, 2880)})
        self.assertEqual(granted.lifetimes, {"2001:db8:1:2::1002": (3600, 3600)})
        self.assertEqual(granted.get(23), ip6("2001:db8::35"))
        self.assertEqual(granted.get(24), b"\x08mydomain\x07example\x00")

    def test_renew_rebind_confirm_release_decline(self):
        address = self.lease()
        self.assertEqual(self.relay.ask(message(RENEW, ia(1, address), server=SERVER_DUID)).lifetimes, {address: (3600, 3600)})
        self.assertEqual(self.relay.ask(message(REBIND, ia(1, address))).lifetimes, {address: (3600, 3600)})
        self.assertEqual(self.relay.ask(message(CONFIRM, ia(1, address))).status, 0)
        self.assertEqual(self.relay.ask(message(CONFIRM, ia(1, "2001:db8:9::1"))).status, NOT_ON_LINK)
        self.assertEqual(self.relay.ask(message(RELEASE, ia(1, address), server=SERVER_DUID)).status, 0)
        answer = self.relay.ask(message(RENEW, ia(1, address), server=SERVER_DUID))
        self.assertEqual((answer.ia_status, answer.addresses), ({1: NO_BINDING}, {1: []}))
        self.assertEqual(self.lease(), address)
        self.assertEqual(self.relay.ask(message(DECLINE, ia(1, address), server=SERVER_DUID)).status, 0)
        self.assertNotEqual(self.lease(), address)
        self.server.wait_log("event=dhcp6.declined")

    def test_information_request(self):
        answer = self.relay.ask(message(INFORMATION, option(ORO, struct.pack("!H", 23)), duid=None))
        self.assertEqual((answer.kind, answer.codes), (REPLY, [SERVER_ID, 23]))

    def test_relays_in_relays(self):
        inner = message(SOLICIT, ia())
        for hops in range(8):
            inner = relayed(inner, link=LINK if hops == 0 else "2001:db8:77::1", hops=hops, interface=b"level%d" % hops)
        self.relay.socket.send(relayed(inner, link="2001:db8:77::1", hops=8))
        data = self.relay.socket.recv(4096)
        for interface in [b"port7"] + [b"level%d" % n for n in range(7, -1, -1)]:
            self.assertEqual(data[0], RELAYED)
            parts = dict(options(data[34:]))
            self.assertEqual(parts[INTERFACE_ID], interface)
            data = parts[RELAY_MESSAGE]
        self.assertEqual(Answer(data).addresses, {1: ["2001:db8:1:2::1002"]})

    def test_what_is_discarded_is_counted_by_reason(self):
        for bad, reason in [
                (relayed(message(SOLICIT, ia(), duid=None)), "it has no client identifier"),
                (relayed(message(REQUEST, ia())), "it has no server identifier"),
                (relayed(message(REQUEST, ia(), server=CLIENT_DUID)), "it is for another server"),
                (message(SOLICIT, ia()), "a client sent it to a unicast address"),
                (relayed(message(REPLY)), "no client sends this to a server"),
                (relayed(b"\x01\x00\x00\x01\x00\x01\x00\x10short"), "option runs past the end"),
                (b"\x0c", "too short for a header"),
                (b"\x01\x02", "too short for a header")]:
            self.relay.socket.send(bad)
            self.server.wait_log(reason)
        self.assertEqual(self.relay.ask(message(SOLICIT, ia())).kind, ADVERTISE)

    def test_a_reply_survives_a_kill(self):
        addresses = [self.lease(duid=b"\0\3\0\1client%d" % n) for n in range(5)]
        self.server.kill()
        self.start()
        for n, address in enumerate(addresses):
            answer = self.relay.ask(message(RENEW, ia(1, address), duid=b"\0\3\0\1client%d" % n, server=SERVER_DUID))
            self.assertEqual(answer.lifetimes, {address: (3600, 3600)})
        self.assertNotIn(self.lease(duid=b"\0\3\0\1another"), addresses)

    def test_a_reload_keeps_leases_and_takes_the_new_options(self):
        address = self.lease()
        text = self.server.conf.read_text()
        self.server.conf.write_text(text.replace("2001:db8::35", "2001:db8::53"))
        self.server.reload()
        wants = option(ORO, struct.pack("!H", 23))
        answer = self.relay.ask(message(RENEW, wants, ia(1, address), server=SERVER_DUID))
        self.assertEqual((answer.lifetimes, answer.get(23)), ({address: (3600, 3600)}, ip6("2001:db8::53")))

    def test_its_own_duid_is_made_once(self):
        conf = re.sub(r"  duid = .*\n", "", CONF)
        seen = []
        for _ in range(2):
            self.server.close()
            self.start(conf)
            seen.append(self.relay.ask(message(SOLICIT, ia())).get(SERVER_ID))
        self.assertEqual(seen[0], seen[1])
        self.assertIn(seen[0][:2], (b"\0\1", b"\0\4"))

    def test_nothing_is_promised_that_is_not_on_disk(self):
        with sqlite3.connect(pathlib.Path(self.state.name) / "state" / "wirelab.db") as db:
            address = self.lease()
            row = db.execute("select state, duid, iaid from dhcp6_lease where address = ?", (address,)).fetchone()
            self.assertEqual(row, ("bound", CLIENT_DUID, 1))


class FullDisk(unittest.TestCase):
    def test_a_disk_that_takes_nothing_gives_no_reply(self):
        # a file that must not grow fails with an error, as a full disk does
        ignoring = ("sh", "-c", 'trap "" XFSZ; exec "$@"', "sh")
        with lab.Program(CONF.replace('"srv0"', '"[::1]:0"'), program="dhcpd", inside=ignoring) as server:
            relay = Relay(server.port("dhcpd", "udp"))
            self.addCleanup(relay.close)
            wanted = message(REQUEST, ia(), server=SERVER_DUID)
            held = relay.ask(message(REQUEST, ia(), server=SERVER_DUID, duid=b"\0\3\0\1first")).addresses[1]
            limit = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
            full = (server.directory / "state" / "wirelab.db-wal").stat().st_size  # the log is far from it
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (full, limit[1]))
            relay.socket.send(relayed(wanted))
            server.wait_log("event=dhcp6.withdrawn")
            self.assertEqual(relay.ask(message(SOLICIT, ia())).kind, ADVERTISE)  # it promises nothing, and came alone
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
            answer = relay.ask(wanted)
            self.assertEqual(answer.kind, REPLY)
            self.assertNotEqual(answer.addresses[1], held)


class Expiry(unittest.TestCase):
    def test_a_lease_ends_by_itself(self):
        conf = CONF.replace('"srv0"', '"[::1]:0"').replace("    dns-servers", '    valid-lifetime = "1s"\n    dns-servers')
        with lab.Program(conf, program="dhcpd") as server:
            relay = Relay(server.port("dhcpd", "udp"))
            relay.ask(message(REQUEST, ia(), server=SERVER_DUID))
            server.wait_log("event=dhcp6.expired")
            answer = relay.ask(message(RENEW, ia(1, "2001:db8:1:2::1002"), server=SERVER_DUID))
            self.assertEqual(answer.ia_status, {1: NO_BINDING})
            relay.close()


class Limit(unittest.TestCase):
    """Many clients behind one port of a relay."""
    conf = CONF.replace("dns-servers", 'circuit-limit = 3\n    prefix-pool = { "2001:db8:8000::/40 56" }\n    dns-servers')

    setUp = ByRelay.setUp

    def start(self):
        ByRelay.start(self, self.conf)

    def asks(self, client, kind, *wanted, **how):
        server = None if kind == SOLICIT else SERVER_DUID
        return self.relay.ask(message(kind, *wanted, duid=b"\0\3\0\1client%d" % client, server=server), **how)

    def test_a_port_has_no_more_than_its_limit(self):
        prefix = option(IA_PD, struct.pack("!III", 1, 0, 0))
        first = self.asks(1, REQUEST, ia(), prefix).addresses[1][0]
        self.asks(2, REQUEST, ia())
        for restarted in (False, True):
            for client in range(10, 30):
                answer = self.asks(client, SOLICIT, ia())
                self.assertEqual((answer.kind, answer.ia_status), (ADVERTISE, {1: NO_ADDRESS}))
            delegated = dict(options(self.asks(30, REQUEST, prefix).get(IA_PD)[12:]))
            self.assertEqual(delegated[STATUS][:2], struct.pack("!H", NO_PREFIX))
            self.assertEqual(self.asks(1, RENEW, ia(1, first)).lifetimes, {first: (3600, 3600)})
            other = self.asks(40 + restarted, REQUEST, ia(), interface=b"port8")
            self.assertEqual((other.ia_status, len(other.addresses[1])), ({}, 1))
            log = self.server.log()
            self.assertEqual(log.count("event=dhcp6.circuit_full"), 1 + restarted, log)  # once in each run
            self.assertIn("interface-id=port7", log)
            self.assertNotIn("event=dhcp6.exhausted", log)
            stats = lab.run(lab.BUILD / "wirelab", "stats", "-c", self.server.conf).stdout.decode()
            self.assertIn('wirelab_events_total{event="dhcp6.circuit_full"} 21\n', stats)
            if not restarted:
                self.server.kill()
                self.start()
        self.asks(2, RELEASE, ia(1, "2001:db8:1:2::1003"))
        self.assertEqual(len(self.asks(30, REQUEST, ia()).addresses[1]), 1)


LEASEQUERY, LEASEQUERY_REPLY, LQ_QUERY, CLIENT_DATA, CLT_TIME, LQ_LINK = 14, 15, 44, 45, 46, 48


class Queries(unittest.TestCase):
    """Whoever may ask about leases (RFC 5007)."""
    OWNER = bytes.fromhex("00030001020000000007")
    conf = CONF.replace("subnet6", 'lease-query-from = { "::1" }\n  subnet6', 1)

    setUp, lease = ByRelay.setUp, ByRelay.lease

    def start(self, conf=None):
        ByRelay.start(self, conf or self.conf)

    def query(self, kind, *inside, link="::", duid=CLIENT_DUID):
        what = option(LQ_QUERY, struct.pack("!B16s", kind, ip6(link)) + b"".join(inside))
        self.relay.socket.send(message(LEASEQUERY, what, duid=duid))
        data = self.relay.socket.recv(4096)
        self.assertEqual((data[0], data[1:4]), (LEASEQUERY_REPLY, b"\x12\x34\x56"))
        return dict(options(data[4:]))

    def by_address(self, address, **how):
        return self.query(1, option(IA_ADDRESS, ip6(address) + bytes(8)), **how)

    def test_by_address_and_by_client(self):
        address = self.lease(self.OWNER)
        for reply in (self.by_address(address), self.query(2, option(CLIENT_ID, self.OWNER)),
                      self.query(2, option(CLIENT_ID, self.OWNER), link=LINK)):
            data = dict(options(reply[CLIENT_DATA]))
            self.assertEqual((data[CLIENT_ID], data[IA_ADDRESS][:16]), (self.OWNER, ip6(address)))
            self.assertLess(struct.unpack("!I", data[CLT_TIME])[0], 60)

    def test_nothing_is_there(self):
        for reply in (self.by_address("2001:db8:1:2::1009"), self.query(2, option(CLIENT_ID, self.OWNER))):
            self.assertNotIn(CLIENT_DATA, reply)
            self.assertNotIn(STATUS, reply)

    def test_what_cannot_be_asked(self):
        for reply, status in ((self.query(9), 7), (self.query(1), 8), (self.query(2), 8),
                              (self.query(1, option(IA_ADDRESS, b"12")), 8),
                              (self.by_address("2001:db8:1:2::1009", link="2001:db8:77::1"), 9)):
            self.assertEqual(struct.unpack_from("!H", reply[STATUS])[0], status)

    def test_not_for_everybody(self):
        self.server.close()
        self.start(CONF)
        self.assertEqual(struct.unpack_from("!H", self.by_address("2001:db8:1:2::1009")[STATUS])[0], 10)


DHCLIENT_SCRIPT = """#!/bin/sh
env > $OUT/dhclient.$reason
exit 0
"""

# A client of its own on the link: prints what came, each datagram as address, port, hexadecimal.
ON_LINK = """
import socket, struct, sys
interface = socket.if_nametoindex("cli0")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 546))
s.settimeout(10)
for line in sys.argv[2:]:
    s.sendto(bytes.fromhex(line), (sys.argv[1], 547, 0, interface))
    data, peer = s.recvfrom(4096)
    print(peer[0].split("%")[0], peer[1], data.hex())
"""


@lab.needs_root
@lab.needs("dhclient", "ip")
class OnTheLink(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.net = lab.Network()
        self.addCleanup(self.net.close)
        self.net.ip("-n", self.net.server, "addr", "add", f"{LINK}/64", "dev", self.net.server_if, "nodad")
        for namespace, interface in ((self.net.server, self.net.server_if), (self.net.client, self.net.client_if)):
            lab.until(lambda: "scope link" in self.shown(namespace, interface, "-tentative"), "a link-local address")
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)
        self.start()

    def shown(self, namespace, interface, *words):
        return self.net.ip("-n", namespace, "-6", "addr", "show", "dev", interface, *words)

    conf = CONF

    def start(self):
        self.server = lab.Program(self.conf, program="dhcpd", state=self.state.name, inside=self.net.on_server())
        self.addCleanup(self.server.close)

    def dhclient(self, *words):
        if "-r" in words:  # it ends the one that runs, which it finds by that
            lab.wait_pid_file(self.directory / "pid")
        script = self.directory / "dhclient.script"
        script.write_text(DHCLIENT_SCRIPT.replace("$OUT", str(self.directory)))
        script.chmod(0o755)
        conf = self.directory / "dhclient.conf"
        conf.write_text("timeout 15;\nretry 1;\nalso request dhcp6.name-servers, dhcp6.domain-search;\n")
        return lab.run(*self.net.on_client(), "dhclient", "-6", "-1", "-v", "-cf", conf, "-lf", self.directory / "leases",
                       "-pf", self.directory / "pid", "-sf", script, *words, self.net.client_if)

    def end_dhclient(self):
        """All that run at the client: one that went into the background may not have written its number yet."""
        running = lambda: lab.run("ip", "netns", "pids", self.net.client).stdout.decode().split()
        for pid in running():
            lab.run("kill", pid)
        lab.until(lambda: not running(), "dhclient does not end")
        (self.directory / "pid").unlink(missing_ok=True)

    def bound(self):
        env = (self.directory / "dhclient.BOUND6").read_text()
        return re.search(r"new_ip6_address=(\S+)", env).group(1), env

    def test_dhclient_gets_an_address_and_gives_it_back(self):
        self.addCleanup(self.end_dhclient)
        done = self.dhclient()
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        address, env = self.bound()
        self.assertEqual(address, "2001:db8:1:2::1002")
        for line in ("new_dhcp6_name_servers=2001:db8::35", "new_dhcp6_domain_search=mydomain.example",
                     "new_max_life=3600", "new_preferred_life=3600", "new_renew=1800", "new_rebind=2880"):
            self.assertIn(line, env)
        self.dhclient("-r")
        self.server.wait_log("event=dhcp6.released")

    def test_dhclient_confirms_what_it_has(self):
        self.addCleanup(self.end_dhclient)
        self.dhclient()
        self.end_dhclient()
        done = self.dhclient()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn("event=dhcp6.confirm", self.server.log())
        self.assertIn(b"status code Success", done.stderr)

    def test_dhclient_asks_for_information_only(self):
        self.addCleanup(self.end_dhclient)
        done = self.dhclient("-S")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn("event=dhcp6.information", self.server.log())

    def test_dhclient_keeps_its_address_over_a_kill(self):
        self.addCleanup(self.end_dhclient)
        self.dhclient()
        self.end_dhclient()
        self.server.kill()
        self.start()
        done = self.dhclient()  # its lease file says that it has one: a Confirm, and its own address again
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.end_dhclient()  # and its port is free
        answer = lab.run(*self.net.on_client(), "python3", "-c", ON_LINK, "ff02::1:2", message(SOLICIT, ia()).hex())
        other = Answer(bytes.fromhex(answer.stdout.decode().split()[2]))
        self.assertEqual(other.addresses, {1: ["2001:db8:1:2::1003"]})

    def test_both_groups_and_the_port_of_clients(self):
        for group in ("ff02::1:2", "ff05::1:3"):
            done = lab.run(*self.net.on_client(), "python3", "-c", ON_LINK, group, message(SOLICIT, ia()).hex())
            self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
            peer, port, data = done.stdout.decode().split()
            self.assertTrue(peer.startswith("fe80::"), peer)
            self.assertEqual((port, Answer(bytes.fromhex(data)).kind), ("547", ADVERTISE))


if __name__ == "__main__":
    unittest.main()
