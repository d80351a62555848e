"""ZONEMD (RFC 8976): zones whose digest is wrong are not served, from wherever they come; made by and for ldns."""
import pathlib
import shutil
import signal
import tempfile
import time
import unittest

import lab
from test_dns_copies import ask, free_port, serial, update
from test_dns_reload import SETTLES_S

ZONE = """$ORIGIN a.test.
$TTL 60
@ SOA ns hostmaster {serial} 3600 600 86400 60
  NS ns
ns A 127.0.0.1
www TXT "{text}"
"""
SERVER = '''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  zone "a.test" {{
    {rest}
    allow-transfer = {{ "127.0.0.0/8" }}
  }}
}}
'''


@lab.needs("kdig", "ldns-signzone", "ldns-verify-zone")
class Zonemd(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="zonemd-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.file = self.directory / "a.zone"

    def write(self, number, text, damaged_to=None):
        """The zone with its digest by ldns, and then perhaps with another text."""
        plain = self.directory / "plain.zone"
        plain.write_text(ZONE.format(serial=number, text=text))
        done = lab.run("ldns-signzone", "-Z", "-z", "simple:sha384", "-o", "a.test", "-f", self.file, plain)
        self.assertEqual(done.returncode, 0, done.stderr)
        if damaged_to:
            self.file.write_text(self.file.read_text().replace(text, damaged_to))

    def server(self, rest, listen=0, **options):
        server = lab.Program(SERVER.format(listen=listen, rest=rest), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def text(self, port):
        return ask(port, "www.a.test", "TXT")

    def again(self, server, number, text, damaged_to=None):
        self.write(number, text, damaged_to)
        server.signal(signal.SIGHUP)

    def test_file(self):
        self.write(1, "one")
        server, port = self.server(f'file = "{self.file}"')
        self.assertEqual(self.text(port), ['"one"'])
        self.again(server, 2, "two", "bad")
        server.wait_log("its digest is not what its ZONEMD says")
        self.assertEqual((self.text(port), serial(port)), (['"one"'], 1))
        self.assertIn(str(self.file), [l for l in server.log().splitlines() if "ZONEMD" in l][0])
        self.again(server, 3, "three")
        lab.until(lambda: serial(port) == 3, "the good version is not served")
        self.assertEqual(self.text(port), ['"three"'])

    def test_a_wrong_one_is_refused_each_time(self):
        """Also when the file has been as it is for so long that a right one would not be read again."""
        self.write(1, "one")
        server, port = self.server(f'file = "{self.file}"')
        self.write(2, "two", "bad")
        until = time.monotonic() + SETTLES_S + 1
        reloads = 0
        while time.monotonic() < until:
            server.reload()
            reloads += 1
        self.assertEqual(server.log().count("its digest is not what its ZONEMD says"), reloads)
        self.assertEqual(self.text(port), ['"one"'])

    def test_a_start_with_a_wrong_one_ends_with_its_reason(self):
        self.write(1, "one", "bad")
        server = lab.Program(SERVER.format(listen=0, rest=f'file = "{self.file}"'), ready=False)
        self.addCleanup(server.close)
        self.assertNotEqual(server.process.wait(lab.END_S), 0)
        self.assertIn("its digest is not what its ZONEMD says", server.log())
        _, port = self.server(f'file = "{self.file}" zonemd = ignore')
        self.assertEqual(self.text(port), ['"bad"'])

    def test_transfers_whole_and_changes(self):
        self.write(1, "one")
        primary, port = self.server(f'file = "{self.file}" zonemd = ignore')
        where = free_port()
        second, copy = self.server(f'primaries = {{ "127.0.0.1:{port}" }}', where)
        self.assertEqual((lab.until(lambda: self.text(copy), "not fetched"), serial(copy)), (['"one"'], 1))

        def reload(notify, *version):
            done = second.log().count("dns.fetch")
            self.again(primary, *version)
            lab.until(lambda: serial(port) == version[0], "the primary has it not")
            lab.run("ldns-notify", "-z", "a.test", "-p", where, "127.0.0.1")
            lab.until(lambda: second.log().count("dns.fetch") >= done + notify, lambda: second.log()[-2000:])

        reload(2, 2, "two", "bad")  # by IXFR, and then by AXFR
        failed = [l for l in second.log().splitlines() if "dns.fetch.failed" in l]
        self.assertTrue(failed and all("its digest is not what its ZONEMD says" in l for l in failed), failed)
        self.assertEqual((self.text(copy), serial(copy)), (['"one"'], 1))
        reload(1, 3, "three")
        lab.until(lambda: serial(copy) == 3, "the good one is not followed")
        reload(1, 4, "four")
        lab.until(lambda: serial(copy) == 4, "the next one is not followed")
        self.assertIn("by=IXFR", [l for l in second.log().splitlines() if "dns.fetched" in l][-1])
        self.assertEqual(self.text(copy), ['"four"'])

    def test_a_damaged_copy_on_disk_is_none(self):
        self.write(1, "one")
        primary, port = self.server(f'file = "{self.file}"')
        rest = f'primaries = {{ "127.0.0.1:{port}" }}'
        second, copy = self.server(rest)
        path = lab.until(lambda: next((second.directory / "state" / "dnsd").glob("*.copy"), None), "no copy")
        self.assertEqual(second.end(), 0)
        primary.end()
        again, copy = self.server(rest, state=second.directory)
        self.assertEqual(self.text(copy), ['"one"'])
        again.end()
        path.write_bytes(path.read_bytes().replace(b"\x03one", b"\x03own"))
        again, copy = self.server(rest, state=second.directory)
        again.wait_log("its digest is not what its ZONEMD says")
        self.assertEqual(self.text(copy), [])

    def test_made_ones_are_right(self):
        self.file.write_text(ZONE.format(serial=1, text="one"))
        server, port = self.server(f'file = "{self.file}" zonemd = make')
        for number in (1, 2):
            answer = lab.run("kdig", "@127.0.0.1", "-p", port, "+noall", "+answer", "a.test", "AXFR").stdout.decode()
            lines = [l for l in answer.splitlines() if l and l[0] != ";"]
            (self.directory / "got.zone").write_text("\n".join(lines[:-1]) + "\n")
            done = lab.run("ldns-verify-zone", "-Z", self.directory / "got.zone")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr + answer.encode())
            self.file.write_text(ZONE.format(serial=2, text="other"))
            server.signal(signal.SIGHUP)
            lab.until(lambda: serial(port) == 2, "not reloaded")

    @lab.needs("nsupdate")
    def test_updates_and_signatures_leave_no_stale_one(self):
        self.write(1, "one")
        _, port = self.server(f'file = "{self.file}" allow-update = {{ "127.0.0.1" }}')
        self.assertEqual(len(ask(port, "a.test", "ZONEMD")), 4)
        self.assertEqual(update(port, "update add new.a.test 60 A 192.0.2.9").returncode, 0)
        self.assertEqual((ask(port, "a.test", "ZONEMD"), serial(port)), ([], 2))
        _, port = self.server(f'file = "{self.file}" dnssec = true')
        self.assertEqual((ask(port, "a.test", "ZONEMD"), self.text(port)), ([], ['"one"']))

    def test_made_only_where_nothing_else_changes_the_zone(self):
        self.write(1, "one")
        conf = self.directory / "lab.conf"
        conf.write_text(SERVER.format(listen=0, rest=f'file = "{self.file}" zonemd = make dnssec = true'))
        done = lab.run(lab.BUILD / "wirelab", "check", conf)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"a digest is only made for a zone that its file alone changes", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
