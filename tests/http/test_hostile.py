"""Attacks over HTTP: on names, on where a request ends, on whom it is for, and on time."""

import select
import signal
import socket
import threading
import time

import pytest
from coffer_test import Shim, eventually, sentinel
from talk import ask, begin, connect, exchange, finish, make_world, raw, statuses, world_fixture  # noqa: F401

CLOSE = b"Connection: close"


@pytest.mark.parametrize("name", [
    "..", ".", "%2e%2e", "%2E", ".%2e", "..%2f..%2fetc%2fpasswd", "%2f", "A%2fB", "A%2F..%2FB", "%00", "A%00",
    "%00A", "A%0a", "A%0d%0aX:1", "%7f", "%1b[31m", "%c0%ae%c0%ae", "%c0%af", "%ff", "%ed%a0%80", "%f5%80%80%80",
    "%", "%4", "%zz", "A%", "A%4", "%%34%31", "%u0041", "A;x", "A:", "A*", "A%20", "%20A", "A%25", "-A", "1",
    "%c3%a9", "\\..\\x", "A\\B", "__coffer_bootstrap", "A" * 129, "global%2fA", "system/x", "../A", "A/..",
    "A/.", "./A", "../../../../etc/passwd", "%2e%2e/%2e%2e/A"])
def test_traversal_in_names_over_http(world, name):
    """A name is a name: what is none is refused, and no other secret or path comes of it."""
    received = raw(world.shim, world.head(CLOSE, request=b"GET /api/run/secrets/%s HTTP/1.1" % name.encode()))
    assert statuses(received)[0] in (400, 404) and len(statuses(received)) == 1
    assert b'{"error":' in received and b"value" not in received


@pytest.mark.parametrize("path, words", [
    ("/api/../healthz", "the path has a segment of dots"), ("/%2e%2E/healthz", "the path has a segment of dots"),
    ("/./healthz", "the path has a segment of dots"), ("/api%2fenv", "the path has an encoded '/'"),
    ("/healthz%2F", "the path has an encoded '/'"), ("/healthz%00", "the path has a control character"),
    ("/%ff", "the path is not UTF-8"), ("/%c0%af", "the path is not UTF-8"),
    ("/%", "a '%' in the path encodes nothing"), ("/healthz%2", "a '%' in the path encodes nothing"),
    ("/healthz%g0", "a '%' in the path encodes nothing")])
def test_a_path_is_taken_as_it_is_or_refused(world, path, words):
    """Before any route is looked for: nothing is made of it that another reader would make something else of."""
    assert ask(world.shim, path).error == (400, words)


@pytest.mark.parametrize("name", ["%41", "A"])
def test_a_name_may_be_encoded_once(world, name):
    assert ask(world.shim, f"/api/run/secrets/{name}", world.run.token).json == {"value": "value"}
    assert ask(world.shim, "/api/run/secrets/%2541", world.run.token).status == 400


@pytest.mark.parametrize("data", [b"\xff", b"\xc3\xa9", b"\x01", b"A\x7f"])
def test_raw_bytes_in_a_path_are_refused(world, data):
    assert statuses(raw(world.shim, world.head(CLOSE, request=b"GET /api/run/secrets/%s HTTP/1.1" % data))) \
        == [400]


