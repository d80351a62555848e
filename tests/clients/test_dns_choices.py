"""What one server does and another does not: the order of records, whom lists name."""
import pathlib
import shutil
import tempfile
import unittest

import lab
from test_dns_copies import ask, free_port

ZONE = """$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
"""


class Zones(unittest.TestCase):
    def server(self, zone="", more="", listen="127.0.0.1:0"):
        """With a.test, which has `zone` among its keys."""
        state = tempfile.mkdtemp(prefix="choices-")
        self.addCleanup(shutil.rmtree, state, True)
        (pathlib.Path(state) / "a.zone").write_text(ZONE)
        server = lab.Program(f'''dnsd {{
  listen = {{ {", ".join(f'"{l}"' for l in listen.split())} }}
  {more}
  zone "a.test" {{ file = "{state}/a.zone" {zone} }}
}}
''', state=state)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")


@lab.needs("kdig")
class Order(Zones):
    def test_fixed_unless_it_is_said(self):
        _, port = self.server()
        self.assertEqual([ask(port, "www.a.test")[0] for _ in range(4)], ["192.0.2.1"] * 4)

    def test_each_first_in_its_turn(self):
        _, port = self.server(more="record-order = rotate")
        answers = [ask(port, "www.a.test") for _ in range(6)]
        self.assertEqual([sorted(a) for a in answers], [["192.0.2.1", "192.0.2.2", "192.0.2.3"]] * 6)
        firsts = [a[0] for a in answers]
        self.assertEqual([firsts.count(f"192.0.2.{i}") for i in (1, 2, 3)], [2, 2, 2])


@lab.needs("kdig", "nsupdate")
class Lists(Zones):
    """Who may, by where it asks: the client is 127.0.0.1 or 127.0.0.2 as it asks there."""

    def transfers(self, port, at):
        done = lab.run("kdig", f"@{at}", "-p", port, "+noall", "+answer", "a.test", "AXFR")
        return b"192.0.2.3" in done.stdout

    def updates(self, port, at, *options):
        done = lab.run("nsupdate", "-t", "5", *options, input=f"server {at} {port}\nzone a.test\nupdate add x.a.test 60 A "
                       "192.0.2.9\nsend\n".encode())
        return done.returncode == 0

    def looks_up(self, port, at):
        done = lab.run("kdig", f"@{at}", "-p", port, "+noall", "+header", "www.elsewhere.test", "A")
        return b"REFUSED" not in done.stdout

    def test_by_the_address_that_is_asked(self):
        for listen in ("127.0.0.1:{0} 127.0.0.2:{0}", "0.0.0.0:{0}"):
            _, port = self.server(zone='allow-transfer = { "local 127.0.0.2" } allow-update = { "192.0.2.0/24", "local 127.0.0.2/32" }',
                                  more='allow-recursion = { "local 127.0.0.2" } forward "." { to = { "127.0.0.1:1" } }',
                                  listen=listen.format(free_port()))
            self.assertEqual([self.transfers(port, a) for a in ("127.0.0.1", "127.0.0.2")], [False, True], listen)
            self.assertEqual([self.updates(port, a) for a in ("127.0.0.1", "127.0.0.2")], [False, True], listen)
            self.assertEqual([self.updates(port, a, "-v") for a in ("127.0.0.1", "127.0.0.2")], [False, True], listen)
            self.assertEqual([self.looks_up(port, a) for a in ("127.0.0.1", "127.0.0.2")], [False, True], listen)

    def test_by_interface(self):
        """127.0.0.2 reaches the loopback, but is not among its addresses."""
        _, port = self.server(zone='allow-transfer = { "interface lo" } update-policy "x" { by = { "interface lo" } types = { "A" } }',
                              listen="0.0.0.0:0")
        self.assertEqual([self.transfers(port, a) for a in ("127.0.0.1", "127.0.0.2")], [True, False])
        self.assertEqual([self.updates(port, a) for a in ("127.0.0.1", "127.0.0.2")], [True, False])

    def test_what_is_no_entry(self):
        server, port = self.server(zone='allow-transfer = { "interface nosuch0" }')
        self.assertFalse(self.transfers(port, "127.0.0.1"))
        text = server.conf.read_text()
        done = lab.run(lab.BUILD / "wirelab", "check", server.conf)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"lets nobody in", done.stdout + done.stderr)
        for wrong in ("local", "local x", "interface", "near 127.0.0.1"):
            server.conf.write_text(text.replace("interface nosuch0", wrong))
            done = lab.run(lab.BUILD / "wirelab", "check", server.conf)
            self.assertNotEqual(done.returncode, 0, wrong)


if __name__ == "__main__":
    unittest.main()
