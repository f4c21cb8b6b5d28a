"""Why: which scope answers for a name, and what the others lack."""

import os
import subprocess
import time

import pytest
from coffer_test import eventually, pb

FOUND, NOT_FOUND, NOT_ALLOWED, ENDED = 1, 2, 3, 4
HAS, LACKS, DELETED, EXPIRED = 1, 2, 3, 4
MISSING = "01890000-0000-7000-8000-000000000000"


def told(answer):
    return answer.outcome, [(scope.scope, scope.outcome, scope.version) for scope in answer.scopes]


def both(daemon, wire, run, name):
    """The same is told to the job and to an operator."""
    mine = wire.ask("Why", name=name)
    assert daemon.admin("WhyGrant", name=name, id=run.run_id) == mine
    return mine


def test_the_scope_that_answers_is_told_with_what_the_ones_before_lack(daemon):
    """C2"""
    run = daemon.create(pipeline="app")
    wire, own = daemon.runner(run), f"run/{run.run_id}"
    assert told(both(daemon, wire, run, "A")) == \
        (NOT_FOUND, [(own, LACKS, 0), ("pipeline/app", LACKS, 0), ("global", LACKS, 0)])
    daemon.put("A", b"1")
    daemon.put("A", b"2")
    answer = both(daemon, wire, run, "A")
    assert told(answer) == (FOUND, [(own, LACKS, 0), ("pipeline/app", LACKS, 0), ("global", HAS, 2)])
    assert abs(answer.scopes[-1].updated_at_ms - time.time() * 1000) < 3_600_000
    assert (answer.state, answer.expires_at_ms) == (pb.GRANT_LIVE, run.expires_at_ms)
    daemon.put("A", b"3", scope="pipeline/app")
    assert told(both(daemon, wire, run, "A")) == (FOUND, [(own, LACKS, 0), ("pipeline/app", HAS, 1)])
    daemon.put("A", b"4", scope=own)
    assert told(both(daemon, wire, run, "A")) == (FOUND, [(own, HAS, 1)])


def test_a_deleted_secret_is_told_from_one_that_never_was(daemon):
    """E2"""
    run = daemon.create(pipeline="app")
    wire, own = daemon.runner(run), f"run/{run.run_id}"
    daemon.put("A", b"1", scope="pipeline/app")
    daemon.admin("DeleteSecret", scope="pipeline/app", name="A")
    assert told(both(daemon, wire, run, "A")) == \
        (NOT_FOUND, [(own, LACKS, 0), ("pipeline/app", DELETED, 2), ("global", LACKS, 0)])
    daemon.admin("DeleteSecret", scope="pipeline/app", name="A", purge=True)
    assert told(both(daemon, wire, run, "A"))[1][1] == ("pipeline/app", LACKS, 0)


def test_an_expired_secret_is_told_from_a_deleted_one(daemon):
    """E3"""
    run = daemon.create(pipeline="app")
    wire, at = daemon.runner(run), int(time.time() * 1000) + 1500
    daemon.admin("PutSecret", scope="pipeline/app",
                 writes=[{"name": "A", "value": b"1", "expires_at_ms": at}])
    answer = both(daemon, wire, run, "A")
    assert answer.scopes[-1].scope == "pipeline/app" and answer.scopes[-1].expires_at_ms == at
    eventually(lambda: wire.ask("Why", name="A").scopes[1].outcome == EXPIRED, "the secret expires")
    assert wire.ask("Why", name="A").scopes[1].expires_at_ms == at
    assert wire.code("GetSecret", name="A") == "NOT_FOUND"


def test_a_file_source_is_told_and_its_path_is_not(daemon):
    """C8"""
    run = daemon.create()
    path = daemon.folder / "source"
    daemon.admin("PutSecret", scope="global", writes=[{"name": "A", "source": f"file:{path}"}])
    answer = both(daemon, daemon.runner(run), run, "A")
    assert answer.outcome == FOUND and answer.scopes[-1].from_file
    assert str(path).encode() not in answer.SerializeToString()


