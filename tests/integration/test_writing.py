"""Writing secrets: syntax, scopes, versions, and secrets of one run."""

import sqlite3

import pytest
from coffer_test import Daemon, Ephemeral

GOOD_NAMES = ["A", "a", "_", "A1", "a.b-c_d", "A" * 128, "_coffer_x", "__COFFER_x", "__coffer"]
BAD_NAMES = ["", "1A", "-A", ".A", "A B", "A/B", "A=B", "A\n", "A\0", "\u00c4", "A" * 129, "A*",
             "A'",
             "__coffer_x", "__coffer_"]
GOOD_SCOPES = ["global", "pipeline/a", "pipeline/1", "pipeline/team/app/x.y-z", "pipeline/..a",
               "pipeline/" + "p" * 246]
BAD_SCOPES = ["", "Global", "global/", "pipeline", "pipeline/", "pipeline//a", "pipeline/a/",
              "pipeline/../global", "pipeline/./a", "pipeline/a b", "pipeline/\u00e4", "other/x",
              "run/", "pipeline/" + "p" * 247, "pipeline/__coffer_x", "/global", "system",
              "global\0"]


def put_code(wire, scope, name, value=b"v", **fields):
    return wire.code("PutSecret", scope=scope, writes=[{"name": name, "value": value}], **fields)


def reveal(daemon, name, version=0, scope="global"):
    return daemon.admin("RevealSecret", scope=scope, name=name, version=version).value


def versions(daemon, name, scope="global"):
    reply = daemon.admin("ListVersions", scope=scope, name=name)
    return [(info.version, info.deleted) for info in reply.versions]


def test_names_have_one_syntax_everywhere(daemon):
    """D1"""
    runner = daemon.runner(daemon.create())
    with daemon.operator() as wire:
        for name in GOOD_NAMES:
            assert put_code(wire, "global", name) == "OK", name
            assert runner.code("GetSecret", name=name) == "OK", name
        for name in BAD_NAMES:
            refused = wire.refused("PutSecret", scope="global",
                                   writes=[{"name": name, "value": b"v"}])
            assert refused.code == "INVALID_ARGUMENT", name
            assert "name" in refused.message
            for method in ("DeleteSecret", "ListVersions", "RollbackSecret", "RevealSecret"):
                assert wire.code(method, scope="global", name=name) == "INVALID_ARGUMENT", name
            assert wire.code("CreateRun", meta={"pipeline": "p", "ref": "r"},
                             secrets=[{"name": name, "value": b"v"}]) == "INVALID_ARGUMENT", name
            assert runner.code("GetSecret", name=name) == "INVALID_ARGUMENT", name


def test_scopes_have_one_syntax_everywhere(daemon):
    """D1"""
    with daemon.operator() as wire:
        for scope in GOOD_SCOPES:
            assert put_code(wire, scope, "NAME") == "OK", scope
            assert wire.ask("RevealSecret", scope=scope, name="NAME").value == b"v"
        for scope in BAD_SCOPES:
            assert put_code(wire, scope, "NAME") == "INVALID_ARGUMENT", scope
            for method in ("DeleteSecret", "ListVersions", "RollbackSecret", "RevealSecret"):
                assert wire.code(method, scope=scope, name="NAME") == "INVALID_ARGUMENT", scope
            if scope:
                assert wire.code("ListAllSecrets", scope=scope) == "INVALID_ARGUMENT", scope


