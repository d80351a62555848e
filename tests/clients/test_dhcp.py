"""ISC dhclient and busybox udhcpc in a network of two hosts, and a relay on a plain socket, against dhcpd."""
import pathlib
import re
import socket
import struct
import tempfile
import unittest

import lab

CONF = '''dhcpd {
  listen = { "srv0" }
  authoritative = true
  subnet "192.168.1.0/24" {
    pool = { "192.168.1.10-192.168.1.99" }
    lease-time = "10m"
    routers = { "192.168.1.254" }
    domain = "mydomain.example"
    dns-servers = { "192.168.1.1", "192.168.1.2" }
  }
}
'''

UDHCPC_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev $interface ;;
bound|renew) ip addr flush dev $interface; ip addr add $ip/$mask dev $interface ;;
esac
env > $OUT/udhcpc.$1
"""

DHCLIENT_SCRIPT = """#!/bin/sh
case $reason in
BOUND|REBOOT|RENEW|REBIND) ip addr flush dev $interface; ip addr add $new_ip_address/24 dev $interface ;;
esac
env > $OUT/dhclient.$reason
exit 0
"""


@lab.needs_root
@lab.needs("dhclient", "busybox", "ip")
class Dhcp(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.net = lab.Network()
        self.addCleanup(self.net.close)
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)
        self.server = self.start()

    def start(self):
        server = lab.Program(CONF, program="dhcpd", state=self.state.name, inside=self.net.on_server())
        self.addCleanup(server.close)
        return server

    def script(self, name, text):
        path = self.directory / name
        path.write_text(text.replace("$OUT", str(self.directory)))
        path.chmod(0o755)
        return path

    def udhcpc(self, *words):
        script = self.script("udhcpc.script", UDHCPC_SCRIPT)
        return lab.run(*self.net.on_client(), "busybox", "udhcpc", "-i", self.net.client_if, "-n", "-q", "-f", "-t", "3",
                       "-T", "2", "-s", script, "-x", "hostname:bench", *words)

    def dhclient(self, *words):
        if "-r" in words:  # it ends the one that runs, which it finds by that
            lab.wait_pid_file(self.directory / "pid")
        script = self.script("dhclient.script", DHCLIENT_SCRIPT)
        conf = self.directory / "dhclient.conf"
        conf.write_text("timeout 8;\nretry 1;\ninitial-interval 1;\nrequest subnet-mask, routers, domain-name, domain-name-servers;\n")
        return lab.run(*self.net.on_client(), "dhclient", "-1", "-v", "-cf", conf, "-lf", self.directory / "leases", "-pf",
                       self.directory / "pid", "-sf", script, *words, self.net.client_if)

    def end_dhclient(self):
        pid = self.directory / "pid"
        if pid.exists():
            lab.run("kill", pid.read_text().strip())
            pid.unlink()

    def address(self):
        found = re.search(r"inet (\S+)/", self.net.client_addresses())
        return found.group(1) if found else None

    def test_udhcpc_gets_an_address(self):
        done = self.udhcpc()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        env = (self.directory / "udhcpc.bound").read_text()
        for line in ("ip=192.168.1.10", "subnet=255.255.255.0", "router=192.168.1.254", "domain=mydomain.example",
                     "dns=192.168.1.1 192.168.1.2", "lease=600", "serverid=192.168.1.5"):
            self.assertIn(line, env)

    def test_a_reload_begins_to_probe(self):
        self.net.ip("-n", self.net.client, "addr", "add", "192.168.1.10/32", "dev", "lo")  # somebody has it
        self.net.ip("-n", self.net.client, "route", "add", "192.168.1.5", "dev", self.net.client_if)
        self.server.conf.write_text(self.server.conf.read_text().replace("lease-time", 'probe = "1s" lease-time'))
        self.server.reload()
        done = self.udhcpc()
        self.assertEqual((done.returncode, self.address()), (0, "192.168.1.11"), done.stderr.decode() + self.server.log())
        self.assertIn("event=dhcp.conflict address=192.168.1.10", self.server.log())

    def test_dhclient_gives_its_address_back(self):
        self.dhclient()
        self.assertEqual(self.address(), "192.168.1.10")
        self.dhclient("-r")
        self.server.wait_log("event=dhcp.release")

    def test_dhclient_gets_renews_and_reboots(self):
        self.addCleanup(self.end_dhclient)
        done = self.dhclient()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(self.address(), "192.168.1.10")
        self.end_dhclient()
        self.net.forget_client_address()
        # its lease file says that it has one: INIT-REBOOT, a REQUEST without a DISCOVER
        done = self.dhclient()
        self.assertIn(b"DHCPREQUEST for 192.168.1.10", done.stderr)
        self.assertNotIn(b"DHCPDISCOVER", done.stderr)
        self.assertIn(b"DHCPACK of 192.168.1.10", done.stderr)

    def test_an_acknowledged_lease_survives_a_kill(self):
        self.addCleanup(self.end_dhclient)
        self.dhclient()
        first = self.address()
        self.assertIsNotNone(first)
        self.server.kill()
        self.end_dhclient()
        self.net.forget_client_address()
        self.server = self.start()
        # another client must not get it ...
        self.assertEqual(self.udhcpc("-C", "-x", "0x3d:01020000000042").returncode, 0)
        self.assertNotEqual(self.address(), first)
        self.net.forget_client_address()
        # ... and its own client gets it again
        done = self.dhclient()
        self.assertIn(f"DHCPACK of {first}".encode(), done.stderr)

    def test_an_address_of_another_network_is_refused(self):
        (self.directory / "leases").write_text('''lease {
  interface "cli0";
  fixed-address 10.9.8.7;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 600;
  option dhcp-message-type 5;
  option dhcp-server-identifier 192.168.1.5;
  renew 4 2037/01/01 00:00:00;
  rebind 4 2037/01/01 00:00:00;
  expire 4 2037/01/01 00:00:00;
}
''')
        self.addCleanup(self.end_dhclient)
        done = self.dhclient()
        self.assertIn(b"DHCPNAK from 192.168.1.5", done.stderr)
        self.assertEqual(self.address(), "192.168.1.10")

    def test_a_relay_on_a_plain_socket(self):
        conf = CONF.replace('"srv0"', '"192.168.1.5:67"')
        self.server.close()
        with lab.Program(conf, program="dhcpd", inside=self.net.on_server()) as server:
            self.net.ip("-n", self.net.client, "addr", "add", "192.168.1.6/24", "dev", self.net.client_if)
            script = self.script("relay.py", RELAY)
            done = lab.run(*self.net.on_client(), "python3", script)
            self.assertEqual(done.returncode, 0, done.stderr.decode() + server.log())
            self.assertEqual(done.stdout.decode().split(), ["2", "192.168.1.10", "5", "192.168.1.10"])


RELAY = '''
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.bind(("192.168.1.6", 67))
def message(kind, extra=b""):
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 1, 0x1234, 0, 0, bytes(4), bytes(4), bytes(4),
                        socket.inet_aton("192.168.1.6"), bytes.fromhex("020000000001"), b"", b"")
    return fixed + b"\\x63\\x82\\x53\\x63" + bytes([53, 1, kind]) + extra + b"\\xff"
def ask(data):
    s.sendto(data, ("192.168.1.5", 67))
    reply, peer = s.recvfrom(2000)
    assert peer == ("192.168.1.5", 67), peer
    assert reply[0] == 2 and len(reply) >= 300
    assert reply[240:243] == b"\\x35\\x01" + reply[242:243]
    print(reply[242], socket.inet_ntoa(reply[16:20]))
    return reply
offer = ask(message(1))
ask(message(3, b"\\x36\\x04" + socket.inet_aton("192.168.1.5") + b"\\x32\\x04" + offer[16:20]))
'''


class Loopback(unittest.TestCase):
    """Without any right: the lab's socket on loopback answers a client where it is."""

    def test_discover_and_bad_input(self):
        with lab.Program(CONF.replace('"srv0"', '"127.0.0.1:0"')) as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.connect(("127.0.0.1", server.port("dhcpd", "udp")))
                for bad in (b"", b"x", b"\x01" * 240, b"\x01\x01\x20\x00" + bytes(300), bytes(300)):
                    s.send(bad)
                fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, 7, 0, 0, bytes(4), bytes(4), bytes(4),
                                    bytes(4), bytes.fromhex("020000000002"), b"", b"")
                s.send(fixed + b"\x63\x82\x53\x63\x35\x01\x01\xff")
                reply = s.recv(2000)
                self.assertEqual((reply[0], reply[4:8], reply[242]), (2, b"\0\0\0\x07", 2))


if __name__ == "__main__":
    unittest.main()