HIDDEN = b"GET /api/env HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLED = {
    "a body of stated length": [b"Content-Length: %d" % len(HIDDEN)],
    "a chunked body": [b"Transfer-Encoding: chunked"],
    "both": [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
    "both, the other way round": [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
    "two lengths": [b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN)],
    "two lengths in one": [b"Content-Length: 0, 43"],
    "the same length twice": [b"Content-Length: 0", b"Content-Length: 0"],
    "a length with a sign": [b"Content-Length: +0"],
    "a negative length": [b"Content-Length: -1"],
    "a length with leading zeros": [b"Content-Length: 00"],
    "a length of no number": [b"Content-Length: 0x0"],
    "an empty length": [b"Content-Length:"],
    "a length too large for any": [b"Content-Length: 99999999999999999999999999"],
    "an unknown coding": [b"Transfer-Encoding: xchunked"],
    "identity": [b"Transfer-Encoding: identity"],
    "an empty coding": [b"Transfer-Encoding:"],
    "two codings": [b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"],
    "a tab before the coding": [b"Transfer-Encoding:\tchunked"],
    "white space behind the name": [b"Transfer-Encoding : chunked"],
    "a tab behind the name": [b"Content-Length\t: 43"],
    "a name with a space in it": [b"Content Length: 43"],
    "white space in front of the first name": [b" Transfer-Encoding: chunked"],
    "a continued coding": [b"Transfer-Encoding:", b" chunked"],
    "a continued coding with a tab": [b"X: y", b"\tTransfer-Encoding: chunked"],
    "a continued header": [b"X: a", b" b"],
    "a continued header that ends the head": [b"X: a", b" "],
    "a header without a name": [b": x"],
    "a header without a colon": [b"Transfer-Encoding chunked"],
    "a NUL in a name": [b"Transfer-Encoding\0: chunked"],
    "a NUL in a value": [b"X: a\0b"],
    "a NUL behind a length": [b"Content-Length: 0\0" + b"43"],
    "a carriage return in a value": [b"X: a\rTransfer-Encoding: chunked"],
    "a line feed alone": [b"X: a\nTransfer-Encoding: chunked"],
    "a line feed alone at an end": [b"X: a\nY: b"],
    "an escape in a value": [b"X: \x1b[31m"],
    "an expectation": [b"Expect: 100-continue", b"Content-Length: 43"],
}


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED)
def test_http_smuggling(world, lines):
    """What two readers could see the end of in two places: one reply, no 2xx, and the end."""
    received = raw(world.shim, world.head(*lines) + HIDDEN)
    assert len(statuses(received)) == 1 and 400 <= statuses(received)[0] < 500
    assert b'"value"' not in received


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"HEAD", b"BREW"])
def test_what_is_behind_a_body_is_not_read(world, method):
    for lines, body in (([b"Content-Length: 5"], b"hello"), ([b"Transfer-Encoding: chunked"], b"0\r\n\r\n")):
        received = raw(world.shim, world.head(*lines, request=method + b" /api/env HTTP/1.1") + body + HIDDEN)
        assert received.startswith(b"HTTP/1.1 400 ") and received.count(b"HTTP/1.1 ") == 1  # a HEAD has no body


@pytest.mark.parametrize("request_line", [
    b"GET /healthz\0 HTTP/1.1", b"GET /healthz\0x HTTP/1.1", b"GET\0 /healthz HTTP/1.1", b"GET  /healthz HTTP/1.1",
    b"GET /healthz  HTTP/1.1", b"GET /healthz x HTTP/1.1", b"GET\t/healthz\tHTTP/1.1", b"GET /healthz HTTP/1.1 ",
    b"GET /healthz HTTP/2.0", b"GET /healthz HTTP/11", b"GET /healthz http/1.1", b"GET /healthz", b"GET",
    b"GET healthz HTTP/1.1", b"GET http://localhost/healthz HTTP/1.1", b"GET http://evil.example/healthz HTTP/1.1",
    b"GET //evil.example/healthz HTTP/1.1", b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT localhost:1 HTTP/1.1",
    b"GET /healthz?x=1 HTTP/1.1", b"GET /healthz? HTTP/1.1", b"GET /healthz#x HTTP/1.1",
    b"GET /api/env?access_token=x HTTP/1.1", b" GET /healthz HTTP/1.1", b"\0GET /healthz HTTP/1.1"])
def test_a_request_line_that_is_not_plain_is_refused(world, request_line):
    """With a 4xx or 5xx, or by the end of the connection."""
    received = raw(world.shim, world.head(CLOSE, request=request_line))
    assert not received or (statuses(received)[0] >= 400 and len(statuses(received)) == 1)


def test_plain_requests_can_follow_each_other(world):
    """The same head as above, without what is wrong there, twice in one write."""
    for lines in ([], [b"Content-Length: 0"], [b"X-Empty:"], [b"X:no space"], [b"X:   three"], [b"X: a b\tc"],
                  [b"X: a \t "],
                  [b"Accept: */*", b"User-Agent: x/1 (y; z)"], [b"Cookie: a=b; c=d"]):
        received = raw(world.shim, world.head(*lines) + world.head(CLOSE, *lines))
        assert statuses(received) == [200, 200] and received.count(b'{"value":"value"}') == 2


def test_a_request_may_come_byte_by_byte(world):
    peer = begin(world.shim, b"")
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in world.head(CLOSE):
        peer.send(bytes([byte]))
    assert statuses(finish(peer)) == [200]


