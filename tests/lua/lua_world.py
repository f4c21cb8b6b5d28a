"""What the Lua tests share: the Luas, a daemon with secrets and runs, and scripts run against it."""

import base64
import json
import os
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
from coffer_test import Ephemeral, is_sanitized

HERE = Path(__file__).parent

Lua = namedtuple("Lua", "name program host modules")
LUAS = [Lua(*entry.split("=")) for entry in os.environ["LUAS"].split(",")]
every_lua = pytest.mark.parametrize("lua", LUAS, ids=[lua.name for lua in LUAS])

VALUE = b"hello, world"
PAYLOAD = {
    "git_dir": "/srv/git/app.git",
    "meta": {"repo": "https://git.example/app", "sha": "a" * 40, "pushed_at_ms": 1_700_000_000_123},
    "sentry": {"dsn": "https://key@sentry.example/1",
               "trace_id": "0af7651916cd43dd8448eb211c80319c"},
    "extras": [{"key": "color", "value": "blau \u00e4"}, {"key": "empty", "value": ""}],
}


class World(Ephemeral):
    """A daemon with 157 secrets for a run of the pipeline app; see check.lua."""

    def __enter__(self):
        super().__enter__()
        values = {"BINARY": bytes(range(256)), "EMPTY": b"", "SHORT": b"abc", "GREETING": b"hello, others",
                  "LARGE": bytes(i * 7 % 251 for i in range(65536)), "REFERRING": b"secret:GREETING",
                  "deploy_password": b"hunter2 hunter2",
                  **{f"MANY_{i:03}": f"value number {i:03}".encode() for i in range(150)}}
        writes = [{"name": name, "value": value} for name, value in values.items()]
        for first in range(0, len(writes), 64):
            self.admin("PutSecret", scope="global", writes=writes[first:first + 64])
        for value in (b"an older value", VALUE):
            self.put("GREETING", value, scope="pipeline/app")
        return self

    def environment(self, lua, run):
        """Of a script that is a job of that run."""
        environment = {
            "PATH": os.environ["PATH"], "TMPDIR": str(self.folder),
            "COFFER_SOCKET": str(self.socket), "COFFER_TOKEN": run.token, "RUN_ID": run.run_id,
            "LUA_PATH": f"{HERE}/?.lua", "LUA_CPATH": f"{lua.modules}/?.so"}
        if is_sanitized():
            environment.update(LD_PRELOAD=os.environ["PRELOAD"], ASAN_OPTIONS="detect_leaks=1")
        return environment

    def operator(self, verb, *arguments):
        """What check.operator asks for."""
        return str(getattr(self, f"do_{verb}")(*arguments))

    def do_put(self, name, *words):
        return self.put(name, " ".join(words).encode())

    def do_finish(self, run_id):
        return self.admin("FinishRun", run_id=run_id, result="SUCCEEDED").ByteSize()

    def do_count(self, via):
        """How many secrets were read on behalf of that name."""
        return sum(len(record.get("secrets", [None])) for record in self.audit()
                   if record.get("via") == via and record["op"].startswith("GetSecret"))

    def do_connections(self):
        return self.admin("Status").connections

    def do_bundle(self):
        """A bootstrap file, whose path it returns."""
        path = self.folder / "bundle.json"
        text = json.dumps({
            "version": 1, "run_id": "01a2012f-10a0-73c6-9496-62c677bb45f6", "git_dir": "",
            "meta": {"pipeline": "filed", "repo": "", "ref": "", "sha": "", "pushed_at_ms": 0},
            "secrets_base64": {"GREETING": base64.b64encode(b"hello from a file").decode()}})
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path


def run(world, environment, *command):
    """Runs a program that may ask for an operator's acts. (exit status, all other lines that it wrote)."""
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, cwd=world.folder) as process:
        lines = []
        for line in process.stdout:
            line = line.decode(errors="replace").rstrip("\n")
            if line.startswith("@"):
                process.stdin.write((world.operator(*line[1:].split()) + "\n").encode())
                process.stdin.flush()
            else:
                lines.append(line)
        return process.wait(), "\n".join(lines)


@pytest.fixture
def world():
    with World() as running:
        yield running
