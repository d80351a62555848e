"""Mail that goes on to other hosts: between two of ours, to a next hop that misbehaves, by MX, by TLS, through a crash, and
with Postfix at either end."""
import email
import email.policy
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import sqlite3
import subprocess
import tempfile
import threading
import unittest

import lab

EXTENSIONS = '''  extensions = { "PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN" }
'''

TEXT = (b"To: Chris Sanders <sanders@cyberdyne.local>\r\nFrom: Chris Sanders <sanders@skynet.local>\r\n"
        b"Subject: Help!\r\nMessage-ID: <5682DB80.4010607@skynet.local>\r\n"
        b"Date: Tue, 29 Dec 2015 14:14:08 -0500\r\n\r\n.\r\n..two dots\r\nI need your help.\r\n")


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
        with lab.Program(receiver().replace('"mail02"', '"127.0.0.1"')) as b:  # the name that the route has
            ca = b.directory / "state/tls/ca.pem"
            with lab.Program(sender(b.port("smtpd", "tcp"), f'tls = "required" ca = "{ca}"')) as a:
                send(a.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
                (mail,) = wait_mails(b, "cyberdyne.local", others=[a])
                self.assertIn(b"with ESMTPS id", mail)
                a.wait_log("tls=\"TLSv1.3")
        with lab.Program(receiver()) as b:
            port = b.port("smtpd", "tcp")
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



class ANextHopThat(unittest.TestCase):
    """What a scripted next hop does, and what becomes of the message."""

    def relay(self, *plans, more="", text=TEXT, to=("sanders@cyberdyne.local",), **options):
        hop = self.enterContext(Hop(*plans))
        server = self.enterContext(lab.Program(sender(hop.port, 'tls = "none"', more)))
        send(server.port("smtpd", "tcp"), list(to), text, **options)
        return hop, server

    def report(self, server):
        (mail,) = wait_mails(server, "skynet.local")
        return email.message_from_bytes(mail, policy=email.policy.default)

    def status(self, report):
        """The fields of each recipient, and those of the message."""
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        parts = list(report.iter_parts())
        self.assertEqual(parts[1].get_content_type(), "message/delivery-status")
        message, *recipients = parts[1].get_payload()
        return message, recipients, parts[2]

    def test_takes_it_in_three_segments(self):
        """As in the chapter's capture: EHLO; MAIL, RCPT and DATA; the text with its dot and QUIT."""
        hop, server = self.relay(plan())
        server.wait_log("event=smtp.sent")
        (session,) = hop.sessions
        lab.until(lambda: len(session.segments) == 3, lambda: session.segments)
        self.assertEqual(session.lines, ["EHLO mail01", "MAIL FROM:<sanders@skynet.local>",
                                         "RCPT TO:<sanders@cyberdyne.local> ORCPT=rfc822;sanders@cyberdyne.local", "DATA", "QUIT"])
        self.assertTrue(session.segments[2].endswith(b"\r\n.\r\nQUIT\r\n"))
        self.assertTrue(session.texts[0].endswith(TEXT.replace(b"\r\n.", b"\r\n..")), session.texts)

    def test_has_no_pipelining(self):
        hop, server = self.relay(plan(offers=("8BITMIME",)))
        server.wait_log("event=smtp.sent")
        self.assertEqual(hop.sessions[0].segments[1:3], [b"MAIL FROM:<sanders@skynet.local>\r\n",
                                                         b"RCPT TO:<sanders@cyberdyne.local>\r\n"])

    def test_refuses_at_each_step_for_good(self):
        for step in ("MAIL", "RCPT", "DATA", "dot"):
            with self.subTest(step):
                hop, server = self.relay(plan(**{step: "550 5.7.1 Not from you"}))
                message, (recipient,), original = self.status(self.report(server))
                self.assertEqual(message["Reporting-MTA"], "dns; mail01")
                self.assertEqual(recipient["Final-Recipient"], "rfc822; sanders@cyberdyne.local")
                self.assertEqual(recipient["Action"], "failed")
                self.assertEqual(recipient["Status"], "5.7.1")
                self.assertEqual(recipient["Diagnostic-Code"], "smtp; 550 5.7.1 Not from you")
                self.assertEqual(original.get_content_type(), "text/rfc822-headers")
                self.assertIn("Subject: Help!", original.get_payload())
                self.assertEqual(len(hop.sessions), 1, "it is not tried again")

    def test_refuses_or_drops_at_each_step_once(self):
        once = [plan(greeting="421 4.3.2 later"), plan(greeting="554 5.3.2 no service")]
        once += [plan(**{step: "451 4.3.0 later"}) for step in ("EHLO", "MAIL", "RCPT", "DATA", "dot")]
        once += [plan(drop=step) for step in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot")]
        for number, first in enumerate(once):
            with self.subTest(number):
                hop, server = self.relay(first, plan())
                server.wait_log("event=smtp.sent")
                self.assertEqual(len(hop.sessions), 2)
                self.assertTrue(hop.sessions[1].texts[0].endswith(b"help.\r\n"))
                self.assertNotIn("smtp.failed", server.log())

    def test_takes_some(self):
        """Each recipient has its own end: one is sent, one comes later, one never."""
        hop, server = self.relay(plan(later="450 4.2.1 greylisted", never="550 5.1.1 nobody"), plan(),
                                 to=["sanders@cyberdyne.local", "later@cyberdyne.local", "never@cyberdyne.local"])
        _, (recipient,), _ = self.status(self.report(server))
        self.assertEqual(recipient["Final-Recipient"], "rfc822; never@cyberdyne.local")
        lab.until(lambda: server.log().count("event=smtp.sent") == 2, server.log)
        sent = [[line.split()[1] for line in s.lines if line.startswith("RCPT")] for s in hop.sessions]
        self.assertEqual(sent, [["TO:<sanders@cyberdyne.local>", "TO:<later@cyberdyne.local>", "TO:<never@cyberdyne.local>"],
                                ["TO:<later@cyberdyne.local>"]])

    def test_never_answers(self):
        """The queue's lifetime ends: the message goes back; the sender who asked for it hears of the delay before."""
        hop, server = self.relay(plan(MAIL="451 4.3.0 never"), more='queue-lifetime = "1500ms" delay-notice = "200ms"',
                                 rcpt_options=["NOTIFY=DELAY,FAILURE", "ORCPT=rfc822;old+2Bname@example.org"])
        delayed, failed = wait_mails(server, "skynet.local", 2)
        _, (recipient,), _ = self.status(email.message_from_bytes(delayed, policy=email.policy.default))
        self.assertEqual((recipient["Action"], recipient["Status"]), ("delayed", "4.3.0"))
        self.assertTrue(recipient["Will-Retry-Until"])
        _, (recipient,), _ = self.status(email.message_from_bytes(failed, policy=email.policy.default))
        self.assertEqual(recipient["Action"], "failed")
        self.assertEqual(recipient["Original-Recipient"], "rfc822;old+name@example.org")
        self.assertGreater(len(hop.sessions), 2)

    def test_reports_itself_or_not(self):
        """NOTIFY=SUCCESS: passed on where DSN is offered, else we say that it was relayed (RFC 3461 5.2.2)."""
        options = dict(mail_options=["RET=FULL", "ENVID=QQ+2B1"], rcpt_options=["NOTIFY=SUCCESS"])
        hop, server = self.relay(plan(), **options)
        server.wait_log("event=smtp.sent")
        self.assertEqual(hop.sessions[0].lines[1:3],
                         ["MAIL FROM:<sanders@skynet.local> RET=FULL ENVID=QQ+2B1",
                          "RCPT TO:<sanders@cyberdyne.local> NOTIFY=SUCCESS ORCPT=rfc822;sanders@cyberdyne.local"])
        hop, server = self.relay(plan(offers=("PIPELINING",)), **options)
        message, (recipient,), original = self.status(self.report(server))
        self.assertEqual(message["Original-Envelope-Id"], "QQ+1")
        self.assertEqual(recipient["Action"], "relayed")
        self.assertEqual(original.get_content_type(), "message/rfc822")
        hop, server = self.relay(plan(RCPT="550 5.1.1 no"), rcpt_options=["NOTIFY=NEVER"])
        server.wait_log("event=smtp.failed")
        lab.until(lambda: BetweenTwoOfOurs.rows(self, server) == 0, "it stays")
        self.assertEqual(mails(server, "skynet.local"), [])

    def test_takes_seven_bits_only(self):
        text = b"Subject: x\r\n\r\n\xc3\xa4\r\n"
        hop, server = self.relay(plan(offers=("PIPELINING",)), text=text)
        _, (recipient,), _ = self.status(self.report(server))
        self.assertEqual(recipient["Status"], "5.6.3")
        self.assertNotIn("MAIL", "".join(hop.sessions[0].lines))
        hop, server = self.relay(plan(), text=text, mail_options=["BODY=8BITMIME"])
        server.wait_log("event=smtp.sent")
        self.assertIn("BODY=8BITMIME", hop.sessions[0].lines[1])

    def test_refuses_a_report(self):
        """Nobody is told that a report could not be delivered (RFC 5321 4.5.5)."""
        hop, server = self.relay(plan(RCPT="550 5.1.1 no"), frm="")
        server.wait_log("event=smtp.failed")
        lab.until(lambda: BetweenTwoOfOurs.rows(self, server) == 0, "it stays")
        self.assertNotIn("smtp.reported", server.log())

    def test_gets_it_round_in_a_circle(self):
        text = b"Received: from a by b; date\r\n" * 101 + TEXT
        with lab.Program(sender(9)) as server:
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                send(server.port("smtpd", "tcp"), ["sanders@cyberdyne.local"], text)
            self.assertEqual(refused.exception.smtp_code, 554)
            send(server.port("smtpd", "tcp"), ["sanders@skynet.local"], text[31:])

    def test_is_asked_for_by_etrn(self):
        hop = self.enterContext(Hop(plan(MAIL="451 4.3.0 later"), plan()))
        conf = sender(hop.port, 'tls = "none"').replace('"50ms"', '"1h"')
        server = self.enterContext(lab.Program(conf))
        with smtplib.SMTP("127.0.0.1", server.port("smtpd", "tcp")) as s:
            s.ehlo()
            self.assertEqual(s.docmd("ETRN cyberdyne.local")[0], 251)
            self.assertEqual(s.docmd("ETRN elsewhere.example")[0], 459)
            s.sendmail("sanders@skynet.local", ["sanders@cyberdyne.local"], TEXT)
            server.wait_log("event=smtp.deferred")
            lab.until(lambda: len(hop.sessions) == 1, "no connection")
            lab.until(lambda: s.docmd("ETRN @cyberdyne.local")[0] == 250, "nothing waits")
        server.wait_log("event=smtp.sent")

    def test_is_dead_while_we_end_and_reload(self):
        """A host that is not there holds neither the end up nor other mail; a reload takes the new way at once."""
        dead = lab.free_port()
        hop = self.enterContext(Hop(plan()))
        server = self.enterContext(lab.Program(sender(dead).replace('"50ms"', '"1h"')))
        send(server.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
        server.wait_log("event=smtp.unreachable")
        send(server.port("smtpd", "tcp"), ["sanders@cyberdyne.local", "sanders@skynet.local"])
        wait_mails(server, "skynet.local")
        text = server.conf.read_text()
        server.conf.write_text(text.replace(f":{dead}", f":{hop.port}"))
        server.signal(signal.SIGHUP)
        lab.until(lambda: server.log().count("event=smtp.sent") == 2, server.log)
        server.conf.write_text(text)
        server.signal(signal.SIGHUP)
        lab.until(lambda: server.log().count("event=reload") == 2, server.log)
        send(server.port("smtpd", "tcp"), ["sanders@cyberdyne.local"])
        lab.until(lambda: server.log().count("event=smtp.unreachable") == 2, server.log)
        self.assertEqual(server.end(), 0)

    def test_lives_when_we_are_killed(self):
        """kill -9 while the next hop refuses, then again while it has one of two recipients: nothing is lost, and who has
        the message does not get it again."""
        hop = self.enterContext(Hop(plan(later="450 4.2.1 later"), plan(later="450 4.2.1 later"), plan(later="450 4.2.1 later"),
                                    plan(later="450 4.2.1 later"), plan()))
        conf = sender(hop.port, 'tls = "none"').replace('"50ms"', '"300ms"')
        server = self.enterContext(lab.Program(conf))
        send(server.port("smtpd", "tcp"), ["sanders@cyberdyne.local", "later@cyberdyne.local"])
        server.wait_log("event=smtp.sent")
        lab.until(lambda: BetweenTwoOfOurs.rows(self, server) == 2, "the outcome is not on the disk")
        server.kill()
        with lab.Program(conf, state=server.directory, name="again.conf") as again:
            lab.until(lambda: "to=later@cyberdyne.local host=127.0.0.1 reply=\"250" in again.log(), again.log)
        rcpts = [line.split()[1] for s in hop.sessions for line in s.lines if line.startswith("RCPT")]
        self.assertEqual(rcpts.count("TO:<sanders@cyberdyne.local>"), 1)


ZONE = """$ORIGIN example.
$TTL 300
@        SOA ns hostmaster 1 1h 15m 1w 5m
         NS  ns
ns       A   127.0.0.1
mx       MX  10 dead
mx       MX  20 alive
dead     A   127.0.0.2
alive    A   127.0.0.1
implicit A   127.0.0.1
null     MX  0 .
loop     MX  10 mail01.example.
loop     MX  20 alive
nowhere  MX  10 nothing
"""


class ByMx(unittest.TestCase):
    def test_by_mx(self):
        with lab.Program(receiver(domain="mx.example").replace("domain", 'domain "implicit.example" { mailboxes = { "sanders" } }\n'
                                                               "  domain", 1)) as b:
            directory = pathlib.Path(b.directory)
            (directory / "example.zone").write_text(ZONE)
            dns = self.enterContext(lab.Program(f'dnsd {{ listen = {{ "127.0.0.1:0" }} zone "example" {{ file = "{directory}/example.zone" }} }}'))
            conf = f"""smtpd {{
  hostname = "mail01.example"
  listen = {{ "127.0.0.1:0" }}
  retry-interval = "50ms"
  mx-port = {b.port("smtpd", "tcp")}
  resolvers = {{ "127.0.0.1:{dns.port("dnsd", "udp")}" }}
  domain "skynet.local" {{ mailboxes = {{ "sanders" }} }}
  allow-relay = {{ "127.0.0.0/8" }}
}}
"""
            a = self.enterContext(lab.Program(conf))
            to = ["mx", "implicit", "null", "loop", "none", "nowhere"]
            send(a.port("smtpd", "tcp"), [f"sanders@{name}.example" for name in to])
            wait_mails(b, "mx.example", others=[a])
            wait_mails(b, "implicit.example", others=[a])
            for name, status in (("null", b"5.1.10"), ("loop", b"5.4.6"), ("none", b"5.1.2")):
                fields = b"Final-Recipient: rfc822; sanders@%s.example\nAction: failed\nStatus: %s\n" % (name.encode(), status)
                lab.until(lambda: fields in b"".join(mails(a, "skynet.local")), lambda: f"{fields}: {a.log()[:3000]}")
            a.wait_log("destination=nowhere.example host=nothing.example")
            self.assertNotIn("to=sanders@nowhere.example reason=\"There is no", a.log())



class PostfixServer:
    """A Postfix of our own: its configuration, queue and mailboxes in a directory, on a free port."""

    def __init__(self, relayhost=""):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postfix-"))
        self.directory.chmod(0o755)
        self.port = lab.free_port()
        conf, d = self.directory / "conf", self.directory
        for name in ("conf", "queue", "data", "mail"):
            (d / name).mkdir()
        shutil.chown(d / "data", "postfix")
        (d / "mail").chmod(0o777)
        services = ["cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
                    "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                    "smtp unix - - n - - smtp", "relay unix - - n - - smtp", "error unix - - n - - error",
                    "retry unix - - n - - error", "virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil",
                    "tlsmgr unix - - n 1000? 1 tlsmgr", "scache unix - - n - 1 scache", "proxymap unix - - n - - proxymap",
                    "postlog unix-dgram n - n - 1 postlogd"]
        (conf / "master.cf").write_text(f"127.0.0.1:{self.port} inet n - n - - smtpd\n" + "\n".join(services) + "\n")
        (conf / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {d}/queue
data_directory = {d}/data
maillog_file = {d}/queue/log
maillog_file_prefixes = {d}
myhostname = postfix.example
mydestination =
mynetworks = {"127.0.0.0/8" if relayhost else "192.0.2.1"}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = pf.example
virtual_mailbox_base = {d}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
relayhost = {relayhost}
smtp_tls_security_level = may
smtp_dns_support_level = disabled
""")
        self.process = subprocess.Popen(["/usr/sbin/postfix", "-c", str(conf), "start-fg"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
        lab.until(self.answers, lambda: f"Postfix does not answer: {self.log()}")

    def log(self):
        path = self.directory / "queue/log"
        return path.read_text(errors="replace") if path.exists() else ""

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def mails(self):
        return [p.read_bytes() for p in self.directory.glob("mail/box/new/*")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.run("/usr/sbin/postfix", "-c", self.directory / "conf", "stop")
        self.process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


@lab.needs("postfix")
@lab.needs_root
class Postfix(unittest.TestCase):
    def test_receives_from_ours(self):
        with PostfixServer() as pf:
            conf = sender(pf.port).replace("cyberdyne.local", "pf.example")
            with lab.Program(conf) as a:
                send(a.port("smtpd", "tcp"), ["sanders@pf.example"])
                (mail,) = lab.until(pf.mails, lambda: pf.log() + a.log()[-3000:])
                self.assertTrue(mail.endswith(b"\n" + TEXT.replace(b"\r\n", b"\n")), mail)
                self.assertIn(b"\tby mail01 (Postfix) with ESMTP id ", mail)
                send(a.port("smtpd", "tcp"), ["x@pf.example", "y@elsewhere.pf.example"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
                wait_mails(a, "skynet.local")  # 554 of Postfix for the second
                report = email.message_from_bytes(mails(a, "skynet.local")[0], policy=email.policy.default)
                self.assertIn("Action: failed", str(report))
                lab.until(lambda: len(pf.mails()) == 2, pf.log)
                self.assertIn("status=sent", pf.log())

    def test_sends_to_ours(self):
        with lab.Program(receiver()) as b, PostfixServer(f"[127.0.0.1]:{b.port('smtpd', 'tcp')}") as pf:
            long = TEXT + b"".join(b".%06d%s\r\n" % (i, b"x" * 70) for i in range(3000))
            send(pf.port, ["sanders@cyberdyne.local"], rcpt_options=["NOTIFY=SUCCESS"])
            send(pf.port, ["ppa@cyberdyne.local"], long)
            (mail,) = wait_mails(b, "cyberdyne.local", others=[pf])
            self.assertTrue(mail.endswith(b"\n" + TEXT.replace(b"\r\n", b"\n")), mail)
            self.assertIn(b" with ESMTPS id ", mail)  # Postfix took our STARTTLS
            (mail,) = wait_mails(b, "cyberdyne.local", mailbox="ppa", others=[pf])
            self.assertTrue(mail.endswith(b"\n" + long.replace(b"\r\n", b"\n")))
            b.wait_log("NOTIFY=SUCCESS")


if __name__ == "__main__":
    unittest.main()
