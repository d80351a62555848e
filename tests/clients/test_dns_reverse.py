"""Zones that are made of the addresses in others (reverse-of): at the start, after UPDATE, transfers and reloads, and
for their own secondaries."""
import pathlib
import shutil
import signal
import tempfile
import time
import unittest

import lab
from test_dns_copies import ask, free_port, update

FORWARD = """$ORIGIN a.test.
$TTL 60
@ SOA ns hostmaster {serial} 3600 600 86400 60
  NS ns
ns A 192.0.2.53
www A 192.0.2.1
    AAAA 2001:db8::1
alias CNAME www
same A 192.0.2.1
outside A 198.51.100.1
* A 192.0.2.77
sub NS ns.sub
ns.sub A 192.0.2.99
{more}
"""
OTHER = """$ORIGIN b.test.
$TTL 90
@ SOA ns hostmaster 1 3600 600 86400 60
  NS ns
ns A 192.0.2.54
"""
SERVER = '''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  zone "a.test" {{ {forward} allow-update = {{ "127.0.0.1" }} allow-transfer = {{ "127.0.0.1" }} }}
  zone "b.test" {{ file = "{directory}/b.zone" }}
  zone "2.0.192.in-addr.arpa" {{ reverse-of = {{ "a.test", "b.test" }} allow-transfer = {{ "127.0.0.1" }} {notify} }}
  zone "8.b.d.0.1.0.0.2.ip6.arpa" {{ reverse-of = {{ "A.test" }} }}
}}
'''


