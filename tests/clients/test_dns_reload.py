"""A reload: what is served while files are read, which files are read, and how it ends."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest

import lab

ZONE = "$TTL 60\n@ SOA ns hostmaster {serial} 3600 600 86400 60\n@ NS ns\nns A 192.0.2.{host}\n"
OLD_ZONE = pathlib.Path("examples/zones/contoso.local.zone").resolve()  # written long before the test
SETTLES_S = 2  # so old has a file to be that it is known again


def conf(*zones):
    lines = "".join(f'  zone "{name}" {{ file = "{path}" }}\n' for name, path in zones)
    return f'dnsd {{\n  listen = {{ "127.0.0.1:0" }}\n{lines}}}\n'


class Reload(unittest.TestCase):
    def serve(self, *zones):
        self.server = lab.Program(conf(*zones), program="dnsd", log="info")
        self.addCleanup(self.server.close)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(lab.END_S)
        self.socket.connect(("127.0.0.1", self.server.port("dnsd", "udp")))

    def file(self, name, text):
        path = self.server.directory / name
        path.write_text(text)
        return path

    def host(self, zone):
        """The last number of the address of its name server; the code where there is none."""
        labels = b"".join(bytes([len(x)]) + x.encode() for x in ["ns", *zone.split(".")])
        self.socket.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
        reply = self.socket.recv(512)
        return reply[-1] if reply[3] & 15 == 0 else -(reply[3] & 15)

    def is_served(self, zone):
        return self.host(zone) != -5  # REFUSED

    def reload(self, *zones):
        self.server.conf.write_text(f'state = "{self.server.directory}/state"\n' + conf(*zones))
        before = self.server.log().count("event=reload")
        self.server.signal(signal.SIGHUP)
        return before

    def reloaded(self, before):
        lab.until(lambda: self.server.log().count("event=reload") > before, lambda: self.server.log()[-2000:])

    def pipe(self):
        path = self.server.directory / "pipe.zone"
        os.mkfifo(path)
        return path

    def zone_in_a_pipe(self):
        """one.test is served from a file that has become a pipe, and what has it loaded again."""
        self.serve(("contoso.local", OLD_ZONE))
        path = self.file("one.zone", ZONE.format(serial=1, host=1))
        self.reloaded(self.reload(("one.test", path)))
        path.unlink()
        os.mkfifo(path)
        return path, [lab.BUILD / "wirelab", "zones", "-c", self.server.conf, "--reload", "one.test"]

    def test_questions_are_answered_while_a_file_is_read(self):
        self.serve(("contoso.local", OLD_ZONE))
        pipe = self.pipe()
        before = self.reload(("contoso.local", OLD_ZONE), ("new.test", pipe))
        with open(pipe, "w") as writer:  # comes back when the server has opened it
            for _ in range(3):
                self.assertTrue(self.is_served("contoso.local"))
                self.assertFalse(self.is_served("new.test"))
            writer.write(ZONE.format(serial=1, host=77))
        self.reloaded(before)
        self.assertEqual(self.host("new.test"), 77)

    def test_one_more_while_files_are_read_is_not_lost(self):
        self.serve(("contoso.local", OLD_ZONE))
        pipe, other = self.pipe(), self.file("other.zone", ZONE.format(serial=1, host=9))
        before = self.reload(("contoso.local", OLD_ZONE), ("new.test", pipe))
        with open(pipe, "w") as writer:
            self.reload(("contoso.local", OLD_ZONE), ("other.test", other))
            self.server.signal(signal.SIGHUP)
            writer.write(ZONE.format(serial=1, host=77))
        self.reloaded(before + 1)
        self.assertEqual(self.host("other.test"), 9)
        self.assertFalse(self.is_served("new.test"))

    def test_an_end_waits_for_the_file_that_is_read(self):
        self.serve(("contoso.local", OLD_ZONE))
        pipe = self.pipe()
        self.reload(("contoso.local", OLD_ZONE), ("new.test", pipe))
        with open(pipe, "w") as writer:
            self.server.signal(signal.SIGTERM)
            self.server.wait_log("event=stopping")
            writer.write(ZONE.format(serial=1, host=77))
        self.assertEqual(self.server.process.wait(lab.END_S), 0)
        self.assertNotIn("event=reloaded", self.server.log())

    def test_but_not_for_one_that_never_comes(self):
        self.serve(("contoso.local", OLD_ZONE))
        pipe = self.pipe()
        self.reload(("contoso.local", OLD_ZONE), ("new.test", pipe))
        with open(pipe, "w"):
            self.server.signal(signal.SIGTERM)
            self.assertEqual(self.server.process.wait(2 * lab.END_S), 0)
        self.assertIn("event=stopping.forced", self.server.log())

    def test_nor_for_one_zone_that_never_comes(self):
        path, words = self.zone_in_a_pipe()
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked, open(path, "w"):
            self.assertEqual(self.server.end(), 0)
            asked.wait(lab.END_S)
        self.assertIn("event=stopping.forced", self.server.log())

    def test_the_same_for_one_zone_at_the_door(self):
        path, words = self.zone_in_a_pipe()
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
            with open(path, "w") as writer:
                self.assertEqual(self.host("one.test"), 1)
                writer.write(ZONE.format(serial=2, host=2))
            self.assertEqual(asked.wait(lab.END_S), 0)
        self.assertEqual(self.host("one.test"), 2)

    def loaded(self, zone):
        return self.server.log().count(f"event=dns.zone.loaded zone={zone}. ")

    def test_what_is_unchanged_is_not_read_again(self):
        self.serve(("contoso.local", OLD_ZONE))
        self.assertLess(OLD_ZONE.stat().st_ctime + SETTLES_S, time.time())
        young = self.file("young.zone", ZONE.format(serial=1, host=1))
        both = ("contoso.local", OLD_ZONE), ("young.test", young)
        self.reloaded(self.reload(*both))
        self.file("young.zone", ZONE.format(serial=1, host=2))  # as long as it was, and at once
        self.reloaded(self.reload(*both))
        self.assertEqual(self.host("young.test"), 2)
        self.assertEqual((self.loaded("contoso.local"), self.loaded("young.test")), (1, 2))

    def test_another_file_for_the_zone_is_read(self):
        self.serve(("contoso.local", OLD_ZONE))
        other = self.file("other.zone", ZONE.format(serial=1, host=9))
        self.reloaded(self.reload(("contoso.local", other)))
        self.assertEqual(self.host("contoso.local"), 9)
        self.reloaded(self.reload(("contoso.local", OLD_ZONE)))
        self.assertNotEqual(self.host("contoso.local"), 9)

    def test_what_a_file_includes_is_looked_at_each_time(self):
        self.serve(("contoso.local", OLD_ZONE))
        included = self.file("included", "www A 192.0.2.1\n")
        outer = self.file("outer.zone", ZONE.format(serial=1, host=1) + f"$INCLUDE {included}\n")
        self.reloaded(self.reload(("outer.test", outer)))
        self.reloaded(self.reload(("outer.test", outer)))
        self.assertEqual(self.loaded("outer.test"), 2)

    def test_an_error_is_told_each_time(self):
        self.serve(("contoso.local", OLD_ZONE))
        bad = self.file("bad.zone", ZONE.format(serial=1, host=1) + "www A 192.0.2\n")
        for turn in (1, 2):
            self.reloaded(self.reload(("contoso.local", bad)))
            self.assertEqual(self.server.log().count("event=dns.zone.refused zone=contoso.local. "), turn)
            self.assertTrue(self.is_served("contoso.local"))


if __name__ == "__main__":
    unittest.main()
