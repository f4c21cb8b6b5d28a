"""kill -9 at every system call that changes something: of init, migrations, changes of keys, restores.

strace ends the daemon in front of its n-th such call, for each n up to where the operation is done; the sandbox is
on. What was acknowledged is there afterwards, everything opens, the operation finishes, and the log stands.
COFFER_FAULT_POINTS says how many calls of an operation are tried, spread evenly; 0 is all of them.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess

from coffer_test import DEADLINE, Daemon, Wire, eventually, pb
from points import Saved, points, strace


def spawn_struck(point, trace, *arguments):
    """A cofferd of its own that is ended there; one that serves before is ended then. True if it was struck."""
    process = strace(point, trace, os.environ["COFFERD"], *arguments)
    with process.stderr:
        for line in process.stderr:
            if line.split()[-1:] == ["ready"]:
                process.terminate()
    return process.wait(DEADLINE) == -signal.SIGKILL


def act_struck(point, trace, daemon, act):
    """Whether the daemon was ended at that call, counted from the begin of act; and what act returned."""
    process = strace(point, trace, "-p", daemon.pid)
    with process.stderr:
        assert "attached" in process.stderr.readline()
        result = act(daemon)
        process.terminate()
        process.wait(DEADLINE)
    struck = not daemon.running()
    daemon.kill()
    return struck, result


def replies(daemon, method, count=1, **fields):
    """To that many requests at once, as far as they came back."""
    with Wire(daemon.admin_socket) as wire:
        with contextlib.suppress(OSError):
            wire.send(b"".join(wire.frame(method, **fields) for _ in range(count)))
        given = []
        with contextlib.suppress(AssertionError):  # cut off inside of a frame
            while len(given) < count and (reply := wire.recv()) is not None:
                given.append(wire.result(method, reply))
        return given


class Scene(Saved):
    """A daemon with secrets and a run, and its home as it was before the operation."""

    def __init__(self, daemon, prefix, prepare=lambda daemon: None):
        self.values = {f"{prefix}_{number:03}": os.urandom(30).hex().encode() for number in range(100)}
        names = list(self.values)
        with daemon.operator() as wire:
            for part in (names[:50], names[50:]):
                wire.ask("PutSecret", scope="global",
                         writes=[{"name": name, "value": self.values[name]} for name in part])
        self.run = daemon.create(ttl_ms=86_400_000)
        self.service = daemon.admin("CreateService", name="S", scopes=["system/workloads"]).token
        daemon.stop()
        prepare(daemon)
        super().__init__(daemon)

    def each(self, act):
        """What act returned, with the home as it was and a daemon that is ended at one call after the other."""
        self.daemon.start()
        act_struck(None, self.trace, self.daemon, act)
        missed, where = [], points(self.trace)
        for point in where:
            self.put_back()
            self.daemon.start()
            struck, result = act_struck(point, self.trace, self.daemon, act)
            missed += [] if struck else [point]
            yield result
        # Housekeeping and polling are not the same to the call every time.
        assert len(missed) <= len(where) / 10, missed

    def seen(self, token):
        """All that it is given."""
        values, after = {}, None
        with Wire(self.daemon.socket) as wire:
            wire.hello(token)
            while after != "":
                page = wire.ask("GetEnvironment", after=after)
                values.update((one.name, one.value) for one in page.secrets)
                after = page.next
        return values

    def stands(self):
        assert self.daemon.verify_audit().problem == ""


def test_an_init_that_is_killed_at_any_call_is_finished_by_another(folder):
    """G1: what is there afterwards is a store, made once, or nothing that is in the way of the next init."""
    trace = folder / "trace"
    assert not spawn_struck(None, trace, "--init", "--home", folder / "home")
    for number, point in enumerate(points(trace)):
        home = folder / f"home{number}"
        assert spawn_struck(point, trace, "--init", "--home", home), point
        daemon = Daemon()
        daemon.home = home
        with contextlib.ExitStack() as stack:
            stack.callback(daemon.__exit__)
            done = daemon.run("--init", "--home", home)
            assert done.returncode == 0 or "there is a store" in done.stderr, (point, done.stderr)
            daemon.start()
            daemon.put("NAME", b"value")
            assert daemon.verify_audit().problem == ""


def check_moved(scene, moved):
    """Each secret is at one place, and those that were acknowledged at the new one; a migration does the rest."""
    old, new = scene.seen(scene.run.token), scene.seen(scene.service)
    assert not old.keys() & new.keys() and {**old, **new} == scene.values
    assert moved <= new.keys()
    after = None
    while after != "":
        after = scene.daemon.admin("Migrate", after=after).next
    assert scene.seen(scene.run.token) == {} and scene.seen(scene.service) == scene.values
    scene.stands()


def test_a_migration_that_is_killed_at_any_call_leaves_each_secret_at_one_place(daemon):
    """D3"""
    scene = Scene(daemon, "BEARER_TOKEN")
    for pages in scene.each(lambda daemon: replies(daemon, "Migrate", 3)):
        daemon.start()
        check_moved(scene, {one.name for page in pages for one in page.secrets})
        daemon.kill()


def forget(daemon):
    """Makes the store look like one of before, in which no migration was done."""
    with contextlib.closing(sqlite3.connect(daemon.home / "coffer.db")) as database:
        database.execute("DELETE FROM mark WHERE id = 1")
        database.commit()


def test_a_first_start_that_is_killed_at_any_call_is_finished_by_another(daemon):
    """D3: and so is every start, as it makes its files, opens the store and recovers the log."""
    scene = Scene(daemon, "BEARER_TOKEN", forget)
    spawn_struck(None, scene.trace, "--home", daemon.home)
    for point in points(scene.trace):
        scene.put_back()
        spawn_struck(point, scene.trace, "--home", daemon.home)
        daemon.start()
        assert scene.seen(scene.run.token) == {}
        check_moved(scene, scene.values.keys())
        daemon.kill()


def rotate(daemon):
    """The epochs that were acknowledged; returns when the rotation is done, or the daemon."""
    begun = [reply.epoch for reply in replies(daemon, "RotateKey")]
    with contextlib.suppress(OSError, AssertionError):
        while daemon.admin("Status").key_rotating:
            pass
    return begun


def epochs(daemon):
    """Of the records and slots in the database of a daemon that is stopped."""
    with contextlib.closing(sqlite3.connect(daemon.database())) as database:
        sealed = [row[0] for table in ("SELECT sealed FROM secret", "SELECT payload FROM run")
                  for row in database.execute(table)]
        return ({int.from_bytes(record[2:6], "big") for record in sealed} |
                {row[0] for row in database.execute("SELECT epoch FROM slot")})


def test_a_rotation_that_is_killed_at_any_call_goes_on_and_everything_opens(daemon):
    """G4: at the next start by itself, once it was acknowledged."""
    scene = Scene(daemon, "NAME")
    for begun in scene.each(rotate):
        daemon.start()
        epoch = daemon.admin("Status").key_epoch
        assert epoch == 2 or (epoch == 1 and not begun)
        assert scene.seen(scene.run.token) == scene.values
        if epoch == 1:
            rotate(daemon)
        eventually(lambda: not daemon.admin("Status").key_rotating, "the end of the rotation")
        assert scene.seen(scene.run.token) == scene.values
        assert daemon.runner(scene.run).ask("Bootstrap").meta.pipeline == "app"
        scene.stands()
        daemon.stop()
        assert epochs(daemon) == {2}


def test_a_new_key_file_that_is_killed_at_any_call_leaves_the_old_one_or_the_new_one(daemon):
    """G4: and an acknowledgement means the new one."""
    scene = Scene(daemon, "NAME")
    key = daemon.key_file()
    old = key.read_bytes()

    def rewrap(daemon):
        key.unlink()
        return replies(daemon, "RewrapKey", key_file=True)

    for made in scene.each(rewrap):
        daemon.launch()
        eventually(daemon._settled.is_set, "it starts or ends")
        if not daemon._is_ready:
            assert daemon.wait() == 1 and not made
            key.write_bytes(old)
            key.chmod(0o600)
            daemon.start()
        assert scene.seen(scene.run.token) == scene.values
        key.unlink()
        daemon.admin("RewrapKey", key_file=True)
        daemon.restart()
        assert scene.seen(scene.run.token) == scene.values
        scene.stands()
        daemon.kill()


def back_up(daemon):
    path = daemon.folder / "backup"
    subprocess.run([os.environ["COFFER"], "--home", daemon.home, "backup", path], check=True,
                   stdout=subprocess.DEVNULL, env=daemon.clean_environ())
    return path


def beside(daemon):
    """What restores have made beside the home."""
    return set(daemon.folder.glob("home.*"))


def test_a_restore_that_is_killed_at_any_call_leaves_the_old_home_or_the_new_one(daemon):
    """G5: half a home is never there, and is removed by the next restore; a whole one is not."""
    path = back_up(daemon)
    daemon.put("NAME", b"of after the backup")
    daemon.stop()
    saved, seen = Saved(daemon), set()
    arguments = [f"--restore={path}", "--home", daemon.home]
    assert not spawn_struck(None, saved.trace, *arguments)
    for point in points(saved.trace):
        for folder in beside(daemon):
            shutil.rmtree(folder)
        saved.put_back()
        assert spawn_struck(point, saved.trace, *arguments), point
        daemon.start()
        with daemon.operator() as wire:
            seen.add(wire.code("RevealSecret", scope="global", name="NAME"))
        assert daemon.verify_audit().problem == ""
        daemon.stop()
        assert daemon.run(*arguments).returncode == 0
        for folder in beside(daemon):
            held = set(os.listdir(folder))
            assert {"key", "coffer.db", "audit"} <= held and "restoring" not in held, (point, folder)
    assert seen == {"OK", "NOT_FOUND"}
