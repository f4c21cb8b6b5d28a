"""What opens the store is changed for something else: no record is written anew, and nobody is locked out."""

import concurrent.futures
import contextlib
import os
import random
import shutil
import sqlite3
import threading
import time

import pytest
from coffer_test import Daemon, Ephemeral, Refused, Wire, eventually, pb, sentinel

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
            with contextlib.suppress(ConnectionError):
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


# --- a new root key -----------------------------------------------------------------------------


def wait_for_end(daemon):
    eventually(lambda: not daemon.admin("Status").key_rotating, "the end of a rotation")


def rotate(daemon, **fields):
    epoch = daemon.admin("RotateKey", **fields).epoch
    wait_for_end(daemon)
    return epoch


def epochs(daemon):
    """Of all that is sealed in the database of a daemon that is stopped."""
    connection = sqlite3.connect(daemon.database())
    try:
        sealed = [row[0] for table in ("SELECT sealed FROM secret", "SELECT payload FROM run",
                                       "SELECT note FROM secret WHERE note <> x''",
                                       "SELECT sealed FROM lasting")
                  for row in connection.execute(table)]
        slots = [row[0] for row in connection.execute("SELECT epoch FROM slot")]
    finally:
        connection.close()
    return {int.from_bytes(record[2:6], "big") for record in sealed} | set(slots)


def test_everything_is_sealed_under_the_new_key_and_reads_as_before(filled):
    """G4: values, versions, notes, deletions, tokens, what a run was given, and the log."""
    daemon, run = filled
    values = {f"NAME_{number}": os.urandom(number) for number in range(150)}
    for name, value in values.items():
        daemon.put(name, b"an older version")
        daemon.put(name, value)
    daemon.admin("PutSecret", scope="pipeline/other",
                 writes=[{"name": "NOTED", "value": b"x", "set_note": True,
                              "note": "what it is for"}])
    daemon.admin("DeleteSecret", scope="global", name="NAME_7")
    del values["NAME_7"]
    assert rotate(daemon) == 2
    for _ in range(2):
        check(daemon, run)
        wire = daemon.operator()
        for name, value in values.items():
            assert wire.ask("RevealSecret", scope="global", name=name).value == value
            assert wire.ask("RevealSecret", scope="global", name=name,
                            version=1).value == b"an older version"
        assert wire.code("RevealSecret", scope="global", name="NAME_7") == "NOT_FOUND"
        (noted,) = wire.ask("ListAllSecrets", scope="pipeline/other").secrets
        assert noted.note == "what it is for"
        daemon.stop()
        assert epochs(daemon) == {2}
        daemon.start()
    assert rotate(daemon) == 3
    check(daemon, run)
    done = [(r["op"], r["reason"]) for r in daemon.audit() if "Rotat" in r["op"] and "reason" in r]
    assert done == [("RotateKey", "epoch 2"), ("EndRotation", "epoch 2"),
                    ("RotateKey", "epoch 3"), ("EndRotation", "epoch 3")]


def test_a_copy_from_before_opens_with_the_key_file_and_nothing_of_the_old_slot_is_left(filled):
    """G4: that is what a backup is; in the files of the daemon itself the old root key is gone."""
    daemon, run = filled
    daemon.stop()
    ((_, _, commitment, wrapped),) = slots(daemon)
    before = daemon.database().read_bytes()
    daemon.start()
    rotate(daemon)
    daemon.kill()
    for path in daemon.files():
        data = path.read_bytes()
        assert wrapped not in data and commitment not in data, path
    with Daemon() as other:
        other.stop()
        other.database().write_bytes(before)
        other.key_file().write_bytes(daemon.key_file().read_bytes())
        shutil.rmtree(other.home / "audit")
        other.start()
        assert other.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def test_a_record_of_the_old_epoch_is_not_taken_back(filled):
    """Attack: a writer of the disk who puts back what stood there before the rotation."""
    daemon, _ = filled
    daemon.stop()
    connection = sqlite3.connect(daemon.database(), isolation_level=None)
    ((old,),) = connection.execute("SELECT sealed FROM secret WHERE name = 'NAME'")
    connection.close()
    daemon.start()
    rotate(daemon)
    daemon.stop()
    connection = sqlite3.connect(daemon.database(), isolation_level=None)
    connection.execute("UPDATE secret SET sealed = ? WHERE name = 'NAME'", (old,))
    connection.close()
    daemon.start()
    assert daemon.operator().code("RevealSecret", scope="global", name="NAME") == "DATA_LOSS"


def test_a_passphrase_that_opens_the_store_is_needed_and_opens_it_afterwards(filled):
    """G4"""
    daemon, run = filled
    daemon.admin("RewrapKey", passphrase=b"words")
    for wrong in ({}, {"passphrase": b"other words"}):
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            daemon.admin("RotateKey", **wrong)
    assert rotate(daemon, passphrase=b"words\n") == 2
    assert not daemon.places_of([b"other words"])
    daemon.options = ["--passphrase-file", write(daemon.folder / "words", "words")]
    daemon.restart()
    check(daemon, run)


def test_one_rotation_at_a_time_and_no_other_change_of_keys_meanwhile(daemon):
    """G4"""
    with daemon.operator() as wire:
        wire.send(wire.frame("RotateKey") + wire.frame("RotateKey") +
                  wire.frame("RewrapKey", passphrase=b"words"))
        replies = [wire.recv() for _ in range(3)]
    assert [pb.Code.Name(reply.code) for reply in replies] == \
        ["OK", "FAILED_PRECONDITION", "FAILED_PRECONDITION"]
    assert "being rotated" in replies[1].message and "being rotated" in replies[2].message
    wait_for_end(daemon)
    daemon.admin("RewrapKey", key_file=True)


