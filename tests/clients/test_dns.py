"""dig and kdig against dnsd."""
import re
import socket
import struct
import unittest

import lab

ZONE = """$ORIGIN example.test.
$TTL 1h
@       SOA   ns1 hostmaster ( 2026112301 ; serial
                 15m 10m 1d 300 )
        NS    ns1
        NS    ns2.elsewhere.test.
        MX    10 mail
        TXT   "v=spf1 -all" "second string"
        CAA   0 issue "ca.test"
ns1     A     192.0.2.1
mail    A     192.0.2.2
        AAAA  2001:db8::2
www     CNAME web
web     A     192.0.2.80
loop1   CNAME loop2
loop2   CNAME loop1
*.wild  A     192.0.2.99
host.wild TXT "not a wildcard"
deep.empty.branch A 192.0.2.5
sub     NS    ns.sub
ns.sub  A     192.0.2.53
_sip._tcp SRV 0 5 5060 mail
"""


def conf(directory):
    return f'dnsd {{ listen = {{ "127.0.0.1:0" }} zone "example.test" {{ file = "{directory}/example.test.zone" }} }}\n'


@lab.needs("dig", "kdig")
class Dns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import pathlib
        import tempfile
        cls.zone_directory = tempfile.TemporaryDirectory()
        big = "".join(f"big TXT \"{'x' * 200}{i}\"\n" for i in range(20))
        pathlib.Path(cls.zone_directory.name, "example.test.zone").write_text(ZONE + big)
        cls.server = lab.Program(conf(cls.zone_directory.name))
        cls.port = cls.server.port("dnsd", "udp")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.zone_directory.cleanup()

    def dig(self, *words, program="dig"):
        done = lab.run(program, "@127.0.0.1", "-p", self.port, *words)
        return done.stdout.decode()

    def status(self, text):
        return re.search(r"status: (\w+)", text).group(1)

    def flags(self, text):
        return re.search(r"[Ff]lags: ([a-z ]*)", text).group(1).split()

    def test_udp_and_tcp_have_one_port(self):
        self.assertEqual(self.port, self.server.port("dnsd", "tcp"))

    def test_an_address_with_authority(self):
        out = self.dig("mail.example.test", "A", "+norecurse")
        self.assertEqual(self.status(out), "NOERROR")
        self.assertIn("aa", self.flags(out))
        self.assertRegex(out, r"mail\.example\.test\.\s+3600\s+IN\s+A\s+192\.0\.2\.2")

    def test_kdig_over_tcp(self):
        out = self.dig("+tcp", "mail.example.test", "AAAA", program="kdig")
        self.assertIn("2001:db8::2", out)

    def test_types(self):
        for name, kind, expected in (("example.test", "SOA", "ns1.example.test. hostmaster.example.test. 2026112301"),
                                     ("example.test", "MX", "10 mail.example.test."),
                                     ("example.test", "TXT", '"v=spf1 -all" "second string"'),
                                     ("example.test", "CAA", '0 issue "ca.test"'),
                                     ("_sip._tcp.example.test", "SRV", "0 5 5060 mail.example.test.")):
            with self.subTest(kind=kind):
                self.assertIn(expected, self.dig("+short", name, kind))

    def test_cname_is_followed_in_the_zone(self):
        out = self.dig("+short", "www.example.test", "A")
        self.assertEqual(out.split(), ["web.example.test.", "192.0.2.80"])

    def test_a_cname_loop_ends(self):
        self.assertIn(self.status(self.dig("loop1.example.test", "A")), ("NOERROR", "SERVFAIL"))

    def test_nxdomain_and_nodata_carry_the_soa(self):
        out = self.dig("nothing.example.test", "A")
        self.assertEqual(self.status(out), "NXDOMAIN")
        self.assertRegex(out, r"AUTHORITY SECTION:\nexample\.test\.\s+300\s+IN\s+SOA")  # RFC 2308 3: the lesser
        out = self.dig("mail.example.test", "MX")
        self.assertEqual(self.status(out), "NOERROR")
        self.assertRegex(out, r"ANSWER: 0")
        self.assertRegex(out, r"AUTHORITY SECTION:\nexample\.test\.\s+300\s+IN\s+SOA")

    def test_wildcards(self):
        self.assertEqual(self.dig("+short", "any.wild.example.test", "A").strip(), "192.0.2.99")
        self.assertEqual(self.dig("+short", "a.b.wild.example.test", "A").strip(), "192.0.2.99")
        out = self.dig("host.wild.example.test", "A")  # RFC 4592 2.2.1: an existing name blocks it
        self.assertEqual((self.status(out), "192.0.2.99" in out), ("NOERROR", False))

    def test_an_empty_non_terminal_exists(self):
        self.assertEqual(self.status(self.dig("empty.branch.example.test", "A")), "NOERROR")

    def test_a_referral_has_glue_and_no_authority(self):
        out = self.dig("+norecurse", "www.sub.example.test", "A")
        self.assertEqual(self.status(out), "NOERROR")
        self.assertNotIn("aa", self.flags(out))
        self.assertRegex(out, r"sub\.example\.test\.\s+3600\s+IN\s+NS\s+ns\.sub\.example\.test\.")
        self.assertRegex(out, r"ns\.sub\.example\.test\.\s+3600\s+IN\s+A\s+192\.0\.2\.53")

    def test_the_case_of_the_question_comes_back(self):
        self.assertIn("MaIl.ExAmPlE.tEsT.", self.dig("MaIl.ExAmPlE.tEsT", "A"))

    def test_a_large_answer_is_truncated_and_whole_over_tcp(self):
        out = self.dig("+ignore", "+bufsize=1232", "big.example.test", "TXT")
        self.assertIn("tc", self.flags(out))
        out = self.dig("big.example.test", "TXT")  # dig asks again over TCP by itself
        self.assertIn("ANSWER: 20", out)

    def test_edns(self):
        out = self.dig("+edns=0", "+bufsize=4096", "mail.example.test")
        self.assertIn("EDNS: version: 0", out)
        self.assertIn("udp: 1232", out)
        self.assertEqual(self.status(self.dig("+edns=1", "+noednsneg", "mail.example.test")), "BADVERS")
        self.assertNotIn("EDNS", self.dig("+noedns", "mail.example.test"))

    def test_other_zones_and_transfers_are_refused(self):
        self.assertEqual(self.status(self.dig("www.example.org", "A")), "REFUSED")
        self.assertIn("Transfer failed", self.dig("example.test", "AXFR"))

    def raw(self, message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", self.port))
            s.send(message)
            return s.recv(4096)

    def question(self, name=b"\x04mail\x07example\x04test\x00", kind=1):
        return name + struct.pack("!HH", kind, 1)

    def test_messages_that_are_wrong(self):
        query = struct.pack("!HHHHHH", 77, 0x0100, 1, 0, 0, 0) + self.question()
        self.assertEqual(self.raw(query)[3] & 15, 0)
        self.assertEqual(self.raw(query + b"\x00\x00")[3] & 15, 0)  # stray bytes behind a whole query
        self.assertEqual(self.raw(query[:-3])[3] & 15, 1)  # FORMERR
        two = struct.pack("!HHHHHH", 78, 0, 2, 0, 0, 0) + self.question() + self.question()
        self.assertEqual(self.raw(two)[3] & 15, 1)  # RFC 9619
        status = struct.pack("!HHHHHH", 79, 2 << 11, 1, 0, 0, 0) + self.question()
        self.assertEqual(self.raw(status)[3] & 15, 4)  # NOTIMP
        self.assertEqual(self.raw(query)[:2], b"\x00\x4d")  # and the server lives on

    def test_tcp_with_many_queries_and_a_length_in_a_segment_of_its_own(self):
        query = struct.pack("!HHHHHH", 5, 0, 1, 0, 0, 0) + self.question()
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(struct.pack("!H", len(query)))
            s.sendall(query + struct.pack("!H", len(query)) + query)
            data = b""
            while len(data) < 2 or len(data) < 2 * (2 + struct.unpack("!H", data[:2])[0]):
                more = s.recv(4096)
                self.assertTrue(more)
                data += more

    def test_a_broken_zone_leaves_the_old_version_in_service(self):
        import pathlib
        import signal
        path = pathlib.Path(self.zone_directory.name, "example.test.zone")
        good = path.read_text()
        try:
            path.write_text(good.replace("192.0.2.2", "192.0.2.200.1"))
            self.server.signal(signal.SIGHUP)
            self.server.wait_log("192.0.2.200.1")
            self.assertEqual(self.dig("+short", "mail.example.test").strip(), "192.0.2.2")
            path.write_text(good.replace("A     192.0.2.2", "A     192.0.2.222").replace("2026112301", "2026112302"))
            self.server.signal(signal.SIGHUP)
            self.server.wait_log("2026112302")
            self.assertEqual(self.dig("+short", "mail.example.test").strip(), "192.0.2.222")
        finally:
            path.write_text(good)
            self.server.reload()


if __name__ == "__main__":
    unittest.main()