@pytest.mark.parametrize("host, status", [
    (b"127.0.0.1:{}", 200), (b"127.0.0.1", 200), (b"localhost:{}", 200), (b"LOCALHOST", 200),
    (b"evil.example", 421), (b"evil.example:{}", 421), (b"127.0.0.1.evil.example", 421),
    (b"localhost.evil.example", 421), (b"evil.example#localhost", 421), (b"localhost@evil.example", 421),
    (b"127.0.0.1:1", 421), (b"localhost:{}0", 421), (b"localhost:", 421), (b"127.0.0.2", 421), (b"0.0.0.0", 421),
    (b"[::1]", 421), (b"[::ffff:127.0.0.1]", 421), (b"127.1", 421), (b"2130706433", 421), (b"0x7f.1", 421),
    (b"localhost.", 421), (b"127.0.0.1:{}:{}", 421), (b"[127.0.0.1]", 200), (b"[localhost", 421),
    (b"localhost, evil.example", 421), (b"*", 421), (b"", 421), (b"x" * 300, 421)])
def test_http_foreign_host(world, host, status):
    """DNS rebinding: a foreign name that resolves to our address is still a foreign name."""
    host = host.replace(b"{}", b"%d" % world.shim.port)
    received = raw(world.shim, b"GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
    assert statuses(received) == [status]


def test_white_space_around_a_value_is_none_of_it(world):
    head = b"GET /api/run/secrets/A HTTP/1.1\r\nHost:\tlocalhost \r\nAuthorization:  Bearer  %s \t\r\n%s \r\n\r\n"
    assert statuses(raw(world.shim, head % (world.run.token.encode(), CLOSE))) == [200]


@pytest.mark.parametrize("head", [b"GET /healthz HTTP/1.1", b"GET /healthz HTTP/1.0",
                                  b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
                                  b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: evil.example"])
def test_one_host_must_be_named(world, head):
    assert statuses(raw(world.shim, head + b"\r\nConnection: close\r\n\r\n")) == [400]


def test_names_that_are_allowed_are_answered_to(world):
    with Shim(world.daemon.socket, "--allow-host", "ci.example", "--allow-host", "other:8443 third") as shim:
        def status(host):
            return ask(shim, "/healthz", Host=host).status

        assert [status(host) for host in ("ci.example", "CI.Example:9", "other:8443", "third:1", "localhost")] \
            == [200] * 5
        assert [status(host) for host in ("other", "other:1", "ci.example.org", "xci.example", "ci", "8443")] \
            == [421] * 6


def test_a_second_authorization_is_refused(world):
    for second in (b"Authorization: Bearer " + b"x" * 32, b"authorization: Basic eA==", b"Authorization:"):
        assert statuses(raw(world.shim, world.head(second, CLOSE))) == [400]


@pytest.mark.parametrize("lines", [[b"X: " + b"a" * (1 << 20)], [b"X: a"] * 180_000, [b"a" * (1 << 20) + b": x"],
                                   [b"Cookie: " + b"a=b;" * (1 << 18)]],
                         ids=["one header", "many headers", "one name", "cookies"])
def test_a_mebibyte_of_headers_is_refused(world, lines):
    """The rest is not read: the peer sees the end, perhaps before it can see the reply."""
    received = raw(world.shim, world.head(*lines))
    assert statuses(received) in ([431], [413], [])
    assert ask(world.shim, "/healthz").status == 200


def test_a_path_that_is_too_long_is_refused(world):
    for length in (1025, 4000, 1 << 20):
        received = raw(world.shim, world.head(CLOSE, request=b"GET /" + b"a" * length + b" HTTP/1.1"))
        assert statuses(received) in ([414], [])


@pytest.mark.parametrize("part", [0, 1, 10, 60, -1])
def test_slow_headers_do_not_last(part):
    """A byte now and then counts as nothing: the deadline is the whole request's, for the first and the next."""
    with make_world("--request-timeout", "300") as world:
        whole = world.head()
        for first in (b"", whole):
            peer = begin(world.shim, first + whole[:part])
            if first:
                assert peer.recv(1 << 16)
            stop = threading.Event()

            def drip():
                while not stop.wait(0.02):
                    try:
                        peer.send(b"x")
                    except OSError:
                        return
            dripping = threading.Thread(target=drip)
            if part:
                dripping.start()
            assert finish(peer) == b"", "an end without a reply"
            stop.set()
            if part:
                dripping.join()
        eventually(lambda: b"coffer_http_connections 1\n" in ask(world.shim, "/metrics").body, "they are gone")


def test_the_deadline_is_for_each_request_anew():
    """A connection that is in use may last."""
    with make_world("--request-timeout", "300") as world:
        connection, end = connect(world.shim), time.monotonic() + 0.7
        while time.monotonic() < end:
            assert exchange(connection, "/api/run/secrets/A", world.run.token).status == 200
        connection.close()


def test_a_peer_that_takes_no_reply_is_left():
    """It holds memory that others could use."""
    with make_world("--reply-timeout", "300") as world:
        for number in range(64):
            world.daemon.put(f"BIG{number}", b"x" * 65536)
        request = world.head(request=b"GET /api/env HTTP/1.1")
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", world.shim.port))
            peer.sendall(request)
            eventually(lambda: b"coffer_http_connections 1\n" in ask(world.shim, "/metrics").body, "it is left")
            assert len(finish(peer)) < 64 * 65536


def test_a_peer_that_has_said_all_it_has_to_say_is_answered(world):
    """It closes its half of the connection, with the request or at once."""
    for _ in range(20):
        peer = begin(world.shim, world.head())
        peer.shutdown(socket.SHUT_WR)
        assert statuses(finish(peer)) == [200]


def test_requests_that_wait_hold_up_no_others():
    """A daemon that is silent for a while: health is told meanwhile, and then all are answered."""
    with make_world("--max-calls", "2", "--daemon-timeout", "60000") as world:
        world.daemon.process.send_signal(signal.SIGSTOP)
        try:
            waiting = [begin(world.shim, world.head(CLOSE)) for _ in range(20)]
            assert ask(world.shim, "/api/env").status == 401
            eventually(lambda: ask(world.shim, "/healthz").status == 503, "it is seen")
            assert not select.select(waiting, [], [], 0)[0]
        finally:
            world.daemon.process.send_signal(signal.SIGCONT)
        assert [statuses(finish(peer)) for peer in waiting] == [[200]] * 20


def test_no_request_waits_for_others_longer_than_for_the_daemon():
    with make_world("--max-calls", "1", "--daemon-timeout", "300") as world:
        world.daemon.process.send_signal(signal.SIGSTOP)
        try:
            found = [finish(peer) for peer in [begin(world.shim, world.head(CLOSE)) for _ in range(10)]]
        finally:
            world.daemon.process.send_signal(signal.SIGCONT)
        late = [received for received in found if statuses(received) == [503]]
        assert late and all(statuses(received) in ([503], [504]) for received in found)
        assert b"Retry-After: 1\r\n" in late[0] and b"too many requests wait for the daemon" in late[0]


def test_connections_have_a_limit_and_their_end_makes_room():
    with make_world("--max-connections-per-address", "4") as world:
        held = [begin(world.shim, b"") for _ in range(4)]
        for peer in held:  # they count from when they are answered
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert raw(world.shim, world.head()) == b"", "the fifth is closed"
        held.pop().close()
        eventually(lambda: raw(world.shim, world.head(CLOSE)), "there is room")
        for peer in held:
            peer.close()


def test_a_flood_of_wrong_tokens_holds_up_nobody():
    """The daemon holds back replies to a uid that is refused too often, and all of ours come from one uid."""
    with make_world("--max-refusals", "5") as world:
        before = len(world.daemon.audit())
        good = connect(world.shim)
        assert exchange(good, "/api/run/secrets/A", world.run.token).status == 200
        seen = [ask(world.shim, "/api/env", sentinel()) for _ in range(60)]
        assert {answer.status for answer in seen} == {401, 429}
        late = next(answer for answer in seen if answer.status == 429)
        assert late.error == (429, "too many tokens that are not valid") and late.headers["retry-after"] == "1"
        assert exchange(good, "/api/run/secrets/A", world.run.token).status == 200, "a good one passes"
        good.close()
        refused = [record for record in world.daemon.audit()[before:] if record["outcome"] == "UNAUTHENTICATED"]
        assert len(refused) == sum(answer.status == 401 for answer in seen)
        run = world.daemon.create(pipeline="new")
        eventually(lambda: ask(world.shim, "/api/run/secrets/A", run.token).status == 200, "the next second comes")
        world.daemon.admin("RevokeGrant", id=run.run_id)
        seen = [ask(world.shim, "/api/run/secrets/A", run.token).status for _ in range(60)]
        assert set(seen) == {401, 429}, "what was good once is good no more"


def test_garbage_is_answered_by_the_end(world):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"\r\n" * 1000, b"\0" * 5000, b"GET", b""):
        peer = begin(world.shim, data)
        peer.shutdown(socket.SHUT_WR)
        received = finish(peer)
        assert not received or statuses(received)[0] >= 400
    assert ask(world.shim, "/healthz").status == 200
