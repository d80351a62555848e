"""The scenarios as a person plays them: as root and as an ordinary user, to their end and interrupted. What was
recorded is held against the values of the book's capture, by tshark."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

TAG = os.environ.setdefault("WIRELAB_TESTS", f"{os.getpid()}-{time.time_ns()}")  # all children carry it
BUILD = pathlib.Path(os.environ.get("WIRELAB_BUILD", "build")).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCENARIOS = ROOT / "examples" / "scenarios"
NAME = "dhcp_nolease_initialization"
CLIENT, SERVER = "00:0c:29:59:fd:21", "00:0c:29:c0:60:a4"
END_S = 10  # "at once", under sanitizers and beside other suites


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.01)
    return value


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


def is_ours(process):
    """A child of these tests, however far down: what else the machine does meanwhile is not theirs."""
    try:
        return f"WIRELAB_TESTS={TAG}".encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def networks():
    """The network namespaces of all processes that these tests have left."""
    return {network_of(p.name) for p in pathlib.Path("/proc").glob("[0-9]*") if is_ours(p)}


def become_nobody():
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


class Installed(unittest.TestCase):
    """The program where an ordinary user can read it, in the places of an installation, and a directory to write."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="scenario-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.directory.chmod(0o755)
        (self.directory / "bin").mkdir()
        self.program = self.directory / "bin" / "wirelab"
        shutil.copy2(BUILD / "wirelab", self.program)
        shutil.copytree(SCENARIOS, self.directory / "share" / "wirelab" / "scenarios")
        self.out = self.directory / "out"
        self.out.mkdir()
        self.out.chmod(0o777)

    def command(self, *words):
        return [str(self.program), "scenario", *map(str, words)]

    def play(self, *words, env=None, **options):
        return subprocess.run(self.command(*words), capture_output=True, timeout=60, cwd=self.out,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, **options)

    def changed(self, *replacements, name="mine"):
        """A scenario of one's own: the example with some of its text replaced."""
        text = (SCENARIOS / f"{NAME}.scenario").read_text()
        for old, new in (*replacements, ('        probe       = "1s"\n', "")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.directory / f"{name}.scenario"
        path.write_text(text)
        return path

    def silent(self):
        """One whose server never answers, so that it plays for long."""
        return self.changed(("192.168.1.0/24", "192.168.9.0/24"), ("192.168.1.10-192.168.1.199", "192.168.9.10"),
                            ("within 10s", "within 100s"))

    def fields(self, path, *names, display="dhcp"):
        command = ["tshark", "-r", str(path), "-Y", display, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
        for name in names:
            command += ["-e", name]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        return [line.split("|") for line in run.stdout.splitlines()]

    def assert_recorded(self, path):
        packets = self.fields(path, "eth.src", "eth.dst", "ip.src", "ip.dst", "udp.srcport", "udp.dstport",
                              "dhcp.option.dhcp", "dhcp.ip.your", "dhcp.ip.server", "dhcp.flags",
                              "dhcp.option.type")
        everyone = "ff:ff:ff:ff:ff:ff"
        asked = [CLIENT, everyone, "0.0.0.0", "255.255.255.255", "68", "67"]
        answered = [SERVER, CLIENT, "192.168.1.5", "192.168.1.10", "67", "68"]
        given = ["192.168.1.10", "192.168.1.5", "0x0000", "53,54,51,1,28,3,15,6,0"]  # tshark shows the end as 0
        self.assertEqual(packets, [
            [*asked, "1", "0.0.0.0", "0.0.0.0", "0x0000", "53,50,12,55,0"],
            [*answered, "2", *given],
            [*asked, "3", "0.0.0.0", "0.0.0.0", "0x0000", "53,54,50,12,55,0"],
            [*answered, "5", *given]])
        values = self.fields(path, "dhcp.option.requested_ip_address", "dhcp.option.hostname",
                             "dhcp.option.request_list_item", display="dhcp.option.dhcp == 1")
        self.assertEqual(values, [["192.168.100.129", "ubuntu2", "1,28,2,3,15,6,119,12,44,47,26,121,42"]])
        values = self.fields(path, "dhcp.option.ip_address_lease_time", "dhcp.option.subnet_mask",
                             "dhcp.option.broadcast_address", "dhcp.option.router", "dhcp.option.domain_name",
                             "dhcp.option.domain_name_server", display="dhcp.option.dhcp == 5")
        self.assertEqual(values, [["600", "255.255.255.0", "192.168.1.255", "192.168.1.254", "mydomain.example",
                                   "192.168.1.1,192.168.1.2"]])
        ids = {row[0] for row in self.fields(path, "dhcp.id")}
        self.assertEqual(len(ids), 1, "one exchange, one transaction")
        self.assertEqual(len(self.fields(path, "frame.number", display="not (arp or icmp)")), 4,
                         "nothing but the four messages, and what finds out whether the address is free")
        described = self.fields(path, "frame.interface_name", "pkt_comment", display="frame")
        self.assertEqual({row[0] for row in described}, {"eth0"})
        comments = [row[1] for row in self.fields(path, "frame.interface_name", "frame.comment")]
        self.assertEqual([c.split(":")[0] for c in comments], ["DISCOVER", "OFFER", "REQUEST", "ACK"])
        checks = subprocess.run(["tshark", "-r", str(path), "-o", "udp.check_checksum:TRUE", "-o",
                                 "ip.check_checksum:TRUE", "-Y", "udp.checksum.bad or ip.checksum.bad"],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(checks.stdout, "", "all checksums are right")

    def assert_left_nothing(self, written=()):
        self.assertEqual(sorted(p.name for p in self.out.iterdir()), sorted(written))
        self.assertEqual(sorted(p.name for p in self.directory.iterdir() if not p.name.endswith(".scenario")),
                         ["bin", "out", "share"])


class Played(Installed):
    def assert_played(self, run):
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        self.assert_recorded(self.out / f"{NAME}.pcapng")
        self.assert_left_nothing([f"{NAME}.pcapng"])

    def test_by_this_user(self):
        self.assert_played(self.play(NAME, "--out", self.out))

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_by_an_ordinary_user(self):
        for setting in ("kernel/apparmor_restrict_unprivileged_userns", "user/max_user_namespaces"):
            path = pathlib.Path("/proc/sys") / setting
            if path.exists() and path.read_text().strip() == ("1" if "apparmor" in setting else "0"):
                self.skipTest(f"{setting} keeps namespaces from ordinary users")
        self.assert_played(self.play(NAME, "--out", self.out, preexec_fn=become_nobody))

    def test_ladder_is_plain_text_in_a_file(self):
        run = self.play(NAME)
        text = run.stdout.decode("ascii")
        self.assertNotIn("\033", text)
        arrows = [line for line in text.splitlines()
                  if ("->|" in line or "|<-" in line) and " ARP " not in line and " echo " not in line]
        self.assertEqual([next(w for w in line.split() if w.isupper()) for line in arrows],
                         ["DISCOVER", "OFFER", "REQUEST", "ACK"])
        self.assertIn("requested-address 192.168.100.129", arrows[0])
        self.assertIn("yiaddr 192.168.1.10, lease-time 600", arrows[3])
        self.assert_left_nothing()

    def on_terminal(self, **env):
        """What it prints where its output is a terminal."""
        primary, secondary = os.openpty()
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LC_ALL", "LC_CTYPE")}
        process = subprocess.Popen(self.command(NAME), stdout=secondary, stderr=secondary, stdin=subprocess.DEVNULL,
                                   cwd=self.out, env={**environment, "LANG": "C.UTF-8", "TERM": "xterm", **env})
        os.close(secondary)
        text = b""
        try:
            while piece := os.read(primary, 65536):
                text += piece
        except OSError:  # Linux says EIO when the last one has closed it
            pass
        os.close(primary)
        self.assertEqual(process.wait(timeout=60), 0, text)
        return text.decode()

    def test_ladder_on_a_terminal(self):
        text = self.on_terminal()
        self.assertIn("\033[", text)
        self.assertIn("│", text)
        text = self.on_terminal(NO_COLOR="1")
        self.assertNotIn("\033", text)
        self.assertIn("│", text)
        self.assertIn("->|", self.on_terminal(LANG="C", NO_COLOR="1"))

    def test_three_hosts_on_a_switch(self):
        path = self.changed(("link client server", "host third\nlink client server third\n"),
                            ("capture client\n", "capture client\ncapture third as third\n"))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        self.assert_recorded(self.out / "mine.pcapng")
        seen = self.fields(self.out / "third.pcapng", "eth.src", "eth.dst", display="frame")
        broadcasts = [row for row in seen if row[1] == "ff:ff:ff:ff:ff:ff"]
        self.assertEqual(broadcasts, [[CLIENT, "ff:ff:ff:ff:ff:ff"]] * 2, "the third host sees what is for everyone")

    def test_broadcast_flag(self):
        path = self.changed(("  within 10s", "  broadcast"),
                            ("flags=unicast", "flags=broadcast"),
                            ("server -> client   OFFER", "server -> everyone OFFER"),
                            ("server -> client   ACK", "server -> everyone ACK"))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        offered = self.fields(self.out / "mine.pcapng", "eth.dst", "ip.dst", display="dhcp.option.dhcp == 2")
        self.assertEqual(offered, [["ff:ff:ff:ff:ff:ff", "255.255.255.255"]])


    def test_event_that_was_told_before_it_is_awaited(self):
        path = self.changed(("\nexpect client -> everyone DISCOVER", "\nawait server dhcp.discover\n"
                             "play client dhcp-reboot\nexpect client -> everyone DISCOVER"))
        path.write_text(path.read_text() + "expect client -> everyone REQUEST\nexpect server -> client ACK\n")
        run = self.play(path)
        self.assertEqual(run.returncode, 0, run.stderr.decode())


class Refused(Installed):
    def test_difference_is_told_with_its_line(self):
        path = self.changed(("lease-time=600\n", "lease-time=601\n"))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 1)
        line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "lease-time=601" in text)
        self.assertIn(f"mine.scenario:{line}: ", run.stderr.decode())
        self.assertIn("lease-time is 600, expected was 601", run.stderr.decode())

    def test_step_that_fails(self):
        path = self.silent()
        path.write_text(path.read_text().replace("within 100s", "within 200ms"))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 1)
        self.assertIn("no server answered its DISCOVER", run.stderr.decode())
        self.assertIn("the client is on none of the subnets", run.stderr.decode(), "the server's word on it")
        self.assertIn("DISCOVER", run.stdout.decode())
        self.assert_left_nothing()

    def test_server_that_cannot_start(self):
        path = self.changed(('listen = { "eth0" }', 'listen = { "eth0", "192.0.2.7:67" }'))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 1)
        self.assertIn("192.0.2.7", run.stderr.decode())
        line = path.read_text().splitlines().index("  serve") + 1
        self.assertIn(f'mine.scenario:{line}: the servers of host "server" did not start', run.stderr.decode())
        self.assert_left_nothing()

    def test_wrong_file(self):
        path = self.changed(("link client server", "link client sever"), ("host-name  ", "hostname  "))
        run = self.play(path, "--out", self.out)
        self.assertEqual(run.returncode, 2)
        told = run.stderr.decode()
        for word in ('did you mean "server"?', 'did you mean "host-name"?'):
            self.assertIn(word, told)
        self.assert_left_nothing()

    def test_wrong_section_keeps_its_line(self):
        path = self.changed(('"192.168.1.10-192.168.1.199"', '"192.168.1.300"'))
        run = self.play(path)
        line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "192.168.1.300" in text)
        self.assertEqual(run.returncode, 2)
        self.assertIn(f"mine.scenario:{line}:", run.stderr.decode())

    def test_what_a_terminal_would_obey_is_not_shown(self):
        path = self.directory / "raw.scenario"
        path.write_bytes(b"host \x1b[31m\x07\n")
        run = self.play(path)
        self.assertEqual(run.returncode, 2)
        self.assertIn("host ?[31m?", run.stderr.decode())
        self.assertNotRegex(run.stderr.decode(), r"[^\n -~]")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_kinds_of_namespaces_that_are_switched_off(self):
        for kind in "user", "net", "pid", "mnt":
            inside = (f"echo 0 > /proc/sys/user/max_{kind}_namespaces || exit 77; "
                      'exec setpriv --ambient-caps=-all --inh-caps=-all "$@"')
            run = subprocess.run(["unshare", "-U", "--map-current-user", "--keep-caps", "sh", "-c", inside, "sh",
                                  *self.command(NAME)], capture_output=True, timeout=60, preexec_fn=become_nobody)
            if run.returncode == 77 or run.stderr.startswith(b"unshare: "):
                self.skipTest("ordinary users may not make namespaces here")
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertIn(f"user.max_{kind}_namespaces=15000", run.stderr.decode())
            self.assertEqual(len(run.stderr.splitlines()), 2, "what, and what to do")

    def test_wrong_use(self):
        for words in ([], [NAME, "more"], ["--nonsense"], ["no/such/file"], ["dhcp_nolease"]):
            self.assertEqual(self.play(*words).returncode, 2, words)
        self.assertIn(f'did you mean "{NAME}"?', self.play("dhcp_nolease").stderr.decode())

    def test_list_and_check(self):
        run = self.play("list")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout.decode(), rf"(?m)^{NAME} +A client without a lease")
        self.assertEqual(self.play(NAME, "--check").returncode, 0)
        self.assertEqual(self.play(self.changed(("link client server", "")), "--check").returncode, 2)

    def test_directory_that_cannot_be_written(self):
        in_the_way = self.out / "file"
        in_the_way.write_text("")
        run = self.play(NAME, "--out", in_the_way)
        self.assertEqual(run.returncode, 1)
        self.assertIn(str(in_the_way), run.stderr.decode())


