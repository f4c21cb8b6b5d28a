"""EIO and ENOSPC at every system call on files: the daemon serves on or ends, and says nothing that is not so.

strace lets the n-th such call fail, once, for each n of a day's work in small and of a start; the sandbox is on. What
was acknowledged is there after a restart, what was refused is not, no answer is a wrong one, and the log stands.
"""

import contextlib
import os
import signal

import pytest
from coffer_test import DEADLINE, Refused, Wire, eventually
from points import Saved, points, strace

READING = ("read", "pread64", "openat", "fstat", "newfstatat", "lseek")
WRITING = ("write", "writev", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "unlink", "unlinkat",
           "rename", "renameat", "renameat2")
FAULTS = {"EIO": READING + WRITING, "ENOSPC": WRITING}
# What may be said of a disk that fails. Anything else would be a statement about secrets or runs.
HONEST = ("UNAVAILABLE", "INTERNAL", "DATA_LOSS")


class Work(Saved):
    """A home with some of everything, on which each kind of change and of reading is done once."""

    def __init__(self, daemon):
        for name in ("KEPT", "OLD", "GONE"):
            daemon.put(name, name.encode())
        self.claimed, self.ended = daemon.create(pipeline="claimed"), daemon.create(pipeline="ended")
        daemon.stop()
        super().__init__(daemon)

    def steps(self):
        """(name, method, fields, token of who asks)"""
        return (
            ("new", "PutSecret", {"scope": "global", "writes": [{"name": "NEW", "value": b"NEW"}]}, None),
            ("read", "GetSecret", {"name": "KEPT"}, self.claimed.token),
            ("old", "PutSecret", {"scope": "global", "writes": [{"name": "OLD", "value": b"NEWER"}]}, None),
            ("claim", "Bootstrap", {"nonce": b"n" * 16}, self.claimed.token),
            ("gone", "DeleteSecret", {"scope": "global", "name": "GONE", "purge": True}, None),
            ("run", "CreateRun", {"meta": {"pipeline": "new", "ref": "main"}}, None),
            ("end", "FinishRun", {"run_id": self.ended.run_id, "result": "SUCCEEDED"}, None),
            ("all", "GetEnvironment", {}, self.claimed.token),
        )

    def do(self, daemon):
        """{name: the reply, the code of a refusal, or None where the connection was lost}"""
        outcome = {}
        for name, method, fields, token in self.steps():
            outcome[name] = None
            with contextlib.suppress(OSError, AssertionError):
                with Wire(daemon.socket if token else daemon.admin_socket) as wire:
                    try:
                        if token:
                            wire.hello(token)
                        outcome[name] = wire.ask(method, **fields)
                    except Refused as refused:
                        assert refused.code in HONEST or not daemon.running(), refused
                        outcome[name] = refused.code
        return outcome

    def check(self, outcome, point):
        """That all is as the outcome says, which came of a fault at that point."""
        def said(name):
            return None if outcome[name] is None else not isinstance(outcome[name], str)

        with self.daemon.operator() as wire:
            for name, secret, done, undone in (("new", "NEW", b"NEW", None), ("old", "OLD", b"NEWER", b"OLD"),
                                               ("gone", "GONE", None, b"GONE"), (None, "KEPT", b"KEPT", b"KEPT")):
                reply = wire.call("RevealSecret", scope="global", name=secret)
                value = None if reply.code else wire.result("RevealSecret", reply).value
                assert value in {True: (done,), False: (undone,), None: (done, undone)}[name and said(name)], \
                    (name, outcome.get(name), point)
        if said("read"):
            assert outcome["read"].value == b"KEPT"
        if said("run"):
            self.daemon.runner(outcome["run"])
        assert said("end") is None or said("end") == (self.hello(self.ended.token) == "UNAUTHENTICATED")
        runner = self.daemon.runner(self.claimed)
        assert said("claim") is None or said("claim") == (runner.code("Bootstrap") == "GONE")
        assert self.daemon.verify_audit().problem == ""

    def hello(self, token):
        with Wire(self.daemon.socket) as wire:
            return wire.code("Hello", protocol=1, token=token)


@pytest.mark.parametrize("error", FAULTS)
def test_a_call_that_fails_is_told_and_changes_nothing_or_ends_the_daemon(daemon, error):
    """Attack: EIO and ENOSPC at the k-th system call."""
    work, calls = Work(daemon), ",".join("?" + call for call in FAULTS[error])
    daemon.start()
    for point in [None, *points_of(work, daemon, calls)]:
        daemon.kill()
        work.put_back()
        daemon.start()
        outcome = faulty(work, daemon, point, error)
        eventually(lambda: serves(daemon) or not daemon.running(), f"it serves on or ends after {point}")
        if daemon.running():
            daemon.kill()
        else:
            assert daemon.wait() == 1, point
        daemon.start()
        work.check(outcome, point)


def serves(daemon):
    """Whether it can change something."""
    with contextlib.suppress(OSError, AssertionError):
        with Wire(daemon.admin_socket) as wire:
            return wire.code("PutSecret", scope="global", writes=[{"name": "LATER", "value": b"LATER"}]) == "OK"
    return False


def faulty(work, daemon, point, error):
    process = strace(point, work.trace, "-p", daemon.pid, fault=f"error={error}")
    with process.stderr:
        assert "attached" in process.stderr.readline()
        outcome = work.do(daemon)
        process.terminate()
        process.wait(DEADLINE)
    return outcome


def points_of(work, daemon, calls):
    process = strace(None, work.trace, "-p", daemon.pid, calls=calls)
    with process.stderr:
        assert "attached" in process.stderr.readline()
        assert not [code for code in work.do(daemon).values() if code is None or isinstance(code, str)]
        process.terminate()
        process.wait(DEADLINE)
    return points(work.trace)


def start(work, daemon, point, error, calls):
    """Whether it came to serve; it is ended then. Else it, or its loader, ends with words."""
    process = strace(point, work.trace, os.environ["COFFERD"], "--home", daemon.home, calls=calls,
                     fault=f"error={error}")
    said = ""
    with process.stderr:
        for line in process.stderr:
            said += line
            if line.split()[-1:] == ["ready"]:
                process.terminate()
    status = process.wait(DEADLINE)
    served = said.split()[-1:] == ["stopping"] or "\nready\n" in f"\n{said}"
    assert served or (status in (1, 2, 127) and said), (point, status, said)
    return served


@pytest.mark.parametrize("error", FAULTS)
def test_a_start_whose_call_fails_serves_or_says_why_not_and_the_next_one_serves(daemon, error):
    """Attack: EIO and ENOSPC at the k-th system call."""
    work, calls = Work(daemon), ",".join("?" + call for call in FAULTS[error])
    assert start(work, daemon, None, error, calls)
    for point in points(work.trace):
        work.put_back()
        start(work, daemon, point, error, calls)
        daemon.start()
        work.check(dict.fromkeys((name for name, *_ in work.steps()), "UNAVAILABLE"), point)
        daemon.kill()
