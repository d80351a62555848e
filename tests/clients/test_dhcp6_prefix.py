"""ISC dhclient -6 -P: prefixes for the networks behind a router, against dhcpd."""
import json
import re
import unittest

import lab
import test_dhcp6

CONF = test_dhcp6.CONF.replace("dns-servers", 'prefix-pool = { "2001:db8:8000::/40 56" }\n    dns-servers')


@lab.needs_root
@lab.needs("dhclient", "ip")
class Prefixes(unittest.TestCase):
    conf = CONF
    setUp = test_dhcp6.OnTheLink.setUp
    start = test_dhcp6.OnTheLink.start
    shown = test_dhcp6.OnTheLink.shown
    dhclient = test_dhcp6.OnTheLink.dhclient
    end_dhclient = test_dhcp6.OnTheLink.end_dhclient

    def delegated(self, reason="BOUND6"):
        env = (self.directory / f"dhclient.{reason}").read_text()
        return re.search(r"new_ip6_prefix=(\S+)", env).group(1)

    def leases(self):
        done = lab.run(lab.BUILD / "wirelab", "leases", "-c", self.server.conf, "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_prefix_and_back(self):
        self.addCleanup(self.end_dhclient)
        done = self.dhclient("-P")
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        self.assertEqual(self.delegated(), "2001:db8:8000::/56")
        self.assertEqual([(l["prefix"], l["state"]) for l in self.leases()], [("2001:db8:8000::/56", "bound")])
        self.dhclient("-P", "-r")
        self.server.wait_log("event=dhcp6.released")
        lab.until(lambda: not self.leases(), lambda: f"it is still on disk: {self.leases()}")

    def test_the_same_after_a_kill(self):
        self.addCleanup(self.end_dhclient)
        self.dhclient("-P")
        self.end_dhclient()
        self.server.kill()
        self.start()
        done = self.dhclient("-P")  # what its lease file has: a Rebind
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        self.assertIn("event=dhcp6.rebind", self.server.log())
        self.end_dhclient()
        self.assertEqual([l["prefix"] for l in self.leases()], ["2001:db8:8000::/56"])

    def test_an_address_and_a_prefix(self):
        self.addCleanup(self.end_dhclient)
        done = self.dhclient("-N", "-P")
        self.assertEqual(done.returncode, 0, done.stderr.decode() + self.server.log())
        self.assertEqual(sorted(l.get("prefix") or l["address"] for l in self.leases()),
                         ["2001:db8:1:2::1002", "2001:db8:8000::/56"])


if __name__ == "__main__":
    unittest.main()
