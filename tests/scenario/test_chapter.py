"""Every scenario that comes along is played: each has its own expectations."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tests.scenario.test_scenarios import BUILD, ROOT, SCENARIOS, become_nobody, networks

NAMES = sorted(p.stem for p in SCENARIOS.glob("*.scenario"))
CHAPTER = """dhcp6_outlease_acquisition dhcp_inlease_renewal dhcp_nolease_initialization dns_axfr dns_query_nonexistent
    dns_query_response dns_recursivequery_client dns_recursivequery_server dns_reverse_lookup dns_tcp http_google
    http_ip4and6 http_post mail_receiver_server_3 mail_sender_attachment mail_sender_client_1 mail_sender_server_2
    """.split()
OURS = """dhcp6_relay dhcp_decline dhcp_inform dhcp_nak dhcp_release dns_ixfr dns_recursion_from_root mail_relay_by_mx
    mail_relay_starttls""".split()


class Chapter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="chapter-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.directory.chmod(0o755)
        shutil.copytree(ROOT / "examples", cls.directory / "share" / "wirelab")
        (cls.directory / "bin").mkdir()
        shutil.copy2(BUILD / "wirelab", cls.directory / "bin")
        cls.out = cls.directory / "out"
        before = networks()
        cls.run_all = cls.play("all", "--out", cls.out)
        cls.left = networks() - before

    @classmethod
    def play(cls, *words, **options):
        return subprocess.run([str(cls.directory / "bin" / "wirelab"), "scenario", *map(str, words)], timeout=150,
                              capture_output=True, stdin=subprocess.DEVNULL, **options)

    def test_all_are_as_expected(self):
        said = self.run_all.stdout.decode() + self.run_all.stderr.decode()
        self.assertEqual(self.run_all.returncode, 0, said)
        self.assertIn(f"{len(NAMES)} scenarios in ", said)
        self.assertEqual(sorted(p.stem for p in self.out.glob("*.pcapng")), NAMES)
        self.assertEqual(self.left, set(), "no namespace is left behind")

    def test_the_chapter_is_whole(self):
        self.assertEqual([n for n in CHAPTER + OURS if n not in NAMES], [])

    def test_each_says_what_it_expects(self):
        for name in NAMES:
            text = (SCENARIOS / f"{name}.scenario").read_text()
            self.assertIn("\nexpect ", text, name)
            self.assertIn("What to look at", text, name)

    def test_two_at_a_time_do_not_meet(self):
        command = [str(self.directory / "bin" / "wirelab"), "scenario", "dhcp_nak"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(4)]
        for one in both:
            said, _ = one.communicate(timeout=60)
            self.assertEqual(one.returncode, 0, said.decode())

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_all_as_an_ordinary_user(self):
        probe = subprocess.run(["unshare", "-Urn", "true"], capture_output=True, preexec_fn=become_nobody)
        if probe.returncode != 0:
            self.skipTest("ordinary users may not make namespaces here")
        run = self.play("all", preexec_fn=become_nobody)
        self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())


if __name__ == "__main__":
    unittest.main()
