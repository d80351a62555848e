"""DNS over TLS: kdig and Python's own TLS as clients."""
import socket
import ssl
import struct
import unittest

import lab
from test_dns_edns import COOKIE, KEEPALIVE, PADDING, Reply, Server, option, query

TLS = 'listen-tls = { "127.0.0.1:0" } tls-name = "ns1.lab" '


class TlsServer(Server):
    def __init__(self, words="", **more):
        super().__init__(TLS + words, **more)
        self.tls_port = self.program.port("dnsd", "tls")
        self.ca = self.program.directory / "state" / "tls" / "ca.pem"

    def kdig(self, *words):
        return lab.run("kdig", "@127.0.0.1", "-p", self.tls_port, "+tls", "+noretry", *words).stdout.decode()

    def connect(self, protocols=("dot",), name="ns1.lab"):
        context = ssl.create_default_context(cafile=self.ca)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.tls_port), timeout=20),
                                   server_hostname=name)


def ask(connection, *messages):
    connection.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))
    f = connection.makefile("rb")
    return [Reply(f.read(struct.unpack("!H", f.read(2))[0])) for _ in messages]


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = TlsServer('tcp-idle-timeout = "20s"')

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    @lab.needs("kdig")
    def test_kdig(self):
        out = self.server.kdig("www.example.test", "A")
        self.assertIn("192.0.2.80", out)
        self.assertIn("TLS session (TLS1.3)", out)

    @lab.needs("kdig")
    def test_kdig_checks_the_certificate(self):
        ca = f"+tls-ca={self.server.ca}"
        self.assertIn("192.0.2.80", self.server.kdig(ca, "+tls-hostname=ns1.lab", "www.example.test", "A"))
        self.assertNotIn("192.0.2.80", self.server.kdig(ca, "+tls-hostname=ns2.lab", "www.example.test", "A"))

    def test_alpn(self):
        with self.server.connect() as c:
            self.assertEqual(c.selected_alpn_protocol(), "dot")
        for others in (("h2", "http/1.1"), ()):
            with self.server.connect(others) as c:
                self.assertIsNone(c.selected_alpn_protocol())
                self.assertEqual(ask(c, query())[0].counts[1], 1)

    def test_many_in_flight_on_one_connection(self):
        with self.server.connect() as c:
            messages = [struct.pack("!H", i) + query("big.example.test", 16)[2:] for i in range(300)]
            self.assertEqual([r.id for r in ask(c, *messages)], list(range(300)))

    def test_padding_and_keepalive(self):
        with self.server.connect() as c:
            for name in ("www.example.test", "big.example.test", "none.example.test"):
                for options in (option(PADDING, b"\0" * 30), option(COOKIE, b"abcdefgh") + option(PADDING)):
                    reply, = ask(c, query(name, 16, options=options))
                    self.assertEqual(reply.length % 468, 0)
                    self.assertEqual(set(reply.options[PADDING]) - {0}, set())
            reply, = ask(c, query(options=option(KEEPALIVE)))
            self.assertEqual(reply.options, {KEEPALIVE: b"\0\xc8"})
            self.assertEqual(ask(c, query(options=b""))[0].options, {})

    @lab.needs("kdig")
    def test_a_transfer(self):
        self.assertNotIn("192.0.2.80", self.server.kdig("example.test", "AXFR"))
        self.server.program.wait_log("event=dns.transfer.refused")
        with TlsServer(zone_words='allow-transfer = { "127.0.0.1" }') as giver:
            out = giver.kdig("example.test", "AXFR")
            self.assertIn("192.0.2.80", out)
            self.assertEqual(out.count("SOA"), 2)

    def test_clear_text_is_not_answered(self):
        with socket.create_connection(("127.0.0.1", self.server.tls_port), timeout=20) as s:
            s.sendall(struct.pack("!H", len(query())) + query())
            try:
                answer = s.recv(100)
            except ConnectionResetError:
                answer = b""
            self.assertTrue(answer == b"" or answer[0] == 21, answer)  # a TLS alert
        self.server.program.wait_log("event=dns.tls.failed")

    def test_who_says_nothing_is_closed(self):
        with TlsServer('tcp-idle-timeout = "300ms"') as server:
            with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as s:
                self.assertEqual(s.recv(1), b"")  # no handshake
            with server.connect() as c:
                self.assertEqual(ask(c, query())[0].rcode, 0)
                self.assertEqual(c.recv(1), b"")  # no more questions

    def test_files_and_another_certificate_at_reload(self):
        with TlsServer() as maker:
            files = maker.program.directory / "state" / "tls"
            words = f'certificate = "{files}/ns1.lab.pem" certificate-key = "{files}/ns1.lab.key"'
            with Server('listen-tls = { "127.0.0.1:0" } ' + words) as other:
                other.tls_port, other.ca = other.program.port("dnsd", "tls"), maker.ca
                with TlsServer.connect(other) as c:
                    self.assertEqual(ask(c, query())[0].rcode, 0)
                    text = other.program.conf.read_text().replace(words, 'tls-name = "renewed.lab"')
                    other.program.conf.write_text(text)
                    other.program.reload()
                    self.assertEqual(ask(c, query())[0].rcode, 0)
                other.ca = other.program.directory / "state" / "tls" / "ca.pem"
                with TlsServer.connect(other, name="renewed.lab") as c:
                    self.assertEqual(ask(c, query())[0].rcode, 0)

    def test_a_reload_with_authorities_that_are_not_there(self):
        with TlsServer() as server:
            text = server.program.conf.read_text()
            for _ in range(2):
                server.program.conf.write_text(text.replace("dnsd {", 'dnsd { tls-ca = "/nowhere/ca.pem"', 1))
                server.program.reload("event=reload.refused")
                with server.connect() as c:
                    self.assertEqual(ask(c, query())[0].rcode, 0)

    def test_a_reload_that_is_refused_leaves_the_certificate(self):
        with TlsServer() as server:
            wrong = server.program.directory / "hints"
            wrong.write_text("this is no list of root servers (\n")
            text = server.program.conf.read_text().replace('tls-name = "ns1.lab"', 'tls-name = "renewed.lab"')
            text = text.replace("dnsd {", f'dnsd {{ allow-recursion = {{ "127.0.0.1" }} root-hints = "{wrong}"', 1)
            self.assertIn("renewed.lab", text)
            server.program.conf.write_text(text)
            server.program.reload("event=reload.refused")
            with server.connect() as c:  # as ns1.lab
                self.assertEqual(ask(c, query())[0].rcode, 0)


if __name__ == "__main__":
    unittest.main()
