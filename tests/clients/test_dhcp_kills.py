"""dhcpd killed a hundred times in the middle of its work: what it acknowledged is there, and nobody's twice."""
import random
import signal
import socket
import struct
import tempfile
import unittest

from test_dhcp_promises import ACK, CONFIGURATION, DISCOVER, NAK, OFFER, REQUEST, Client, Server

KILLS = 100
CLIENTS = 60  # new ones for each life of the server
WIDE = CONFIGURATION.replace('"192.168.1.0/24"', '"192.168.0.0/16"').replace(
    '"192.168.1.10-192.168.1.{last}"', '"192.168.1.0-192.168.100.{last}"')


class Crowd(Client):
    """Many clients on one socket, none of which waits for another."""

    def __init__(self, port, numbers, leases):
        super().__init__(port)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.leases = leases  # number of the client -> address, as it was acknowledged
        for number in numbers:
            if number in leases:
                self.say(REQUEST, number, requested=leases[number])  # INIT-REBOOT
            else:
                self.say(DISCOVER, number)

    def hear_one(self):
        self.socket.settimeout(2)
        reply = self.socket.recv(2048)
        kind, number = reply[242], struct.unpack("!I", reply[4:8])[0]
        address = socket.inet_ntoa(reply[16:20])
        if kind == OFFER:
            self.say(REQUEST, number, requested=address, server="127.0.0.1")
        elif kind == ACK:
            self.leases[number] = address
        return kind, number


class Kills(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        self.server = Server(self.work.name)
        self.addCleanup(self.server.end)
        text = WIDE.format(state=self.server.directory / "state", last=250).replace('"traffic"', '"warning"')
        (self.server.directory / "dhcpd.conf").write_text(text)

    def test_every_acknowledged_lease_is_there_after_a_hundred_kills(self):
        rng, leases = random.Random(20261123), {}
        for life in range(KILLS):
            self.server.start()
            old = rng.sample(sorted(leases), min(20, len(leases)))
            crowd = Crowd(self.server.port, [*old, *range(life * CLIENTS, (life + 1) * CLIENTS)], leases)
            for _ in range(rng.randrange(1, len(old) + 2 * CLIENTS)):
                kind, number = crowd.hear_one()
                self.assertNotEqual(kind, NAK, f"life {life}: client {number} was refused {leases.get(number)}")
            self.server.end(signal.SIGKILL)
            crowd.socket.close()
            self.assertEqual(len(set(leases.values())), len(leases), f"life {life}: an address is two clients'")
        self.server.start()  # recovers the log of the last life
        rows = self.server.rows()
        for number, address in leases.items():
            self.assertEqual(rows[address], ("bound", f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"))
        self.assertGreater(len(leases), KILLS * 10)


if __name__ == "__main__":
    unittest.main()
