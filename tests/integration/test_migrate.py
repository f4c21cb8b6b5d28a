"""Moving a flat store's secrets into system scopes: once, whole, and never over another."""

import contextlib
import os
import random
import sqlite3
import time

from coffer_test import Wire, pb

RULES = {"BEARER_TOKEN_A": "workloads", "OAUTH_CLIENT_SECRET_B": "workloads",
         "BUILD_AUTH_FILE_C": "workloads", "REGISTRY_OAUTH_D": "registry"}


def migrate(daemon, **fields):
    """Every page, as (name, scope, kept)."""
    moved, after = [], ""
    with daemon.operator() as wire:
        while True:
            page = wire.ask("Migrate", after=after, **fields)
            moved += [(one.name, one.scope, one.kept) for one in page.secrets]
            if not (after := page.next):
                return moved


def value(wire, scope, name):
    """None if there is none."""
    reply = wire.call("RevealSecret", scope=scope, name=name, system=True)
    if reply.code == pb.OK:
        return pb.RevealSecretResponse.FromString(reply.body).value
    assert reply.code == pb.NOT_FOUND, reply
    return None


def where(daemon, name, component):
    with daemon.operator() as wire:
        return value(wire, "global", name), value(wire, f"system/{component}", name)


def service(daemon, *scopes):
    with daemon.operator() as wire:
        return wire.ask("CreateService", name=f"S{time.monotonic_ns()}", scopes=scopes).token


def test_each_name_moves_to_its_component_and_others_stay(daemon):
    """D3: found by matching, with note and expiry; both sides are recorded."""
    for name in [*RULES, "BEARER_TOKEN", "MY_BEARER_TOKEN_A"]:
        daemon.put(name, name.encode())
    expires = (int(time.time()) + 10000) * 1000
    with daemon.operator() as wire:
        wire.ask("PutSecret", scope="global", writes=[{
            "name": "BEARER_TOKEN_N", "value": b"n", "set_note": True, "note": "why",
            "expires_at_ms": expires}])
        wire.ask("PutSecret", scope="pipeline/app",
                 writes=[{"name": "BEARER_TOKEN_P", "value": b"p"}])
    moved = migrate(daemon)
    assert moved == sorted([(name, f"system/{component}", False)
                            for name, component in RULES.items()] +
                           [("BEARER_TOKEN_N", "system/workloads", False)])
    for name, component in RULES.items():
        assert where(daemon, name, component) == (None, name.encode())
    with daemon.operator() as wire:
        listed = wire.ask("ListAllSecrets", scope="global").secrets
        assert [info.name for info in listed] == ["BEARER_TOKEN", "MY_BEARER_TOKEN_A"]
        noted = [info for info in
                 wire.ask("ListAllSecrets", scope="system/workloads", system=True).secrets
                 if info.name == "BEARER_TOKEN_N"]
        assert noted[0].note == "why" and noted[0].expires_at_ms == expires
        assert value(wire, "pipeline/app", "BEARER_TOKEN_P") == b"p"
    assert migrate(daemon) == []
    record = next(record for record in daemon.audit() if record["op"] == "Migrate")
    items = [(item["scope"], item["name"]) for item in record["secrets"]]
    for name, component in RULES.items():
        at = items.index((f"system/{component}", name))
        assert items[at + 1] == ("global", name)


def test_a_secret_that_is_there_already_is_never_overwritten(daemon):
    """D3: both are left."""
    daemon.put("REGISTRY_OAUTH_D", b"old")
    with daemon.operator() as wire:
        wire.ask("PutSecret", scope="system/registry", system=True,
                 writes=[{"name": "REGISTRY_OAUTH_D", "value": b"new"}])
    for dry_run in (True, False, False):
        assert migrate(daemon, dry_run=dry_run) == [("REGISTRY_OAUTH_D", "system/registry", True)]
        assert where(daemon, "REGISTRY_OAUTH_D", "registry") == (b"old", b"new")


def test_a_dry_run_changes_nothing(daemon):
    """D3"""
    daemon.put("BEARER_TOKEN_A", b"a")
    revision = daemon.admin("Status").revision
    assert migrate(daemon, dry_run=True) == [("BEARER_TOKEN_A", "system/workloads", False)]
    assert where(daemon, "BEARER_TOKEN_A", "workloads") == (b"a", None)
    assert daemon.admin("Status").revision == revision


def test_rules_of_the_request_go_before_the_built_in_ones(daemon):
    """D3"""
    daemon.put("BEARER_TOKEN_A", b"a")
    daemon.put("DEPLOY_KEY", b"k")
    assert migrate(daemon, rules=["BEARER_TOKEN_A=edge", "DEPLOY_*=deploy", "*_KEY=other"]) == [
        ("BEARER_TOKEN_A", "system/edge", False), ("DEPLOY_KEY", "system/deploy", False)]
    with daemon.operator() as wire:
        for rule in ("", "X", "=x", "X=", "X=a/b c", "a b=c", "X=" + "y" * 300):
            assert wire.code("Migrate", rules=[rule]) == "INVALID_ARGUMENT", rule
        assert wire.code("Migrate", rules=["A=a"] * 33) == "INVALID_ARGUMENT"


