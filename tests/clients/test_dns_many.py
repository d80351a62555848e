"""Many zones in one server: a hundred thousand from files, thousands from a catalog."""
import pathlib
import signal
import tempfile
import unittest

import lab
from test_dns_copies import free_port

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


MEMBERS = 3000
DESCRIPTORS_MAX = 400  # a socket for each zone that is asked for at once, one more that is about to go, and our own


@lab.needs("kdig")
class Members(unittest.TestCase):
    def conf(self, count):
        listed = "".join(f'  zone "z{i}.example" {{ file = "small.zone"  allow-transfer = {{ "127.0.0.1" }}  '
                         'catalog = "cat.test" }\n' for i in range(count))
        return (f'dnsd {{\n  listen = {{ "127.0.0.1:{self.port}" }}\n  zone "cat.test" {{ '
                f'lists-members = true  allow-transfer = {{ "127.0.0.1" }}  notify = {{ "127.0.0.1:{self.listen}" }} }}\n'
                f'{listed}}}\n')

    def ask(self, name):
        done = lab.run("kdig", "@127.0.0.1", "-p", self.listen, "+short", "+time=1", "+retry=0", name, "A")
        return done.stdout.decode().split()

    def test_fetched_some_at_a_time_and_one_more_added(self):
        room = tempfile.TemporaryDirectory(prefix="lab-")
        self.addCleanup(room.cleanup)
        self.room = pathlib.Path(room.name)
        self.port, self.listen = free_port(), free_port()
        (self.room / "small.zone").write_text(ZONE.format(serial=1, address="192.0.2.2"))
        primary = lab.Program(self.conf(MEMBERS), program="dnsd", state=self.room, log="info")
        self.addCleanup(primary.close)
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{self.listen}" }}
  zone "cat.test" {{
    primaries = {{ "127.0.0.1:{self.port}" }}
    members "*" {{ primaries = {{ "127.0.0.1:{self.port}" }} }}
  }}
}}
''', program="dnsd", log="info")
        self.addCleanup(server.close)
        most = 0

        def all_fetched():
            nonlocal most
            most = max(most, len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir())))
            return server.log().count("event=dns.fetched") >= MEMBERS + 1

        lab.until(all_fetched, lambda: server.log()[-2000:], seconds=60)
        self.assertLess(most, DESCRIPTORS_MAX)
        self.assertEqual(self.ask(f"www.z{MEMBERS - 1}.example"), ["192.0.2.2"])
        primary.conf.write_text(f'state = "{self.room}/state"\n' + self.conf(MEMBERS + 1))
        primary.signal(signal.SIGHUP)
        lab.until(lambda: self.ask(f"www.z{MEMBERS}.example"), lambda: server.log()[-2000:], seconds=60)


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
        if lab.BUILD.name == "build":  # a sanitizer has memory of its own
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
