"""The daemon as it confines itself, looked at from outside; unit/test_sandbox.c tries what is forbidden."""

import os
import resource
import signal
import socket
from pathlib import Path

import pytest
from coffer_test import Daemon, Ephemeral, eventually, is_sanitized

# A build with the address sanitizer keeps the calls that its check for leaks needs.
FILTER = "0" if is_sanitized() else "2"
UID = 12347


def status(daemon, field):
    for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.split(":")[1].strip()
    raise AssertionError(f"no {field}")


def log_of(*options, code):
    """What a daemon says that does not start."""
    daemon = Daemon(*options)
    try:
        daemon.init()
        daemon.launch()
        assert daemon.wait() == code, daemon.log
        return daemon.log.decode()
    finally:
        daemon.__exit__()


def test_the_process_has_given_up_what_it_does_not_need(daemon):
    """The process: privileges, system calls, cores, and the mode of what it makes."""
    assert status(daemon, "NoNewPrivs") == "1"
    assert status(daemon, "Seccomp") == FILTER
    assert status(daemon, "Umask") == "0077"
    assert resource.prlimit(daemon.pid, resource.RLIMIT_CORE) == (0, 0)


@pytest.mark.parametrize("options, want", [(["--sandbox", "off"], "0"),
                                           (["--sandbox", "on"], FILTER),
                                           (["--sandbox", "require"], FILTER)])
def test_the_sandbox_is_a_setting(options, want):
    with Daemon(*options) as daemon:
        assert status(daemon, "Seccomp") == want
        assert b"sandbox" not in daemon.log, daemon.log
        assert daemon.put("NAME", b"value") == 1
        daemon.stop()


def test_source_folders_without_a_sandbox_are_refused():
    """Who names folders relies on them."""
    assert "source-dirs" in log_of("--sandbox", "off", "--source-dirs", "/etc", code=1)


def test_a_source_folder_that_is_missing_is_refused():
    assert "/nonexistent" in log_of("--source-dirs", "/nonexistent", code=1)


@pytest.mark.parametrize("named", [False, True])
def test_settings_are_read_again_where_sources_are_restricted(folder, named):
    """A file that took the place of the first is read too: editors and package managers write so."""
    with Daemon("--source-dirs", "/usr/share") as daemon:
        daemon.stop()
        settings = (folder if named else daemon.home) / "coffer.conf"
        settings.write_text("versions_kept = 3\n")
        if named:
            daemon.options += ["--config", settings]
        daemon.start()
        replacement = settings.with_suffix(".new")
        replacement.write_text("versions_kept = 2\n")
        replacement.rename(settings)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"are read again" in daemon.log, "the settings are read")
        for number in range(4):
            daemon.put("NAME", b"%d" % number)
        assert len(daemon.admin("ListVersions", scope="global", name="NAME").versions) == 2
        daemon.stop()


def test_a_link_out_of_the_home_leads_nowhere(folder):
    """Landlock is in force: what is read is not in a source folder, whatever the path says."""
    with Daemon("--source-dirs", "/usr/share") as daemon:
        outside = folder / "outside"
        outside.write_text("versions_kept = 1\n")
        (daemon.home / "coffer.conf").symlink_to(outside)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"the settings are as they were" in daemon.log, "the reload fails")
        assert b"Permission denied" in daemon.log


def test_all_that_it_opens_anew_it_still_can(folder):
    """The audit log's next file, older ones that go, the settings, and all of it at a clean end."""
    with Daemon("--audit-file-max", "4096", "--audit-keep", "2") as daemon:
        wire = daemon.runner(daemon.create())
        daemon.put("NAME", b"value")
        first = daemon.audit_files()[0]
        for _ in range(200):
            assert wire.ask("GetSecret", name="NAME").value == b"value"
        assert not first.exists() and 1 < len(daemon.audit_files()) <= 4
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"are read again" in daemon.log, "the settings are read")
        assert daemon.verify_audit().problem == ""
        daemon.stop()
        assert b"cannot" not in daemon.log and b"warning" not in daemon.log, daemon.log
        assert not [path for path in daemon.files() if path.name.endswith("-wal")]
        assert not daemon.socket.exists()


def test_sockets_elsewhere_are_removed_at_the_end(folder):
    sockets = [folder / "a.sock", folder / "b.sock"]
    with Daemon("--listen", sockets[0], "--listen-admin", sockets[1]) as daemon:
        assert all(path.is_socket() for path in sockets)
        daemon.stop()
        assert not any(path.exists() for path in sockets), daemon.log


def test_an_ephemeral_daemon_is_confined_and_still_leaves_nothing():
    with Ephemeral() as daemon:
        assert status(daemon, "Seccomp") == FILTER
        daemon.stop()
        assert not list(daemon.folder.iterdir())


def test_a_daemon_without_privileges_is_confined_the_same():
    """Landlock and seccomp need no privilege, only that no new ones can be had."""
    daemon = Daemon("--sandbox", "require")
    try:
        daemon.init()
        daemon.give_to(UID)
        daemon.start()
        assert status(daemon, "Seccomp") == FILTER
        assert status(daemon, "NoNewPrivs") == "1"
        daemon.put("NAME", b"value")
        daemon.stop()
    finally:
        daemon.__exit__()


def test_a_peer_can_send_no_descriptors(daemon):
    """Attack: SCM_RIGHTS flood: since Linux 6.16 the kernel refuses them, before it closes them."""
    refuses = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 16)
    before = daemon.descriptors()
    for wire in (daemon.wire(), daemon.operator()):
        if refuses:
            with pytest.raises(PermissionError):
                socket.send_fds(wire.socket, [b"\x01"], [0])
        else:
            socket.send_fds(wire.socket, [b"\x01"], [0])
        wire.close()
    daemon.admin("Status")
    eventually(lambda: daemon.descriptors() <= before, "nothing was kept")
