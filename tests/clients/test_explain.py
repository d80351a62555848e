"""`wirelab explain` on files that are written here: both formats, all byte orders, what is damaged, what is cut off."""
import json
import socket
import struct
import tempfile
import unittest
from pathlib import Path

import lab

CLIENT, SERVER, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3"
MACS = {CLIENT: b"\2\0\0\0\0\1", SERVER: b"\2\0\0\0\0\2", OTHER: b"\2\0\0\0\0\3"}


def ip4(source, target, protocol, payload, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head + payload


def ethernet(source, target, packet, kind=0x0800):
    mac = MACS.get
    return mac(target, b"\2\0\0\0\0\xfe") + mac(source, b"\2\0\0\0\0\xfe") + struct.pack("!H", kind) + packet


def udp(source, target, source_port, target_port, payload):
    return ip4(source, target, 17, struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload)


def question(name, flags=0x0100, answer=b""):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!HHHHHH", 7, flags, 1, 1 if answer else 0, 0, 0) + labels + b"\0\0\1\0\1" + answer


class Tcp:
    """A connection from CLIENT to SERVER as packets."""

    def __init__(self, port, source=CLIENT, target=SERVER):
        self.ends, self.ports, self.next = (source, target), (40000, port), [100, 900]
        self.packets = []
        self.add(0, b"", 2)
        self.add(1, b"", 18)

    def add(self, side, payload, flags=16):
        head = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], self.next[side], self.next[1 - side],
                           5 << 4, flags, 8192, 0, 0)
        self.packets.append(ip4(self.ends[side], self.ends[1 - side], 6, head + payload))
        self.next[side] += len(payload) + (1 if flags & 3 else 0)
        return self

    def say(self, side, text):
        return self.add(side, text.encode())

    def end(self):
        self.add(0, b"", 17)
        return self.add(1, b"", 17)

    def frames(self):
        return [ethernet(*[socket.inet_ntoa(p[i:i + 4]) for i in (12, 16)], p) for p in self.packets]


def classic(packets, order="<", nano=False, link=1, snap=None):
    magic = 0xa1b23c4d if nano else 0xa1b2c3d4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap or 65535, link)
    for i, packet in enumerate(packets):
        kept = packet[:snap] if snap else packet
        fraction = 250000 * (1000 if nano else 1)
        out += struct.pack(order + "IIII", 1000 + i, fraction, len(kept), len(packet)) + kept
    return out


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(packets, order="<", link=1, resolution=6, names=()):
    out = block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(order, 1, struct.pack(order + "HHI", link, 0, 0) + option(order, 9, bytes([resolution])) +
                 option(order, 0, b""))
    if names:
        records = b"".join(option(order, 1, socket.inet_aton(a) + n.encode() + b"\0") for a, n in names)
        out += block(order, 4, records + option(order, 0, b""))
    for i, packet in enumerate(packets):
        units = (1000 + i) * 10**resolution + 10**resolution // 4
        pad = b"\0" * (-len(packet) % 4)
        out += block(order, 6, struct.pack(order + "IIIII", 0, units >> 32, units & 0xffffffff, len(packet),
                                           len(packet)) + packet + pad)
    return out


