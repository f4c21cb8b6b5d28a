"""The audit log in several files: rotation, retention, checkpoints, and damage while the daemon runs."""

import json
import os
import random
import shutil
import subprocess
import threading
import time

import pytest
from coffer_test import Daemon, Wire, eventually

TINY = ["--audit-file-max", "4096"]


def numbers(daemon):
    """The numbers of the files' first records."""
    return [int(path.stem) for path in daemon.audit_files()]


def fill(daemon, files):
    """Asks until so many files are there."""
    with daemon.operator() as wire:
        while len(daemon.audit_files()) < files:
            wire.ask("ListRuns")


@pytest.fixture
def rotating():
    with Daemon(*TINY, "--audit-keep", "4") as daemon:
        yield daemon


def test_files_are_rotated_by_size_and_kept_by_count(rotating):
    """H3: what is let go is no damage."""
    fill(rotating, 4)
    first = numbers(rotating)
    assert first[0] == 1
    eventually(lambda: rotating.admin("ListRuns") and numbers(rotating)[0] > first[-1],
               "all of these are let go")
    found = numbers(rotating)
    assert len(found) == 4
    reply = rotating.verify_audit()
    assert (reply.problem, reply.first_seq) == ("", found[0])
    records = rotating.audit()
    assert [record["seq"] for record in records] == list(range(found[0], reply.last_seq + 1))
    assert [record["seq"] for record in records if record["op"] == "AuditRotate"] == found
    for path in rotating.audit_files()[:-1]:
        assert 4096 <= path.stat().st_size < 8192
    assert records[0]["oldest"] <= found[0]
    assert records[-1]["seq"] == rotating.admin("Status").audit_seq


def test_a_setting_of_zero_keeps_all():
    """H3"""
    with Daemon(*TINY, "--audit-keep", "0") as daemon:
        fill(daemon, 12)
        daemon.options = ["--audit-file-max", "65536", "--audit-keep", "0"]
        daemon.restart()
        assert len(daemon.audit_files()) == 12
        reply = daemon.verify_audit()
        assert (reply.problem, reply.first_seq) == ("", 1)


def test_settings_come_from_the_file_and_the_environment_too():
    """H3, J1"""
    with Daemon(environ={"COFFER_AUDIT_FILE_MAX": "4096"}) as daemon:
        daemon.stop()
        (daemon.home / "coffer.conf").write_text("audit_keep = 2\naudit_file_max = 999999\n")
        daemon.start()
        eventually(lambda: daemon.admin("ListRuns") and numbers(daemon)[0] > 1, "one is let go")
        assert len(daemon.audit_files()) == 2
        assert daemon.verify_audit().problem == ""


@pytest.mark.parametrize("keep", [0, 8])
def test_kill_9_at_any_moment_of_rotation_loses_no_acknowledged_record(keep):
    """H1, H2, H3: the log always stands, and has every record whose reply was seen."""
    seed = int(os.environ.get("COFFER_ROTATION_SEED", time.time_ns() & 0xFFFFFF))
    print("to repeat: COFFER_ROTATION_SEED =", seed)
    chance = random.Random(seed)
    with Daemon(*TINY, "--audit-keep", str(keep)) as daemon:
        acknowledged = {}  # name: how often it must be in the log
        rotated = 0
        for cycle in range(40):
            run = daemon.create(ref=f"r{cycle}")
            wire = daemon.runner(run)
            operator = daemon.operator()
            names = [f"C{cycle}_{number}" for number in range(chance.randrange(1, 60))]
            wire.send(b"".join(wire.frame("GetSecret", name=name) for name in names))
            puts = [f"P{cycle}_{number}" for number in range(chance.randrange(4))]
            operator.send(b"".join(operator.frame("PutSecret", scope="global",
                                                  writes=[{"name": name, "value": b"v"}])
                                   for name in puts))
            seen = [wire.recv() for _ in range(chance.randrange(len(names) + 1))]
            daemon.process.kill()
            seen += wire.drain()
            done = operator.drain()
            daemon.wait()
            daemon.start()
            reply = daemon.verify_audit()
            assert reply.problem == "", cycle
            recorded = {record.get("name"): record for record in daemon.audit()
                        if record["seq"] >= reply.last_seq - 200}
            if keep == 0:
                assert reply.first_seq == 1
            wanted = names[:len(seen)] + puts[:len(done)]
            # What a kept file of the size given is sure to have: the newest records.
            for name in wanted[-10:] if keep else wanted:
                assert name in recorded, (cycle, name)
            acknowledged.update(dict.fromkeys(wanted, cycle))
            rotated = max(rotated, *numbers(daemon))
        assert acknowledged and rotated > 500
        if keep == 0:
            everything = {record.get("name") for record in daemon.audit()}
            assert set(acknowledged) <= everything
        else:
            assert len(daemon.audit_files()) <= keep + 1
        assert b"error" not in daemon.log, daemon.log.decode()


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("which", [0, 1, 2, 3], ids=["oldest", "second", "third", "newest"])
def test_a_file_that_somebody_removed_is_found(rotating, which, restart):
    """H2: also the oldest one, which looks as if it had been let go."""
    fill(rotating, 4)
    eventually(lambda: rotating.admin("ListRuns") and numbers(rotating)[0] > 1, "one is let go")
    rotating.put("NAME", b"value")
    assert rotating.verify_audit().problem == ""
    if restart:
        rotating.stop()
    rotating.audit_files()[which].unlink()
    if restart:
        rotating.start()
    assert "missing" in rotating.verify_audit().problem


