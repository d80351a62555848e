"""Every record type, as dnsd serves it, against what BIND's reader makes of the same zone."""
import pathlib
import tempfile
import unittest

import lab

HEAD = """$ORIGIN example.test.
$TTL 1h
@       SOA   ns1 hostmaster 1 15m 10m 1d 300
        NS    ns1
ns1     A     192.0.2.1
"""

# One name a record, as the words of a master file may have them.
RECORDS = [
    ("HINFO", 'PC "Linux 6"'),
    ("RP", "admin.people info"),
    ("AFSDB", "1 afs"),
    ("LOC", "52 14 05 N 00 08 50 E 10m"),
    ("LOC", "42 21 54.123 S 71 06 18 W -24.5m 30m 2000m 0.50m"),
    ("NAPTR", '100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech'),
    ("DNAME", "elsewhere.test."),
    ("DS", "60485 RSASHA1 1 2BB183AF5F22588179A53B0A 98631FAD1A292118"),
    ("SSHFP", "2 1 123456789abcdef67890123456789abcdef67890"),
    ("IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="),
    ("IPSECKEY", "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="),
    ("IPSECKEY", "10 3 2 gateway AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="),
    ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69l OjxfNuVAA2kjEA="),
    ("TLSA", "3 1 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971"),
    ("SMIMEA", "3 0 0 aabbcc"),
    ("HIP", "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zB rvs"),
    ("CDS", "60485 13 2 2BB183AF5F22588179A53B0A98631FAD1A2921182BB183AF5F22588179A53B0A"),
    ("CDNSKEY", "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
    ("DNSKEY", "256 3 ECDSAP256SHA256 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYb cB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
    ("OPENPGPKEY", "mQENBFVHm5sBCAA="),
    ("CSYNC", "66 3 A NS AAAA TYPE1234"),
    ("ZONEMD", "1 1 240 e2d523f654b9422a96c5a8f44607bbee e2d523f654b9422a96c5a8f44607bbee e2d523f654b9422a96c5a8f44607bbee"),
    ("SVCB", "16 svc alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1,192.0.2.2"),
    ("SVCB", '1 . alpn="f\\\\\\\\oo\\\\,bar,h2" key667="hello\\210qoo"'),
    ("HTTPS", '1 . port="8443" ipv6hint="2001:db8::1,2001:db8::53:1" no-default-alpn alpn=h2 ech=AEn+DQ=='),
    ("SVCB", "1 . key1=\\002h2 key3=\\031\\144 key4=abcd key0=\\000\\003"),
    ("HTTPS", "0 other.test."),
    ("EUI48", "00-00-5e-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a"),
    ("URI", '10 1 "ftp://ftp1.example.test/public"'),
    ("CAA", '128 issue "ca.test; account=1"'),
    ("TYPE62347", "\\# 3 abcdef"),
    ("MB", "host"),
    ("MG", "member"),
    ("MR", "new"),
    ("MINFO", "owner errors"),
    ("X25", "311061700956"),
    ("ISDN", "150862028003217 004"),
    ("ISDN", "150862028003217"),
    ("RT", "10 relay"),
    ("NSAP", "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00"),
    ("SIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.test. AQI="),
    ("KEY", "512 3 RSASHA1 AQ ID"),
    ("KEY", "49152 3 5"),
    ("PX", "10 map822 mapx400"),
    ("GPOS", "-22.6882 116.8652 250.0"),
    ("NXT", "next A MX NXT"),
    ("EID", "12 AB"),
    ("NIMLOC", "32251A030067"),
    ("KX", "10 kx"),
    ("CERT", "pgp 0 0 AQID"),
    ("CERT", "1 65535 8 AQ ID"),
    ("CERT", "65534 1 ECDSAP256SHA256 AQID"),
    ("SINK", "1 2 3 AQID"),
    ("APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:FF00:0:0:0:0:0:0:0/8"),
    ("APL", ""),
    ("NINFO", '"a b" c'),
    ("RKEY", "0 3 5 AQID"),
    ("TALINK", "a b"),
    ("DSYNC", "CDS NOTIFY 5359 scanner"),
    ("DSYNC", "CSYNC 128 5359 scanner"),
    ("NID", "10 0014:4fff:ff20:ee64"),
    ("L32", "10 10.1.2.0"),
    ("L64", "10 2001:0DB8:1140:1000"),
    ("LP", "10 subnet"),
    ("AVC", "app-name:x"),
    ("AMTRELAY", "10 0 1 203.0.113.15"),
    ("AMTRELAY", "10 1 2 2001:db8::15"),
    ("AMTRELAY", "128 1 3 relay"),
    ("AMTRELAY", "10 1 0 ."),
    ("SMIMEA", "3 0 0 a abb c c"),
    ("DNSKEY", "256 3 13 G ojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYb cB7wNcP+e+MAnLr+Wi9xMWyQLc8NA A = ="),
]

# Each is a directive of its own; the names are made different by what stands in front of them.
SERIES = [
    ('HOST-$', 'MX "0 ."'),
    ('a$', 'TXT "v $ x"'),
    ('b$', r'TXT "\"v $ x\" y"'),
    ('c$', r'TXT "a\\b \$ $$ c\;d \065 ; e"'),
    ('d$', r'TXT "( a ) \"\""'),
    ('e$', r'TXT \"x$\"'),
    ('f$', 'TXT "${1} ${2,3} ${3,4,x} ${-9} ${-9,4} ${-9,4,X} ${-9,4,o}"'),
    ('g$', r'TXT "\# 2 0161"'),
    ('h$', 'HTTPS "$ . alpn=h2 port=80$"'),
    ('i$', r'CAA "0 issue \"ca; x=$\""'),
    ('j$', '7 IN MX "$ m$"'),
    ('k$', 'IN 7 MX "$ m$"'),
    ('l$', 'A " 192.0.2.$ "'),
    ('m${-4}', 'CNAME x${-4}'),
    ('n.${-4,3,n}', 'CNAME ${-4,0,N}.x'),
    ('o${-4,2}', 'CNAME x$'),
    ('p$', 'A 192.0.2.$'),
]

UNKNOWN_TO_KDIG = ["HIP", "MB", "MG", "MR", "X25", "ISDN", "NSAP", "SIG", "KEY", "PX", "GPOS", "NXT", "EID", "NIMLOC", "SINK",
                   "NINFO", "RKEY", "TALINK", "DSYNC", "AVC", "AMTRELAY"]


def zone(records):
    return HEAD + "".join(f"r{i} {kind} {words}\n" for i, (kind, words) in enumerate(records))


@lab.needs("dig", "kdig", "named-checkzone")
class Types(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.file = pathlib.Path(cls.directory.name, "zone")
        cls.file.write_text(zone(RECORDS))
        cls.server = lab.Program(
            f'dnsd {{ listen = {{ "127.0.0.1:0" }} zone "example.test" {{ file = "{cls.file}" }} }}\n')
        cls.port = cls.server.port("dnsd", "udp")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.directory.cleanup()

    @staticmethod
    def printed(file):
        """Words of each line, as BIND prints what it has read itself."""
        done = lab.run("named-checkzone", "-i", "none", "-k", "ignore", "-D", "-q", "-o", "-", "example.test", file)
        return [line.split() for line in done.stdout.decode().splitlines()]

    def canonical(self):
        """name -> [the type, its words]"""
        return {words[0]: words[3:] for words in self.printed(self.file) if words and words[0].startswith("r")}

    def test_bind_reads_the_same_octets(self):
        expected = self.canonical()
        for i, (kind, words) in enumerate(RECORDS):
            name = f"r{i}.example.test."
            with self.subTest(kind=kind, words=words):
                done = lab.run("dig", "@127.0.0.1", "-p", self.port, "+norec", "+noall", "+answer", name, kind)
                lines = done.stdout.decode().splitlines()
                self.assertEqual(len(lines), 1, done.stdout)
                self.assertEqual(lines[0].split()[3:], expected[name])

    def test_bind_generates_the_same(self):
        file = pathlib.Path(self.directory.name, "series")
        file.write_text(HEAD + "".join(f"$GENERATE 1-5/2 {name} {data}\n" for name, data in SERIES))
        server = lab.Program(f"""dnsd {{ listen = {{ "127.0.0.1:0" }}
  zone "example.test" {{ file = "{file}"  allow-transfer = {{ "127.0.0.1" }} }} }}
""")
        self.addCleanup(server.close)
        done = lab.run("dig", "@127.0.0.1", "-p", server.port("dnsd", "udp"), "+noall", "+answer", "+onesoa", "example.test", "AXFR")
        ours = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertEqual(len(ours), 3 + 3 * len(SERIES))
        self.assertEqual(sorted(ours), sorted(self.printed(file)))

    def test_kdig_understands_them(self):
        for i, (kind, words) in enumerate(RECORDS):
            if kind in UNKNOWN_TO_KDIG:
                continue
            with self.subTest(kind=kind, words=words):
                done = lab.run("kdig", "@127.0.0.1", "-p", self.port, "+norec", "+noall", "+answer",
                               f"r{i}.example.test.", kind)
                text = done.stdout.decode()
                self.assertIn(kind, text)
                self.assertNotIn("\\#" if not kind.startswith("TYPE") else "malformed", text)


if __name__ == "__main__":
    unittest.main()
