"""WaitForChange: who is told of which change, when, and what else goes on meanwhile."""

import threading

import pytest
from coffer_test import DEADLINE, Daemon, Refused, Wire, eventually, sentinel

HOUR_MS = 3_600_000


class Waiter:
    """A connection of a run that waits for a change after the current revision."""

    def __init__(self, daemon, run, **fields):
        self.daemon = daemon
        self.wire = daemon.runner(run)
        self.wait(**fields)

    def revision(self):
        return self.wire.ask("WaitForChange").revision

    def wait(self, after=None, timeout_ms=HOUR_MS):
        after = self.revision() if after is None else after
        self.wire.send(self.wire.frame("WaitForChange", after_revision=after,
                                       timeout_ms=timeout_ms))
        self.id = self.wire.last_id
        self.settle()

    def settle(self):
        """The daemon has read what was sent: it answers another request."""
        reply = self.wire.call("ListSecrets")
        assert reply.id == self.id + 1

    def answer(self):
        """Waits for the answer; (changed, revision)."""
        reply = self.wire.recv()
        assert reply is not None, "the connection was closed instead of an answer"
        assert reply.id == self.id
        answer = Wire.result("WaitForChange", reply)
        return answer.changed, answer.revision

    def code(self):
        with pytest.raises(Refused) as caught:
            self.answer()
        return caught.value.code

    def is_waiting(self):
        """Nothing has come: the next reply is another request's."""
        self.wire.send(self.wire.frame("ListSecrets"))
        reply = self.wire.recv()
        assert reply.id in (self.id, self.wire.last_id)
        return reply.id == self.wire.last_id


def change(daemon, how):
    where = {"scope": "pipeline/app", "name": "NAME"}
    if how == "put":
        daemon.put("NEW", b"value", scope="pipeline/app")
    elif how == "put of several":
        daemon.admin("PutSecret", scope="pipeline/app",
                     writes=[{"name": name, "value": b"value"} for name in ("A", "B", "NAME")])
    elif how == "put of the same value":
        daemon.put("NAME", b"value", scope="pipeline/app")
    elif how == "delete":
        daemon.admin("DeleteSecret", **where)
    elif how == "purge":
        daemon.admin("DeleteSecret", purge=True, **where)
    elif how == "rollback":
        daemon.admin("RollbackSecret", version=1, **where)
    elif how == "global":
        daemon.put("NAME", b"value")


@pytest.mark.parametrize("how", ["put", "put of several", "put of the same value", "delete", "purge",
                                 "rollback", "global"])
def test_a_change_of_what_the_run_sees_is_answered(daemon, how):
    """C6"""
    daemon.put("NAME", b"value", scope="pipeline/app")
    waiter = Waiter(daemon, daemon.create())
    before = daemon.admin("Status").revision
    change(daemon, how)
    assert waiter.answer() == (True, before + 1)
    waiter.wait()
    assert waiter.is_waiting()


def test_a_runs_own_secret_is_a_change_for_it_alone(daemon):
    """C2, C6, E5"""
    run, other = daemon.create(), daemon.create(ref="other")
    waiter, bystander = Waiter(daemon, run), Waiter(daemon, other)
    daemon.put("NAME", b"value", scope=f"run/{run.run_id}")
    assert waiter.answer()[0]
    assert bystander.is_waiting()


def test_a_change_that_the_run_cannot_see_is_not_told(daemon):
    """C2, C6: other scopes, names outside of its globs, changes that came to nothing, and runs."""
    run = daemon.create(allow=["AWS_*"])
    waiter = Waiter(daemon, run)
    daemon.put("AWS_KEY", b"value", scope="pipeline/other")
    daemon.put("AWS_KEY", b"value", scope="system/app", system=True)
    daemon.put("GCP_KEY", b"value")
    for failing in ({"scope": "global", "writes": [{"name": "AWS_KEY", "value": b"v",
                                                    "check_version": True, "if_version": 7}]},
                    {"scope": "global", "writes": [{"name": "AWS_KEY", "value": b"v"},
                                                   {"name": "=", "value": b"v"}]}):
        with pytest.raises(Refused):
            daemon.admin("PutSecret", **failing)
    daemon.admin("FinishRun", run_id=daemon.create(ref="other").run_id, result="FAILED")
    assert waiter.is_waiting()
    daemon.put("AWS_KEY", b"value")
    assert waiter.answer()[0]


