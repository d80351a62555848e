"""Zones that sign themselves (dnssec = true), as validators and secondaries see them: ldns-verify-zone,
dnssec-verify, delv, nsupdate, NSD and Knot."""
import pathlib
import random
import tempfile
import unittest

import lab
import test_dns_copies as copies

ZONE = '''$TTL 3600
@ SOA ns.a.test. root.a.test. {serial} 3600 900 86400 300
@ NS ns
@ NS NS2
@ MX 10 Mail
ns A 127.0.0.1
NS2 A 127.0.0.2
mail A 127.0.0.3
mail 600 AAAA ::1
a.b.c TXT "deep" "and long"
*.wild TXT "w"
sub NS ns.sub
sub DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000001
ns.sub A 127.0.0.9
insecure NS ns.elsewhere.test.
alias CNAME mail
srv SRV 1 2 3 Mail
naptr NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:info@a.test!" Mail
$GENERATE 1-40 host$ A 10.0.0.$
{more}
'''
APEX = '''$TTL 3600
@ SOA ns.b.test. root.b.test. 10 3600 900 86400 300
@ NS ns.b.test.
x.y A 127.0.0.1
z TXT "z"
'''
CONF = '''dnsd {{
  listen = {{ "127.0.0.1:0" }}
  zone "a.test" {{
    file           = "{directory}/a.zone"
    dnssec         = true
    allow-transfer = {{ "127.0.0.1" }}
    allow-update   = {{ "127.0.0.1" }}
    {rest}
  }}
}}
'''
CHANGES = [
    ["update add new.a.test 60 A 127.0.0.77", "update add x.y.z.a.test 60 TXT hi", "update delete a.b.c.a.test",
     "update delete mail.a.test AAAA", "update add ns3.sub.a.test 60 A 127.0.0.4"],
    ["update delete x.y.z.a.test"],
    ["update delete sub.a.test NS"],
    ["update add new.sub2.a.test 60 A 127.0.0.4", "update add sub2.a.test 60 NS new.sub2.a.test."],
    ["update delete alias.a.test", "update add alias.a.test 60 A 127.0.0.4", "update delete srv.a.test",
     "update add srv.a.test 60 CNAME x.a.test.", "update delete new.a.test A"],
    ["update add a.test 60 SOA ns.a.test. root.a.test. 1000 3600 900 86400 60"],
    ["update add c.a.test 60 DNAME wild.a.test.", "update add q.c.a.test 60 TXT hidden"],
    ["update delete c.a.test DNAME", "update add wild.a.test 60 DNAME c.a.test."],
]
# Names that stand above each other, and what comes and goes at them: cuts, DNAMEs and what they hide.
NAMES = ["r", "x.r", "y.x.r", "s", "ns.s"]
SETS = ["A 192.0.2.1", "TXT some", "NS ns.s.a.test.", "DNAME mail.a.test.", f"DS 12345 13 2 {'01' * 32}"]


def random_change(choose):
    """A few sets come or go; a CNAME and a second DNAME, which would be refused, are not among them."""
    lines = []
    for _ in range(choose.randint(1, 3)):
        name, data = choose.choice(NAMES), choose.choice(SETS)
        if choose.random() < 0.5:
            lines.append(f"update add {name}.a.test 60 {data}")
        else:
            lines.append(f"update delete {name}.a.test {data.split()[0]}")
    return lines


def listing(port):
    done = lab.run("dig", "@127.0.0.1", "-p", port, "+noall", "+answer", "+onesoa", "a.test", "AXFR")
    return done.stdout.decode()


def records(text):
    return sorted(" ".join(line.split()) for line in text.splitlines())


@lab.needs("ldns-verify-zone", "dnssec-verify", "dig", "nsupdate", "kdig")
class SignedZones(copies.Zones):
    def write(self, serial, more=""):
        (self.directory / "a.zone").write_text(ZONE.format(serial=serial, more=more))

    def serve(self, rest="", **options):
        server = lab.Program(CONF.format(directory=self.directory, rest=rest), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def verify(self, port):
        """Two validators say that all of it is signed, and nothing else is."""
        text = listing(port)
        path = self.directory / "whole"
        path.write_text(text)
        done = lab.run("ldns-verify-zone", path)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr + text.encode()).decode())
        done = lab.run("dnssec-verify", "-z", "-o", "a.test", path)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        return text


