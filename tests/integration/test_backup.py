"""Backup and restore: nothing is replaced before all of the backup has been opened, and nothing is lost."""

import os
import shutil

from coffer_test import Daemon, Wire, eventually, needles_of, sentinel


def take(daemon, meanwhile=lambda step: None):
    """The bytes of a backup."""
    with daemon.operator() as wire:
        begun = wire.ask("BeginBackup")
        backup = begun.backup
        data, step, done = b"", 0, False
        while not done:
            meanwhile(step)
            piece = wire.ask("ReadBackup", backup=backup, step=step)
            data, step, done = data + piece.data, step + 1, piece.done
        wire.ask("FinishBackup", backup=backup)
        assert wire.ask("Status").backup_at_ms == begun.created_at_ms
    return data


def saved(daemon, data=None):
    """A backup as a file beside the home."""
    path = daemon.folder / "backup"
    path.write_bytes(take(daemon) if data is None else data)
    return path


def stop(daemon):
    daemon.terminate()
    assert daemon.wait() == 0


def restore(daemon, path, *options, action="--restore"):
    return daemon.run(f"{action}={path}", "--home", daemon.home, *options)


def beside(daemon):
    """What is in the home's folder, but for what the tests put there."""
    return sorted(entry.name for entry in daemon.folder.iterdir()
                  if entry.name not in ("home", "backup", "passphrase", "key"))


def reveal(daemon, name, scope="global"):
    with daemon.operator() as wire:
        return wire.ask("RevealSecret", scope=scope, name=name).value


def fill(daemon):
    """Some pages, so that the copy takes more than one step."""
    with daemon.operator() as wire:
        for number in range(400):
            wire.ask("PutSecret", scope="pipeline/fill", writes=[
                {"name": f"F{number}_{part}", "value": os.urandom(4000)} for part in range(4)])


def test_a_restore_after_the_loss_of_the_home_brings_everything_back(daemon):
    """G5: secrets with their versions, runs and their tokens, and the audit log, which goes on."""
    for version in range(3):
        daemon.put("NAME", b"value %d" % version)
    run = daemon.create()
    before = daemon.audit()
    path = saved(daemon)
    stop(daemon)
    shutil.copy(daemon.home / "key", daemon.folder / "key")
    shutil.rmtree(daemon.home)
    done = restore(daemon, path, "--key-file", daemon.folder / "key")
    assert done.returncode == 0, done.stderr
    assert "1 secrets, 3 versions, 1 runs" in done.stdout
    assert beside(daemon) == []
    daemon.options = ["--key-file", daemon.folder / "key"]
    daemon.start()
    assert reveal(daemon, "NAME") == b"value 2"
    with daemon.operator() as wire:
        assert wire.ask("RevealSecret", scope="global", name="NAME", version=1).value == b"value 0"
    with Wire(daemon.socket) as wire:
        wire.hello(run.token)
        assert wire.ask("GetSecret", name="NAME").value == b"value 2"
    assert daemon.verify_audit().problem == ""
    after = daemon.audit()
    assert after[:len(before)] == before
    ops = [record["op"] for record in after[len(before):]]
    assert ops[:2] == ["BeginBackup", "Restore"], ops
    told = after[len(before) + 1]
    assert told["outcome"] == "OK" and f"record {before[-1]['seq']}" in told["reason"]


def test_what_was_there_before_is_kept_and_the_homes_key_and_settings_taken_over(daemon):
    """G5: never removed."""
    daemon.put("NAME", b"old")
    (daemon.home / "coffer.conf").write_text("versions_kept = 3\n")
    path = saved(daemon)
    daemon.put("NAME", b"new")
    stop(daemon)
    done = restore(daemon, path)
    assert done.returncode == 0, done.stderr
    (kept,) = beside(daemon)
    assert kept.startswith("home.replaced-") and kept in done.stdout
    assert (daemon.home / "coffer.conf").read_text() == "versions_kept = 3\n"
    assert (daemon.home / "key").stat().st_mode & 0o777 == 0o600
    assert daemon.home.stat().st_mode & 0o777 == 0o711
    daemon.start()
    assert reveal(daemon, "NAME") == b"old"
    stop(daemon)
    shutil.rmtree(daemon.home)
    (daemon.folder / kept).rename(daemon.home)
    daemon.start()
    assert reveal(daemon, "NAME") == b"new"


