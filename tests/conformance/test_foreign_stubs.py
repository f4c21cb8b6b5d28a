"""Stubs of other languages, each over its channel, as clients of the real daemon. What a case does is in
the language's program: javascript/drive.js and cpp/drive.cpp have one function of each case's name."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import relay
from coffer_test import DEADLINE, METHODS

HERE = Path(__file__).resolve().parent


def install_packages():
    """What package-lock.json pins, kept in the build until that changes."""
    folder = Path(os.environ["NODE_MODULES"])
    lock = HERE / "javascript" / "package-lock.json"
    done = folder / "installed.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        folder.mkdir(exist_ok=True)
        shutil.copy(lock, folder)
        shutil.copy(HERE / "javascript" / "package.json", folder)
        npm = subprocess.run([os.environ["NPM"], "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                              "--cache", folder / "cache"], cwd=folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        assert npm.returncode == 0, f"npm cannot install the packages of the stub:\n{npm.stdout}"
        shutil.copy(lock, done)
    return folder / "node_modules"


class Stub:
    """A stub's program, whose cases run() runs."""

    def __init__(self, command, environment, ephemeral):
        self.command = command
        self.environment = {"PATH": os.environ["PATH"], **environment, **ephemeral.printed}
        self.folder = ephemeral.folder

    def run(self, case):
        """What the case prints."""
        done = subprocess.run([*self.command, case], env=self.environment, timeout=DEADLINE,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def meets(self, serve, variable="COFFER_SOCKET"):
        """Inside, a relay is what the stub connects to."""
        daemon = self.environment[variable]
        path = self.folder / f"{variable}.relay"
        with relay.listening(path, serve, daemon):
            self.environment[variable] = str(path)
            yield


@pytest.fixture(params=["javascript", "cpp"])
def stub(request, ephemeral):
    if request.param == "cpp":
        return Stub([os.environ["CPP_STUB"]], {}, ephemeral)
    return Stub([os.environ["NODE"], HERE / "javascript" / "drive.js"],
                {"NODE_PATH": str(install_packages())}, ephemeral)


def test_a_foreign_stub_drives_every_method(stub, ephemeral):
    """J2: both services, with values of any bytes, numbers of 64 bits, and errors of each language's own."""
    stub.run("every_method")
    called = {method.method for method in ephemeral.admin("Status").methods if method.calls}
    assert called == set(METHODS)


def test_a_foreign_stub_understands_a_later_version(stub):
    """Compatibility: fields that it does not know are skipped. No read ends where a frame does."""
    with stub.meets(relay.of_a_later_version), \
            stub.meets(relay.of_a_later_version, "COFFER_ADMIN_SOCKET"):
        stub.run("every_method")


def test_a_foreign_stub_pipelines_hello(stub):
    """Both requests leave before any reply comes, and the id says which reply is whose."""
    with stub.meets(relay.that_waits_for_two):
        stub.run("pipelined")


def test_a_foreign_stub_follows_pages(stub, ephemeral):
    count = 64 * 10
    for first in range(0, count, 64):
        ephemeral.admin("PutSecret", scope="global", writes=[
            {"name": f"N{first + i:0127}", "value": b"v" * 128} for i in range(64)])
    assert stub.run("pages") == f"{count}\n"


def test_a_reply_that_waits_is_overtaken_in_a_foreign_stub(stub):
    """C6: the reply to WaitForChange comes behind that of a later request."""
    stub.run("overtaken")


def test_a_refused_connection_is_an_error_of_the_foreign_stub(stub):
    """A response with id 0 answers whatever is asked, before and after."""
    with stub.meets(relay.that_is_full):
        stub.run("hung_up")


def test_a_reply_that_is_cut_is_no_reply_to_a_foreign_stub(stub):
    with stub.meets(relay.that_ends_inside_a_reply):
        stub.run("cut")
