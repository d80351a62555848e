"""What one server does and another does not: the order of records, whom lists name."""
import pathlib
import shutil
import tempfile
import unittest

import lab
from test_dns_copies import ask

ZONE = """$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
"""


class Zones(unittest.TestCase):
    def server(self, zone="", more="", listen="127.0.0.1:0"):
        """With a.test, which has `zone` among its keys."""
        state = tempfile.mkdtemp(prefix="choices-")
        self.addCleanup(shutil.rmtree, state, True)
        (pathlib.Path(state) / "a.zone").write_text(ZONE)
        server = lab.Program(f'''dnsd {{
  listen = {{ {", ".join(f'"{l}"' for l in listen.split())} }}
  {more}
  zone "a.test" {{ file = "{state}/a.zone" {zone} }}
}}
''', state=state)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")


@lab.needs("kdig")
class Order(Zones):
    def test_fixed_unless_it_is_said(self):
        _, port = self.server()
        self.assertEqual([ask(port, "www.a.test")[0] for _ in range(4)], ["192.0.2.1"] * 4)

    def test_each_first_in_its_turn(self):
        _, port = self.server(more="record-order = rotate")
        answers = [ask(port, "www.a.test") for _ in range(6)]
        self.assertEqual([sorted(a) for a in answers], [["192.0.2.1", "192.0.2.2", "192.0.2.3"]] * 6)
        firsts = [a[0] for a in answers]
        self.assertEqual([firsts.count(f"192.0.2.{i}") for i in (1, 2, 3)], [2, 2, 2])


if __name__ == "__main__":
    unittest.main()
