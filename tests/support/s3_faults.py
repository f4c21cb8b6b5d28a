"""An S3 server that fails as it is told to. It checks no signature: radosgw does; but all else is as with S3."""

import contextlib
import itertools
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import pytest

STATUS_OF = {"SlowDown": 503, "InternalError": 500, "TooManyRequests": 429, "AccessDenied": 403,
             "PermanentRedirect": 301, "NotImplemented": 501, "NoSuchKey": 404, "NoSuchBucket": 404,
             "PreconditionFailed": 412, "ConditionalRequestConflict": 409}


def error_xml(code):
    return f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'.encode()


class Fault:
    """What a request meets instead of an answer, and which requests do, and how often."""

    def __init__(self, kind, times, method, part):
        self.kind, self.left, self.method, self.part = kind, times, method, part

    def takes(self, method, path):
        if self.left == 0 or self.method not in (None, method) or self.part not in path:
            return False
        self.left -= 1
        return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.entered(self.command, self.path, dict(self.headers)) as fault:
            if fault is None:
                self.answer(*self.server.serve(self.command, self.path, self.headers, body))
            else:
                getattr(self, "fail_" + fault.kind, self.fail_with(fault.kind))(body)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_any

    def answer(self, status, body=b"", length=None):
        self.send_response(status)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def fail_with(self, code):
        return lambda body: self.answer(STATUS_OF[code], error_xml(code))

    # Each of these is a kind of fault.

    def fail_cut(self, body):
        """The connection ends in the middle of the body."""
        self.answer(200, b"<List", length=4096)
        self.close_connection = True

    def fail_silent(self, body):
        """The connection ends instead of an answer."""
        self.close_connection = True

    def fail_unclear(self, body):
        """It is done, and nobody is told."""
        self.server.serve(self.command, self.path, self.headers, body)
        self.close_connection = True

    def fail_garbage(self, body):
        self.answer(200, b"\0\xff<not<xml")

    def fail_page(self, body):
        """A portal's page, as it stands between hosts and the network."""
        self.answer(404, b"<html><body>Please log in</body></html>")

    def fail_bomb(self, body):
        """Entities that grow into gigabytes."""
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
        self.answer(200, f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY e0 "x">{levels}]>'
                         "<ListBucketResult><Contents><Key>&e11;</Key></Contents>"
                         "<IsTruncated>false</IsTruncated></ListBucketResult>".encode())

    def fail_endless(self, body):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 65536)

    def fail_hang(self, body):
        """No answer, until the server ends."""
        self.server.ended.wait()
        self.close_connection = True


class FaultyS3(ThreadingHTTPServer):
    """Use it in a with statement. objects is {key: body}; log, what was asked: (method, path, headers)."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, bucket="bucket", certificate=None):
        """certificate: (certificate, key) for TLS."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = bucket
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.endpoint = self.endpoint.replace("http:", "https:")
        self.lock = threading.Condition()
        self.objects, self.log, self.faults = {}, [], []
        self.page = 1000
        self.conditional = True  # it keeps to If-None-Match
        self.running = self.most_running = 0
        self.hold = threading.Event()  # unset: nothing is answered
        self.hold.set()
        self.ended = threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.hold.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # a client that goes away is one of the cases

    def fail(self, kind, times=-1, method=None, part=""):
        """The next requests of that method, with that in their path, meet the fault; -1: all, until mend()."""
        self.faults.append(Fault(kind, times, method, part))

    def mend(self):
        self.faults.clear()

    @contextlib.contextmanager
    def entered(self, method, path, headers):
        with self.lock:
            self.log.append((method, path, {name.lower(): value for name, value in headers.items()}))
            fault = next((one for one in self.faults if one.takes(method, path)), None)
            self.running += 1
            self.most_running = max(self.running, self.most_running)
            self.lock.notify_all()
        self.hold.wait()
        try:
            yield fault
        finally:
            with self.lock:
                self.running -= 1
                self.lock.notify_all()

    def wait_for(self, condition, what, deadline=60):
        with self.lock:
            assert self.lock.wait_for(condition, deadline), f"not in {deadline} s: {what}"

    def count(self, method, part=""):
        return sum(one[0] == method and part in one[1] for one in self.log)

    def serve(self, method, target, headers, body):
        path, _, query = target.partition("?")
        _, bucket, key = map(urllib.parse.unquote, path.split("/", 2))
        if bucket != self.name:
            return 404, error_xml("NoSuchBucket")
        with self.lock:
            if method == "PUT":
                return self.put(key, headers, body)
            if method == "DELETE":
                self.objects.pop(key, None)
                return 204, b""
            if not key:
                return 200, self.list(urllib.parse.parse_qs(query))
            if key in self.objects:
                return 200, self.objects[key]
            return 404, error_xml("NoSuchKey")

    def put(self, key, headers, body):
        if self.conditional and headers.get("if-none-match") == "*" and key in self.objects:
            return 412, error_xml("PreconditionFailed")
        self.objects[key] = body
        return 200, b""

    def list(self, query):
        prefix = query["prefix"][0]
        after = query.get("continuation-token", [""])[0].removeprefix("token/of+")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        page = list(itertools.islice(keys, min(self.page, int(query["max-keys"][0]))))
        more = len(keys) > len(page)
        items = "".join(f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size></Contents>"
                        for key in page)
        token = f"<NextContinuationToken>token/of+{page[-1]}</NextContinuationToken>" if more else ""
        return ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult '
                'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{self.name}</Name><Prefix>{escape(prefix)}</Prefix>{items}"
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}</ListBucketResult>").encode()


@pytest.fixture
def faulty():
    with FaultyS3() as server:
        yield server
