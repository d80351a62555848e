"""Signed zones as other tools made them: the same answers as NSD gives from the same file, and each of them as secure
as delv wants it."""
import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import unittest

import lab
from test_dns_edns import name, query

ZONE = """$TTL 3600
@ SOA ns admin 7 3600 600 86400 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.53
mail A 192.0.2.25
mail AAAA 2001:db8::25
www A 192.0.2.80
www A 192.0.2.81
short 60 A 192.0.2.82
short TXT "another TTL, so two of signatures"
alias CNAME www
lost CNAME nothing
tow CNAME q.wild
towd CNAME q.d
out CNAME elsewhere.invalid.
*.wild A 192.0.2.7
*.wild TXT "w"
x.wild A 192.0.2.8
y.z.wild A 192.0.2.9
*.wc CNAME www
a.b.c.deep TXT "deep"
d DNAME target
a.target A 192.0.2.90
dd DNAME d
long DNAME """ + ".".join(["x" * 60] * 3) + """
sec NS ns.sec
sec DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.sec A 192.0.2.54
uns NS ns.uns
ns.uns A 192.0.2.55
uns2 NS ns
u.ent NS ns
svc HTTPS 1 . alpn=h2
svc A 192.0.2.100
big TXT """ + " ".join(f'"{"x" * 250}"' for _ in range(5)) + "\n"
KINDS = {"nsec": (), "nsec3": ("-3", "-"), "opt-out": ("-3", "aabb", "-H", "5", "-A")}
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "DNAME": 39, "DS": 43, "RRSIG": 46,
         "NSEC": 47, "DNSKEY": 48, "NSEC3PARAM": 51, "HTTPS": 65}
NAMES = ("", "ns", "mail", "www", "WwW", "short", "alias", "lost", "tow", "towd", "out", "wild", "*.wild", "a.wild", "x.wild",
         "q.x.wild", "z.wild", "q.z.wild", "a.b.wild", "wc", "q.wc", "deep", "c.deep", "a.b.c.deep", "q.b.c.deep", "q.deep",
         "d", "a.d", "q.d", "a.b.d", "a.dd", "target", "b.target", "sec", "a.sec", "ns.sec", "uns", "a.uns", "ns.uns", "uns2",
         "ent", "u.ent", "q.u.ent", "q.ent", "nothing", "a.nothing", "!", "zzz", "svc", "big", "-", "\x7f")
SECURE = (("www", "A"), ("www", "TXT"), ("short", "A"), ("short", "TXT"), ("alias", "A"), ("a.wild", "A"), ("a.b.wild", "TXT"),
          ("a.wild", "MX"), ("q.wc", "A"), ("nothing", "A"), ("a.b.nothing", "A"), ("q.x.wild", "A"), ("deep", "A"),
          ("c.deep", "TXT"), ("z.wild", "A"), ("q.deep", "A"), ("a.d", "A"), ("q.d", "A"), ("tow", "A"), ("sec", "DS"),
          ("", "DNSKEY"), ("ent", "A"), ("q.ent", "A"), ("", "SOA"), ("*.wild", "MX"), ("uns2", "DS"), ("big", "TXT"), ("svc", "HTTPS"))


