"""A full disk: nothing acknowledged is lost, nothing is served unrecorded, and space heals it."""

import os
import subprocess

import pytest
from coffer_test import Daemon, Wire, eventually, pb, private_mounts

SIZE = "24m"


@pytest.fixture(scope="module", autouse=True)
def mounts():
    private_mounts()


@pytest.fixture
def small_disk(folder):
    """A daemon whose home is on a small file system of its own."""
    point = folder / "disk"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "tmpfs", point],
                   check=True)
    try:
        with Daemon(parent=point) as daemon:
            daemon.filler = point / "filler"  # what make_room() can give back
            daemon.filler.write_bytes(bytes(10 << 20))
            daemon.put("NAME", b"value")
            daemon.run_made = daemon.create()
            yield daemon
    finally:
        subprocess.run(["umount", point], check=True)


def fill(daemon):
    """Takes every byte that is left."""
    with daemon.filler.open("ab", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    filler.write(b"f" * size)
            except OSError:
                pass


def use_up_log(daemon, wire):
    """Asks until the log has no room left, which must come; the last answer's code."""
    for _ in range(400):
        wire.send(b"".join(wire.frame("GetSecret", name="NAME") for _ in range(500)))
        codes = [wire.recv().code for _ in range(500)]
        if set(codes) != {pb.OK}:
            assert codes == sorted(codes), "a refusal, and then an answer again"
            return pb.Code.Name(codes[-1])
    raise AssertionError("200,000 requests were recorded on a full disk")


def make_room(daemon):
    daemon.filler.unlink()


def test_reads_are_refused_when_they_cannot_be_recorded(small_disk):
    """H1: no record, no secret. Status and Hello work, and say what is the matter."""
    wire = small_disk.runner(small_disk.run_made)
    fill(small_disk)
    assert use_up_log(small_disk, wire) == "UNAVAILABLE"
    refused = wire.refused("GetSecret", name="NAME")
    assert refused.code == "UNAVAILABLE" and "audit" in refused.message
    for method, fields in (("ListSecrets", {}), ("GetEnvironment", {}), ("Bootstrap", {}),
                           ("GetSecrets", {"names": ["NAME"]})):
        assert wire.code(method, **fields) == "UNAVAILABLE", method
    status = small_disk.admin("Status")
    assert not status.audit_writable
    small_disk.runner(small_disk.run_made)
    with Wire(small_disk.socket) as stranger:
        assert stranger.code("Hello", protocol=1, token="x" * 32) == "UNAUTHENTICATED"
    make_room(small_disk)
    eventually(lambda: wire.code("GetSecret", name="NAME") == "OK", "it recovers without a restart")
    assert small_disk.admin("Status").audit_writable
    assert small_disk.verify_audit().problem == ""


def test_the_audit_log_has_every_answer_that_was_given_on_a_full_disk(small_disk):
    """H1"""
    wire = small_disk.runner(small_disk.run_made)
    fill(small_disk)
    given = 0
    while True:
        wire.send(b"".join(wire.frame("GetSecret", name="NAME") for _ in range(500)))
        answers = [wire.recv().code for _ in range(500)].count(pb.OK)
        given += answers
        if answers < 500:
            break
    make_room(small_disk)
    eventually(lambda: wire.code("ListSecrets") == "OK", "it recovers")
    recorded = [record for record in small_disk.audit()
                if record["op"] == "GetSecret" and record["outcome"] == "OK"]
    assert len(recorded) == given
    assert small_disk.verify_audit().problem == ""


def write_until_refused(daemon):
    """Writes secrets until the disk refuses; the names that were acknowledged."""
    written = []
    with daemon.operator() as wire:
        for number in range(20000):
            name = f"W{number}"
            reply = wire.call("PutSecret", scope="global",
                              writes=[{"name": name, "value": name.encode() * 500}])
            if reply.code != pb.OK:
                assert pb.Code.Name(reply.code) == "UNAVAILABLE", reply
                return written
            written.append(name)
    raise AssertionError("the disk was never full")


def assert_all_there(daemon, written):
    with daemon.operator() as wire:
        for name in written:
            got = wire.ask("RevealSecret", scope="global", name=name)
            assert got.value == name.encode() * 500


def test_writes_are_refused_whole_and_none_that_was_acknowledged_is_lost(small_disk):
    """E4: over a full disk, kill -9, and a restart."""
    written = write_until_refused(small_disk)
    assert written
    with small_disk.operator() as wire:
        for number in range(20):
            assert wire.code("PutSecret", scope="global", writes=[
                {"name": f"LATE{number}", "value": b"v" * 60000}]) == "UNAVAILABLE"
    fill(small_disk)
    small_disk.kill()
    make_room(small_disk)
    small_disk.start()
    assert_all_there(small_disk, written)
    listed = set()
    with small_disk.operator() as wire:
        fields, more = {}, True
        while more:
            page = wire.ask("ListAllSecrets", **fields)
            listed |= {info.name for info in page.secrets}
            fields = {"after_scope": page.secrets[-1].scope, "after_name": page.secrets[-1].name}
            more = page.more
    assert listed == {"NAME", *written}
    assert small_disk.verify_audit().problem == ""


def test_a_full_disk_lets_operators_delete_and_end_runs(small_disk):
    """Durability: a reserve lets operators free space; authority can always be taken away."""
    runner = small_disk.runner(small_disk.run_made)
    written = write_until_refused(small_disk)
    fill(small_disk)
    use_up_log(small_disk, runner)
    with small_disk.operator() as wire:
        assert wire.code("FinishRun", run_id=small_disk.run_made.run_id, result="FAILED") == "OK"
        for name in written[:20]:
            assert wire.code("DeleteSecret", scope="global", name=name, purge=True) == "OK", name
    assert runner.code("ListSecrets") in ("UNAUTHENTICATED", "UNAVAILABLE")
    make_room(small_disk)
    eventually(lambda: small_disk.admin("Status").audit_writable, "it recovers")
    with small_disk.operator() as wire:
        for name in written[:20]:
            assert wire.code("RevealSecret", scope="global", name=name) == "NOT_FOUND"
    with Wire(small_disk.socket) as wire:
        assert wire.code("Hello", protocol=1, token=small_disk.run_made.token) == "UNAUTHENTICATED"
    assert_all_there(small_disk, written[20:])
    assert small_disk.verify_audit().problem == ""


def test_a_restart_on_a_full_disk_serves_or_says_why_and_loses_nothing(small_disk):
    """Attack: full disk and restart."""
    written = write_until_refused(small_disk)
    fill(small_disk)
    small_disk.kill()
    fill(small_disk)
    small_disk.launch()
    eventually(lambda: small_disk._settled.is_set(), "it starts or ends")
    if small_disk._is_ready:
        assert small_disk.admin("Status").server
        small_disk.kill()
    else:
        assert small_disk.wait() == 1
        assert b"space" in small_disk.log or b"full" in small_disk.log
    make_room(small_disk)
    small_disk.start()
    assert_all_there(small_disk, written)
    assert small_disk.verify_audit().problem == ""


def test_init_on_a_full_disk_fails_with_words_and_can_be_repeated(small_disk):
    """Lifecycle: half a home is no home."""
    fill(small_disk)
    home = small_disk.folder / "second"
    done = small_disk.run("--init", "--home", home)
    assert done.returncode == 1 and done.stderr
    make_room(small_disk)
    if home.exists() and any(home.rglob("*")):
        assert small_disk.run("--home", home).returncode == 1
    else:
        assert small_disk.run("--init", "--home", home).returncode == 0
    assert os.path.exists(home)


def test_a_backup_on_a_full_disk_fails_with_words_and_leaves_nothing(small_disk):
    """G5: full where the copy is made, and full where the file is written."""
    written = write_until_refused(small_disk)
    fill(small_disk)
    with small_disk.operator() as wire:
        reply = wire.call("BeginBackup")
        backup, step = pb.BeginBackupResponse.FromString(reply.body).backup, 0
        while reply.code == pb.OK:
            reply = wire.call("ReadBackup", backup=backup, step=step)
            step += 1
        assert pb.Code.Name(reply.code) == "UNAVAILABLE" and "disk" in reply.message
        assert wire.code("FinishBackup", backup=backup) != "OK"
    assert "backup-unfinished" not in os.listdir(small_disk.home)
    make_room(small_disk)
    beside = small_disk.folder.parent.parent
    tool = [os.environ["COFFER"], "--home", small_disk.home, "backup"]
    tiny = beside / "tiny"
    tiny.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tiny], check=True)
    try:
        done = subprocess.run([*tool, tiny / "backup"], capture_output=True, text=True)
        assert done.returncode == 1 and "No space left on device" in done.stderr
        assert os.listdir(tiny) == []
    finally:
        subprocess.run(["umount", tiny], check=True)
    subprocess.run([*tool, beside / "backup"], check=True, stdout=subprocess.DEVNULL)
    assert_all_there(small_disk, written)
    assert small_disk.verify_audit().problem == ""
