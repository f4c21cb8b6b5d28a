"""Services: long-lived callers with scopes of their own, and who may reach system/*."""

import os
import random

import pytest
from coffer_test import METHODS, RUNNER, Refused, Wire, eventually, sentinel

HOUR = 3_600_000
READS = {"GetSecret": {"name": "A"}, "GetSecrets": {"names": ["A"]}, "ListSecrets": {},
         "GetEnvironment": {}, "WaitForChange": {}}


def create(daemon, name="dispatcher", scopes=("global",), **fields):
    return daemon.admin("CreateService", name=name, scopes=scopes, **fields)


def service(daemon, name="dispatcher", scopes=("global",), **fields):
    return daemon.runner(create(daemon, name, scopes, **fields))


def listed(daemon, **fields):
    return list(daemon.admin("ListGrants", **fields).grants)


def test_hello_tells_a_service_its_scopes_in_the_order_given_and_no_run(daemon):
    """A8"""
    scopes = ["system/ci", "global", "pipeline/team/app", "system/registry"]
    made = create(daemon, scopes=scopes, ttl_ms=HOUR)
    hello = daemon.wire().hello(made.token)
    assert (hello.run_id, list(hello.scopes)) == ("", scopes)
    assert hello.expires_at_ms == made.expires_at_ms
    (info,) = listed(daemon)
    assert (info.id, info.name, list(info.scopes)) == (made.id, "dispatcher", scopes)
    assert info.expires_at_ms - info.created_at_ms == HOUR
    assert made.token.encode() not in info.SerializeToString()


def test_a_service_lives_a_day_unless_it_is_told_and_a_year_at_most(daemon):
    """A8"""
    create(daemon)
    (info,) = listed(daemon)
    assert info.expires_at_ms - info.created_at_ms == 24 * HOUR
    year = 365 * 24 * HOUR
    create(daemon, "long", ttl_ms=year)
    for wrong in (year + 1, -1):
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            create(daemon, "longer", ttl_ms=wrong)
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            daemon.admin("RenewGrant", id=info.id, ttl_ms=wrong)


def test_every_reading_call_works_for_a_service_and_it_has_no_bootstrap_data(daemon):
    """A8: a service reads as a run does."""
    daemon.put("A", b"value", scope="system/ci", system=True)
    wire = service(daemon, scopes=["system/ci"])
    for method, fields in READS.items():
        wire.ask(method, **fields)
    assert wire.refused("Bootstrap").code == "NOT_FOUND"
    assert set(READS) | {"Hello", "Bootstrap", "Why"} >= set(RUNNER)
    assert wire.ask("GetEnvironment").secrets[0].value == b"value"


def test_the_first_scope_given_wins(daemon):
    """A8, C2: the order is the operator's, also the other way round."""
    daemon.put("A", b"global")
    daemon.put("A", b"system", scope="system/ci", system=True)
    for number, scopes in enumerate((["global", "system/ci"], ["system/ci", "global"])):
        got = service(daemon, f"s{number}", scopes).ask("GetSecret", name="A")
        assert got.scope == scopes[0]


def test_there_is_one_live_service_of_a_name(daemon):
    """A8"""
    first = create(daemon)
    with pytest.raises(Refused, match="ALREADY_EXISTS: there is a service 'dispatcher' already"):
        create(daemon)
    daemon.runner(first)
    daemon.admin("RevokeGrant", id=first.id)
    second = create(daemon, ttl_ms=1)
    eventually(lambda: not listed(daemon), "the service expires")
    third = create(daemon)
    assert [(info.id, info.state) for info in listed(daemon, all=True)] == \
        [(first.id, 5), (second.id, 4), (third.id, 1)]
    assert [info.id for info in listed(daemon)] == [third.id]
    assert [info.id for info in listed(daemon, name="dispatcher")] == [third.id]
    assert daemon.operator().refused("ListGrants", name="nobody").message == \
        "unknown service 'nobody'"


@pytest.mark.parametrize("fields", [
    pytest.param({"scopes": []}, id="no scopes"),
    pytest.param({"scopes": ["run/01890000-0000-7000-8000-000000000000"]}, id="a run's scope"),
    pytest.param({"scopes": ["global", "global"]}, id="a scope twice"),
    pytest.param({"scopes": [f"pipeline/p{number}" for number in range(9)]}, id="nine scopes"),
    pytest.param({"scopes": ["system/../global"]}, id="a path"),
    pytest.param({"name": ""}, id="no name"), pytest.param({"name": "a b"}, id="a space"),
    pytest.param({"name": "__coffer_x"}, id="a reserved name"),
    pytest.param({"allow": ["["]}, id="a glob that is none"),
    pytest.param({"allow": ["A"] * 33}, id="too many globs")])
