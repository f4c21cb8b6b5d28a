"""The audit log: one record a request, in a chain that shows what was done to it."""

import json
import os
import re

import pytest
from coffer_test import Wire

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def after(daemon, act):
    """The records that act() adds."""
    before = daemon.audit()
    act()
    return daemon.audit()[len(before):]


def test_every_request_leaves_one_record_with_who_what_and_how(daemon):
    """H1: seq, time, outcome, op, grant, scope, name, version, peer, via."""
    daemon.put("NAME", b"value")
    run = daemon.create()
    (wire,) = daemon.peers(12345)

    def act():
        wire.hello(run.token, via="the shim")
        wire.ask("GetSecret", name="NAME")
        wire.code("GetSecret", name="MISSING")
        wire.ask("GetSecrets", names=["NAME", "NAME"])
        wire.ask("ListSecrets")
        wire.ask("GetEnvironment")
        wire.ask("Bootstrap")
    records = after(daemon, act)
    assert [(record["op"], record["outcome"]) for record in records] == [
        ("Hello", "OK"), ("GetSecret", "OK"), ("GetSecret", "NOT_FOUND"), ("GetSecrets", "OK"),
        ("ListSecrets", "OK"), ("GetEnvironment", "OK"), ("Bootstrap", "OK")]
    for record in records:
        assert (record["run"], record["uid"], record["gid"], record["via"]) == \
            (run.run_id, 12345, 12345, "the shim")
        assert record["pid"] > 0
        assert TIME.fullmatch(record["time"])
        assert re.fullmatch("[0-9a-f]{64}", record["mac"])
    assert (records[1]["scope"], records[1]["name"], records[1]["version"]) == ("global", "NAME", 1)
    assert records[2]["name"] == "MISSING"
    one = {"scope": "global", "name": "NAME", "version": 1}
    assert records[3]["secrets"] == [one, one]
    assert records[5]["secrets"] == [one]


def test_an_operators_requests_are_recorded_too(daemon):
    """H1"""
    def act():
        with daemon.operator() as wire:
            where = {"scope": "pipeline/app", "name": "NAME"}
            wire.ask("PutSecret", scope="pipeline/app", writes=[{"name": "NAME", "value": b"v"}])
            wire.ask("RevealSecret", **where)
            wire.ask("ListVersions", **where)
            wire.ask("RollbackSecret", version=1, **where)
            wire.ask("DeleteSecret", **where)
            wire.ask("ListAllSecrets")
            made = wire.ask("CreateRun", meta={"pipeline": "app", "ref": "main"})
            wire.ask("ListRuns")
            wire.ask("FinishRun", run_id=made.run_id, result="FAILED")
            wire.code("RevokeGrant", id=made.run_id)
    records = after(daemon, act)
    assert [(record["op"], record["outcome"]) for record in records] == [
        ("PutSecret", "OK"), ("RevealSecret", "OK"), ("ListVersions", "OK"),
        ("RollbackSecret", "OK"),
        ("DeleteSecret", "OK"), ("ListAllSecrets", "OK"), ("CreateRun", "OK"), ("ListRuns", "OK"),
        ("FinishRun", "OK"), ("RevokeGrant", "FAILED_PRECONDITION")]
    for record in records:
        assert (record["uid"], record["gid"], record["pid"]) == \
            (os.geteuid(), os.getegid(), os.getpid())
    written = records[0].get("secrets", [records[0]])[0]
    assert (written["scope"], written["name"], written["version"]) == ("pipeline/app", "NAME", 1)
    assert records[6]["run"] == records[8]["run"] == records[9]["run"]


def test_a_superseded_run_is_named_by_the_record_of_its_end(daemon):
    """H1, A4"""
    old = daemon.create()
    records = after(daemon, daemon.create)
    assert old.run_id in json.dumps(records)


def test_refusals_are_recorded_with_their_reason(daemon):
    """H1, A6"""
    run = daemon.create(allow=["A"])

    def act():
        daemon.wire().code("GetSecret", name="A")
        daemon.wire().code("PutSecret")
        wire = daemon.runner(run)
        wire.code("GetSecret", name="B")
        wire.code("GetSecret", name="not a name")
    records = after(daemon, act)
    assert [(record["op"], record["outcome"]) for record in records] == [
        ("GetSecret", "UNAUTHENTICATED"), ("PutSecret", "PERMISSION_DENIED"), ("Hello", "OK"),
        ("GetSecret", "PERMISSION_DENIED"), ("GetSecret", "INVALID_ARGUMENT")]
    assert records[3]["name"] == "B" and records[3]["run"] == run.run_id
    assert "run" not in records[0] and "run" not in records[1]


