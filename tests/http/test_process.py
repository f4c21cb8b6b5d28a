"""The process: its settings, its end, its service manager, and what it leaves in memory and logs."""

import contextlib
import fcntl
import os
import re
import resource
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from coffer_test import DEADLINE, NOBODY, ROOT, Shim, eventually, is_sanitized, memory_of, needles_of, sentinel
from talk import ask, begin, connect, exchange, finish, make_world, statuses, world_fixture  # noqa: F401


def run(*arguments, **environ):
    return subprocess.run([os.environ["COFFER_HTTP"], *map(str, arguments)], stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, text=True, timeout=DEADLINE,
                          env={"PATH": os.environ["PATH"], **environ})


def test_a_setting_is_a_flag_a_variable_and_a_key_of_the_file(world):
    """J1: a flag beats a variable, a variable the file."""
    for in_file, in_environment, in_flag, wanted in (
        ("one", None, None, "one"), ("one", "two", None, "two"), ("one", "two", "three", "three"),
        (None, "two", None, "two"), (None, None, None, None),
    ):
        flags = ["--allow-host", in_flag] if in_flag else []
        environ = {"COFFER_HTTP_ALLOW_HOST": in_environment} if in_environment else {}
        shim = Shim(world.daemon.socket, *flags, environ=environ)
        (shim.folder / "settings").write_text(f"# names\nallow_host = {in_file}\n" if in_file else "")
        with shim:
            found = [name for name in ("one", "two", "three") if ask(shim, "/healthz", Host=name).status == 200]
            assert found == ([wanted] if wanted else [])


def test_names_of_several_lines_and_flags_add_up(world):
    """The last line was the only one."""
    for flags, text, wanted in (([], "allow_host = one\nallow_host = two\n", {"one", "two"}),
                                (["--allow-host", "three", "--allow-host", "four"], "allow_host = one\n",
                                 {"three", "four"})):
        shim = Shim(world.daemon.socket, *flags)
        (shim.folder / "settings").write_text(text)
        with shim:
            assert {name for name in ("one", "two", "three", "four")
                    if ask(shim, "/healthz", Host=name).status == 200} == wanted


def test_the_socket_is_also_taken_from_the_common_variable(world):
    """J1: where no setting names one."""
    shim = Shim("unused", environ={"COFFER_SOCKET": str(world.daemon.socket)})
    shim.options = shim.options[2:]
    with shim:
        assert ask(shim, "/api/run/secrets/A", world.run.token).status == 200


