"""Views: by whom a question comes from, where it comes to, and by its key, which zones are seen."""
import pathlib
import shutil
import signal
import socket
import tempfile
import unittest

import lab
from test_dns_copies import free_port

SECRET = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
TREE = lab.ROOT / "examples" / "dns-tree.conf"


def zone(address, serial=1):
    return f"$TTL 60\n@ SOA ns hostmaster {serial} 3600 600 86400 60\n  NS ns\nns A 127.0.0.1\nwww A {address}\n"


def dig(address, port, *words):
    done = lab.run("dig", f"@{address}", "-p", port, "+time=3", "+tries=1", *words)
    return (done.stdout + done.stderr).decode()


def short(address, port, *words):
    return dig(address, port, "+short", *words).split()


def update(address, port, line, source):
    text = f"server {address} {port}\nlocal {source}\nzone a.test\n{line}\nsend\n"
    done = lab.run("nsupdate", "-t", "5", input=text.encode())
    return done.returncode, (done.stdout + done.stderr).decode()


class Views(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        for name, address in (("inside", "10.0.0.1"), ("keyed", "10.0.0.2"), ("place", "10.0.0.3"), ("outside", "192.0.2.1")):
            (self.directory / f"{name}.zone").write_text(zone(address))

    def start(self, conf, **options):
        conf = conf.replace("DIR", str(self.directory))
        server = lab.Program(conf, state=self.directory, **options)
        self.addCleanup(server.close)
        return server

    CONF = f'''dnsd {{
      listen = {{ "127.0.0.1:PORT", "127.0.0.53:PORT" }}
      key "keyed" {{ secret = "{SECRET}" }}
      view "place"  {{ addresses = {{ "127.0.0.53" }}  recursion = false  zone "a.test" {{ file = "DIR/place.zone" }} }}
      view "keyed"  {{ clients = {{ "key keyed" }}  zone "a.test" {{ file = "DIR/keyed.zone"  allow-transfer = {{ "key keyed" }} }} }}
      view "inside" {{ clients = {{ "127.0.0.2" }}
        zone "a.test" {{ file = "DIR/inside.zone"  allow-update = {{ "127.0.0.2" }}  allow-transfer = {{ "127.0.0.2" }} }}
        zone "only-inside.test" {{ file = "DIR/inside.zone" }}
      }}
      zone "a.test" {{ file = "DIR/outside.zone"  allow-update = {{ "127.0.0.1" }} }}
      allow-recursion = {{ "127.0.0.0/8" }}
      forward "." {{ to = {{ "127.0.0.1:1" }} }}
    }}
    '''

    def all(self, workers=1):
        port = free_port()
        conf = self.CONF.replace("PORT", str(port)).replace("listen =", f"workers = {workers}\n listen =", 1)
        return self.start(conf), port

    def check_each(self, port):
        self.assertEqual(short("127.0.0.1", port, "www.a.test"), ["192.0.2.1"])
        self.assertEqual(short("127.0.0.1", port, "-b", "127.0.0.2", "www.a.test"), ["10.0.0.1"])
        self.assertEqual(short("127.0.0.1", port, "+tcp", "-b", "127.0.0.2", "www.a.test"), ["10.0.0.1"])
        self.assertEqual(short("127.0.0.53", port, "-b", "127.0.0.2", "www.a.test"), ["10.0.0.3"])
        self.assertEqual(short("127.0.0.53", port, "+tcp", "www.a.test"), ["10.0.0.3"])
        key = ("-y", f"hmac-sha256:keyed:{SECRET}")
        self.assertEqual(short("127.0.0.1", port, *key, "www.a.test"), ["10.0.0.2"])
        self.assertEqual(short("127.0.0.1", port, *key, "-b", "127.0.0.2", "www.a.test"), ["10.0.0.2"])

    def test_who_asks_and_where(self):
        _, port = self.all()
        self.check_each(port)

    def test_from_each_thread(self):
        _, port = self.all(workers=3)
        for _ in range(4):  # the kernel chooses a thread by the client's port
            self.check_each(port)

    def test_a_zone_of_one_view_is_not_there_in_others(self):
        _, port = self.all()
        self.assertIn("status: NOERROR", dig("127.0.0.1", port, "-b", "127.0.0.2", "only-inside.test", "SOA"))
        self.assertIn("status: REFUSED", dig("127.0.0.53", port, "only-inside.test", "SOA"))
        self.assertIn("Transfer failed", dig("127.0.0.1", port, "only-inside.test", "AXFR"))

    def test_recursion_is_the_views_own(self):
        _, port = self.all()
        self.assertNotIn(" ra", dig("127.0.0.53", port, "www.a.test"))
        self.assertIn(" ra", dig("127.0.0.1", port, "www.a.test"))
        self.assertIn("status: REFUSED", dig("127.0.0.53", port, "other.test"))
        self.assertIn("status: SERVFAIL", dig("127.0.0.1", port, "+time=15", "other.test"))  # it is asked for: nobody is there

    def test_transfers_are_of_the_view(self):
        _, port = self.all()
        self.assertIn("10.0.0.1", dig("127.0.0.1", port, "-b", "127.0.0.2", "a.test", "AXFR"))
        self.assertIn("10.0.0.2", dig("127.0.0.1", port, "-y", f"hmac-sha256:keyed:{SECRET}", "a.test", "AXFR"))
        self.assertIn("Transfer failed", dig("127.0.0.53", port, "-b", "127.0.0.2", "a.test", "AXFR"))

    def test_each_changes_by_itself_and_keeps_it(self):
        server, port = self.all()
        self.assertEqual(update("127.0.0.1", port, "update add new.a.test 60 A 10.9.9.9", "127.0.0.2")[0], 0)
        self.assertEqual(update("127.0.0.1", port, "update add new.a.test 60 A 192.0.2.9", "127.0.0.1")[0], 0)

        def check():
            self.assertEqual(short("127.0.0.1", port, "-b", "127.0.0.2", "new.a.test"), ["10.9.9.9"])
            self.assertEqual(short("127.0.0.1", port, "new.a.test"), ["192.0.2.9"])
            self.assertEqual(short("127.0.0.53", port, "new.a.test"), [])
            self.assertIn("10.9.9.9", dig("127.0.0.1", port, "-b", "127.0.0.2", "a.test", "IXFR=1"))
        check()
        server.kill()
        self.start(self.CONF.replace("PORT", str(port)))
        check()

    def test_views_come_and_go_on_reload(self):
        server, port = self.all()
        self.assertEqual(update("127.0.0.1", port, "update add new.a.test 60 A 192.0.2.9", "127.0.0.1")[0], 0)
        conf = server.conf.read_text()
        begin, end = conf.index('view "keyed"'), conf.index('view "inside"')
        new = f'view "new" {{ clients = {{ "127.0.0.3" }}  zone "a.test" {{ file = "{self.directory}/keyed.zone" }} }}\n'
        server.conf.write_text(conf[:begin] + new + conf[end:])
        server.signal(signal.SIGHUP)
        lab.until(lambda: short("127.0.0.1", port, "-b", "127.0.0.3", "www.a.test") == ["10.0.0.2"], "the new view is not seen")
        self.assertEqual(short("127.0.0.1", port, "-y", f"hmac-sha256:keyed:{SECRET}", "www.a.test"), ["192.0.2.1"])
        self.assertEqual(short("127.0.0.1", port, "new.a.test"), ["192.0.2.9"])
        server.conf.write_text(conf)
        server.signal(signal.SIGHUP)
        lab.until(lambda: short("127.0.0.1", port, "-b", "127.0.0.3", "www.a.test") == ["192.0.2.1"], "the view did not go")
        self.check_each(port)

    def test_copies_are_of_the_view(self):
        _, port = self.all()
        ours = free_port()
        directory = self.directory / "copies"
        directory.mkdir()
        conf = f'''dnsd {{
          listen = {{ "127.0.0.1:{ours}" }}
          key "keyed" {{ secret = "{SECRET}" }}
          view "inside" {{ clients = {{ "127.0.0.2" }}  zone "a.test" {{ primaries = {{ "127.0.0.1:{port} key keyed" }} }} }}
          zone "a.test" {{ file = "{self.directory}/outside.zone" }}
        }}'''

        def start():
            server = lab.Program(conf, state=directory)
            self.addCleanup(server.close)
            return server

        server = start()
        lab.until(lambda: short("127.0.0.1", ours, "-b", "127.0.0.2", "www.a.test") == ["10.0.0.2"], "it was not fetched")
        lab.until(lambda: list(directory.glob("state/dnsd/*inside*.copy")), "there is no copy")
        server.end()
        conf = conf.replace(f"127.0.0.1:{port} key", "127.0.0.1:1 key")
        start()
        self.assertEqual(short("127.0.0.1", ours, "-b", "127.0.0.2", "www.a.test"), ["10.0.0.2"])
        self.assertEqual(short("127.0.0.1", ours, "www.a.test"), ["192.0.2.1"])

    def test_a_view_that_hides_the_rest_is_an_error(self):
        conf = self.directory / "wrong.conf"
        conf.write_text('dnsd {\n  listen = { "127.0.0.1:0" }\n  view "all" { }\n  view "A b" { clients = { "10.0.0.1" } }\n'
                        '  view "x" { clients = { "key nobody" } zone "a.test" { file = "a" } zone "A.test." { file = "a" } }\n}\n')
        done = lab.run(lab.BUILD / "wirelab", "check", conf)
        out = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode, 2)
        for text in ("wrong.conf:3", "for everybody", "wrong.conf:4", "small letters", "wrong.conf:5:76", "is there already", "names a key that is not there"):
            self.assertIn(text, out)

    def test_the_tree_of_the_example(self):
        port = free_port()
        shutil.copytree(lab.ROOT / "examples" / "zones", self.directory / "zones")
        conf = "\n".join(line for line in TREE.read_text().splitlines() if not line.startswith("state"))
        self.start(conf.replace("5353", str(port)))
        self.assertEqual(short("127.0.0.4", port, "www.leaf.test"), ["192.0.2.80"])
        self.assertIn("ns.nic.test.", dig("127.0.0.1", port, "+norec", "www.leaf.test"))
        self.assertIn("ns.leaf.test.", dig("127.0.0.2", port, "+norec", "www.leaf.test"))
        self.assertIn(" aa", dig("127.0.0.3", port, "+norec", "www.leaf.test"))


if __name__ == "__main__":
    unittest.main()
