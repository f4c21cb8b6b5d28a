"""Backups of a damaged store, and what restores that were killed have left: named, and never in the way."""

import contextlib
import fcntl
import os
import sqlite3
import subprocess

import pytest
from coffer_test import Daemon, Wire, pb


def damage(daemon, *statements):
    """Changes the last byte of what is sealed in those rows of a daemon that is stopped."""
    with contextlib.closing(sqlite3.connect(daemon.home / "coffer.db")) as database:
        for table, column, where in statements:
            rows = database.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchall()
            assert len(rows) == 1, where
            ((old,),) = rows
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}",
                             (old[:-1] + bytes([old[-1] ^ 1]),))
        database.commit()


def take(daemon):
    """Writes a backup to a file beside the home; the answer to FinishBackup."""
    data, step, done = b"", 0, False
    with daemon.operator() as wire:
        backup = wire.ask("BeginBackup").backup
        while not done:
            piece = wire.ask("ReadBackup", backup=backup, step=step)
            data, step, done = data + piece.data, step + 1, piece.done
        (daemon.folder / "backup").write_bytes(data)
        return wire.ask("FinishBackup", backup=backup)


def restore(daemon, *options, action="--restore"):
    return daemon.run(f"{action}={daemon.folder / 'backup'}", "--home", daemon.home, *options)


def beside(daemon):
    return sorted(path.name for path in daemon.folder.iterdir() if path.name not in ("home", "backup"))


def state(daemon):
    return {path.relative_to(daemon.home): path.read_bytes() for path in daemon.files()}


def put(daemon, scope, name, *values):
    for value in values:
        daemon.put(name, value, scope=scope)


@pytest.fixture
def damaged(daemon):
    """An old version, a newest one that hides an older and another scope's, a note, and what a run is about."""
    put(daemon, "global", "OLD", b"first", b"second", b"third")
    put(daemon, "global", "HIDES", b"another scope's")
    put(daemon, "pipeline/app", "HIDES", b"older", b"newest")
    daemon.admin("PutSecret", scope="global",
                 writes=[{"name": "NOTED", "value": b"value", "set_note": True, "note": "why"}])
    put(daemon, "global", "NOTED", b"value")
    daemon.broken = daemon.create(pipeline="broken")
    daemon.whole = daemon.create(pipeline="app")
    daemon.stop()
    damage(daemon, ("secret", "sealed", "name = 'OLD' AND version = 2"),
           ("secret", "sealed", "name = 'HIDES' AND version = 2"),
           ("secret", "note", "name = 'NOTED' AND version = 1"),
           ("run", "payload", f"id = '{daemon.broken.run_id}'"))
    daemon.start()
    return daemon


NAMED = ("version 2 of 'OLD' in global does not open",
         "version 2 of 'HIDES' in pipeline/app, the newest, does not open",
         "version 1 of 'NOTED' in global does not open")


def test_a_backup_tells_what_it_holds_and_how_much_of_it_does_not_open(damaged):
    """G5: while the store is still there to be mended."""
    held = take(damaged)
    assert (held.secrets, held.versions, held.runs, held.damaged) == (4, 8, 2, 4)
    log = damaged.log.decode()
    for text in (*NAMED, f"what run {damaged.broken.run_id} is about does not open"):
        assert text in log
    record = next(record for record in damaged.audit() if record["op"] == "FinishBackup")
    assert record["reason"] == "4 records in it do not open"


def test_a_backup_of_more_than_one_step_of_records_is_counted_whole(daemon):
    """G5"""
    with daemon.operator() as wire:
        for part in range(4):
            wire.ask("PutSecret", scope=f"pipeline/p{part}", writes=[
                {"name": f"N{number}", "value": b"x" * 1000} for number in range(60)])
        for number in range(10):  # whose bytes, and not their number, end a step
            wire.ask("PutSecret", scope="global",
                     writes=[{"name": f"LARGE{number}", "value": b"x" * 65536}])
    held = take(daemon)
    assert (held.secrets, held.versions, held.runs, held.damaged) == (250, 250, 0, 0)


@pytest.mark.parametrize("action", ["--restore", "--check-backup"])
def test_records_that_do_not_open_are_all_named_and_the_restore_refused(damaged, action):
    """G5: nothing is changed."""
    take(damaged)
    damaged.stop()
    before = state(damaged)
    done = restore(damaged, action=action)
    assert done.returncode == 1 and not done.stdout
    for text in (*NAMED, f"what run {damaged.broken.run_id} is about does not open",
                 "4 records do not open; nothing was changed", "--skip-damaged"):
        assert text in done.stderr, done.stderr
    assert state(damaged) == before and beside(damaged) == []


