"""Tokens: which work, when they stop, and what the caller learns of it."""

import pytest
from coffer_test import NOBODY, RUNNER, eventually, sentinel

ENDS = ["finished", "superseded", "revoked", "expired"]


def create_for(daemon, end, ttl_ms=3_600_000):
    return daemon.create(ref=end, ttl_ms=ttl_ms)


def end_run(daemon, run, end):
    """Brings the run to that end; for "expired" its time is waited for."""
    if end == "finished":
        daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    elif end == "superseded":
        assert create_for(daemon, end).superseded == [run.run_id]
    elif end == "revoked":
        daemon.admin("RevokeGrant", id=run.run_id)
    else:
        eventually(lambda: daemon.admin("ListRuns", run_id=run.run_id).runs[0].state == 7,
                   "the run expires")


def dead_token(daemon, end):
    if end == "unknown":
        return sentinel()
    run = create_for(daemon, end, ttl_ms=1 if end == "expired" else 3_600_000)
    end_run(daemon, run, end)
    return run.token


def test_hello_tells_what_the_token_is_for(daemon):
    """A1, C2: scopes in the order in which they are searched."""
    run = daemon.create(pipeline="team/app", ref="refs/heads/main")
    hello = daemon.wire().hello(run.token)
    assert hello.run_id == run.run_id
    assert hello.scopes == [f"run/{run.run_id}", "pipeline/team/app", "global"]
    assert hello.expires_at_ms == run.expires_at_ms
    assert (hello.protocol, hello.value_max) == (1, 65536)
    assert hello.frame_max >= hello.value_max + 4096


def test_tokens_are_32_alphanumeric_characters_and_run_ids_are_uuids_in_order(daemon):
    """A2, A3"""
    runs = [daemon.create(ref=f"branch-{number}") for number in range(50)]
    assert all(len(run.token) == 32 and run.token.isascii() and run.token.isalnum() for run in runs)
    assert len({run.token for run in runs}) == len(runs)
    ids = [run.run_id for run in runs]
    assert ids == sorted(set(ids))
    assert all(run_id[14] == "7" and run_id[19] in "89ab" for run_id in ids)


@pytest.mark.parametrize("end", ["unknown", *ENDS])
def test_a_dead_token_is_refused_with_the_one_code_and_message(daemon, end):
    """A4, A5, A6"""
    token = dead_token(daemon, end)
    dead = daemon.wire().refused("Hello", protocol=1, token=token)
    unknown = daemon.wire().refused("Hello", protocol=1, token=sentinel())
    assert dead.code == "UNAUTHENTICATED"
    assert dead.message == unknown.message


def test_the_audit_log_alone_tells_dead_tokens_apart(daemon):
    """A6"""
    reasons = {}
    for end in ["unknown", *ENDS]:
        token = dead_token(daemon, end)
        assert daemon.wire().code("Hello", protocol=1, token=token) == "UNAUTHENTICATED"
        record = [line for line in daemon.audit() if line["op"] == "Hello"][-1]
        assert record["outcome"] == "UNAUTHENTICATED"
        reasons[end] = record["reason"]
    assert len(set(reasons.values())) == len(reasons), reasons
    assert all(end in reason for end, reason in reasons.items()), reasons


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", [method for method in RUNNER if method != "Hello"])
def test_an_open_connection_loses_its_authority_when_the_run_ends(daemon, end, method):
    """A5: also on connections already open, for every method."""
    daemon.put("NAME", b"value")
    run = create_for(daemon, end, ttl_ms=3000 if end == "expired" else 3_600_000)
    wire = daemon.runner(run)
    if end != "expired":
        assert wire.ask("GetSecret", name="NAME").value == b"value"
    end_run(daemon, run, end)
    fields = {"GetSecret": {"name": "NAME"}, "GetSecrets": {"names": ["NAME"]}}.get(method, {})
    assert wire.code(method, **fields) == "UNAUTHENTICATED"


