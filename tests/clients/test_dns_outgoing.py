"""Servers at addresses of their own know each other by these: NOTIFY, checks and transfers (RFC 1996, 5936)."""
import pathlib
import tempfile
import unittest

import lab

ZONE = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
PRIMARY, SECONDARY = "127.0.0.73", "127.0.0.74"


@lab.needs("kdig", "knsupdate")
class TwoAddresses(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.file = pathlib.Path(self.directory.name) / "a.test.zone"
        self.file.write_text(ZONE)
        self.ports = lab.free_port(), lab.free_port()

    def primary(self, follower=SECONDARY):
        return self.serve(f"""dnsd {{
  listen = {{ "{PRIMARY}:{self.ports[0]}" }}
  zone "a.test" {{
    file           = "{self.file}"
    allow-transfer = {{ "{follower}" }}
    allow-update   = {{ "{SECONDARY}", "127.0.0.1" }}
    notify         = {{ "{SECONDARY}:{self.ports[1]}" }}
  }}
}}
""")

    def secondary(self, primary=PRIMARY):
        return self.serve(f"""dnsd {{
  listen = {{ "{SECONDARY}:{self.ports[1]}" }}
  zone "a.test" {{
    primaries       = {{ "{primary}:{self.ports[0]}" }}
    forward-updates = {{ "127.0.0.1" }}
  }}
}}
""")

    def serve(self, conf):
        server = lab.Program(conf, log="info")
        self.addCleanup(server.close)
        return server

    def ask(self, name):
        done = lab.run("kdig", f"@{SECONDARY}", "-p", self.ports[1], "+short", "+time=2", name, "A")
        return done.stdout.decode().split()

    def update(self, at, port, host):
        done = lab.run("knsupdate", input=f"server {at} {port}\nzone a.test\nadd x.a.test 60 A {host}\nsend\n".encode())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_is_known_to_the_other(self):
        primary, _ = self.primary(), self.secondary()
        lab.until(lambda: self.ask("ns.a.test") == ["192.0.2.1"], primary.log)
        self.update(PRIMARY, self.ports[0], "192.0.2.77")
        lab.until(lambda: self.ask("x.a.test") == ["192.0.2.77"], primary.log)

    def test_an_update_that_is_passed_on(self):
        primary, _ = self.primary(), self.secondary()
        lab.until(lambda: self.ask("ns.a.test") == ["192.0.2.1"], primary.log)
        self.update(SECONDARY, self.ports[1], "192.0.2.78")
        lab.until(lambda: self.ask("x.a.test") == ["192.0.2.78"], primary.log)

    def test_a_refusal_is_no_success(self):
        primary, _ = self.primary(), self.secondary(primary="127.0.0.99")
        self.update(PRIMARY, self.ports[0], "192.0.2.77")
        primary.wait_log("event=dns.notify.failed")
        self.assertIn("reason=REFUSED", primary.log())


if __name__ == "__main__":
    unittest.main()
