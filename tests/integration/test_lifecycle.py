"""Start, stop, and what stands in the way of either."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import stat
from pathlib import Path

import pytest
from coffer_test import NOBODY, Daemon, Ephemeral, Wire, eventually, run_as


def start_fails(daemon):
    """The words with which a start is refused."""
    done = daemon.run("--home", daemon.home)
    assert done.returncode == 1, (done.returncode, done.stderr)
    return done.stderr


def test_a_second_daemon_on_the_same_home_is_refused_and_told_who_has_it(daemon):
    """SQLite: a clear "in use by pid N"; the first one goes on, with its sockets."""
    daemon.put("NAME", b"value")
    for _ in range(3):
        assert str(daemon.pid) in start_fails(daemon)
        assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"
    daemon.runner(daemon.create())


def test_init_of_a_home_in_use_is_refused(daemon):
    """G5"""
    done = daemon.run("--init", "--home", daemon.home)
    assert done.returncode == 1 and done.stderr
    assert daemon.admin("Status").server


def test_a_home_that_is_none_is_refused_with_words():
    """J5"""
    daemon = Daemon()
    try:
        assert str(daemon.home) in start_fails(daemon)
        daemon.home.mkdir(0o700)
        assert str(daemon.home) in start_fails(daemon)
    finally:
        daemon.__exit__()


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["extra"], ["--home"], [],
                                       ["--home", "/x", "--audit-sync", "sometimes"]])
def test_a_malformed_command_line_is_refused_with_words(daemon, arguments):
    """J5"""
    done = daemon.run(*arguments)
    assert done.returncode in (1, 2) and done.stderr and not done.stdout
    wrong = [argument for argument in arguments if argument in done.stderr]
    assert wrong or not arguments, done.stderr


def test_help_and_version_go_to_stdout(daemon):
    """J5"""
    for option, text in (("--help", "--home"), ("--version", "cofferd")):
        done = daemon.run(option)
        assert done.returncode == 0 and text in done.stdout and not done.stderr


def test_stale_sockets_after_kill_9_are_replaced(daemon):
    """Lifecycle"""
    daemon.kill()
    assert daemon.socket.exists() and daemon.admin_socket.exists()
    daemon.start()
    assert daemon.admin("Status").server
    daemon.runner(daemon.create())


def test_the_sockets_are_gone_after_a_clean_stop(daemon):
    """Lifecycle"""
    daemon.stop()
    assert not daemon.socket.exists() and not daemon.admin_socket.exists()
    daemon.start()


def test_sockets_and_folders_have_narrow_modes(daemon):
    """Protocol: admin.sock 0600 in a folder that nobody else may write."""
    assert stat.S_IMODE(daemon.admin_socket.stat().st_mode) == 0o600
    assert stat.S_IMODE((daemon.home / "run").stat().st_mode) & 0o022 == 0
    assert stat.S_IMODE(daemon.home.stat().st_mode) & 0o022 == 0


@pytest.mark.parametrize("which", ["coffer.sock", "admin.sock"])
@pytest.mark.parametrize("kind", [
    "symlink to a file", "symlink to a socket", "dangling symlink", "file", "folder"])
def test_what_stands_in_a_sockets_place_is_never_followed(daemon, which, kind):
    """Attack: socket path symlink. Refused, or replaced: the victim is untouched either way."""
    daemon.stop()
    victim, path = daemon.folder / "victim", daemon.home / "run" / which
    listener = None
    if kind == "symlink to a socket":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(victim))
        listener.listen()
    elif kind != "dangling symlink":
        victim.write_text("untouched")
    if "symlink" in kind:
        path.symlink_to(victim)
    elif kind == "file":
        path.write_text("untouched")
    else:
        path.mkdir()
        (path / "inside").write_text("untouched")
    before = victim.lstat().st_ino if victim.exists() else None
    daemon.launch()
    eventually(lambda: daemon._settled.is_set(), "it starts or ends")
    if daemon._is_ready:
        assert kind != "folder"
        assert stat.S_ISSOCK(path.lstat().st_mode)
        assert daemon.admin("Status").server
    else:
        assert daemon.wait() == 1
        assert which in daemon.log.decode()
        assert path.is_symlink() or (path / "inside").exists() or path.read_text() == "untouched"
    assert (victim.lstat().st_ino if victim.exists() else None) == before
    if victim.is_file():
        assert victim.read_text() == "untouched"
    if listener is not None:
        listener.close()


@pytest.mark.parametrize("kind", [
    "writable by all", "writable by a group", "of another uid", "a symlink", "a file"])
def test_a_hostile_folder_for_the_sockets_is_refused(daemon, kind):
    """Attack: hostile parent: who can write the folder can put a socket of their own there."""
    daemon.stop()
    run = daemon.home / "run"
    if kind == "writable by all":
        run.chmod(0o777)
    elif kind == "writable by a group":
        run.chmod(0o770)
        os.chown(run, -1, NOBODY)
    elif kind == "of another uid":
        os.chown(run, NOBODY, NOBODY)
    elif kind == "a symlink":
        run.rename(daemon.folder / "elsewhere")
        run.symlink_to(daemon.folder / "elsewhere")
    else:
        shutil.rmtree(run)
        run.write_text("")
    assert "run" in start_fails(daemon)


@pytest.mark.parametrize("mode", [0o777, 0o770 | 0o007])
def test_a_home_that_others_can_write_is_refused(daemon, mode):
    """Attack: hostile parent"""
    daemon.stop()
    daemon.home.chmod(mode)
    assert str(daemon.home) in start_fails(daemon)
    daemon.home.chmod(0o700)
    daemon.start()


def test_sigterm_lets_replies_finish_and_exits_0(daemon):
    """Limits: stop accepting, drain, exit 0. What is answered is answered whole and in order."""
    daemon.put("BIG", b"b" * 60000)
    wire = daemon.runner(daemon.create())
    first = wire.last_id + 1
    wire.send(b"".join(wire.frame("GetSecret", name="BIG") for _ in range(300)))
    assert wire.recv().id == first
    daemon.terminate()
    number = first
    while (reply := wire.recv()) is not None:
        number += 1
        assert reply.id == number
        assert wire.result("GetSecret", reply).value == b"b" * 60000
    assert number > first + 1, "nothing was drained"
    wire.close()
    assert daemon.wait() == 0


def test_sigterm_ends_a_daemon_whose_peers_never_read(daemon):
    """Limits: the drain has an end, and idle peers do not hold it up."""
    daemon.put("BIG", b"b" * 60000)
    run = daemon.create()
    idle = [daemon.runner(run) for _ in range(10)]
    stuck = daemon.runner(run)
    stuck.send(b"".join(stuck.frame("GetSecret", name="BIG") for _ in range(300)))
    daemon.operator().ask("Status")
    daemon.stop()
    assert all(wire.socket.fileno() == -1 for wire in idle)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_is_clean_and_quick_to_come_back_from(daemon, name):
    """Lifecycle: no log of SQLite's is left to recover."""
    daemon.put("NAME", b"value")
    daemon.process.send_signal(getattr(signal, name))
    assert daemon.wait() == 0
    assert not [path for path in daemon.files() if path.name.endswith(("-wal", "-journal"))]
    daemon.start()
    assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def test_signals_under_load_lose_nothing(daemon):
    """Attack: signals under load: SIGHUP, SIGPIPE, SIGUSR1 and SIGCHLD do not end or confuse it."""
    daemon.put("NAME", b"value")
    wire = daemon.runner(daemon.create())
    for number in range(300):
        daemon.process.send_signal((signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD,
                                    signal.SIGCONT)[number % 4])
        assert wire.ask("GetSecret", name="NAME").value == b"value"
    assert daemon.verify_audit().problem == ""


