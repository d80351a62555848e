"""The example lab as it stands, whole, with ordinary clients: five servers that work together."""
import os
import pathlib
import subprocess
import tempfile
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