def test_a_backup_under_write_load_is_of_one_moment(daemon):
    """G5: two secrets that are always written together are equal in it."""
    fill(daemon)
    steps = 0
    with daemon.operator() as writer:
        def write(step):
            nonlocal steps
            steps = step
            value = b"%d" % step
            writer.ask("PutSecret", scope="global", writes=[{"name": "A", "value": value},
                                                             {"name": "Z", "value": value}])
            writer.ask("PutSecret", scope="pipeline/fill",
                       writes=[{"name": f"F{step % 400}_0", "value": os.urandom(4000)}])
        data = take(daemon, write)
    assert steps > 20
    path = saved(daemon, data)
    last = reveal(daemon, "A")
    stop(daemon)
    done = restore(daemon, path)
    assert done.returncode == 0, done.stderr
    daemon.start()
    assert reveal(daemon, "A") == reveal(daemon, "Z")
    assert 0 <= int(reveal(daemon, "A")) <= int(last)
    assert daemon.verify_audit().problem == ""


def test_others_are_served_while_a_backup_is_made(daemon):
    """G5: no step holds up the daemon, and there is one backup at a time."""
    daemon.put("NAME", b"value")
    runner = daemon.runner(daemon.create())
    data = take(daemon, lambda step: runner.ask("GetSecret", name="NAME"))
    assert data
    with daemon.operator() as one, daemon.operator() as other:
        first = one.ask("BeginBackup").backup
        one.ask("ReadBackup", backup=first, step=0)
        assert one.refused("ReadBackup", backup=first, step=0).code == "INVALID_ARGUMENT"
        assert one.code("FinishBackup", backup=first) == "FAILED_PRECONDITION"
        second = other.ask("BeginBackup").backup
        assert one.refused("ReadBackup", backup=first, step=1).code == "ABORTED"
        assert other.code("ReadBackup", backup=second, step=0) == "OK"
    assert "backup-unfinished" not in os.listdir(daemon.home)


def test_only_operators_make_backups(daemon):
    """C1"""
    runner = daemon.runner(daemon.create())
    for method in ("BeginBackup", "ReadBackup", "FinishBackup"):
        assert runner.code(method) == "PERMISSION_DENIED", method


def test_neither_values_nor_names_can_be_read_in_a_backup(daemon):
    """G5: encrypted as a whole."""
    value, name = sentinel(), "N" + sentinel()
    daemon.put(name, value.encode())
    data = take(daemon)
    key = (daemon.home / "key").read_bytes()
    for needle in [*needles_of(value), *needles_of(name), key, b"SQLite", b"PutSecret"]:
        assert needle not in data


def test_a_running_daemon_is_not_replaced(daemon):
    """G5"""
    daemon.put("NAME", b"value")
    path = saved(daemon)
    done = restore(daemon, path)
    assert done.returncode == 1 and f"in use by pid {daemon.pid}" in done.stderr
    assert beside(daemon) == []
    assert restore(daemon, path, action="--check-backup").returncode == 0
    assert beside(daemon) == []
    assert reveal(daemon, "NAME") == b"value"


def state(daemon):
    return {entry.relative_to(daemon.home): entry.read_bytes()
            for entry in daemon.home.rglob("*") if entry.is_file()}


def assert_refused(daemon, path, *words):
    """Refused with words, and nothing was touched."""
    before = state(daemon)
    done = restore(daemon, path)
    assert done.returncode == 1 and not done.stdout
    assert any(word in done.stderr for word in words), done.stderr
    assert state(daemon) == before and beside(daemon) == []


def test_a_backup_with_any_byte_changed_is_refused(daemon):
    """G5: all of the header, and bytes of every chunk; a unit test changes every byte of a small one."""
    data = take(daemon)
    stop(daemon)
    path = daemon.folder / "backup"
    header = int.from_bytes(data[8:12], "big")
    for at in [*range(0, header, 3), *range(header, len(data), 1999), len(data) - 1]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        assert_refused(daemon, path, "backup", "key")
    path.write_bytes(data)
    assert restore(daemon, path).returncode == 0


