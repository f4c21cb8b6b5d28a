"""What systemd's own programs say of units."""

import re
import subprocess

from coffer_test import DEADLINE


def run(*command):
    """What a program of systemd's says, which here only reads files."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expand(word):
    """The system calls that a word of SystemCallFilter= stands for."""
    if not word.startswith("@"):
        return {word}
    names = set()
    for line in run("systemd-analyze", "syscall-filter", word).splitlines()[1:]:
        if (name := line.strip()) and not name.startswith("#"):
            names |= expand(name)
    return names


def calls_of(service):
    """The calls that the lines SystemCallFilter= come to."""
    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", service, re.M):
        names = set().union(*map(expand, line.lstrip("~").split()))
        calls = calls - names if line.startswith("~") else calls | names
    return calls