def test_all_others_are_restored_when_asked_for(damaged):
    """G5: older versions that do not open are gone; a newest one goes on to say that it is damaged, and neither an
    older value nor another scope's is taken for it."""
    take(damaged)
    damaged.stop()
    done = restore(damaged, "--skip-damaged")
    assert done.returncode == 0, done.stderr
    assert "8 versions, 2 runs; all but 4 open" in done.stdout
    for text in NAMED:
        assert done.stderr.count(text) == 1, done.stderr
    damaged.start()
    with damaged.operator() as wire:
        for version, value in ((1, b"first"), (3, b"third")):
            assert wire.ask("RevealSecret", scope="global", name="OLD", version=version).value == value
        assert wire.code("RevealSecret", scope="global", name="OLD", version=2) == "NOT_FOUND"
        assert wire.code("RevealSecret", scope="global", name="NOTED", version=1) == "NOT_FOUND"
        assert wire.ask("RevealSecret", scope="pipeline/app", name="HIDES", version=1).value == b"older"
    runner = damaged.runner(damaged.whole)
    assert runner.code("GetSecret", name="HIDES") == "DATA_LOSS"
    assert runner.ask("GetSecret", name="OLD").value == b"third"
    record = next(record for record in damaged.audit() if record["op"] == "Restore")
    assert record["reason"].endswith("; 4 records do not open")
    assert [(one["scope"], one["name"], one["version"]) for one in record["secrets"]] == \
        [("global", "NOTED", 1), ("global", "OLD", 2), ("pipeline/app", "HIDES", 2)]
    assert damaged.verify_audit().problem == ""
    damaged.admin("RollbackSecret", scope="pipeline/app", name="HIDES", version=1)
    assert runner.ask("GetSecret", name="HIDES").value == b"older"


def test_a_damaged_secret_that_was_set_anew_is_left_behind_by_the_next_restore(damaged):
    """G5: from then on there is nothing to be asked for."""
    put(damaged, "pipeline/app", "HIDES", b"set anew")
    damaged.admin("FinishRun", run_id=damaged.broken.run_id, result="FAILED")
    for left, options in ((4, ["--skip-damaged"]), (1, ["--skip-damaged"])):
        assert take(damaged).damaged == left
        damaged.stop()
        assert restore(damaged).returncode == 1
        assert restore(damaged, *options).returncode == 0
        damaged.start()
        assert damaged.runner(damaged.whole).ask("GetSecret", name="HIDES").value == b"set anew"


def killed(daemon, call):
    """A restore that is killed in front of its first such call."""
    environ = {**daemon.clean_environ(), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    subprocess.run(["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL",
                    os.environ["COFFERD"], f"--restore={daemon.folder / 'backup'}", "--home", daemon.home],
                   env=environ, stdin=subprocess.DEVNULL, check=False)


def test_what_a_killed_restore_has_left_is_removed_by_the_next(daemon):
    """G5: of the same home, at a look already; a daemon is not in the way of that."""
    daemon.put("NAME", b"value")
    take(daemon)
    daemon.stop()
    killed(daemon, "fsync")
    (left,) = beside(daemon)
    assert left.startswith("home.restoring-")
    daemon.start()
    assert restore(daemon, action="--check-backup").returncode == 0
    assert beside(daemon) == []


def test_only_what_is_surely_left_by_a_restore_is_removed(daemon):
    """Attack: whoever can have a folder removed by giving it a name. And the home before a restore, which was killed
    between its two steps, is in such a folder."""
    take(daemon)
    daemon.stop()

    def make(name, mark=True):
        folder = daemon.folder / name
        folder.mkdir(mode=0o700)
        (folder / "key").write_bytes(b"k")
        if mark:
            (folder / "restoring").touch()
        return folder

    kept = [make("home.restoring-seven77"), make("home.restoring-five5"), make("other.restoring-AAAAAA"),
            make("home2.restoring-AAAAAA"), make("home.restoring-unmark", mark=False),
            make("home.restoring-others"), make("home.restoring-locked")]
    os.chown(daemon.folder / "home.restoring-others", 65534, 65534)
    (daemon.folder / "home.restoring-a_link").symlink_to(kept[0])
    (daemon.folder / "home.restoring-nodire").write_text("")
    gone = [make("home.restoring-AAAAAA")]
    (daemon.folder / "home.restoring-empty0").mkdir()
    with open(daemon.folder / "home.restoring-locked" / "restoring", "r+b") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        done = restore(daemon, action="--check-backup")
    assert done.returncode == 0, done.stderr
    assert all((path / "key").exists() for path in kept)
    assert not gone[0].exists() and not (daemon.folder / "home.restoring-empty0").exists()
    assert os.path.islink(daemon.folder / "home.restoring-a_link")
    assert (daemon.folder / "home.restoring-nodire").exists()
    told = [line for line in done.stderr.splitlines() if "is left as it is" in line]
    assert len(told) == 4 and any("home.restoring-unmark" in line for line in told)
