"""Names of ISC dhclient, in IPv4 and IPv6, in the DNS: put there with their leases, taken away with them, and never
another client's (RFC 4702-4704)."""
import pathlib
import tempfile
import unittest

import lab
import test_dhcp6

CONF = """dhcpd {{
  listen = {{ "srv0" }}
  register-server = "127.0.0.1:53"
  register-key "dhcp-key" {{ secret = "{secret}" }}
  subnet "192.168.1.0/24" {{
    pool = {{ "192.168.1.10-192.168.1.20" }}
    probe = "0s"
    register = "lab.test"
    register-reverse = "1.168.192.in-addr.arpa"
  }}
  subnet6 "2001:db8:1:2::/64" {{
    pool = {{ "2001:db8:1:2::1002-2001:db8:1:2::1fff" }}
    register = "lab.test"
    register-reverse = "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
  }}
}}
dnsd {{
  listen = {{ "127.0.0.1:53" }}
  key "dhcp-key" {{ secret = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=" }}
  zone "lab.test" {{ file = "{zone}"  allow-update = {{ "key dhcp-key" }} }}
  zone "1.168.192.in-addr.arpa" {{ file = "{zone}"  allow-update = {{ "key dhcp-key" }} }}
  zone "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" {{ file = "{zone}"  allow-update = {{ "key dhcp-key" }} }}
}}
"""
ZONE = "$TTL 60\n@ SOA ns.lab.test. admin.lab.test. 1 3600 600 86400 60\n  NS ns.lab.test.\n"
SCRIPT = """#!/bin/sh
[ "$reason" = BOUND ] && ip addr replace $new_ip_address/24 dev $interface
exit 0
"""


@lab.needs_root
@lab.needs("dhclient", "ip", "kdig")
class Names(unittest.TestCase):
    shown = test_dhcp6.OnTheLink.shown
    end_dhclient = test_dhcp6.OnTheLink.end_dhclient

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "zone").write_text(ZONE)
        self.net = lab.Network()
        self.addCleanup(self.net.close)
        self.net.ip("-n", self.net.server, "addr", "add", f"{test_dhcp6.LINK}/64", "dev", self.net.server_if, "nodad")
        self.net.ip("-n", self.net.server, "link", "set", "lo", "up")
        for namespace, interface in ((self.net.server, self.net.server_if), (self.net.client, self.net.client_if)):
            lab.until(lambda: "scope link" in self.shown(namespace, interface, "-tentative"), "a link-local address")
        self.addCleanup(self.end_dhclient)

    def serve(self, secret="AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="):
        conf = CONF.format(zone=self.directory / "zone", secret=secret)
        self.server = lab.Program(conf, inside=self.net.on_server())
        self.addCleanup(self.server.close)

    def dhclient(self, client, *words, six=True):
        """A client that is told apart by its DUID; it has the host's only interface for as long as it runs."""
        own = self.directory / client
        own.mkdir(exist_ok=True)
        script = own / "script"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        (own / "conf").write_text('timeout 15;\nretry 1;\nsend fqdn.fqdn "laptop.lab.test.";\nsend fqdn.server-update on;\n'
                                  f'send host-name "laptop";\nsend dhcp-client-identifier "{client}";\n')
        if not (own / "leases").exists():
            duid = "".join(f"\\x{b:02x}" for b in b"\0\3\0\1\2\0\0\0\0" + client[:1].encode())
            (own / "leases").write_text(f'default-duid "{duid}";\n' if six else "")
        done = lab.run(*self.net.on_client(), "dhclient", "-6" if six else "-4", "-1", "-v", "-cf", own / "conf", "-lf",
                       own / "leases", "-pf", own / "pid", "-sf", script, *words, self.net.client_if)
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        self.end_dhclient()

    def ask(self, *words):
        done = lab.run(*self.net.on_server(), "kdig", "@127.0.0.1", "+short", "+timeout=5", *words)
        return done.stdout.decode().split()

    def comes(self, answer, *words):
        lab.until(lambda: self.ask(*words) == answer, lambda: f"{words}: {self.ask(*words)}, not {answer}: {self.server.log()}")

    def test_a_name_of_ipv6(self):
        self.serve()
        self.dhclient("one")
        self.comes(["2001:db8:1:2::1002"], "laptop.lab.test", "AAAA")
        self.comes(["laptop.lab.test."], "-x", "2001:db8:1:2::1002")
        self.assertEqual(len(self.ask("laptop.lab.test", "DHCID")), 1)
        self.dhclient("two")  # it gets an address, and not the name
        self.server.wait_log("event=dhcp.name.refused")
        self.assertEqual(self.ask("laptop.lab.test", "AAAA"), ["2001:db8:1:2::1002"])
        self.dhclient("one", "-r")
        self.comes([], "laptop.lab.test", "AAAA")
        self.comes([], "-x", "2001:db8:1:2::1002")
        self.comes([], "laptop.lab.test", "DHCID")

    def test_a_name_of_ipv4(self):
        self.serve()
        self.dhclient("one", six=False)
        self.comes(["192.168.1.10"], "laptop.lab.test", "A")
        self.comes(["laptop.lab.test."], "-x", "192.168.1.10")
        self.dhclient("two", six=False)
        self.server.wait_log("event=dhcp.name.refused")
        self.assertEqual(self.ask("laptop.lab.test", "A"), ["192.168.1.10"])
        self.dhclient("one", "-r", six=False)
        self.comes([], "laptop.lab.test", "ANY")

    def test_a_key_that_the_server_does_not_have(self):
        self.serve(secret="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        self.dhclient("one", six=False)
        self.server.wait_log("event=dhcp.name.refused")
        self.assertRegex(self.server.log(), "event=dhcp.name.refused .*reason=BADSIG")
        self.assertEqual(self.ask("laptop.lab.test", "A"), [])


if __name__ == "__main__":
    unittest.main()
