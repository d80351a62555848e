"""Interfaces that are not there when dhcpd starts, and that go and come back: DHCPv4, DHCPv6 and router advertisements."""
import pathlib
import tempfile
import unittest

import lab

CONF = '''dhcpd {
  listen = { "srv0", "srv7" }
  subnet "192.168.1.0/24" { pool = { "192.168.1.10-192.168.1.99" } }
  subnet "192.168.7.0/24" { pool = { "192.168.7.10-192.168.7.99" } }
  subnet6 "2001:db8:1:2::/64" { interface = "srv0"  pool = { "2001:db8:1:2::1000-2001:db8:1:2::1fff" } }
  subnet6 "2001:db8:1:7::/64" { pool = { "2001:db8:1:7::1000-2001:db8:1:7::1fff" } }
}
'''
SCRIPT = """#!/bin/sh
echo "$1 $ip $serverid" >> $OUT/udhcpc
"""
SCRIPT6 = """#!/bin/sh
echo "$reason $new_ip6_address" >> $OUT/dhclient6
exit 0
"""


@lab.needs_root
@lab.needs("busybox", "dhclient", "rdisc6", "ip")
class Interfaces(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.net = lab.Network()
        self.addCleanup(self.net.close)
        for name, text in (("script", SCRIPT), ("script6", SCRIPT6)):
            path = self.directory / name
            path.write_text(text.replace("$OUT", str(self.directory)))
            path.chmod(0o755)

    def serve(self):
        server = lab.Program(CONF, program="dhcpd", inside=self.net.on_server())
        self.addCleanup(server.close)
        return server

    def on_server(self, *words):
        self.net.ip("-n", self.net.server, *words)

    def on_client(self, *words):
        self.net.ip("-n", self.net.client, *words)

    def unplug(self):
        self.on_server("link", "del", "srv0")  # both ends of the cable

    def plug_in(self):
        self.on_server("link", "add", "srv0", "type", "veth", "peer", "name", "cli0", "netns", self.net.client)
        self.on_server("addr", "add", "192.168.1.5/24", "dev", "srv0")
        self.on_server("link", "set", "srv0", "up")
        self.on_client("link", "set", "cli0", "up")

    def wait_for(self, server, event, count=1):
        lab.until(lambda: server.log().count(f"event={event} ") >= count,
                  lambda: f"{event} did not come {count} times: {server.log()[-2000:]}")

    def lease(self, interface="cli0"):
        """What a client gets: its address and the server's."""
        told = self.directory / "udhcpc"
        told.unlink(missing_ok=True)
        done = lab.run(*self.net.on_client(), "busybox", "udhcpc", "-i", interface, "-n", "-q", "-f", "-t", 8, "-T", 1,
                       "-x", "0x3d:01020000000042", "-s", self.directory / "script")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return told.read_text().splitlines()[-1].split()[1:]

    def lease6(self, interface="cli0"):
        """The same for IPv6, once the client's own address is settled."""
        settled = ["-n", self.net.client, "-6", "addr", "show", "dev", interface, "scope", "link", "-tentative"]
        lab.until(lambda: "fe80::" in self.net.ip(*settled), "the client's address does not settle")
        told, pid = self.directory / "dhclient6", self.directory / "pid"
        told.unlink(missing_ok=True)
        done = lab.run(*self.net.on_client(), "dhclient", "-6", "-1", "-lf", self.directory / "leases6", "-pf", pid,
                       "-sf", self.directory / "script6", interface)
        if pid.exists():
            lab.run("kill", pid.read_text().strip())
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return told.read_text().splitlines()[-1].split()[1]

    def advertised(self, interface="cli0"):
        def ask():
            done = lab.run(*self.net.on_client(), "rdisc6", "-1", "-r", 1, "-w", 1500, interface)
            return done.stdout.decode() if done.returncode == 0 else None
        return lab.until(ask, "nobody advertises")

    def test_one_that_comes_goes_and_comes_back(self):
        self.unplug()
        server = self.serve()
        self.assertEqual(server.ready["listen"], [])
        self.assertIn("event=dhcp.interface.waiting interface=srv0 reason=\"there is no such interface\"", server.log())
        for times in (1, 2):
            self.plug_in()
            self.wait_for(server, "dhcp.interface.served", times)
            self.wait_for(server, "dhcp6.interface.served", times)
            self.assertEqual(self.lease(), ["192.168.1.10", "192.168.1.5"])
            self.assertEqual(self.lease6(), "2001:db8:1:2::1000")
            self.assertIn("2001:db8:1:2::/64", self.advertised())
            self.unplug()
            absent = 'interface.waiting interface=srv0 reason="there is no such interface"'
            lab.until(lambda: server.log().count(absent) == 2 * (times + 1),
                      lambda: f"it is not missed: {server.log()[-2000:]}")
        self.assertEqual(server.end(), 0)

    def test_its_address_comes_later_and_is_another_one(self):
        self.on_server("addr", "flush", "dev", "srv0", "scope", "global")
        server = self.serve()
        self.assertIn("event=dhcp.interface.waiting interface=srv0 reason=\"it has no IPv4 address\"", server.log())
        self.on_server("addr", "add", "10.9.9.9/24", "dev", "srv0")  # of none of the subnets
        self.wait_for(server, "dhcp.interface.served")
        self.on_server("addr", "add", "192.168.1.6/24", "dev", "srv0")
        self.assertEqual(self.lease(), ["192.168.1.10", "192.168.1.6"])

    def test_a_second_one_that_is_made_later(self):
        server = self.serve()
        self.assertEqual(self.lease(), ["192.168.1.10", "192.168.1.5"])
        self.on_server("link", "add", "srv7", "type", "veth", "peer", "name", "cli7", "netns", self.net.client)
        self.on_server("addr", "add", "192.168.7.5/24", "dev", "srv7")
        self.on_server("addr", "add", "2001:db8:1:7::5/64", "dev", "srv7", "nodad")
        self.on_server("link", "set", "srv7", "up")
        self.on_client("link", "set", "cli7", "up")
        self.assertEqual(self.lease("cli7"), ["192.168.7.10", "192.168.7.5"])
        self.assertEqual(self.lease6("cli7"), "2001:db8:1:7::1000")
        self.assertIn("2001:db8:1:7::/64", self.advertised("cli7"))
        self.assertEqual(self.lease("cli0"), ["192.168.1.10", "192.168.1.5"])


if __name__ == "__main__":
    unittest.main()
