"""Bootstrap: a run's payload is given exactly once."""

import os
import threading

import pytest
from coffer_test import pb

PAYLOAD = {
    "git_dir": "/srv/git/app.git",
    "sentry": {"dsn": "https://key@sentry.example/1",
               "trace_id": "0af7651916cd43dd8448eb211c80319c"},
    "extras": [{"key": "color", "value": "blau \u00e4"}, {"key": "empty", "value": ""}],
}
META = {"repo": "https://git.example/app", "sha": "a" * 40, "pushed_at_ms": 1_700_000_000_123}


def test_bootstrap_returns_what_the_run_was_created_with(daemon):
    """B1, A3"""
    run = daemon.create(pipeline="team/app", ref="refs/heads/main", meta=META, **PAYLOAD)
    got = daemon.runner(run).ask("Bootstrap")
    assert got == pb.BootstrapResponse(
        run_id=run.run_id, meta={"pipeline": "team/app", "ref": "refs/heads/main", **META},
        **PAYLOAD)


def test_bootstrap_is_given_once_on_any_connection(daemon):
    """B1: OK, then GONE, also after other reads and from a new connection."""
    run = daemon.create(**PAYLOAD)
    wire = daemon.runner(run)
    assert [wire.code("Bootstrap") for _ in range(3)] == ["OK", "GONE", "GONE"]
    assert daemon.runner(run).code("Bootstrap") == "GONE"
    assert wire.code("ListSecrets") == "OK"


def test_twenty_connections_at_once_get_it_once(daemon):
    """B1: whoever wins, one wins."""
    run = daemon.create(**PAYLOAD)
    wires = [daemon.runner(run) for _ in range(20)]
    barrier = threading.Barrier(len(wires))
    codes = [None] * len(wires)

    def claim(number):
        barrier.wait()
        codes[number] = wires[number].code("Bootstrap", nonce=os.urandom(16))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(len(wires))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["GONE"] * 19 + ["OK"]


def test_the_same_nonce_gets_the_same_reply_again(daemon):
    """B2: a lost reply is not a lost run."""
    run = daemon.create(**PAYLOAD)
    nonce = os.urandom(16)
    first = daemon.runner(run).ask("Bootstrap", nonce=nonce)
    assert daemon.runner(run).ask("Bootstrap", nonce=nonce) == first
    assert daemon.runner(run).code("Bootstrap", nonce=os.urandom(16)) == "GONE"
    assert daemon.runner(run).code("Bootstrap") == "GONE"


def test_a_claim_without_a_nonce_cannot_be_repeated(daemon):
    """B2: no nonce is not a nonce."""
    run = daemon.create(**PAYLOAD)
    wire = daemon.runner(run)
    assert wire.code("Bootstrap") == "OK"
    assert wire.code("Bootstrap", nonce=b"") == "GONE"
    assert wire.code("Bootstrap", nonce=bytes(16)) == "GONE"


def test_the_nonce_of_another_uid_gets_nothing(daemon):
    """B2"""
    run = daemon.create(**PAYLOAD)
    nonce = os.urandom(16)
    (winner,), (other,) = daemon.peers(12001), daemon.peers(12002)
    for wire, code in ((winner, "OK"), (other, "GONE"), (winner, "OK")):
        if wire.last_id == 0:
            wire.hello(run.token)
        if code == "GONE":
            wire.ask("ListSecrets")
        assert wire.code("Bootstrap", nonce=nonce) == code


@pytest.mark.parametrize("length", [1, 15, 17, 64])
def test_a_nonce_of_another_length_is_refused_and_claims_nothing(daemon, length):
    """B2"""
    wire = daemon.runner(daemon.create(**PAYLOAD))
    assert wire.code("Bootstrap", nonce=b"n" * length) == "INVALID_ARGUMENT"
    assert wire.code("Bootstrap") == "OK"