class Signing(SignedZones):
    def each_change(self, rest):
        self.write(10)
        server, port = self.serve(rest)
        first = self.verify(port)
        self.assertNotEqual(copies.serial(port), 10)
        for change in CHANGES:
            before = copies.serial(port)
            self.assertEqual(copies.update(port, *change).returncode, 0, server.log())
            self.assertGreater(copies.serial(port), before)
            self.verify(port)
        return first

    def test_every_change_is_signed_with_nsec(self):
        first = self.each_change("")
        self.assertNotIn("NSEC3", first)

    def test_every_change_is_signed_with_nsec3(self):
        first = self.each_change("nsec3 = true")
        self.assertIn("NSEC3PARAM 1 0 0 -", " ".join(first.split()))
        self.assertNotRegex(first, r"IN\s+NSEC\s")

    def test_what_is_hidden_comes_and_goes_at_random(self):
        """RFC 4035 2.2 and 2.3, RFC 6672 2.4: nothing below a cut or a DNAME is signed, all else is."""
        for rest in ("", "nsec3 = true"):
            choose = random.Random(1)
            self.write(10)
            server, port = self.serve(rest)
            for _ in range(25):
                change = random_change(choose)
                self.assertEqual(copies.update(port, *change).returncode, 0, (change, server.log()))
                self.verify(port)

    def test_a_dname_at_the_apex_hides_all(self):
        for rest in ("", "nsec3 = true"):
            (self.directory / "a.zone").write_text(APEX)
            _, port = self.serve(rest)
            self.verify(port)
            for change in ("add a.test 60 DNAME b.test.", "add y.a.test 60 TXT y", "delete a.test DNAME"):
                self.assertEqual(copies.update(port, f"update {change}").returncode, 0)
                self.verify(port)

    def test_what_did_not_change_keeps_its_signature(self):
        self.write(10)
        _, port = self.serve()
        before = set(records(self.verify(port)))
        self.assertEqual(copies.update(port, "update add host7.a.test 3600 AAAA ::7").returncode, 0)
        after = set(records(self.verify(port)))
        gone = {tuple(r.split()[i] for i in (0, 3)) for r in before - after}
        self.assertEqual(gone, {("a.test.", "SOA"), ("a.test.", "RRSIG"), ("host7.a.test.", "NSEC"), ("host7.a.test.", "RRSIG")})

    def test_signatures_and_updates_outlive_the_process(self):
        self.write(10)
        state = tempfile.mkdtemp(dir=self.directory)
        server, port = self.serve(state=state)
        self.assertEqual(copies.update(port, "update add kept.a.test 60 A 127.0.0.5").returncode, 0)
        before = records(self.verify(port))
        lab.until(lambda: list(pathlib.Path(state).glob("state/dnsd/*.copy")), "no copy")
        server.kill()
        _, port = self.serve(state=state)
        self.assertEqual(records(self.verify(port)), before)

    def test_another_file_signs_what_is_different(self):
        self.write(10)
        server, port = self.serve("")
        before = records(self.verify(port))
        self.write(50, "more A 127.0.0.6")
        server.signal(1)
        lab.until(lambda: copies.serial(port) == 50, server.log)
        after = records(self.verify(port))
        self.assertLess(len(set(before) - set(after)), 6)
        self.assertTrue([r for r in after if r.startswith("more.a.test. 3600 IN A ")])

    def test_a_file_with_an_old_serial_does_not_turn_it_back(self):
        self.write(10)
        state = tempfile.mkdtemp(dir=self.directory)
        server, port = self.serve(state=state)
        for i in range(3):
            self.assertEqual(copies.update(port, f"update add n{i}.a.test 60 A 127.0.0.5").returncode, 0)
        last = copies.serial(port)
        server.end()
        self.write(11, "more A 127.0.0.6")
        _, port = self.serve(state=state)
        self.assertGreater(copies.serial(port), last)
        self.verify(port)

    def test_keys_signatures_and_proofs_are_the_servers(self):
        self.write(10)
        _, port = self.serve()
        self.assertEqual(copies.update(port, "update delete a.test DNSKEY", "update add zz.a.test 60 TXT z").returncode, 0)
        for line in ("update delete host1.a.test RRSIG", "update delete host1.a.test NSEC",
                     "update add host1.a.test 60 NSEC host2.a.test. A"):  # RFC 3007 3.1.1, 4.2
            done = copies.update(port, "update add y.a.test 60 TXT y", line)
            self.assertIn(b"REFUSED", done.stdout + done.stderr, line)
        self.verify(port)
        self.assertEqual(copies.ask(port, "y.a.test", "TXT"), [])

    def test_signatures_are_made_anew_before_they_end(self):
        self.write(10)
        _, port = self.serve('signature-validity = "12s"')
        first = copies.serial(port)
        before = {r for r in records(self.verify(port)) if r.split()[3] == "RRSIG"}

        def all_new():
            return not before & set(records(listing(port)))
        lab.until(all_new, "not all signatures were made anew", 60)
        self.assertGreater(copies.serial(port), first)
        self.verify(port)

    @lab.needs("dnssec-dsfromkey")
    def test_the_parent_gets_its_record(self):
        self.write(10)
        server, port = self.serve()
        keys = self.directory / "keys"
        keys.write_text(lab.run("dig", "@127.0.0.1", "-p", port, "+noall", "+answer", "a.test", "DNSKEY").stdout.decode())
        wanted = lab.run("dnssec-dsfromkey", "-2", "-f", keys, "a.test").stdout.decode().split()
        ours = lab.run(lab.BUILD / "wirelab", "ds", "-c", server.conf, "a.test").stdout.decode().split()
        self.assertEqual(ours, wanted)
        self.assertEqual(copies.ask(port, "a.test", "CDS")[:3], wanted[3:6])
        pem, = pathlib.Path(server.directory).glob("state/dnsd/keys/*.pem")
        self.assertEqual(pem.stat().st_mode & 0o777, 0o600)
        self.assertNotEqual(lab.run(lab.BUILD / "wirelab", "ds", "-c", server.conf, "b.test").returncode, 0)

    @lab.needs("delv")
    def test_a_validator_believes_what_is_there_and_what_is_not(self):
        for rest in ("", "nsec3 = true"):
            self.write(10)
            server, port = self.serve(rest)
            key = lab.run(lab.BUILD / "wirelab", "ds", "-c", server.conf, "--dnskey", "a.test").stdout.decode().split()
            anchor = self.directory / "anchor"
            anchor.write_text(f'trust-anchors {{ "a.test" static-key {key[3]} {key[4]} {key[5]} "{key[6]}"; }};')
            for question in ("mail.a.test A", "x.wild.a.test TXT", "nope.a.test A", "mail.a.test TXT", "insecure.a.test DS",
                             "sub.a.test DS", "c.a.test A", "a.test CDS", "alias.a.test A"):
                done = lab.run("delv", "-a", anchor, "+root=a.test", "@127.0.0.1", "-p", port, *question.split())
                self.assertIn("fully validated", done.stdout.decode(), f"{question}: {done.stdout + done.stderr}")


class Followed(SignedZones):
    """What is served by others by AXFR and then IXFR is signed as a whole, too."""

    def follow(self, start, rest=""):
        self.write(10)
        listen = copies.free_port()
        _, port = self.serve(f'{rest} notify = {{ "127.0.0.1:{listen}" }}')
        start(listen, port)
        self.follows(listen, copies.serial(port))
        for change in CHANGES[:5]:
            self.assertEqual(copies.update(port, *change).returncode, 0)
            self.follows(listen, copies.serial(port))
        self.verify(listen)
        self.assertEqual(records(listing(listen).lower()), records(listing(port).lower()))  # NSD writes owners so

    def nsd_of(self, listen, port):
        self.nsd(listen, f"request-xfr: 127.0.0.1@{port} NOKEY\n  allow-notify: 127.0.0.1 NOKEY\n"
                         f"  provide-xfr: 127.0.0.1 NOKEY")

    @lab.needs("nsd")
    def test_nsd_follows_nsec(self):
        self.follow(self.nsd_of)

    @lab.needs("nsd")
    def test_nsd_follows_nsec3(self):
        self.follow(self.nsd_of, "nsec3 = true")


if __name__ == "__main__":
    unittest.main()
