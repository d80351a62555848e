"""curl and raw connections against httpd."""
import gzip
import http.client
import os
import pathlib
import re
import socket
import ssl
import tempfile
import unittest

import lab


def conf(root):
    return f'''httpd {{
  listen = {{ "127.0.0.1:0" }}
  listen-tls = {{ "127.0.0.1:0" }}
  max-body-size = "4KiB"
  head-timeout = "500ms"
  site "default" {{
    root = "{root}"
    headers = {{ "X-Lab: yes" }}
    form "/say" {{ page = "/said.html" then = "/said.html#entry-{{id}}" cookies = {{ "who" }} }}
  }}
  site "other.test" {{ root = "{root}/other" }}
  site "list.test" {{ root = "{root}/folder" index = "none.html" listing = true }}
}}
'''


@lab.needs("curl")
class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root_directory = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.root_directory.name)
        (root / "index.html").write_text("<!doctype html>\n" + "<p>hello</p>\n" * 100)
        (root / "said.html").write_text("<h1>Said</h1>\n<!-- entries -->\n<p>end</p>\n")
        (root / "big.bin").write_bytes(os.urandom(3 << 20))
        (root / "folder").mkdir()
        (root / "folder" / "index.html").write_text("in the folder")
        (root / "other").mkdir()
        (root / "other" / "index.html").write_text("another site")
        os.symlink("/etc/passwd", root / "out")
        cls.root = root
        cls.server = lab.Program(conf(root))
        cls.port = cls.server.port("httpd", "tcp")
        cls.url = f"http://127.0.0.1:{cls.port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.root_directory.cleanup()

    def curl(self, *words):
        """(status, head in lower-case names, body)"""
        done = lab.run("curl", "-s", "-S", "-i", "--max-time", "10", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        raw_head, body = done.stdout.split(b"\r\n\r\n", 1)
        while raw_head.startswith(b"HTTP/1.1 100"):
            raw_head, body = body.split(b"\r\n\r\n", 1)
        lines = raw_head.decode().split("\r\n")
        head = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            head.setdefault(name.lower(), []).append(value.strip())
        return int(lines[0].split()[1]), head, body

    def raw(self, data, until_close=True):
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(data)
            out = b""
            while True:
                more = s.recv(65536)
                if not more:
                    return out
                out += more

    def test_get_and_head(self):
        status, head, body = self.curl(self.url + "/")
        self.assertEqual(status, 200)
        self.assertEqual(body, (self.root / "index.html").read_bytes())
        self.assertEqual(head["content-type"], ["text/html; charset=utf-8"])
        self.assertEqual(head["x-lab"], ["yes"])
        status, head_only, _ = self.curl("-I", self.url + "/")
        self.assertEqual((status, head_only["content-length"]), (200, head["content-length"]))

    def test_conditions(self):
        _, head, _ = self.curl(self.url + "/")
        etag, modified = head["etag"][0], head["last-modified"][0]
        for header, expected in ((f"If-None-Match: {etag}", 304), (f"If-None-Match: W/{etag}", 304),
                                 ('If-None-Match: "other"', 200), (f"If-Modified-Since: {modified}", 304),
                                 ("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 200),
                                 ('If-Match: "other"', 412), (f"If-Match: {etag}", 200),
                                 ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412)):
            with self.subTest(header=header):
                self.assertEqual(self.curl("-H", header, self.url + "/")[0], expected)

    def test_ranges(self):
        whole = (self.root / "big.bin").read_bytes()
        for wanted, first, last in (("0-9", 0, 9), ("1000000-", 1000000, len(whole) - 1), ("-5", len(whole) - 5, len(whole) - 1)):
            status, head, body = self.curl("-r", wanted, self.url + "/big.bin")
            self.assertEqual((status, head["content-range"][0]), (206, f"bytes {first}-{last}/{len(whole)}"))
            self.assertEqual(body, whole[first:last + 1])
        status, head, _ = self.curl("-r", "99999999-", self.url + "/big.bin")
        self.assertEqual((status, head["content-range"][0]), (416, f"bytes */{len(whole)}"))
        status, _, _ = self.curl("-r", "0-9", "-H", 'If-Range: "old"', self.url + "/big.bin")
        self.assertEqual(status, 200)

    def test_a_large_file_arrives_whole_in_clear_and_by_tls(self):
        whole = (self.root / "big.bin").read_bytes()
        self.assertEqual(self.curl(self.url + "/big.bin")[2], whole)
        tls = f"https://localhost:{self.server.port('httpd', 'tls')}"
        self.assertEqual(self.curl("--cacert", self.server.ready["ca"], tls + "/big.bin")[2], whole)

    def test_gzip_only_for_those_who_take_it(self):
        status, head, body = self.curl("-H", "Accept-Encoding: gzip", self.url + "/")
        self.assertEqual((status, head["content-encoding"]), (200, ["gzip"]))
        self.assertEqual(gzip.decompress(body), (self.root / "index.html").read_bytes())
        self.assertIn("Accept-Encoding", head["vary"])
        for refused in ("gzip;q=0", "identity", "br"):
            self.assertNotIn("content-encoding", self.curl("-H", f"Accept-Encoding: {refused}", self.url + "/")[1])

    def test_a_form_is_kept_and_shown(self):
        status, head, _ = self.curl("-d", "who=Ann+B&what=%3Cb%3Ebold%3C%2Fb%3E", self.url + "/say")
        self.assertEqual(status, 302)
        self.assertRegex(head["location"][0], r"^/said\.html#entry-\d+$")
        self.assertTrue(head["set-cookie"][0].startswith("who=Ann+B;"))
        status, head, body = self.curl(self.url + head["location"][0])
        self.assertEqual((status, head["transfer-encoding"]), (200, ["chunked"]))
        self.assertIn(b"&lt;b&gt;bold", body)
        self.assertNotIn(b"<b>bold", body)
        self.assertTrue(body.rstrip().endswith(b"<p>end</p>"))

    def test_a_chunked_upload(self):
        status, _, _ = self.curl("-H", "Transfer-Encoding: chunked", "-d", "who=C&what=chunked", self.url + "/say")
        self.assertEqual(status, 302)
        self.assertIn(b"chunked</dd>", self.curl(self.url + "/said.html")[2])

    def test_sites_by_host(self):
        self.assertEqual(self.curl("-H", "Host: other.test", self.url + "/")[2], b"another site")
        self.assertEqual(self.curl("-H", "Host: OTHER.test:99", self.url + "/")[2], b"another site")

    def test_a_list_of_a_folder_where_it_is_wanted(self):
        status, head, body = self.curl("-H", "Host: list.test", self.url + "/")
        self.assertEqual((status, head["content-type"]), (200, ["text/html; charset=utf-8"]))
        self.assertIn(b'<a href="./index.html">index.html</a>', body)

    def tls(self, name, protocols=()):
        context = ssl.create_default_context(cafile=self.server.ready["ca"])
        if protocols:
            context.set_alpn_protocols(protocols)
        raw = socket.create_connection(("127.0.0.1", self.server.port("httpd", "tls")), 10)
        return context.wrap_socket(raw, server_hostname=name)

    def test_each_site_has_its_certificate(self):
        for name in ("localhost", "127.0.0.1", "other.test", "list.test"):  # verified by the client
            with self.subTest(name=name), self.tls(name) as s:
                s.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 200"))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.tls("nobody.test")

    def test_alpn(self):
        with self.tls("localhost", ["h2", "http/1.1"]) as s:
            self.assertEqual(s.selected_alpn_protocol(), "http/1.1")
        with self.tls("localhost", ["http/1.1"]) as s:
            self.assertEqual(s.selected_alpn_protocol(), "http/1.1")

    @lab.needs("openssl")
    def test_openssl(self):
        done = lab.run("openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{self.server.port('httpd', 'tls')}",
                       "-CAfile", self.server.ready["ca"], "-verify_return_error", "-servername", "localhost",
                       input=b"GET /folder/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(done.stdout.endswith(b"in the folder"), done.stderr)

    def test_python_s_client_keeps_its_connection(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            for method, path, body, expected in (("GET", "/", None, 200), ("HEAD", "/big.bin", None, 200),
                                                 ("POST", "/say", b"who=E", 302), ("GET", "/said.html", None, 200),
                                                 ("PUT", "/", b"x" * 100, 405), ("GET", "/folder/", None, 200)):
                c.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})
                answer = c.getresponse()
                first = c.sock
                self.assertEqual(answer.status, expected)
                answer.read()
                self.assertIs(c.sock, first)
            c.request("POST", "/say", iter([b"who", b"=F"]), {"Content-Type": "application/x-www-form-urlencoded"},
                      encode_chunked=True)
            self.assertEqual(c.getresponse().status, 302)
        finally:
            c.close()

    def test_all_that_was_asked_before_the_client_s_end_is_answered(self):
        form = b"who=G"
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(b"GET /folder/ HTTP/1.1\r\nHost: a\r\n\r\nPOST /say HTTP/1.1\r\nHost: a\r\n"
                      b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                      b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /nope HTTP/1.1\r\nHost: a\r\n\r\n" % (len(form), form))
            s.shutdown(socket.SHUT_WR)
            out = b"".join(iter(lambda: s.recv(1 << 20), b""))
        big = (self.root / "big.bin").read_bytes()
        self.assertIn(big, out)
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", out.replace(big, b"")), [b"200", b"302", b"200", b"404"])

    def test_a_folder_has_its_slash(self):
        status, head, _ = self.curl(self.url + "/folder?x=1")
        self.assertEqual((status, head["location"]), (301, ["/folder/?x=1"]))
        self.assertEqual(self.curl(self.url + "/folder/")[2], b"in the folder")

    def test_nothing_outside_of_the_root(self):
        for path in ("/out", "/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/folder/..%2f..%2f..%2fetc%2fpasswd",
                     "//etc/passwd", "/folder/%00"):
            with self.subTest(path=path):
                status, _, body = self.curl("--path-as-is", self.url + path)
                self.assertIn(status, (400, 404))
                self.assertNotIn(b"root:", body)

    def test_methods(self):
        status, head, _ = self.curl("-X", "DELETE", self.url + "/")
        self.assertEqual((status, head["allow"]), (405, ["GET, HEAD, OPTIONS"]))
        self.assertEqual(self.curl("-X", "BREW", self.url + "/")[0], 501)
        status, head, _ = self.curl("-X", "OPTIONS", self.url + "/say")
        self.assertEqual((status, head["allow"]), (204, ["POST, OPTIONS"]))

    def test_a_file_that_changes_is_seen(self):
        path = self.root / "changing.txt"
        path.write_text("one")
        self.assertEqual(self.curl(self.url + "/changing.txt")[2], b"one")
        path.write_text("another")
        # the disk is looked at once a second
        lab.until(lambda: self.curl(self.url + "/changing.txt")[2] == b"another", "the old content stays")

    def test_keep_alive_and_pipelining(self):
        get = b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"
        out = self.raw(get % (b"/folder/", b"") + get % (b"/nope", b"") + get % (b"/folder/", b"Connection: close\r\n"))
        self.assertEqual([int(s) for s in re.findall(rb"HTTP/1\.1 (\d+)", out)], [200, 404, 200])

    def test_http_1_0_closes(self):
        out = self.raw(b"GET /folder/ HTTP/1.0\r\n\r\n")
        self.assertIn(b"Connection: close", out)
        self.assertTrue(out.endswith(b"in the folder"))

    def test_bad_requests(self):
        host = b"Host: a\r\n"
        cases = {
            b"GET / HTTP/1.1\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + host + b"\r\n": 400,
            b"GET /  HTTP/1.1\r\n" + host + b"\r\n": 400,
            b"GET / HTTP/1.1\n" + b"Host: a\n\n": 400,
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + b"X: a\r\n b\r\n\r\n": 400,
            b"GET / HTTP/2.0\r\n" + host + b"\r\n": 505,
            b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n": 414,
            b"GET / HTTP/1.1\r\n" + host + b"X: " + b"b" * 17000 + b"\r\n\r\n": 431,
            b"POST /say HTTP/1.1\r\n" + host + b"Content-Length: 5000\r\n\r\n": 413,
            b"POST /say HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd": 400,
            b"POST /say HTTP/1.1\r\n" + host + b"Content-Length: +3\r\n\r\nabc": 400,
            b"POST /say HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
            b"POST /say HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n\r\n": 400,
            b"POST /say HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip, chunked\r\n\r\n": 501,
            b"POST /say HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n": 400,
            b"POST /say HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n": 400,
            b"POST /say HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
        }
        for request, expected in cases.items():
            with self.subTest(request=request[:60]):
                out = self.raw(request)
                self.assertEqual(int(out.split()[1]), expected)
                self.assertIn(b"Connection: close", out)
        self.assertEqual(self.curl(self.url + "/")[0], 200)

    def test_a_head_that_does_not_come_is_408(self):
        self.assertIn(b"HTTP/1.1 408", self.raw(b"GET / HTTP/1.1\r\nHost: a\r\n"))

    def test_continue_is_said_once(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(b"POST /say HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                      b"Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
            self.assertEqual(s.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            s.sendall(b"who=D")
            self.assertIn(b"HTTP/1.1 302", s.recv(1000))


if __name__ == "__main__":
    unittest.main()