def test_a_claim_survives_kill_9(daemon):
    """B2: durable before the reply; the nonce still works, another does not."""
    run, unclaimed = daemon.create(ref="one", **PAYLOAD), daemon.create(ref="two", **PAYLOAD)
    nonce = os.urandom(16)
    first = daemon.runner(run).ask("Bootstrap", nonce=nonce)
    daemon.kill()
    daemon.start()
    assert daemon.admin("ListRuns", run_id=run.run_id).runs[0].state == 2
    assert daemon.runner(run).code("Bootstrap", nonce=os.urandom(16)) == "GONE"
    assert daemon.runner(run).ask("Bootstrap", nonce=nonce) == first
    assert daemon.runner(unclaimed).ask("Bootstrap").run_id == unclaimed.run_id


def test_a_run_without_bootstrap_data_has_none_to_give(daemon):
    """B1"""
    run = daemon.create(no_bootstrap=True, **PAYLOAD)
    wire = daemon.runner(run)
    assert [wire.code("Bootstrap") for _ in range(2)] == ["NOT_FOUND", "NOT_FOUND"]
    assert wire.code("ListSecrets") == "OK"


def test_the_payload_is_not_in_any_file_in_the_clear(daemon):
    """B3"""
    run = daemon.create(extras=[{"key": "k", "value": "sentinel-of-an-extra"}])
    assert not daemon.places_of([b"sentinel-of-an-extra"], memory=False)
    daemon.runner(run).ask("Bootstrap")
    daemon.restart()
    assert not daemon.places_of([b"sentinel-of-an-extra"], memory=False)


def test_a_large_payload_fits_and_one_that_cannot_be_sent_is_refused_at_once(daemon):
    """B1: limits are told to the one who creates, not to the job."""
    extras = [{"key": f"key{number}", "value": "v" * 1000} for number in range(60)]
    run = daemon.create(extras=extras)
    assert len(daemon.runner(run).ask("Bootstrap").extras) == 60
    with daemon.operator() as wire:
        for wrong in ([{"key": "k", "value": "v"}] * 65, [{"key": "k", "value": "v" * 4097}],
                      [{"key": "k" * 1025, "value": "v"}]):
            reply = wire.refused("CreateRun", meta={"pipeline": "p", "ref": "r"}, extras=wrong)
            assert reply.code == "INVALID_ARGUMENT"
            assert "extra" in reply.message


@pytest.mark.parametrize("fields, named", [
    ({"meta": {"ref": "r"}}, "pipeline"),
    ({"meta": {"pipeline": "p"}}, "ref"),
    ({}, "pipeline"),
    ({"meta": {"pipeline": "../up", "ref": "r"}}, "pipeline"),
    ({"meta": {"pipeline": "__coffer_x", "ref": "r"}}, "pipeline"),
    ({"meta": {"pipeline": "p" * 247, "ref": "r"}}, "pipeline"),
    ({"meta": {"pipeline": "p", "ref": "r\n"}}, "ref"),
    ({"meta": {"pipeline": "p", "ref": "r" * 1025}}, "ref"),
    ({"meta": {"pipeline": "p", "ref": "r", "repo": "\x7f"}}, "repo"),
    ({"meta": {"pipeline": "p", "ref": "r", "sha": "s" * 1025}}, "sha"),
    ({"meta": {"pipeline": "p", "ref": "r"}, "git_dir": "d" * 4097}, "git_dir"),
    ({"meta": {"pipeline": "p", "ref": "r"}, "allow": ["a b"]}, "glob"),
    ({"meta": {"pipeline": "p", "ref": "r"}, "allow": [""]}, "glob"),
    ({"meta": {"pipeline": "p", "ref": "r"}, "allow": ["A"] * 33}, "globs"),
    ({"meta": {"pipeline": "p", "ref": "r"}, "ttl_ms": -1}, "ttl"),
])
def test_a_malformed_run_is_refused_with_what_was_wrong(daemon, fields, named):
    """A3, D1"""
    with daemon.operator() as wire:
        reply = wire.refused("CreateRun", **fields)
        assert reply.code == "INVALID_ARGUMENT"
        assert named in reply.message.replace("git dir", "git_dir")
        assert not wire.ask("ListRuns").runs
