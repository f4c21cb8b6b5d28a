"""The system calls of a program one by one, and what happens to it in front of one of them. Needs strace."""

import os
import shutil
import subprocess

# How many calls of an operation are tried, spread evenly; 0: every one.
POINTS = int(os.environ.get("COFFER_FAULT_POINTS", "40"))

# All that outlives a process or reaches another one; the question marks are for processors without such a call.
CALLS = ",".join("?" + call for call in (
    "write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg", "fsync", "fdatasync", "ftruncate", "fallocate",
    "openat", "open", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat",
    "rmdir", "chmod", "fchmod", "fchmodat", "fchown", "bind", "listen"))


# A sanitized program looks for leaks at its end, in a way that strace prevents.
SANITIZER = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
ENVIRON = {**os.environ, **SANITIZER}


def points(trace):
    """Where to strike, (name, number): the calls that strace wrote down, each counted among those of its name."""
    with open(trace, encoding="utf-8", errors="replace") as lines:
        made = [line for line in lines if "(" in line]
    names = [line.split("(")[0].split()[-1] for line in made]
    said = ["write(2, " in line for line in made]  # which nothing depends on but those who wait for it
    calls = [(name, names[:index + 1].count(name)) for index, name in enumerate(names) if not said[index]]
    assert calls, "there is nothing to strike at"
    if POINTS == 0 or len(calls) <= POINTS:
        return calls
    return [calls[number * (len(calls) - 1) // (POINTS - 1)] for number in range(POINTS)]


def strace(point, trace, *arguments, calls=CALLS, fault="signal=KILL"):
    """Strikes the process in front of that call; without one, writes down all of them."""
    what = ["-o", trace, "-e", f"trace={calls}"]
    if point is not None:
        what = ["-o", os.devnull, "-e", f"trace={point[0]}", "-e", f"inject={point[0]}:{fault}:when={point[1]}"]
    return subprocess.Popen(["strace", "-f", "-I2", *map(str, [*what, *arguments])], env=ENVIRON, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Saved:
    """The home of a daemon that is stopped, to begin from again and again."""

    def __init__(self, daemon):
        self.daemon = daemon
        daemon.environ.update(SANITIZER)
        self.trace = daemon.folder / "trace"
        self._before = daemon.folder / "before"
        shutil.copytree(daemon.home, self._before)

    def put_back(self):
        shutil.rmtree(self.daemon.home)
        shutil.copytree(self._before, self.daemon.home)
