"""Mail that goes on to other hosts: between two of ours, to a next hop that misbehaves, by MX, by TLS, through a crash, and
with Postfix at either end."""
import email
import email.policy
import pathlib
import re
import smtplib
import socket
import threading
import unittest

import lab

EXTENSIONS = '''  extensions = { "PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN" }
'''

TEXT = (b"To: Chris Sanders <sanders@cyberdyne.local>\r\nFrom: Chris Sanders <sanders@skynet.local>\r\n"
        b"Subject: Help!\r\n\r\n.\r\n..two dots\r\nI need your help.\r\n")


def receiver(more="", domain="cyberdyne.local"):
    """A mail02 of ours, with a mailbox."""
    return f'''smtpd {{
  hostname = "mail02"
  listen = {{ "127.0.0.1:0" }}
{EXTENSIONS}  domain "{domain}" {{ mailboxes = {{ "sanders", "ppa" }} }}
{more}
}}
'''


def sender(to, route="", more=""):
    """A mail01 of ours, that sends on to the port."""
    return f'''smtpd {{
  hostname = "mail01"
  listen = {{ "127.0.0.1:0" }}
  received-comment = "Postfix"
  retry-interval = "50ms"
{EXTENSIONS}  domain "skynet.local" {{ mailboxes = {{ "sanders" }} }}
  route "cyberdyne.local" {{ to = "127.0.0.1:{to}" {route} }}
  allow-relay = {{ "127.0.0.0/8" }}
{more}
}}
'''


def mails(server, domain, mailbox="sanders"):
    return [p.read_bytes() for p in sorted((server.directory / "state/mail" / domain / mailbox / "new").glob("*"))]


def wait_mails(server, domain, count=1, mailbox="sanders", others=()):
    def logs():
        return "\n".join(s.log()[-2000:] for s in (server, *others))
    return lab.until(lambda: len(mails(server, domain, mailbox)) >= count and mails(server, domain, mailbox), logs)


def send(port, to, text=TEXT, frm="sanders@skynet.local", mail_options=(), rcpt_options=()):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as s:
        return s.sendmail(frm, to, text, mail_options, rcpt_options)


class Hop:
    """A next hop that does as it is told: `plan(hop, session)` for each connection, in order; the last one stays."""

    def __init__(self, *plans):
        self.plans = list(plans)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sessions = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(20)
            session = Session(s)
            self.sessions.append(session)
            plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
            try:
                plan(session)
            except (OSError, EOFError):
                pass
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Session:
    def __init__(self, s):
        self.s, self.data, self.lines, self.texts, self.segments = s, b"", [], [], []

    def more(self):
        data = self.s.recv(65536)
        if not data:
            raise EOFError
        self.segments.append(data)
        self.data += data

    def line(self):
        while b"\r\n" not in self.data:
            self.more()
        line, self.data = self.data.split(b"\r\n", 1)
        self.lines.append(line.decode())
        return line.decode()

    def text(self):
        while not self.data.startswith(b".\r\n") and b"\r\n.\r\n" not in self.data:
            self.more()
        if self.data.startswith(b".\r\n"):
            text, self.data = b"", self.data[3:]
        else:
            text, self.data = self.data.split(b"\r\n.\r\n", 1)
            text += b"\r\n"
        self.texts.append(text)
        return text

    def say(self, *lines):
        self.s.sendall(b"".join(line.encode() + b"\r\n" for line in lines))


OFFERS = ("PIPELINING", "8BITMIME", "DSN")


def plan(offers=OFFERS, greeting="220 hop ESMTP", drop=None, **replies):
    """A server: replies by verb, each a text, or a list for one after the other; RCPT by the mailbox's name. `drop` closes
    at that step instead of replying."""
    def answer(session, key, otherwise):
        reply = replies.get(key, otherwise)
        if drop == key:
            raise EOFError
        session.say(reply)
        return int(reply[:3])

    def run(session):
        if drop == "greeting":
            raise EOFError
        session.say(greeting)
        if not greeting.startswith("220"):
            session.line()
            return
        while True:
            line = session.line()
            verb = line.split()[0].upper()
            if verb == "EHLO" and "EHLO" not in replies and drop != "EHLO":
                names = ["hop", *offers]
                session.say(*(f"250{'-' if i + 1 < len(names) else ' '}{n}" for i, n in enumerate(names)))
            elif verb == "RCPT":
                name = re.search(r"<([^@>]*)", line).group(1)
                if drop == "RCPT":
                    raise EOFError
                session.say(replies.get(name, replies.get("RCPT", "250 2.1.5 Ok")))
            elif verb == "DATA":
                if answer(session, "DATA", "354 go on") == 354:
                    session.text()
                    answer(session, "dot", "250 2.0.0 Ok")
            elif verb == "QUIT":
                session.say("221 2.0.0 Bye")
                return
            else:
                answer(session, verb, "250 2.0.0 Ok")
    return run