def test_nobody_connects_while_it_drains(daemon):
    """Limits: stop accepting."""
    daemon.put("BIG", b"b" * 60000)
    wire = daemon.runner(daemon.create())
    wire.send(b"".join(wire.frame("GetSecret", name="BIG") for _ in range(300)))
    wire.recv()
    daemon.terminate()

    def refused():
        try:
            with Wire(daemon.socket) as late:
                return late.closed_by_peer(deadline=0.05)
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError):
            return True
    eventually(refused, "new connections are refused")
    wire.drain()
    assert daemon.wait() == 0


DAEMON_UID = 12345


@pytest.fixture
def unprivileged():
    """A daemon that is not the superuser's, as it should be run."""
    daemon = Daemon()
    try:
        daemon.init()
        daemon.give_to(DAEMON_UID)
        daemon.start()
        yield daemon
        daemon.stop()
    finally:
        daemon.__exit__()


def test_a_daemon_of_another_uid_obeys_its_own_uid_and_root_alone(unprivileged):
    """A: the daemon's uid operates; a third one does not."""
    (own,) = unprivileged.peers(DAEMON_UID, path=unprivileged.admin_socket)
    assert own.code("Status") == "OK"
    (third,) = unprivileged.peers(DAEMON_UID + 1, path=unprivileged.admin_socket)
    assert third.code("Status") == "PERMISSION_DENIED"
    assert unprivileged.operator().code("Status") == "OK"


