"""Catalog zones (RFC 9432): made and followed, with ours, BIND and Knot on the other side; members come and go while servers
run, and outlive a crash."""
import pathlib
import signal

import lab
import test_dns_copies as copies
from test_dns_copies import ask, free_port, update

MEMBER = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.1\n"
CATALOG = """$ORIGIN cat.test.
$TTL 0
@ SOA invalid. invalid. 1 3600 600 86400 0
@ NS invalid.
version TXT "{version}"
{members}
"""
BIND = '''options {{
  directory "{directory}"; pid-file "{directory}/pid"; session-keyfile "{directory}/session.key";
  listen-on port {listen} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify {notify}; allow-new-zones yes;
  {options}
}};
controls {{ }};
{zones}
'''


def code(port, *words):
    done = lab.run("kdig", "@127.0.0.1", "-p", port, "+time=1", "+retry=0", *words)
    return done.stdout.decode().partition("status: ")[2].partition(";")[0]


def heard(server):
    """Without the questions of `until`."""
    return "\n".join(line for line in server.log().splitlines() if "dns.query" not in line)[-3000:]


def serves(port, zone):
    return ask(port, f"www.{zone}", "A") == ["192.0.2.1"]


class Catalogs(copies.Zones):
    def served(self, port, *zones, server=None):
        for zone in zones:
            lab.until(lambda zone=zone: serves(port, zone),
                      lambda: f"{zone} is not served: {heard(server) if server else ''}", 30)

    def gone(self, port, zone, server=None):
        lab.until(lambda: code(port, zone, "SOA") == "REFUSED",
                  lambda: f"{zone} is still served: {heard(server) if server else ''}", 30)

    # ---- ours as the producer -------------------------------------------------------------------

    def producer_conf(self, zones, listen, notify):
        (self.directory / "member.zone").write_text(MEMBER)
        listed = "".join(f'  zone "{z}" {{ file = "{self.directory}/member.zone"  allow-transfer = {{ "127.0.0.0/8" }}  '
                         f'catalog = "cat.test"  {more} }}\n' for z, more in zones.items())
        return f'''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  zone "cat.test" {{ lists-members = true  allow-transfer = {{ "127.0.0.0/8" }}  notify = {{ {notify} }} }}
{listed}}}
'''

    def producer(self, zones, notify=()):
        listen = free_port()
        targets = ", ".join(f'"127.0.0.1:{p}"' for p in notify)
        self.listen, self.targets = listen, targets
        server = lab.Program(self.producer_conf(zones, listen, targets))
        self.addCleanup(server.close)
        return server, listen

    def produce(self, server, zones):
        server.conf.write_text(f'state = "{server.directory}/state"\n' + self.producer_conf(zones, self.listen, self.targets))
        server.signal(signal.SIGHUP)

    # ---- ours as the consumer -------------------------------------------------------------------

    def consumer(self, port, listen, more="", state=None, catalog='primaries = {{ "127.0.0.1:{port}" }}'):
        server = lab.Program(f'''dnsd {{
  listen = {{ "127.0.0.1:{listen}" }}
  zone "cat.test" {{
    {catalog.format(port=port)}
    allow-transfer = {{ "127.0.0.2" }}
    members "*" {{ primaries = {{ "127.0.0.1:{port}" }} }}
    members "open" {{ primaries = {{ "127.0.0.1:{port}" }}  allow-transfer = {{ "127.0.0.0/8" }} }}
  }}
  {more}
}}
''', state=state)
        self.addCleanup(server.close)
        return server

    def bind(self, listen, zones, options="", notify="no"):
        conf = self.directory / "named.conf"
        conf.write_text(BIND.format(directory=self.directory, listen=listen, notify=notify, options=options, zones=zones))
        return copies.Peer(self, "named", "-f", "-n", "1", "-c", conf)