@lab.needs("kdig", "nsupdate")
class Reverse(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="reverse-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.write(1)
        (self.directory / "b.zone").write_text(OTHER)

    def write(self, serial, more=""):
        (self.directory / "a.zone").write_text(FORWARD.format(serial=serial, more=more))

    def server(self, notify="", forward=None, **options):
        conf = SERVER.format(listen=0, directory=self.directory, notify=notify,
                             forward=forward or f'file = "{self.directory}/a.zone"')
        server = lab.Program(conf, **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def names(self, port, address):
        return sorted(n.lower() for n in ask(port, "-x", address))

    def serial(self, port):
        return int(ask(port, "2.0.192.in-addr.arpa", "SOA")[2])

    def test_names_of_addresses(self):
        before = int(time.time()) - 60
        _, port = self.server()
        self.assertEqual(self.names(port, "192.0.2.1"), ["same.a.test.", "www.a.test."])
        self.assertEqual(self.names(port, "2001:db8::1"), ["www.a.test."])
        self.assertEqual(self.names(port, "192.0.2.53"), ["ns.a.test."])
        self.assertEqual(self.names(port, "192.0.2.54"), ["ns.b.test."])
        for hidden in ("192.0.2.77", "192.0.2.99", "192.0.2.2", "198.51.100.1"):
            self.assertEqual(self.names(port, hidden), [], hidden)
        self.assertEqual(ask(port, "2.0.192.in-addr.arpa", "NS"), ["ns.a.test."])
        soa = ask(port, "2.0.192.in-addr.arpa", "SOA")
        self.assertEqual(soa[:2] + soa[3:], ["ns.a.test.", "hostmaster.a.test.", "3600", "600", "86400", "60"])
        self.assertTrue(before <= int(soa[2]) <= time.time() + 60, soa)

    def test_updates_are_followed(self):
        _, port = self.server()
        first = self.serial(port)
        self.assertEqual(update(port, "update add New.a.test 30 A 192.0.2.9", "update delete same.a.test A",
                                "update add new.a.test 30 AAAA 2001:db8::9").returncode, 0)
        self.assertEqual([self.names(port, a) for a in ("192.0.2.9", "192.0.2.1", "2001:db8::9")],
                         [["new.a.test."], ["www.a.test."], ["new.a.test."]])
        second = self.serial(port)
        self.assertGreater(second, first)
        # another address, another TTL, a name that never had one here: nothing but what it means
        self.assertEqual(update(port, "update delete new.a.test A", "update add new.a.test 30 A 192.0.2.10",
                                "update add out.a.test 60 A 198.51.100.9").returncode, 0)
        self.assertEqual((self.names(port, "192.0.2.9"), len(self.names(port, "192.0.2.10"))), ([], 1))
        self.assertEqual(update(port, "update add www.a.test 7 A 192.0.2.1").returncode, 0)
        self.assertIn("\t7\t", lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "-x", "192.0.2.1").stdout
                      .decode().replace(" ", "\t"))
        third = self.serial(port)
        self.assertEqual(update(port, "update add www.a.test 60 TXT x").returncode, 0)
        self.assertEqual(self.serial(port), third)

    def test_a_delegation_hides_names_and_gives_them_back(self):
        _, port = self.server()
        self.assertEqual(update(port, "update add x.deep.a.test 60 A 192.0.2.40").returncode, 0)
        self.assertEqual(self.names(port, "192.0.2.40"), ["x.deep.a.test."])
        self.assertEqual(update(port, "update add deep.a.test 60 NS x.deep.a.test.").returncode, 0)
        self.assertEqual(self.names(port, "192.0.2.40"), [])
        self.assertEqual(update(port, "update delete deep.a.test NS").returncode, 0)
        self.assertEqual(self.names(port, "192.0.2.40"), ["x.deep.a.test."])

    def test_after_many_updates_it_is_what_a_start_would_make(self):
        server, port = self.server()
        lines = []
        for i in range(60):
            name = f"n{i * 7 % 13}.a.test"
            lines += [f"update add {name} {60 + i % 3} A 192.0.2.{100 + i * 5 % 17}", "send"]
            if i % 3 == 0:
                lines += [f"update delete n{i * 5 % 13}.a.test A", "send"]
        self.assertEqual(update(port, *lines[:-1]).returncode, 0)

        def content(port):
            done = lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "2.0.192.in-addr.arpa", "AXFR")
            lines = [l.split() for l in done.stdout.decode().splitlines() if l and l[0] != ";"]
            return sorted({(l[0], l[3], l[4].lower()) for l in lines if l[3] != "SOA"})

        followed = content(port)
        self.assertGreater(len(followed), 10)
        server.kill()
        _, port = self.server(state=server.directory)
        self.assertEqual(content(port), followed)

    def test_reload(self):
        server, port = self.server()
        first = self.serial(port)
        self.write(2, "more A 192.0.2.8")
        server.signal(signal.SIGHUP)
        lab.until(lambda: self.names(port, "192.0.2.8") == ["more.a.test."], "the new name is not there")
        second = self.serial(port)
        self.assertGreater(second, first)
        self.write(3, "more A 192.0.2.8\nother A 198.51.100.8")
        server.signal(signal.SIGHUP)
        lab.until(lambda: ask(port, "other.a.test") == ["198.51.100.8"], "not reloaded")
        self.assertEqual(self.serial(port), second)  # nothing of it changed

    def test_of_a_zone_that_is_fetched_and_for_secondaries(self):
        primary, port = self.server()
        where = free_port()
        self.addCleanup(primary.close)
        second, copy = self.server(forward=f'primaries = {{ "127.0.0.1:{port}" }}', notify=f'notify = {{ "127.0.0.1:{where}" }}')
        lab.until(lambda: len(self.names(copy, "192.0.2.1")) == 2, "not made of the fetched zone")
        third = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{where}" }}
  zone "2.0.192.in-addr.arpa" {{ primaries = {{ "127.0.0.1:{copy}" }} }}
}}
''')
        self.addCleanup(third.close)
        lab.until(lambda: len(self.names(where, "192.0.2.1")) == 2, "not fetched")
        self.assertEqual(update(port, "update add new.a.test 60 A 192.0.2.9").returncode, 0)
        soa = ask(port, "a.test", "SOA")[2]
        lab.run("ldns-notify", "-z", "a.test", "-p", copy, "127.0.0.1")
        lab.until(lambda: ask(copy, "a.test", "SOA")[2] == soa, "the forward zone is not followed")
        lab.until(lambda: self.names(where, "192.0.2.9") == ["new.a.test."], "the reverse zone is not followed")
        self.assertIn("by=IXFR", [l for l in third.log().splitlines() if "dns.fetched" in l][-1])

    def test_what_cannot_be_said(self):
        for zones, words in (('zone "x.test" { reverse-of = { "b.test" } }', b"lies in in-addr.arpa"),
                             ('zone "2.0.192.in-addr.arpa" { reverse-of = { "c.test" } }', b"no zone whose addresses"),
                             ('zone "2.0.192.in-addr.arpa" { reverse-of = { "b.test" } dnssec = true }', b"takes no UPDATE"),
                             ('zone "2.0.192.in-addr.arpa" { reverse-of = { "b.test" } file = "x" }', b"is to be made of"),
                             ('zone "2.0.192.in-addr.arpa" { reverse-of = { "2.0.192.in-addr.arpa" } }', b"no zone whose")):
            conf = self.directory / "lab.conf"
            conf.write_text(f'dnsd {{ listen = {{ "127.0.0.1:0" }}\nzone "b.test" {{ file = "b.zone" }}\n{zones} }}\n')
            done = lab.run(lab.BUILD / "wirelab", "check", conf)
            self.assertNotEqual(done.returncode, 0, zones)
            self.assertIn(words, done.stdout + done.stderr, zones)


if __name__ == "__main__":
    unittest.main()
