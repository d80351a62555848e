"""What people do with zones: checked without a server, shown, exported, changed record by record and as a whole."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
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



ZONE = """$TTL 60
@ SOA ns hostmaster {serial} 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
_ldap._tcp SRV 0 0 389 ns
t TXT "a \\"b\\" ; (c)" "" "\\200\\000"
\\@.b\\.c HTTPS 1 . alpn="h2,h3"
"""


def lines_of(done):
    return done.stdout.decode().splitlines()


class Running(Files):
    """A server with the zone a.test, and what is asked of it."""
    zone_keys = ""
    more = ""
    text = ZONE

    def setUp(self):
        super().setUp()
        self.path = self.file(self.text.format(serial=7))
        self.server = self.start(self.conf())
        self.port = self.server.port("dnsd", "udp")

    def conf(self, keys=None, more=None):
        return f"""dnsd {{
  listen = {{ "127.0.0.1:0" }}
  zone "a.test" {{
    file = "{self.path}"
    allow-transfer = {{ "127.0.0.1" }}
    {self.zone_keys if keys is None else keys}
  }}
  {self.more if more is None else more}
}}
"""

    def start(self, conf, state=None):
        server = lab.Program(conf, state=state or tempfile.mkdtemp(dir=self.directory))
        self.addCleanup(server.close)
        return server

    def again(self, conf=None, kill=True):
        """Ends the server, as a power failure would, and starts it with what it left."""
        (self.server.kill if kill else self.server.end)()
        self.server.close()
        self.server = self.start(conf or self.conf(), state=self.server.directory)
        self.port = self.server.port("dnsd", "udp")

    def zone(self, *words, name="a.test", code=0, command="zone", server=None, **options):
        server = server or self.server
        named = [name] if command == "zone" else []
        done = wirelab(command, *named, "-c", server.conf, *words, **options)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done

    def zones(self, server=None):
        """By their names."""
        return {z["name"]: z for z in json.loads(self.zone("--json", command="zones", server=server).stdout)}

    def ask(self, *words, port=None):
        done = lab.run("kdig", "@127.0.0.1", "-p", port or self.port, "+short", "+time=2", *words)
        return sorted(done.stdout.decode().splitlines())

    def serial(self, port=None):
        soa = self.ask("a.test", "SOA", port=port)
        return int(soa[0].split()[2]) if soa and len(soa[0].split()) > 2 else None

    def whole(self, port=None):
        """All records as text, by AXFR."""
        done = lab.run("kdig", "@127.0.0.1", "-p", port or self.port, "+noall", "+answer", "a.test", "AXFR")
        return sorted({" ".join(line.split()) for line in lines_of(done) if line and line[0] != ";"})

    def door(self, method, path, *words):
        sock = self.server.directory / "state" / "wirelab.sock"
        done = lab.run("curl", "-s", "-i", "--unix-socket", sock, "-X", method, "-H", "Expect:", *words,
                       "http://localhost/dnsd/" + path)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode(), body.decode()


@lab.needs("kdig")
class Export(Running):
    @lab.needs("named-compilezone")
    def test_loads_again_as_the_same(self):
        def canonical(path):
            done = lab.run("named-compilezone", "-i", "none", "-k", "ignore", "-s", "full", "-o", "-", "a.test", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            return sorted(lines_of(done))
        text = self.zone().stdout.decode()
        self.assertEqual(canonical(self.file(text, "export.zone")), canonical(self.path))
        self.assertEqual(self.zone().stdout.decode(), text)

    def test_as_json(self):
        zone = json.loads(self.zone("--json").stdout)
        self.assertEqual((zone["name"], zone["serial"]), ("a.test.", 7))
        self.assertIn({"name": "www.a.test.", "ttl": 60, "type": "A", "data": "192.0.2.1"}, zone["records"])
        self.assertEqual(len(zone["records"]), self.zones()["a.test."]["records"])

    def test_a_large_zone_is_whole(self):
        many = "".join(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(100000))
        self.path.write_text(ZONE.format(serial=8) + many)
        self.zone("--reload", "a.test", command="zones")
        text = self.zone().stdout.decode()
        self.assertEqual(len(re.findall(r"(?m)^h\d+ ", text)), 100000)
        changed = self.file(text.replace("10.0.0.5\n", "10.9.9.9\n"), "export.zone")
        self.assertIn("1 removed, 1 added", self.zone("--replace", changed).stdout.decode())
        self.assertEqual(self.ask("h5.a.test", "A"), ["10.9.9.9"])

    def test_what_is_not_there(self):
        self.assertIn("no such zone", self.zone(name="b.test", code=1).stderr.decode())
        self.zone(name="a..test", code=1)
        self.server.end()
        self.assertIn("no server", self.zone(code=1).stderr.decode())


@lab.needs("kdig")
class Changes(Running):
    def test_added_removed_set(self):
        done = self.zone("--add", "new 300 A 192.0.2.9", "--remove", "www A 192.0.2.1", "--set", "alias CNAME ns")
        self.assertEqual(done.stdout.decode(), "a.test. serial 8: 2 removed, 2 added\n")
        self.assertEqual(self.ask("new.a.test", "A"), ["192.0.2.9"])
        self.assertEqual(self.ask("www.a.test", "A"), ["192.0.2.2"])
        self.assertEqual(self.ask("alias.a.test", "CNAME"), ["ns.a.test."])
        self.assertEqual(self.serial(), 8)
        self.zone("--remove", "www", "--remove", "_ldap._tcp SRV")
        self.assertEqual(self.ask("www.a.test", "A"), [])
        self.assertEqual(self.ask("_ldap._tcp.a.test", "SRV"), [])
        self.assertEqual(self.serial(), 9)

    def test_nothing_to_do_makes_no_version(self):
        self.assertIn("nothing else", self.zone("--add", "www A 192.0.2.1").stdout.decode())
        self.assertEqual(self.serial(), 7)

    def test_all_or_nothing(self):
        before = self.whole()
        self.zone("--add", "new A 192.0.2.9", "--remove", "gone A", code=1)
        self.zone("--add", "new A 192.0.2.9", "--add", "x A 192.0.2", code=2)
        self.assertEqual(self.whole(), before)

    def test_errors_say_where(self):
        done = self.zone("--add", "x A 192.0.2.1", "--add", "www 300 A 192.0.2", code=2)
        self.assertEqual(done.stderr.decode().splitlines(),
                         ['wirelab zone: expected an IPv4 address like 192.0.2.1, found "192.0.2"',
                          "    www 300 A 192.0.2", "              ^"])
        self.assertIn("is an alias", self.zone("--add", "alias A 192.0.2.1", code=1).stderr.decode())
        self.assertIn("needs an NS", self.zone("--remove", "@ NS", code=1).stderr.decode())
        self.assertIn("usage", self.zone("--add", "x A 192.0.2.1", "--edit", code=2).stderr.decode())

    def test_only_if_the_serial_is_the_same(self):
        self.zone("--add", "x A 192.0.2.1", "--serial", "7")
        done = self.zone("--add", "y A 192.0.2.1", "--serial", "7", code=1)
        self.assertIn("its serial is 8", done.stderr.decode())
        self.assertEqual(self.ask("y.a.test", "A"), [])

    def test_durable_when_the_command_says_so(self):
        for i in range(5):
            self.zone("--add", f"h{i} A 192.0.2.{i}")
            self.again()
            self.assertEqual(self.ask(f"h{i}.a.test", "A"), [f"192.0.2.{i}"])
        self.assertEqual(self.serial(), 12)

    def test_a_reload_keeps_them_and_a_newer_file_replaces_them(self):
        self.zone("--add", "x A 192.0.2.1")
        self.server.signal(signal.SIGHUP)
        self.zone("--reload", command="zones")
        self.assertEqual(self.ask("x.a.test", "A"), ["192.0.2.1"])
        self.path.write_text(ZONE.format(serial=100))
        self.zone("--reload", "a.test", command="zones")
        self.assertEqual((self.serial(), self.ask("x.a.test", "A")), (100, []))
        self.again()
        self.assertEqual((self.serial(), self.ask("x.a.test", "A")), (100, []))

    def test_many_at_once_come_one_after_the_other(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: self.zone("--add", f"h{i} A 192.0.2.{i}"), range(24)))
        self.assertEqual(self.serial(), 7 + 24)
        self.again()
        self.assertEqual(self.serial(), 7 + 24)
        self.assertEqual(self.ask("h23.a.test", "A"), ["192.0.2.23"])


@lab.needs("kdig")
class Whole(Running):
    def test_replaced(self):
        new = self.file(HEAD.replace("7", "70") + "$INCLUDE more.zone\n", "new.zone")
        self.file("only A 192.0.2.44\n", "more.zone")
        self.zone("--replace", new)
        self.assertEqual(self.serial(), 70)
        self.assertEqual(self.ask("only.a.test", "A"), ["192.0.2.44"])
        self.assertEqual(self.ask("www.a.test", "A"), [])
        self.again()
        self.assertEqual(self.ask("only.a.test", "A"), ["192.0.2.44"])

    def test_its_serial_rises_whatever_the_file_says(self):
        self.zone("--replace", self.file(HEAD + "x A 192.0.2.1\n", "new.zone"))
        self.assertEqual(self.serial(), 8)
        self.zone("--replace", self.file(HEAD + "x A 192.0.2.1\n", "new.zone"))
        self.assertEqual(self.serial(), 8)

    def test_errors_have_their_place_and_change_nothing(self):
        before = self.whole()
        bad = self.file(HEAD + "x A 192.0.2.1\ny A 192.0.2\n", "bad.zone")
        self.assertIn(f"{bad}:6:5: expected an IPv4", self.zone("--replace", bad, code=2).stderr.decode())
        self.assertEqual(self.whole(), before)
        self.zone("--replace", self.file(HEAD, "new.zone"), "--serial", "6", code=1)
        self.assertEqual(self.whole(), before)

    def editor(self, script):
        path = self.file("#!/bin/sh\n" + script, "editor")
        path.chmod(0o755)
        return {"VISUAL": str(path), "TMPDIR": str(self.directory)}

    def test_edited(self):
        done = self.zone("--edit", env=self.editor('sed -i "s/192.0.2.1$/192.0.2.77/" "$1"'))
        self.assertEqual(done.stdout.decode(), "a.test. serial 8: 1 removed, 1 added\n")
        self.assertEqual(self.ask("www.a.test", "A"), ["192.0.2.2", "192.0.2.77"])
        done = self.zone("--edit", env=self.editor("true"))
        self.assertIn("nothing was changed", done.stderr.decode())
        self.zone("--edit", env=self.editor("exit 3"), code=1)
        self.assertEqual(self.serial(), 8)

    def test_edited_wrongly_keeps_the_text(self):
        done = self.zone("--edit", env=self.editor('echo "x A 1.2" >> "$1"'), code=2, stdin=subprocess.DEVNULL)
        kept = re.search(r"your text is in (\S+)", done.stderr.decode())[1]
        self.assertIn("x A 1.2\n", pathlib.Path(kept).read_text())
        os.unlink(kept)

    def test_a_change_that_came_in_meanwhile_is_noticed(self):
        meanwhile = f'{WIRELAB} zone a.test -c {self.server.conf} --add "x A 192.0.2.1" >/dev/null\n'
        done = self.zone("--edit", env=self.editor(meanwhile + 'echo "y A 192.0.2.3" >> "$1"'), code=1)
        self.assertIn("has changed meanwhile", done.stderr.decode())
        os.unlink(re.search(r"your text is in (\S+)", done.stderr.decode())[1])
        self.assertEqual((self.ask("x.a.test", "A"), self.ask("y.a.test", "A")), (["192.0.2.1"], []))


@lab.needs("kdig", "ldns-verify-zone")
class Signed(Running):
    zone_keys = "dnssec = true"
    text = "\n".join(line for line in ZONE.splitlines() if "\\" not in line) + "\n"  # ldns reads some escapes as no other

    def verify(self):
        path = self.file("".join(line + "\n" for line in self.whole()), "axfr.zone")
        done = lab.run("ldns-verify-zone", path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_change_is_signed(self):
        self.zone("--add", "new A 192.0.2.9", "--remove", "www")
        self.assertEqual(self.ask("new.a.test", "A"), ["192.0.2.9"])
        self.verify()
        text = self.zone().stdout.decode()
        self.assertNotRegex(text, "RRSIG|NSEC|DNSKEY")
        self.assertRegex(self.zone("--signatures").stdout.decode(), "RRSIG +A 13 ")
        self.zone("--replace", self.file(text + "more A 192.0.2.10\n", "new.zone"))
        self.assertEqual(self.ask("more.a.test", "A"), ["192.0.2.10"])
        self.verify()
        self.assertIn("nothing", self.zone("--replace", self.file(self.zone().stdout.decode(), "n.zone")).stdout.decode())

    def test_changes_stay(self):
        self.zone("--add", "new A 192.0.2.9")
        self.zone("--reload", "a.test", command="zones")
        self.assertEqual(self.ask("new.a.test", "A"), ["192.0.2.9"])
        self.again()
        self.assertEqual(self.ask("new.a.test", "A"), ["192.0.2.9"])
        self.verify()

    def test_what_the_server_makes_is_the_servers(self):
        self.assertIn("signs itself", self.zone("--remove", "@ DNSKEY", code=1).stderr.decode())


@lab.needs("kdig")
class Following(Running):
    def setUp(self):
        self.follower_port = lab.free_port()
        self.liar = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.liar.bind(("127.0.0.2", 0))
        self.zone_keys = (f'notify = {{ "127.0.0.1:{self.follower_port}", '
                          f'"127.0.0.2:{self.liar.getsockname()[1]} key k" }}')
        super().setUp()
        self.addCleanup(self.liar.close)

    def conf(self, keys=None, more=None):
        return super().conf(more='key "k" { algorithm = "hmac-sha256" secret = "c2VjcmV0c2VjcmV0c2VjcmV0" }')

    def follow(self):
        follower = self.start(f"""dnsd {{
  listen = {{ "127.0.0.1:{self.follower_port}" }}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{self.port}" }} }}
}}
""")
        lab.until(lambda: self.serial(self.follower_port) == 7, "the zone did not come")
        return follower

    def test_changes_go_out_and_are_seen_in_the_table(self):
        follower = self.follow()
        self.zone("--add", "new A 192.0.2.9")
        lab.until(lambda: self.serial(self.follower_port) == 8, "the change did not come")
        self.assertEqual(self.ask("new.a.test", "A", port=self.follower_port), ["192.0.2.9"])

        def seen():
            known = {f["address"]: f for f in self.zones()["a.test."]["followers"]}
            f = known.get(f"127.0.0.1:{self.follower_port}", {})
            return f.get("fetched-serial") == 8 and f.get("notified-serial") == 8 and f
        f = lab.until(seen, lambda: str(self.zones()))
        self.assertEqual((f["by"], f["answered"]), ("IXFR", True))
        table = self.zone(command="zones").stdout.decode()
        self.assertRegex(table, rf"(?m)^a\.test\. +- +file +8 +\d+ ")
        self.assertRegex(table, rf"to 127\.0\.0\.1:{self.follower_port}: NOTIFY of 8 answered .*, fetched 8 by IXFR")

        z = self.zones(follower)["a.test."]
        self.assertEqual((z["kind"], z["serial"], z["state"]), ("secondary", 8, "in service"))
        self.assertEqual(z["primary"], f"127.0.0.1:{self.port}")
        self.assertLess(z["checked"], z["next"])
        self.assertLess(z["next"], z["expires"])
        self.assertNotIn("error", z)
        self.assertIn(f"from 127.0.0.1:{self.port}: checked", self.zone(command="zones", server=follower).stdout.decode())

    def test_an_answer_that_does_not_count_is_shown(self):
        def answer():
            message, peer = self.liar.recvfrom(2000)
            self.liar.sendto(message[:2] + bytes([message[2] | 0x80]) + message[3:10] + b"\0\0" +
                             message[12:12 + 12], peer)  # unsigned
        answering = threading.Thread(target=answer)
        answering.start()
        self.zone("--notify", "a.test", command="zones")
        answering.join()
        at = f"127.0.0.2:{self.liar.getsockname()[1]}"
        f = lab.until(lambda: [f for f in self.zones()["a.test."]["followers"] if f["address"] == at],
                      "it is not shown")[0]
        self.assertEqual((f["answered"], f["notified-serial"]), (False, 7))
        self.assertTrue(f["error"])

    def test_by_hand(self):
        follower = self.follow()
        self.zone("--notify", "a.test", command="zones")
        follower.wait_log("event=dns.notify ")
        before = follower.log().count("event=dns.fetched")
        self.zone("--retransfer", "a.test", command="zones", server=follower)
        lab.until(lambda: follower.log().count("event=dns.fetched") > before, "it was not fetched again")
        self.assertIn("by=AXFR", follower.log().splitlines()[-1] + follower.log())
        checked = self.zones(follower)["a.test."]["checked"]
        self.zone("--refresh", "a.test", command="zones", server=follower)
        lab.until(lambda: self.zones(follower)["a.test."]["checked"] > checked, "it was not checked")
        done = self.zone("--add", "x A 192.0.2.1", server=follower, code=1).stderr.decode()
        self.assertIn(f"a copy of that at 127.0.0.1:{self.port}", done)
        self.zone("--replace", self.path, server=follower, code=1)
        self.zone("--reload", "a.test", command="zones", server=follower, code=1)
        self.zone("--refresh", "a.test", command="zones", code=1)
        self.server.kill()
        self.zone("--refresh", "a.test", command="zones", server=follower)
        z = lab.until(lambda: (z := self.zones(follower)["a.test."]).get("error") and z, "no error is shown")
        self.assertIn("failed at", self.zone(command="zones", server=follower).stdout.decode())
        self.assertEqual(z["state"], "in service")


@lab.needs("kdig")
class Views(Running):
    def conf(self, keys=None, more=None):
        return f"""dnsd {{
  listen = {{ "127.0.0.1:0" }}
  view "in"  {{ clients = {{ "127.0.0.1" }} zone "a.test" {{ file = "{self.path}" }} }}
  view "out" {{ clients = {{ "127.0.0.2" }} zone "a.test" {{ file = "{self.path}" }} }}
}}
"""

    def test_a_zone_of_several(self):
        self.assertIn("several views", self.zone("--add", "x A 192.0.2.1", code=1).stderr.decode())
        self.zone("--view", "out", "--add", "x A 192.0.2.1")
        self.assertEqual(self.ask("x.a.test", "A"), [])
        self.zone("--view", "in", "--add", "x A 192.0.2.3")
        self.assertEqual(self.ask("x.a.test", "A"), ["192.0.2.3"])
        self.zone("--view", "nowhere", code=1)
        self.again()
        self.assertEqual(self.ask("x.a.test", "A"), ["192.0.2.3"])
        self.assertIn("192.0.2.1", self.zone("--view", "out").stdout.decode())
        table = self.zone(command="zones").stdout.decode()
        self.assertRegex(table, r"(?m)^a\.test\. +in +file +8")
        self.assertRegex(table, r"(?m)^a\.test\. +out +file +8")


@lab.needs("kdig", "curl")
class Door(Running):
    def patch(self, body, *words):
        return self.door("PATCH", "zones/a.test", "-d", body if isinstance(body, str) else json.dumps(body), *words)

    def test_records(self):
        status, _, body = self.patch({"changes": [{"add": "x 5 A 192.0.2.1"}, {"remove": "www"}]})
        self.assertEqual((status, json.loads(body)), (200, {"zone": "a.test.", "serial": 8, "removed": 2, "added": 1}))
        status, _, body = self.patch({"changes": [{"add": "y A 192.0.2.1"}, {"add": "x 5 A 192.0.2"}]})
        self.assertEqual(status, 400)
        self.assertEqual((json.loads(body)["change"], json.loads(body)["column"]), (2, 7))
        self.assertEqual(self.patch({"changes": [{"remove": "y"}]})[0], 409)
        self.assertEqual(self.ask("y.a.test", "A"), [])

    def test_what_is_no_change(self):
        for body in ["", "{", "[]", "{}", '{"changes":[]}', '{"changes":[{}]}', '{"changes":[{"add":1}]}',
                     '{"changes":["add x A 192.0.2.1"]}', '{"changes":[{"add":"x A 192.0.2.1","remove":"x"}]}',
                     '{"changes":[{"add":"x A 192.0.2.1"}],"more":1}', '{"changes":[{"drop":"x"}]}',
                     '{"changes":[{"add":"\\u0000 A 192.0.2.1"}]}', "[" * 100000]:
            with self.subTest(body=body[:40]):
                status, _, answer = self.patch(body)
                self.assertEqual(status, 400)
                self.assertTrue(json.loads(answer)["error"])
        self.assertEqual(self.serial(), 7)

    def test_versions(self):
        status, head, text = self.door("GET", "zones/a.test")
        self.assertEqual(status, 200)
        self.assertIn('ETag: "7"\r\n', head)
        change = {"changes": [{"add": "x A 192.0.2.1"}]}
        self.assertEqual(self.patch(change, "-H", 'If-Match: "6"')[0], 412)
        self.assertEqual(self.patch(change, "-H", "If-Match: 7")[0], 400)
        self.assertEqual(self.patch(change, "-H", 'If-Match: "7"')[0], 200)
        path = self.file(text, "old.zone")
        self.assertEqual(self.door("PUT", "zones/a.test", "-H", 'If-Match: "7"', "-T", path)[0], 412)
        self.assertEqual(self.door("PUT", "zones/a.test", "-H", 'If-Match: "8"', "-T", path)[0], 200)
        self.assertEqual((self.serial(), self.ask("x.a.test", "A")), (9, []))

    def test_a_text_that_is_no_zone(self):
        before = self.whole()
        path = self.file(HEAD + "x A 192.0.2\ny B\n$INCLUDE /etc/passwd\n", "bad.zone")
        status, _, body = self.door("PUT", "zones/a.test", "-T", path)
        self.assertEqual(status, 400)
        self.assertEqual([(p["line"], p["column"]) for p in json.loads(body)["problems"]], [(5, 5), (6, 3), (7, 10)])
        self.assertEqual(self.door("PUT", "zones/a.test", "-T", self.file("", "empty"))[0], 400)
        self.assertEqual(self.door("PUT", "zones/a.test", "-T", self.file("@ 60 NS ns\n", "n"))[0], 400)
        self.assertEqual(self.whole(), before)

    def test_what_is_not_there(self):
        for method, path, status in [("GET", "zones/b.test", 404), ("GET", "zones/%zz", 404), ("GET", "zones/", 404),
                                     ("POST", "zones", 405), ("DELETE", "zones/a.test", 405), ("GET", "nothing", 404),
                                     ("POST", "zones/a.test/explode", 404), ("GET", "zones/a.test/reload", 405),
                                     ("GET", "zones/a.test?view=x", 404), ("GET", "zones/%61.test", 200)]:
            with self.subTest(path=path):
                self.assertEqual(self.door(method, path)[0], status)

    def test_a_server_that_ends_meanwhile(self):
        for _ in range(3):
            path = self.file(ZONE.format(serial=7) + "".join(f"h{i} A 10.0.0.1\n" for i in range(20000)), "large.zone")
            sock = self.server.directory / "state" / "wirelab.sock"
            client = subprocess.Popen(["curl", "-s", "--unix-socket", str(sock), "-T", str(path),
                                       "http://localhost/dnsd/zones/a.test"], stdout=subprocess.DEVNULL)
            self.assertEqual(self.server.end(), 0)
            client.wait(lab.END_S)
            self.server.close()
            self.server = self.start(self.conf(), state=self.server.directory)
            self.port = self.server.port("dnsd", "udp")


if __name__ == "__main__":
    unittest.main()