MAIL = Tcp(25).say(1, "220 mail ESMTP\r\n").say(0, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n") \
    .say(1, "250 1\r\n250 2\r\n354 3\r\n").say(0, "Subject: Help!\r\n\r\nHel").say(0, "p!\r\n.\r\nQUIT\r\n") \
    .say(1, "250 ok\r\n221 bye\r\n").end()


class Explain(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, content):
        path = self.directory / "capture"
        path.write_bytes(content)
        return path

    def explain(self, content, *words, code=0):
        done = lab.run(lab.BUILD / "wirelab", "explain", *words, self.write(content))
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def messages(self, content, *words, code=0):
        out, _ = self.explain(content, "--json", *words, code=code)
        return [json.loads(line) for line in out.splitlines()]

    def words(self, content, *words, **options):
        return [m["word"] for m in self.messages(content, *words, **options) if not m["carrier"]]

    def test_figure(self):
        out, errors = self.explain(classic(MAIL.frames()), "--width", "80")
        self.assertEqual(errors, "")
        self.assertEqual(out.splitlines()[0].split(), ["seconds", CLIENT, SERVER])
        body = [line[12:].strip("|") for line in out.splitlines()[3:-2]]
        self.assertTrue(all(len(line) <= 80 for line in out.splitlines()))
        self.assertTrue(body[0].startswith(".. SYN  port 25 ...") and body[0].endswith(".>"), body[0])
        self.assertTrue(body[1].startswith("<. SYN-ACK "), body[1])
        self.assertTrue(body[2].startswith("<- 220  mail ESMTP "), body[2])
        self.assertTrue(body[3].startswith("-- MAIL  FROM:<a@b.e"), body[3])
        self.assertIn(" | RCPT  TO:<c", body[3])
        self.assertIn(" | DATA -", body[3])
        self.assertIn("-- message  25 bytes, Subject: Help! | QUIT --", body[5])
        self.assertTrue(body[-1].startswith("<. FIN "), body[-1])

    def test_formats(self):
        wanted = self.messages(pcapng(MAIL.frames()))
        self.assertEqual(wanted[2]["seconds"], 2)
        self.assertEqual(wanted[2]["time"], 1002.25)
        self.assertEqual([m["word"] for m in wanted],
                         ["SYN", "SYN-ACK", "220", "MAIL", "RCPT", "DATA", "250", "250", "354", "message", "QUIT",
                          "250", "221", "FIN", "FIN"])
        for order in "<>":
            for nano in (False, True):
                self.assertEqual(self.messages(classic(MAIL.frames(), order, nano)), wanted)
            for resolution in (3, 6, 9):
                self.assertEqual(self.messages(pcapng(MAIL.frames(), order, resolution=resolution)), wanted)

    def test_links(self):
        cooked = [struct.pack("!HHH8sH", 0, 1, 6, MACS[CLIENT] + b"\0\0", 0x0800) + p for p in MAIL.packets]
        cooked2 = [struct.pack("!HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, MACS[CLIENT] + b"\0\0") + p for p in MAIL.packets]
        tagged = [f[:12] + b"\x81\0\0\7" + f[12:] for f in MAIL.frames()]
        wanted = self.words(classic(MAIL.frames()))
        for link, packets in ((101, MAIL.packets), (113, cooked), (276, cooked2), (1, tagged)):
            with self.subTest(link=link):
                self.assertEqual(self.words(classic(packets, link=link)), wanted)
                self.assertEqual(self.words(pcapng(packets, link=link)), wanted)

    def test_unknown_link_is_said(self):
        _, errors = self.explain(classic(MAIL.packets, link=127))
        self.assertIn("link type 127", errors)

    def test_parts_of_one_segment(self):
        fields = [m["fields"] for m in self.messages(pcapng(MAIL.frames())) if m["word"] in ("MAIL", "RCPT", "DATA")]
        self.assertEqual([f["part"] for f in fields], ["1", "2", "3"])
        self.assertEqual(len({f["frame"] for f in fields}), 1)
        self.assertEqual(fields[0]["argument"], "FROM:<a@b.example>")

    def test_names_in_the_file(self):
        first = self.messages(pcapng(MAIL.frames(), names=[(CLIENT, "alice"), (SERVER, "mail")]))[0]
        self.assertEqual((first["from"]["name"], first["to"]["name"]), ("alice", "mail"))

    def test_columns_by_first_appearance(self):
        frames = [ethernet(OTHER, CLIENT, udp(OTHER, CLIENT, 4000, 53, question("a.example"))),
                  ethernet(CLIENT, SERVER, udp(CLIENT, SERVER, 4001, 53, question("a.example"))),
                  ethernet(SERVER, CLIENT, udp(SERVER, CLIENT, 53, 4001, question(
                      "a.example", 0x8180, b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\x09")))]
        out, _ = self.explain(classic(frames))
        self.assertEqual(out.splitlines()[0].split()[1:], [OTHER, CLIENT, SERVER])
        self.assertIn("query  A a.example", out)
        self.assertIn("response  A 10.0.0.9, ttl 60", out)

    def test_hosts_behind_a_router(self):
        """Several addresses with one hardware address are hosts of their own."""
        frames = [ethernet(CLIENT, "far", udp(CLIENT, f"198.51.100.{i}", 4000, 53, question("a.example")))
                  for i in range(1, 4)]
        out, _ = self.explain(classic(frames))
        self.assertEqual(out.splitlines()[0].split()[1:], [CLIENT] + [f"198.51.100.{i}" for i in range(1, 4)])

    def test_more_hosts_than_columns(self):
        frames = [ethernet(CLIENT, "far", udp(CLIENT, f"198.51.100.{i}", 4000, 53, question(f"n{i}.example")))
                  for i in range(1, 40)]
        out, errors = self.explain(classic(frames), "--width", "100")
        self.assertTrue(all(len(line) <= 100 for line in out.splitlines()[:-2]))
        self.assertIn(f"{CLIENT} to 198.51.100.39: query  A n39.example", out)
        self.assertIn("not every host has a column", out)

    def test_a_host_that_talks_to_itself(self):
        tcp = Tcp(8080, "127.0.0.1", "127.0.0.1").say(0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").say(
            1, "HTTP/1.1 204 No Content\r\n\r\n")
        out, _ = self.explain(classic(tcp.frames()))
        self.assertEqual(out.splitlines()[0].split()[1:], ["127.0.0.1", "127.0.0.1:8080"])
        self.assertIn("-- GET  /, host a --", out)
        self.assertIn("<- 204  No Content --", out)

    def test_all(self):
        few, many = self.explain(classic(MAIL.frames())), self.explain(classic(MAIL.frames()), "--all")
        self.assertNotIn("segment", few[0])
        self.assertIn("segment  21 bytes", many[0])

    def test_order_of_segments(self):
        frames = MAIL.frames()
        swapped = frames[:5] + [frames[6], frames[5]] + frames[7:]  # the two halves of the text
        self.assertEqual(self.words(classic(swapped)), self.words(classic(frames)))
        twice = [f for frame in frames for f in (frame, frame)]
        self.assertEqual(self.words(classic(twice)), self.words(classic(frames)))

    def test_a_lost_segment_is_said(self):
        frames = MAIL.frames()
        del frames[5]
        out, _ = self.explain(classic(frames))
        self.assertIn("21 bytes were not captured", out)
        self.assertIn("221  bye", out)

    def test_cut_off_is_said(self):
        out, errors = self.explain(classic(MAIL.frames(), snap=60))
        self.assertIn("not whole", errors)
        self.assertIn("tcpdump -s 0", errors)
        self.assertIn("were not captured", out)

    def test_fragments_are_said(self):
        packet = ip4(CLIENT, SERVER, 17, b"x" * 64, fragment=0x2000)
        last = ip4(CLIENT, SERVER, 17, b"x" * 64, fragment=8)
        out, _ = self.explain(classic([ethernet(CLIENT, SERVER, p) for p in (packet, last)]))
        self.assertIn("fragment  bytes 0 to 63 of a packet, more follow", out)
        self.assertIn("fragment  bytes 64 to 127 of a packet, the last", out)

    def test_damaged_files(self):
        whole = classic(MAIL.frames())
        for content, said in ((b"", "it is empty"), (b"\x1f\x8b" + b"x" * 50, "gunzip"), (b"x" * 50, "neither"),
                              (b"x", "too short"), (whole[:20], "cut short"),
                              (whole[:-3], "a packet is cut short"),
                              (whole + b"\0" * 9, "the header of a packet is cut short"),
                              (whole + b"\0" * 8 + b"\xff" * 8, "a length that cannot be"),
                              (pcapng(MAIL.frames())[:-3], "a block is cut short")):
            with self.subTest(said=said):
                out, errors = self.explain(content, code=1)
                self.assertIn(said, errors)
                self.assertIn("at byte", errors)
                if content[:20] == whole[:20] and len(content) > 100 and content != whole[:-3]:
                    self.assertIn("221  bye", out)  # what came before is drawn

    def test_every_cut_of_a_file(self):
        for content in (classic(MAIL.frames()[:4]), pcapng(MAIL.frames()[:4])):
            for length in range(0, len(content), 7):
                done = lab.run(lab.BUILD / "wirelab", "explain", self.write(content[:length]))
                self.assertIn(done.returncode, (0, 1))
                self.assertTrue(done.returncode == 0 or done.stderr)

    def test_a_file_without_packets(self):
        out, errors = self.explain(classic([]))
        self.assertEqual((out.strip(), errors), ("0 packets, 0 messages", ""))

    def test_wrong_use(self):
        for words in ([], ["a", "b"], ["--width", "10", "a"], ["--width", "x", "a"], ["--nonsense", "a"]):
            done = lab.run(lab.BUILD / "wirelab", "explain", *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"usage: wirelab explain", done.stderr)
        done = lab.run(lab.BUILD / "wirelab", "explain", self.directory / "nothing")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No such file", done.stderr)

    def test_standard_input(self):
        done = lab.run(lab.BUILD / "wirelab", "explain", "-", input=classic(MAIL.frames()))
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"221  bye", done.stdout)

    def test_foreign_text_is_harmless(self):
        tcp = Tcp(25).say(1, "220 \x1b[2J\x07 \x9b31m\r\n")
        for words in ([], ["--json"]):
            out, _ = self.explain(classic(tcp.frames()), *words)
            self.assertNotIn("\x1b", out)
            self.assertNotIn("\x07", out)

    def test_help(self):
        done = lab.run(lab.BUILD / "wirelab", "help", "expect")
        for word in ("DISCOVER", "SOLICIT", "query", "qname", "ClientHello", "neighbor-solicitation", "part"):
            self.assertIn(word, done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