@lab.needs("kdig")
class Ours(Catalogs):
    def test_members_come_and_go_and_outlive_a_crash(self):
        listen = free_port()
        primary, port = self.producer({"a.test": "", "b.test": ""}, notify=(listen,))
        server = self.consumer(port, listen)
        self.served(listen, "a.test", "b.test", server=server)
        self.produce(primary, {"b.test": "", "c.test": ""})
        self.served(listen, "c.test", server=server)
        self.gone(listen, "a.test", server)
        self.assertIn("by=IXFR", server.log())
        copied = pathlib.Path(server.directory) / "state" / "dnsd"
        lab.until(lambda: len(list(copied.glob("[bc].test*.copy"))) == 2
                  and all(b"\1c\4test" in c.read_bytes() for c in copied.glob("cat.test*.copy")), "no copies are kept", 30)
        primary.kill()
        server.kill()
        server = self.consumer(port, listen, state=server.directory)
        self.served(listen, "b.test", "c.test", server=server)
        self.gone(listen, "a.test", server)

    def test_labels_and_the_serial_stay_over_a_reload(self):
        primary, port = self.producer({"a.test": ""})
        before = copies.ask(port, "cat.test", "AXFR")
        self.produce(primary, {"a.test": ""})
        primary.wait_log("reloaded")
        self.assertEqual(copies.ask(port, "cat.test", "AXFR"), before)

    def test_a_reload_of_the_consumer_keeps_members(self):
        listen = free_port()
        primary, port = self.producer({"a.test": ""}, notify=(listen,))
        server = self.consumer(port, listen)
        self.served(listen, "a.test", server=server)
        primary.kill()
        server.signal(signal.SIGHUP)
        server.wait_log("reloaded")
        self.assertTrue(serves(listen, "a.test"))

    def test_the_catalog_is_for_those_who_may_transfer_it(self):
        listen = free_port()
        _, port = self.producer({"a.test": ""}, notify=(listen,))
        server = self.consumer(port, listen)
        self.served(listen, "a.test", server=server)
        self.assertEqual(code(listen, "version.cat.test", "TXT"), "REFUSED")
        self.assertEqual(code(listen, "version.cat.test", "TXT", "-b", "127.0.0.2"), "NOERROR")

    def test_groups_get_what_is_said_for_them(self):
        listen = free_port()
        primary, port = self.producer({"a.test": "", "b.test": 'catalog-group = "open"'}, notify=(listen,))
        server = self.consumer(port, listen)
        self.served(listen, "a.test", "b.test", server=server)
        self.assertEqual((ask(listen, "a.test", "AXFR"), bool(ask(listen, "b.test", "AXFR"))), ([], True))
        self.produce(primary, {"a.test": 'catalog-group = "open"', "b.test": ""})
        lab.until(lambda: ask(listen, "a.test", "AXFR"), lambda: heard(server), 30)
        lab.until(lambda: not ask(listen, "b.test", "AXFR"), lambda: heard(server), 30)

    def test_broken_catalogs_and_clashes_change_nothing(self):
        listen = free_port()
        _, port = self.producer({"a.test": "", "b.test": ""})
        catalog = self.directory / "catalog.zone"

        def write(serial, members, version=2):
            text = CATALOG.format(version=version, members=members).replace(" 1 3600", f" {serial} 3600")
            catalog.write_text(text)

        write(1, "x.zones PTR a.test.\ny.zones PTR own.test.")
        server = self.consumer(port, listen, f'zone "own.test" {{ file = "{self.directory}/member.zone" }}',
                               catalog=f'file = "{catalog}"')
        server.wait_log("dns.member.ignored")
        self.served(listen, "a.test", "own.test", server=server)
        for serial, (members, version) in enumerate([("x.zones PTR b.test.", 1), ("x.zones PTR a.test.\nx.zones PTR b.test.", 2)], 2):
            write(serial, members, version)
            server.signal(signal.SIGHUP)
            lab.until(lambda n=serial - 1: server.log().count("dns.catalog.broken") >= n, lambda: heard(server), 30)
        self.assertEqual((serves(listen, "a.test"), code(listen, "b.test", "SOA")), (True, "REFUSED"))
        write(9, "z.zones PTR a.test.")
        added = server.log().count("dns.member.added")
        server.signal(signal.SIGHUP)  # another label: the zone begins anew
        lab.until(lambda: server.log().count("dns.member.added") > added, lambda: heard(server), 30)
        self.served(listen, "a.test", server=server)

    def test_a_member_moves_to_the_catalog_that_its_own_names(self):
        listen = free_port()
        _, port = self.producer({"a.test": ""})
        old, new = self.directory / "old.zone", self.directory / "new.zone"

        def write(path, serial, members):
            path.write_text(CATALOG.format(version=2, members=members).replace("cat.test", f"{path.stem}.test")
                            .replace(" 1 3600", f" {serial} 3600"))

        def section(path, transfer):
            return (f'zone "{path.stem}.test" {{ file = "{path}"  members "*" {{ primaries = {{ "127.0.0.1:{port}" }}  '
                    f'allow-transfer = {{ {transfer} }} }} }}')

        write(old, 1, "x.zones PTR a.test.")
        write(new, 1, "")
        server = lab.Program(f'dnsd {{\n  listen = {{ "127.0.0.1:{listen}" }}\n  {section(old, "")}\n'
                             f'  {section(new, chr(34) + "127.0.0.1" + chr(34))}\n}}\n')
        self.addCleanup(server.close)
        self.served(listen, "a.test", server=server)
        write(new, 2, "y.zones PTR a.test.")
        server.signal(signal.SIGHUP)
        server.wait_log("dns.member.ignored")
        self.assertEqual(ask(listen, "a.test", "AXFR"), [])
        write(old, 2, "x.zones PTR a.test.\ncoo.x.zones PTR new.test.")
        server.signal(signal.SIGHUP)
        lab.until(lambda: ask(listen, "a.test", "AXFR"), lambda: heard(server), 30)
        write(old, 3, "")
        write(new, 3, "y.zones PTR a.test.")
        server.signal(signal.SIGHUP)
        lab.until(lambda: server.log().count("reloaded") >= 3, lambda: heard(server), 30)
        self.assertTrue(ask(listen, "a.test", "AXFR"))