def test_text_of_a_peer_cannot_forge_a_record(daemon):
    """H2: quotes and backslashes are escaped, control characters refused."""
    run = daemon.create()
    via = 'x","outcome":"OK","op":"Forged\\'
    daemon.wire().hello(run.token, via=via)
    refused = daemon.wire().refused("Hello", protocol=1, token=run.token, via="a\nb")
    assert refused.code == "INVALID_ARGUMENT"
    lines = [line for path in daemon.audit_files() for line in path.read_bytes().split(b"\n")]
    records = [json.loads(line) for line in lines if line.strip(b"\0")]
    assert [record["via"] for record in records if "via" in record] == [via]
    assert daemon.verify_audit().problem == ""


def test_sequence_numbers_have_no_gap_and_the_files_hold_what_is_read(daemon):
    """H1, H3"""
    for number in range(300):
        daemon.put(f"NAME_{number:03}", b"v")
    records = daemon.audit()
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    on_disk = [json.loads(line) for path in daemon.audit_files()
               for line in path.read_bytes().split(b"\n") if line.strip(b"\0")]
    assert on_disk == records
    reply = daemon.verify_audit()
    assert (reply.problem, reply.first_seq, reply.last_seq) == ("", 1, len(records))
    page = daemon.admin("ReadAudit", after_seq=290)
    assert json.loads(page.lines[0])["seq"] == 291
    assert not daemon.admin("ReadAudit", after_seq=10**15).lines


def test_the_record_is_in_the_file_before_the_reply_is_with_the_caller(daemon):
    """H1: it survives kill -9 of the daemon at once."""
    daemon.put("NAME", b"value")
    wire = daemon.runner(daemon.create())
    for number in range(50):
        wire.ask("GetSecret", name="NAME")
    daemon.kill()
    count = sum(path.read_bytes().count(b'"op":"GetSecret"') for path in daemon.audit_files())
    assert count == 50
    daemon.start()
    assert daemon.verify_audit().problem == ""


def lines_of(path):
    """The records of a log file and what room was kept behind them."""
    data = path.read_bytes()
    end = data.rindex(b"\n") + 1
    return data[:end].splitlines(keepends=True), data[end:]


def rewrite(path, change):
    """Puts back what change makes of the file's records, in the same file."""
    lines, rest = lines_of(path)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(b"".join(change(lines)) + rest)