def test_a_service_that_is_not_of_its_form_is_refused(daemon, fields):
    """A8, D1"""
    request = {"name": "dispatcher", "scopes": ["global"], **fields}
    assert daemon.operator().code("CreateService", **request) == "INVALID_ARGUMENT"
    assert listed(daemon, all=True) == []


def test_globs_and_a_bound_uid_hold_for_a_service_too(daemon):
    """A1, A7"""
    daemon.put("AWS_KEY", b"1")
    daemon.put("OTHER", b"2")
    made = create(daemon, allow=["AWS_*"], bind_uid=True, uid=12001)
    right, wrong = daemon.peers(12001)[0], daemon.peers(12002)[0]
    assert wrong.code("Hello", protocol=1, token=made.token) == "PERMISSION_DENIED"
    right.hello(made.token)
    assert [secret.name for secret in right.ask("ListSecrets").secrets] == ["AWS_KEY"]
    assert right.code("GetSecret", name="OTHER") == "PERMISSION_DENIED"
    (info,) = listed(daemon)
    assert (list(info.allow), info.bind_uid, info.uid) == (["AWS_*"], True, 12001)


def test_a_revoked_service_loses_its_open_connections_at_once(daemon):
    """A5, A8"""
    daemon.put("A", b"value")
    made = create(daemon)
    wires = [daemon.runner(made) for _ in range(5)]
    waiting = wires[0]
    revision = waiting.ask("WaitForChange").revision
    waiting.send(waiting.frame("WaitForChange", after_revision=revision, timeout_ms=600_000))
    daemon.admin("RevokeGrant", id=made.id)
    assert waiting.recv().code == 2
    assert {wire.code("GetSecret", name="A") for wire in wires} == {"UNAUTHENTICATED"}
    assert daemon.wire().code("Hello", protocol=1, token=made.token) == "UNAUTHENTICATED"
    assert daemon.operator().code("RevokeGrant", id=made.id) == "NOT_FOUND"


def test_a_renewed_service_lives_on_also_on_open_connections(daemon):
    """A8: the token stays, and another one of its time is dead by then."""
    daemon.put("A", b"value")
    short, other = create(daemon, "short", ttl_ms=5000), create(daemon, "other", ttl_ms=5000)
    wire = daemon.runner(short)
    renewed = daemon.admin("RenewGrant", id=short.id, ttl_ms=HOUR)
    assert renewed.expires_at_ms > short.expires_at_ms
    eventually(lambda: [info.id for info in listed(daemon)] == [short.id], "the other one expires")
    assert daemon.wire().code("Hello", protocol=1, token=other.token) == "UNAUTHENTICATED"
    assert wire.ask("GetSecret", name="A").value == b"value"
    assert daemon.wire().hello(short.token).expires_at_ms == renewed.expires_at_ms
    assert daemon.operator().code("RenewGrant", id=other.id) == "FAILED_PRECONDITION"
    daemon.kill()
    daemon.start()
    assert daemon.wire().hello(short.token).expires_at_ms == renewed.expires_at_ms


def test_a_renewal_can_cut_a_services_time_short_under_a_wait(daemon):
    """A5, A8"""
    made = create(daemon)
    wire = daemon.runner(made)
    revision = wire.ask("WaitForChange").revision
    wire.send(wire.frame("WaitForChange", after_revision=revision, timeout_ms=600_000))
    daemon.admin("RenewGrant", id=made.id, ttl_ms=1)
    assert wire.recv().code == 2


def test_a_runs_grant_is_not_renewed(daemon):
    """A8"""
    run = daemon.create()
    assert daemon.operator().code("RenewGrant", id=run.run_id) == "NOT_FOUND"


