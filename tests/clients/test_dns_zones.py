"""What people do with zones: checked without a server, shown, exported, changed record by record and as a whole."""
import pathlib
import re
import shutil
import tempfile
import unittest

import lab

HEAD = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
WIRELAB = lab.BUILD / "wirelab"


def wirelab(*words, **options):
    return lab.run(WIRELAB, *words, **options)


class Files(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.addCleanup(shutil.rmtree, self.directory, True)

    def file(self, text, name="a.zone"):
        path = self.directory / name
        path.write_text(text)
        return path


GOOD = [
    "",
    "www A 192.0.2.1\n",
    "www 5 IN A 192.0.2.1\nwww IN 5 AAAA 2001:db8::1\n",
    "www A 192.0.2.1\n    A 192.0.2.2\n",
    "$ORIGIN b.a.test.\nwww A 192.0.2.1\n",
    "t TXT \"two words\" ( one\n two )\n",
    "t TXT \"a;b\" ; a comment\n",
    "t\\.x TXT \"\\\"quoted\\\"\"\n",
    "alias CNAME ns\n",
    "* A 192.0.2.9\n",
    "d DNAME other.test.\n",
    "sub NS ns.sub\nns.sub A 192.0.2.3\n",
    "sub NS ns.elsewhere.test.\n",
    "@ MX 10 ns\n",
    "_ldap._tcp SRV 0 0 389 ns\n",
    "@ CAA 0 issue \"ca.test\"\n",
    "w HTTPS 1 . alpn=h2 port=8443\n",
    "x TYPE65280 \\# 3 0a0b0c\n",
    "k TLSA 3 1 1 2bb183af7f22588179a53b0a98631fad1a292118a28ec3fba70a43ac2eb3d6b3\n",
    "$GENERATE 1-5 host$ A 192.0.2.$\n",
    "big 1w2d3h TXT x\n",
    "loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n",
]
BAD = [  # what is wrong, and where the error is: line and column in the records behind HEAD
    ("www A 192.0.2\n", 5, 7),
    ("www A 192.0.2.256\n", 5, 7),
    ("www AAAA 192.0.2.1\n", 5, 10),
    ("www B 192.0.2.1\n", 5, 5),
    ("www A\n", 5, 6),
    ("www A 192.0.2.1 192.0.2.2\n", 5, 17),
    ("www IN CH A 192.0.2.1\n", 5, 8),
    ("m MX ns\n", 5, 6),
    ("m MX 70000 ns\n", 5, 6),
    ("t TXT \"open\n", 5, 7),
    ("t TXT ( a\n", 5, 7),
    ("t TXT a )\n", 5, 9),
    ("alias CNAME ns\nalias A 192.0.2.1\n", 6, 1),
    ("alias CNAME ns\nalias CNAME www\n", 6, 1),
    ("other.test. A 192.0.2.1\n", None, None),  # BIND leaves it out with a warning
    ("@ SOA ns hostmaster 8 3600 600 86400 60\n", 5, 1),
    ("x TYPE65280 \\# 3 0a0b\n", 5, 16),
    ("a..b A 192.0.2.1\n", 5, 1),
    (f"{'a' * 64} A 192.0.2.1\n", 5, 1),
    ("$ORIGINS b.test.\n", 5, 1),
    ("$INCLUDE nowhere.zone\n", 5, 10),
    ("w HTTPS 1 . port=99999\n", 5, 13),
]


class CheckZone(Files):
    @lab.needs("named-checkzone")
    def test_verdicts_as_bind_has_them(self):
        for records, good in [(r, True) for r in GOOD] + [(r[0], False) for r in BAD if r[1]]:
            with self.subTest(records=records):
                path = self.file(HEAD + records)
                theirs = lab.run("named-checkzone", "-i", "none", "-k", "ignore", "a.test", path, cwd=self.directory)
                ours = wirelab("check-zone", "a.test", path)
                self.assertEqual(theirs.returncode == 0, good, theirs.stdout)
                self.assertEqual(ours.returncode, 0 if good else 2, ours.stderr)

    def test_errors_have_their_place(self):
        for records, line, column in BAD:
            with self.subTest(records=records):
                path = self.file(HEAD + records)
                done = wirelab("check-zone", "a.test", path)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                if line:
                    self.assertIn(f"{path}:{line}:{column}: ", done.stderr.decode())

    def test_all_errors_are_told(self):
        path = self.file(HEAD + "".join(f"h{i} A 300.0.0.{i}\n" for i in range(40)))
        errors = wirelab("check-zone", "a.test", path).stderr.decode()
        for i in range(40):
            self.assertIn(f"{path}:{5 + i}:", errors)
        path = self.file(HEAD + "".join(f"h{i} A 300.0.0.1\n" for i in range(1000)))
        errors = wirelab("check-zone", "a.test", path).stderr.decode().splitlines()
        more = int(re.search(r"and (\d+) more errors", errors[-1])[1])
        self.assertEqual(len(errors) - 1 + more, 1000)

    def test_a_summary(self):
        path = self.file(HEAD + "www A 192.0.2.1\nwww A 192.0.2.2\n@ MX 10 www\n")
        done = wirelab("check-zone", "a.test", path)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(),
                         "a.test. loads: serial 7, 6 records, 3 names (3 A, 1 NS, 1 SOA, 1 MX)\n")

    def test_warnings(self):
        for records, said in [
            ("@ MX 10 alias\nalias CNAME ns\n", "a.test. MX: its target alias.a.test. is an alias"),
            ("@ MX 10 gone\n", "a.test. MX: its target gone.a.test. does not exist"),
            ("@ MX 10 mail.a.test\n", "its target mail.a.test.a.test. does not exist: is the dot"),
            ("@ MX 10 192.0.2.1\n", "looks like an address"),
            ("_x._tcp SRV 0 0 1 t\nt TXT x\n", "_x._tcp.a.test. SRV: its target t.a.test. has no address"),
            ("@ NS ns2\n", "a.test. NS: its target ns2.a.test. does not exist"),
            ("sub NS ns.sub\n", "sub.a.test. NS: its target ns.sub.a.test. is below a delegation and has no address"),
            ("sub NS ns.sub\nns.sub A 192.0.2.1\nwww.sub TXT x\n", "www.sub.a.test. TXT: is never answered"),
            ("sub NS ns\nsub MX 10 ns\n", "sub.a.test. MX: is never answered"),
            ("d DNAME b.test.\nx.d A 192.0.2.1\n", "x.d.a.test. A: is never answered: a DNAME"),
            ("www 5 A 192.0.2.1\nwww 6 A 192.0.2.2\n", ":6:1: warning: "),
        ]:
            with self.subTest(records=records):
                done = wirelab("check-zone", "a.test", self.file(HEAD + records))
                self.assertEqual(done.returncode, 0)
                self.assertIn(said, done.stderr.decode())
                self.assertIn(b", 1 warning\n", done.stdout)

    def test_nothing_strange(self):
        for records in GOOD + ["@ MX 0 .\n", "_x._tcp SRV 0 0 0 .\n", "* A 192.0.2.1\n@ MX 10 any\n",
                               "@ MX 10 mail.other.test.\n", "sub NS ns\nsub DS 1 13 2 " + 64 * "a" + "\n"]:
            with self.subTest(records=records):
                self.assertEqual(wirelab("check-zone", "a.test", self.file(HEAD + records)).stderr, b"")

    def test_no_soa_no_ns(self):
        for text in ("www 60 A 192.0.2.1\n", "@ 60 SOA ns h 1 2 3 4 5\n", ""):
            done = wirelab("check-zone", "a.test", self.file(text))
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr.decode(), "a.zone(:1:1)?: .*(SOA|NS|TTL)")

    def test_wrong_use(self):
        self.assertEqual(wirelab("check-zone", "a.test").returncode, 2)
        self.assertEqual(wirelab("check-zone", "a..test", "/dev/null").returncode, 2)
        self.assertIn(b"Exit code", wirelab("check-zone", "--help").stdout)
        done = wirelab("check-zone", "a.test", "-", input=HEAD.encode())
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