def test_a_system_caller_finds_the_bare_name_until_it_has_moved(daemon):
    """D3: and nobody else finds more than before."""
    daemon.put("BEARER_TOKEN_A", b"a")
    daemon.put("REGISTRY_OAUTH_D", b"d")
    daemon.put("OTHER", b"o")
    token = service(daemon, "system/workloads")
    run = daemon.create(pipeline="app")
    for _ in range(2):
        with Wire(daemon.socket) as wire:
            wire.hello(token)
            assert wire.ask("GetSecret", name="BEARER_TOKEN_A").value == b"a"
            assert wire.code("GetSecret", name="REGISTRY_OAUTH_D") == "NOT_FOUND"
            assert wire.code("GetSecret", name="OTHER") == "NOT_FOUND"
        migrate(daemon)
    assert daemon.runner(run).code("GetSecret", name="BEARER_TOKEN_A") == "NOT_FOUND"


def forget(daemon):
    """Makes the store look like one from before, in which it was never done."""
    with contextlib.closing(sqlite3.connect(daemon.home / "coffer.db")) as database:
        database.execute("DELETE FROM mark WHERE id = 1")
        database.commit()


def test_the_first_start_on_a_flat_store_moves_its_secrets_once(daemon):
    """D3: guarded by a stored flag, which a new store has from the beginning."""
    names = [f"BEARER_TOKEN_{number:03}" for number in range(70)]
    for name in names:
        daemon.put(name, name.encode())
    daemon.terminate()
    assert daemon.wait() == 0
    daemon.start()
    assert where(daemon, names[0], "workloads") == (names[0].encode(), None)
    daemon.terminate()
    assert daemon.wait() == 0
    forget(daemon)
    daemon.start()
    for name in names:
        assert where(daemon, name, "workloads") == (None, name.encode())
    daemon.put(names[0], b"again, on purpose")
    daemon.terminate()
    assert daemon.wait() == 0
    daemon.start()
    assert where(daemon, names[0], "workloads") == (b"again, on purpose", names[0].encode())
    assert daemon.verify_audit().problem == ""


def test_rules_of_the_settings_are_those_of_the_start_and_of_a_call_without_any(daemon):
    """D3: they go before those that are built in, and count for who reads the bare name."""
    daemon.put("BEARER_TOKEN_A", b"a")
    daemon.put("BEARER_TOKEN_B", b"b")
    daemon.put("DEPLOY_KEY", b"k")
    token = service(daemon, "system/deploy")
    daemon.terminate()
    assert daemon.wait() == 0
    (daemon.home / "coffer.conf").write_text(
        "migrate_rules = BEARER_TOKEN_A=edge\nmigrate_rules = DEPLOY_*=deploy\n")
    daemon.start()
    with Wire(daemon.socket) as wire:
        wire.hello(token)
        assert wire.ask("GetSecret", name="DEPLOY_KEY").value == b"k"
        assert wire.code("GetSecret", name="BEARER_TOKEN_A") == "NOT_FOUND"
    assert migrate(daemon, dry_run=True) == [
        ("BEARER_TOKEN_A", "system/edge", False), ("BEARER_TOKEN_B", "system/workloads", False),
        ("DEPLOY_KEY", "system/deploy", False)]
    assert migrate(daemon, dry_run=True, rules=["DEPLOY_*=other"]) == [
        ("BEARER_TOKEN_A", "system/workloads", False),
        ("BEARER_TOKEN_B", "system/workloads", False), ("DEPLOY_KEY", "system/other", False)]
    daemon.terminate()
    assert daemon.wait() == 0
    forget(daemon)
    daemon.start()
    assert where(daemon, "BEARER_TOKEN_A", "edge") == (None, b"a")
    assert where(daemon, "BEARER_TOKEN_B", "workloads") == (None, b"b")
    assert where(daemon, "DEPLOY_KEY", "deploy") == (None, b"k")


def test_a_migration_by_hand_makes_that_of_the_start_needless(daemon):
    """D3"""
    daemon.terminate()
    assert daemon.wait() == 0
    forget(daemon)
    daemon.start()
    migrate(daemon)
    daemon.put("BEARER_TOKEN_A", b"a")
    daemon.terminate()
    assert daemon.wait() == 0
    daemon.start()
    assert where(daemon, "BEARER_TOKEN_A", "workloads") == (b"a", None)


def test_a_migration_that_is_killed_anywhere_leaves_every_secret_and_is_finished_by_another(daemon):
    """D3: random kill -9 over many pages; each secret is at one place, never at none."""
    seed = int(os.environ.get("COFFER_KILL_SEED", time.time_ns() & 0xFFFFFF))
    print("to repeat: COFFER_KILL_SEED =", seed)
    chance = random.Random(seed)
    names = [f"BEARER_TOKEN_{number:03}" for number in range(300)]
    with daemon.operator() as wire:
        for start in range(0, len(names), 50):
            wire.ask("PutSecret", scope="global", writes=[
                {"name": name, "value": name.encode()} for name in names[start:start + 50]])
    token = service(daemon, "system/workloads")
    for cycle in range(12):
        with Wire(daemon.admin_socket) as wire:
            wire.send(b"".join(wire.frame("Migrate") for _ in range(10)))
            for _ in range(chance.randrange(4)):
                wire.recv()
            daemon.kill()
        if cycle % 6 == 5:  # the start goes on with it
            forget(daemon)
        daemon.start()
        with daemon.operator() as wire, Wire(daemon.socket) as system:
            system.hello(token)
            for name in names:
                found = (value(wire, "global", name), value(wire, "system/workloads", name))
                assert found in ((name.encode(), None), (None, name.encode())), found
                assert system.ask("GetSecret", name=name).value == name.encode()
        assert daemon.verify_audit().problem == ""
    migrate(daemon)
    for name in names:
        assert where(daemon, name, "workloads") == (None, name.encode())