def test_the_time_that_was_asked_for_ends_a_wait_without_a_change(daemon):
    """C6"""
    waiter = Waiter(daemon, daemon.create(), timeout_ms=300)
    assert waiter.answer() == (False, daemon.admin("Status").revision)


def test_what_need_not_wait_is_answered_at_once(daemon):
    """C6"""
    daemon.put("NAME", b"value")
    wire = daemon.runner(daemon.create())
    now = wire.ask("GetEnvironment").revision
    for after, timeout_ms, changed in ((0, 0, True), (0, HOUR_MS, True), (now, 0, False),
                                       (now - 1, HOUR_MS, True), (now + 1, HOUR_MS, True),
                                       (2**64 - 1, HOUR_MS, True)):
        answer = wire.ask("WaitForChange", after_revision=after, timeout_ms=timeout_ms)
        assert (answer.changed, answer.revision) == (changed, now)


def test_a_store_that_nobody_has_written_to_can_be_waited_on(daemon):
    """C6: an empty environment has a revision, too, and it is none that is answered at once."""
    waiter = Waiter(daemon, daemon.create(), after=None)
    revision = waiter.revision()
    assert revision > 0 and waiter.is_waiting()
    daemon.restart()
    waiter = Waiter(daemon, daemon.create(), after=revision)
    assert waiter.is_waiting()
    daemon.put("NAME", b"value")
    assert waiter.answer() == (True, revision + 1)


def end_run(daemon, run, end):
    if end == "finished":
        daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    elif end == "superseded":
        daemon.create()
    elif end == "revoked":
        daemon.admin("RevokeGrant", id=run.run_id)


@pytest.mark.parametrize("end", ["finished", "superseded", "revoked", "expired"])
def test_the_end_of_a_run_is_answered_while_it_waits(daemon, end):
    """A5, C6"""
    run = daemon.create(ttl_ms=3000 if end == "expired" else HOUR_MS)
    waiters = [Waiter(daemon, run) for _ in range(3)]
    bystander = Waiter(daemon, daemon.create(ref="other"))
    end_run(daemon, run, end)
    assert [waiter.code() for waiter in waiters] == ["UNAUTHENTICATED"] * 3
    records = [record for record in daemon.audit()
               if record["op"] == "WaitForChange" and record["outcome"] == "UNAUTHENTICATED"]
    assert [(record["run"], record["reason"]) for record in records] == [(run.run_id, end)] * 3
    assert bystander.is_waiting()


def test_other_requests_are_served_and_a_second_wait_ends_the_first(daemon):
    """C6"""
    daemon.put("NAME", b"value")
    waiter = Waiter(daemon, daemon.create())
    wire, first = waiter.wire, waiter.id
    assert wire.ask("GetSecret", name="NAME").value == b"value"
    assert wire.code("GetSecret", name="OTHER") == "NOT_FOUND"
    wire.send(wire.frame("WaitForChange", after_revision=2, timeout_ms=HOUR_MS))
    waiter.id = wire.last_id
    ended = wire.recv()
    assert ended.id == first and not Wire.result("WaitForChange", ended).changed
    daemon.put("NAME", b"other")
    assert waiter.answer() == (True, 3)
    assert wire.ask("GetSecret", name="NAME").value == b"other"


def test_a_wait_leaves_one_record_when_it_is_answered(daemon):
    """H1"""
    waiter = Waiter(daemon, daemon.create())
    for number in range(5):
        daemon.put(f"OTHER_{number}", b"value", scope="pipeline/other")
    before = [record for record in daemon.audit() if record["op"] == "WaitForChange"]
    daemon.put("NAME", b"value")
    assert waiter.answer()[0]
    records = [record for record in daemon.audit() if record["op"] == "WaitForChange"]
    assert len(records) == len(before) + 1
    assert records[-1]["outcome"] == "OK" and "name" not in records[-1]
    assert daemon.verify_audit().problem == ""


def test_clients_that_go_while_they_wait_leave_nothing(daemon):
    """C6: closed, and closed in one direction only."""
    run = daemon.create()
    descriptors = daemon.descriptors()
    for _ in range(20):
        Waiter(daemon, run).wire.close()
    half = Waiter(daemon, run)
    half.wire.socket.shutdown(1)
    assert half.answer()[0] is False
    assert half.wire.at_end()
    half.wire.close()
    eventually(lambda: daemon.descriptors() <= descriptors, "the descriptors are free")
    eventually(lambda: daemon.admin("Status").connections == 1, "the connections are gone")
    daemon.put("NAME", b"value")