def test_others_are_served_while_records_are_sealed_anew():
    """G4: four clients read and write all the while; no error."""
    with Daemon() as daemon:
        with daemon.operator() as wire:
            for start in range(0, 3000, 60):
                wire.ask("PutSecret", scope="global",
                         writes=[{"name": f"N_{number}", "value": b"%d" % number}
                                 for number in range(start, start + 60)])
        run, over = daemon.create(), threading.Event()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            work = [pool.submit(work_until, over, daemon, run, number) for number in range(4)]
            for _ in range(3):
                rotate(daemon)
            over.set()
            times = sorted(time for done in work for time in done.result())
        print(f"{len(times)} calls, p50 {times[len(times) // 2] * 1000:.2f} ms, "
              f"p99 {times[len(times) * 99 // 100] * 1000:.2f} ms, "
              f"longest {times[-1] * 1000:.1f} ms")
        check_numbers(daemon)


def work_until(over, daemon, run, number):
    """Reads and writes until it is over; how long each call took."""
    times, chance = [], random.Random(number)
    with Wire(daemon.socket) as reader, Wire(daemon.admin_socket) as writer:
        reader.hello(run.token)
        while not over.is_set():
            which = chance.randrange(3000)
            began = time.monotonic()
            if which % 10 == 0:
                writer.ask("PutSecret", scope="global",
                           writes=[{"name": f"N_{which}", "value": b"%d" % which}])
            else:
                assert reader.ask("GetSecret", name=f"N_{which}").value == b"%d" % which
            times.append(time.monotonic() - began)
    return times


def check_numbers(daemon):
    daemon.restart()
    with daemon.operator() as wire:
        for number in range(3000):
            assert wire.ask("RevealSecret", scope="global",
                            name=f"N_{number}").value == b"%d" % number


def read_backup(wire, backup):
    data, step, done = b"", 0, False
    while not done:
        piece = wire.ask("ReadBackup", backup=backup, step=step)
        data, step, done = data + piece.data, step + 1, piece.done
    wire.ask("FinishBackup", backup=backup)
    return data


def test_no_key_is_changed_while_a_backup_is_made(filled):
    """G4, G5: a backup has the slots of its beginning."""
    daemon, run = filled
    with daemon.operator() as wire:
        backup = wire.ask("BeginBackup").backup
        for method, fields in (("RotateKey", {}), ("RewrapKey", {"key_file": True})):
            refused = wire.refused(method, **fields)
            assert (refused.code, refused.message[:22]) == \
                ("FAILED_PRECONDITION", "a backup is being made")
        read_backup(wire, backup)
    assert rotate(daemon) == 2
    check(daemon, run)


@pytest.mark.parametrize("when", ["meanwhile", "afterwards"])
def test_a_backup_from_a_rotation_is_restored(filled, when):
    """G4, G5: with records of both epochs, or of one that is not the first."""
    daemon, run = filled
    values = {f"N_{number}": os.urandom(40) for number in range(900)}
    with daemon.operator() as wire:
        for start in range(0, 900, 60):
            names = list(values)[start:start + 60]
            wire.ask("PutSecret", scope="global",
                     writes=[{"name": name, "value": values[name]} for name in names])
        wire.ask("RotateKey")
        if when == "afterwards":
            wait_for_end(daemon)
        (daemon.folder / "backup").write_bytes(
            read_backup(wire, wire.ask("BeginBackup").backup))
    daemon.stop()
    done = daemon.run(f"--restore={daemon.folder / 'backup'}", "--home", daemon.home)
    assert done.returncode == 0, done.stderr
    daemon.start()
    wait_for_end(daemon)
    check(daemon, run)
    with daemon.operator() as wire:
        for name, value in values.items():
            assert wire.ask("RevealSecret", scope="global", name=name).value == value


def test_killed_at_any_time_a_rotation_goes_on_and_nothing_is_lost():
    """G4: kill -9 while records are sealed anew, again and again, with others reading and writing."""
    seed = int(os.environ.get("COFFER_KILL_SEED", time.time_ns() & 0xFFFFFF))
    print("to repeat: COFFER_KILL_SEED =", seed)
    chance = random.Random(seed)
    with Daemon() as daemon:
        run = daemon.create(secrets=[{"name": "OWN", "value": b"own"}], ttl_ms=86_400_000)
        values = {"NAME": b"value"}
        daemon.put("NAME", b"value")
        with daemon.operator() as wire:
            for start in range(0, 2000, 50):
                some = {f"N_{number}": os.urandom(40) for number in range(start, start + 50)}
                values.update(some)
                wire.ask("PutSecret", scope="global",
                         writes=[{"name": name, "value": value} for name, value in some.items()])
        interrupted, epoch = 0, 1
        for cycle in range(CYCLES):
            if not daemon.admin("Status").key_rotating:
                epoch = daemon.admin("RotateKey").epoch
            timer = threading.Timer(chance.random() * 0.05, daemon.process.kill)
            timer.start()
            wire, name = Wire(daemon.admin_socket), f"W_{cycle}"
            with contextlib.suppress(ConnectionError):
                wire.send(wire.frame("PutSecret", scope="global",
                                     writes=[{"name": name, "value": b"written"}]))
            if any(reply.code == pb.OK for reply in wire.drain()):
                values[name] = b"written"
            wire.close()
            timer.join()
            daemon.wait()
            daemon.start()
            status = daemon.admin("Status")
            interrupted += status.key_rotating
            assert status.key_epoch == epoch
            check(daemon, run)
        wait_for_end(daemon)
        with daemon.operator() as wire:
            for name, value in values.items():
                assert wire.ask("RevealSecret", scope="global", name=name).value == value
        assert interrupted > 0
        daemon.stop()
        assert epochs(daemon) == {epoch}
