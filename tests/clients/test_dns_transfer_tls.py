"""Zone transfers over TLS (RFC 9103): ours with ours, and with NSD in both directions."""
import pathlib
import unittest

import lab
from test_dns_copies import Peer, Zones, free_port, serial, update, whole

NSD = '''server:
  server-count: 1
  ip-address: 127.0.0.1@{listen}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/nsd.pid"
  xfrdir: "{directory}"
  xfrdfile: "{directory}/xfrd.state"
  zonelistfile: "{directory}/zone.list"
  xfrd-reload-timeout: 0
{server}
remote-control:
  control-enable: no
{rest}
zone:
  name: a.test
{zone}
'''
PRIMARY = '''dnsd {{ listen = {{ "127.0.0.1:0" }} tcp-idle-timeout = "1s" listen-tls = {{ "127.0.0.1:0" }} tls-name = "ns1.lab"
  key "transfer.test" {{ secret = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=" }}
  zone "a.test" {{ file = "{directory}/a.zone" allow-transfer = {{ {who} }} allow-update = {{ "127.0.0.1" }} {more} }} }}
'''
SECONDARY = '''dnsd {{ listen = {{ "127.0.0.1:{listen}" }} tls-ca = "{ca}"
  key "transfer.test" {{ secret = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=" }}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{port} tls {name}" }} allow-transfer = {{ "127.0.0.0/8" }} }} }}
'''


@lab.needs("kdig", "nsupdate")
class TransfersOverTls(Zones):
    def primary(self, more="", who='"127.0.0.0/8"'):
        self.write_zone(1)
        server = lab.Program(PRIMARY.format(directory=self.directory, more=more, who=who))
        self.addCleanup(server.close)
        self.ca = server.directory / "state" / "tls" / "ca.pem"
        return server, server.port("dnsd", "udp"), server.port("dnsd", "tls")

    def secondary(self, port, name="ns1.lab", listen=0, ca=None):
        server = lab.Program(SECONDARY.format(port=port, name=name, listen=listen, ca=ca or self.ca))
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def nsd(self, listen, zone, server="", rest=""):
        conf = self.directory / "nsd.conf"
        conf.write_text(NSD.format(listen=listen, directory=self.directory, zone=zone, server=server, rest=rest))
        return Peer(self, "nsd", "-d", "-c", conf)

    def follows_changes(self, primary, secondary):
        self.follows(secondary, 1)
        self.assertEqual(whole(secondary), whole(primary))
        self.assertEqual(update(primary, "update add new.a.test 60 A 192.0.2.9").returncode, 0)
        self.follows(secondary, 2)
        self.assertEqual(whole(secondary), whole(primary))

    def test_ours_from_ours(self):
        listen = free_port()
        primary, port, tls = self.primary(more=f'notify = {{ "127.0.0.1:{listen}" }}')
        secondary, _ = self.secondary(tls, listen=listen)
        self.follows_changes(port, listen)
        secondary.wait_log("by=IXFR")
        self.assertIn("by=AXFR", secondary.log())
        self.assertIn("tls=\"TLSv1.3", secondary.log())
        for line in primary.log().splitlines():  # nothing of it went in clear
            if "type=SOA" in line or "type=IXFR" in line:
                self.assertIn("protocol=tls", line)

    def test_with_a_key_inside(self):
        _, port, tls = self.primary(who='"key transfer.test"')
        _, listen = self.secondary(tls, name="ns1.lab key transfer.test")
        self.follows(listen, 1)
        stranger, _ = self.secondary(tls)
        stranger.wait_log("event=dns.fetch.failed")

    def test_another_name_or_authority_is_not_believed(self):
        _, _, tls = self.primary()
        ca = self.ca
        other, _, _ = self.primary()
        wrong_name, _ = self.secondary(tls, name="ns2.lab", ca=ca)
        wrong_name.wait_log("event=dns.fetch.failed")
        no_name, _ = self.secondary(tls, name="", ca=ca)  # the certificate is not for the address
        no_name.wait_log("event=dns.fetch.failed")
        wrong_ca, _ = self.secondary(tls, ca=self.ca)
        wrong_ca.wait_log("event=dns.fetch.failed")
        for server in (wrong_name, no_name, wrong_ca):
            self.assertIn("certificate verify failed", server.log())
            self.assertNotIn("event=dns.fetched", server.log())
        self.assertIsNotNone(other)

    def test_over_tls_only(self):
        primary, port, tls = self.primary()
        text = primary.conf.read_text().replace("allow-transfer", "transfer-tls-only = true allow-transfer")
        primary.conf.write_text(text)
        primary.reload()
        self.assertEqual(whole(port), [])
        _, listen = self.secondary(tls)
        self.follows(listen, 1)

    def test_clear_text_behind_the_port_is_not_taken(self):
        _, port, _ = self.primary()
        server, _ = self.secondary(port)
        server.wait_log("event=dns.fetch.failed")
        self.assertNotIn("event=dns.fetched", server.log())

    @lab.needs("nsd")
    def test_nsd_from_ours(self):
        listen = free_port()
        primary, port, tls = self.primary(more=f'notify = {{ "127.0.0.1:{listen}" }}')
        self.nsd(listen, f"  request-xfr: 127.0.0.1@{tls} NOKEY ours\n  allow-notify: 127.0.0.1 NOKEY\n"
                 "  provide-xfr: 127.0.0.1 NOKEY\n", server=f'  tls-cert-bundle: "{self.ca}"',
                 rest='tls-auth:\n  name: ours\n  auth-domain-name: "ns1.lab"\n')
        self.follows_changes(port, listen)
        self.assertIn("event=dns.transfer ", primary.log())

    @lab.needs("nsd")
    def test_ours_from_nsd(self):
        maker, _, _ = self.primary()  # for its certificate
        files = self.ca.parent
        tls, listen = free_port(), free_port()
        self.nsd(listen, '  zonefile: "a.zone"\n  provide-xfr: 127.0.0.1 NOKEY\n',
                 server=f'  ip-address: 127.0.0.1@{tls}\n  tls-port: {tls}\n  tls-service-key: "{files}/ns1.lab.key"\n'
                        f'  tls-service-pem: "{files}/ns1.lab.pem"')
        lab.until(lambda: serial(listen) == 1, "NSD does not serve")
        server, port = self.secondary(tls)
        self.follows(port, 1)
        self.assertEqual(whole(port), whole(listen))
        self.assertIn("TLSv1.3", server.log())
        self.assertIsNotNone(maker)


@lab.needs("kdig")
class Wrong(unittest.TestCase):
    def test_tls_needs_authorities_and_is_for_primaries(self):
        for conf, expected in (
                ('zone "a.test" { primaries = { "127.0.0.1 tls ns1.lab" } }', "tls-ca"),
                ('tls-ca = "x.pem" zone "a.test" { file = "x" notify = { "127.0.0.1 tls ns1.lab" } }', "only primaries"),
                ('certificate-key = "x.key" zone "a.test" { file = "x" }', "no certificate")):
            with lab.Program(f'dnsd {{ listen = {{ "127.0.0.1:0" }} {conf} }}\n', ready=False) as p:
                self.assertEqual(p.process.wait(20), 2)
                self.assertIn(expected, pathlib.Path(p.errors_path).read_text())


if __name__ == "__main__":
    unittest.main()
