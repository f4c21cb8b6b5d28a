"""Under a service manager: sockets that are passed on, what it is told, and the units for systemd."""

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from coffer_test import DEADLINE, ROOT, Daemon, Wire, eventually, is_sanitized, pb
from systemd_tools import calls_of, run

UID = 12348


class Manager(Daemon):
    """Makes the sockets, holds them, and passes them to each daemon that it starts."""

    def __init__(self, *options, names="runner:admin", kinds=("runner", "admin")):
        super().__init__(*options)
        self.names = names
        self.pid_told = "$$"
        self.count = len(kinds)
        self.held = [self.make(kind) for kind in kinds]
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(self.folder / "notify"))
        self.notices.settimeout(DEADLINE)

    def make(self, kind):
        if kind == "tcp":
            made = socket.create_server(("127.0.0.1", 0))
        else:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram"
                                 else socket.SOCK_STREAM)
            made.bind(str(self.folder / f"{kind}.sock"))
        if kind not in ("datagram", "silent"):
            made.listen(socket.SOMAXCONN)
        return made

    def __exit__(self, *_):
        for held in (*self.held, self.notices):
            held.close()
        super().__exit__()

    @property
    def socket(self):
        return self.folder / "runner.sock"

    @property
    def admin_socket(self):
        return self.folder / "admin.sock"

    def launch(self):
        """By a shell, which alone can know the pid that it is going to give to the daemon."""
        passed = [fcntl.fcntl(held, fcntl.F_DUPFD, 20) for held in self.held]
        script = self.folder / "manager"
        moves = " ".join(f"{3 + number}<&{fd} {fd}<&-" for number, fd in enumerate(passed))
        script.write_text(f'#!/bin/bash\nexport LISTEN_PID={self.pid_told} LISTEN_FDS={self.count}\n'
                          f'export LISTEN_FDNAMES={self.names}\n'
                          f'exec "{os.environ["COFFERD"]}" "$@" {moves}\n')
        script.chmod(0o700)
        self.environ["NOTIFY_SOCKET"] = str(self.folder / "notify")
        self._spawn("--home", self.home, "--listen", self.socket, "--listen-admin",
                    self.admin_socket, *self.options, executable=script, pass_fds=passed)
        for fd in passed:
            os.close(fd)

    def told(self):
        """The next thing that the daemon tells."""
        return dict(line.split("=", 1) for line in self.notices.recv(4096).decode().split("\n"))

    def refused(self):
        """The words of a start that must fail."""
        self.init()
        self.launch()
        assert self.wait() == 1, self.log
        return self.log.decode()


def test_sockets_that_are_passed_on_are_used_and_left_in_place():
    """Their modes and paths are the manager's business."""
    with Manager() as manager:
        manager.socket.chmod(0o640)
        before = [path.lstat().st_ino for path in (manager.socket, manager.admin_socket)]
        manager.put("NAME", b"value")
        wire = manager.runner(manager.create())
        assert wire.ask("GetSecret", name="NAME").value == b"value"
        assert not list((manager.home / "run").iterdir())
        manager.stop()
        after = [path.lstat().st_ino for path in (manager.socket, manager.admin_socket)]
        assert after == before and stat.S_IMODE(manager.socket.stat().st_mode) == 0o640


@pytest.mark.parametrize("names", ["", "cofferd.socket:cofferd.socket", "runner:unknown"])
def test_sockets_without_names_are_known_by_their_paths(names):
    with Manager(names=names) as manager:
        assert manager.admin("Status").server
        with Wire(manager.socket) as wire:
            assert wire.code("Status") == "PERMISSION_DENIED"


def test_a_name_counts_more_than_a_path():
    with Manager(names="admin:runner") as manager:
        with Wire(manager.socket) as wire:
            assert wire.ask("Status").server
        manager.stop()


def test_a_socket_that_is_not_passed_on_is_made():
    with Manager(kinds=("runner",), names="runner") as manager:
        assert manager.admin("Status").server
        manager.stop()
        assert manager.socket.exists() and not manager.admin_socket.exists()


def test_sockets_for_another_process_are_not_touched(folder):
    """A parent that was activated and did not clean its environment: its numbers mean nothing here."""
    manager = Manager()
    try:
        manager.pid_told = os.getpid()
        (manager.folder / "runner.sock").unlink()
        (manager.folder / "admin.sock").unlink()
        manager.init()
        manager.start()
        assert manager.admin("Status").server
        manager.stop()
        assert not manager.socket.exists()
    finally:
        manager.__exit__()


@pytest.mark.parametrize("kinds, names, why", [
    (("datagram", "admin"), "runner:admin", "not a listening Unix stream socket"),
    (("silent", "admin"), "runner:admin", "not a listening Unix stream socket"),
    (("tcp", "admin"), "runner:admin", "not a listening Unix stream socket"),
    (("runner", "admin", "third"), "runner:admin:third", "descriptor 5"),
    (("runner", "admin", "third"), "runner:admin:runner", "descriptor 5"),
])
def test_what_is_no_socket_of_ours_is_refused(kinds, names, why):
    """Whoever connected there would wait for ever."""
    manager = Manager(kinds=kinds, names=names)
    try:
        assert why in manager.refused()
    finally:
        manager.__exit__()