def test_system_secrets_are_out_of_reach_of_user_facing_calls(daemon):
    """D2: by name, list, environment and pipeline, for runs and for operators without --system."""
    daemon.put("TOKEN", b"system value", scope="system/workloads", system=True)
    daemon.put("PLAIN", b"v")
    with daemon.operator() as wire:
        for method, fields in (("RevealSecret", {}), ("DeleteSecret", {}), ("ListVersions", {}),
                               ("RollbackSecret", {"version": 1}),
                               ("DeleteSecret", {"purge": True})):
            refused = wire.refused(method, scope="system/workloads", name="TOKEN", **fields)
            assert refused.code == "PERMISSION_DENIED", method
        assert put_code(wire, "system/workloads", "TOKEN") == "PERMISSION_DENIED"
        assert wire.code("ListAllSecrets", scope="system/workloads") == "PERMISSION_DENIED"
        assert [info.name for info in wire.ask("ListAllSecrets").secrets] == ["PLAIN"]
        listed = wire.ask("ListAllSecrets", scope="system/workloads", system=True).secrets
        assert [info.name for info in listed] == ["TOKEN"]
        assert wire.ask("RevealSecret", scope="system/workloads", name="TOKEN",
                        system=True).value == b"system value"
    for pipeline in ("system", "system/workloads", "workloads"):
        runner = daemon.runner(daemon.create(pipeline=pipeline))
        assert runner.code("GetSecret", name="TOKEN") == "NOT_FOUND"
        assert [secret.name for secret in runner.ask("GetEnvironment").secrets] == ["PLAIN"]
        assert [info.name for info in runner.ask("ListSecrets").secrets] == ["PLAIN"]


def test_every_scope_is_listed_in_order_and_in_pages(daemon):
    """C4, J5"""
    expected = []
    with daemon.operator() as wire:
        for scope in ["global"] + [f"pipeline/p{number:02}" for number in range(30)]:
            names = [f"NAME_{number:02}_" + "n" * 90 for number in range(64)]
            wire.ask("PutSecret", scope=scope,
                     writes=[{"name": name, "value": b"v"} for name in names[::-1]])
            expected += [(scope, name) for name in names]
        got, fields, pages = [], {}, 0
        while True:
            reply = wire.ask("ListAllSecrets", **fields)
            got += [(info.scope, info.name) for info in reply.secrets]
            pages += 1
            if not reply.more:
                break
            fields = {"after_scope": got[-1][0], "after_name": got[-1][1]}
        assert got == expected and pages > 1
        one = wire.ask("ListAllSecrets", scope="pipeline/p07")
        assert [(info.scope, info.name) for info in one.secrets] == \
            [pair for pair in expected if pair[0] == "pipeline/p07"]


def test_every_write_is_a_version_and_the_last_ten_are_kept(daemon):
    """E2"""
    made = [daemon.put("NAME", b"value %d" % number) for number in range(1, 13)]
    assert made == list(range(1, 13))
    assert versions(daemon, "NAME") == [(number, False) for number in range(12, 2, -1)]
    for number in range(3, 13):
        assert reveal(daemon, "NAME", number) == b"value %d" % number
    assert reveal(daemon, "NAME") == b"value 12"
    with daemon.operator() as wire:
        for number in (1, 2, 13, 2**32 - 1):
            assert wire.code("RevealSecret", scope="global", name="NAME",
                             version=number) == "NOT_FOUND"
    assert versions(daemon, "NAME") == [(number, False) for number in range(12, 2, -1)]


def test_versions_of_equal_names_in_two_scopes_are_two_histories(daemon):
    """E2"""
    daemon.put("NAME", b"one")
    daemon.put("NAME", b"two")
    assert daemon.put("NAME", b"other", scope="pipeline/p") == 1
    assert versions(daemon, "NAME", "pipeline/p") == [(1, False)]


def test_a_deleted_secret_leaves_a_tombstone_and_its_history(daemon):
    """E2"""
    daemon.put("NAME", b"one")
    assert daemon.admin("DeleteSecret", scope="global", name="NAME").version == 2
    assert versions(daemon, "NAME") == [(2, True), (1, False)]
    with daemon.operator() as wire:
        assert wire.code("RevealSecret", scope="global", name="NAME") == "NOT_FOUND"
        assert wire.code("RevealSecret", scope="global", name="NAME", version=2) == "NOT_FOUND"
        assert wire.code("DeleteSecret", scope="global", name="NAME") == "NOT_FOUND"
        assert not wire.ask("ListAllSecrets").secrets
    assert reveal(daemon, "NAME", 1) == b"one"
    assert daemon.put("NAME", b"three") == 3
    assert reveal(daemon, "NAME") == b"three"


