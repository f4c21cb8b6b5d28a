"""How the tests speak HTTP: politely, and byte for byte."""

import contextlib
import http.client
import json
import socket
import ssl
from collections import namedtuple

import pytest
from coffer_test import DEADLINE, Daemon, Shim

MISSING = "01890000-0000-7000-8000-000000000000"


class Answer(namedtuple("Answer", "status headers body")):
    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """(status, words): all that an error is."""
        assert self.headers["content-type"] == "application/json" and list(self.json) == ["error"]
        return self.status, self.json["error"]


def connect(shim, context=None):
    if shim.ca is None:
        return http.client.HTTPConnection("127.0.0.1", shim.port, timeout=DEADLINE)
    return http.client.HTTPSConnection("localhost", shim.port, timeout=DEADLINE,
                                       context=context or ssl.create_default_context(cafile=shim.ca))


def exchange(connection, path, token=None, method="GET", **headers):
    """One request on a connection that may serve for more."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def ask(shim, path, token=None, method="GET", context=None, **headers):
    with contextlib.closing(connect(shim, context)) as connection:
        return exchange(connection, path, token, method, **headers)


def begin(shim, data):
    """A connection on which those bytes were sent, as far as they are wanted."""
    peer = socket.create_connection(("127.0.0.1", shim.port), timeout=DEADLINE)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        peer.sendall(data)
    return peer


def finish(peer):
    """All that comes until the other end closes."""
    received = b""
    with peer, contextlib.suppress(ConnectionResetError):
        while data := peer.recv(1 << 16):
            received += data
    return received


def raw(shim, data):
    return finish(begin(shim, data))


def statuses(received):
    """The statuses of the replies in it. Their bodies are cut out first: words in one are none."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        found.append(int(head.split()[1]))
        # libmicrohttpd 0.9.75 writes the head of some of its own errors twice.
        rest = rest.removeprefix(head + b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")]
        received = rest[int(lengths[0]):] if lengths else rest
    return found


class World(namedtuple("World", "daemon shim run")):
    def head(self, *lines, request=b"GET /api/run/secrets/A HTTP/1.1"):
        """A request's head, with an authority, byte for byte."""
        return b"\r\n".join([request, b"Host: 127.0.0.1:%d" % self.shim.port,
                             b"Authorization: Bearer " + self.run.token.encode(), *lines, b"", b""])


@contextlib.contextmanager
def make_world(*options, **fields):
    with Daemon() as daemon:
        daemon.put("A", b"value")
        with Shim(daemon.socket, "--max-refusals", "1000", *options, **fields) as shim:
            yield World(daemon, shim, daemon.create(no_bootstrap=True))
            assert shim.process.poll() is None, shim.log


@pytest.fixture(name="world", scope="module")
def world_fixture():
    """A daemon that has the secret A, coffer-http before it, and a run. For all tests of a file."""
    with make_world() as made:
        yield made