def test_a_job_learns_nothing_of_a_name_that_it_is_not_allowed(daemon):
    """A1: not even whether there is such a secret; an operator does."""
    daemon.put("OTHER", b"value")
    run = daemon.create(allow=["AWS_*", "X"])
    wire = daemon.runner(run)
    there, missing = wire.ask("Why", name="OTHER"), wire.ask("Why", name="NOWHERE")
    assert there == missing
    assert told(there) == (NOT_ALLOWED, []) and list(there.allow) == ["AWS_*", "X"]
    answer = daemon.admin("WhyGrant", name="OTHER", id=run.run_id)
    assert answer.outcome == NOT_ALLOWED and answer.scopes[-1].outcome == HAS
    assert told(wire.ask("Why", name="AWS_KEY"))[0] == NOT_FOUND


def test_a_job_learns_nothing_of_scopes_that_it_does_not_have(daemon):
    """C2, D2"""
    daemon.put("A", b"value", scope="system/ci", system=True)
    daemon.put("A", b"value", scope="pipeline/other")
    run = daemon.create(pipeline="app")
    answer = both(daemon, daemon.runner(run), run, "A")
    assert answer.outcome == NOT_FOUND
    assert {scope.outcome for scope in answer.scopes} == {LACKS}
    service = daemon.admin("CreateService", name="ci", scopes=["system/ci"])
    wire = daemon.runner(service)
    assert told(wire.ask("Why", name="A")) == (FOUND, [("system/ci", HAS, 1)])
    assert daemon.admin("WhyGrant", name="A", id=service.id) == wire.ask("Why", name="A")


@pytest.mark.parametrize("end, state", [("finished", pb.GRANT_FINISHED), ("revoked", pb.GRANT_REVOKED),
                                        ("superseded", pb.GRANT_SUPERSEDED),
                                        ("expired", pb.GRANT_EXPIRED),
                                        ("process", pb.GRANT_REVOKED)])
def test_an_operator_learns_how_the_token_has_ended(daemon, end, state):
    """A4, A7: a job with such a token learns nothing, as ever."""
    daemon.put("A", b"value")
    child = subprocess.Popen(["sleep", "600"]) if end == "process" else None
    run = daemon.create(ttl_ms=1 if end == "expired" else 60_000, bind_process=child.pid if child else 0)
    if end == "finished":
        daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    elif end == "revoked":
        daemon.admin("RevokeGrant", id=run.run_id)
    elif end == "superseded":
        daemon.create()
    elif end == "process":
        child.kill()
        child.wait()
    answer = eventually(lambda: (found := daemon.admin("WhyGrant", name="A", id=run.run_id)).outcome
                        == ENDED and found, "the run ends")
    assert answer.state == state
    assert told(answer)[1][-1] == ("global", HAS, 1)
    assert daemon.wire().code("Hello", protocol=1, token=run.token) == "UNAUTHENTICATED"


def test_what_is_no_name_and_no_grant_is_refused(daemon):
    run = daemon.create()
    wire, operator = daemon.runner(run), daemon.operator()
    for name in ("", "1A", "A B", "__coffer_bootstrap"):
        assert wire.code("Why", name=name) == "INVALID_ARGUMENT"
        assert operator.code("WhyGrant", name=name, id=run.run_id) == "INVALID_ARGUMENT"
    assert operator.code("WhyGrant", name="A", id="x") == "INVALID_ARGUMENT"
    assert operator.refused("WhyGrant", name="A", id=MISSING).message == \
        f"unknown run or service '{MISSING}'"


def test_who_asks_why_is_on_record(daemon):
    """H1: it tells of a secret."""
    daemon.put("A", b"value")
    run = daemon.create(allow=["A"])
    service = daemon.admin("CreateService", name="ci", scopes=["global"])
    daemon.runner(run).ask("Why", name="A")
    daemon.runner(run).ask("Why", name="B")
    daemon.admin("WhyGrant", name="A", id=run.run_id)
    daemon.admin("WhyGrant", name="A", id=service.id)
    records = [(line["op"], line.get("run"), line.get("grant"), line.get("scope"), line["name"],
                line.get("version")) for line in daemon.audit() if line["op"].startswith("Why")]
    assert records == [("Why", run.run_id, None, "global", "A", 1),
                       ("Why", run.run_id, None, None, "B", None),
                       ("WhyGrant", run.run_id, None, "global", "A", 1),
                       ("WhyGrant", None, service.id, "global", "A", 1)]


def test_no_answer_holds_a_value(daemon):
    value = os.urandom(16).hex().encode()
    daemon.put("A", value)
    run = daemon.create()
    answer = both(daemon, daemon.runner(run), run, "A")
    assert value not in answer.SerializeToString()
