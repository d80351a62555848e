"""BIND as the secondary of ours and as its primary: AXFR, NOTIFY, IXFR, each of them signed (TSIG) in one half; and as
the server that dhcpd puts names into."""
import unittest

import lab
import test_dns_copies as copies
from test_dns_copies import free_port, serial, update, whole

SECRET = "c2VjcmV0IG9mIHRoZSBsYWIsIDMyIGJ5dGVzIGxvbmch"
KEYS = f'''
  key "shared.key" {{ algorithm = hmac-sha256  secret = "{SECRET}" }}'''
CONF = '''
options {{
  directory "{directory}"; pid-file "{directory}/pid"; session-keyfile "{directory}/session.key";
  listen-on port {listen} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify {notify}; minimal-responses no;
}};
controls {{ }};
key "shared.key" {{ algorithm hmac-sha256; secret "{secret}"; }};
{zone}
'''


@lab.needs("named", "nsupdate", "kdig", "dig")
class Bind(copies.Zones):
    def named(self, listen, zone, notify="no"):
        conf = self.directory / "named.conf"
        conf.write_text(CONF.format(directory=self.directory, listen=listen, notify=notify, secret=SECRET, zone=zone))
        copies.Peer(self, "named", "-f", "-n", "1", "-c", conf)

    def changes_are_followed(self, port, listen):
        """The first has the zone, the second follows it."""
        self.follows(listen, 1)
        self.assertEqual(whole(listen), whole(port))
        for number in (2, 3, 4):
            update(port, f"update add host{number}.a.test 60 A 192.0.2.{number}", "update delete www.a.test")
            self.follows(listen, number)
        self.assertEqual(whole(listen), whole(port))

    def test_it_follows_ours(self):
        self.write_zone(1)
        listen = free_port()
        _, port = self.primary(notify=(listen,))
        self.named(listen, f'zone "a.test" {{ type secondary; file "copy"; primaries port {port} {{ 127.0.0.1; }}; '
                   'allow-transfer { 127.0.0.1; }; };')
        self.changes_are_followed(port, listen)

    def test_ours_follows_it(self):
        self.write_zone(1)
        listen, ours = free_port(), free_port()
        self.named(listen, f'zone "a.test" {{ type primary; file "{self.directory}/a.zone"; allow-update {{ 127.0.0.1; }}; '
                   f'allow-transfer {{ 127.0.0.1; }}; also-notify {{ 127.0.0.1 port {ours}; }}; }};', "explicit")
        self.follows(listen, 1)
        server, _ = self.secondary(listen, ours)
        self.changes_are_followed(listen, ours)
        self.assertIn("by=IXFR", server.log())

    def test_it_sends_names_that_are_expanded(self):
        """RFC 3597 4: BIND compresses the names of the types of RFC 1035."""
        lines = ["MB a.u.test.", "MG a.u.test.", "MR a.u.test.", "MINFO a.u.test. b.u.test.", "RT 1 a.u.test.", "KX 1 a.u.test.",
                 "PX 1 a.u.test. b.u.test.", "NXT a.u.test. A MX NXT",
                 "SIG A 5 3 60 20030322173103 20030220173103 2642 u.test. AQI="]
        self.write_zone(1, "".join(f"r{i} {line}\n" for i, line in enumerate(lines)))
        listen, ours = free_port(), free_port()
        self.named(listen, f'zone "a.test" {{ type primary; file "{self.directory}/a.zone"; check-names ignore; '
                   'allow-transfer { 127.0.0.1; }; };')
        self.follows(listen, 1)
        self.secondary(listen, ours)
        self.follows(ours, 1)
        for i, line in enumerate(lines):
            kind, *words = line.split()
            with self.subTest(kind=kind):
                done = lab.run("dig", "@127.0.0.1", "-p", ours, "+norec", "+noall", "+answer", f"r{i}.a.test", kind)
                self.assertEqual(done.stdout.decode().split()[3:], [kind, *words])

    def test_both_ways_with_a_key(self):
        self.write_zone(1)
        listen = free_port()
        conf = f'''dnsd {{
  listen = {{ "127.0.0.1:0" }}{KEYS}
  zone "a.test" {{
    file           = "{self.directory}/a.zone"
    allow-transfer = {{ "key shared.key", "127.0.0.2" }}
    allow-update   = {{ "127.0.0.1" }}
    notify         = {{ "127.0.0.1:{listen} key shared.key" }}
  }}
}}
'''
        server = lab.Program(conf)
        self.addCleanup(server.close)
        port = server.port("dnsd", "udp")
        self.named(listen, f'server 127.0.0.1 {{ keys {{ shared.key; }}; }};\nzone "a.test" {{ type secondary; file "copy"; '
                   f'primaries port {port} {{ 127.0.0.1 key shared.key; }}; allow-notify {{ key shared.key; }}; }};')
        self.follows(listen, 1)
        for number in (2, 3):
            update(port, f"update add host{number}.a.test 60 A 192.0.2.{number}")
            self.follows(listen, number)
        self.assertEqual(whole(port), [])  # without the key

    def test_ours_follows_it_with_a_key(self):
        self.write_zone(1)
        listen, ours = free_port(), free_port()
        self.named(listen, f'zone "a.test" {{ type primary; file "{self.directory}/a.zone"; allow-update {{ 127.0.0.1; }}; '
                   f'allow-transfer {{ key shared.key; }}; also-notify {{ 127.0.0.1 port {ours} key shared.key; }}; }};', "explicit")
        self.follows(listen, 1)
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{ours}" }}{KEYS}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{listen} key shared.key" }} }}
}}
''')
        self.addCleanup(server.close)
        self.follows(ours, 1)
        update(listen, "update add host2.a.test 60 A 192.0.2.2")
        self.follows(ours, 2)
        self.assertIn("by=IXFR", server.log())

    def test_dhcpd_puts_names_there(self):
        self.write_zone(1)
        listen = free_port()
        self.named(listen, f'zone "a.test" {{ type primary; file "{self.directory}/a.zone"; allow-update {{ key shared.key; }}; }};')
        self.follows(listen, 1)
        server = lab.Program(f'''dhcpd {{
  listen = {{ "127.0.0.1:0" }}
  register-server = "127.0.0.1:{listen}"
  register-key "shared.key" {{ secret = "{SECRET}" }}
  subnet "192.168.1.0/24" {{ pool = {{ "192.168.1.10" }}  register = "a.test" }}
}}
''')
        self.addCleanup(server.close)
        address = lambda: lab.run("kdig", "@127.0.0.1", "-p", listen, "+short", "laptop.a.test", "A").stdout.decode().split()
        wirelab = lab.BUILD / "wirelab"
        lab.run(wirelab, "lease", f"127.0.0.1:{server.port('dhcpd', 'udp')}", "--name", "laptop")
        lab.until(lambda: address() == ["192.168.1.10"], lambda: f"{address()}: {server.log()}")
        lab.run(wirelab, "leases", "-c", server.conf, "--free", "192.168.1.10")
        lab.until(lambda: address() == [], lambda: f"{address()}: {server.log()}")

    def test_updates_through_the_secondary(self):
        """Signed for the primary, by a key that the secondary has not; ours before BIND, and BIND before ours."""
        self.write_zone(1)
        listen, ours = free_port(), free_port()
        self.named(listen, f'zone "a.test" {{ type primary; file "{self.directory}/a.zone"; allow-update {{ key shared.key; }}; '
                   f'allow-transfer {{ 127.0.0.1; }}; also-notify {{ 127.0.0.1 port {ours}; }}; }};', "explicit")
        self.follows(listen, 1)
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{ours}" }}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{listen}" }} forward-updates = {{ "127.0.0.1" }} }}
}}
''')
        self.addCleanup(server.close)
        self.follows(ours, 1)
        self.signed_update(ours)
        self.follows(ours, 2)

    def test_updates_through_it(self):
        self.write_zone(1)
        listen = free_port()
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:0" }}{KEYS}
  zone "a.test" {{
    file = "{self.directory}/a.zone"
    allow-transfer = {{ "127.0.0.1" }}
    allow-update = {{ "key shared.key" }}
    notify = {{ "127.0.0.1:{listen}" }}
  }}
}}
''')
        self.addCleanup(server.close)
        port = server.port("dnsd", "udp")
        self.named(listen, f'zone "a.test" {{ type secondary; file "copy"; primaries port {port} {{ 127.0.0.1; }}; '
                   'allow-update-forwarding { any; }; };')
        self.follows(listen, 1)
        self.signed_update(listen)
        self.follows(listen, 2)

    def signed_update(self, port):
        done = lab.run("nsupdate", "-t", "10", "-y", f"hmac-sha256:shared.key:{SECRET}", input=f"server 127.0.0.1 {port}\n"
                       "zone a.test\nupdate add new.a.test 60 A 192.0.2.9\nsend\n".encode())
        self.assertEqual((done.returncode, done.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
