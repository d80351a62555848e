"""Router advertisements: rdisc6 asks for them, and the kernel of the client takes them."""
import signal
import unittest

import lab

CONF = '''dhcpd {
  listen = { "srv0" }
  subnet6 "2001:db8:1:2::/64" {
    interface = "srv0"
    pool = { "2001:db8:1:2::1002-2001:db8:1:2::1fff" }
    dns-servers = { "2001:db8::35" }
    domain-search = { "mydomain.example" }
    KEYS
  }
}
'''


@lab.needs_root
@lab.needs("rdisc6")
class Advertisements(unittest.TestCase):
    def setUp(self):
        self.network = lab.Network()
        self.addCleanup(self.network.close)

    def serve(self, keys=""):
        server = lab.Program(CONF.replace("KEYS", keys), inside=self.network.on_server())
        self.addCleanup(server.close)
        return server

    def ask_once(self, wait_ms=1500):
        done = lab.run(*self.network.on_client(), "rdisc6", "-1", "-r", 1, "-w", wait_ms, self.network.client_if)
        return " ".join(done.stdout.decode().split()) if done.returncode == 0 else None

    def ask(self, server):
        """Once the client's own address is settled."""
        return lab.until(self.ask_once, lambda: f"nobody answers: {server.log()}")

    def test_what_is_advertised(self):
        server = self.serve()
        said = self.ask(server)
        for word in ("Stateful address conf. : Yes", "Stateful other conf. : Yes", "Router lifetime : 0",
                     "Prefix : 2001:db8:1:2::/64", "On-link : Yes", "Autonomous address conf.: No",
                     "Recursive DNS server : 2001:db8::35", "DNS search list : mydomain.example", "from fe80::"):
            self.assertIn(word, said)
        self.assertIn("event=dhcp6.router.solicited", server.log())

    def test_as_a_router_for_hosts_with_addresses_of_their_own(self):
        server = self.serve('router-lifetime = "30m"  autonomous = true')
        self.assertIn("Router lifetime : 1800", self.ask(server))
        show = lambda what: self.network.ip("-n", self.network.client, "-6", what, "show", "dev", self.network.client_if)
        lab.until(lambda: "2001:db8:1:2:" in show("addr"), "the kernel made no address")
        lab.until(lambda: "default via fe80::" in show("route"), "the kernel has no default route")

    def test_off(self):
        server = self.serve("router-advertisements = false")
        ready = ["-n", self.network.client, "-6", "addr", "show", "dev", self.network.client_if, "scope", "link", "-tentative"]
        lab.until(lambda: "fe80::" in self.network.ip(*ready), "the client's address does not settle")
        self.assertIsNone(self.ask_once())
        self.assertNotIn("dhcp6.router", server.log())

    def test_off_by_a_reload(self):
        server = self.serve('router-lifetime = "30m"')
        self.ask(server)
        route = lambda: self.network.ip("-n", self.network.client, "-6", "route", "show", "default")
        lab.until(lambda: "via fe80::" in route(), "the kernel has no default route")
        server.conf.write_text(server.conf.read_text().replace("router-lifetime", "router-advertisements = false router-lifetime"))
        server.signal(signal.SIGHUP)
        lab.until(lambda: "via fe80::" not in route(), lambda: f"the route stays: {server.log()}")

    def test_on_by_a_reload(self):
        server = self.serve("router-advertisements = false")
        server.conf.write_text(server.conf.read_text().replace("router-advertisements = false", ""))
        server.signal(signal.SIGHUP)
        self.assertIn("Prefix : 2001:db8:1:2::/64", self.ask(server))


if __name__ == "__main__":
    unittest.main()