def test_a_job_of_the_daemons_own_uid_cannot_look_into_it(unprivileged):
    """Attack: same-uid snooping by /proc, ptrace and pidfd_getfd."""
    pid = unprivileged.pid
    libc = ctypes.CDLL(None, use_errno=True)

    def attach():
        assert libc.ptrace(16, pid, None, None) == 0, os.strerror(ctypes.get_errno())  # ATTACH

    def take_descriptor():
        taken = libc.syscall(438, os.pidfd_open(pid), 3, 0)  # pidfd_getfd
        assert taken >= 0, os.strerror(ctypes.get_errno())

    def list_descriptors():
        return os.listdir(f"/proc/{pid}/fd")
    attacks = [attach, take_descriptor, list_descriptors]
    for name in ("mem", "environ", "maps", "auxv"):
        attacks.append(lambda name=name: open(f"/proc/{pid}/{name}", "rb").read(1))
    for attack in attacks:
        answer = run_as(DAEMON_UID, attack)
        assert "not permitted" in answer or "denied" in answer, answer
    status = Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    limits = Path(f"/proc/{pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]


def test_memory_that_cannot_be_locked_is_refused_unless_swap_is_allowed(unprivileged):
    """Attack: mlock failure: no silent fall-back to memory that can be swapped out."""
    unprivileged.put("NAME", b"value")
    unprivileged.stop()
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, hard))
    try:
        unprivileged.launch()
        assert unprivileged.wait() == 1
        assert b"lock" in unprivileged.log and b"allow-swap" in unprivileged.log
        unprivileged.options = ["--allow-swap"]
        unprivileged.start()
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft, hard))
    assert unprivileged.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def test_an_ephemeral_daemon_leaves_no_file(ephemeral):
    """J3"""
    ephemeral.put("NAME", b"value")
    wire = ephemeral.wire()
    wire.hello(ephemeral.printed["COFFER_TOKEN"], run_id=ephemeral.printed["COFFER_RUN_ID"])
    assert wire.ask("GetSecret", name="NAME").value == b"value"
    assert not ephemeral.places_of([b"value"], memory=False)
    ephemeral.stop()
    assert not list(ephemeral.folder.iterdir()), list(ephemeral.folder.rglob("*"))


def test_ephemeral_daemons_do_not_meet():
    """J3: as many as tests want, side by side."""
    with Ephemeral() as one, Ephemeral() as two:
        assert one.socket != two.socket
        token = one.printed["COFFER_TOKEN"]
        assert two.wire().code("Hello", protocol=1, token=token) == "UNAUTHENTICATED"


def test_children_inherit_nothing(daemon):
    """Attack: descriptors leaked to a child: all are close-on-exec."""
    daemon.runner(daemon.create())
    for number in os.listdir(f"/proc/{daemon.pid}/fd"):
        if int(number) <= 2:
            continue
        flags = open(f"/proc/{daemon.pid}/fdinfo/{number}").read().split("flags:")[1].split()[0]
        assert int(flags, 8) & os.O_CLOEXEC, os.readlink(f"/proc/{daemon.pid}/fd/{number}")


def test_the_database_deleted_while_running_is_no_silent_loss(daemon):
    """Attack: database deleted while running: the daemon ends or refuses; it does not acknowledge
    into nowhere and then start as if nothing had been."""
    daemon.put("NAME", b"value")
    daemon.database().unlink()
    daemon.kill()
    assert start_fails(daemon)


def test_sighup_reads_the_settings_again(daemon):
    """J1: a changed settings file takes effect without a restart, and a broken one changes nothing."""
    settings = daemon.home / "coffer.conf"

    def kept():
        return len(daemon.admin("ListVersions", scope="global", name="NAME").versions)

    def reload(text, answer):
        settings.write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: answer.encode() in daemon.log, answer)

    for number in range(4):
        daemon.put("NAME", b"%d" % number)
    reload("versions_kept = 2\nvalue_max = 70000\n", "are read again; changed: versions_kept\n")
    assert b"need a restart, and are as they were: value_max\n" in daemon.log
    daemon.put("NAME", b"4")
    assert kept() == 2
    reload("versions_kept = many\n", "the settings are as they were")
    daemon.put("NAME", b"5")
    assert kept() == 2


def test_sighup_takes_over_the_settings_of_the_audit_log(daemon):
    """J1: the size of its files, for the one that is open too, and how many are kept."""
    def reload(text):
        (daemon.home / "coffer.conf").write_text(text)
        mark = len(daemon.log)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"are read again" in daemon.log[mark:], "the settings are read")
        return daemon.log[mark:]

    def fill():
        for _ in range(60):
            daemon.admin("ListRuns")
        return len(daemon.audit_files())

    assert fill() == 1
    log = reload("audit_file_max = 4096\naudit_keep = 3\naudit_rate = 1000\naudit_sync = always\n")
    assert b"changed: audit_sync, audit_file_max, audit_keep, audit_rate\n" in log
    assert fill() == 3
    assert b"changed: none\n" in reload((daemon.home / "coffer.conf").read_text())
    assert b"changed: audit_sync, audit_file_max, audit_keep, audit_rate\n" in reload("")
    assert daemon.verify_audit().problem == ""
    assert fill() == 3
