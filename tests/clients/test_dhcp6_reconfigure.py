"""What DHCPv6 has beside the usual conversations, on a link of two hosts: clients that are told to ask again
(Reconfigure with its key, RFC 9915 18.3.11 and 20.4), and addresses that hosts make and tell (RFC 9686)."""
import hashlib
import hmac
import json
import socket
import struct
import subprocess
import unittest

import lab
import test_dhcp6
from test_dhcp6 import (CLIENT_DUID, IA_ADDRESS, LINK, ORO, RENEW, REPLY, REQUEST, SERVER_DUID, Answer, ia, ip6, message,
                        option, options)

ACCEPT, AUTH, RECONFIGURE_MESSAGE, RECONFIGURE, REG_INFORM, REG_REPLY, REG_ENABLE = 20, 11, 19, 10, 36, 37, 148
CONF = test_dhcp6.CONF.replace("dns-servers", "reconfigure = true\n    address-registration = true\n    dns-servers", 1)

# A client that sends each line that it is told (whose first word is the address to send from), and tells what comes.
CLIENT = """
import select, socket
interface = socket.if_nametoindex("cli0")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 546))
lines = open(0, "rb", buffering=0)  # nothing is read ahead, which select() would not see
while True:
    ready, _, _ = select.select([s, lines], [], [])
    if s in ready:
        print(s.recv(4096).hex(), flush=True)
    if lines in ready:
        words = lines.readline().decode().split()
        if not words:
            break
        info = socket.inet_pton(socket.AF_INET6, words[0]) + interface.to_bytes(4, "little")
        s.sendmsg([bytes.fromhex(words[1])], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)], 0, ("ff02::1:2", 547, 0, interface))
"""


@lab.needs_root
@lab.needs("ip")
class Told(unittest.TestCase):
    conf = CONF
    start = test_dhcp6.OnTheLink.start
    shown = test_dhcp6.OnTheLink.shown

    def setUp(self):
        test_dhcp6.OnTheLink.setUp(self)
        self.client = subprocess.Popen([*self.net.on_client(), "python3", "-c", CLIENT], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.client.wait)
        self.addCleanup(self.client.stdout.close)
        self.addCleanup(self.client.stdin.close)

    def send(self, data, source="::"):
        self.client.stdin.write(f"{source} {data.hex()}\n")
        self.client.stdin.flush()

    def hear(self):
        return bytes.fromhex(self.client.stdout.readline())

    def wirelab(self, *words):
        return lab.run(lab.BUILD / "wirelab", "leases", "-c", self.server.conf, *words)

    def have(self, address):
        self.net.ip("-n", self.net.client, "addr", "add", f"{address}/64", "dev", self.net.client_if, "nodad")

    def lease(self):
        """A lease, and the key that came with it."""
        self.send(message(REQUEST, ia(), option(ACCEPT), server=SERVER_DUID))
        answer = Answer(self.hear())
        self.assertEqual(answer.kind, REPLY)
        self.assertEqual(answer.get(ACCEPT), b"")
        auth = answer.get(AUTH)
        self.assertEqual((auth[:3], auth[11], len(auth)), (b"\3\1\0", 1, 28))
        address = answer.addresses[1][0]
        self.have(address)
        return address, auth[12:]

    def check(self, data, key):
        """It is a Reconfigure that the client may believe (RFC 9915 20.4.3); its replay counter."""
        self.assertEqual(data[0], RECONFIGURE)
        parts = dict(options(data[4:]))
        self.assertEqual((parts[2], parts[1], parts[RECONFIGURE_MESSAGE]), (SERVER_DUID, CLIENT_DUID, bytes([RENEW])))
        auth = parts[AUTH]
        self.assertEqual((auth[:3], auth[11], len(auth)), (b"\3\1\0", 2, 28))
        unsigned = data.replace(auth[12:], bytes(16))
        self.assertEqual(auth[12:], hmac.new(key, unsigned, hashlib.md5).digest())
        return struct.unpack("!Q", auth[3:11])[0]

    def test_a_client_is_told_until_it_asks(self):
        address, key = self.lease()
        done = self.wirelab("--reconfigure", address)
        self.assertEqual((done.returncode, done.stdout), (0, b"Clients told: 1\n"), done.stderr)
        first, second = self.check(self.hear(), key), self.check(self.hear(), key)  # it did not answer the first
        self.assertLess(first, second)
        self.send(message(RENEW, ia(1, address), option(ACCEPT), server=SERVER_DUID))
        answer = Answer(self.hear())
        self.assertEqual((answer.kind, answer.addresses[1], answer.get(AUTH)), (REPLY, [address], None))

    def test_the_key_outlives_a_kill(self):
        address, key = self.lease()
        self.server.kill()
        self.start()
        self.assertEqual(self.wirelab("--reconfigure", "all").stdout, b"Clients told: 1\n")
        self.check(self.hear(), key)

    def test_who_does_not_accept_is_not_told(self):
        self.send(message(REQUEST, ia(), server=SERVER_DUID))
        answer = Answer(self.hear())
        self.assertNotIn(AUTH, answer.codes)
        self.assertNotIn(ACCEPT, answer.codes)
        self.assertNotEqual(self.wirelab("--reconfigure", answer.addresses[1][0]).returncode, 0)
        self.assertEqual(self.wirelab("--reconfigure", "all").stdout, b"Clients told: 0\n")

    def inform(self, address, valid=600, duid=CLIENT_DUID):
        return message(REG_INFORM, option(IA_ADDRESS, ip6(address) + struct.pack("!II", valid, valid)), duid=duid)

    def leases(self):
        return {l["address"]: l["state"] for l in map(json.loads, self.wirelab("--json").stdout.splitlines())}

    def test_an_address_is_registered(self):
        own = "2001:db8:1:2:c1:e:4:7"
        self.have(own)
        self.send(self.inform(own), own)
        reply = self.hear()
        self.assertEqual((reply[0], reply[1:4]), (REG_REPLY, b"\x12\x34\x56"))
        self.assertEqual(dict(options(reply[4:]))[IA_ADDRESS], ip6(own) + struct.pack("!II", 600, 600))
        self.assertEqual(self.leases(), {own: "registered"})
        self.server.kill()
        self.start()
        self.assertEqual(self.leases(), {own: "registered"})
        self.send(self.inform(own, 0), own)  # it has it no longer
        self.assertEqual(self.hear()[0], REG_REPLY)
        self.assertEqual(self.leases(), {})

    def test_what_is_not_registered(self):
        own, foreign, pooled = "2001:db8:1:2:c1:e:4:7", "2001:db8:9:9::7", "2001:db8:1:2::1800"
        for address in (own, foreign, pooled):
            self.have(address)
        for source, address in ((own, LINK), (foreign, foreign), (pooled, pooled)):
            self.send(self.inform(address), source)
        self.server.wait_log("it comes from another address than it registers")
        self.server.wait_log("the address is of another link")
        self.server.wait_log("the address is one that this server gives to clients")
        self.assertEqual(self.leases(), {})

    def test_clients_learn_that_they_may(self):
        self.send(message(REQUEST, ia(), option(ORO, struct.pack("!H", REG_ENABLE)), server=SERVER_DUID))
        self.assertEqual(Answer(self.hear()).get(REG_ENABLE), b"")


if __name__ == "__main__":
    unittest.main()