def read_name(message, at):
    labels, end = b"", None
    while message[at]:
        if message[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack("!H", message[at:at + 2])[0] & 0x3FFF
        else:
            labels += message[at:at + 1 + message[at]]
            at += message[at] + 1
    return labels.lower() + b"\0", end or at + 1


def read_data(message, kind, at, end):
    """The data with its names whole."""
    before = {2: 0, 5: 0, 6: 0, 15: 2}.get(kind)
    if before is None:
        return message[at:end]
    first, after = read_name(message, at + before)
    second, after = read_name(message, after) if kind == 6 else (b"", after)
    return message[at:at + before] + first + second + message[after:end]


# Where we do otherwise, and why: (kind, name, code).
#  - behind a DNAME to a name below an empty non-terminal NSD leaves out the NSEC that spans the name
#  - of NSEC3, a wildcard that is asked for by its own name has a record that says it all
#  - with opt-out the nearest encloser may have no record: the nearest one that has is proven (RFC 5155 7.2.1)
OTHERWISE = {("nsec", "towd", 3), ("nsec", "q.d", 3), ("nsec", "a.b.d", 3), ("nsec3", "*.wild", 0), ("opt-out", "*.wild", 0),
             ("opt-out", "ent", 0), ("opt-out", "q.ent", 3)}


class Message:
    """Code, flags and the records of each section, in no order."""

    def __init__(self, message):
        _, self.flags, _, *counts = struct.unpack("!6H", message[:12])
        _, at = read_name(message, 12)
        at += 4
        self.rcode, self.truncated, self.sections = self.flags & 15, bool(self.flags & 0x200), []
        for count in counts:
            records = []
            for _ in range(count):
                owner, at = read_name(message, at)
                kind, _, ttl, length = struct.unpack("!HHIH", message[at:at + 10])
                at += 10
                if kind != 41:
                    records.append((owner, kind, ttl, read_data(message, kind, at, at + length)))
                at += length
            self.sections.append(sorted(records))
        assert at == len(message)


def question(qname, qtype, dnssec=True, size=1232):
    wire = query("@", TYPES[qtype], options=b"", flags=0x8000 if dnssec else 0, size=size)
    return wire.replace(name("@"), name(f"{qname}.signed.test" if qname else "signed.test"))


def ask_all(port, questions):
    """All of them at once by TCP; their answers come in the same order."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(b"".join(struct.pack("!H", len(q)) + q for q in questions))
        f = s.makefile("rb")
        return [Message(f.read(struct.unpack("!H", f.read(2))[0])) for _ in questions]


def ask(port, qname, qtype, dnssec=True, size=1232, tcp=True):
    wire = question(qname, qtype, dnssec, size)
    if tcp:
        return ask_all(port, [wire])[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("127.0.0.1", port))
        s.send(wire)
        return Message(s.recv(65535))


class Zone:
    """A zone signed by dnssec-signzone and served by us."""

    def __init__(self, kind):
        self.own = tempfile.TemporaryDirectory()
        self.directory = pathlib.Path(self.own.name)
        (self.directory / "zone").write_text(ZONE)
        here = {"cwd": self.directory}
        lab.run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "signed.test", **here)
        done = lab.run("dnssec-signzone", "-q", "-S", "-z", "-o", "signed.test", *KINDS[kind], "-f", "signed", "zone", **here)
        assert done.returncode == 0, done.stderr
        self.path = self.directory / "signed"
        key = next(self.directory.glob("K*.key")).read_text()
        self.anchor = " ".join(re.search(r"DNSKEY (\d+ \d+ \d+) (.*)", key).groups())
        self.program = lab.Program('dnsd { listen = { "127.0.0.1:0" } zone "signed.test" { file = "%s" '
                                   'allow-transfer = { "127.0.0.0/8" } } }\n' % self.path)
        self.port = self.program.port("dnsd", "udp")

    def close(self):
        self.program.close()
        self.own.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Nsd:
    def __init__(self, path):
        self.own = tempfile.TemporaryDirectory()
        self.port = lab.free_port()
        conf = pathlib.Path(self.own.name, "nsd.conf")
        conf.write_text(f"""server:
  ip-address: 127.0.0.1
  port: {self.port}
  zonesdir: "{self.own.name}"
  database: ""
  pidfile: ""
  zonelistfile: "{self.own.name}/list"
  xfrdfile: "{self.own.name}/xfrd"
  username: ""
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: signed.test
  zonefile: {path}
""")
        self.log = open(pathlib.Path(self.own.name, "log"), "wb")
        self.process = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", str(conf)], stdout=self.log, stderr=self.log)
        lab.until(self.answers, lambda: pathlib.Path(self.own.name, "log").read_text())

    def answers(self):
        try:
            return ask(self.port, "", "SOA").rcode == 0
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self.own.cleanup()


@lab.needs("dnssec-signzone", "nsd")
class LikeNsd(unittest.TestCase):
    maxDiff = None

    def compare(self, kind):
        different = []
        with Zone(kind) as ours, Nsd(ours.path) as nsd:
            for qname in NAMES:
                asked = [(qtype, dnssec) for qtype in TYPES for dnssec in (True, False)]
                wires = [question(qname, *a) for a in asked]
                for (qtype, dnssec), a, b in zip(asked, ask_all(ours.port, wires), ask_all(nsd.port, wires)):
                    same = (a.rcode, a.flags & 0x400, a.sections[0]) == (b.rcode, b.flags & 0x400, b.sections[0])
                    if same and (a.sections[1] == b.sections[1] or (dnssec and (kind, qname, a.rcode) in OTHERWISE)):
                        continue
                    different.append((qname, qtype, dnssec, a.rcode, b.rcode, a.sections[:2], b.sections[:2]))
        return different

    def test_nsec(self):
        self.assertEqual(self.compare("nsec"), [])

    def test_nsec3(self):
        self.assertEqual(self.compare("nsec3"), [])

    def test_opt_out(self):
        self.assertEqual(self.compare("opt-out"), [])


@lab.needs("dnssec-signzone", "delv")
class Validated(unittest.TestCase):
    def validate(self, kind):
        with Zone(kind) as zone:
            anchors = zone.directory / "anchors"
            numbers, key = zone.anchor.rsplit(" ", 1)[0].split(" ")[:3], zone.anchor.split(" ", 3)[3].replace(" ", "")
            anchors.write_text(f'trust-anchors {{ "signed.test." static-key {" ".join(numbers)} "{key}"; }};\n')
            for qname, qtype in SECURE:
                full = f"{qname}.signed.test." if qname else "signed.test."
                out = lab.run("delv", "-a", anchors, "+root=signed.test", "@127.0.0.1", "-p", zone.port, full, qtype)
                text = out.stdout.decode() + out.stderr.decode()
                if kind == "opt-out" and "unsigned answer" in text:  # what is not there may be (RFC 5155 9.2)
                    self.assertNotIn("resolution failed", text, (qname, qtype))
                    continue
                self.assertIn("fully validated", text, (qname, qtype))
                self.assertNotIn("unsigned", text, (qname, qtype))

    def test_nsec(self):
        self.validate("nsec")

    def test_nsec3(self):
        self.validate("nsec3")

    def test_opt_out(self):
        self.validate("opt-out")


@lab.needs("ldns-keygen", "ldns-signzone", "delv")
class ManyIterations(unittest.TestCase):
    def test_a_validator_takes_the_zone_for_insecure_and_we_say_so(self):
        """RFC 9276 3.2: it has seen a signed NSEC3 then; without one the answer would be a forged one."""
        with tempfile.TemporaryDirectory() as own:
            (pathlib.Path(own) / "zone").write_text(OWN)
            key = lab.run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "signed.test", cwd=own).stdout.decode().strip()
            lab.run("ldns-signzone", "-n", "-t", "200", "-s", "aabb", "-o", "signed.test", "-f", "signed", "zone", key, cwd=own)
            numbers, data = re.search(r"DNSKEY\s+(\d+ \d+ \d+) (\S+)", (pathlib.Path(own) / f"{key}.key").read_text()).groups()
            (pathlib.Path(own) / "anchors").write_text(f'trust-anchors {{ "signed.test." static-key {numbers} "{data}"; }};\n')
            done = lab.run(lab.BUILD / "wirelab", "check-zone", "signed.test", "signed", cwd=own)
            self.assertIn("more than 150 iterations", done.stderr.decode())
            conf = 'dnsd { listen = { "127.0.0.1:0" } zone "signed.test" { %s allow-transfer = { "127.0.0.1" } } }\n'
            with lab.Program(conf % f'file = "{own}/signed"') as server:
                self.assertIn("more than 150 iterations", server.log())
                with lab.Program(conf % f'primaries = {{ "127.0.0.1:{server.port("dnsd", "udp")}" }}') as copy:
                    copy.wait_log("more than 150 iterations")
                for qname, qtype in OWN_SECURE[1:9]:
                    done = lab.run("delv", "-a", "anchors", "+root=signed.test", "@127.0.0.1", "-p", server.port("dnsd", "udp"),
                                   f"{qname}.signed.test.", qtype, cwd=own)
                    self.assertIn("unsigned answer", done.stdout.decode(), (qname, qtype, done.stderr))


OWN = """$TTL 600
@ SOA ns admin 7 3600 600 86400 300
@ NS ns
ns A 192.0.2.53
www A 192.0.2.80
*.wild A 192.0.2.7
a.b.deep TXT "deep"
sub NS ns.sub
ns.sub A 192.0.2.54
d DNAME deep
"""
OWN_SECURE = (("www", "A"), ("www", "TXT"), ("nothing", "A"), ("deep", "A"), ("q.deep", "A"), ("x.wild", "A"), ("x.wild", "TXT"),
              ("*.wild", "TXT"), ("sub", "DS"), ("b.d", "A"), ("new", "A"), ("x.new", "A"), ("zz.new", "A"), ("m.n", "A"))
OWN_CHANGED = (("nothing", "A"), ("deep", "A"), ("new", "A"), ("x.new", "A"), ("zz.new", "A"), ("m.n", "A"))


@lab.needs("delv", "dig", "nsupdate")
class SignedHere(unittest.TestCase):
    """Zones that sign themselves: the proofs follow each UPDATE."""

    def validate(self, port, anchors, questions):
        for qname, qtype in questions:
            out = lab.run("delv", "-a", anchors, "+root=signed.test", "@127.0.0.1", "-p", port, f"{qname}.signed.test.", qtype)
            text = out.stdout.decode() + out.stderr.decode()
            self.assertIn("fully validated", text, (qname, qtype))

    def follow(self, words):
        with tempfile.TemporaryDirectory() as own:
            zone, anchors = pathlib.Path(own, "zone"), pathlib.Path(own, "anchors")
            zone.write_text(OWN)
            with lab.Program('dnsd { listen = { "127.0.0.1:0" } zone "signed.test" { file = "%s" dnssec = true %s '
                             'allow-update = { "127.0.0.1" } } }\n' % (zone, words)) as server:
                port = server.port("dnsd", "udp")
                out = lab.run("dig", "@127.0.0.1", "-p", port, "+short", "signed.test", "DNSKEY").stdout.decode().split()
                anchors.write_text(f'trust-anchors {{ "signed.test." static-key {" ".join(out[:3])} "{"".join(out[3:])}"; }};\n')
                self.validate(port, anchors, OWN_SECURE)
                for change in (["add x.new 60 A 192.0.2.1", "add m.n 60 A 192.0.2.2"], ["delete x.new A"],
                               ["add *.new 60 A 192.0.2.3", "delete a.b.deep TXT"], ["delete m.n A", "delete *.new A"]):
                    lines = "".join(f"update {c.replace(' ', '.signed.test ', 2).replace('.signed.test ', ' ', 1)}\n" for c in change)
                    done = lab.run("nsupdate", input=f"server 127.0.0.1 {port}\nzone signed.test\n{lines}send\n".encode())
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.validate(port, anchors, OWN_CHANGED)

    def test_nsec(self):
        self.follow("")

    def test_nsec3(self):
        self.follow("nsec3 = true")


class Sizes(unittest.TestCase):
    def test_what_does_not_fit(self):
        with Zone("nsec3") as zone:
            whole = ask(zone.port, "big", "TXT")
            self.assertFalse(whole.truncated)
            self.assertEqual({r[1] for r in whole.sections[0]}, {16, 46})
            self.assertTrue(ask(zone.port, "big", "TXT", tcp=False).truncated)
            self.assertTrue(ask(zone.port, "nothing", "A", tcp=False, size=512).truncated)
            plain = ask(zone.port, "nothing", "A", dnssec=False, tcp=False, size=512)
            self.assertEqual((plain.truncated, [r[1] for r in plain.sections[1]]), (False, [6]))


if __name__ == "__main__":
    unittest.main()