def test_a_purge_erases_every_version(daemon):
    """E2"""
    for value in (b"one", b"two"):
        daemon.put("NAME", value)
    daemon.admin("DeleteSecret", scope="global", name="NAME")
    assert daemon.admin("DeleteSecret", scope="global", name="NAME", purge=True).version == 0
    with daemon.operator() as wire:
        assert wire.code("ListVersions", scope="global", name="NAME") == "NOT_FOUND"
        assert wire.code("RevealSecret", scope="global", name="NAME", version=1) == "NOT_FOUND"
    assert daemon.put("NAME", b"new") >= 1
    assert reveal(daemon, "NAME") == b"new"


def test_a_rollback_makes_an_old_value_the_newest(daemon):
    """E2"""
    for number in range(1, 4):
        daemon.put("NAME", b"value %d" % number)
    daemon.admin("DeleteSecret", scope="global", name="NAME")
    reply = daemon.admin("RollbackSecret", scope="global", name="NAME", version=2)
    assert reply.version == 5
    assert reveal(daemon, "NAME") == b"value 2"
    with daemon.operator() as wire:
        where = {"scope": "global", "name": "NAME"}
        assert wire.code("RollbackSecret", version=4, **where) == "FAILED_PRECONDITION"
        for number in (6, 99, 2**32 - 1):
            assert wire.code("RollbackSecret", version=number, **where) == "NOT_FOUND"
        assert wire.code("RollbackSecret", version=0, **where) in ("NOT_FOUND", "INVALID_ARGUMENT")
    assert reveal(daemon, "NAME") == b"value 2"


def test_compare_and_set_writes_only_over_the_expected_version(daemon):
    """E2"""
    with daemon.operator() as wire:
        def put(version, value=b"v"):
            return wire.code("PutSecret", scope="global", writes=[
                {"name": "NAME", "value": value, "check_version": True, "if_version": version}])

        def delete(version):
            return wire.code("DeleteSecret", scope="global", name="NAME", check_version=True,
                             if_version=version)
        assert [put(1), put(0), put(0), put(2), put(1)] == \
            ["ABORTED", "OK", "ABORTED", "ABORTED", "OK"]
        assert [delete(1), delete(3), delete(2)] == ["ABORTED", "ABORTED", "OK"]
        assert [put(3), put(2), put(0)] == ["ABORTED", "ABORTED", "OK"]
    assert versions(daemon, "NAME") == [(4, False), (3, True), (2, False), (1, False)]


def test_several_writes_are_all_or_none(daemon):
    """E5: also when the last of them is the one that fails."""
    daemon.put("B", b"old")
    with daemon.operator() as wire:
        writes = [{"name": "A", "value": b"new"}, {"name": "B", "value": b"new"}]
        for last, code in (({"name": "C", "check_version": True, "if_version": 7}, "ABORTED"),
                           ({"name": "not a name"}, "INVALID_ARGUMENT")):
            assert wire.code("PutSecret", scope="global", writes=writes + [last]) == code
            assert wire.code("RevealSecret", scope="global", name="A") == "NOT_FOUND"
            assert reveal(daemon, "B") == b"old"
        done = wire.ask("PutSecret", scope="global", writes=writes).secrets
        assert [(info.name, info.version, info.scope) for info in done] == \
            [("A", 1, "global"), ("B", 2, "global")]
        assert wire.code("PutSecret", scope="global", writes=[]) == "INVALID_ARGUMENT"
        many = [{"name": f"N{number}", "value": b"v"} for number in range(65)]
        assert wire.code("PutSecret", scope="global", writes=many) == "INVALID_ARGUMENT"
        assert wire.code("RevealSecret", scope="global", name="N0") == "NOT_FOUND"
        assert len(wire.ask("PutSecret", scope="global", writes=many[:64]).secrets) == 64


def test_an_acknowledged_write_survives_kill_9(daemon):
    """E4"""
    daemon.put("NAME", b"one")
    daemon.put("NAME", b"two")
    daemon.admin("DeleteSecret", scope="global", name="NAME")
    daemon.put("OTHER", b"other")
    daemon.kill()
    daemon.start()
    assert versions(daemon, "NAME") == [(3, True), (2, False), (1, False)]
    assert reveal(daemon, "OTHER") == b"other"