@pytest.mark.parametrize("count, why", [(0, "LISTEN_FDS"), (9, "LISTEN_FDS"), ("x", "LISTEN_FDS"),
                                        (3, "descriptor 5 is not open")])
def test_a_wrong_count_is_refused(count, why):
    """Attack: a number that is free would be the database's next, and be listened on."""
    manager = Manager()
    try:
        manager.count = count
        assert why in manager.refused()
    finally:
        manager.__exit__()


def test_the_manager_is_told_of_every_change():
    """sd_notify: ready, a reload's beginning and end, and the stop."""
    with Manager() as manager:
        assert manager.told()["READY"] == "1"
        manager.process.send_signal(signal.SIGHUP)
        began = manager.told()
        assert began["RELOADING"] == "1"
        assert 0 < int(began["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert manager.told()["READY"] == "1"
        manager.stop()
        assert manager.told()["STOPPING"] == "1"


def test_a_reload_that_fails_ends_for_the_manager_too():
    with Manager() as manager:
        (manager.home / "coffer.conf").write_text("versions_kept = many\n")
        manager.told()
        manager.process.send_signal(signal.SIGHUP)
        assert manager.told()["RELOADING"] == "1"
        assert manager.told()["READY"] == "1"
        eventually(lambda: b"the settings are as they were" in manager.log, "the failure is logged")
        (manager.home / "coffer.conf").unlink()


# --- a restart under load -------------------------------------------------------------------------


class Load:
    """Clients in threads. Whatever a client may not see is an exception, which fails the test."""

    def __init__(self, manager, run):
        self.manager = manager
        self.run = run
        self.ending = threading.Event()
        self.failures = []
        self.counts = []
        self.cut = 0
        self.threads = []
        self.acknowledged = 0
        self.attempted = 0

    def start(self, client):
        number = len(self.counts)
        self.counts.append(0)

        def body():
            try:
                while not self.ending.is_set():
                    with Wire(self.manager.admin_socket if client == self.write
                              else self.manager.socket) as wire:
                        client(wire, number)
            except BaseException as error:  # a refused connect, a wrong or half a reply
                self.failures.append(error)
        self.threads.append(threading.Thread(target=body))
        self.threads[-1].start()

    def ask(self, wire, method, **fields):
        """The reply, or None where the connection ended instead; a request was then not answered."""
        try:
            wire.send(wire.frame(method, **fields))
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was answered before is still to be read
        reply = wire.recv()
        if reply is None:
            self.cut += 1
            return None
        assert reply.id == wire.last_id
        return wire.result(method, reply)

    def greet(self, wire):
        return self.ask(wire, "Hello", protocol=1, client="test", token=self.run.token)

    def come_and_go(self, wire, number):
        if self.greet(wire) is None:
            return
        got = self.ask(wire, "GetSecret", name="NAME")
        if got is not None:
            assert got.value == b"value"
            self.counts[number] += 1

    def stay(self, wire, number):
        if self.greet(wire) is None:
            return
        while not self.ending.is_set():
            got = self.ask(wire, "GetSecret", name="NAME")
            if got is None:
                return
            assert got.value == b"value"
            self.counts[number] += 1

    def pipeline(self, wire, number):
        """Many at once: the replies are those of the first ones, whole and in order."""
        if self.greet(wire) is None:
            return
        first = wire.last_id + 1
        frames = b"".join(wire.frame("GetSecret", name="NAME") for _ in range(20))
        try:
            wire.send(frames)
        except (BrokenPipeError, ConnectionResetError):
            pass
        for expected in range(first, wire.last_id + 1):
            if (reply := wire.recv()) is None:
                self.cut += 1
                return
            assert reply.id == expected
            assert wire.result("GetSecret", reply).value == b"value"
        self.counts[number] += 1

    def write(self, wire, number):
        """What was acknowledged is there; what was not may be."""
        while not self.ending.is_set():
            seen = self.ask(wire, "RevealSecret", scope="global", name="COUNT")
            if seen is None:
                return
            assert self.acknowledged <= int(seen.value) <= self.attempted
            self.attempted += 1
            done = self.ask(wire, "PutSecret", scope="global",
                            writes=[{"name": "COUNT", "value": b"%d" % self.attempted}])
            if done is None:
                return
            self.acknowledged = self.attempted
            self.counts[number] += 1

    def progress(self):
        """Waits until every client has been served several times more."""
        before = list(self.counts)
        eventually(lambda: self.failures or all(now >= then + 5 for now, then
                                                in zip(self.counts, before)), "all are served")
        assert not self.failures, self.failures

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(DEADLINE)


def test_a_restart_under_load_refuses_no_client():
    """Sockets that are passed on: whoever connects meanwhile waits for the next daemon; no reply is
    wrong or half, no acknowledged write lost."""
    with Manager() as manager:
        manager.put("NAME", b"value")
        manager.put("COUNT", b"0")
        load = Load(manager, manager.create())
        for client in (load.come_and_go, load.come_and_go, load.come_and_go, load.stay, load.stay,
                       load.pipeline, load.write):
            load.start(client)
        try:
            for _ in range(6):
                load.progress()
                manager.stop()
                manager.start()
            load.progress()
        finally:
            load.end()
        assert not load.failures, load.failures
        assert load.cut > 0, "no restart met a client"
        seen = manager.admin("RevealSecret", scope="global", name="COUNT").value
        assert int(seen) >= load.acknowledged > 0
        assert manager.verify_audit().problem == ""
        manager.stop()


def test_whoever_asked_before_the_stop_is_answered():
    """On open connections by the daemon that ends, on new ones by it or by the next: while it stands
    still, all come in at once, and then the signal."""
    with Manager() as manager:
        manager.put("NAME", b"value")
        run = manager.create()
        inside = [manager.runner(run) for _ in range(20)]
        manager._wires = []  # they are not to be closed when it has ended
        manager.process.send_signal(signal.SIGSTOP)
        outside = [Wire(manager.socket) for _ in range(60)]
        for wire in inside:
            wire.send(wire.frame("GetSecret", name="NAME"))
        for wire in outside:
            wire.send(wire.frame("Hello", protocol=1, client="test", token=run.token)
                      + wire.frame("GetSecret", name="NAME"))
        manager.terminate()
        manager.process.send_signal(signal.SIGCONT)
        assert manager.wait() == 0
        manager.start()
        for wire in outside:
            assert wire.recv().code == pb.OK
        for wire in inside + outside:
            assert wire.result("GetSecret", wire.recv()).value == b"value"
            wire.close()
        manager.stop()


# --- the units ------------------------------------------------------------------------------------


@pytest.fixture
def units(folder):
    """The units as they are installed, for this daemon."""
    source = ROOT / "server" / "systemd"
    service = (source / "cofferd.service.in").read_text()
    (folder / "cofferd.service").write_text(
        service.replace("@CMAKE_INSTALL_FULL_SBINDIR@/cofferd", os.environ["COFFERD"]))
    for name in ("cofferd.socket", "cofferd-admin.socket"):
        shutil.copy(source / name, folder)
    return folder


def test_the_units_say_nothing_that_systemd_does_not_know(units):
    names = ("cofferd.service", "cofferd.socket", "cofferd-admin.socket")
    assert run("systemd-analyze", "verify", "--man=no", *(units / name for name in names)) == ""


def test_the_service_is_hardened(units):
    """By systemd's own count, from 0 to 10."""
    said = run("systemd-analyze", "security", "--offline=true", units / "cofferd.service")
    score = float(re.search(r"exposure level for cofferd.service: ([\d.]+)", said)[1])
    assert score <= 0.5, said


def test_the_service_keeps_the_peers_credentials(units):
    """With users of its own every peer would be nobody."""
    service = (units / "cofferd.service").read_text()
    assert not re.search(r"^\s*PrivateUsers\s*=\s*(yes|true|1)", service, re.M)


@pytest.mark.skipif(is_sanitized(), reason="sanitizers make calls of their own, and one check of "
                    "theirs cannot be traced; the unit is for the release, which is tested")
def test_the_services_filter_lets_the_daemon_start_and_confine_itself(units, folder):
    """Every system call of a whole life is among those that the unit allows."""
    allowed = calls_of((units / "cofferd.service").read_text())
    trace = folder / "trace"
    wrapper = folder / "traced"
    wrapper.write_text(f'#!/bin/sh\nexec strace -f -qq -e signal=none -o "{trace}" '
                       f'"{os.environ["COFFERD"]}" "$@"\n')
    wrapper.chmod(0o755)
    folder.chmod(0o777)
    with Daemon() as daemon:
        daemon.stop()
        daemon.give_to(UID)  # the superuser makes more: SQLite gives a file the owner of another
        daemon._spawn("--home", daemon.home, executable=wrapper)
        daemon.wait_ready()
        daemon.put("NAME", b"value")
        wire = daemon.runner(daemon.create())
        assert wire.ask("GetSecret", name="NAME").value == b"value"
        pid = int(trace.read_text().split()[0])
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: b"are read again" in daemon.log, "the settings are read")
        os.kill(pid, signal.SIGTERM)
        assert daemon.wait() == 0
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M)) - {"execve"}
    assert "landlock_restrict_self" in used and "seccomp" in used
    assert used <= allowed, used - allowed


def test_the_user_of_the_units_is_made(folder):
    said = run("systemd-sysusers", "--dry-run", ROOT / "server" / "systemd" / "coffer.sysusers")
    assert "coffer" in said


def test_the_folders_of_the_units_are_made(folder):
    """With names for the uids of the test, as the user itself is not made."""
    source = (ROOT / "server" / "systemd" / "coffer.tmpfiles").read_text()
    own = folder / "coffer.conf"
    own.write_text(source.replace("coffer coffer", "- -"))
    run("systemd-tmpfiles", f"--root={folder}", "--create", own)
    for path in ("var/lib/coffer", "run/coffer"):
        assert stat.S_IMODE(Path(folder, path).stat().st_mode) == 0o711
