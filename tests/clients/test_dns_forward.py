"""UPDATE through a secondary (RFC 2136 6): the primary decides, signatures stay good on the way (RFC 8945 5.5)."""
import pathlib
import shutil
import signal
import socket
import struct
import tempfile
import unittest

import lab
from test_dns_copies import ask, free_port
from test_dns_edns import name

ZONE = """$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
"""
SECRET = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
KEY = f'key "k.test" {{ secret = "{SECRET}" }}'


@lab.needs("kdig", "nsupdate")
class Forward(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="forward-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        (self.directory / "a.zone").write_text(ZONE)

    def program(self, listen, more, zone):
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  {more}
  zone "a.test" {{ {zone} allow-transfer = {{ "127.0.0.0/8" }} }}
}}
''')
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def pair(self, update='"127.0.0.1"', forward='"127.0.0.0/8"', keys="", more_primaries="", secondary_keys=""):
        """A primary, and a secondary that it notifies."""
        where = free_port()
        primary, port = self.program(0, keys, f'file = "{self.directory}/a.zone" allow-update = {{ {update} }} notify = {{ "127.0.0.1:{where}" }}')
        second, _ = self.program(where, secondary_keys, f'primaries = {{ {more_primaries} "127.0.0.1:{port}" }} forward-updates = {{ {forward} }}')
        lab.until(lambda: ask(where, "a.test", "SOA"), "not fetched")
        return primary, port, second, where

    def update(self, port, *lines, options=(), at="127.0.0.1"):
        text = "\n".join([f"server {at} {port}", "zone a.test", *(lines or ["update add new.a.test 60 A 192.0.2.9"]), "send", ""])
        done = lab.run("nsupdate", "-t", "10", *options, input=text.encode())
        return done.returncode, (done.stdout + done.stderr).decode()

    def seen(self, port, name="new.a.test"):
        lab.until(lambda: ask(port, name) == ["192.0.2.9"], f"{name} is not there")

    def test_by_datagram_and_connection(self):
        primary, port, second, where = self.pair()
        self.assertEqual(self.update(where), (0, ""))
        self.assertEqual(ask(port, "new.a.test"), ["192.0.2.9"])  # before the reply
        self.seen(where)
        self.assertEqual(self.update(where, "update add other.a.test 60 A 192.0.2.9", options=["-v"]), (0, ""))
        self.seen(where, "other.a.test")
        self.assertIn("dns.update.forwarded", second.log())
        # the primary's word is passed on
        self.assertIn("YXDOMAIN", self.update(where, "prereq nxdomain new.a.test", "update add new.a.test 60 A 192.0.2.10")[1])

    def test_longer_than_a_datagram(self):
        _, port, _, where = self.pair()
        lines = [f'update add big.a.test 60 TXT "{i:03} {"x" * 200}"' for i in range(100)]
        self.assertEqual(self.update(where, *lines, options=["-v"]), (0, ""))
        self.assertEqual(len(ask(port, "+tcp", "big.a.test", "TXT")), 200)

    def test_signed_with_a_key_that_only_the_ends_know(self):
        _, port, _, where = self.pair(update='"key k.test"', keys=KEY)
        key = ["-y", f"hmac-sha256:k.test:{SECRET}"]
        self.assertIn("REFUSED", self.update(where)[1])
        self.assertEqual(self.update(where, options=key), (0, ""))  # nsupdate checks the signature of the reply
        self.assertEqual(self.update(where, "update add other.a.test 60 A 192.0.2.9", options=[*key, "-v"]), (0, ""))
        self.seen(where, "other.a.test")
        wrong = ["-y", "hmac-sha256:k.test:" + SECRET.replace("AQID", "BQID")]
        self.assertNotEqual(self.update(where, options=wrong)[0], 0)

    def test_by_a_key_that_the_secondary_knows_too(self):
        _, port, _, where = self.pair(update='"key k.test"', forward='"key k.test"', keys=KEY, secondary_keys=KEY)
        self.assertIn("REFUSED", self.update(where)[1])
        self.assertEqual(self.update(where, options=["-y", f"hmac-sha256:k.test:{SECRET}"]), (0, ""))
        self.seen(where)

    def test_not_for_everybody(self):
        _, port, second, where = self.pair(forward='"192.0.2.0/24"')
        self.assertIn("REFUSED", self.update(where)[1])
        key = ["-y", f"hmac-sha256:k.test:{SECRET}"]
        self.assertNotEqual(self.update(where, options=key)[0], 0)
        self.assertNotIn("dns.update.forwarded", second.log())
        self.assertEqual(ask(port, "new.a.test"), [])

    def test_the_next_primary_or_none(self):
        primary, port, second, where = self.pair(more_primaries=f'"127.0.0.1:{free_port()}",')
        self.assertEqual(self.update(where), (0, ""))
        self.assertIn("it cannot be reached", second.log())
        primary.end()
        self.assertIn("SERVFAIL", self.update(where)[1])

    def test_what_is_under_way_is_answered_before_the_end(self):
        with socket.create_server(("127.0.0.1", 0)) as slow, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            _, _, second, where = self.pair(more_primaries=f'"127.0.0.1:{slow.getsockname()[1]}",')
            client.settimeout(20)
            client.connect(("127.0.0.1", where))
            client.send(struct.pack("!6H", 77, 5 << 11, 1, 0, 1, 0) + name("a.test") + struct.pack("!HH", 6, 1) +
                        name("new.a.test") + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\0\2\x09")
            slow.settimeout(20)
            asked, _ = slow.accept()
            with asked, asked.makefile("rb") as f:
                message = f.read(struct.unpack("!H", f.read(2))[0])
                second.signal(signal.SIGTERM)
                second.wait_log("event=stopping")
                asked.sendall(struct.pack("!HHH", len(message), struct.unpack("!H", message[:2])[0], 0xA800) + message[4:])
                self.assertEqual(client.recv(512)[:4], struct.pack("!HH", 77, 0xA800))
            self.assertEqual(second.process.wait(lab.END_S), 0)

    def test_no_primary_in_clear(self):
        conf = self.directory / "lab.conf"
        conf.write_text('dnsd { listen = { "127.0.0.1:0" } tls-ca = "ca.pem"\nzone "a.test" { primaries = { "127.0.0.1:853 tls" } '
                        'forward-updates = { "127.0.0.1" } } }\n')
        done = lab.run(lab.BUILD / "wirelab", "check", conf)
        self.assertIn(b"no primary without TLS", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
