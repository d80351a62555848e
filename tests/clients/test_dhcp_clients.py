"""More of the clients and relays that are in use, against dhcpd: dhcpcd and systemd-networkd for IPv4, IPv6 and prefixes,
on the server's link and behind ISC dhcrelay."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import lab

CONF = """dhcpd {{
  listen = {{ {listen} }}
  subnet "192.168.1.0/24" {{
    pool = {{ "192.168.1.10-192.168.1.99" }}
    probe = "0s"
    routers = {{ "192.168.1.1" }}
  }}
  subnet6 "2001:db8:1:2::/64" {{
    pool = {{ "2001:db8:1:2::1002-2001:db8:1:2::1fff" }}
    prefix-pool = {{ "2001:db8:8000::/40 56" }}
    router-advertisements = {advertise}
  }}
}}
"""
# Each client has the directories that it writes to for itself, in a mount namespace that ends with it.
DHCPCD = """mount -t tmpfs none /run && mount -t tmpfs none /var/lib/dhcpcd && mkdir -p /run/dhcpcd
printf 'noarp\\nnoipv6rs\\nia_na 1\\nia_pd 2 lo/0\\n' > /run/client.conf
exec dhcpcd -{family} -1 -w -t 20 -f /run/client.conf -c /bin/true {interface}
"""
NETWORKD = """mount -t tmpfs none /run && mount -o remount,ro /sys
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network: /run/systemd/netif
printf '[Match]\\nName={interface}\\n[Network]\\nDHCP=yes\\nIPv6AcceptRA=yes\\n[DHCPv4]\\nClientIdentifier=mac\\n' \\
    > /run/systemd/network/10-client.network
exec /lib/systemd/systemd-networkd
"""


class Clients(unittest.TestCase):
    def start(self, listen, inside, advertise="true"):
        server = lab.Program(CONF.format(listen=listen, advertise=advertise), program="dhcpd", inside=inside)
        self.addCleanup(server.close)
        return server

    def dhcpcd(self, net, family):
        script = DHCPCD.format(family=family, interface=net.client_if)
        done = lab.run(*net.on_client(), "unshare", "-m", "sh", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        return done.stderr.decode() + done.stdout.decode()

    def leases(self):
        done = lab.run(lab.BUILD / "wirelab", "leases", "-c", self.server.conf, "--json")
        return sorted(l.get("prefix") or l["address"] for l in map(json.loads, done.stdout.splitlines()))

    def shown(self, net, *words):
        return net.ip("-n", net.client, *words, "-o", "addr", "show", "dev", net.client_if)


@lab.needs_root
@lab.needs("ip", "unshare")
class OnTheLink(Clients):
    def setUp(self):
        self.net = lab.Network()
        self.addCleanup(self.net.close)
        self.net.ip("-n", self.net.server, "addr", "add", "2001:db8:1:2::1/64", "dev", self.net.server_if, "nodad")
        for namespace, interface in ((self.net.server, self.net.server_if), (self.net.client, self.net.client_if)):
            lab.until(lambda: "scope link" in self.net.ip("-n", namespace, "-6", "addr", "show", "dev", interface, "-tentative"),
                      "a link-local address")
        self.server = self.start('"srv0"', self.net.on_server())

    @lab.needs("dhcpcd")
    def test_dhcpcd(self):
        self.dhcpcd(self.net, 4)
        self.assertIn("192.168.1.10/24", self.shown(self.net, "-4"))
        self.dhcpcd(self.net, 6)
        self.assertIn("2001:db8:1:2::1002/128", self.shown(self.net, "-6"))
        self.assertEqual(self.leases(), ["192.168.1.10", "2001:db8:1:2::1002", "2001:db8:8000::/56"])

    @unittest.skipUnless(pathlib.Path("/lib/systemd/systemd-networkd").exists(), "systemd-networkd is not installed")
    def test_networkd(self):
        client = subprocess.Popen([*self.net.on_client(), "unshare", "-m", "sh", "-c", NETWORKD.format(interface=self.net.client_if)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        self.addCleanup(client.terminate)
        lab.until(lambda: "192.168.1.10/24" in self.shown(self.net, "-4"), lambda: self.server.log())
        lab.until(lambda: "2001:db8:1:2::1002/128" in self.shown(self.net, "-6"), lambda: self.server.log())


class Relayed:
    """Three hosts in a row: the server, a relay, the client."""

    def __init__(self):
        self.net = lab.Network(server_address="192.168.1.1/24")  # its "server" is the relay
        self.far = self.net.server + "f"
        ip = self.net.ip
        try:
            ip("netns", "add", self.far)
            ip("-n", self.far, "link", "set", "lo", "up")
            ip("-n", self.far, "link", "add", "far0", "type", "veth", "peer", "name", "up0", "netns", self.net.server)
            for namespace, interface, addresses in ((self.far, "far0", ("10.9.0.1/24", "2001:db8:9::1/64")),
                                                    (self.net.server, "up0", ("10.9.0.2/24", "2001:db8:9::2/64"))):
                for address in addresses:
                    ip("-n", namespace, "addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
                ip("-n", namespace, "link", "set", interface, "up")
            ip("-n", self.net.server, "addr", "add", "2001:db8:1:2::1/64", "dev", self.net.server_if, "nodad")
            ip("-n", self.far, "route", "add", "192.168.1.0/24", "via", "10.9.0.2")
            ip("-n", self.far, "-6", "route", "add", "2001:db8:1:2::/64", "via", "2001:db8:9::2")
            lab.run(*self.net.on_server(), "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        except BaseException:
            self.close()
            raise

    def link_local(self, namespace, interface):
        return "scope link" in self.net.ip("-n", namespace, "-6", "addr", "show", "dev", interface, "-tentative")

    def close(self):
        lab.run("ip", "netns", "del", self.far)
        self.net.close()


@lab.needs_root
@lab.needs("ip", "unshare", "dhcrelay", "dhcpcd")
class Behind(Clients):
    def setUp(self):
        self.row = Relayed()
        self.addCleanup(self.row.close)
        net = self.row.net
        for namespace, interface in ((net.server, "up0"), (net.server, net.server_if), (net.client, net.client_if), (self.row.far, "far0")):
            lab.until(lambda: self.row.link_local(namespace, interface), f"a link-local address on {interface}")
        self.server = self.start('"10.9.0.1:67", "[2001:db8:9::1]:547"', ["ip", "netns", "exec", self.row.far], "false")

    def relay(self, *words):
        process = subprocess.Popen([*self.row.net.on_server(), "dhcrelay", "-d", *words], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        for line in process.stderr:  # it says where it sends when it is there
            if b"Sending on" in line or b"Listening on" in line:
                return

    def test_dhcrelay(self):
        net = self.row.net
        self.relay("-4", "-a", "-i", "up0", "-i", net.server_if, "10.9.0.1")  # with option 82
        self.dhcpcd(net, 4)
        self.assertIn("192.168.1.10/24", self.shown(net, "-4"))
        self.assertIn("relay=192.168.1.1", self.server.log())

    def test_dhcrelay_for_ipv6(self):
        net = self.row.net
        self.relay("-6", "-I", "-l", net.server_if, "-u", "2001:db8:9::1%up0")  # with interface-id
        self.dhcpcd(net, 6)
        self.assertEqual(self.leases(), ["2001:db8:1:2::1002", "2001:db8:8000::/56"])


if __name__ == "__main__":
    unittest.main()
