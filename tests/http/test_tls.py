"""TLS: whom it proves to whom, and that without it nothing leaves the host."""

import os
import socket
import ssl
import subprocess

import pytest
from coffer_test import DEADLINE, Certificates, Shim
from talk import Answer, ask, connect, finish, make_world

STRANGERS = {
    "none": None,
    "another CA's": lambda ours, theirs: theirs.issue("stranger", usage="clientAuth"),
    "one for servers": lambda ours, theirs: ours.issue("server", usage="serverAuth"),
    "one that has expired": lambda ours, theirs: ours.issue("late", usage="clientAuth", days=-1),
}


@pytest.fixture(name="world", scope="module")
def make_tls_world():
    with make_world(tls=True) as made:
        yield made


def context_with(shim, pair=None):
    context = ssl.create_default_context(cafile=shim.ca)
    if pair is not None:
        context.load_cert_chain(*pair)
    return context


def test_a_secret_is_told_over_tls(world):
    """I3"""
    assert world.shim.url.startswith("https://")
    assert ask(world.shim, "/api/run/secrets/A", world.run.token).json == {"value": "value"}
    assert ask(world.shim, "/healthz", Host="evil.example").status == 421


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version, works", [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                            (ssl.TLSVersion.TLSv1_3, True)])
def test_old_versions_are_refused(world, version, works):
    context = context_with(world.shim)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    if works:
        assert ask(world.shim, "/healthz", context=context).status == 200
    else:
        with pytest.raises(ssl.SSLError):
            ask(world.shim, "/healthz", context=context)


def test_nothing_is_told_without_tls_where_there_is_tls(world):
    with socket.create_connection(("127.0.0.1", world.shim.port), timeout=DEADLINE) as peer:
        peer.sendall(world.head())
        assert b"HTTP/" not in finish(peer)
    assert ask(world.shim, "/healthz").status == 200


def test_a_slow_handshake_does_not_last():
    with make_world("--request-timeout", "300", tls=True) as world:
        for data in (b"", b"\x16\x03\x01\x02\x00"):
            with socket.create_connection(("127.0.0.1", world.shim.port), timeout=DEADLINE) as peer:
                peer.sendall(data)
                finish(peer)
        assert ask(world.shim, "/healthz").status == 200


@pytest.mark.parametrize("stranger", STRANGERS)
def test_with_a_client_ca_only_its_clients_are_served(world, folder, stranger):
    ours, make = world.shim.certificates, STRANGERS[stranger]
    cert, key = ours.issue("localhost")
    with Shim(world.daemon.socket, "--tls-client-ca", ours.ca, "--tls-cert", cert, "--tls-key", key) as shim:
        shim.ca = ours.ca
        known = context_with(shim, ours.issue("runner-7", usage="clientAuth"))
        unknown = context_with(shim, make and make(ours, Certificates(folder, "other")))
        for path in ("/api/run/secrets/A", "/healthz", "/metrics"):
            assert isinstance(ask(shim, path, world.run.token, context=known), Answer)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(shim, path, world.run.token, context=unknown)
        run = world.daemon.create(pipeline=f"tls-{len(stranger)}")
        assert ask(shim, "/api/run/secrets/A", context=known).status == 401, "a certificate is no token"
        assert ask(shim, "/api/run/secrets/A", run.token, context=known).status == 200
        vias = {record["via"] for record in world.daemon.audit() if record.get("run") == run.run_id
                and "via" in record}
        assert vias and all(via.startswith("127.0.0.1:") and via.endswith("/CN=runner-7") for via in vias)


def refuse(world, *options):
    """The words of a start that must fail, and its status."""
    shim = Shim(world.daemon.socket, *options)
    try:
        shim.launch()
        return shim.wait(), shim.log.decode()
    finally:
        shim.__exit__()


def test_files_that_do_not_fit_are_named_at_the_start(world, folder):
    ours = world.shim.certificates
    cert, key = ours.issue("localhost")
    _, foreign = ours.issue("foreign")
    empty = folder / "empty"
    empty.touch()
    for status, options, words in (
        (1, ("--tls-cert", cert, "--tls-key", foreign), f"cannot use {cert} with its key"),
        (1, ("--tls-cert", empty, "--tls-key", key), f"cannot use {empty} with its key"),
        (1, ("--tls-cert", folder / "none", "--tls-key", key), f"cannot read {folder}/none: No such file"),
        (1, ("--tls-cert", cert, "--tls-key", folder), f"cannot read {folder}: Is a directory"),
        (1, ("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", empty), f"{empty} has no certificate"),
        (2, ("--tls-cert", cert), "tls-cert: takes --tls-cert and --tls-key together"),
        (2, ("--tls-key", key), "tls-key: takes --tls-cert and --tls-key together"),
        (2, ("--tls-client-ca", ours.ca), "tls-client-ca: needs --tls-cert and --tls-key"),
    ):
        found, log = refuse(world, *options)
        assert found == status and words in log and "ready" not in log
        assert "PRIVATE KEY" not in log


def test_without_tls_it_serves_no_other_address_than_loopback(world):
    """Loopback by default: tokens could be read on the way."""
    status, log = refuse(world, "--listen", "0.0.0.0:0")
    assert status == 1 and "tokens and secrets could be read on the way" in log
    with Shim(world.daemon.socket, "--listen", "0.0.0.0:0", "--allow-plain") as shim:
        assert ask(shim, "/healthz").status == 200
    cert, key = world.shim.certificates.issue("localhost")
    with Shim(world.daemon.socket, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key) as shim:
        shim.ca = world.shim.ca
        assert ask(shim, "/healthz").status == 200


def test_curl_is_served(world):
    """Another client than the tests' own, as the documents show it."""
    done = subprocess.run(
        ["curl", "-sS", "--cacert", world.shim.ca, "-H", "@-", f"https://localhost:{world.shim.port}/api/env"],
        input=f"Authorization: Bearer {world.run.token}\n", capture_output=True, text=True, check=True,
        timeout=DEADLINE, env={"PATH": os.environ["PATH"]})
    assert done.stdout == '{"A":"value"}'


def test_a_connection_serves_for_more_than_one_request(world):
    connection = connect(world.shim)
    for _ in range(3):
        connection.request("GET", "/api/run/secrets/A", headers={"Authorization": f"Bearer {world.run.token}"})
        assert connection.getresponse().read() == b'{"value":"value"}'
    connection.close()
