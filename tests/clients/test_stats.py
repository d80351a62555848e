"""What a running program counts, by `wirelab stats`: messages, those that were discarded by their reason, pools."""
import re
import signal
import socket
import tempfile
import unittest

import lab

CONF = """dhcpd {
  listen = { "127.0.0.1:0" }
  subnet "127.0.0.0/24" { pool = { "127.0.0.10-127.0.0.19" }  probe = "0s" }
}
dnsd {
  listen  = { "127.0.0.1:0" }
  workers = 3
  zone "a.test" { file = "FILE" }
}
"""
ZONE = "$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n  NS ns\nns A 127.0.0.1\n"


class Stats(unittest.TestCase):
    def stats(self):
        done = lab.run(lab.BUILD / "wirelab", "stats", "-c", self.server.conf)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\w.*) (\d+)$", done.stdout.decode(), re.M)}

    def setUp(self):
        zone = tempfile.NamedTemporaryFile("w", prefix="lab-", suffix=".zone")
        self.addCleanup(zone.close)
        zone.write(ZONE)
        zone.flush()
        self.server = lab.Program(CONF.replace("FILE", zone.name), log="info")
        self.addCleanup(self.server.close)

    def test_what_is_counted(self):
        dhcp, dns = self.server.port("dhcpd", "udp"), self.server.port("dnsd", "udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for data in (b"xx", b"xx", bytes(300)):
                s.sendto(data, ("127.0.0.1", dhcp))
            s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", ("127.0.0.1", dns))
        for _ in range(20):  # from as many ports: all workers
            lab.run("dig", "@127.0.0.1", "-p", dns, "a.test", "SOA")
        self.assertEqual(lab.run(lab.BUILD / "wirelab", "lease", f"127.0.0.1:{dhcp}").returncode, 0)
        seen = lambda name: self.stats().get(name, 0)
        event = "wirelab_events_total{event=\"%s\"}"
        lab.until(lambda: seen(event % "dhcp.discard") == 3, lambda: self.stats())
        lab.until(lambda: seen(event % "dns.query") == 20, lambda: self.stats())
        counts = self.stats()
        for name, number in ((event % "dhcp.ack", 1), (event % "dns.malformed", 1),
                             ("wirelab_dhcp_pool_addresses{subnet=\"127.0.0.0/24\"}", 10),
                             ("wirelab_dhcp_addresses_in_use{subnet=\"127.0.0.0/24\"}", 1)):
            self.assertEqual(counts.get(name), number, name)
        reasons = [n for n in counts if n.startswith("wirelab_event_reasons_total{event=\"dhcp.discard\"")]
        self.assertEqual(sorted(counts[n] for n in reasons), [1, 2])

    def test_questions_by_zone_type_code_and_transport(self):
        """From all threads, over a reload, and what is in no zone is in none."""
        dns = self.server.port("dnsd", "udp")
        for _ in range(7):
            lab.run("dig", "@127.0.0.1", "-p", dns, "ns.a.test", "A")
        for _ in range(3):
            lab.run("dig", "+tcp", "@127.0.0.1", "-p", dns, "nothing.a.test", "MX")
        lab.run("dig", "@127.0.0.1", "-p", dns, "b.test", "A")
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reload")
        lab.run("dig", "@127.0.0.1", "-p", dns, "a.test", "AXFR")
        counts = self.stats()
        for name, number in (('wirelab_dns_zone_questions_total{zone="a.test."}', 11),
                             ('wirelab_dns_questions_total{type="A"}', 8), ('wirelab_dns_questions_total{type="MX"}', 3),
                             ('wirelab_dns_replies_total{rcode="NXDOMAIN"}', 3),
                             ('wirelab_dns_messages_total{transport="udp"}', 8),
                             ('wirelab_dns_messages_total{transport="tcp"}', 4)):
            self.assertEqual(counts.get(name), number, f"{name}: {counts}")
        self.assertEqual([n for n in counts if "zone_questions" in n], ['wirelab_dns_zone_questions_total{zone="a.test."}'])

    def test_nobody_runs(self):
        self.server.close()
        done = lab.run(lab.BUILD / "wirelab", "stats", "-c", self.server.conf)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