def test_all_connections_of_an_ended_run_lose_it_at_once(daemon):
    """A5"""
    daemon.put("NAME", b"value")
    run, other = daemon.create(), daemon.create(ref="other")
    wires = [daemon.runner(run) for _ in range(20)]
    bystander = daemon.runner(other)
    daemon.admin("FinishRun", run_id=run.run_id, result="FAILED")
    assert {wire.code("GetSecret", name="NAME") for wire in wires} == {"UNAUTHENTICATED"}
    assert bystander.code("GetSecret", name="NAME") == "OK"


def test_states_move_as_the_life_of_a_run_does(daemon):
    """A3, A4"""
    def state(run):
        (info,) = daemon.admin("ListRuns", run_id=run.run_id).runs
        return info
    run = daemon.create()
    assert state(run).state == 1 and state(run).started_at_ms == 0
    daemon.runner(run).ask("Bootstrap")
    assert state(run).state == 2 and state(run).started_at_ms >= state(run).created_at_ms > 0
    for result, number in (("SUCCEEDED", 3), ("FAILED", 4), ("CANCELLED", 5)):
        other = daemon.create(ref=result)
        daemon.admin("FinishRun", run_id=other.run_id, result=result)
        assert state(other).state == number
        assert state(other).finished_at_ms >= state(other).created_at_ms
        with daemon.operator() as wire:
            assert wire.code("FinishRun", run_id=other.run_id,
                             result=result) == "FAILED_PRECONDITION"
            assert wire.code("RevokeGrant", id=other.run_id) == "FAILED_PRECONDITION"
    with daemon.operator() as wire:
        for wrong in (0, 1, 2, 6, 7, 99):
            assert wire.code("FinishRun", run_id=run.run_id, result=wrong) == "INVALID_ARGUMENT"
        assert wire.code("FinishRun", run_id="0" * 8 + run.run_id[8:], result=3) == "NOT_FOUND"


def test_creating_a_run_supersedes_the_live_one_of_its_pipeline_and_ref_alone(daemon):
    """A4"""
    run = daemon.create(pipeline="app", ref="main")
    others = [daemon.create(pipeline="app", ref="dev"), daemon.create(pipeline="lib", ref="main")]
    active = daemon.runner(run)
    active.ask("Bootstrap")
    newer = daemon.create(pipeline="app", ref="main")
    assert newer.superseded == [run.run_id]
    assert daemon.admin("ListRuns", run_id=run.run_id).runs[0].state == 6
    assert active.code("ListSecrets") == "UNAUTHENTICATED"
    for live in (newer, *others):
        assert daemon.runner(live).code("ListSecrets") == "OK"


def test_a_bound_uid_is_the_only_one_that_may_use_the_token(daemon):
    """A1, A7: refused with PERMISSION_DENIED, and audited."""
    run = daemon.create(bind_uid=True, uid=12001)
    (right,), (wrong,) = daemon.peers(12001), daemon.peers(12002)
    assert wrong.code("Hello", protocol=1, token=run.token) == "PERMISSION_DENIED"
    assert right.hello(run.token).run_id == run.run_id
    refusal = [line for line in daemon.audit() if line["outcome"] == "PERMISSION_DENIED"]
    assert [(line["op"], line["uid"], line["run"]) for line in refusal] == \
        [("Hello", 12002, run.run_id)]


def test_a_token_bound_to_uid_zero_is_bound(daemon):
    """A7: zero is a uid, and not "no uid"."""
    run = daemon.create(bind_uid=True, uid=0)
    (stranger,) = daemon.peers(NOBODY)
    assert stranger.code("Hello", protocol=1, token=run.token) == "PERMISSION_DENIED"
    daemon.runner(run)


