"""What the client tests stand on: a program of ours on free ports with a state of its own, and networks of two
hosts. Whatever happens, it is all taken down again."""
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("WIRELAB_BUILD", "build")).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
READY_S = 20  # sanitizers are slow
END_S = 15


def have(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is not None


def needs(*programs):
    """Left out where a client is not installed; `make check` installs them all."""
    missing = [p for p in programs if not have(p)]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def run(*command, **options):
    options.setdefault("timeout", 30)
    env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", **options.pop("env", {})}
    return subprocess.run([str(c) for c in command], capture_output=True, env=env, **options)


def until(condition, what, seconds=READY_S):
    """The condition's first true value; it is asked again and again, so nothing waits longer than it must."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(what() if callable(what) else what)
        time.sleep(0.01)
    return value


def wait_pid_file(path):
    """A client that goes into the background may write its number after its parent has ended."""
    until(lambda: path.exists() and path.read_text().endswith("\n"), f"{path} does not come")


def free_port():
    """One that neither UDP nor TCP has now, and that the kernel gives to nobody who does not name it: below the
    range for outgoing connections."""
    while True:
        at = ("127.0.0.1", random.randrange(10000, 32000))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(at)
                tcp.bind(at)
            except OSError:
                continue
            return at[1]


class Program:
    """A server of ours: started, ready, asked, ended."""

    def __init__(self, conf, program="wirelab", state=None, inside=(), name="lab.conf", ready=True, log=None):
        # A dnsd of which each message is told does not give replies again that it has given before.
        log = log or ("info" if program == "dnsd" else "traffic")
        self.own = None if state else tempfile.mkdtemp(prefix="lab-")
        self.directory = pathlib.Path(state or self.own)
        self.conf = self.directory / name
        self.conf.write_text(f'state = "{self.directory}/state"\n' + conf)
        words = ["run"] if program == "wirelab" else []
        self.errors_path = self.directory / "errors.log"
        self.errors = open(self.errors_path, "ab")
        self.command = [*inside, str(BUILD / program), *words, "-c", str(self.conf), "--log", log]
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.errors,
                                        stdin=subprocess.DEVNULL)
        self.ready = None
        if ready:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                self.close()
                raise

    def wait_ready(self):
        readable, _, _ = select.select([self.process.stdout], [], [], READY_S)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise AssertionError(f"not ready: {self.log()}")
        self.ready = json.loads(line)

    def log(self):
        return self.errors_path.read_text(errors="replace")

    def port(self, service, proto):
        for listener in self.ready["listen"]:
            if listener["service"] == service and listener["proto"] == proto:
                return listener["port"]
        raise AssertionError(f"{service}/{proto} does not listen: {self.ready}")

    def wait_log(self, text, seconds=READY_S):
        """Until the log has this text: an event is what is waited for."""
        until(lambda: text in self.log(), lambda: f"{text!r} did not come: {self.log()[-2000:]}", seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, outcome="event=reloaded"):
        """SIGHUP, until that has come of it."""
        before = self.log().count(outcome)
        self.signal(signal.SIGHUP)
        until(lambda: self.log().count(outcome) > before, lambda: f"no {outcome}: {self.log()[-2000:]}")

    def end(self):
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end on SIGTERM: {self.log()[-2000:]}")

    def kill(self):
        """As a power failure would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()
        self.errors.close()
        if self.own:
            shutil.rmtree(self.own, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Network:
    """Two hosts, each a network namespace, with a cable between them."""

    def __init__(self, server_address="192.168.1.5/24", client_address=None):
        tag = os.environ.get("WIRELAB_NETNS", "wl") + str(os.getpid())
        self.server, self.client = f"{tag}s", f"{tag}c"
        self.server_if, self.client_if = "srv0", "cli0"
        try:
            for n in (self.server, self.client):
                self.ip("netns", "add", n)
                self.ip("-n", n, "link", "set", "lo", "up")
            self.ip("-n", self.server, "link", "add", self.server_if, "type", "veth", "peer", "name", self.client_if,
                    "netns", self.client)
            self.ip("-n", self.server, "addr", "add", server_address, "dev", self.server_if)
            if client_address:
                self.ip("-n", self.client, "addr", "add", client_address, "dev", self.client_if)
            self.ip("-n", self.server, "link", "set", self.server_if, "up")
            self.ip("-n", self.client, "link", "set", self.client_if, "up")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def ip(*args):
        done = run("ip", *args)
        if done.returncode != 0:
            raise AssertionError(f"ip {' '.join(args)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def on_server(self):
        return ["ip", "netns", "exec", self.server]

    def on_client(self):
        return ["ip", "netns", "exec", self.client]

    def client_addresses(self):
        return self.ip("-n", self.client, "-4", "-o", "addr", "show", "dev", self.client_if)

    def forget_client_address(self):
        self.ip("-n", self.client, "addr", "flush", "dev", self.client_if)

    def close(self):
        for n in (self.server, self.client):
            for pid in run("ip", "netns", "pids", n).stdout.split():  # a client that went into the background
                run("kill", "-9", pid.decode())
            run("ip", "netns", "del", n)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


needs_root = unittest.skipUnless(os.geteuid() == 0, "named network namespaces need root")
