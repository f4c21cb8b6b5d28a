"""What opens the store is changed for something else: no record is written anew, and nobody is locked out."""

import os
import random
import sqlite3
import threading
import time

import pytest
from coffer_test import Daemon, Ephemeral, Refused, Wire, sentinel

CYCLES = int(os.environ.get("COFFER_REWRAP_CYCLES", "25"))


def write(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def slots(daemon):
    """The stored slots of a daemon that is stopped."""
    connection = sqlite3.connect(daemon.database())
    try:
        return connection.execute("SELECT id, kind, commitment, wrapped FROM slot").fetchall()
    finally:
        connection.close()


def refuses(daemon, *options):
    """The daemon does not start with those options instead of its own; what it said."""
    daemon.options, kept = list(options), daemon.options
    said = len(daemon.log)
    daemon.launch()
    assert daemon.wait() == 1, daemon.log
    daemon.options = kept
    return daemon.log[said:].decode()


def check(daemon, run):
    """All reads as before: a value, a token from before, what a run was given, the log."""
    wire = daemon.runner(run)
    assert wire.ask("GetSecret", name="NAME").value == b"value"
    assert wire.ask("GetSecret", name="OWN").value == b"own"
    assert daemon.verify_audit().problem == ""


@pytest.fixture
def filled(daemon):
    daemon.put("NAME", b"value")
    return daemon, daemon.create(secrets=[{"name": "OWN", "value": b"own"}])


def test_a_new_passphrase_alone_opens_the_store_and_all_reads_as_before(filled):
    """G4"""
    daemon, run = filled
    first = write(daemon.folder / "first", "the first passphrase\n")
    second = write(daemon.folder / "second", "the second passphrase\n")
    daemon.admin("RewrapKey", passphrase=b"the first passphrase")
    check(daemon, run)  # the running one goes on
    daemon.stop()
    assert "needs a passphrase" in refuses(daemon)  # not with the key file, which is still there
    daemon.options = ["--passphrase-file", first]
    daemon.start()
    check(daemon, run)
    daemon.admin("RewrapKey", passphrase=b"the second passphrase\r\n")
    daemon.stop()
    assert "the passphrase is wrong" in refuses(daemon, "--passphrase-file", first)
    daemon.options = ["--passphrase-file", second]
    daemon.start()
    check(daemon, run)
    daemon.admin("RewrapKey", key_file=True)
    daemon.options = []
    daemon.restart()
    check(daemon, run)
    records = [(r["outcome"], r["reason"]) for r in daemon.audit() if r["op"] == "RewrapKey"]
    assert records == [("OK", "to a passphrase"), ("OK", "to a passphrase"), ("OK", "to a key file")]


def test_the_daemon_makes_a_key_file_where_it_will_look_for_it(filled):
    """G4: the change of one key file for another."""
    daemon, run = filled
    path = daemon.key_file()
    old = path.rename(daemon.folder / "old")
    assert daemon.admin("RewrapKey", key_file=True).key_file == str(path)
    assert path.stat().st_mode & 0o7777 == 0o600 and path.stat().st_size == 32
    assert path.read_bytes() != old.read_bytes()
    daemon.restart()
    check(daemon, run)
    daemon.stop()
    assert "not this store's" in refuses(daemon, "--key-file", old)
    daemon.start()


@pytest.mark.parametrize("sources", [False, True])
def test_a_key_file_elsewhere_can_be_read_again_in_the_sandbox(folder, sources):
    """G4: it is not made there, outside of the home; who puts it there can have it used."""
    path = folder / "place" / "key"
    path.parent.mkdir()
    options = ["--key-file", path]
    with Daemon(*options, init=options) as daemon:
        if sources:
            (folder / "sources").mkdir()
            daemon.options += ["--source-dirs", folder / "sources"]
            daemon.restart()
        daemon.put("NAME", b"value")
        run = daemon.create(secrets=[{"name": "OWN", "value": b"own"}])
        path.write_bytes(os.urandom(32))
        assert daemon.admin("RewrapKey", key_file=True).key_file == str(path)
        path.unlink()
        with pytest.raises(Refused, match=f"FAILED_PRECONDITION: the key file {path} cannot be"):
            daemon.admin("RewrapKey", key_file=True)
        path.write_bytes(key := os.urandom(31))
        path.chmod(0o600)
        with pytest.raises(Refused, match="FAILED_PRECONDITION"):
            daemon.admin("RewrapKey", key_file=True)
        path.write_bytes(key + b"x")
        daemon.admin("RewrapKey", key_file=True)
        daemon.restart()
        check(daemon, run)


@pytest.mark.parametrize("fields, text", [
    ({}, "the passphrase is empty"),
    ({"passphrase": b"\r\n"}, "the passphrase is empty"),
    ({"passphrase": b"x" * 4097}, "longer than 4096 bytes"),
    ({"passphrase": b"x", "key_file": True}, "either a passphrase or the key file"),
])
def test_what_no_start_could_use_is_refused_and_nothing_changed(daemon, fields, text):
    """G4"""
    with pytest.raises(Refused, match="INVALID_ARGUMENT") as refused:
        daemon.admin("RewrapKey", **fields)
    assert text in refused.value.message
    daemon.restart()


def test_a_store_in_memory_has_no_key():
    with Ephemeral() as daemon:
        with pytest.raises(Refused, match="FAILED_PRECONDITION: the store is in memory"):
            daemon.admin("RewrapKey", passphrase=b"words")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_of_the_old_slot_is_left_in_the_files(filled, end):
    """Attack: who finds the old key file later, and reads the disk; deleted rows and the
    write-ahead log included."""
    daemon, _ = filled
    daemon.restart()  # so that the slot has been through the log
    daemon.admin("RewrapKey", passphrase=b"one")
    daemon.stop()
    ((_, kind, commitment, wrapped),) = slots(daemon)
    assert kind == 2
    daemon.options = ["--passphrase-file", write(daemon.folder / "one", "one")]
    daemon.start()
    daemon.admin("RewrapKey", passphrase=b"two")
    getattr(daemon, end)()
    for path in daemon.files():
        data = path.read_bytes()
        assert wrapped not in data and commitment not in data, path
    daemon.options = ["--passphrase-file", write(daemon.folder / "two", "two")]
    daemon.start()


def test_nothing_of_a_passphrase_is_left_in_the_daemon(filled):
    """D8: memory, files, log, arguments, environment."""
    daemon, _ = filled
    passphrase = sentinel(40)
    daemon.admin("RewrapKey", passphrase=passphrase.encode())
    daemon.admin("Status")
    assert not daemon.places_of([passphrase.encode()])


def test_killed_at_any_time_the_old_or_the_new_opens_and_an_answer_means_the_new():
    """G4: kill -9 while the slot is exchanged, at times spread over the whole of it."""
    seed = int(os.environ.get("COFFER_KILL_SEED", time.time_ns() & 0xFFFFFF))
    print("to repeat: COFFER_KILL_SEED =", seed)
    chance = random.Random(seed)
    with Daemon() as daemon:
        daemon.put("NAME", b"value")
        run = daemon.create(secrets=[{"name": "OWN", "value": b"own"}], ttl_ms=86_400_000)
        began = time.monotonic()
        daemon.admin("RewrapKey", key_file=True)
        length = time.monotonic() - began
        key, outcomes = daemon.key_file(), set()
        for cycle in range(CYCLES):
            old = key.rename(daemon.folder / f"key{cycle}")
            wire = Wire(daemon.admin_socket)
            frame = wire.frame("RewrapKey", key_file=True)
            timer = threading.Timer(chance.random() * 1.5 * length, daemon.process.kill)
            timer.start()
            wire.send(frame)
            answered = bool(wire.drain())
            timer.join()
            daemon.wait()
            wire.close()
            new = answered or opens(daemon, key)
            outcomes.add((answered, new))
            if not new:
                assert not answered
                old.replace(key)
            daemon.start()
            check(daemon, run)
        assert len(outcomes) > 1, outcomes


def opens(daemon, key):
    """Whether the daemon starts with that key file; it is stopped again."""
    if not key.exists():
        return False
    daemon.launch()
    daemon._settled.wait()
    if not daemon._is_ready:
        assert daemon.wait() == 1
        return False
    daemon.stop()
    return True