def test_a_second_hello_is_a_failed_precondition_and_changes_nothing(daemon):
    """Protocol: one connection has one authority."""
    run, other = daemon.create(ref="one"), daemon.create(ref="two")
    daemon.put("NAME", b"value")
    wire = daemon.runner(run)
    for token in (run.token, other.token, sentinel()):
        assert wire.code("Hello", protocol=1, token=token) == "FAILED_PRECONDITION"
    assert wire.ask("GetSecret", name="NAME").value == b"value"
    reads = [line for line in daemon.audit() if line["op"] == "GetSecret"]
    assert [line["run"] for line in reads] == [run.run_id]


def test_hello_with_an_expected_run_id_checks_it(daemon):
    """I1, I2: no such run is NOT_FOUND, another run's token UNAUTHENTICATED."""
    run, other = daemon.create(ref="one"), daemon.create(ref="two")
    missing = "01890000-0000-7000-8000-000000000000"
    assert daemon.wire().hello(run.token, run_id=run.run_id).run_id == run.run_id
    for run_id, code in ((missing, "NOT_FOUND"), (other.run_id, "UNAUTHENTICATED")):
        assert daemon.wire().code("Hello", protocol=1, token=run.token, run_id=run_id) == code
    assert daemon.wire().code("Hello", protocol=1, token=sentinel(), run_id=run.run_id) == \
        "UNAUTHENTICATED"


@pytest.mark.parametrize("protocol", [0, 2, 2**32 - 1])
def test_another_protocol_version_is_refused_with_words(daemon, protocol):
    """Protocol: a client of the future learns why."""
    run = daemon.create()
    refused = daemon.wire().refused("Hello", protocol=protocol, token=run.token)
    assert refused.code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNIMPLEMENTED")
    assert "protocol" in refused.message


def test_a_token_lives_through_a_restart_and_an_ended_one_stays_dead(daemon):
    """A5, E4"""
    live, dead = daemon.create(ref="live"), daemon.create(ref="dead")
    daemon.admin("RevokeGrant", id=dead.run_id)
    daemon.kill()
    daemon.start()
    daemon.runner(live)
    assert daemon.wire().code("Hello", protocol=1, token=dead.token) == "UNAUTHENTICATED"


def test_runs_are_listed_newest_first_in_pages_that_join(daemon):
    """A3"""
    with daemon.operator() as wire:
        made = [wire.ask("CreateRun", meta={"pipeline": "app", "ref": f"r{number}",
                                            "repo": "r" * 1000, "sha": "s" * 1000}).run_id
                for number in range(150)]
        listed, after, pages = [], "", 0
        while True:
            page = wire.ask("ListRuns", after=after)
            listed += [run.run_id for run in page.runs]
            pages += 1
            if not page.more:
                break
            after = page.runs[-1].run_id
    assert listed == made[::-1]
    assert pages > 1


def test_one_run_is_shown_in_full_and_without_its_token(daemon):
    """A3"""
    meta = {"pipeline": "p", "ref": "r", "repo": "o/r", "sha": "abc", "pushed_at_ms": 5}
    fields = {"git_dir": "/srv/git", "extras": [{"key": "k", "value": "v"}],
              "allow": ["AWS_*", "X"],
              "bind_uid": True, "uid": 5, "ttl_ms": 60000}
    run = daemon.admin("CreateRun", meta=meta, sentry={"dsn": "d", "trace_id": "t"}, **fields)
    (info,) = daemon.admin("ListRuns", run_id=run.run_id).runs
    assert {name: getattr(info.meta, name) for name in meta} == meta
    assert (info.git_dir, list(info.allow), info.bind_uid, info.uid) == \
        ("/srv/git", ["AWS_*", "X"], True, 5)
    assert [(pair.key, pair.value) for pair in info.extras] == [("k", "v")]
    assert info.expires_at_ms - info.created_at_ms == 60000
    assert run.token.encode() not in info.SerializeToString()
    assert daemon.operator().code("ListRuns", run_id="01890000-0000-7000-8000-000000000000") == \
        "NOT_FOUND"