def test_what_is_done_to_a_service_is_recorded_with_its_id_and_name(daemon):
    """H1, A8"""
    daemon.put("A", b"value")
    made = create(daemon)
    with daemon.operator() as wire:
        assert wire.code("CreateService", name="dispatcher", scopes=["global"]) == "ALREADY_EXISTS"
    daemon.runner(made).ask("GetSecret", name="A")
    daemon.admin("RenewGrant", id=made.id)
    daemon.admin("RevokeGrant", id=made.id)
    records = [(line["op"], line["outcome"], line.get("grant"), line.get("reason"))
               for line in daemon.audit() if line["op"] != "PutSecret"]
    assert records == [
        ("CreateService", "OK", made.id, "service dispatcher"),
        ("CreateService", "ALREADY_EXISTS", None, "service dispatcher"),
        ("Hello", "OK", made.id, None), ("GetSecret", "OK", made.id, None),
        ("RenewGrant", "OK", made.id, None), ("RevokeGrant", "OK", made.id, None)]


def test_services_are_listed_in_pages_that_join(daemon):
    """A8"""
    with daemon.operator() as wire:
        scopes = ["system/" + "x" * 240 + str(number) for number in range(8)]
        made = [wire.ask("CreateService", name=f"s{number}", scopes=scopes).id
                for number in range(60)]
        found, after, pages, more = [], "", 0, True
        while more:
            page = wire.ask("ListGrants", after=after)
            found += [info.id for info in page.grants]
            after, more, pages = found[-1], page.more, pages + 1
        assert found == made and pages > 1


# --- D2: system/* -----------------------------------------------------------------------------------


def test_a_run_never_sees_system_scopes(daemon):
    """D2: neither listed nor read, whatever its pipeline is called."""
    daemon.put("SYS", b"value", scope="system/ci", system=True)
    for pipeline in ("system", "system/ci", "ci"):
        wire = daemon.runner(daemon.create(pipeline=pipeline))
        assert wire.code("GetSecret", name="SYS") == "NOT_FOUND"
        assert not wire.ask("ListSecrets").secrets and not wire.ask("GetEnvironment").secrets
    for pipeline in ("../system/ci", "x/../../system/ci", "app\nsystem/ci"):
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            daemon.create(pipeline=pipeline)


def test_operators_who_do_not_ask_for_system_scopes_touch_nothing_there(daemon):
    """D2"""
    daemon.put("SYS", b"value", scope="system/ci", system=True)
    where = {"scope": "system/ci", "name": "SYS"}
    calls = {"PutSecret": {"scope": "system/ci", "writes": [{"name": "SYS", "value": b"x"}]},
             "DeleteSecret": where, "ListVersions": where, "RevealSecret": where,
             "RollbackSecret": {**where, "version": 1}, "ListAllSecrets": {"scope": "system/ci"}}
    with daemon.operator() as wire:
        for method, fields in calls.items():
            assert wire.code(method, **fields) == "PERMISSION_DENIED", method
        assert not wire.ask("ListAllSecrets").secrets
        assert wire.ask("RevealSecret", system=True, **where).value == b"value"
    takes_system = {name for name, method in METHODS.items()
                    if "system" in method.request.DESCRIPTOR.fields_by_name}
    assert takes_system >= set(calls)


def test_random_services_see_exactly_what_their_scopes_say(daemon):
    """D2, A8, C2: against a model of three lines."""
    seed = int(os.environ.get("COFFER_MODEL_SEED", random.SystemRandom().randrange(1 << 24)))
    print("to repeat: COFFER_MODEL_SEED =", seed)
    chance = random.Random(seed)
    scopes = ["global", "pipeline/app", "pipeline/system/ci", "system/ci", "system/ci/sub",
              "system/registry"]
    values, wires = {}, []
    with Wire(daemon.admin_socket) as operator:
        for step in range(400):
            scope, name = chance.choice(scopes), chance.choice("ABCD")
            if chance.random() < 0.75:
                values[scope, name] = sentinel().encode()
                operator.ask("PutSecret", scope=scope, system=True,
                             writes=[{"name": name, "value": values[scope, name]}])
            elif (scope, name) in values:
                operator.ask("DeleteSecret", scope=scope, name=name, system=True)
                del values[scope, name]
            if step % 10 == 0:
                mine = chance.sample(scopes, chance.randrange(1, len(scopes) + 1))
                made = operator.ask("CreateService", name=f"s{step}", scopes=mine)
                wires.append((mine, daemon.runner(made)))
            mine, wire = chance.choice(wires)
            wanted = {name: (values[scope, name], scope) for scope in reversed(mine)
                      for name in "ABCD" if (scope, name) in values}
            got = wire.ask("GetEnvironment").secrets
            assert {secret.name: (secret.value, secret.scope) for secret in got} == wanted
            name = chance.choice("ABCD")
            assert wire.code("GetSecret", name=name) == ("OK" if name in wanted else "NOT_FOUND")
