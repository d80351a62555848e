"""A zone's file and the changes that were made since: none of them gets lost by the file's serial (RFC 2136 3.5)."""
import unittest

import lab
from test_dns_zones import Running, ZONE


@lab.needs("kdig")
class FileAndChanges(Running):
    def change(self, count):
        """From serial 7 on, as many by one each."""
        for i in range(count):
            self.zone("--add", f"h{i} A 192.0.2.{i + 1}")

    def kept(self, count):
        return all(self.ask(f"h{i}.a.test", "A") == [f"192.0.2.{i + 1}"] for i in range(count))

    def write(self, serial, more=""):
        self.path.write_text(ZONE.format(serial=serial) + more)

    def refused(self, *words):
        self.server.wait_log("event=dns.zone.refused")
        line = [x for x in self.server.log().splitlines() if "event=dns.zone.refused" in x][-1]
        for word in words:
            self.assertIn(word, line)

    def refuses_to_start(self, *words):
        self.server.kill()
        self.server.close()
        server = lab.Program(self.conf(), state=self.server.directory, ready=False)
        self.addCleanup(server.close)
        self.assertNotEqual(server.process.wait(lab.END_S), 0)
        for word in words:
            self.assertIn(word, server.log())

    def test_an_older_serial(self):
        self.change(3)
        self.write(5, "new A 192.0.2.99\n")
        self.server.reload()
        self.refused("5", "10", "above")
        self.assertTrue(self.kept(3))
        self.assertEqual((self.serial(), self.ask("new.a.test", "A")), (10, []))
        self.refuses_to_start("the serial is 5", "from 7 to 10", str(self.path))
        self.write(11, "new A 192.0.2.99\n")  # as the message says
        self.again()
        self.assertEqual((self.serial(), self.ask("new.a.test", "A"), self.ask("h0.a.test", "A")),
                         (11, ["192.0.2.99"], []))

    def test_a_serial_in_between(self):
        self.change(3)
        self.write(9)
        self.server.reload()
        self.refused("9")
        self.refuses_to_start("the serial is 9")
        self.write(7)  # what it was
        self.again()
        self.assertTrue(self.kept(3))

    def test_the_last_serial_with_other_records(self):
        self.change(1)
        self.write(8, "new A 192.0.2.99\n")
        self.server.reload()
        self.refused("8", "other records")
        self.assertTrue(self.kept(1))
        self.refuses_to_start("other records")

    def test_the_first_serial_with_other_records(self):
        self.change(1)
        self.write(7, "new A 192.0.2.99\n")
        self.server.reload()
        self.refused("7", "other records")
        self.assertTrue(self.kept(1))

    def test_the_file_written_again_as_it_was(self):
        self.change(2)
        self.write(7, "; a comment, and other spaces\n")
        self.server.reload()
        self.assertNotIn("event=dns.zone.refused", self.server.log())
        self.assertTrue(self.kept(2))
        self.again()
        self.assertTrue(self.kept(2))

    def test_the_zone_exported_into_its_file(self):
        """More changes follow on that one; so many that old ones are folded."""
        self.change(2)
        self.path.write_bytes(self.zone().stdout)
        self.server.reload()
        self.again()
        self.assertTrue(self.kept(2))
        for i in range(150):
            self.zone("--set" if i else "--add", f"n 60 TXT {i}")
        self.again()
        self.assertTrue(self.kept(2))
        self.assertEqual((self.serial(), self.ask("n.a.test", "TXT")), (159, ['"149"']))
        self.path.write_text(self.path.read_text() + "new A 192.0.2.99\n")
        self.refuses_to_start("the serial is 9, with other records")

    def test_changes_from_before_the_zone_signed_itself(self):
        self.change(2)
        self.zone_keys = "dnssec = true"
        self.again()
        self.assertTrue(self.kept(2))
        self.zone("--add", "later A 192.0.2.50")
        self.again()
        self.assertTrue(self.kept(2))
        self.assertEqual(self.ask("later.a.test", "A"), ["192.0.2.50"])

    def test_a_zone_that_signs_itself(self):
        self.zone_keys = 'dnssec = true\nallow-update = { "127.0.0.1" }'
        self.again()
        self.change(2)
        self.write(6, "new A 192.0.2.99\n")
        self.server.reload()
        self.refused("the serial is 6")
        self.assertTrue(self.kept(2))
        self.write(7, "new A 192.0.2.99\n")
        self.server.reload()
        self.refused("the serial is 7")
        self.assertTrue(self.kept(2))
        self.write(6, "new A 192.0.2.99\n")
        self.refuses_to_start("the serial is 6", "a file of serial 7")
        self.write(7)
        self.again()
        self.assertTrue(self.kept(2))
        self.write(100, "new A 192.0.2.99\n")
        self.server.reload()
        self.assertEqual((self.ask("new.a.test", "A"), self.ask("h0.a.test", "A")), (["192.0.2.99"], []))

    def test_without_changes_the_file_is_right_but_whoever_follows_is_thought_of(self):
        self.write(3, "new A 192.0.2.99\n")
        self.server.reload()
        self.server.wait_log("event=dns.zone.warning")
        self.assertIn("not newer", self.server.log())
        self.assertEqual((self.serial(), self.ask("new.a.test", "A")), (3, ["192.0.2.99"]))


if __name__ == "__main__":
    unittest.main()