@pytest.mark.parametrize("arguments, words", [
    (["--max-calls", "0"], "--max-calls: takes a number from 1 to 1000"),
    (["--max-calls", "8x"], "--max-calls: takes a number from 1 to 1000"),
    (["--log-level", "loud"], "--log-level: is one of error, warn, info and debug"),
    (["--tls-client-ca", ""], "--tls-client-ca: is empty"),
    (["--config", "/nowhere/x"], "cannot read /nowhere/x: No such file or directory"),
    (["--config", "/"], "cannot read /: Is a directory"),
    (["--allow-host", "https://ci.example.org"], "--allow-host: is names, with spaces between them"),
    (["--allow-host", "*"], "--allow-host: is names, with spaces between them"),
    (["--socket", "/" + "x" * 108], "--socket: is longer than 107 bytes"),
    (["--admin-socket", "/" + "x" * 108], "--admin-socket: is longer than 107 bytes"),
    (["--nothing"], "unrecognized option '--nothing'"),
    (["extra"], "unexpected argument 'extra'"),
])
def test_a_wrong_setting_is_named(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and words in done.stderr


def test_a_wrong_file_or_variable_is_named(folder):
    for text, words in (("nothing = 1\n", "settings file: unknown setting 'nothing'"),
                        ("max_calls = no\n", "settings file: max-calls: takes a number from 1 to 1000"),
                        ("[part]\nmax_calls = 1\n", "settings file: unknown setting 'max_calls'"),
                        ("allow_plain = maybe\n", "settings file: allow-plain: is yes or no"),
                        ("\nallow_host = " + "x " * 100, "line 2: is no text of at most 198 bytes")):
        (folder / "settings").write_text(text)
        done = run("--config", folder / "settings")
        assert done.returncode == 2 and words in done.stderr
    done = run(COFFER_HTTP_MAX_CALLS="x")
    assert done.returncode == 2 and "environment: max-calls: takes a number" in done.stderr


@pytest.mark.parametrize("listen", ["8200", "localhost:8200", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:8200",
                                    "[::1]", "[::1:8200", ":8200", "127.0.0.1:65536", "[]:1", ""])
def test_an_address_is_a_number_and_a_port(listen):
    done = run("--config", "/dev/null", "--listen", listen)
    assert done.returncode in (1, 2) and "listen" in done.stderr


def test_an_address_in_use_is_told(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("--config", "/dev/null", "--listen", address)
        assert done.returncode == 1 and f"cannot listen on {address}: Address already in use" in done.stderr


def test_version_and_help_tell_and_end():
    assert re.fullmatch(r"coffer-http \d+\.\d+\.\d+\n", run("--version").stdout)
    text = run("--help")
    assert text.returncode == 0 and "--tls-client-ca FILE" in text.stdout


def test_every_flag_is_in_the_man_page_and_no_other():
    page = (ROOT / "docs/man/coffer-http.8.scd").read_text().replace("\\", "").replace("*", "")
    flags = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    own = set(flags.findall(run("--help").stdout)) | {"--help", "--version"}
    assert own == set(flags.findall(page))
    assert {f"COFFER_HTTP_{flag[2:].upper().replace('-', '_')}" for flag in own - {"--help", "--version"}} \
        == set(re.findall(r"COFFER_HTTP_[A-Z_]+", page))


def test_a_stop_answers_what_has_arrived():
    """SIGTERM: a request that waits for the daemon gets its reply, and who asks nothing is let go."""
    with make_world("--daemon-timeout", "60000") as world:
        idle = begin(world.shim, b"")
        world.daemon.process.send_signal(signal.SIGSTOP)
        try:
            waiting = begin(world.shim, world.head())
            eventually(lambda: b"coffer_http_requests 2\n" in ask(world.shim, "/metrics").body, "it waits")
            world.shim.process.send_signal(signal.SIGTERM)
            assert finish(idle) == b""
        finally:
            world.daemon.process.send_signal(signal.SIGCONT)
        received = finish(waiting)
        assert statuses(received) == [200] and received.endswith(b'{"value":"value"}')
        assert b"\r\nConnection: close\r\n" in received
        assert world.shim.wait() == 0
        world.shim.launch()
        world.shim.wait_ready()
        assert ask(world.shim, "/healthz").status == 200


def test_a_hangup_ends_nothing():
    """SIGHUP, which makes cofferd read its settings anew, ended it in the middle of replies."""
    with make_world() as world, contextlib.closing(connect(world.shim)) as connection:
        assert exchange(connection, "/api/run/secrets/A", world.run.token).status == 200
        world.shim.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"warning: settings and certificates are read at the start" in world.shim.log, "it is told")
        assert exchange(connection, "/api/run/secrets/A", world.run.token).status == 200


def test_descriptors_are_enough_for_all_connections_or_it_says_so(world):
    """Without one left it turned in circles, and answered nobody."""
    def limit(soft, hard):
        return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))}
    shim = Shim(world.daemon.socket, "--max-connections", "300", "--max-calls", "10")
    try:
        shim.launch(**limit(100, 400))
        shim.wait_ready()
        assert "Max open files            400 " in Path(f"/proc/{shim.pid}/limits").read_text()
        shim.stop()
        shim.launch(**limit(100, 300))
        assert shim.wait() == 1 and b"error: --max-connections and --max-calls need " in shim.log
    finally:
        shim.__exit__()


def test_a_stop_waits_for_no_daemon_that_is_silent():
    """What it could not answer until then is given up."""
    with make_world("--daemon-timeout", "3600000", "--reply-timeout", "2500") as world:
        world.daemon.process.send_signal(signal.SIGSTOP)
        try:
            waiting = begin(world.shim, world.head())
            eventually(lambda: b"coffer_http_requests 2\n" in ask(world.shim, "/metrics").body, "it waits")
            world.shim.stop()
            assert finish(waiting) == b"" and b"are given up" in world.shim.log
        finally:
            world.daemon.process.send_signal(signal.SIGCONT)
        world.shim.launch()
        world.shim.wait_ready()


def launch_by_manager(shim, sockets, count=None, pid="$$"):
    """Starts it with those sockets, as a service manager does: a shell alone can know the pid to come."""
    passed = [fcntl.fcntl(held, fcntl.F_DUPFD, 20) for held in sockets]
    moves = " ".join(f"{3 + number}<&{fd} {fd}<&-" for number, fd in enumerate(passed))
    script = shim.folder / "manager"
    script.write_text(f"#!/bin/bash\nexport LISTEN_PID={pid} LISTEN_FDS={count or len(passed)}\n"
                      f'exec "{os.environ["COFFER_HTTP"]}" "$@" {moves}\n')
    script.chmod(0o700)
    shim.launch(executable=script, pass_fds=passed)
    for fd in passed:
        os.close(fd)


def test_a_service_manager_passes_the_socket_and_is_told(world, folder):
    """Who connects while none runs is answered by the next one."""
    with socket.create_server(("127.0.0.1", 0)) as held, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(folder / "notify"))
        notices.settimeout(DEADLINE)
        shim = Shim(world.daemon.socket, environ={"NOTIFY_SOCKET": str(folder / "notify")})
        try:
            for _ in range(2):
                with socket.create_connection(held.getsockname(), timeout=DEADLINE) as early:
                    early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    launch_by_manager(shim, [held])
                    shim.wait_ready()
                    assert shim.port == held.getsockname()[1]
                    assert statuses(finish(early.dup())) == [200]
                assert b"READY=1" in notices.recv(4096)
                shim.stop()
                assert b"STOPPING=1" in notices.recv(4096)
        finally:
            shim.__exit__()


