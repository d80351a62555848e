"""What the scenarios record, read by tshark; where the book's captures are at hand (WIRELAB_CAPTURES, or
../shared/captures), it is held against them."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tests.scenario.test_scenarios import BUILD, ROOT

CAPTURES = pathlib.Path(os.environ.get("WIRELAB_CAPTURES", ROOT.parent / "shared" / "captures"))


class Captures(unittest.TestCase):
    def setUp(self):
        self.out = pathlib.Path(tempfile.mkdtemp(prefix="captures-"))
        self.addCleanup(shutil.rmtree, self.out)

    def play(self, name):
        run = subprocess.run([str(BUILD / "wirelab"), "scenario", name, "--out", str(self.out)], capture_output=True,
                             stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())
        return self.out / f"{name}.pcapng"

    def compare(self, reference):
        return subprocess.run([str(CAPTURES / "compare"), str(reference), str(self.play(reference.stem))],
                              capture_output=True, timeout=300)

    @unittest.skipUnless((CAPTURES / "compare").exists(), "the book's captures are not at hand")
    def test_the_books_are_matched(self):
        references = sorted(CAPTURES.glob("*.pcapng"))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for reference, run in zip(references, pool.map(self.compare, references)):
                with self.subTest(reference.stem):
                    wrong = [line for line in run.stdout.decode().splitlines() if not line.startswith("PASS")]
                    self.assertEqual(run.returncode, 0, "\n".join(wrong) + run.stderr.decode())

    def test_they_have_the_secrets_of_their_sessions(self):
        for name, protocol, field, words in (
                ("mail_receiver_server_3", "imap", "imap.request", ["LOGIN", "SELECT", "FETCH", "LOGOUT"]),
                ("mail_relay_starttls", "smtp && tls", "smtp.req.command", ["EHLO", "MAIL,RCPT,DATA"])):
            run = subprocess.run(["tshark", "-r", str(self.play(name)), "-Y", protocol, "-T", "fields", "-e", field],
                                 capture_output=True, text=True, timeout=300)
            for word in words:
                self.assertIn(word, run.stdout, name)


if __name__ == "__main__":
    unittest.main()
