"""Kinds of clients against dhcpd: classes, rapid commit, BOOTP, relays that ask, and those that send nonsense."""
import socket
import struct
import tempfile
import unittest

import lab

CONF = '''dhcpd {
  listen = { "127.0.0.1:0" }
  rapid-commit = true
  class "uefi" { match-vendor-class = { "PXEClient" }  match-architecture = { 7 }  boot-file = "boot.efi" }
  class "bios" { match-vendor-class = { "PXEClient" }  match-architecture = { 0 }  boot-file = "boot.0" }
  class "phones" { match-hardware = { "02:aa" }  lease-time = "5m" }
  subnet "127.0.0.0/24" {
    pool = { "127.0.0.10-127.0.0.12" }
    class-pool "phones" { pool = { "127.0.0.20" } }
    bootp = true
  }
}
'''

DISCOVER, OFFER, REQUEST, ACK, LEASEQUERY, LEASEUNASSIGNED, LEASEACTIVE = 1, 2, 3, 5, 10, 11, 13
COOKIE = b"\x63\x82\x53\x63"


def option(code, value=b""):
    return bytes([code, len(value)]) + value


def message(mac, kind=None, extra=b"", hlen=6, op=1, hops=0, ciaddr=bytes(4), giaddr=bytes(4), cookie=COOKIE):
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", op, 1, hlen, hops, 7, 0, 0, ciaddr, bytes(4), bytes(4), giaddr,
                        bytes.fromhex(mac), b"", b"")
    return fixed + cookie + (option(53, bytes([kind])) if kind else b"") + extra + b"\xff"


def options(reply):
    found, rest = {}, reply[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2:2 + rest[1]]
        rest = rest[2 + rest[1]:]
    return found


def address(reply):
    return socket.inet_ntoa(reply[16:20])


class Kinds(unittest.TestCase):
    def setUp(self):
        state = tempfile.TemporaryDirectory()
        self.addCleanup(state.cleanup)
        self.state = state.name
        self.start()

    def start(self):
        self.server = lab.Program(CONF, program="dhcpd", state=self.state)
        self.addCleanup(self.server.close)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", self.server.port("dhcpd", "udp")))

    def ask(self, *words, **fields):
        self.socket.send(message(*words, **fields))
        return self.socket.recv(2000)

    def lease(self, mac):
        offer = self.ask(mac, DISCOVER)
        return self.ask(mac, REQUEST, option(54, options(offer)[54]) + option(50, offer[16:20]))

    def test_boot_clients_get_the_file_of_their_architecture(self):
        vendor = option(60, b"PXEClient:Arch:00007:UNDI:003016")
        for architecture, file in ((7, b"boot.efi"), (0, b"boot.0"), (6, b"")):
            reply = self.ask("020000000001", DISCOVER, vendor + option(93, struct.pack("!H", architecture)))
            self.assertEqual(reply[108:236].rstrip(b"\0"), file)

    def test_a_class_has_its_own_pool_and_time(self):
        ack = self.lease("02aa00000001")
        self.assertEqual((address(ack), options(ack)[51]), ("127.0.0.20", struct.pack("!I", 300)))
        self.assertEqual(address(self.lease("02bb00000001")), "127.0.0.10")
        # which is what the disk says, too
        self.server.kill()
        self.socket.close()
        self.start()
        self.assertEqual(address(self.lease("02bb00000002")), "127.0.0.11")
        self.assertEqual(address(self.lease("02aa00000001")), "127.0.0.20")

    def test_two_messages_make_a_lease_that_survives_a_kill(self):
        ack = self.ask("020000000001", DISCOVER, option(80))
        self.assertEqual((options(ack)[53], options(ack)[80]), (bytes([ACK]), b""))
        self.server.kill()
        self.socket.close()
        self.start()
        other = self.ask("020000000002", DISCOVER, option(50, ack[16:20]))
        self.assertNotEqual(address(other), address(ack))

    def test_a_bootp_client(self):
        reply = self.ask("020000000001")
        self.assertEqual((reply[0], address(reply), len(reply)), (2, "127.0.0.10", 300))
        self.assertNotIn(53, options(reply))
        self.assertNotIn(51, options(reply))
        self.server.wait_log("event=dhcp.bootp")

    def test_each_bad_message_is_discarded_by_its_reason(self):
        fixed = message("020000000001", DISCOVER)
        bad = {
            fixed[:200]: "shorter than the fixed part",
            message("020000000001", DISCOVER, hlen=17): "hlen is over 16",
            message("020000000001", DISCOVER, cookie=b"\x63\x82\x53\x64"): "no DHCP magic cookie",
            message("020000000001", DISCOVER, op=2): "a server's reply",
            message("020000000001", DISCOVER, op=3): "neither BOOTREQUEST nor BOOTREPLY",
            message("020000000001", DISCOVER, hops=17): "more than 16 relays",
            message("020000000001", DISCOVER, b"\x0c\x50abc"): "runs past the end",
            message("020000000001", DISCOVER, b"\x32"): "runs past the end",
            message("020000000001", DISCOVER, option(50, b"\x01\x02\x03")): "does not fit its type",
            message("020000000001", DISCOVER, option(52, b"\x04")): "option overload is not",
            message("020000000001", 77): "no message type, or an unknown one",
            fixed + bytes(2500): "longer than any message",
        }
        for data, reason in bad.items():
            before = len(self.server.log())
            self.socket.send(data)
            lab.until(lambda: "event=dhcp.discard" in self.server.log()[before:], reason)
            self.assertIn(reason, self.server.log()[before:])
        # and the next good one is answered, by the first reply that comes at all
        self.assertEqual(options(self.ask("020000000001", DISCOVER))[53], bytes([OFFER]))

    def test_a_flood_is_told_once_and_clients_renew_on(self):
        ack = self.lease("020000000001")
        for i in range(200):
            self.socket.send(message(f"02cc0000{i:04x}", DISCOVER))
        for _ in range(2):  # what is left of the pool
            self.assertEqual(options(self.socket.recv(2000))[53], bytes([OFFER]))
        again = self.ask("020000000001", REQUEST, ciaddr=ack[16:20])
        self.assertEqual((options(again)[53], address(again)), (bytes([ACK]), address(ack)))
        self.assertEqual(self.server.log().count("event=dhcp.exhausted"), 1)


