"""The example lab as it stands, whole, with ordinary clients: five servers that work together."""
import json
import unittest

import lab

EXAMPLES = lab.ROOT / "examples"


@lab.needs_root
@lab.needs("dig", "swaks", "curl")
class Lab(unittest.TestCase):
    """In a network namespace, so that its fixed ports are free."""

    @classmethod
    def setUpClass(cls):
        cls.network = lab.Network()
        cls.addClassCleanup(cls.network.close)
        cls.lab = cls.start("chapter9.conf")
        cls.addClassCleanup(cls.lab.close)

    @classmethod
    def start(cls, name):
        """The example with a state of its own."""
        text = (EXAMPLES / name).read_text().replace('"zones/', f'"{EXAMPLES}/zones/').replace('"www"', f'"{EXAMPLES}/www"')
        lines = [line for line in text.splitlines() if not line.startswith("state")]
        return lab.Program("\n".join(lines) + "\n", inside=cls.network.on_server())

    def run_in(self, *command, **options):
        return lab.run(*self.network.on_server(), *command, **options)

    def dig(self, *words):
        return self.run_in("dig", "@127.0.0.1", "-p", "5300", "+short", *words).stdout.decode().split()

    def read(self, address, index):
        done = self.run_in("curl", "-sk", "--ssl-reqd", "-u", "sanders:skynet",
                           f"imap://{address}:1143/INBOX;MAILINDEX={index}")
        return done.stdout.decode()

    def test_every_listener_has_a_command_to_try(self):
        services = {l["service"] for l in self.lab.ready["listen"]}
        self.assertEqual(services, {"dhcpd", "dnsd", "httpd", "imapd", "smtpd"})

    def test_a_lease_has_a_name(self):
        done = self.run_in(lab.BUILD / "wirelab", "lease", "127.0.0.1:6767", "--name", "laptop")
        told = dict(line.split(None, 1) for line in done.stdout.decode().splitlines())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((told["dns-servers"], told["domain"]), ("127.0.0.1", "mydomain.example"))
        self.lab.wait_log("event=dhcp.name.added")
        self.assertEqual(self.dig("laptop.mydomain.example"), [told["address"]])
        self.assertEqual(self.dig("-x", told["address"]), ["laptop.mydomain.example."])
        self.assertNotEqual(self.dig("laptop.mydomain.example", "DHCID"), [])
        again = self.run_in(lab.BUILD / "wirelab", "lease", "127.0.0.1:6767")
        self.assertIn(told["address"], again.stdout.decode())  # the same client, the same address

    def leases(self, *words):
        return self.run_in(lab.BUILD / "wirelab", "leases", "-c", self.lab.conf, *words)

    def test_leases_are_shown_and_ended(self):
        words = ["lease", "127.0.0.1:6767", "--name", "desk", "--hardware", "02:00:00:00:00:02"]
        told = self.run_in(lab.BUILD / "wirelab", *words).stdout.decode().splitlines()
        address = told[0].split()[1]
        line = next(l for l in self.leases().stdout.decode().splitlines() if l.startswith(address + " "))
        self.assertEqual((line.split()[1], line.split()[3:]), ("bound", ["02:00:00:00:00:02", "desk"]))
        rows = [json.loads(l) for l in self.leases("--json").stdout.splitlines()]
        self.assertEqual([r["name"] for r in rows if r["address"] == address], ["desk"])
        self.lab.wait_log("name=desk.mydomain.example.")
        ended = self.leases("--free", address)
        self.assertEqual((ended.returncode, ended.stdout), (0, b"The address is free\n"), ended.stderr)
        self.assertNotIn(address.encode() + b" ", self.leases().stdout)
        self.assertIn(address.encode() + b" ", self.leases("--all").stdout)
        lab.until(lambda: self.dig("desk.mydomain.example") == [], "its name stays in the DNS")
        again = self.leases("--free", address)
        self.assertEqual((again.returncode, again.stderr), (1, b"Nobody has this address\n"))
        self.assertEqual(self.leases("--free", "nonsense").returncode, 2)

    def test_a_lease_is_given_by_hand(self):
        address, hardware = "192.168.1.77", "02:00:00:00:00:77"
        given = self.leases("--add", f"{address}={hardware}")
        self.assertEqual((given.returncode, given.stdout), (0, b"The lease is there\n"), given.stderr)
        line = next(l for l in self.leases().stdout.decode().splitlines() if l.startswith(address + " "))
        self.assertEqual((line.split()[1], line.split()[3]), ("bound", hardware))
        for what, why in ((f"{address}=02:00:00:00:00:78", b"Somebody else has the address\n"),
                          (f"192.0.2.1={hardware}", b"The address is in no pool\n"),
                          (f"{address}=nonsense", b"An IPv4 address and a hardware address\n")):
            done = self.leases("--add", what)
            self.assertEqual((done.returncode, done.stderr), (1, why))
        told = self.run_in(lab.BUILD / "wirelab", "lease", "127.0.0.1:6767", "--hardware", hardware).stdout.decode()
        self.assertIn(address, told.splitlines()[0])  # and its client gets it when it asks

    def test_the_door_is_for_its_user_alone(self):
        door = self.lab.directory / "state" / "wirelab.sock"
        self.assertEqual(door.stat().st_mode & 0o777, 0o600)
        with self.start("mail02.conf") as other:
            self.assertEqual(other.end(), 0)
            self.assertFalse((other.directory / "state" / "wirelab.sock").exists())

    def test_mail_goes_where_the_dns_says_and_is_read_there(self):
        with self.start("mail02.conf") as far:
            done = self.run_in("swaks", "--server", "127.0.0.1:2525", "--from", "sanders@skynet.local", "--to",
                               "sanders@cyberdyne.local", "--body", "by the MX")
            self.assertEqual(done.returncode, 0, done.stdout)
            far.wait_log("event=smtp.delivered")
            self.assertIn("by the MX", self.read("127.0.0.2", 1))
        self.assertIn("name=cyberdyne.local. type=MX", self.lab.log())

    def test_mail_for_the_lab_is_read_there(self):
        self.run_in("swaks", "--server", "127.0.0.1:2525", "--from", "you@example.org", "--to", "sanders@skynet.local",
                    "--body", "for here")
        self.lab.wait_log("event=smtp.delivered")
        self.assertIn("for here", self.read("127.0.0.1", 1))

    def test_pages(self):
        self.assertIn(b"<title>", self.run_in("curl", "-s", "http://127.0.0.1:8080/").stdout)

    def test_a_server_that_is_not_there(self):
        done = self.run_in(lab.BUILD / "wirelab", "lease", "127.0.0.1", "--name", "x" * 64)
        self.assertEqual((done.returncode, b"usage:" in done.stderr), (2, True))


if __name__ == "__main__":
    unittest.main()
