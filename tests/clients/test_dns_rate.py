"""The limit on answers by UDP."""
import struct
import unittest

from test_dns_edns import COOKIE, Server, name, option, query

LIMIT = 'rate-limit { responses-per-second = 5 slip = %d %s } '


def flood(server, count, *words, message=None, **more):
    """How many questions were answered, and how many of the answers were truncated."""
    import socket
    answered = truncated = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("127.0.0.1", server.port))
        for _ in range(count):
            s.send(message or query(*words, **more))
            # what is dropped is waited for by a question that is not: the server answers in order
            s.send(query("id.server", 16, 3, options=option(COOKIE, server.cookie)))
            while True:
                reply = s.recv(65535)
                if b"server" in reply:
                    break
                answered += 1
                truncated += reply[2] >> 1 & 1
    return answered, truncated


class Rate(unittest.TestCase):
    def server(self, slip=2, more="", words="", **options):
        server = Server(f'nsid = "x" {words} ' + LIMIT % (slip, more), **options)
        self.addCleanup(server.close)
        server.cookie = server.udp(query(options=option(COOKIE, b"abcdefgh"))).options[COOKIE]
        return server

    def test_a_flood_gets_its_share_and_every_second_one_a_hint(self):
        server = self.server()
        answered, truncated = flood(server, 200, "www.example.test", 1)
        whole = answered - truncated
        self.assertTrue(5 <= whole <= 30, whole)  # as many seconds as the machine took
        self.assertEqual(truncated, (200 - whole) // 2)
        server.program.wait_log("event=dns.rate.limited")
        self.assertIn("network=127.0.0.0/24", server.program.log())
        self.assertEqual(server.program.log().count("event=dns.rate.limited"), 1)

    def test_without_slip_there_is_silence(self):
        answered, truncated = flood(self.server(slip=0), 100, "www.example.test", 1)
        self.assertEqual(truncated, 0)
        self.assertTrue(5 <= answered <= 30, answered)

    def test_names_that_are_not_there_count_together(self):
        server = self.server(slip=0)
        answered = sum(flood(server, 1, f"no{i}.example.test", 1)[0] for i in range(100))
        self.assertTrue(5 <= answered <= 30, answered)
        answered = sum(flood(server, 1, f"elsewhere{i}.test", 1)[0] for i in range(100))
        self.assertTrue(5 <= answered <= 30, answered)
        self.assertEqual(flood(server, 2, "www.example.test", 1), (2, 0))

    def test_a_cookie_a_connection_and_the_exempt_are_not_limited(self):
        server = self.server(slip=1)
        self.assertEqual(flood(server, 50, options=option(COOKIE, server.cookie)), (50, 0))
        answered, truncated = flood(server, 50)
        self.assertGreater(truncated, 10)
        for _ in range(10):
            self.assertEqual(server.tcp(query()).counts[1], 1)
        first = server.udp(query(options=option(COOKIE, b"12345678")))
        self.assertTrue(first.truncated)
        self.assertEqual(len(first.options[COOKIE]), 24)  # the way out
        self.assertFalse(server.udp(query(options=option(COOKIE, first.options[COOKIE]))).truncated)
        self.assertEqual(flood(self.server(more='exempt = { "127.0.0.0/8" }'), 50), (50, 0))

    def test_what_is_no_question_is_limited_too(self):
        """Updates, notifies and wrong signatures get answers that a forged address makes somebody else's."""
        signed = name("k") + struct.pack("!HHIH", 250, 255, 0, 61) + name("hmac-sha256") + struct.pack(
            "!HIHH32xHHH", 0, 0, 300, 32, 0x4711, 0, 0)
        plain = query()
        for what, message in (("update", query("elsewhere.test", opcode=5, header=0)),
                              ("notify", query("elsewhere.test", opcode=4, header=0)),
                              ("signed", plain[:10] + b"\0\1" + plain[12:] + signed)):
            with self.subTest(what):
                server = self.server(slip=0)
                self.assertEqual(server.tcp(message).rcode, 9)  # NOTAUTH
                self.assertTrue(5 <= flood(server, 100, message=message)[0] <= 30)

    def test_workers_share_the_account(self):
        server = self.server(slip=0, words="workers = 2", log="info")  # what is told, workers do not answer
        answered = sum(flood(server, 10, "www.example.test", 1)[0] for _ in range(20))
        self.assertTrue(5 <= answered <= 30, answered)
        server.program.wait_log("event=dns.rate.limited")

    def test_off_unless_configured(self):
        with Server('nsid = "x"') as server:
            server.cookie = b"abcdefgh"
            self.assertEqual(flood(server, 200), (200, 0))


if __name__ == "__main__":
    unittest.main()