QUERY_CONF = '''dhcpd {
  listen = { "192.168.1.5:67" }
  lease-query-from = { "192.168.1.6" }
  subnet "192.168.1.0/24" { pool = { "192.168.1.10-192.168.1.99" } }
}
'''

RELAY = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.bind(("192.168.1.6", 67))
for data in sys.argv[1:]:
    s.sendto(bytes.fromhex(data), ("192.168.1.5", 67))
    print(s.recv(2000).hex())
'''


@lab.needs_root
@lab.needs("ip")
class LeaseQuery(unittest.TestCase):
    def test_a_relay_asks_who_has_an_address(self):
        with lab.Network() as net, lab.Program(QUERY_CONF, program="dhcpd", inside=net.on_server()) as server:
            net.ip("-n", net.client, "addr", "add", "192.168.1.6/24", "dev", net.client_if)
            relay, first = socket.inet_aton("192.168.1.6"), socket.inet_aton("192.168.1.10")
            wanted = option(54, socket.inet_aton("192.168.1.5")) + option(50, first)
            done = lab.run(*net.on_client(), "python3", "-c", RELAY, *(m.hex() for m in (
                message("020000000001", REQUEST, wanted, giaddr=relay),
                message("00", LEASEQUERY, hlen=0, ciaddr=first, giaddr=relay),
                message("020000000001", LEASEQUERY, giaddr=relay),
                message("00", LEASEQUERY, hlen=0, ciaddr=socket.inet_aton("192.168.1.11"), giaddr=relay))))
            self.assertEqual(done.returncode, 0, done.stderr.decode() + server.log())
            ack, active, by_hardware, free = (bytes.fromhex(line) for line in done.stdout.decode().split())
            self.assertEqual(options(ack)[53], bytes([ACK]))
            for reply in (active, by_hardware):
                self.assertEqual((options(reply)[53], reply[12:16]), (bytes([LEASEACTIVE]), first))
                self.assertEqual(reply[28:34].hex(), "020000000001")
                self.assertLessEqual(struct.unpack("!I", options(reply)[51])[0], 3600)
            self.assertEqual(options(free)[53], bytes([LEASEUNASSIGNED]))

    def test_what_a_relay_said_is_known_after_a_kill(self):
        agent = b"\x01\x06ge-0/7\x02\x03cpe"
        relay, first = socket.inet_aton("192.168.1.6"), socket.inet_aton("192.168.1.10")
        wanted = option(54, socket.inet_aton("192.168.1.5")) + option(50, first) + option(82, agent)
        with lab.Network() as net, tempfile.TemporaryDirectory() as state:
            net.ip("-n", net.client, "addr", "add", "192.168.1.6/24", "dev", net.client_if)

            def tell(sent):
                with lab.Program(QUERY_CONF, program="dhcpd", inside=net.on_server(), state=state) as server:
                    done = lab.run(*net.on_client(), "python3", "-c", RELAY, sent.hex())
                    self.assertEqual(done.returncode, 0, done.stderr.decode() + server.log())
                    server.kill()
                return options(bytes.fromhex(done.stdout.decode()))

            ack = tell(message("020000000001", REQUEST, wanted, giaddr=relay))
            self.assertEqual((ack[53], ack[82]), (bytes([ACK]), agent))
            active = tell(message("00", LEASEQUERY, option(55, b"\x52"), hlen=0, ciaddr=first, giaddr=relay))
            self.assertEqual((active[53], active[82]), (bytes([LEASEACTIVE]), agent))


if __name__ == "__main__":
    unittest.main()