class BetweenTwoOfOurs(unittest.TestCase):
    def test_byte_for_byte(self):
        with lab.Program(receiver()) as b, lab.Program(sender(b.port("smtpd", "tcp"))) as a:
            send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
            (mail,) = wait_mails(b, "cyberdyne.local", others=[a])
            self.assertTrue(mail.endswith(b"\n" + TEXT.replace(b"\r\n", b"\n")), mail)
            self.assertRegex(mail, rb"Received: from \S+ \(unknown \[127.0.0.1\]\)\n\tby mail01 \(Postfix\) with ESMTP id \w+\n"
                                   rb"\tfor <sanders@cyberdyne.local>; ")
            a.wait_log("event=smtp.sent")
            lab.until(lambda: not mails(a, "skynet.local") and self.rows(a) == 0, "the row did not go")

    def rows(self, server):
        import sqlite3
        with sqlite3.connect(f"file:{server.directory}/state/wirelab.db?mode=ro", uri=True) as db:
            return db.execute("select (select count(*) from smtp_spool) + (select count(*) from smtp_outcome)").fetchone()[0]

    def test_a_long_message(self):
        """Longer than a row holds and than a connection buffers."""
        text = b"Subject: long\r\n\r\n" + b"".join(b".%06d%s\r\n" % (i, b"x" * 70) for i in range(30000))
        with lab.Program(receiver()) as b, lab.Program(sender(b.port("smtpd", "tcp"))) as a:
            send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"], text)
            (mail,) = wait_mails(b, "cyberdyne.local", others=[a])
            self.assertTrue(mail.endswith(b"\n" + text.replace(b"\r\n", b"\n")))

    def test_many_messages_over_few_connections(self):
        with lab.Program(receiver()) as b, lab.Program(sender(b.port("smtpd", "tcp"))) as a:
            with smtplib.SMTP("127.0.0.1", a.port("smtpd", "tcp")) as s:
                for i in range(60):
                    s.sendmail("sanders@skynet.local", ["sanders@cyberdyne.local"], b"Subject: %d\r\n\r\nx\r\n" % i)
            got = wait_mails(b, "cyberdyne.local", 60, others=[a])
            self.assertEqual({int(re.search(rb"Subject: (\d+)", m).group(1)) for m in got}, set(range(60)))
            self.assertEqual(len(got), 60)

    def test_starttls(self):
        """Required, checked by the lab's authority of the receiver; and not sent when the certificate is another's."""
        with lab.Program(receiver()) as b:
            port = b.port("smtpd", "tcp")
            ca = b.directory / "state/tls/ca.pem"
            with lab.Program(sender(port, f'tls = "required" ca = "{ca}"')) as a:
                send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
                a.wait_log("event=smtp.deferred")  # the certificate is for mail02, the route names 127.0.0.1
                self.assertEqual(mails(b, "cyberdyne.local"), [])
                self.assertNotIn("MAIL", b.log())
            with lab.Program(sender(port)) as a:  # opportunistic: better than clear
                send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
                (mail,) = wait_mails(b, "cyberdyne.local", others=[a])
                self.assertIn(b"with ESMTPS id", mail)
            with lab.Program(sender(port, 'tls = "none"')) as a:
                send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
                mail = wait_mails(b, "cyberdyne.local", 2, others=[a])[1]
                self.assertEqual(mail.count(b"with ESMTPS id"), 0)


class WhoMay(unittest.TestCase):
    def test_never_an_open_relay(self):
        conf = sender(9).replace('allow-relay = { "127.0.0.0/8" }', 'allow-relay = { "192.0.2.0/24" }')
        with lab.Program(conf) as a, smtplib.SMTP("127.0.0.1", a.port("smtpd", "tcp")) as s:
            s.ehlo()
            s.mail("x@y.z")
            self.assertEqual(s.rcpt("sanders@cyberdyne.local")[0], 554)
            self.assertEqual(s.rcpt("sanders%cyberdyne.local@skynet.local")[0], 550)
            self.assertEqual(s.docmd("RCPT TO:<@skynet.local:sanders@cyberdyne.local>")[0], 554)
            self.assertEqual(s.vrfy("sanders@cyberdyne.local")[0], 550)
            self.assertEqual(s.rcpt("sanders@skynet.local")[0], 250)

    def test_no_way(self):
        with lab.Program(sender(9)) as a, smtplib.SMTP("127.0.0.1", a.port("smtpd", "tcp")) as s:
            s.ehlo()
            s.mail("x@y.z")
            self.assertEqual(s.rcpt("x@elsewhere.example")[0], 554)  # neither route nor resolvers
            self.assertEqual(s.rcpt("x@sub.cyberdyne.local")[0], 250)
            self.assertEqual(s.vrfy("sanders@cyberdyne.local")[0], 252)


if __name__ == "__main__":
    unittest.main()
