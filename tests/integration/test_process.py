"""Runs that are bound to a process: their tokens die with it. A7."""

import os
import sqlite3
import subprocess
import time

import pytest
from coffer_test import Daemon, eventually

PENDING, CANCELLED = 1, 5


class Child:
    """A process that lives until it is ended, and is a zombie until it is reaped."""

    def __init__(self):
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid

    def kill(self):
        self.process.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def reap(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture
def children():
    """Starts children, and ends those that are left."""
    started = []

    def start():
        started.append(Child())
        return started[-1]
    yield start
    for child in started:
        child.process.kill()
        child.reap()


def state_of(daemon, run):
    return daemon.admin("ListRuns", run_id=run.run_id).runs[0].state


def is_revoked(daemon, run):
    with daemon.wire() as wire:
        return state_of(daemon, run) == CANCELLED and \
            wire.code("Hello", protocol=1, token=run.token) == "UNAUTHENTICATED"


def ends(daemon):
    return [(line["run"], line["outcome"], line["reason"]) for line in daemon.audit()
            if line["op"] == "EndOfProcess"]


def test_a_run_is_revoked_when_its_process_exits(daemon, children):
    """A7: on open connections, too, and on record."""
    daemon.put("NAME", b"value")
    child, bystander = children(), children()
    run = daemon.create(bind_process=child.pid)
    other = daemon.create(ref="other", bind_process=bystander.pid)
    wire, living = daemon.runner(run), daemon.runner(other)
    assert wire.ask("GetSecret", name="NAME").value == b"value"
    revision = wire.ask("WaitForChange").revision
    wire.send(wire.frame("WaitForChange", after_revision=revision, timeout_ms=600_000))
    began = time.monotonic()
    child.kill()
    assert wire.recv().code == 2
    print(f"dead after {(time.monotonic() - began) * 1000:.1f} ms")
    assert wire.code("GetSecret", name="NAME") == "UNAUTHENTICATED"
    assert is_revoked(daemon, run)
    assert ends(daemon) == [(run.run_id, "OK", f"process {child.pid} exited")]
    assert living.ask("GetSecret", name="NAME").value == b"value"


def test_the_next_request_on_an_open_connection_is_refused(daemon, children):
    """A7, A5: the process dies between Hello and what follows."""
    child = children()
    wire = daemon.runner(daemon.create(bind_process=child.pid))
    child.kill()
    eventually(lambda: ends(daemon), "the end is recorded")
    assert wire.refused("ListSecrets").message == "the token is not valid"


def test_a_zombie_has_exited(daemon, children):
    """A7: whoever does not wait for its child does not keep a token alive."""
    child = children()
    run = daemon.create(bind_process=child.pid)
    child.kill()
    eventually(lambda: is_revoked(daemon, run), "the run is revoked")
    assert os.path.exists(f"/proc/{child.pid}"), "nobody has waited for it yet"
    refused = daemon.operator().refused("CreateRun", meta={"pipeline": "p", "ref": "r"},
                                        bind_process=child.pid)
    assert refused.code == "NOT_FOUND"


def test_a_process_that_is_not_there_makes_no_run(daemon, children):
    """A7"""
    child = children()
    child.kill()
    child.reap()
    for pid in (child.pid, 2**31 - 1, 2**32 - 1):
        refused = daemon.operator().refused("CreateRun", meta={"pipeline": "p", "ref": "r"},
                                            bind_process=pid)
        assert (refused.code, refused.message) == ("NOT_FOUND", f"there is no process {pid}")
    assert not daemon.admin("ListRuns").runs


def test_children_of_the_process_may_use_the_token(daemon, children):
    """A7: the token is the process's to hand on, as a runner does to its job."""
    daemon.put("NAME", b"value")
    run = daemon.create(bind_process=children().pid)
    assert daemon.runner(run).ask("GetSecret", name="NAME").value == b"value"


def test_a_run_can_be_bound_to_a_uid_and_a_process(daemon, children):
    """A7"""
    child = children()
    run = daemon.create(bind_process=child.pid, bind_uid=True, uid=12001)
    right, wrong = daemon.peers(12001)[0], daemon.peers(12002)[0]
    assert wrong.code("Hello", protocol=1, token=run.token) == "PERMISSION_DENIED"
    right.hello(run.token)
    child.kill()
    eventually(lambda: is_revoked(daemon, run), "the run is revoked")
    assert right.code("ListSecrets") == "UNAUTHENTICATED"


def test_one_run_shows_the_process_that_it_is_bound_to(daemon, children):
    """A7, A3"""
    child = children()
    run, free = daemon.create(bind_process=child.pid), daemon.create(ref="free")
    assert [daemon.admin("ListRuns", run_id=made.run_id).runs[0].bind_process
            for made in (run, free)] == [child.pid, 0]


def test_after_a_restart_a_living_process_is_watched_again(daemon, children):
    """A7"""
    child = children()
    run = daemon.create(bind_process=child.pid)
    daemon.kill()
    daemon.start()
    daemon.runner(run)
    child.kill()
    eventually(lambda: is_revoked(daemon, run), "the run is revoked")


def test_a_process_that_exits_while_the_daemon_is_away_has_ended_its_run(daemon, children):
    """A7: before the daemon serves anybody."""
    child, alive = children(), children()
    dead, living = daemon.create(bind_process=child.pid), \
        daemon.create(ref="alive", bind_process=alive.pid)
    daemon.kill()
    child.kill()
    child.reap()
    daemon.start()
    assert daemon.wire().code("Hello", protocol=1, token=dead.token) == "UNAUTHENTICATED"
    assert state_of(daemon, dead) == CANCELLED
    assert ends(daemon) == [(dead.run_id, "OK", f"process {child.pid} exited")]
    daemon.runner(living)
    assert daemon.verify_audit().problem == ""


@pytest.mark.parametrize("at", [11, 27], ids=["another start", "another boot"])
def test_another_process_of_that_number_is_not_the_one(daemon, children, at):
    """Attack: pid reuse. A7: the process is told by its start and the boot, and not by its number."""
    child = children()
    run = daemon.create(bind_process=child.pid)
    daemon.stop()
    with sqlite3.connect(daemon.database()) as database:
        (mark,) = database.execute('SELECT process FROM "grant" WHERE id = ?', (run.run_id,)).fetchone()
        assert len(mark) == 28
        mark = mark[:at] + bytes([mark[at] ^ 1]) + mark[at + 1:]
        database.execute('UPDATE "grant" SET process = ? WHERE id = ?', (mark, run.run_id))
    database.close()
    daemon.start()
    assert is_revoked(daemon, run)
    assert child.process.poll() is None


def test_two_hundred_runs_are_bound_and_each_ends_with_its_own_process(daemon, children):
    """A7"""
    born = [children() for _ in range(200)]
    with daemon.operator() as wire:
        runs = [wire.ask("CreateRun", meta={"pipeline": "p", "ref": f"r{number}"},
                         bind_process=child.pid) for number, child in enumerate(born)]
        before = daemon.descriptors()
        for child in born[::2]:
            child.process.kill()
        eventually(lambda: len(ends(daemon)) == 100, "a hundred ends are recorded")
        eventually(lambda: before - daemon.descriptors() == 100, "their descriptors are closed")
        got = [wire.ask("ListRuns", run_id=run.run_id).runs[0].state for run in runs]
        assert got == [CANCELLED, PENDING] * 100
    assert daemon.verify_audit().problem == ""


def test_a_run_that_has_ended_holds_no_descriptor(daemon, children):
    """A7"""
    child = children()
    daemon.create(bind_process=child.pid)
    before = daemon.descriptors()
    for number in range(20):
        run = daemon.create(bind_process=child.pid)
        if number % 2:
            daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    eventually(lambda: daemon.descriptors() <= before, "the processes are let go of")


def test_a_full_table_of_bound_runs_refuses_the_next_and_serves_on(children):
    """A7: bounded by a quarter of the descriptors."""
    child = children()
    with Daemon() as daemon:
        daemon.stop()
        wrapped = daemon.folder / "cofferd"
        wrapped.write_text("#!/bin/sh\nulimit -n 128\nexec " + os.environ["COFFERD"] + ' "$@"\n')
        wrapped.chmod(0o755)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COFFERD", str(wrapped))
            daemon.start()
        with daemon.operator() as wire:
            codes = [wire.code("CreateRun", meta={"pipeline": "p", "ref": f"r{number}"},
                               bind_process=child.pid) for number in range(40)]
            assert codes == ["OK"] * 32 + ["RESOURCE_EXHAUSTED"] * 8
            assert wire.code("CreateRun", meta={"pipeline": "p", "ref": "free"}) == "OK"


@pytest.mark.parametrize("options", [["--sandbox", "require"], ["--source-dirs", "/etc"]],
                         ids=["require", "source dirs"])
def test_processes_are_watched_from_inside_the_sandbox(children, options):
    """A7: also where files elsewhere cannot be read."""
    child = children()
    with Daemon(*options) as daemon:
        run = daemon.create(bind_process=child.pid)
        daemon.runner(run)
        child.kill()
        eventually(lambda: is_revoked(daemon, run), "the run is revoked")
        daemon.stop()
