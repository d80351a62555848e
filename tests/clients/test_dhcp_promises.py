"""dhcpd on a plain socket: an ACK means that the lease is on disk. A disk that takes nothing, a kill -9, a reload and
bytes that are no message; asked by a client of a few lines."""
import json
import os
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = Path(os.environ.get("WIRELAB_BUILD", "build")) / "dhcpd"
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
CONFIGURATION = """
state = "{state}"
log = "traffic"
dhcpd {{
  listen = {{ "127.0.0.1:0" }}
  subnet "192.168.1.0/24" {{
    pool = {{ "192.168.1.10-192.168.1.{last}" }}
    lease-time = "10m"
  }}
}}
"""


def ip(text):
    return socket.inet_aton(text)


class Server:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.process = None
        self.write(199)

    def write(self, last):
        (self.directory / "dhcpd.conf").write_text(CONFIGURATION.format(state=self.directory / "state", last=last))

    def start(self):
        # SIGXFSZ stays ignored, as it is in Python: a file that must not grow fails with an error, as a full disk does
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([PROGRAM, "-c", self.directory / "dhcpd.conf", "--json"], restore_signals=False,
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.port = json.loads(self.process.stdout.readline())["listen"][0]["port"]

    def end(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process.stdout.close()
            self.log.close()
            self.process = None

    def events(self):
        lines = (self.directory / "log").read_text().splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]

    def wait_for(self, event, count=1):
        until = time.monotonic() + 10
        while self.events().count(event) < count:
            if time.monotonic() > until:
                raise AssertionError(f"no {event} in {self.events()}")
            time.sleep(0.01)

    def rows(self):
        with sqlite3.connect(self.directory / "state" / "wirelab.db") as db:
            return {row[0]: row[1:] for row in db.execute("select address, state, hardware from dhcp4_lease")}


class Client:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))

    def say(self, kind, mac, ciaddr="0.0.0.0", **options):
        codes = {"requested": 50, "server": 54}
        body = bytes([53, 1, kind])
        for name, value in options.items():
            body += bytes([codes[name], 4]) + ip(value)
        fixed = struct.pack("!BBBBIHH4s4s4s4s16s192s4s", 1, 1, 6, 0, mac, 0, 0, ip(ciaddr), bytes(4), bytes(4), bytes(4),
                            bytes([2, 0, 0, 0, mac >> 8, mac & 255]), b"", b"\x63\x82\x53\x63")
        self.socket.send(fixed + body + b"\xff")

    def hear(self, timeout=5):
        self.socket.settimeout(timeout)
        try:
            reply = self.socket.recv(2048)
        except socket.timeout:
            return None, None
        assert reply[240:242] == b"\x35\x01"
        return reply[242], socket.inet_ntoa(reply[16:20])

    def lease(self, mac):
        self.say(DISCOVER, mac)
        kind, address = self.hear()
        assert kind == OFFER, kind
        self.say(REQUEST, mac, requested=address, server="127.0.0.1")
        kind, address = self.hear()
        return address if kind == ACK else None


class Promises(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.server = Server(self.work.name)
        self.server.start()
        self.client = Client(self.server.port)

    def tearDown(self):
        self.client.socket.close()
        self.server.end()
        self.work.cleanup()

    def restart(self, number):
        self.server.end(number)
        self.server.start()
        self.client.socket.close()
        self.client = Client(self.server.port)

    def test_an_acknowledged_lease_survives_kill_9(self):
        leases = {mac: self.client.lease(mac) for mac in range(1, 31)}
        self.assertEqual(len(set(leases.values())), 30)
        self.restart(signal.SIGKILL)
        for mac, address in leases.items():
            self.assertEqual(self.server.rows()[address], ("bound", f"02:00:00:00:00:{mac:02x}"))
            self.client.say(REQUEST, mac, requested=address)  # INIT-REBOOT
            self.assertEqual(self.client.hear(), (ACK, address))
        self.assertNotIn(self.client.lease(99), leases.values())

    def test_a_disk_that_takes_nothing_gives_no_ack(self):
        held = self.client.lease(1)
        limit = resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE)
        full = (self.server.directory / "state" / "wirelab.db-wal").stat().st_size  # the log is far from it
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (full, limit[1]))
        self.client.say(DISCOVER, 2)
        kind, offered = self.client.hear()
        self.assertEqual(kind, OFFER)
        self.client.say(REQUEST, 2, requested=offered, server="127.0.0.1")
        self.server.wait_for("dhcp.withdrawn")
        self.client.say(REQUEST, 1, ciaddr=held)
        self.server.wait_for("dhcp.withdrawn", 2)
        self.assertEqual(self.client.hear(0.2), (None, None))
        self.assertEqual(list(self.server.rows()), [held])
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, limit)
        self.client.say(REQUEST, 1, ciaddr=held)  # service resumes by itself
        self.assertEqual(self.client.hear(), (ACK, held))
        self.assertEqual(self.client.lease(2), offered)
        events = self.server.events()
        self.assertEqual(events.count("store.failed"), 1)
        self.assertEqual(events.count("store.recovered"), 1)

    def test_release_and_decline_are_kept_too(self):
        first, second = self.client.lease(1), self.client.lease(2)
        self.client.say(RELEASE, 1, ciaddr=first, server="127.0.0.1")
        self.client.say(DECLINE, 2, requested=second, server="127.0.0.1")
        self.server.wait_for("dhcp.declined")
        self.restart(signal.SIGTERM)
        self.assertEqual(self.server.rows()[first][0], "free")
        self.assertEqual(self.server.rows()[second][0], "declined")
        self.assertEqual(self.client.lease(1), first)
        self.client.say(REQUEST, 3, requested=second, server="127.0.0.1")
        self.assertEqual(self.client.hear()[0], NAK)

    def test_a_reload_changes_the_pool_and_keeps_leases(self):
        leases = [self.client.lease(mac) for mac in (1, 2, 3)]
        self.server.write(11)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for("reloaded")
        self.client.say(REQUEST, 1, ciaddr=leases[0])
        self.assertEqual(self.client.hear(), (ACK, leases[0]))
        self.client.say(REQUEST, 3, ciaddr=leases[2])  # no longer in the pool
        self.assertEqual(self.client.hear()[0], NAK)
        self.server.write(300)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for("reload.refused")
        self.client.say(REQUEST, 2, ciaddr=leases[1])
        self.assertEqual(self.client.hear(), (ACK, leases[1]))

    def test_what_is_no_message_is_told_and_nothing_else_happens(self):
        for count, junk in enumerate([b"", b"x", bytes(240), b"\x01\x01\x06" + bytes(300), b"\x02" * 3000], 1):
            self.client.socket.send(junk)
            self.server.wait_for("dhcp.discard", count)
        self.assertEqual(self.client.hear(0.1), (None, None))
        self.assertIsNotNone(self.client.lease(1))
        self.assertEqual(len(self.server.rows()), 1)


if __name__ == "__main__":
    unittest.main()
