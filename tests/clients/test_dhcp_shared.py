"""Two dhcpd that share one PostgreSQL database: no address is ever two clients', whichever server they ask, also when
one of them is killed in the middle of its work, and when the database goes away for a while."""
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

import lab
from test_dhcp_promises import ACK, DISCOVER, NAK, OFFER, REQUEST, Client

CONF = """
store = "postgresql:///postgres?host={socket}&user=lab"
dhcpd {{
  listen = {{ "127.0.0.1:0" }}
  subnet "192.168.0.0/16" {{
    pool = {{ "192.168.1.0-192.168.{last}.250" }}
    lease-time = "10m"
    probe = "0s"
  }}
}}
"""
BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), None)


class Database:
    """A PostgreSQL of its own on a socket, by a user that is not root."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.directory.chmod(0o700)
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.process = None
        self.check(lab.run(*self.as_user, f"{BIN}/initdb", "-D", self.directory / "data", "-U", "lab", "-A", "trust", "-N"))
        self.start()

    @staticmethod
    def check(done):
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()

    def start(self):
        self.process = subprocess.Popen([*self.as_user, f"{BIN}/postgres", "-D", str(self.directory / "data"), "-k",
                                         str(self.directory), "-c", "listen_addresses="], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        lab.until(lambda: lab.run(f"{BIN}/pg_isready", "-h", self.directory).returncode == 0, "PostgreSQL does not start")

    def ask(self, sql):
        """The rows that come of it, as lists of words."""
        done = lab.run(f"{BIN}/psql", "-h", self.directory, "-U", "lab", "-d", "postgres", "-At", "-F", " ", "-c", sql)
        self.check(done)
        return [line.split() for line in done.stdout.decode().splitlines()]

    def rows(self):
        return dict(self.ask("SELECT address, hardware FROM dhcp4_lease WHERE state = 'bound'"))

    def stop(self, number=signal.SIGQUIT):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(lab.END_S)
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Crowd(Client):
    """Clients on one socket, each of whom asks a server by chance."""

    def __init__(self, ports):
        self.sockets = []
        for port in ports:
            super().__init__(port)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.socket.setblocking(False)
            self.sockets.append(self.socket)
        self.leases = {}  # number of the client -> address, as it was acknowledged

    def begin(self, number, which):
        self.socket = self.sockets[which]
        self.say(DISCOVER, number)

    def hear_all(self):
        """What has come by now; how many acknowledgements."""
        acks = 0
        for self.socket in self.sockets:
            while True:
                try:
                    reply = self.socket.recv(2048)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                kind, number = reply[242], struct.unpack("!I", reply[4:8])[0]
                address = socket.inet_ntoa(reply[16:20])
                if kind == OFFER:
                    self.say(REQUEST, number, requested=address, server="127.0.0.1")
                elif kind == ACK:
                    self.leases[number] = address
                    acks += 1
        return acks

    def close(self):
        for s in self.sockets:
            s.close()


def hardware(number):
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


@lab.needs("setpriv")
@unittest.skipUnless(BIN, "PostgreSQL is not installed")
class Shared(unittest.TestCase):
    def setUp(self):
        self.database = Database()
        self.addCleanup(self.database.close)

    def server(self, last=100):
        server = lab.Program(CONF.format(socket=self.database.directory, last=last), program="dhcpd", log="info")
        self.addCleanup(server.close)
        return server

    def crowd(self, *servers):
        crowd = Crowd([s.port("dhcpd", "udp") for s in servers])
        self.addCleanup(crowd.close)
        return crowd

    def finish(self, crowd, numbers, servers):
        """Each of them gets its lease from one of the servers, as often as it has to ask."""
        def ask_again():
            for number in numbers:
                if number not in crowd.leases:
                    crowd.begin(number, random.randrange(servers))
            lab.until(lambda: crowd.hear_all() or True, "")
            return all(number in crowd.leases for number in numbers)
        lab.until(ask_again, lambda: f"{len(crowd.leases)} of {len(numbers)} have a lease", 60)

    def check(self, crowd):
        self.assertEqual(len(set(crowd.leases.values())), len(crowd.leases), "an address is two clients'")
        rows = self.database.rows()
        for number, address in crowd.leases.items():
            self.assertEqual(rows.get(address), hardware(number))

    def test_one_of_two_is_killed_in_the_middle_of_its_work(self):
        random.seed(20261123)
        first, second = self.server(), self.server()
        crowd = self.crowd(first, second)
        for number in range(400):
            crowd.begin(number, number % 2)
            crowd.hear_all()
        lab.until(lambda: crowd.hear_all() and len(crowd.leases) >= 100, "nobody is served")
        first.kill()
        crowd.hear_all()
        at_the_kill = dict(crowd.leases)
        crowd.sockets.pop(0).close()
        self.finish(crowd, range(400), 1)
        self.assertEqual({n: crowd.leases[n] for n in at_the_kill}, at_the_kill)
        self.check(crowd)
        third = self.server()  # in its place: it knows all of them
        other = self.crowd(third)
        for number, address in list(crowd.leases.items())[:50]:
            other.socket = other.sockets[0]
            other.say(REQUEST, number, requested=address)  # INIT-REBOOT
        lab.until(lambda: other.hear_all() or len(other.leases) == 50, lambda: f"{len(other.leases)} of 50")
        lab.until(lambda: other.hear_all() or len(other.leases) == 50, lambda: f"{len(other.leases)} of 50")
        self.assertEqual(other.leases, {n: crowd.leases[n] for n in other.leases})
        self.check(crowd)

    def test_what_one_gives_the_other_knows(self):
        first, second = self.server(), self.server()
        one, two = Client(first.port("dhcpd", "udp")), Client(second.port("dhcpd", "udp"))
        address = one.lease(7)
        def offered():
            two.say(DISCOVER, 7)
            return two.hear()[1] == address
        lab.until(offered, "the other server does not know the lease")
        two.say(REQUEST, 7, ciaddr=address)  # RENEWING, there
        self.assertEqual(two.hear(), (ACK, address))
        two.say(REQUEST, 8, requested=address)  # INIT-REBOOT of somebody else
        self.assertNotEqual(two.hear(1)[0], ACK)
        for client in (one, two):
            client.socket.close()

    def test_the_database_goes_away(self):
        server = self.server()
        client = Client(server.port("dhcpd", "udp"))
        self.addCleanup(client.socket.close)
        self.assertIsNotNone(client.lease(1))
        self.database.stop()
        client.say(DISCOVER, 2)
        kind, address = client.hear()
        self.assertEqual(kind, OFFER)  # a promise in memory
        client.say(REQUEST, 2, requested=address, server="127.0.0.1")
        self.assertEqual(client.hear(1), (None, None))  # none that would have to be durable
        server.wait_log("event=store.failed")
        self.database.start()
        def leased():
            client.say(REQUEST, 2, requested=address, server="127.0.0.1")
            return client.hear(1)[0] == ACK
        lab.until(leased, "the service does not resume")
        server.wait_log("event=store.recovered")
        self.assertEqual(self.database.rows()[address], hardware(2))

    def test_a_reconnection_that_comes_to_half(self):
        server = self.server()
        client = Client(server.port("dhcpd", "udp"))
        self.addCleanup(client.socket.close)
        client.say(DISCOVER, 1)
        address = client.hear()[1]
        self.database.ask("ALTER TABLE dhcp4_lease RENAME TO away; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE application_name = 'wirelab'")
        def leased():
            client.say(REQUEST, 1, requested=address, server="127.0.0.1")
            return client.hear(0.3)[0] == ACK
        self.assertFalse(any(leased() for _ in range(4)))  # connected, but without the table
        server.wait_log("event=store.failed")
        self.database.ask("ALTER TABLE away RENAME TO dhcp4_lease")
        lab.until(leased, "the service does not resume")
        self.assertEqual(self.database.rows()[address], hardware(1))

    def test_it_ends_when_the_database_hangs(self):
        server = self.server()
        client = Client(server.port("dhcpd", "udp"))
        self.addCleanup(client.socket.close)
        client.say(DISCOVER, 1)
        address = client.hear()[1]
        hung = [int(p) for p, in self.database.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'wirelab'")]
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)
        client.say(REQUEST, 1, requested=address, server="127.0.0.1")
        self.assertEqual(client.hear(0.3), (None, None))
        self.assertEqual(server.end(), 0)
        self.assertIn("event=stopping.forced", server.log())
        self.assertEqual(client.hear(0.3), (None, None))  # nothing is promised that is not on disk

    def test_it_ends_while_others_change_much(self):
        os.environ["MALLOC_PERTURB_"] = "165"  # what is freed is nobody's
        self.addCleanup(os.environ.pop, "MALLOC_PERTURB_")
        server = self.server()
        client = Client(server.port("dhcpd", "udp"))
        self.addCleanup(client.socket.close)
        self.assertIsNotNone(client.lease(7))
        columns = ", ".join(f'"{c}"' for c, in self.database.ask(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'dhcp4_lease' AND column_name <> 'address'"))
        self.database.ask(f"""INSERT INTO dhcp4_lease (address, {columns}) SELECT '192.168.' || (3 + g / 200) || '.' ||
            (g % 200 + 1), {columns} FROM dhcp4_lease, generate_series(0, 3999) g""")
        self.database.ask("SELECT pg_notify('wirelab', 'dhcp4_lease ' || address) FROM dhcp4_lease")
        self.assertEqual(server.end(), 0)

    def test_a_password_is_not_printed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf", prefix="lab-") as f:
            f.write(f'state = "{self.database.directory}/state"\n'
                    'store = "postgresql://lab:geheim@127.0.0.1:1/postgres"\ndhcpd { listen = { "127.0.0.1:0" }\n'
                    ' subnet "192.168.0.0/16" { pool = { "192.168.1.1-192.168.1.9" } } }\n')
            f.flush()
            for words in ([lab.BUILD / "wirelab", "check", f.name], [lab.BUILD / "dhcpd", "-t", "-c", f.name],
                          [lab.BUILD / "dhcpd", "-c", f.name]):
                done = lab.run(*words)
                self.assertNotIn(b"geheim", done.stdout + done.stderr, words)
            self.assertIn(b"PostgreSQL", done.stderr)


if __name__ == "__main__":
    unittest.main()
