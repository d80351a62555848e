"""Many zones in one server: a hundred thousand from files."""
import pathlib
import signal
import tempfile
import unittest

import lab

COUNT = 100000
BYTES_A_ZONE = 2048  # with its settings: a hundred thousand fit into 200 MiB
ZONE = "$TTL 3600\n@ SOA ns1 hostmaster {serial} 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\nwww A {address}\n"


def zones(count):
    return "".join(f'  zone "z{i}.example" {{ file = "small.zone" }}\n' for i in range(count))


def conf(more):
    return f'dnsd {{\n  listen = {{ "127.0.0.1:0" }}\n{zones(COUNT)}{more}}}\n'


def resident_bytes(program):
    for line in pathlib.Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@lab.needs("kdig")
class Many(unittest.TestCase):
    def ask(self, name):
        done = lab.run("kdig", "@127.0.0.1", "-p", self.program.port("dnsd", "udp"), "+short", name, "A")
        return done.stdout.decode().split()

    def test_served_within_their_memory_and_reloaded(self):
        room = tempfile.TemporaryDirectory(prefix="lab-")
        self.addCleanup(room.cleanup)
        small = pathlib.Path(room.name) / "small.zone"
        small.write_text(ZONE.format(serial=1, address="192.0.2.2"))
        self.program = lab.Program(conf(""), program="dnsd", state=room.name, log="warning")
        self.addCleanup(self.program.close)
        self.assertLess(resident_bytes(self.program), COUNT * BYTES_A_ZONE)
        for i in (0, COUNT // 2, COUNT - 1):
            self.assertEqual(self.ask(f"www.z{i}.example"), ["192.0.2.2"])
        small.write_text(ZONE.format(serial=2, address="192.0.2.3"))
        self.program.conf.write_text(f'state = "{self.program.directory}/state"\n'
                                     + conf('  zone "more.example" { file = "small.zone" }\n'))
        self.program.signal(signal.SIGHUP)
        lab.until(lambda: self.ask("www.more.example") == ["192.0.2.3"], "the new zone is not served", seconds=60)
        self.assertEqual(self.ask(f"www.z{COUNT - 1}.example"), ["192.0.2.3"])


if __name__ == "__main__":
    unittest.main()
