"""What a person or a client sees when something is wrong."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

import lab
from test_smtp import Talk

PROGRAMS = ("dhcpd", "dnsd", "httpd", "imapd", "smtpd")
LAB = '''dhcpd {{ listen = {{ "127.0.0.1:0" }} subnet "192.168.1.0/24" {{ pool = {{ "192.168.1.10-192.168.1.20" }} }} }}
dnsd {{ listen = {{ "127.0.0.1:0" }} zone "a.test" {{ file = "{directory}/a.zone" }} }}
httpd {{ listen = {{ "127.0.0.1:0" }} site "default" {{ root = "{directory}"
  form "/say" {{ page = "/said.html" then = "/said.html" }} }} }}
smtpd {{ hostname = "mail01" listen = {{ "127.0.0.1:0" }} domain "a.test" {{ mailboxes = {{ "ppa" }} }} }}
imapd {{ hostname = "mail01" listen = {{ "127.0.0.1:0" }} user "ppa" {{ password = "a" mailbox = "ppa@a.test" }} }}
'''


def discover(number):
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, number, 0, 0, bytes(4), bytes(4), bytes(4), bytes(4),
                        bytes.fromhex("02000000") + struct.pack("!H", number), b"", b"")
    return fixed + b"\x63\x82\x53\x63\x35\x01\x01\xff"


def request(number, offer):
    return discover(number)[:-2] + b"\x03\x36\x04" + offer[245:249] + b"\x32\x04" + offer[16:20] + b"\xff"


class Wrong(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "a.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n")
        (self.directory / "said.html").write_text("<!-- entries -->")
        self.conf = LAB.format(directory=self.directory)

    def check(self, text, program="wirelab"):
        path = self.directory / "wrong.conf"
        path.write_text(text)
        words = ["check", path] if program == "wirelab" else ["-t", "-c", path]
        return lab.run(lab.BUILD / program, *words)

    def test_every_error_of_a_file_in_one_run_with_its_place(self):
        done = self.check('# comment\n/* another */\ndhcpd {\n  listen = { "127.0.0.1" }\n  subnet "192.168.1.0/24" {\n'
                          '    pool = { "192.168.1.10-192.168.1.300" }\n    lease-tme = "10m"\n    lease-time = "600"\n  }\n}\n'
                          'dnsd { listen = { "127.0.0.1:99999" } }\n')
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 2)
        for place in (r":4:15: .*has no port", r":6:28: .*\"192\.168\.1\.300\" is not an IPv4 address",
                      r":7:5: .*unknown key \"lease-tme\"", r":8:19: .*has no unit", r":11:20: "):
            self.assertRegex(text, place)
        self.assertIn('did you mean "lease-time"?', text)
        self.assertIn("pool = { \"192.168.1.10-192.168.1.300\" }\n      |                            ^^^^^^^^^^^^^", text)

    def test_a_file_that_ends_in_the_middle(self):
        done = self.check('dnsd { zone "a.test" {\n')
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not closed", done.stderr.decode())

    def test_a_wrong_configuration_stops_the_start(self):
        for program in (*PROGRAMS, "wirelab"):
            with self.subTest(program=program):
                path = self.directory / "wrong.conf"
                path.write_text("nonsense = 1\n")
                words = ["run"] if program == "wirelab" else []
                done = lab.run(lab.BUILD / program, *words, "-c", path)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(b"wrong.conf:1:1: unknown key", done.stderr)

    def test_a_log_that_nobody_reads(self):
        path = self.directory / "lab.conf"
        path.write_text(f'state = "{self.directory}/state"\n'
                        f'httpd {{ listen = {{ "127.0.0.1:0" }} site "default" {{ root = "{self.directory}" }} }}\n')
        unread, errors = os.pipe()
        self.addCleanup(os.close, unread)
        fcntl.fcntl(errors, fcntl.F_SETPIPE_SZ, 4096)
        server = subprocess.Popen([lab.BUILD / "httpd", "-c", path, "--log", "traffic"], stdout=subprocess.PIPE,
                                  stderr=errors)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        os.close(errors)
        port = json.loads(server.stdout.readline())["listen"][0]["port"]
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", port), timeout=lab.READY_S) as client:
                client.sendall(b"GET /said.html HTTP/1.0\r\n\r\n")
                self.assertIn(b"200", client.recv(100))
        server.terminate()
        self.assertEqual(server.wait(lab.END_S), 0)

    def test_a_zone_with_an_error_is_named_with_its_place(self):
        (self.directory / "a.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 300.1.1.1\n")
        with lab.Program(self.conf, ready=False) as server:
            self.assertIn(server.process.wait(lab.END_S), (1, 2))
            self.assertRegex(server.log(), r"a\.zone:3:9")

    def test_an_address_in_use_is_named_with_the_remedy(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            text = f'httpd {{ listen = {{ "127.0.0.1:{port}" }} site "default" {{ root = "{self.directory}" }} }}\n'
            with lab.Program(text, ready=False) as server:
                self.assertEqual(server.process.wait(lab.END_S), 1)
                self.assertRegex(server.log(), rf"127\.0\.0\.1:{port}/tcp: Address already in use")
                self.assertIn("ss -lnp", server.log())

    def test_a_door_behind_which_a_program_is_stopped_is_not_waited_at(self):
        text = f'httpd {{ listen = {{ "127.0.0.1:0" }} site "default" {{ root = "{self.directory}" }} }}\n'
        with lab.Program(text) as first:
            self.addCleanup(first.kill)
            first.signal(signal.SIGSTOP)
            try:
                queue = []
                while True:
                    queue.append(socket.socket(socket.AF_UNIX))
                    queue[-1].setblocking(False)
                    queue[-1].connect(str(first.directory / "state" / "wirelab.sock"))
            except BlockingIOError:  # it is full
                pass
            with lab.Program(text, state=first.directory, name="second.conf") as second:
                self.assertIn("another program answers there", second.log())
                done = lab.run(lab.BUILD / "wirelab", "stats", "-c", first.conf)
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"kill -CONT", done.stderr)
                self.assertEqual(second.end(), 0)
            for s in queue:
                s.close()
            first.signal(signal.SIGCONT)
            self.assertEqual(first.end(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "becomes an ordinary user")
    def test_a_missing_right_is_named_with_the_remedy(self):
        if not lab.have("setpriv"):
            self.skipTest("no setpriv")
        self.directory.chmod(0o755)
        shutil.copy(lab.BUILD / "httpd", self.directory / "httpd")
        path = self.directory / "right.conf"
        path.write_text(f'state = "/tmp/wirelab-no-{os.getpid()}"\nhttpd {{ listen = {{ "127.0.0.1:80" }} '
                        f'site "default" {{ root = "{self.directory}" }} }}\n')
        try:
            done = lab.run("unshare", "-n", "sh", "-c", 'ip link set lo up; sysctl -qw net.ipv4.ip_unprivileged_port_start=1024; '
                           'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh", self.directory / "httpd", "-c", path)
        finally:
            shutil.rmtree(f"/tmp/wirelab-no-{os.getpid()}", ignore_errors=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"127.0.0.1:80/tcp: Permission denied", done.stderr)
        self.assertIn(b"setcap", done.stderr)

    def test_missing_files_are_named(self):
        text = f'httpd {{ listen = {{ "127.0.0.1:0" }} site "default" {{ root = "{self.directory}/nowhere" }} }}\n'
        with lab.Program(text, ready=False) as server:
            self.assertEqual(server.process.wait(lab.END_S), 1)
            self.assertIn(f"{self.directory}/nowhere", server.log())

    def test_a_reload_with_a_broken_file_changes_nothing(self):
        with lab.Program(self.conf) as server:
            good = server.conf.read_text()
            server.conf.write_text(good + "oops = 1\n")
            server.signal(signal.SIGHUP)
            server.wait_log("reload.refused")
            self.assertIn("oops", server.log())
            self.assertEqual(socket.create_connection(("127.0.0.1", server.port("httpd", "tcp")), 5).close(), None)
            server.conf.write_text(good)
            server.signal(signal.SIGHUP)
            server.wait_log("event=reloaded")
            self.assertEqual(server.end(), 0)

    def test_a_term_finishes_what_is_in_hand(self):
        with lab.Program(self.conf) as server:
            talk = Talk(server.port("smtpd", "tcp"))
            talk.say("EHLO client.test")
            talk.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<ppa@a.test>\r\nDATA\r\n")
            for _ in range(3):
                talk.reply()
            server.signal(signal.SIGTERM)
            server.wait_log("event=stopping")
            talk.send(b"Subject: in hand\r\n\r\nx\r\n.\r\n")
            self.assertEqual(talk.reply()[0], 250)
            self.assertEqual(server.process.wait(lab.END_S), 0)
            talk.close()


FULL = 'mount -t tmpfs -o size={size}k tmpfs "$1" && shift && exec "$@"'


@unittest.skipUnless(os.geteuid() == 0, "mounts a small file system")
class FullDisk(unittest.TestCase):
    """The state is on a file system that is full: temporary failures, nothing promised, and service resumes."""

    def test_it_is_told_and_passes(self):
        with tempfile.TemporaryDirectory() as directory:
            d = pathlib.Path(directory)
            (d / "a.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n")
            (d / "said.html").write_text("<!-- entries -->")
            (d / "state").mkdir()
            inside = ["unshare", "-m", "sh", "-c", FULL.format(size=4096), "sh", str(d / "state")]
            with lab.Program(LAB.format(directory=d), state=directory, inside=inside) as server:
                self.play(server, f"/proc/{server.process.pid}/root{d}/state/ballast")

    def play(self, server, ballast):
        dhcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(dhcp.close)
        dhcp.connect(("127.0.0.1", server.port("dhcpd", "udp")))
        fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(fd, b"x" * 4096):
                pass
        except OSError:
            pass
        os.close(fd)
        # what was allocated before may still hold a little
        lab.until(lambda: self.post(server) == 503, "the full disk is not noticed")
        self.assertEqual(self.mail(server) // 100, 4)
        offer = self.ask(dhcp, discover(1), 5)
        self.assertEqual(offer[242], 2)
        self.assertIsNone(self.ask(dhcp, request(1, offer), 1))
        server.wait_log("store.failed")
        os.unlink(ballast)
        self.assertEqual(self.post(server), 302)
        self.assertEqual(self.mail(server), 250)
        offer = self.ask(dhcp, discover(2), 5)
        self.assertEqual(self.ask(dhcp, request(2, offer), 5)[242], 5)
        server.wait_log("store.recovered")

    @staticmethod
    def ask(s, data, seconds):
        s.settimeout(seconds)
        s.send(data)
        try:
            return s.recv(2000)
        except socket.timeout:
            return None

    @staticmethod
    def post(server):
        done = lab.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "what=" + "w" * 3000,
                       f"http://127.0.0.1:{server.port('httpd', 'tcp')}/say")
        return int(done.stdout)

    @staticmethod
    def mail(server):
        talk = Talk(server.port("smtpd", "tcp"))
        try:
            talk.say("EHLO client.test")
            talk.say("MAIL FROM:<a@b.test>")
            talk.say("RCPT TO:<ppa@a.test>")
            code = talk.say("DATA")[0]
            if code != 354:
                return code
            talk.send(b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 100 + b".\r\n")
            return talk.reply()[0]
        finally:
            talk.close()


class Programs(unittest.TestCase):
    def test_help_version_and_wrong_use(self):
        for program in (*PROGRAMS, "wirelab"):
            with self.subTest(program=program):
                done = lab.run(lab.BUILD / program, "--help")
                self.assertEqual(done.returncode, 0)
                self.assertIn(program.encode(), done.stdout)
                self.assertRegex(lab.run(lab.BUILD / program, "--version").stdout.decode(), r"\d+\.\d+\.\d+")
                self.assertEqual(lab.run(lab.BUILD / program, "--nonsense").returncode, 2)

    def test_help_of_a_key_and_the_nearest(self):
        done = lab.run(lab.BUILD / "wirelab", "help", "dhcpd.subnet.lease-time")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"default:", done.stdout)
        done = lab.run(lab.BUILD / "wirelab", "help", "lease-tiem")
        self.assertEqual((done.returncode, b'"lease-time"' in done.stdout), (2, True))
        self.assertIn(b'did you mean "check"', lab.run(lab.BUILD / "wirelab", "chekc").stderr)

    def test_the_example_is_right_and_each_program_runs_its_part(self):
        example = lab.ROOT / "examples" / "chapter9.conf"
        self.assertEqual(lab.run(lab.BUILD / "wirelab", "check", example).returncode, 0)
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertEqual(lab.run(lab.BUILD / program, "-t", "-c", example).returncode, 0)

    def test_a_check_reads_the_zones(self):
        with tempfile.TemporaryDirectory() as directory:
            d = pathlib.Path(directory)
            (d / "good.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n")
            (d / "bad.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0\n")
            for names, errors in ((["good"], []), (["bad"], ["bad.zone:3:9:"]),
                                  (["none", "good", "bad"], ["none.zone: cannot read it", "bad.zone:3:9:"])):
                zones = "".join(f'zone "{n}.test" {{ file = "{d}/{n}.zone" }}\n' for n in names)
                (d / "lab.conf").write_text('dnsd {\nlisten = { "127.0.0.1:0" }\n' + zones + "}\n")
                for words in ([lab.BUILD / "wirelab", "check", d / "lab.conf"],
                              [lab.BUILD / "dnsd", "-t", "-c", d / "lab.conf"]):
                    with self.subTest(names=names, words=words):
                        done = lab.run(*words)
                        self.assertEqual(done.returncode, 2 if errors else 0)
                        self.assertEqual(done.stderr.decode().count("\n"), len(errors))
                        for error in errors:
                            self.assertIn(error, done.stderr.decode())

    def test_each_program_alone_is_ready_and_ends(self):
        with tempfile.TemporaryDirectory() as directory:
            d = pathlib.Path(directory)
            (d / "a.zone").write_text("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n")
            for program in PROGRAMS:
                with self.subTest(program=program), lab.Program(LAB.format(directory=d), program=program) as server:
                    self.assertTrue(server.ready["ready"])
                    self.assertEqual({x["service"] for x in server.ready["listen"]}, {program})
                    self.assertEqual(server.end(), 0)

    def test_the_sample_loads_when_it_is_uncommented(self):
        sample = lab.run(lab.BUILD / "wirelab", "manual", "--sample").stdout.decode()
        self.assertIn("dhcpd", sample)
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "sample.conf")
            path.write_text("\n".join(line[1:] if line.startswith("#") else line for line in sample.splitlines()) + "\n")
            done = lab.run(lab.BUILD / "wirelab", "check", path)
            self.assertNotIn(b"unknown key", done.stderr)
            self.assertNotIn(b"is not closed", done.stderr)

    def test_the_manual_is_the_tables(self):
        made = lab.run(lab.BUILD / "wirelab", "manual").stdout.decode()
        self.assertEqual((lab.ROOT / "docs" / "manual.md").read_text(), made, "run: build/wirelab manual > docs/manual.md")
        made = lab.run(lab.BUILD / "wirelab", "manual", "--scenarios").stdout.decode()
        self.assertEqual((lab.ROOT / "docs" / "scenarios.md").read_text(), made,
                         "run: build/wirelab manual --scenarios > docs/scenarios.md")


if __name__ == "__main__":
    unittest.main()
