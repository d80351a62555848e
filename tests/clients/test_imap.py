"""imaplib, curl, mbsync, mutt and openssl against imapd, over the mailboxes that smtpd fills."""
import imaplib
import pathlib
import re
import smtplib
import socket
import ssl
import subprocess
import tempfile
import unittest

import lab

CONF = '''smtpd {
  hostname = "mail02"
  listen = { "127.0.0.1:0" }
  max-message-size = "10MiB"
  domain "cyberdyne.local" { mailboxes = { "sanders", "ann" } }
}
imapd {
  hostname = "mail02"
  listen = { "127.0.0.1:0" }
  max-message-size = "1MiB"
  user "sanders" { password = "sky net" mailbox = "sanders@cyberdyne.local" }
  user "ann" { password = "a" mailbox = "ann@cyberdyne.local" }
}
'''
PASSWORD = 'sky net'
MESSAGE = (b"From: Ann <ann@example.org>\r\nTo: sanders@cyberdyne.local\r\nSubject: %s\r\n"
           b"Date: Tue, 01 Feb 1994 10:00:00 -0500\r\n\r\nThe text.\r\n")


class Server(lab.Program):
    def __init__(self, conf=CONF, **options):
        super().__init__(conf, **options)
        self.imap_port = self.port("imapd", "tcp")

    def root(self, user="sanders"):
        return self.directory / "state/mail/cyberdyne.local" / user

    def send(self, message, to="sanders@cyberdyne.local"):
        """By SMTP; when it returns the message is in the mailbox."""
        before = self.log().count("event=smtp.delivered")
        with smtplib.SMTP("127.0.0.1", self.port("smtpd", "tcp")) as s:
            s.sendmail("ann@example.org", [to], message)
        lab.until(lambda: self.log().count("event=smtp.delivered") > before, "not delivered")

    def context(self):
        context = ssl.create_default_context(cafile=self.directory / "state/tls/ca.pem")
        context.check_hostname = False  # the name is mail02, the address is not
        return context

    def client(self, user="sanders", password=PASSWORD):
        m = imaplib.IMAP4("127.0.0.1", self.imap_port, 20)
        m.starttls(self.context())
        m.login(user, password)
        return m


class Raw:
    """A connection, line by line, in TLS after `tls()`."""

    def __init__(self, server):
        self.server = server
        self.s = socket.create_connection(("127.0.0.1", server.imap_port), 20)
        self.file = self.s.makefile("rb")
        self.greeting = self.file.readline()

    def send(self, data):
        self.s.sendall(data)

    def line(self):
        return self.file.readline()

    def say(self, line):
        """The lines up to the tagged one, which is last."""
        self.send(line + b"\r\n")
        tag, lines = line.split(b" ")[0], []
        while not lines or not lines[-1].startswith(tag + b" "):
            lines.append(self.line())
            if not lines[-1]:
                raise AssertionError(f"closed after {lines}")
        return lines

    def tls(self):
        self.say(b"t STARTTLS")
        self.file.close()
        self.s = self.server.context().wrap_socket(self.s)
        self.file = self.s.makefile("rb")
        return self

    def login(self):
        self.tls()
        assert self.say(b't LOGIN sanders "sky net"')[-1].startswith(b"t OK")
        return self

    def close(self):
        self.file.close()
        self.s.close()


