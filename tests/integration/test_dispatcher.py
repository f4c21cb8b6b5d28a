"""The dispatcher of docs/examples, end to end: a service that starts with a socket's path and a token alone."""

import json
import os
import subprocess
import threading

import pytest
from coffer_test import DEADLINE, ROOT, eventually, sentinel

DISPATCHER = ROOT / "docs" / "examples" / "dispatcher"


class Dispatcher:
    """It and its folder, in which jobs are dropped."""

    def __init__(self, daemon, token):
        self.folder = daemon.folder / "jobs"
        self.folder.mkdir()
        self.count = 0
        self.said = b""
        path = os.path.dirname(os.environ["COFFER"]) + os.pathsep + os.environ["PATH"]
        self.process = subprocess.Popen(
            [DISPATCHER, self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": path, "SECRETS_API_URL": f"unix://{daemon.socket}", "SECRETS_API_TOKEN": token})
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        with self.process.stdout as pipe:
            for line in pipe:
                self.said += line

    def run(self, needs, script):
        """The exit status of a job and what it wrote to its own file."""
        self.count += 1
        path, out = self.folder / f"{self.count:04}.job", self.folder / f"{self.count:04}.out"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps({"needs": needs, "command": ["sh", "-c", f"{{ {script}; }} >{out}"]}))
        draft.rename(path)
        done = path.with_suffix(".done")
        eventually(done.exists, "the job is done")
        return json.loads(done.read_text())["status"], out.read_text() if out.exists() else ""

    def stop(self):
        self.process.terminate()
        status = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return status


@pytest.fixture
def service(daemon):
    """The token of a service that sees its own secrets and the global ones."""
    return daemon.admin("CreateService", name="dispatcher",
                        scopes=["system/dispatcher", "global"]).token


@pytest.fixture
def start(daemon):
    started = []

    def begin(token):
        started.append(Dispatcher(daemon, token))
        return started[-1]
    yield begin
    for dispatcher in started:
        if dispatcher.process.poll() is None:
            dispatcher.stop()


def test_it_waits_for_the_daemon_and_then_has_every_secret(daemon, service, start):
    """A8, C5, F4: the daemon is away when it starts."""
    daemon.put("DEPLOY_KEY", b"own", scope="system/dispatcher", system=True)
    daemon.put("DEPLOY_KEY", b"global")
    daemon.put("REGISTRY", b"everybody's")
    daemon.stop()
    dispatcher = start(service)
    eventually(lambda: b"waiting for the daemon" in dispatcher.said, "it waits")
    daemon.start()
    assert dispatcher.run(["DEPLOY_KEY", "REGISTRY"], 'printf %s "$DEPLOY_KEY $REGISTRY"') == \
        (0, "own everybody's")
    assert dispatcher.run([], "exit 7") == (7, "")
    assert dispatcher.stop() == 0


def test_a_job_gets_what_it_needs_and_nothing_else(daemon, service, start):
    """F1, D2: not the token, and no other secret."""
    secret = sentinel()
    daemon.put("NEEDED", b"value")
    daemon.put("OTHER", secret.encode())
    dispatcher = start(service)
    status, environment = dispatcher.run(["NEEDED"], "env")
    assert status == 0 and "NEEDED=value" in environment
    assert secret not in environment and service not in environment
    status, _ = dispatcher.run(["NOWHERE"], "exit 0")
    assert status == 125
    eventually(lambda: b"there is no secret NOWHERE" in dispatcher.said, "it says so")


def test_what_a_job_prints_is_redacted(daemon, service, start):
    """F2"""
    secret = sentinel()
    daemon.put("NEEDED", secret.encode())
    dispatcher = start(service)
    dispatcher.run(["NEEDED"], 'echo "key: $NEEDED" >&2')
    eventually(lambda: b"key: ***REDACTED***" in dispatcher.said, "it is redacted")
    assert dispatcher.stop() == 0
    assert secret.encode() not in dispatcher.said


def test_it_sees_a_rotation_and_loses_no_job_by_it(daemon, service, start):
    """C6, F3"""
    daemon.put("DEPLOY_KEY", b"old", scope="system/dispatcher", system=True)
    dispatcher = start(service)
    assert dispatcher.run(["DEPLOY_KEY"], 'printf %s "$DEPLOY_KEY"') == (0, "old")
    daemon.put("DEPLOY_KEY", b"new", scope="system/dispatcher", system=True)
    seen = [dispatcher.run(["DEPLOY_KEY"], 'printf %s "$DEPLOY_KEY"')]
    while seen[-1] != (0, "new"):
        assert seen[-1] == (0, "old")
        seen.append(dispatcher.run(["DEPLOY_KEY"], 'printf %s "$DEPLOY_KEY"'))
    assert dispatcher.process.poll() is None
    assert dispatcher.stop() == 0
