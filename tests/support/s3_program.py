"""coffer-s3 as a process: its settings on standard input, its log kept."""

import os
import signal
import subprocess
import tempfile
import threading

from coffer_test import DEADLINE
from radosgw import ACCESS_KEY, SECRET_KEY

# Small, so that nothing waits for longer than it must.
QUICK = {"backoff_ms": 5, "give_up_ms": 20000}


def settings_text(server, **changes):
    """Settings for a server or bucket that has an endpoint and a name; None leaves one out."""
    settings = {"bucket": server.name, "endpoint": server.endpoint, "access_key_id": ACCESS_KEY,
                "secret_access_key": SECRET_KEY, **QUICK, **changes}
    return "".join(f"{name} = {value}\n" for name, value in settings.items() if value is not None)


def clean_environ():
    return {name: value for name, value in os.environ.items()
            if name in ("PATH", "TMPDIR") or name.endswith("SAN_OPTIONS")}


class Done:
    """How a run has ended."""

    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.log = process.stderr.decode(errors="replace")
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log
        assert SECRET_KEY not in self.log


def call(server, *arguments, **changes):
    """Runs one of the modes that end."""
    return call_with(settings_text(server, **changes), *arguments)


def call_with(text, *arguments):
    return Done(subprocess.run([os.environ["COFFER_S3"], *map(str, arguments)], input=text.encode(),
                               capture_output=True, timeout=DEADLINE, env=clean_environ()))


def put(server, key, body, **changes):
    with tempfile.NamedTemporaryFile(prefix="coffer-") as file:
        file.write(body)
        file.flush()
        return call(server, "put", key, file.name, **changes)


class Worker:
    """coffer-s3 serve. Use it in a with statement."""

    def __init__(self, server, socket, **changes):
        # One look at the bucket is enough, but for the tests of those that follow.
        self.text = settings_text(server, admin_socket=socket,
                                  **{"sync_interval_ms": 3600000, **changes})
        self.log = ""
        self.status = 0
        self.logged = threading.Condition()

    def __enter__(self):
        self.process = subprocess.Popen([os.environ["COFFER_S3"], "serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, env=clean_environ())
        self.reader = threading.Thread(target=self._read_log)
        self.reader.start()
        self.process.stdin.write(self.text)
        self.process.stdin.close()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stderr.close()
        assert status == self.status, self.log
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log
        assert SECRET_KEY not in self.log

    def kill(self):
        self.status = -signal.SIGKILL
        self.process.kill()

    def _read_log(self):
        for line in self.process.stderr:
            with self.logged:
                self.log += line
                self.logged.notify_all()

    def wait_log(self, text):
        with self.logged:
            assert self.logged.wait_for(lambda: text in self.log, DEADLINE), self.log
