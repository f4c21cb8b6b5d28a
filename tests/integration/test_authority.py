"""Who may call what: every method without the authority that it needs."""

import pytest
from coffer_test import METHODS, NOBODY, OPERATOR, RUNNER, pb, sentinel

NEEDS_GRANT = [method for method in RUNNER if method != "Hello"]


def test_runner_methods_before_hello_are_unauthenticated(daemon):
    """A5, C: a token comes first."""
    with daemon.wire() as wire:
        assert {method: wire.code(method) for method in NEEDS_GRANT} == \
            dict.fromkeys(NEEDS_GRANT, "UNAUTHENTICATED")


def test_runner_methods_after_a_foreign_token_are_unauthenticated(daemon):
    """A6: a token of another store, or of nobody, gives nothing."""
    with daemon.wire() as wire:
        assert wire.refused("Hello", protocol=1, token=sentinel()).code == "UNAUTHENTICATED"
        assert {method: wire.code(method) for method in NEEDS_GRANT} == \
            dict.fromkeys(NEEDS_GRANT, "UNAUTHENTICATED")


@pytest.mark.parametrize("token", [
    pytest.param("", id="empty"), pytest.param("x" * 31, id="short"),
    pytest.param("x" * 33, id="long"),
    pytest.param("-" * 32, id="other characters"), pytest.param("\u00e9" * 16, id="not ASCII"),
    pytest.param("x" * 4000, id="huge")])
def test_a_malformed_token_is_refused_like_any_other(daemon, token):
    """A6"""
    with daemon.wire() as wire:
        malformed = wire.refused("Hello", protocol=1, token=token)
    with daemon.wire() as wire:
        unknown = wire.refused("Hello", protocol=1, token=sentinel())
    assert (malformed.code, malformed.message) == (unknown.code, unknown.message)


@pytest.mark.parametrize("with_hello", [False, True], ids=["before Hello", "after Hello"])
def test_operator_methods_on_the_runner_socket_are_denied(daemon, with_hello):
    """A, D2: the operator's service is not on the jobs' socket, whoever asks, root included."""
    run = daemon.create()
    with daemon.wire() as wire:
        if with_hello:
            wire.hello(run.token)
        assert {method: wire.code(method) for method in OPERATOR} == \
            dict.fromkeys(OPERATOR, "PERMISSION_DENIED")


def test_runner_methods_on_the_admin_socket_are_denied(daemon):
    """A"""
    run = daemon.create()
    with daemon.operator() as wire:
        assert wire.code("Hello", protocol=1, token=run.token) == "PERMISSION_DENIED"
        assert {method: wire.code(method) for method in RUNNER} == \
            dict.fromkeys(RUNNER, "PERMISSION_DENIED")


@pytest.mark.parametrize("method", OPERATOR)
def test_operator_methods_from_another_uid_are_denied(daemon, method):
    """A: the admin socket asks the kernel who the peer is, and not the mode of a file alone."""
    daemon.put("TARGET", b"value")
    (wire,) = daemon.peers(NOBODY, path=daemon.admin_socket)
    wire.send(wire.frame(method))
    assert pb.Code.Name(wire.recv().code) == "PERMISSION_DENIED"


def test_what_another_uid_asks_of_the_operator_changes_nothing(daemon):
    """A"""
    daemon.put("TARGET", b"value")
    run = daemon.create()
    attempts = {
        "PutSecret": {"scope": "global", "writes": [{"name": "TARGET", "value": b"changed"}]},
        "DeleteSecret": {"scope": "global", "name": "TARGET"},
        "FinishRun": {"run_id": run.run_id, "result": "FAILED"},
        "RevokeGrant": {"id": run.run_id},
        "CreateRun": {"meta": {"pipeline": "app", "ref": "main"}},
    }
    for method, fields in attempts.items():
        (wire,) = daemon.peers(NOBODY, path=daemon.admin_socket)
        wire.send(wire.frame(method, **fields))
        assert pb.Code.Name(wire.recv().code) == "PERMISSION_DENIED"
    assert daemon.runner(run).ask("GetSecret", name="TARGET").value == b"value"


def test_a_uid_above_int_max_is_a_uid_like_any_other(daemon):
    """A7: it is neither the superuser nor the daemon, and can be bound to."""
    uid = 2**32 - 2
    run = daemon.create(bind_uid=True, uid=uid)
    (operator,) = daemon.peers(uid, path=daemon.admin_socket)
    operator.send(operator.frame("Status"))
    assert pb.Code.Name(operator.recv().code) == "PERMISSION_DENIED"
    (runner,) = daemon.peers(uid)
    assert runner.hello(run.token).run_id == run.run_id


def test_an_unknown_method_is_unimplemented_on_both_sockets(daemon):
    """The connection stays, and knows the next method again."""
    run = daemon.create()
    for wire, known in ((daemon.runner(run), "ListSecrets"), (daemon.operator(), "Status")):
        for name in ("NoSuchMethod", "getsecret", "GetSecret\0", "GetSecret ", "", "M" * 3000):
            request = pb.Request(id=77, method=name)
            wire.send_frame(request.SerializeToString())
            reply = wire.recv()
            assert (reply.id, pb.Code.Name(reply.code)) == (77, "UNIMPLEMENTED"), name
        assert wire.code(known) == "OK"


def test_status_names_every_method_of_the_contract(daemon):
    """J: the method table and the proto are the same list."""
    assert sorted(row.method for row in daemon.admin("Status").methods) == sorted(METHODS)


@pytest.mark.parametrize("method", ["Status", "ReadAudit", "VerifyAudit"])
def test_an_attempt_at_what_leaves_no_record_leaves_one(daemon, method):
    """H1: who may not call it is on record all the same."""
    assert daemon.wire().code(method) == "PERMISSION_DENIED"
    assert daemon.audit()[-1]["op"] == method
    assert daemon.audit()[-1]["outcome"] == "PERMISSION_DENIED"
