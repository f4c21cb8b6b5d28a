"""What docs/http.md shows is so: each command is run, and answers what stands below it."""

import os
import re
import subprocess

from coffer_test import DEADLINE, ROOT, Daemon, Shim
from talk import ask

PAGE = (ROOT / "docs" / "http.md").read_text()


def examples():
    """(command, what it prints) of each."""
    block = re.search(r"^```console\n(.*?)^```$", PAGE, re.S | re.M)[1]
    return re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.M)


def test_each_command_answers_what_is_shown(folder):
    """I1, I2, I3"""
    with Daemon() as daemon, Shim(daemon.socket) as shim:
        daemon.put("DEPLOY_KEY", b"open sesame", scope="pipeline/shop")
        daemon.put("KEYSTORE", b"\xfe\xed\xfe\xed")
        run = daemon.create(pipeline="shop", git_dir="/srv/git/shop.git")
        (folder / "auth").write_text(f"Authorization: Bearer {run.token}\n")
        found = examples()
        assert len(found) == 12
        for command, wanted in found:
            done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True,
                                  timeout=DEADLINE, stdin=subprocess.DEVNULL,
                                  env={"PATH": os.environ["PATH"], "URL": shim.url, "RUN_ID": run.run_id})
            pattern = re.escape(wanted.rstrip("\n")).replace("…", "[0-9a-f-]+")
            assert re.fullmatch(pattern, done.stdout.rstrip("\n")), (command, done.stdout)


def test_each_route_of_the_table_is_there_and_no_other():
    """The log names the routes as the table does."""
    told = set(re.findall(r"^\| `(/[^`]*)` ", PAGE, re.M))
    with Daemon() as daemon, Shim(daemon.socket, "--log-level", "debug") as shim:
        for path in told:
            ask(shim, path)
        shim.stop()
        served = {line.split()[2] for line in shim.log.decode().splitlines() if line.startswith("debug: 127.")}
    names = {path.replace("{run_id}", "RUN_ID").replace("{name}", "NAME") for path in served}
    assert names == told
    source = (ROOT / "tools" / "http" / "routes.c").read_text()
    assert set(re.findall(r'^\t\{ "(/[^"]*)"', source, re.M)) == served