def test_what_is_passed_must_be_one_socket_that_listens(world, folder):
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as second, \
            socket.socket() as silent, socket.socket(socket.AF_UNIX) as local, \
            socket.create_server(("0.0.0.0", 0)) as everywhere:
        local.bind(str(folder / "local"))
        local.listen()
        for sockets, count, words in (([held, second], 2, "LISTEN_FDS is not 1"),
                                      ([silent], 1, "is not a listening TCP socket"),
                                      ([local], 1, "is not a listening TCP socket"),
                                      ([everywhere], 1, "could be read on the way")):
            shim = Shim(world.daemon.socket)
            try:
                launch_by_manager(shim, sockets, count)
                assert shim.wait() == 1 and words in shim.log.decode()
            finally:
                shim.__exit__()
        shim = Shim(world.daemon.socket)
        try:  # these are for somebody else
            launch_by_manager(shim, [held], pid=os.getpid())
            shim.wait_ready()
            assert shim.port != held.getsockname()[1]
        finally:
            shim.__exit__()


def test_the_environment_of_its_parent_gives_no_authority(world):
    """What libcoffer would take for a caller that has none, or instead of the caller's own."""
    other = world.daemon.create(pipeline="parent")
    environ = {"COFFER_TOKEN": other.token, "COFFER_RUN_ID": other.run_id, "COFFER_TRANSPORT": "filesystem",
               "SECRETS_API_TOKEN": other.token, "SECRETS_API_URL": "unix:///nowhere"}
    with Shim(world.daemon.socket, environ=environ) as shim:
        assert ask(shim, "/api/run/secrets/A").status == 401
        assert ask(shim, "/api/run/secrets/A", world.run.token).json == {"value": "value"}


@contextlib.contextmanager
def told(tls, value):
    """A world in which the value has been told in each way there is, and refused, to that token."""
    with make_world("--log-level", "debug", tls=tls) as world:
        world.daemon.put("S", value)
        world.daemon.put("B", value + b"\xff")
        run_ = world.daemon.create(pipeline="told", git_dir=f"/{value.decode()}")
        connection = connect(world.shim)
        for path in ("/api/run/secrets/S", "/api/run/secrets/B", "/api/env", "/api/run/bootstrap",
                     "/api/run/secrets/NOPE", "/nowhere", f"/api/run/secrets/{run_.token}"):
            exchange(connection, path, run_.token)
        yield world, run_.token, connection
        connection.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_nothing_of_it_is_in_a_log(tls):
    value = sentinel().encode()
    with told(tls, value) as (world, token, connection):
        connection.request("GET", "/api/env", headers={"Authorization": f"Bearer {token}", "Host": "evil"})
        connection.getresponse().read()
        connection.close()
        if not tls:
            for line in (b"X\0: y", b"nocolon", b"Content-Length: " + token.encode(), b"X: " + b"a" * 99999):
                finish(begin(world.shim, world.head(line).replace(world.run.token.encode(), token.encode())))
        world.shim.stop()
        assert b"debug: " in world.shim.log and b"/api/run/secrets/{name} 200" in world.shim.log
        for needle in (*needles_of(value), *needles_of(token)):
            assert needle not in world.shim.log and needle not in world.daemon.log
        world.shim.launch()
        world.shim.wait_ready()


@pytest.mark.skipif(is_sanitized(), reason="the sanitizer keeps what was freed as it was")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_nothing_of_it_is_left_in_memory(tls):
    """Also while the connection stays open: the values are gone with the replies, the token with the request."""
    value = sentinel(2000).encode()
    with told(tls, value) as (world, token, _):
        needles = [*needles_of(value[:32]), *needles_of(value[-32:]), *needles_of(token)]

        def places():
            return [where for where, data in memory_of(world.shim.pid) if any(n in data for n in needles)]
        eventually(lambda: not places(), "all is forgotten")


@pytest.mark.skipif(is_sanitized(), reason="the leak sanitizer must be able to trace")
def test_others_of_its_uid_cannot_look_into_it(world):
    """What is not dumpable belongs to root in /proc, whoever runs it."""
    shim = Shim(world.daemon.socket)
    shim.folder.chmod(0o755)
    try:
        shim.launch(user=NOBODY, group=NOBODY, extra_groups=[])
        shim.wait_ready()
        proc = Path(f"/proc/{shim.pid}")
        assert (proc / "environ").stat().st_uid == 0
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        assert status["Uid"].split()[1] == str(NOBODY) and status["NoNewPrivs"] == "1"
        assert re.search(r"Max core file size +0 +0 ", (proc / "limits").read_text())
    finally:
        shim.__exit__()


def test_it_holds_no_more_descriptors_after_many_requests(world):
    def count():
        return len(os.listdir(f"/proc/{world.shim.pid}/fd"))
    ask(world.shim, "/api/env", world.run.token)
    before = count()
    threads = [threading.Thread(target=lambda: [ask(world.shim, "/api/env", world.run.token) for _ in range(10)])
               for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: count() <= before, "they are closed")