def test_every_change_moves_the_revision(daemon):
    """C6: what a client compares pages by."""
    seen = [daemon.admin("Status").revision]

    def moved():
        seen.append(daemon.admin("Status").revision)
        return seen[-1] > seen[-2]
    daemon.put("NAME", b"one")
    assert moved()
    daemon.put("NAME", b"two")
    assert moved()
    daemon.admin("RollbackSecret", scope="global", name="NAME", version=1)
    assert moved()
    daemon.admin("DeleteSecret", scope="global", name="NAME")
    assert moved()
    daemon.admin("DeleteSecret", scope="global", name="NAME", purge=True)
    assert moved()
    daemon.operator().code("RevealSecret", scope="global", name="NAME")
    assert not moved()


def secret_rows(daemon):
    with sqlite3.connect(daemon.database()) as database:
        return {(scope, name): sealed for scope, name, sealed in
                database.execute("SELECT scope, name, sealed FROM secret")}


@pytest.mark.parametrize("end", ["finished", "superseded", "revoked"])
def test_a_runs_own_secrets_are_erased_when_it_ends(daemon, end):
    """E5: from the database's file too, not from its tables alone."""
    daemon.put("KEPT", b"kept")
    run = daemon.create(secrets=[{"name": "ONE", "value": b"v" * 200},
                                 {"name": "TWO", "value": b""}])
    scope = f"run/{run.run_id}"
    wire = daemon.runner(run)
    assert wire.ask("GetSecret", name="ONE").value == b"v" * 200
    assert wire.ask("GetSecret", name="TWO").scope == scope
    daemon.stop()
    rows = secret_rows(daemon)
    assert (scope, "ONE") in rows and rows[(scope, "ONE")] in daemon.database().read_bytes()
    daemon.start()
    if end == "finished":
        daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    elif end == "revoked":
        daemon.admin("RevokeGrant", id=run.run_id)
    else:
        daemon.create()
    assert daemon.operator().code("RevealSecret", scope=scope, name="ONE") == "NOT_FOUND"
    daemon.stop()
    assert set(secret_rows(daemon)) == {("global", "KEPT")}
    for path in daemon.files():
        assert rows[(scope, "ONE")] not in path.read_bytes(), path
    daemon.start()


def test_a_run_with_a_bad_secret_is_not_created_and_supersedes_nobody(daemon):
    """E5, A4: all or none."""
    run = daemon.create()
    with daemon.operator() as wire:
        for wrong in ([{"name": "OK"}, {"name": "not ok"}],
                      [{"name": "BIG", "value": b"v" * 65537}],
                      [{"name": f"N{number}"} for number in range(65)]):
            assert wire.code("CreateRun", meta={"pipeline": "app", "ref": "main"},
                             secrets=wrong) in \
                ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")
        assert [info.run_id for info in wire.ask("ListRuns").runs] == [run.run_id]
        assert not wire.ask("ListAllSecrets").secrets
    assert daemon.runner(run).code("ListSecrets") == "OK"


def test_secrets_can_be_set_at_start_from_files(folder):
    """E5: cofferd --secret NAME=@FILE; the whole file, byte for byte."""
    value = b"line\nbinary \x00\xff\n"
    source = folder / "value"
    source.write_bytes(value)
    with Daemon("--secret", f"NAME=@{source}", "--secret", "PLAIN=text=with=equals") as daemon:
        wire = daemon.runner(daemon.create())
        assert wire.ask("GetSecret", name="NAME").value == value
        assert wire.ask("GetSecret", name="PLAIN").value == b"text=with=equals"
    with Ephemeral("--secret", f"NAME=@{source}", "--secret", "PLAIN=text") as daemon:
        wire = daemon.wire()
        assert wire.hello(daemon.printed["COFFER_TOKEN"]).run_id == daemon.printed["COFFER_RUN_ID"]
        assert wire.ask("GetSecret", name="NAME").value == value
        assert wire.ask("GetSecret", name="PLAIN").value == b"text"


@pytest.mark.parametrize("option", [
    "NAME", "=value", "not a name=v", "__coffer_x=v", "NAME=@/no/such/file"])
def test_a_malformed_secret_option_stops_the_start_with_words(daemon, option):
    """E5: and without the value in them."""
    daemon.stop()
    done = daemon.run("--home", daemon.home, "--secret", option)
    assert done.returncode in (1, 2)
    assert "secret" in done.stderr or "no/such/file" in done.stderr
    daemon.start()