ATTACKS = {
    "a name edited": lambda lines: [line.replace(b"NAME_10", b"NAME_99") for line in lines],
    "an outcome edited": lambda lines:
        lines[:5] + [lines[5].replace(b'"OK"', b'"GONE"')] + lines[6:],
    "a mac edited": lambda lines:
        lines[:5] + [lines[5].replace(b'"mac":"', b'"mac":"0')[:-4] + b'"}\n'] + lines[6:],
    "two records swapped": lambda lines: lines[:5] + [lines[6], lines[5]] + lines[7:],
    "a record cut out": lambda lines: lines[:5] + lines[6:],
    "a record doubled": lambda lines: lines[:6] + lines[5:],
    "the beginning cut off": lambda lines: lines[5:],
    "the end cut off": lambda lines: lines[:-5],
    "everything cut off": lambda lines: [],
    "half a record cut out": lambda lines: lines[:5] + [lines[5][:40] + b"\n"] + lines[6:],
    "noise between records": lambda lines: lines[:5] + [b"noise\n"] + lines[5:],
    "an empty line": lambda lines: lines[:5] + [b"\n"] + lines[5:],
    "a record of one's own": lambda lines:
        lines + [lines[-1].replace(b'"seq":%d' % len(lines), b'"seq":%d' % (len(lines) + 1))],
}


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("change", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_is_done_to_the_log_is_found(daemon, change, restart):
    """H2: an edit, a reorder, a cut in the middle or at the end."""
    for number in range(20):
        daemon.put(f"NAME_{number}", b"v")
    assert daemon.verify_audit().problem == ""
    if restart:
        daemon.stop()
    (path,) = daemon.audit_files()
    before = path.read_bytes()
    rewrite(path, change)
    assert path.read_bytes() != before
    if restart:
        daemon.start()
    reply = daemon.verify_audit()
    assert reply.done and reply.problem, reply


def test_a_deleted_log_is_found(daemon):
    """Attack: log deleted while running, and between two runs."""
    for number in range(20):
        daemon.put(f"NAME_{number}", b"v")
    for path in daemon.audit_files():
        path.unlink()
    assert daemon.verify_audit().problem
    daemon.stop()
    daemon.start()
    assert daemon.verify_audit().problem


def test_what_stands_before_a_problem_is_told(daemon):
    """H2: where to look."""
    for number in range(20):
        daemon.put(f"NAME_{number}", b"v")
    (path,) = daemon.audit_files()
    rewrite(path, lambda lines: lines[:9] + [lines[9].replace(b"NAME", b"MANE")] + lines[10:])
    reply = daemon.verify_audit()
    assert (reply.first_seq, reply.last_seq) == (1, 9)
    assert "10" in reply.problem
    assert "MANE" not in reply.problem


def test_a_line_torn_by_a_crash_is_dropped_and_the_chain_goes_on(daemon):
    """H2: half a last line is what a crash leaves, and not an attack."""
    for number in range(5):
        daemon.put(f"NAME_{number}", b"v")
    daemon.kill()
    (path,) = daemon.audit_files()
    lines, rest = lines_of(path)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(b"".join(lines) + b'{"seq":%d,"time":"20' % (len(lines) + 1))
    daemon.start()
    daemon.put("AFTER", b"v")
    assert daemon.verify_audit().problem == ""
    assert [record["seq"] for record in daemon.audit()] == list(range(1, len(daemon.audit()) + 1))


def test_a_change_whose_record_did_not_reach_the_log_is_recorded_at_the_next_start(daemon):
    """H1: the record of a change is stored with it; a crash between the two loses neither."""
    for number in range(5):
        daemon.put(f"NAME_{number}", b"v")
    daemon.kill()
    (path,) = daemon.audit_files()
    lines, _ = lines_of(path)
    with path.open("r+b") as file:
        file.truncate(sum(map(len, lines[:-1])))
    daemon.start()
    assert daemon.verify_audit().problem == ""
    last = [record for record in daemon.audit() if record["op"] == "PutSecret"][-1]
    assert "NAME_4" in json.dumps(last)


def test_kill_9_never_breaks_the_chain(daemon):
    """H2"""
    for number in range(10):
        wire = daemon.runner(daemon.create())
        for _ in range(20):
            wire.send(wire.frame("ListSecrets"))
        wire.recv()
        daemon.kill()
        daemon.start()
        assert daemon.verify_audit().problem == "", number


def test_with_audit_sync_always_records_are_there_too(daemon):
    """H1: the option is known and changes nothing that can be seen without a power cut."""
    daemon.options = ["--audit-sync", "always"]
    daemon.put("NAME", b"v")
    daemon.restart()
    wire = daemon.runner(daemon.create())
    assert {wire.code("GetSecret", name="NAME") for _ in range(100)} == {"OK"}
    daemon.kill()
    daemon.start()
    assert len([record for record in daemon.audit() if record["op"] == "GetSecret"]) == 100
    assert daemon.verify_audit().problem == ""


def test_verification_goes_on_while_others_are_served(daemon):
    """H2: in steps, with a log that grows meanwhile."""
    daemon.put("NAME", b"v")
    wire = daemon.runner(daemon.create())
    for _ in range(100):
        wire.send(b"".join(wire.frame("GetSecret", name="NAME") for _ in range(200)))
        assert {wire.recv().code for _ in range(200)} == {0}
    cursor, steps = b"", 0
    with Wire(daemon.admin_socket) as operator:
        while True:
            reply = operator.ask("VerifyAudit", cursor=cursor)
            assert reply.problem == ""
            steps += 1
            if reply.done:
                break
            cursor = reply.cursor
            wire.ask("GetSecret", name="NAME")
        assert steps > 1
        for wrong in (b"x", b"\0" * 40, cursor[:-1] + b"\xff", os.urandom(128)):
            assert operator.code("VerifyAudit", cursor=wrong) in ("INVALID_ARGUMENT", "OK")
        assert operator.ask("VerifyAudit", cursor=b"").problem == ""
