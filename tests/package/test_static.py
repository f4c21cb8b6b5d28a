"""The build with COFFER_STATIC: cofferd and coffer on a host that has nothing else, not even the C library."""

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from coffer_test import DEADLINE, ROOT


@pytest.fixture(name="build", scope="module")
def make_build():
    with tempfile.TemporaryDirectory(prefix="coffer-static-") as name:
        for words in (["--preset", "static", "-DBUILD_TESTING=OFF", "-B", name],
                      ["--build", name, "--target", "cofferd", "coffer-cli"]):
            done = subprocess.run([os.environ["CMAKE"], *words], cwd=ROOT, check=False, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
        yield Path(name)


@pytest.fixture(name="root")
def make_root():
    with tempfile.TemporaryDirectory(prefix="coffer-root-") as name:
        yield Path(name)


class Host:
    """A root with the two programs in it, and nothing besides."""

    def __init__(self, folder, build):
        self.folder = folder
        for program in ("server/cofferd", "tools/coffer"):
            (folder / Path(program).name).write_bytes((build / program).read_bytes())
            (folder / Path(program).name).chmod(0o755)

    def popen(self, *words, **environment):
        return subprocess.Popen(words, env=environment, preexec_fn=lambda: os.chroot(self.folder), text=True,
                                cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run(self, *words, stdin="", **environment):
        process = self.popen(*words, **environment)
        out, _ = process.communicate(stdin, DEADLINE)
        assert process.returncode == 0, out
        return out


@pytest.mark.parametrize("program", ["server/cofferd", "tools/coffer"])
def test_it_asks_for_no_loader_and_no_library_and_is_loaded_at_random(build, program):
    told = subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic",
                           build / program], check=True, capture_output=True, text=True).stdout
    assert not re.search(r"INTERP|NEEDED", told), told
    assert re.search(r"Type:\s+DYN", told) and "PIE" in told, told


def test_they_work_in_a_root_that_has_nothing_else(build, root):
    """All of it: groups by name, the sandbox, and both ends of a run."""
    host = Host(root, build)
    (root / "etc").mkdir()
    (root / "etc/group").write_text("operators:x:4711:\n")
    host.run("/cofferd", "--init", "--home", "/home")
    daemon = host.popen("/cofferd", "--home", "/home", "--admin-group", "operators")
    try:
        assert daemon.stdout.readline() == "ready\n"
        operator = {"COFFER_HOME": "/home"}
        host.run("/coffer", "set", "PASSWORD", "--trim", stdin="s3cret-value\n", **operator)
        job = host.run("/coffer", "run", "create", "--pipeline", "shop/web", "--ref",
                       "refs/heads/main", **operator)
        job = dict(line.split("=", 1) for line in job.splitlines())
        assert host.run("/coffer", "get", "PASSWORD", **job).strip() == "s3cret-value"
        host.run("/coffer", "run", "finish", job["COFFER_RUN_ID"], "--result", "succeeded", **operator)
        assert "audit verified" in host.run("/coffer", "audit", "verify", **operator)
        assert (root / "home/run/admin.sock").stat().st_gid == 4711
    finally:
        daemon.send_signal(signal.SIGTERM)
        said, _ = daemon.communicate(timeout=DEADLINE)
    assert daemon.returncode == 0, said
