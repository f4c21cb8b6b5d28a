"""Reading secrets: scopes, names, lists, batches, environments."""

import pytest
from coffer_test import VALUE_MAX, Daemon, pb

VALUES = {
    "empty": b"",
    "one byte": b"x",
    "NUL": b"\0",
    "NULs inside": b"a\0b\0\0c",
    "every byte": bytes(range(256)),
    "not UTF-8": b"\xff\xfe\x80",
    "newlines": b"line\nline\r\n",
    "the largest": b"\xaa" * VALUE_MAX,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_comes_back_byte_for_byte_by_every_way(daemon, value):
    """C1"""
    daemon.put("NAME", value)
    wire = daemon.runner(daemon.create())
    got = wire.ask("GetSecret", name="NAME")
    assert (got.value, got.version, got.scope) == (value, 1, "global")
    assert wire.ask("GetSecrets", names=["NAME"]).secrets[0].value == value
    assert wire.ask("GetEnvironment").secrets[0].value == value
    assert daemon.admin("RevealSecret", scope="global", name="NAME").value == value
    daemon.restart()
    assert daemon.runner(daemon.create()).ask("GetSecret", name="NAME").value == value


def test_a_value_over_the_maximum_is_refused_and_nothing_is_written(daemon):
    """C1"""
    with daemon.operator() as wire:
        reply = wire.refused("PutSecret", scope="global",
                             writes=[{"name": "NAME", "value": b"v" * (VALUE_MAX + 1)}])
        assert reply.code in ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")
        assert "NAME" in reply.message and str(VALUE_MAX) in reply.message
        assert wire.code("RevealSecret", scope="global", name="NAME") == "NOT_FOUND"


def test_the_maximum_can_be_raised_to_a_mebibyte():
    """C1"""
    with Daemon("--value-max", 1 << 20) as daemon:
        value = bytes(range(256)) * 4096
        daemon.put("NAME", value)
        run = daemon.create()
        wire = daemon.wire()
        hello = wire.hello(run.token)
        assert hello.value_max == 1 << 20 and hello.frame_max >= (1 << 20) + 4096
        assert wire.ask("GetSecret", name="NAME").value == value
        assert wire.ask("GetEnvironment").secrets[0].value == value
        with daemon.operator() as operator:
            refused = operator.refused("PutSecret", scope="global",
                                       writes=[{"name": "NAME", "value": value + b"x"}])
            assert refused.code in ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")


@pytest.mark.parametrize("wrong", ["0", "-1", "1048577", "x", "", "99999999999999999999"])
def test_a_maximum_outside_of_the_bounds_is_refused_at_start(wrong):
    """C1, J5: exit status, and what was wrong."""
    daemon = Daemon()
    try:
        daemon.init()
        done = daemon.run("--home", daemon.home, "--value-max", wrong)
        assert done.returncode in (1, 2)
        assert "value-max" in done.stderr or "value_max" in done.stderr
    finally:
        daemon.__exit__()


def test_the_most_specific_scope_wins(daemon):
    """C2, E5: run, then pipeline, then global."""
    for name in ("A", "B", "C"):
        daemon.put(name, b"global " + name.encode())
    for name in ("B", "C"):
        daemon.put(name, b"pipeline " + name.encode(), scope="pipeline/app")
    run = daemon.create(pipeline="app", secrets=[{"name": "C", "value": b"run C"}])
    wire = daemon.runner(run)
    expected = {"A": (b"global A", "global"), "B": (b"pipeline B", "pipeline/app"),
                "C": (b"run C", f"run/{run.run_id}")}
    for name, (value, scope) in expected.items():
        got = wire.ask("GetSecret", name=name)
        assert (got.value, got.scope) == (value, scope)
    for reply in (wire.ask("GetEnvironment"), wire.ask("GetSecrets", names=["A", "B", "C"])):
        assert {secret.name: (secret.value, secret.scope) for secret in reply.secrets} == expected
    listed = wire.ask("ListSecrets").secrets
    assert [(info.name, info.scope) for info in listed] == \
        [(name, scope) for name, (_, scope) in expected.items()]


def test_a_deleted_secret_no_longer_shadows(daemon):
    """C2, E2: a tombstone hides nothing in a later scope."""
    daemon.put("NAME", b"global")
    daemon.put("NAME", b"pipeline", scope="pipeline/app")
    wire = daemon.runner(daemon.create(pipeline="app"))
    assert wire.ask("GetSecret", name="NAME").value == b"pipeline"
    daemon.admin("DeleteSecret", scope="pipeline/app", name="NAME")
    assert wire.ask("GetSecret", name="NAME").value == b"global"
    assert [secret.value for secret in wire.ask("GetEnvironment").secrets] == [b"global"]
    daemon.admin("DeleteSecret", scope="global", name="NAME")
    assert wire.code("GetSecret", name="NAME") == "NOT_FOUND"
    assert not wire.ask("GetEnvironment").secrets and not wire.ask("ListSecrets").secrets


def test_a_run_sees_no_other_runs_and_no_other_pipelines_secrets(daemon):
    """C2: by no method, and by no name that looks like a path."""
    daemon.put("PIPE", b"foreign pipeline", scope="pipeline/other")
    daemon.put("PIPE2", b"foreign prefix", scope="pipeline/app/sub")
    foreign = daemon.create(pipeline="app", ref="other",
                            secrets=[{"name": "RUN", "value": b"foreign"}])
    daemon.put("MINE", b"mine", scope="pipeline/app")
    wire = daemon.runner(daemon.create(pipeline="app", ref="main"))
    assert [secret.name for secret in wire.ask("GetEnvironment").secrets] == ["MINE"]
    assert [info.name for info in wire.ask("ListSecrets").secrets] == ["MINE"]
    for name in ("PIPE", "PIPE2", "RUN"):
        assert wire.code("GetSecret", name=name) == "NOT_FOUND"
        assert wire.code("GetSecrets", names=["MINE", name]) == "NOT_FOUND"
    for name in (f"run/{foreign.run_id}/RUN", "../other/PIPE", "pipeline/other/PIPE", "*",
                 "PIPE\0"):
        assert wire.code("GetSecret", name=name) == "INVALID_ARGUMENT"
    assert daemon.runner(foreign).ask("GetSecret", name="RUN").value == b"foreign"


def test_unknown_names_are_named_in_one_fixed_text(daemon):
    """C3"""
    wire = daemon.runner(daemon.create())
    refused = wire.refused("GetSecret", name="X")
    assert (refused.code, refused.message) == ("NOT_FOUND", "unknown secret 'X'")
    refused = wire.refused("GetSecret", name="N" * 128)
    assert refused.message == f"unknown secret '{'N' * 128}'"
    with daemon.operator() as operator:
        for method, fields in (("RevealSecret", {}), ("DeleteSecret", {}), ("ListVersions", {}),
                               ("DeleteSecret", {"purge": True})):
            refused = operator.refused(method, scope="global", name="X", **fields)
            assert (refused.code, refused.message) == ("NOT_FOUND", "unknown secret 'X'"), method


def test_a_batch_is_whole_or_names_every_missing_one(daemon):
    """C4"""
    for name in ("A", "B"):
        daemon.put(name, name.encode())
    wire = daemon.runner(daemon.create())
    got = wire.ask("GetSecrets", names=["B", "A", "B"])
    assert [(secret.name, secret.value) for secret in got.secrets] == \
        [("B", b"B"), ("A", b"A"), ("B", b"B")]
    assert not got.more
    refused = wire.refused("GetSecrets", names=["B", "X", "A", "Y", "Z"])
    assert refused.code == "NOT_FOUND"
    assert all(f"'{name}'" in refused.message for name in "XYZ")
    assert not any(f"'{name}'" in refused.message for name in "AB")
    assert wire.refused("GetSecrets", names=["A", "X"]).message == "unknown secret 'X'"


def test_a_batch_names_all_of_64_long_missing_names(daemon):
    """C4: nothing is cut off."""
    wire = daemon.runner(daemon.create())
    names = [f"N{number:02}" + "n" * 125 for number in range(64)]
    message = wire.refused("GetSecrets", names=names).message
    assert all(name in message for name in names)


@pytest.mark.parametrize("names", [[], ["A"] * 65, ["A", ""], ["A", "B-\u00e9"], ["__coffer_A"]],
                         ids=["none", "65", "empty", "not a name", "reserved"])
def test_a_malformed_batch_is_refused(daemon, names):
    """C4, D1"""
    daemon.put("A", b"a")
    wire = daemon.runner(daemon.create())
    assert wire.code("GetSecrets", names=names) == "INVALID_ARGUMENT"
    assert len(wire.ask("GetSecrets", names=["A"] * 64).secrets) == 64


def test_a_batch_of_large_values_comes_in_parts(daemon):
    """C4: more is set until all have come, each part within a frame."""
    names = [f"BIG_{number}" for number in range(10)]
    for number, name in enumerate(names):
        daemon.put(name, bytes([number]) * 60000)
    wire = daemon.runner(daemon.create())
    got, parts, rest = [], 0, list(names)
    while True:
        reply = wire.ask("GetSecrets", names=rest)
        assert reply.secrets
        got += reply.secrets
        parts += 1
        rest = rest[len(reply.secrets):]
        assert reply.more == bool(rest)
        if not reply.more:
            break
    assert [(secret.name, secret.value) for secret in got] == \
        [(name, bytes([number]) * 60000) for number, name in enumerate(names)]
    assert parts > 1


def fill(daemon, count, value=b"v", scope="global"):
    """Secrets KEY_0000.., 64 at once, in an order other than the sorted one."""
    names = [f"KEY_{number:04}" for number in range(count)]
    with daemon.operator() as wire:
        for start in range(0, count, 64):
            part = names[::-1][start:start + 64]
            wire.ask("PutSecret", scope=scope,
                     writes=[{"name": name, "value": value} for name in part])
    return names


def pages(wire, method):
    after, replies = "", []
    while True:
        replies.append(wire.ask(method, after=after))
        after = replies[-1].next
        if not after:
            return replies


def test_a_list_has_no_values_and_its_pages_join(daemon):
    """C4"""
    names = fill(daemon, 3000, value=b"never-listed")
    wire = daemon.runner(daemon.create())
    replies = pages(wire, "ListSecrets")
    assert len(replies) > 1
    assert [info.name for reply in replies for info in reply.secrets] == names
    assert all(info.version == 1 and info.updated_at_ms > 0 and not info.deleted
               for reply in replies for info in reply.secrets)
    assert not any(b"never-listed" in reply.SerializeToString() for reply in replies)


def test_an_environment_has_every_visible_value_and_its_pages_join(daemon):
    """C5"""
    fill(daemon, 300, value=b"g" * 1000)
    fill(daemon, 30, value=b"p" * 1000, scope="pipeline/app")
    daemon.put("BIG", b"b" * VALUE_MAX)
    wire = daemon.runner(daemon.create(pipeline="app"))
    replies = pages(wire, "GetEnvironment")
    secrets = [secret for reply in replies for secret in reply.secrets]
    assert [secret.name for secret in secrets] == ["BIG"] + [f"KEY_{n:04}" for n in range(300)]
    assert all(secret.value == (b"p" if number < 30 else b"g") * 1000
               for number, secret in enumerate(secrets[1:]))
    assert len(replies) > 4
    assert len({reply.revision for reply in replies}) == 1
    daemon.put("BIG", b"changed")
    assert wire.ask("GetEnvironment").revision > replies[0].revision


def test_allow_globs_bound_what_a_run_sees(daemon):
    """A1: refused alike whether the name exists or not."""
    for name in ("AWS_KEY", "AWS_SECRET", "AWS", "DB_1", "DB_22", "OTHER"):
        daemon.put(name, name.encode())
    wire = daemon.runner(daemon.create(allow=["AWS_*", "DB_?"]))
    visible = ["AWS_KEY", "AWS_SECRET", "DB_1"]
    assert [secret.name for secret in wire.ask("GetEnvironment").secrets] == visible
    assert [info.name for info in wire.ask("ListSecrets").secrets] == visible
    for name in visible:
        assert wire.ask("GetSecret", name=name).value == name.encode()
    for name in ("AWS", "DB_22", "OTHER", "NO_SUCH_NAME"):
        assert wire.code("GetSecret", name=name) == "PERMISSION_DENIED"
        assert wire.code("GetSecrets", names=["DB_1", name]) == "PERMISSION_DENIED"
    assert wire.code("GetSecret", name="AWS_NONE") == "NOT_FOUND"


@pytest.mark.parametrize("glob, name, allowed", [
    ("*", "ANY", True), ("A", "A", True), ("A", "AB", False), ("A", "a", False), ("?", "A", True),
    ("?", "AB", False), ("*_KEY", "X_KEY", True), ("*_KEY", "KEY", False), ("A*Z", "AZ", True),
    ("A*Z", "AnyZ", True), ("A*Z", "AZa", False), ("A.B", "AxB", False), ("**", "A", True),
    ("*A*A*A*A*A*A*A*A*B", "A" * 120, False),
], ids=lambda value: str(value)[:20])
def test_globs_match_as_they_say(daemon, glob, name, allowed):
    """A1"""
    daemon.put(name, b"v")
    wire = daemon.runner(daemon.create(allow=[glob]))
    assert wire.code("GetSecret", name=name) == ("OK" if allowed else "PERMISSION_DENIED")


def test_a_page_may_begin_behind_any_name(daemon):
    """C4, C5: after is a place in the order, whether or not it exists."""
    for name in ("A", "B", "a", "_"):
        daemon.put(name, b"v")
    wire = daemon.runner(daemon.create())
    for after, names in (("", ["A", "B", "_", "a"]), ("A", ["B", "_", "a"]),
                         ("AA", ["B", "_", "a"]),
                         ("Z", ["_", "a"]), ("a", []), ("zzz", [])):
        for method in ("ListSecrets", "GetEnvironment"):
            assert [secret.name for secret in wire.ask(method, after=after).secrets] == names
    assert wire.code("ListSecrets", after="x" * 5000) == "INVALID_ARGUMENT"


def test_the_same_text_is_no_secret_of_another_kind(daemon):
    """C2, C3: requests without a name, or with bytes that are no UTF-8."""
    wire = daemon.runner(daemon.create())
    for body in (b"", b"\x0a\x00", b"\x0a\x02\xff\xfe", b"\x0a\x03A\x00B"):
        wire.send_frame(pb.Request(id=3, method="GetSecret", body=body).SerializeToString())
        assert pb.Code.Name(wire.recv().code) == "INVALID_ARGUMENT", body
