"""swaks, smtplib and openssl against smtpd."""
import pathlib
import re
import smtplib
import socket
import ssl
import tempfile
import unittest

import lab

CONF = '''smtpd {
  hostname = "mail01"
  listen = { "127.0.0.1:0" }
  max-message-size = "64KiB"
  domain "skynet.local" { mailboxes = { "sanders", "ppa" } }
}
'''


def mailbox(server, name):
    return sorted((server.directory / "state/mail/skynet.local" / name / "new").glob("*"))


class Talk:
    """A connection, line by line."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 10)
        self.data = b""
        self.banner = self.reply()

    def reply(self):
        """The next whole reply: (code, text)."""
        while not re.search(rb"(?m)^\d{3} [^\n]*\r\n", self.data):
            more = self.s.recv(65536)
            if not more:
                raise AssertionError(f"closed after {self.data!r}")
            self.data += more
        end = re.search(rb"(?m)^\d{3} [^\n]*\r\n", self.data).end()
        text, self.data = self.data[:end], self.data[end:]
        return int(text[:3]), text.decode()

    def send(self, data):
        self.s.sendall(data)

    def say(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.s.close()


@lab.needs("swaks", "openssl")
class Smtp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = lab.Program(CONF)
        cls.port = cls.server.port("smtpd", "tcp")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def talk(self):
        talk = Talk(self.port)
        self.addCleanup(talk.close)
        return talk

    def wait_for_mail(self, name, text):
        """The message with this text, once its delivery was told."""
        def find():
            return next((c for c in (path.read_bytes() for path in mailbox(self.server, name)) if text in c), None)
        return lab.until(find, lambda: f"no mail with {text!r}: {self.server.log()[-1500:]}")

    def test_swaks(self):
        done = lab.run("swaks", "--server", f"127.0.0.1:{self.port}", "--to", "sanders@skynet.local", "--from",
                       "ann@example.org", "--body", "by swaks", "--helo", "client.test")
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        mail = self.wait_for_mail("sanders", b"by swaks")
        self.assertIn(b"Return-Path: <ann@example.org>", mail)
        self.assertRegex(mail, rb"Received: from client\.test \(.*127\.0\.0\.1.*\)\s+by mail01 ")

    def test_swaks_by_tls(self):
        done = lab.run("swaks", "--server", f"127.0.0.1:{self.port}", "--to", "ppa@skynet.local", "--from",
                       "ann@example.org", "--body", "by tls", "--tls", "--pipeline")
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        self.wait_for_mail("ppa", b"by tls")

    def test_openssl_and_the_labs_ca(self):
        done = lab.run("openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{self.port}", "-CAfile",
                       self.server.ready["ca"], "-verify_hostname", "mail01", "-verify_return_error", input=b"QUIT\r\n")
        self.assertIn(b"Verify return code: 0 (ok)", done.stdout)

    def test_smtplib_byte_for_byte(self):
        body = "Subject: bytes\r\n\r\n.leading dot\r\n..two dots\r\ndots in . the middle.\r\n\r\n\xe4\xf6 8 bit\r\n".encode("latin-1")
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as s:
            s.sendmail("ann@example.org", ["sanders@skynet.local", "ppa@skynet.local"], body, ["BODY=8BITMIME"])
        for name in ("sanders", "ppa"):
            mail = self.wait_for_mail(name, b"Subject: bytes")
            # a file of a Maildir has the lines of the message; line ends may be the host's own
            self.assertTrue(mail.replace(b"\r\n", b"\n").endswith(body.replace(b"\r\n", b"\n")), mail)

    def test_what_is_offered(self):
        talk = self.talk()
        self.assertTrue(talk.banner[1].startswith("220 mail01 ESMTP"))
        _, text = talk.say("EHLO client.test")
        words = [line[4:].split()[0] for line in text.splitlines()[1:]]
        for word in ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS"):
            self.assertIn(word, words)

    def test_order_and_refusals(self):
        talk = self.talk()
        for line, code, enhanced in (("MAIL FROM:<a@b.test>", 503, None), ("HELO client.test", 250, None),
                                     ("RCPT TO:<sanders@skynet.local>", 503, "5.5.1"), ("DATA", 503, "5.5.1"),
                                     ("NOOP", 250, "2.0.0"), ("VRFY sanders@skynet.local", None, None),
                                     ("HELP", 214, None), ("FROBNICATE", 500, "5.5."), ("MAIL FROM:<a@b.test", 501, "5."),
                                     ("MAIL FROM:<a@b.test>", 250, "2.1.0"), ("MAIL FROM:<a@b.test>", 503, "5.5.1"),
                                     ("RCPT TO:<nobody@skynet.local>", 550, "5.1.1"),
                                     ("RCPT TO:<someone@example.com>", None, "5.7.1"),
                                     ("RCPT TO:<sanders@SKYNET.local>", 250, "2.1.5"), ("RSET", 250, "2.0.0"),
                                     ("DATA", 503, "5.5.1"), ("QUIT", 221, "2.0.0")):
            with self.subTest(line=line):
                got, text = talk.say(line)
                if code:
                    self.assertEqual(got, code, text)
                else:
                    self.assertIn(got // 100, (2, 5), text)
                if enhanced:
                    self.assertTrue(text[4:].startswith(enhanced), text)

    def test_pipelining_in_one_segment(self):
        talk = self.talk()
        talk.say("EHLO client.test")
        talk.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<no@skynet.local>\r\nRCPT TO:<ppa@skynet.local>\r\nDATA\r\n")
        self.assertEqual([talk.reply()[0] for _ in range(4)], [250, 550, 250, 354])
        talk.send(b"Subject: one segment\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        self.assertEqual([talk.reply()[0] for _ in range(2)], [250, 221])
        self.wait_for_mail("ppa", b"one segment")

    def test_size(self):
        talk = self.talk()
        talk.say("EHLO client.test")
        self.assertEqual(talk.say("MAIL FROM:<a@b.test> SIZE=70000")[0], 552)
        talk.say("MAIL FROM:<a@b.test>")
        talk.say("RCPT TO:<ppa@skynet.local>")
        talk.say("DATA")
        talk.send(b"Subject: too large\r\n\r\n" + b"x" * 998 + b"\r\n" + (b"y" * 76 + b"\r\n") * 1000 + b".\r\n")
        self.assertEqual(talk.reply()[0], 552)
        self.assertEqual(talk.say("NOOP")[0], 250)

    def test_smuggling(self):
        """Only CRLF.CRLF ends a message: what another reader might take for the end never splits one in two."""
        for ending in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n"):
            with self.subTest(ending=ending):
                talk = self.talk()
                talk.say("EHLO client.test")
                talk.say("MAIL FROM:<a@b.test>")
                talk.say("RCPT TO:<ppa@skynet.local>")
                talk.say("DATA")
                smuggled = b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<sanders@skynet.local>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
                talk.send(b"Subject: first\r\n\r\nbody" + ending + smuggled + b"\r\n.\r\n")
                first = talk.reply()
                self.assertEqual(talk.say("NOOP")[0], 250)  # no reply more than one to the data
                self.assertIn(first[0] // 100, (2, 5))
        self.assertNotIn("from=evil@b.test", self.server.log())
        for path in mailbox(self.server, "sanders"):
            self.assertFalse(path.read_bytes().startswith(b"Return-Path: <evil@b.test>"))

    def test_commands_before_tls_do_not_count_after(self):
        talk = self.talk()
        talk.say("EHLO client.test")
        talk.send(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\n")
        self.assertEqual(talk.reply()[0], 220)
        context = ssl.create_default_context(cafile=self.server.ready["ca"])
        talk.s = context.wrap_socket(talk.s, server_hostname="mail01")
        self.assertEqual(talk.say("MAIL FROM:<a@b.test>")[0], 503)
        code, text = talk.say("EHLO client.test")
        self.assertEqual(code, 250)
        self.assertNotIn("STARTTLS", text)


class Durable(unittest.TestCase):
    def test_what_was_answered_with_250_survives_a_kill(self):
        with tempfile.TemporaryDirectory() as directory:
            server = lab.Program(CONF, state=directory)
            try:
                for round_number in range(3):
                    port = server.port("smtpd", "tcp")
                    talk = Talk(port)
                    talk.say("EHLO client.test")
                    for number in range(20):
                        talk.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<ppa@skynet.local>\r\nDATA\r\n")
                        self.assertEqual([talk.reply()[0] for _ in range(3)], [250, 250, 354])
                        talk.send(f"Subject: mark-{round_number}-{number}-end\r\n\r\nx\r\n.\r\n".encode())
                        self.assertEqual(talk.reply()[0], 250)
                    server.kill()
                    talk.close()
                    server.close()
                    server = lab.Program(CONF, state=directory)
                for round_number in range(3):
                    for number in range(20):
                        mark = f"mark-{round_number}-{number}-end".encode()
                        found = lab.until(lambda: [p for p in mailbox(server, "ppa") if mark in p.read_bytes()], f"{mark} is lost")
                        self.assertEqual(len(found), 1, mark)
            finally:
                server.close()

    def test_the_whole_dialogue_can_be_configured(self):
        conf = '''smtpd {
  hostname = "mail01"
  greeting = "mail01 ESMTP Postfix (Ubuntu)"
  extensions = { "PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN" }
  listen = { "127.0.0.1:0" }
  domain "skynet.local" { mailboxes = { "sanders", "ppa" } }
}
'''
        with lab.Program(conf) as server:
            talk = Talk(server.port("smtpd", "tcp"))
            self.assertEqual(talk.banner[1], "220 mail01 ESMTP Postfix (Ubuntu)\r\n")
            _, text = talk.say("EHLO [172.16.16.225]")
            self.assertEqual(text.splitlines(), ["250-mail01", "250-PIPELINING", "250-SIZE 10240000", "250-VRFY", "250-ETRN",
                                                 "250-STARTTLS", "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250 DSN"])
            talk.close()


if __name__ == "__main__":
    unittest.main()
