#!/usr/bin/python3
"""An integration test of a program that fetches its secrets from coffer: against a real daemon, which lives
in memory and for one test. cofferd and coffer are found through PATH.

usage: test_with_coffer.py, or any runner of unittest
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

# Stands for the program under test.
PROGRAM = 'password=$(coffer get DB_PASSWORD) && echo "logged in with ${#password} characters"'


@contextlib.contextmanager
def coffer(**secrets):
    """The environment of a run that sees these secrets. The daemon ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["cofferd", "--ephemeral", "--log-level", "warn"]
        for name, value in secrets.items():
            Path(folder, name).write_text(value)
            arguments += ["--secret", f"{name}=@{folder}/{name}"]
        started = time.monotonic()
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as daemon:
            try:
                # It serves before it prints these.
                variables = [daemon.stdout.readline().rstrip("\n") for _ in range(4)]
                assert all(variables), "cofferd did not start"
                print(f"cofferd: ready in {(time.monotonic() - started) * 1000:.1f} ms", file=sys.stderr)
                yield {**os.environ, **dict(line.split("=", 1) for line in variables)}
            finally:
                daemon.terminate()


def run(environment):
    return subprocess.run(["sh", "-c", PROGRAM], env=environment, capture_output=True, text=True)


class ProgramTest(unittest.TestCase):
    def test_it_logs_in_with_the_password(self):
        with coffer(DB_PASSWORD="s3cret") as environment:
            self.assertEqual(run(environment).stdout, "logged in with 6 characters\n")

    def test_it_stops_where_there_is_no_password(self):
        with coffer() as environment:
            done = run(environment)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("unknown secret 'DB_PASSWORD'", done.stderr)


if __name__ == "__main__":
    unittest.main()
