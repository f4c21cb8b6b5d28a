"""The bound on how fast jobs can make the audit log grow: they wait, and nothing is refused or left out."""

import os
import signal

import pytest
from coffer_test import Daemon, eventually, pb

JOB = 21000  # the first of the jobs' uids
BURST = 1 << 20
VIA = '"' * 1024  # in a record twice as long
RECORD = 4096     # more than a record with it has
MOST = 2 * BURST // len(VIA)


@pytest.fixture
def served():
    """A daemon that lets a uid have its first MiB of records, and next to nothing after it."""
    with Daemon("--audit-rate", "1") as daemon:
        daemon.put("NAME", b"value")
        daemon.token = daemon.create().token
        yield daemon


def join(daemon, uid):
    (wire,) = daemon.peers(uid)
    wire.hello(daemon.token, via=VIA)
    return wire


def delays(daemon):
    return daemon.admin("Status").audit_delays


def exhaust(daemon, uid):
    """A connection of the uid, which is let wait by now, and how many requests it took."""
    wire = join(daemon, uid)
    for count in range(1, MOST):
        assert wire.ask("GetSecret", name="NAME").value == b"value"
        if delays(daemon) > 0:
            return wire, count
    raise AssertionError(f"{MOST} requests, and no end")


def lines(daemon, uid):
    """The bytes of each of the uid's records."""
    return [line for path in daemon.audit_files() for line in path.read_bytes().splitlines(True)
            if b'"uid":%d,' % uid in line]


def test_a_job_that_floods_the_log_waits_and_the_log_stays_small(served):
    """Attack: valid requests at any rate, to fill the disk with records, or to push older ones out."""
    wire, count = exhaust(served, JOB)
    kept = lines(served, JOB)
    assert len(kept) == count + 1  # and Hello
    assert BURST < sum(map(len, kept)) < BURST + RECORD
    # It is served on, one request at a time: none is refused, none is left out.
    before = delays(served)
    wire.send(b"".join(wire.frame("GetSecret", name="NAME") for _ in range(2)))
    assert [wire.recv().code for _ in range(2)] == [pb.OK] * 2
    assert len(lines(served, JOB)) == count + 3
    assert delays(served) == before + 2


def test_other_uids_do_not_wait_for_the_one_that_does(served):
    """A bound on each: and for the daemon's own uid and the superuser there is none."""
    wire, _ = exhaust(served, JOB)
    before = delays(served)
    other = join(served, JOB + 1)
    for _ in range(100):
        assert other.ask("GetSecret", name="NAME").value == b"value"
    own = join(served, os.getuid())
    for _ in range(MOST):
        assert own.ask("GetSecret", name="NAME").value == b"value"
        assert delays(served) == before
    assert wire.ask("GetSecret", name="NAME").value == b"value"


def test_a_new_connection_does_not_begin_a_new_count(served):
    """Attack: to connect again for each request: what was recorded outlives the connection."""
    wire, _ = exhaust(served, JOB)
    wire.close()
    eventually(lambda: served.admin("Status").connections == 1, "it is gone")
    before, kept = delays(served), len(lines(served, JOB))
    (wire,) = served.peers(JOB)
    eventually(lambda: delays(served) == before + 1, "it waits before it has said a word")
    assert len(lines(served, JOB)) == kept
    wire.hello(served.token)
    assert len(lines(served, JOB)) == kept + 1


def test_a_connection_that_waits_is_served_to_its_end(served):
    """Who has sent all and closed its half gets its replies; who is drained at a stop, too."""
    wire, _ = exhaust(served, JOB)
    wire.send(wire.frame("GetSecret", name="NAME"))
    served.process.send_signal(signal.SIGTERM)
    assert [reply.code for reply in wire.drain()] == [pb.OK]
    assert served.wait() == 0