def test_a_removed_log_is_noticed_and_gone_on_with_in_a_new_file(daemon):
    """Attack: log deleted while running. The next request is recorded again, behind what tells it."""
    daemon.put("NAME", b"value")
    wire = daemon.runner(daemon.create())
    wire.ask("GetSecret", name="NAME")
    last = daemon.admin("Status").audit_seq
    (path,) = daemon.audit_files()
    path.unlink()
    wire.ask("GetSecret", name="NAME")
    records = daemon.audit()
    assert [(record["seq"], record["op"], record["outcome"]) for record in records] == \
        [(last + 1, "AuditRotate", "DATA_LOSS"), (last + 2, "GetSecret", "OK")]
    assert records[0]["reason"] == f"{path.name} was removed"
    assert "missing" in daemon.verify_audit().problem
    eventually(lambda: f"{path.name} was removed".encode() in daemon.log, "the log tells")
    daemon.restart()
    wire = daemon.runner(daemon.create())
    wire.ask("GetSecret", name="NAME")
    assert f"records 1 to {last} are missing" in daemon.verify_audit().problem


def test_a_moved_log_is_noticed_within_seconds(daemon):
    """Attack: log moved away, so that its end goes to where nobody looks."""
    daemon.put("NAME", b"value")
    (path,) = daemon.audit_files()
    path.rename(path.with_name("aside"))
    (found,) = eventually(daemon.audit_files, "another file is begun")
    assert b'"DATA_LOSS"' in found.read_bytes() and b"was moved" in found.read_bytes()
    assert "missing" in daemon.verify_audit().problem


def test_without_its_folder_nothing_is_served_and_with_it_again(daemon):
    """H1: no record, no secret."""
    daemon.put("NAME", b"value")
    wire = daemon.runner(daemon.create())
    folder = daemon.home / "audit"
    folder.rename(daemon.home / "aside")
    eventually(lambda: wire.code("GetSecret", name="NAME") == "UNAVAILABLE", "it is noticed")
    assert not daemon.admin("Status").audit_writable
    (daemon.home / "aside").rename(folder)
    assert wire.code("GetSecret", name="NAME") == "OK"
    assert daemon.verify_audit().problem == ""