def test_a_stop_answers_all_who_wait_and_is_clean(daemon):
    """C6"""
    run = daemon.create()
    waiters = [Waiter(daemon, run) for _ in range(30)]
    daemon.terminate()
    for waiter in waiters:
        assert waiter.answer() == (False, 1)
        assert waiter.wire.at_end()
    assert daemon.wait() == 0
    daemon.start()
    assert daemon.verify_audit().problem == ""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_after_a_restart_the_same_revision_waits_and_an_older_one_counts_as_changed(daemon, how):
    """C6"""
    for _ in range(3):
        daemon.put("NAME", b"value", scope="pipeline/other")
    run = daemon.create()
    waiter = Waiter(daemon, run)
    revision = waiter.revision()
    getattr(daemon, how)()
    daemon.start()
    waiter = Waiter(daemon, run, after=revision)
    assert waiter.is_waiting()
    assert Waiter(daemon, run, after=revision).is_waiting()
    late = daemon.runner(run)
    assert late.ask("WaitForChange", after_revision=revision - 1).changed
    daemon.put("NAME", b"value")
    assert waiter.answer() == (True, revision + 1)


def test_more_changes_than_are_remembered_count_as_changed(daemon):
    """C6"""
    wire = daemon.runner(daemon.create())
    first = wire.ask("WaitForChange").revision

    def changed(after):
        return wire.ask("WaitForChange", after_revision=after).changed

    batch = [{"name": "N" * 120 + f"_{number:02}", "value": b""} for number in range(64)]
    daemon.admin("PutSecret", scope="pipeline/other", writes=batch)
    assert not changed(first)
    for _ in range(3):
        daemon.admin("PutSecret", scope="pipeline/other", writes=batch)
    assert changed(first)
    assert not changed(first + 4) and not changed(first + 3)


def test_one_write_wakes_two_hundred_at_once():
    """C6"""
    with Daemon("--max-connections-per-uid", "300") as daemon:
        run, other = daemon.create(), daemon.create(pipeline="other")
        waiters = [Waiter(daemon, run) for _ in range(200)]
        bystanders = [Waiter(daemon, other) for _ in range(20)]
        daemon.put("NAME", b"value", scope="pipeline/app")
        assert {waiter.answer() for waiter in waiters} == {(True, 2)}
        assert all(waiter.is_waiting() for waiter in bystanders)


def test_a_waiting_connection_is_not_idle(daemon):
    """Limits: 60 s idle. Its neighbour, which waits for nothing, is closed meanwhile."""
    run = daemon.create()
    waiter, idle = Waiter(daemon, run), daemon.runner(run)
    begun = Waiter(daemon, run)
    begun.wire.send(b"\x30half of a frame")
    assert begun.wire.closed_by_peer()
    assert idle.closed_by_peer()
    assert waiter.is_waiting()
    daemon.put("NAME", b"value")
    assert waiter.answer()[0]


def test_waiting_clients_always_end_up_with_the_newest_value(daemon):
    """C6: whatever the order of reads, waits and writes, no change is missed."""
    rounds = 60
    last = sentinel().encode()
    run = daemon.create()
    seen = {}  # by follower: whether it saw the last value

    def follow(number):
        with Wire(daemon.socket) as wire:
            wire.hello(run.token)
            answer = wire.ask("WaitForChange")  # tells the revision before the first read
            while answer.changed and wire.ask("GetSecret", name="NAME").value != last:
                answer = wire.ask("WaitForChange", after_revision=answer.revision,
                                  timeout_ms=DEADLINE * 1000)
        seen[number] = answer.changed

    daemon.put("NAME", b"first")
    followers = [threading.Thread(target=follow, args=(number,)) for number in range(8)]
    for follower in followers:
        follower.start()
    with Wire(daemon.admin_socket) as operator:
        for number in range(rounds):
            value = last if number == rounds - 1 else b"%d" % number
            operator.ask("PutSecret", scope="global", writes=[{"name": "NAME", "value": value}])
    for follower in followers:
        follower.join()
    assert seen == dict.fromkeys(range(len(followers)), True)
