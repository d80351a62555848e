"""Signed messages (TSIG, RFC 8945) with ordinary clients and servers: dig, kdig, nsupdate, NSD and Knot."""
import socket
import unittest

import lab
import test_dns_copies as copies

SECRET = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
OTHER = "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE="
KEYS = "".join(f'key "{a}.key" {{ algorithm = hmac-{a}  secret = "{SECRET}" }}\n' for a in ("sha1", "sha256", "sha384", "sha512"))

PRIMARY = '''dnsd {{
  listen = {{ "127.0.0.1:0" }}
  {keys}
  zone "a.test" {{
    file           = "{directory}/a.zone"
    allow-transfer = {{ "key {key}" }}
    allow-update   = {{ "key {key}" }}
    {notify}
    {policy}
  }}
}}
'''
SECONDARY = '''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  {keys}
  zone "a.test" {{ primaries = {{ "127.0.0.1:{port} key {key}" }}  allow-transfer = {{ "127.0.0.1" }} }}
}}
'''
KEYS += f'key "key.test" {{ secret = "{SECRET}" }}\n'
# What dig sent once, signed with that key: too late by now.
LATE = bytes.fromhex("d15a01200001000000000001016104746573740000060001036b657904746573740000fa00ff00000000003d0b686d61632d7368613235360000"
                     "006b045b81012c0020fc08c6e21a55492c14febac29ab6c89a5146a1c594ac7c15c30c054c87f10a14d15a00000000")
RECORD_AT = 24
KNOT_KEYS = f'''key:
  - id: sha256.key
    algorithm: hmac-sha256
    secret: {SECRET}
'''


def signed(algorithm="sha256", secret=SECRET):
    return f"hmac-{algorithm}:{algorithm}.key:{secret}"


def kdig(port, *words):
    done = lab.run("kdig", "@127.0.0.1", "-p", port, "+time=3", "+retry=0", *words)
    return (done.stdout + done.stderr).decode()


def dig(port, *words):
    done = lab.run("dig", "@127.0.0.1", "-p", port, "+time=3", "+tries=1", *words)
    return (done.stdout + done.stderr).decode()


def update(port, key, *lines):
    text = "\n".join([f"server 127.0.0.1 {port}", "zone a.test", *lines, "send", ""])
    done = lab.run("nsupdate", "-t", "5", *(("-y", key) if key else ()), input=text.encode())
    return done.returncode, (done.stdout + done.stderr).decode()