def test_verification_goes_on_while_files_are_let_go():
    """H2, H3: in steps, over files of which some are gone before it comes to them."""
    with Daemon("--audit-file-max", "600000", "--audit-keep", "9") as daemon:
        daemon.put("NAME", b"v")
        wire = daemon.runner(daemon.create())

        def ask(count):
            for _ in range(count // 200):
                wire.send(b"".join(wire.frame("GetSecret", name="NAME") for _ in range(200)))
                assert {wire.recv().code for _ in range(200)} == {0}
        ask(26000)
        before = numbers(daemon)
        assert len(before) == 9 and before[0] > 1
        with Wire(daemon.admin_socket) as operator:
            cursor, steps = b"", 0
            while True:
                reply = operator.ask("VerifyAudit", cursor=cursor)
                assert reply.problem == ""
                steps += 1
                if reply.done:
                    break
                cursor = reply.cursor
                if steps == 1:
                    ask(20000)
        assert steps > 1 and numbers(daemon)[0] > before[5]


def checkpoint_of(daemon):
    reply = daemon.verify_audit()
    assert reply.problem == "" and len(reply.last_mac) == 32
    return {"checkpoint_seq": reply.last_seq, "checkpoint_mac": reply.last_mac}


def compare(daemon, checkpoint):
    with Wire(daemon.admin_socket) as wire:
        reply = wire.ask("VerifyAudit", **checkpoint)
        while not reply.done:
            reply = wire.ask("VerifyAudit", cursor=reply.cursor, **checkpoint)
        return reply.problem


def test_a_checkpoint_shows_that_the_log_still_holds_what_it_held(rotating):
    """H2, H3"""
    rotating.put("NAME", b"value")
    checkpoint = checkpoint_of(rotating)
    rotating.put("NAME", b"value")
    assert compare(rotating, checkpoint) == ""
    rotating.kill()
    rotating.start()
    assert compare(rotating, checkpoint) == ""
    wrong = {**checkpoint, "checkpoint_mac": bytes(32)}
    assert "is not the one of the checkpoint" in compare(rotating, wrong)
    eventually(lambda: rotating.admin("ListRuns") and numbers(rotating)[0] >
               checkpoint["checkpoint_seq"] + 1, "its file is let go")
    assert "no longer kept" in compare(rotating, checkpoint)
    assert rotating.verify_audit().problem == ""
    with rotating.operator() as wire:
        for fields in ({"checkpoint_seq": 1}, {"checkpoint_mac": bytes(32)},
                       {"checkpoint_seq": 1, "checkpoint_mac": bytes(31)}):
            assert wire.code("VerifyAudit", **fields) == "INVALID_ARGUMENT"


def test_a_checkpoint_shows_that_all_was_put_back_to_an_older_copy(daemon, folder):
    """Attack: database and log rolled back together, which nothing in the home can tell."""
    daemon.put("NAME", b"old")
    daemon.stop()
    shutil.copytree(daemon.home, folder / "copy", symlinks=True)
    daemon.start()
    daemon.put("NAME", b"new")
    checkpoint = checkpoint_of(daemon)
    daemon.stop()
    shutil.rmtree(daemon.home)
    shutil.copytree(folder / "copy", daemon.home, symlinks=True)
    daemon.start()
    assert daemon.verify_audit().problem == ""
    assert "an older copy" in compare(daemon, checkpoint)


def test_a_verdict_tells_whose_log_it_is(daemon):
    """H3: so that a checkpoint of another store is not taken for damage."""
    reply = daemon.verify_audit()
    assert len(reply.store) == 36
    daemon.restart()
    assert daemon.verify_audit().store == reply.store
    with Daemon() as other:
        assert other.verify_audit().store != reply.store


def find(daemon, **fields):
    """The records that match, page by page."""
    records, after, more = [], 0, True
    with Wire(daemon.admin_socket) as wire:
        while more:
            page = wire.ask("ReadAudit", after_seq=after, **fields)
            records += [json.loads(line) for line in page.lines]
            assert not page.more or page.last_seq > after
            after, more = page.last_seq, page.more
    return records


def test_the_daemon_finds_records_by_run_name_time_and_outcome(rotating):
    """H3"""
    rotating.options = ["--audit-file-max", "4096", "--audit-keep", "0"]
    rotating.restart()
    runs = [rotating.create(ref=f"r{number}") for number in range(3)]
    for number in range(60):
        rotating.runner(runs[number % 3]).code("GetSecret", name=f"N{number % 7}")
    records = rotating.audit()
    assert len(rotating.audit_files()) > 3
    for fields, wanted in [
            ({"run": runs[1].run_id}, lambda record: record.get("run") == runs[1].run_id),
            ({"name": "N5"}, lambda record: record.get("name") == "N5"),
            ({"op": "Hello"}, lambda record: record["op"] == "Hello"),
            ({"outcome": "NOT_FOUND"}, lambda record: record["outcome"] == "NOT_FOUND"),
            ({"run": runs[0].run_id, "name": "N0", "op": "GetSecret"},
             lambda record: record.get("run") == runs[0].run_id and record.get("name") == "N0")]:
        expected = [record for record in records if wanted(record)]
        assert expected and find(rotating, **fields) == expected, fields
    middle = records[len(records) // 2]["time"]
    stamp = time.strptime(middle[:19], "%Y-%m-%dT%H:%M:%S")
    since = (int(time.mktime(stamp)) - time.timezone) * 1000 + int(middle[20:23])
    assert find(rotating, since_ms=since) == \
        [record for record in records if record["time"] >= middle]
    with rotating.operator() as wire:
        for fields in ({"run": "x"}, {"name": "a b"}, {"op": "x" * 65}, {"outcome": "a\nb"}):
            assert wire.code("ReadAudit", **fields) == "INVALID_ARGUMENT", fields


def coffer(daemon, *arguments, **fields):
    return subprocess.Popen([os.environ["COFFER"], "--home", daemon.home, *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=daemon.clean_environ(), **fields)


class Follower:
    """coffer audit --follow --json, and the records that it has printed."""

    def __init__(self, daemon, *arguments):
        self.process = coffer(daemon, "audit", "--follow", "--json", *arguments)
        self.records = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def __enter__(self):
        return self

    def _read(self):
        for line in self.process.stdout:
            self.records.append(json.loads(line))

    def wait_for(self, seq):
        eventually(lambda: self.records and self.records[-1]["seq"] >= seq, f"record {seq}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.told = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()


def test_following_shows_every_record_once_over_rotation_restart_and_kill():
    """H3: --follow."""
    with Daemon(*TINY, "--audit-keep", "0") as daemon:
        fill(daemon, 2)
        with Follower(daemon) as follower:
            for turn in range(4):
                fill(daemon, 4 + 2 * turn)
                if turn % 2 == 0:
                    follower.wait_for(daemon.admin("Status").audit_seq)
                    daemon.stop() if turn == 0 else daemon.kill()
                    daemon.start()
                    daemon.put("NAME", b"value")
            last = daemon.admin("Status").audit_seq
            follower.wait_for(last)
        assert [record["seq"] for record in follower.records] == list(range(1, last + 1))
        assert follower.told.count("waiting for the daemon") <= 2
        assert follower.told.count("the daemon is back") == \
            follower.told.count("waiting for the daemon")


def test_following_waits_for_a_daemon_that_is_away_and_says_so_once():
    """H3"""
    with Daemon() as daemon:
        daemon.put("NAME", b"value")
        with Follower(daemon, "--op", "PutSecret") as follower:
            follower.wait_for(1)
            daemon.stop()
            line = follower.process.stderr.readline()
            assert "waiting for the daemon" in line
            daemon.start()
            assert "the daemon is back" in follower.process.stderr.readline()
            daemon.admin("ListRuns")
            daemon.put("NAME", b"value")
            eventually(lambda: len(follower.records) == 2, "the second")
        assert [record["op"] for record in follower.records] == ["PutSecret"] * 2
        assert follower.told == ""


@pytest.mark.parametrize("before, after", [(1, 0), (1, 1), (1000, 0)],
                         ids=["no records come", "records come", "in the midst of many"])
def test_following_ends_silently_when_nobody_reads_any_more(daemon, before, after):
    """H3"""
    with daemon.operator() as wire:
        for _ in range(before):
            wire.ask("ListRuns")
    process = coffer(daemon, "audit", "--follow", "--json")
    assert "ListRuns" in process.stdout.readline()
    process.stdout.close()
    for _ in range(after):
        daemon.put("NAME", b"value")
    process.wait(120)
    assert process.stderr.read() == ""
    process.stderr.close()


def test_following_asks_no_more_than_four_times_a_second(daemon):
    """H3: by the daemon's own count, which a slow machine can only make smaller."""
    with Follower(daemon, "-n", "0"):
        def asked():
            status = daemon.admin("Status")
            return next(m.calls for m in status.methods if m.method == "ReadAudit")
        begun, before = time.monotonic(), asked()
        eventually(lambda: asked() > before + 6, "it asks on")
        assert asked() - before <= 4 * (time.monotonic() - begun) + 2
