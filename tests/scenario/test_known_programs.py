"""The clients of the scenarios played by programs that people know: dhclient, dig, curl, swaks."""
import json
import subprocess
import unittest

from tests.scenario.test_scenarios import BUILD, SCENARIOS

NAMES = sorted(p.stem for p in SCENARIOS.glob("*.scenario"))


class KnownPrograms(unittest.TestCase):
    def play(self, *words):
        return subprocess.run([str(BUILD / "wirelab"), "scenario", *words, "--client", "real"], timeout=110,
                              capture_output=True, stdin=subprocess.DEVNULL)

    def test_all(self):
        run = self.play("all", "--json")
        self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())
        told = [json.loads(line) for line in run.stdout.decode().splitlines()]
        self.assertEqual([(one["scenario"], one["ok"]) for one in told[:-1]], [(name, True) for name in NAMES])
        self.assertEqual((told[-1]["scenarios"], told[-1]["failed"]), (len(NAMES), 0))

    def test_what_they_say_is_drawn(self):
        for name, words in (("dns_query_response", "A 128.121.50.122"), ("http_post", "302"), ("mail_commands", "552"),
                            ("dhcp_release", "RELEASE"), ("dhcp_decline", "DECLINE"), ("dns_axfr", "21 records"),
                            ("mail_sender_client_1", "Subject: Help!")):
            with self.subTest(name):
                run = self.play(name)
                self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())
                self.assertIn(words, run.stdout.decode())


if __name__ == "__main__":
    unittest.main()