class Interrupted(Installed):
    def interrupt(self, number, user=None):
        process = subprocess.Popen(self.command(self.silent(), "--out", self.out), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd=self.out, preexec_fn=user, start_new_session=True)
        first = until(lambda: children(process.pid), "the play has a first process")[0]
        server = until(lambda: children(first), "a server runs in it")[0]
        until(lambda: network_of(server) not in (None, network_of(first), network_of(process.pid)),
              "the server is at its host")
        inside = {network_of(first), network_of(server)}
        began = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=END_S)
        self.assertLess(time.monotonic() - began, END_S)
        alive = lambda: [pid for pid in (first, server) if pathlib.Path(f"/proc/{pid}").exists()]
        if number == signal.SIGKILL:  # nobody was left to wait for them
            until(lambda: not alive(), "its processes are gone", END_S)
        self.assertEqual(alive(), [], "its processes are gone when it is")
        self.assertFalse(networks() & inside, "its networks are gone when it is")
        self.assert_left_nothing()
        return process.returncode

    def test_sigint(self):
        self.assertEqual(self.interrupt(signal.SIGINT), 1)

    def test_sigterm(self):
        self.assertEqual(self.interrupt(signal.SIGTERM), 1)

    def test_sighup(self):
        self.assertEqual(self.interrupt(signal.SIGHUP), 1)

    def test_sigkill(self):
        self.assertEqual(self.interrupt(signal.SIGKILL), -signal.SIGKILL)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_sigint_by_an_ordinary_user(self):
        self.assertEqual(self.interrupt(signal.SIGINT, become_nobody), 1)


if __name__ == "__main__":
    unittest.main()