class Signed(copies.Zones):
    def primary(self, notify=None, key="sha256.key", policy="", **options):
        told = f'notify = {{ "127.0.0.1:{notify} key {key}" }}' if notify else ""
        server = lab.Program(PRIMARY.format(directory=self.directory, notify=told, keys=KEYS, key=key, policy=policy), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def secondary(self, port, listen=0, keys=KEYS, **options):
        server = lab.Program(SECONDARY.format(port=port, listen=listen, keys=keys, key="sha256.key"), **options)
        self.addCleanup(server.close)
        return server, server.port("dnsd", "udp")

    def nsd_signed(self, listen, zone):
        return self.nsd(listen, f'{zone}\nkey:\n  name: sha256.key\n  algorithm: hmac-sha256\n  secret: "{SECRET}"')


@lab.needs("dig", "kdig", "nsupdate")
class Clients(Signed):
    def test_every_algorithm_by_udp_and_tcp(self):
        self.write_zone(1)
        _, port = self.primary()
        for algorithm in ("sha1", "sha256", "sha384", "sha512"):
            for way in ("+notcp", "+tcp"):
                for ask in (kdig, dig):
                    out = ask(port, way, "-y", signed(algorithm), "www.a.test", "A")
                    self.assertIn("192.0.2.1", out)
                    self.assertIn(f"{algorithm}.key.", out)
                    self.assertNotRegex(out, "(?i)badsig|verif|could not|failed")

    def test_a_zone_only_with_its_key(self):
        self.write_zone(1, "\n".join(f"host{i} TXT {'x' * 200}" for i in range(2000)))  # several messages
        _, port = self.primary()
        for out in (dig(port, "-y", signed(), "a.test", "AXFR"), kdig(port, "-y", signed(), "a.test", "AXFR")):
            self.assertIn("host1999.a.test.", out)
            self.assertNotRegex(out, "(?i)badsig|verif|could not|failed")
        self.assertIn("REFUSED", kdig(port, "a.test", "AXFR"))
        self.assertNotIn("host1.a.test", dig(port, "-y", signed("sha512"), "a.test", "AXFR"))

    def test_wrong_signatures(self):
        self.write_zone(1)
        server, port = self.primary()
        out = dig(port, "-y", signed(secret=OTHER), "www.a.test", "A")
        self.assertIn("NOTAUTH", out)
        self.assertIn("BADSIG", out)
        self.assertNotIn("192.0.2.1", out)
        out = dig(port, "-y", f"hmac-sha256:nobody.key:{SECRET}", "www.a.test", "A")
        self.assertIn("NOTAUTH", out)
        self.assertIn("BADKEY", out)
        out = dig(port, "-y", f"hmac-sha512:sha256.key:{SECRET}", "www.a.test", "A")
        self.assertIn("BADKEY", out)
        self.assertIn("dns.key.refused", server.log())

    def exchange(self, port, message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(lab.END_S)
            s.sendto(message, ("127.0.0.1", port))
            return s.recv(4096)

    def test_an_old_message_is_not_taken_again(self):
        self.write_zone(1)
        _, port = self.primary()
        reply = self.exchange(port, LATE)
        self.assertEqual((reply[3] & 15, reply[6:12]), (9, bytes([0, 0, 0, 0, 0, 1])))  # NOTAUTH, and the one record
        self.assertEqual(reply[RECORD_AT + 33:RECORD_AT + 39], LATE[RECORD_AT + 33:RECORD_AT + 39])  # the client's time
        self.assertEqual(reply[-10:-6], bytes([0, 18, 0, 6]))  # BADTIME, and the server's time, so that it can be set
        self.assertEqual(len(reply), len(LATE) + 6)  # it is signed

    def test_a_signature_that_is_not_the_last_record(self):
        self.write_zone(1)
        _, port = self.primary()
        twice = LATE[:11] + bytes([2]) + LATE[12:] + LATE[RECORD_AT:]
        reply = self.exchange(port, twice)
        self.assertEqual((reply[3] & 15, reply[10:12]), (1, bytes(2)))  # FORMERR, unsigned

    def test_updates_only_with_their_key(self):
        self.write_zone(1)
        _, port = self.primary()
        line = "update add new.a.test 60 A 192.0.2.9"
        self.assertIn("REFUSED", update(port, None, line)[1])
        self.assertIn("REFUSED", update(port, signed("sha512"), line)[1])
        self.assertRegex(update(port, signed(secret=OTHER), line)[1], "NOTAUTH|BADSIG")
        self.assertEqual((copies.serial(port), copies.ask(port, "new.a.test")), (1, []))
        self.assertEqual(update(port, signed(), line), (0, ""))
        self.assertEqual((copies.serial(port), copies.ask(port, "new.a.test")), (2, ["192.0.2.9"]))
        out = kdig(port, "-y", signed(), "a.test", "IXFR=1")
        self.assertIn("new.a.test.", out)
        self.assertNotRegex(out, "(?i)badsig|verif|could not|failed")


@lab.needs("nsupdate", "kdig")
class Policies(Signed):
    def test_a_key_changes_what_it_may_and_nothing_else(self):
        self.write_zone(1)
        server, port = self.primary(policy='update-policy "hosts" { by = { "key sha512.key" } names = { "*.dyn.a.test", "me.a.test" } '
                                    'types = { "A", "TXT" } }')
        key = signed("sha512")
        self.assertEqual(update(port, key, "update add x.dyn.a.test 60 A 192.0.2.7", 'update add me.a.test 60 TXT "x"')[0], 0)
        self.assertEqual(update(port, key, "prereq yxdomain www.a.test", "update delete me.a.test TXT")[0], 0)
        for line in ("update add www.a.test 60 A 192.0.2.7", "update add dyn.a.test 60 A 192.0.2.7", "update delete x.dyn.a.test",
                     "update add x.dyn.a.test 60 AAAA 2001:db8::1"):
            self.assertIn("REFUSED", update(port, key, "update add y.dyn.a.test 60 A 192.0.2.8", line)[1], line)
        self.assertIn("REFUSED", update(port, None, "update add y.dyn.a.test 60 A 192.0.2.8")[1])
        self.assertEqual((copies.ask(port, "x.dyn.a.test"), copies.ask(port, "y.dyn.a.test"), copies.ask(port, "me.a.test", "TXT")),
                         (["192.0.2.7"], [], []))
        self.assertEqual(update(port, signed(), "update add www.a.test 60 A 192.0.2.7")[0], 0)  # allow-update: all of it


class Followed(Signed):
    """Ours is the primary; the other is told, asks and gets, all of it signed."""

    def check(self, listen, start):
        self.write_zone(1)
        server, port = self.primary(notify=listen)
        start(port)
        self.follows(listen, 1)
        for number in (2, 3):
            self.assertEqual(update(port, signed(), f"update add host{number}.a.test 60 A 192.0.2.{number}")[0], 0)
            self.follows(listen, number)  # by NOTIFY: the refresh time of the zone is an hour
        self.assertEqual(copies.ask(listen, "host3.a.test"), ["192.0.2.3"])
        lab.until(lambda: server.log().count("dns.notified") >= 2, server.log)

    @lab.needs("nsupdate", "kdig", "nsd")
    def test_nsd_follows(self):
        listen = copies.free_port()
        self.check(listen, lambda port: self.nsd_signed(listen, f"request-xfr: 127.0.0.1@{port} sha256.key\n"
                                                       "  allow-notify: 127.0.0.1 sha256.key"))

    @lab.needs("nsupdate", "kdig", "knotd")
    def test_knot_follows(self):
        listen = copies.free_port()
        self.check(listen, lambda port: self.knot(listen, f'''{KNOT_KEYS}remote:
  - id: up
    address: 127.0.0.1@{port}
    key: sha256.key
acl:
  - id: told
    key: sha256.key
    action: notify
zone:
  - domain: a.test
    master: up
    acl: told
'''))

    @lab.needs("nsupdate", "kdig")
    def test_ours_follows_ours(self):
        listen = copies.free_port()
        self.check(listen, lambda port: self.secondary(port, listen))


class Following(Signed):
    """Ours is the secondary of others, which give nothing without the key."""

    @lab.needs("kdig", "nsd")
    def test_ours_follows_nsd(self):
        listen, ours = copies.free_port(), copies.free_port()
        self.write_zone(1, "\n".join(f"host{i} TXT {'x' * 200}" for i in range(4000)))  # NSD does not sign each message
        self.nsd_signed(listen, f"zonefile: {self.directory}/a.zone\n  provide-xfr: 127.0.0.1 sha256.key\n"
                               f"  notify: 127.0.0.1@{ours} sha256.key")
        self.follows(listen, 1)
        self.secondary(listen, ours)
        self.follows(ours, 1)
        self.assertTrue(copies.ask(ours, "host3999.a.test", "TXT"))

    @lab.needs("kdig", "knotd", "nsupdate")
    def test_ours_follows_knot(self):
        listen, ours = copies.free_port(), copies.free_port()
        self.write_zone(1)
        self.knot(listen, f'''{KNOT_KEYS}remote:
  - id: down
    address: 127.0.0.1@{ours}
    key: sha256.key
acl:
  - id: any
    key: sha256.key
    action: [transfer, update]
zone:
  - domain: a.test
    file: {self.directory}/a.zone
    notify: down
    acl: any
''')
        self.follows(listen, 1)
        server, _ = self.secondary(listen, ours)
        self.follows(ours, 1)
        for number in (2, 3):
            self.assertEqual(update(listen, signed(), f"update add host{number}.a.test 60 AAAA 2001:db8::{number}")[0], 0)
            self.follows(ours, number)
        self.assertIn("by=IXFR", server.log())

    @lab.needs("kdig")
    def test_a_primary_with_another_secret_is_not_believed(self):
        self.write_zone(1)
        _, port = self.primary()
        server, ours = self.secondary(port, keys=f'key "sha256.key" {{ secret = "{OTHER}" }}')
        lab.until(lambda: "dns.fetch.failed" in server.log(), server.log)
        self.assertIn("BADSIG", server.log())
        self.assertEqual(copies.ask(ours, "www.a.test"), [])


if __name__ == "__main__":
    unittest.main()