class Imap(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def raw(self):
        raw = Raw(self.server)
        self.addCleanup(raw.close)
        return raw

    def client(self, **options):
        m = self.server.client(**options)
        self.addCleanup(m.sock.close)
        return m

    # ---- before the login -----------------------------------------------------------------

    def test_no_password_before_tls(self):
        raw = self.raw()
        for word in (b"* OK", b"IMAP4rev1", b"STARTTLS", b"LOGINDISABLED"):
            self.assertIn(word, raw.greeting)
        self.assertIn(b"a NO [PRIVACYREQUIRED]", raw.say(b'a LOGIN sanders "sky net"')[-1])
        self.assertIn(b"b NO [PRIVACYREQUIRED]", raw.say(b"b AUTHENTICATE PLAIN AHNhbmRlcnMAc2t5")[-1])
        self.assertIn(b"c BAD", raw.say(b"c SELECT INBOX")[-1])
        self.assertIn(b"d BAD", raw.say(b"d IDLE")[-1])
        raw.tls()
        capabilities = raw.say(b"e CAPABILITY")[0]
        self.assertNotIn(b"LOGINDISABLED", capabilities)
        self.assertNotIn(b"STARTTLS", capabilities)
        self.assertIn(b"AUTH=PLAIN", capabilities)
        self.assertNotIn(PASSWORD, self.server.log())

    def test_what_was_said_before_tls_does_not_count(self):
        raw = self.raw()
        raw.send(b'a STARTTLS\r\nb LOGIN sanders "sky net"\r\n')  # RFC 9051 11.2: an injected command
        self.assertTrue(raw.line().startswith(b"a OK"))
        raw.file.close()
        raw.s = self.server.context().wrap_socket(raw.s)
        raw.file = raw.s.makefile("rb")
        self.assertTrue(raw.say(b"c SELECT INBOX")[0].startswith(b"c BAD"))

    def test_wrong_passwords_end_the_session(self):
        raw = self.raw().tls()
        for tag in (b"a", b"b", b"c"):
            self.assertIn(b"NO [AUTHENTICATIONFAILED]", raw.say(tag + b" LOGIN sanders skynet")[-1])
        self.assertTrue(raw.line().startswith(b"* BYE"))
        self.assertEqual(raw.line(), b"")

    def test_plain_with_and_without_an_initial_response(self):
        import base64
        good = base64.b64encode(b"\0sanders\0" + PASSWORD.encode())
        raw = self.raw().tls()
        self.assertTrue(raw.say(b"a AUTHENTICATE PLAIN " + good)[-1].startswith(b"a OK"))
        raw = self.raw().tls()
        raw.send(b"a AUTHENTICATE PLAIN\r\n")
        self.assertEqual(raw.line(), b"+ \r\n")
        raw.send(good + b"\r\n")
        self.assertTrue(raw.line().startswith(b"a OK"))
        raw = self.raw().tls()
        raw.send(b"a AUTHENTICATE PLAIN\r\n")
        raw.line()
        raw.send(b"*\r\n")
        self.assertTrue(raw.line().startswith(b"a BAD"))  # RFC 3501 6.2.2
        self.assertTrue(raw.say(b"b AUTHENTICATE PLAIN !")[-1].startswith(b"b BAD"))
        other = base64.b64encode(b"ann\0sanders\0" + PASSWORD.encode())
        self.assertTrue(raw.say(b"c AUTHENTICATE PLAIN " + other)[-1].startswith(b"c NO"))

    # ---- reading ----------------------------------------------------------------------------

    def test_a_message_comes_out_as_it_went_in(self):
        body = b"".join(b"%05d " % i + b"x" * 70 + b"\r\n" for i in range(1000)) + b"..\r\n.\r\n\xe4\r\n"
        whole = MESSAGE % b"long" + body
        self.server.send(whole)
        m = self.client()
        self.assertEqual(m.select(), ("OK", [b"1"]))
        _, data = m.fetch("1", "(RFC822.SIZE BODY[] BODY[TEXT] BODY[HEADER] BODY[TEXT]<5.4>)")
        text = {d[0].split(b" {")[0].rsplit(b"BODY", 1)[1]: d[1] for d in data if isinstance(d, tuple)}
        self.assertTrue(text[b"[]"].endswith(whole))
        self.assertEqual(text[b"[TEXT]"], whole.split(b"\r\n\r\n", 1)[1])
        self.assertEqual(text[b"[HEADER]"] + text[b"[TEXT]"], text[b"[]"])
        self.assertEqual(text[b"[TEXT]<5>"], text[b"[TEXT]"][5:9])
        self.assertIn(b"RFC822.SIZE %d " % len(text[b"[]"]), data[0][0])

    def test_what_fetch_tells(self):
        self.server.send(MESSAGE % b"=?utf-8?q?caf=C3=A9?=")
        m = self.client()
        m.select()
        _, data = m.fetch("1", "(UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (subject)])")
        line = data[0][0]
        self.assertIn(b'ENVELOPE ("Tue, 01 Feb 1994 10:00:00 -0500" "=?utf-8?q?caf=C3=A9?=" '
                      b'(("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) '
                      b'(("Ann" NIL "ann" "example.org")) ((NIL NIL "sanders" "cyberdyne.local")) NIL NIL NIL NIL)', line)
        self.assertEqual(data[0][1], b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n")
        self.assertNotIn(b"\\Seen", line)
        m.fetch("1", "BODY[TEXT]")
        self.assertIn(b"\\Seen", m.fetch("1", "FLAGS")[1][0])
        self.assertEqual(m.fetch("1", "BODY[2]")[1][0], b"1 (BODY[2] NIL)")
        with self.assertRaisesRegex(imaplib.IMAP4.error, "BAD"):
            m.fetch("2", "FLAGS")

    def test_examine_changes_nothing(self):
        self.server.send(MESSAGE % b"one")
        m = self.client()
        m.select("INBOX", readonly=True)
        m.fetch("1", "BODY[]")
        self.assertNotIn(b"\\Seen", m.fetch("1", "FLAGS")[1][0])
        raw = self.raw().login()
        raw.say(b"a EXAMINE INBOX")
        self.assertTrue(raw.say(b"b STORE 1 +FLAGS (\\Deleted)")[-1].startswith(b"b NO"))
        self.assertTrue(raw.say(b"c EXPUNGE")[-1].startswith(b"c NO"))

    def test_search(self):
        for subject in (b"one", b"=?utf-8?b?Y2Fmw6k=?=", b"three"):
            self.server.send(MESSAGE % subject)
        m = self.client()
        m.select()
        m.store("3", "+FLAGS", r"(\Flagged)")
        for keys, want in (("ALL", b"1 2 3"), ("FLAGGED", b"3"), ("SUBJECT ONE", b"1"), ("NOT SUBJECT one", b"2 3"),
                           ("OR SUBJECT one FLAGGED", b"1 3"), ("(2 SENTON 1-Feb-1994)", b"2"), ("2:* UNFLAGGED", b"2"),
                           ("SENTBEFORE 1-Feb-1994", b""), ("FROM example.org TEXT text. LARGER 10 1", b"1"),
                           ("HEADER Subject three", b"3"), ("UID 1,3", b"1 3"), ("BODY subject", b""), ("SINCE 1-Jan-2020", b"1 2 3")):
            self.assertEqual(m.search(None, keys)[1][0], want, keys)
        m.literal = "café".encode()
        self.assertEqual(m.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT")[1][0], b"2")
        raw = self.raw().login()
        raw.say(b"a SELECT INBOX")
        self.assertIn(b"NO [BADCHARSET", raw.say(b"b SEARCH CHARSET KOI8-R ALL")[-1])

    # ---- changing ---------------------------------------------------------------------------

    def test_uids_last(self):
        for subject in (b"one", b"two", b"three"):
            self.server.send(MESSAGE % subject)
        m = self.client()
        m.select()
        validity = m.untagged_responses["UIDVALIDITY"]
        m.store("2", "+FLAGS", r"(\Deleted)")
        self.assertEqual(m.expunge()[1], [b"2"])
        m.logout()
        self.server.kill()
        again = Server(state=self.server.directory)
        self.addCleanup(again.close)
        again.send(MESSAGE % b"four")
        m = again.client()
        m.select()
        self.assertEqual(m.untagged_responses["UIDVALIDITY"], validity)
        self.assertEqual(m.uid("SEARCH", "ALL")[1][0], b"1 3 4")
        self.assertIn(b"\\Seen", m.uid("STORE", "3:*", "+FLAGS", r"(\Seen)")[1][0])
        m.shutdown()

    def test_what_was_appended_survives_a_crash(self):
        m = self.client()
        whole = MESSAGE % b"kept"
        code, data = m.append("INBOX", r"(\Seen \Flagged)", '"17-Jul-1996 02:44:25 -0700"', whole)
        self.server.kill()
        self.assertEqual(code, "OK")
        self.assertRegex(data[0], rb"\[APPENDUID \d+ 1\]")
        again = Server(state=self.server.directory)
        self.addCleanup(again.close)
        m = again.client()
        m.select()
        _, data = m.fetch("1", "(FLAGS INTERNALDATE BODY.PEEK[])")
        self.assertEqual(data[0][1], whole)
        self.assertIn(b'INTERNALDATE "17-Jul-1996 09:44:25 +0000"', data[0][0])
        self.assertIn(b"FLAGS (\\Flagged \\Seen)", data[0][0])
        m.shutdown()

    def test_mailboxes(self):
        m = self.client()
        self.server.send(MESSAGE % b"one")
        names = lambda reply: sorted(line.split(b'"." ')[1].strip(b'"') for line in reply[1] if line)
        self.assertEqual(m.create("Work.Lab")[0], "OK")
        self.assertEqual(m.create("Work.Lab")[0], "NO")
        self.assertEqual(names(m.list()), [b"INBOX", b"Work", b"Work.Lab"])
        self.assertEqual(names(m.list('""', "%")), [b"INBOX", b"Work"])
        m.select()
        self.assertEqual(m.copy("1", "Nowhere")[0], "NO")
        self.assertIn(b"TRYCREATE", m.copy("1", "Nowhere")[1][0])
        self.assertRegex(m.copy("1", "Work.Lab")[1][0], rb"\[COPYUID \d+ 1 1\]")
        self.assertEqual(m.uid("MOVE", "1", "Work.Lab")[0], "OK")
        self.assertEqual(m.status("INBOX", "(MESSAGES)")[1][0], b"INBOX (MESSAGES 0)")
        self.assertEqual(m.status("Work.Lab", "(MESSAGES UIDNEXT)")[1][0], b"Work.Lab (MESSAGES 2 UIDNEXT 3)")
        self.assertEqual(m.rename("Work", "Play")[0], "NO")
        self.assertEqual(m.create("Work")[0], "OK")
        self.assertEqual(m.rename("Work", "Play")[0], "OK")
        self.assertEqual(names(m.list()), [b"INBOX", b"Play", b"Play.Lab"])
        self.assertEqual((m.subscribe("Play.Lab")[0], names(m.lsub())), ("OK", [b"Play", b"Play.Lab"]))
        self.assertEqual((m.unsubscribe("Play.Lab")[0], m.lsub()[1]), ("OK", [None]))
        self.assertEqual(m.delete("Play.Lab")[0], "OK")
        self.assertEqual(m.delete("INBOX")[0], "NO")
        self.assertEqual(names(m.list()), [b"INBOX", b"Play"])

    def test_names_stay_in_the_mailbox(self):
        raw = self.raw().login()
        for i, name in enumerate((b'"../ann"', b'".."', b'"a/../../x"', b'""', b'".ann"', b'"a..b"')):
            self.assertIn(b"BAD", raw.say(b"c%d CREATE " % i + name)[-1], name)
        self.assertEqual(sorted(p.name for p in self.server.root().parent.glob("*")), [])

    # ---- others at the same time ----------------------------------------------------------------

    def test_idle_tells_at_once(self):
        raw = self.raw().login()
        raw.say(b"a SELECT INBOX")
        raw.send(b"b IDLE\r\n")
        self.assertTrue(raw.line().startswith(b"+"))
        self.server.send(MESSAGE % b"now")
        self.assertEqual(raw.line(), b"* 1 EXISTS\r\n")
        self.assertEqual(raw.line(), b"* 1 RECENT\r\n")
        other = self.client()
        other.select()
        other.store("1", "+FLAGS", r"(\Deleted)")
        self.assertIn(b"FLAGS (\\Deleted", raw.line())
        other.expunge()
        self.assertEqual(raw.line(), b"* 1 EXPUNGE\r\n")
        raw.send(b"DONE\r\n")
        lines = [raw.line()]
        while not lines[-1].startswith(b"b "):
            lines.append(raw.line())
        self.assertTrue(lines[-1].startswith(b"b OK"))

    def test_two_clients_see_each_other(self):
        for subject in (b"one", b"two"):
            self.server.send(MESSAGE % subject)
        a, b = self.client(), self.client()
        a.select(), b.select()
        a.store("1", "+FLAGS", r"(\Seen \Deleted)")
        self.assertIn("\\Seen", str(b.fetch("1", "(FLAGS BODY.PEEK[TEXT])")[1]))
        a.expunge()
        b.fetch("2", "FLAGS")  # what is gone keeps its number in the middle of a FETCH
        self.assertNotIn("EXPUNGE", b.untagged_responses)
        b.noop()
        self.assertEqual(b.response("EXPUNGE")[1], [b"1"])
        self.assertEqual(b.search(None, "ALL")[1][0], b"1")
        self.assertEqual(self.raw().login().say(b"a STATUS INBOX (MESSAGES)")[0], b"* STATUS INBOX (MESSAGES 1)\r\n")

    # ---- bad input ------------------------------------------------------------------------------

    def test_bad_lines_are_answered_and_the_session_goes_on(self):
        raw = self.raw().login()
        for line, want in ((b"a", b"a BAD"), (b"a NOSUCH", b"a BAD"), (b"a SELECT", b"a BAD"), (b"a FETCH 1 FLAGS", b"a BAD"),
                           (b"a LOGIN x y", b"a BAD"), (b"a CREATE \"a\0b\"", b"a BAD"), (b"+ NOOP", b"* BAD"),
                           (b'a APPEND INBOX "text"', b"a BAD")):
            raw.send(line + b"\r\n")
            self.assertTrue(raw.line().startswith(want), line)
        raw.send(b"a NOOP" + b" " * 9000 + b"\r\n")
        self.assertTrue(raw.line().startswith(b"a BAD"))
        self.assertTrue(raw.say(b"z NOOP")[-1].startswith(b"z OK"))

    def test_literals_have_bounds(self):
        raw = self.raw().login()
        raw.send(b"a APPEND INBOX {1500000}\r\n")
        self.assertTrue(raw.line().startswith(b"a NO [TOOBIG]"))
        raw.send(b"b SELECT {99999999999999999999}\r\n")
        self.assertTrue(raw.line().startswith(b"b NO [TOOBIG]"))
        raw.send(b"c SELECT {5}\r\n")
        self.assertTrue(raw.line().startswith(b"+ "))
        raw.send(b"INBOX\r\n")
        lines = [raw.line()]
        while not lines[-1].startswith(b"c "):
            lines.append(raw.line())
        self.assertTrue(lines[-1].startswith(b"c OK [READ-WRITE]"))
        raw.send(b"d APPEND INBOX {1500000+}\r\n")
        self.assertTrue(raw.line().startswith(b"* BYE"))
        self.assertEqual(raw.line(), b"")

    def test_a_silent_client_is_let_go(self):
        server = Server(CONF.replace('hostname = "mail02"\n  listen', 'hostname = "mail02"\n  idle-timeout = "300ms"\n  listen'))
        self.addCleanup(server.close)
        raw = Raw(server)
        self.addCleanup(raw.close)
        raw.login()
        self.assertTrue(raw.line().startswith(b"* BYE"))

    def test_sigterm_says_good_bye(self):
        raw = self.raw().login()
        raw.say(b"a SELECT INBOX")
        raw.send(b"b IDLE\r\n")
        raw.line()
        self.assertEqual(self.server.end(), 0)
        self.assertTrue(raw.line().startswith(b"* BYE"))


@lab.needs("curl", "mbsync", "mutt")
class Programs(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        self.addCleanup(lambda: lab.run("rm", "-rf", self.home))
        self.server.send(MESSAGE % b"by smtp")

    def test_curl(self):
        ca = self.server.directory / "state/tls/ca.pem"
        words = ["curl", "-sS", "--cacert", ca, "--connect-to", f"mail02:{self.server.imap_port}:127.0.0.1:{self.server.imap_port}",
                 "--ssl-reqd", "-u", "sanders:" + PASSWORD]
        url = f"imap://mail02:{self.server.imap_port}/INBOX"
        done = lab.run(*words, url + ";MAILINDEX=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith(MESSAGE % b"by smtp"))
        (self.home / "new.eml").write_bytes(MESSAGE % b"by curl")
        self.assertEqual(lab.run(*words, "-T", self.home / "new.eml", url).returncode, 0)
        self.assertIn(b"* SEARCH 1 2", lab.run(*words, url + "?ALL").stdout)

    def test_mbsync_both_ways(self):
        (self.home / "rc").write_text(f'''IMAPAccount lab
Host 127.0.0.1
Port {self.server.imap_port}
User sanders
Pass "sky net"
SSLType STARTTLS
CertificateFile {self.home}/cert.pem

IMAPStore far
Account lab

MaildirStore near
Path {self.home}/near/
Inbox {self.home}/near/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
''')
        (self.home / "near").mkdir()
        pem = next(p for p in (self.server.directory / "state/tls").glob("mail02*") if b"CERTIFICATE" in p.read_bytes())
        (self.home / "cert.pem").write_bytes(pem.read_bytes())  # the server's own: no name is asked then
        done = lab.run("mbsync", "-c", self.home / "rc", "-V", "all", timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        near = list((self.home / "near/INBOX").glob("*/*"))
        self.assertEqual(len(near), 1)
        self.assertIn(b"by smtp", near[0].read_bytes())
        near[0].rename(near[0].parent.parent / "cur" / (near[0].name.split(":")[0] + ":2,S"))
        (self.home / "near/INBOX/new/1.2.host").write_bytes(MESSAGE.replace(b"\r\n", b"\n") % b"by mbsync")
        done = lab.run("mbsync", "-c", self.home / "rc", "all", timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        m = self.server.client()
        m.select()
        self.assertEqual(m.search(None, "SEEN")[1][0], b"1")
        self.assertEqual(m.search(None, "SUBJECT", "mbsync")[1][0], b"2")
        m.store("1", "+FLAGS", r"(\Deleted)")
        m.expunge()
        m.logout()
        done = lab.run("mbsync", "-c", self.home / "rc", "all", timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        left = list((self.home / "near/INBOX").glob("[cn]*/*"))
        self.assertEqual([b"by mbsync" in p.read_bytes() for p in left], [True])

    def test_mutt_shows_the_mailbox(self):
        ca = self.server.directory / "state/tls/ca.pem"
        (self.home / "muttrc").write_text(f'''set folder = "imap://sanders@127.0.0.1:{self.server.imap_port}/"
set spoolfile = "imap://sanders@127.0.0.1:{self.server.imap_port}/INBOX"
set imap_pass = 'sky net'
set ssl_force_tls = yes
set ssl_starttls = yes
set ssl_verify_host = no
set certificate_file = "{ca}"
set ssl_ca_certificates_file = "{ca}"
set index_format = "%s"
set quit = yes
push "<pipe-message>cat > {self.home}/seen<enter><exit>"
''')
        done = lab.run("script", "-qec", f"mutt -F {self.home}/muttrc -n", "/dev/null", timeout=60,
                       env={"TERM": "xterm", "HOME": str(self.home)}, stdin=subprocess.DEVNULL)
        seen = self.home / "seen"
        self.assertTrue(seen.exists(), done.stdout.decode(errors="replace")[-2000:] + self.server.log()[-1500:])
        self.assertIn("The text.", seen.read_text())

    def test_openssl_from_the_first_byte(self):
        conf = CONF.replace('listen = { "127.0.0.1:0" }\n  max-message-size = "1MiB"',
                            'listen = {}\n  listen-tls = { "127.0.0.1:0" }\n  max-message-size = "1MiB"')
        server = Server(conf)
        self.addCleanup(server.close)
        done = lab.run("openssl", "s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{server.imap_port}", "-CAfile",
                       server.directory / "state/tls/ca.pem", "-verify_return_error", input=b"a LOGIN ann a\nb LOGOUT\n")
        self.assertIn(b"AUTH=PLAIN", done.stdout.splitlines()[0])
        self.assertIn(b"a OK", done.stdout)
        self.assertIn(b"* BYE", done.stdout)


if __name__ == "__main__":
    unittest.main()