def test_a_backup_that_is_cut_off_or_goes_on_is_refused(daemon):
    """G5: at every kind of place."""
    data = take(daemon)
    stop(daemon)
    path = daemon.folder / "backup"
    header, chunk = int.from_bytes(data[8:12], "big"), 32768 + 17
    for cut in (0, 1, 8, 11, 12, header - 1, header, header + 1, header + 16, header + 17,
                header + chunk - 1, header + chunk, header + chunk + 1, len(data) - 1):
        path.write_bytes(data[:cut])
        assert_refused(daemon, path, "the backup")
    path.write_bytes(data + b"\0")
    assert_refused(daemon, path, "the backup")
    path.write_bytes(data + data)
    assert_refused(daemon, path, "the backup")


def test_another_stores_key_does_not_open_a_backup(daemon):
    """G5"""
    path = saved(daemon)
    stop(daemon)
    with Daemon() as other:
        stop(other)
        before = state(other)
        done = restore(other, path)
        assert done.returncode == 1 and "key" in done.stderr
        assert state(other) == before
        done = restore(other, path, "--key-file", daemon.home / "key")
        assert done.returncode == 0, done.stderr


def test_the_passphrase_of_its_time_opens_a_backup(folder):
    """G5, G3: also after the store has got another one."""
    word = folder / "word"
    word.write_text("correct horse\n")
    word.chmod(0o600)
    other = folder / "other"
    other.write_text("battery staple\n")
    other.chmod(0o600)
    with Daemon("--passphrase-file", word, init=("--passphrase-file", word)) as daemon:
        daemon.put("NAME", b"value")
        path = saved(daemon)
        with daemon.operator() as wire:
            wire.ask("RewrapKey", passphrase=b"battery staple")
        stop(daemon)
        done = restore(daemon, path, "--passphrase-file", other)
        assert done.returncode == 1 and "passphrase is wrong" in done.stderr
        assert beside(daemon) == []
        done = restore(daemon, path, "--passphrase-file", word)
        assert done.returncode == 0, done.stderr
        daemon.start()
        assert reveal(daemon, "NAME") == b"value"


def test_a_backup_begun_during_a_key_rotation_that_ends_meanwhile_opens(daemon):
    """G4, G5: its slots and its records are of one moment."""
    fill(daemon)
    run = daemon.create()
    daemon.put("NAME", b"value")
    with daemon.operator() as wire:
        wire.ask("RotateKey")

        def wait(step):
            if step == 0:
                eventually(lambda: not wire.ask("Status").key_rotating, "the rotation ends")

        path = saved(daemon, take(daemon, wait))
    stop(daemon)
    done = restore(daemon, path)
    assert done.returncode == 0, done.stderr
    daemon.start()
    assert daemon.runner(run).ask("GetSecret", name="NAME").value == b"value"
    assert daemon.verify_audit().problem == ""


def test_a_backup_in_memory_is_refused_as_no_key_would_open_it(ephemeral):
    """G2"""
    with Wire(ephemeral.admin_socket) as wire:
        assert wire.refused("BeginBackup").code == "FAILED_PRECONDITION"


def test_an_audit_log_of_several_files_is_restored_whole():
    """G5, H3"""
    with Daemon("--audit-file-max", "4096") as daemon:
        daemon.put("NAME", b"value")
        runner = daemon.runner(daemon.create())
        while len(os.listdir(daemon.home / "audit")) < 4:
            runner.ask("GetSecret", name="NAME")
        path = saved(daemon)
        files = {name: (daemon.home / "audit" / name).read_bytes()
                 for name in sorted(os.listdir(daemon.home / "audit"))[:-1]}
        stop(daemon)
        assert restore(daemon, path).returncode == 0
        for name, content in files.items():
            assert (daemon.home / "audit" / name).read_bytes() == content
        daemon.start()
        verdict = daemon.verify_audit()
        assert verdict.problem == "" and verdict.first_seq == 1