@lab.needs("kdig", "nsupdate", "named")
class Bind(Catalogs):
    def test_it_follows_ours(self):
        listen = free_port()
        primary, port = self.producer({"a.test": "", "b.test": ""}, notify=(listen,))
        self.bind(listen, f'zone "cat.test" {{ type secondary; file "cat"; primaries port {port} {{ 127.0.0.1; }}; }};',
                  f'catalog-zones {{ zone "cat.test" default-primaries port {port} {{ 127.0.0.1; }}; }};')
        self.served(listen, "a.test", "b.test")
        self.produce(primary, {"b.test": "", "c.test": ""})
        self.served(listen, "c.test")
        self.gone(listen, "a.test")

    def test_ours_follows_it(self):
        listen, ours = free_port(), free_port()
        (self.directory / "member.zone").write_text(MEMBER)
        (self.directory / "cat.zone").write_text(CATALOG.format(version=2, members="x.zones PTR a.test."))
        members = "".join(f'zone "{z}" {{ type primary; file "{self.directory}/member.zone"; allow-transfer {{ 127.0.0.1; }}; }};\n'
                          for z in ("a.test", "b.test"))
        self.bind(listen, f'zone "cat.test" {{ type primary; file "{self.directory}/cat.zone"; allow-update {{ 127.0.0.1; }}; '
                  f'allow-transfer {{ 127.0.0.1; }}; also-notify {{ 127.0.0.1 port {ours}; }}; }};\n{members}', notify="explicit")
        self.served(listen, "a.test")
        server = self.consumer(listen, ours)
        self.served(ours, "a.test", server=server)
        changed = update(listen, "zone cat.test", "update add y.zones.cat.test 0 PTR b.test.", "update delete x.zones.cat.test")
        self.assertEqual(changed.returncode, 0, changed.stderr)
        self.served(ours, "b.test", server=server)
        self.gone(ours, "a.test", server)


@lab.needs("kdig", "knotd")
class Knot(Catalogs):
    def knot_with(self, listen, rest):
        storage = self.directory / "knot"
        storage.mkdir()
        conf = self.directory / "knot.conf"
        conf.write_text(f"server:\n  rundir: {storage}\n  listen: 127.0.0.1@{listen}\ndatabase:\n  storage: {storage}\n{rest}")
        return copies.Peer(self, "knotd", "-c", conf)

    def test_it_follows_ours(self):
        listen = free_port()
        primary, port = self.producer({"a.test": "", "b.test": ""}, notify=(listen,))
        self.knot_with(listen, f"""remote:
  - id: up
    address: 127.0.0.1@{port}
acl:
  - id: told
    address: 127.0.0.1
    action: notify
template:
  - id: default
    storage: {self.directory}/knot
  - id: members
    storage: {self.directory}/knot
    master: up
    acl: told
zone:
  - domain: cat.test
    master: up
    acl: told
    catalog-role: interpret
    catalog-template: members
""")
        self.served(listen, "a.test", "b.test")
        self.produce(primary, {"b.test": "", "c.test": ""})
        self.served(listen, "c.test")
        self.gone(listen, "a.test")

    def test_ours_follows_it(self):
        listen, ours = free_port(), free_port()
        (self.directory / "member.zone").write_text(MEMBER)
        zones = "".join(f'  - domain: {z}\n    file: {self.directory}/member.zone\n    zonefile-sync: -1\n    acl: any\n'
                        '    catalog-role: member\n    catalog-zone: cat.test\n' for z in ("a.test", "b.test"))
        self.knot(listen, f"""remote:
  - id: down
    address: 127.0.0.1@{ours}
acl:
  - id: any
    address: 127.0.0.1
    action: transfer
zone:
  - domain: cat.test
    catalog-role: generate
    acl: any
    notify: down
{zones}""")
        server = self.consumer(listen, ours)
        self.served(ours, "a.test", "b.test", server=server)


if __name__ == "__main__":
    import unittest
    unittest.main()
