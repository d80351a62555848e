"""Several threads that answer: the same from each, whatever comes in, and never half of a change."""
import pathlib
import re
import shutil
import signal
import socket
import struct
import tempfile
import unittest

import lab

CONF = '''dnsd {
  listen  = { "127.0.0.1:0" }
  workers = 3
  zone "a.test" {
    file           = "a.zone"
    allow-update   = { "127.0.0.1" }
    allow-transfer = { "127.0.0.1" }
  }
}
'''
ZONE = """$ORIGIN a.test.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
pair A 10.0.0.0
pair A 10.0.1.0
"""
SOCKETS = 48  # the kernel chooses a thread by the client's port


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def query(number, host, kind=1, flags=0x0100):
    return struct.pack("!6H", number, flags, 1, 0, 0, 0) + name(host) + struct.pack("!HH", kind, 1)


def update(number, before, after):
    """Both addresses of the pair, at once."""
    def record(address, kind, ttl):
        return name("pair.a.test") + struct.pack("!HHIH", 1, kind, ttl, 4) + bytes(address)
    changes = record((10, 0, 0, before), 254, 0) + record((10, 0, 1, before), 254, 0)
    changes += record((10, 0, 0, after), 1, 60) + record((10, 0, 1, after), 1, 60)
    return struct.pack("!6H", number, 0x2800, 1, 0, 4, 0) + name("a.test") + struct.pack("!HH", 6, 1) + changes


class Workers(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        (self.directory / "a.zone").write_text(ZONE)
        self.server = lab.Program(CONF.replace("a.zone", f"{self.directory}/a.zone"), log="info")
        self.addCleanup(self.server.close)
        self.port = self.server.port("dnsd", "udp")
        self.sockets = [self.client() for _ in range(SOCKETS)]

    def client(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.settimeout(lab.END_S)
        s.connect(("127.0.0.1", self.port))
        return s

    def ask_all(self, message):
        for s in self.sockets:
            s.send(message)
        return [s.recv(4096) for s in self.sockets]

    def test_the_same_from_each(self):
        for host, kind, code in (("ns.a.test", 1, 0), ("none.a.test", 1, 3), ("b.test", 1, 5), ("a.test", 252, 1)):
            answers = set(self.ask_all(query(7, host, kind)))
            self.assertEqual(len(answers), 1, host)
            self.assertEqual(answers.pop()[3] & 15, code, host)
        self.assertEqual({a[3] & 15 for a in self.ask_all(query(8, "a.test", 6, 0x3000))}, {4})  # an unknown opcode

    def test_what_cannot_be_read_is_no_end(self):
        for s in self.sockets:
            s.send(b"\0")
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")
        self.assertEqual({a[3] & 15 for a in (s.recv(512) for s in self.sockets)}, {1})
        self.assertEqual({a[3] & 15 for a in self.ask_all(query(9, "ns.a.test"))}, {0})

    def test_never_half_of_a_change(self):
        changer = self.client()
        value = 0
        for turn in range(200):
            changer.send(update(turn, value, value % 250 + 1))
            for s in self.sockets[:8]:
                s.send(query(turn, "pair.a.test"))
            for s in self.sockets[:8]:
                reply = s.recv(512)
                pair = re.findall(rb"\x00\x04\x0a\x00(.)(.)", reply, re.DOTALL)
                self.assertEqual(len(pair), 2)
                self.assertEqual(pair[0][1], pair[1][1])
            self.assertEqual(changer.recv(512)[3] & 15, 0)
            value = value % 250 + 1
            for s in self.sockets[:8]:  # what was asked before is answered anew
                s.send(query(turn, "pair.a.test"))
            for s in self.sockets[:8]:
                self.assertEqual(set(re.findall(rb"\x00\x04\x0a\x00.(.)", s.recv(512), re.DOTALL)), {bytes([value])})
        self.assertEqual(len(set(self.ask_all(query(1, "pair.a.test")))), 1)

    def test_a_reload_changes_all(self):
        (self.directory / "a.zone").write_text(ZONE.replace(" 1 3600", " 5 3600").replace("127.0.0.1", "127.0.0.9"))
        self.server.signal(signal.SIGHUP)
        lab.until(lambda: all(b"\x7f\0\0\x09" in a for a in self.ask_all(query(3, "ns.a.test"))), "the old version is served")


if __name__ == "__main__":
    unittest.main()
