"""The disk: keys, ciphers, and a database that somebody else has written to."""

import os
import pty
import select
import signal
import sqlite3
import stat
import termios

import pytest
from coffer_test import CIPHERS, DEADLINE, Daemon, Ephemeral, Refused, is_sanitized, pb

ALGORITHMS = {"xchacha20-poly1305": 1, "aes-256-gcm": 2}


@pytest.fixture(params=CIPHERS)
def cipher(request):
    return request.param


@pytest.fixture
def sealed_daemon(cipher):
    with Daemon(init=["--cipher", cipher]) as daemon:
        yield daemon


def test_aes_is_to_be_had_exactly_where_the_processor_has_it():
    """G1: without hardware AES a clear refusal, and no store of another cipher instead."""
    daemon = Daemon()
    try:
        done = daemon.run("--init", "--home", daemon.home, "--cipher", "aes-256-gcm")
        assert done.returncode == (0 if "aes-256-gcm" in CIPHERS else 1)
        assert done.returncode == 0 or ("AES" in done.stderr and not daemon.home.exists())
    finally:
        daemon.__exit__()


def database(daemon):
    return sqlite3.connect(daemon.database(), isolation_level=None)


def tamper(daemon, statement, *parameters):
    """Changes rows behind the daemon's back, and starts it again."""
    daemon.stop()
    with database(daemon) as connection:
        changed = connection.execute(statement, parameters).rowcount
    connection.close()
    assert changed > 0, statement
    daemon.start()


def test_values_round_trip_under_each_cipher(sealed_daemon, cipher):
    """G1"""
    values = {f"NAME_{size}": os.urandom(size) for size in (0, 1, 15, 16, 17, 4096, 65536)}
    for name, value in values.items():
        sealed_daemon.put(name, value)
    assert sealed_daemon.admin("Status").cipher == cipher
    sealed_daemon.restart()
    wire = sealed_daemon.runner(sealed_daemon.create(extras=[{"key": "k", "value": "v"}]))
    for name, value in values.items():
        assert wire.ask("GetSecret", name=name).value == value
    assert wire.ask("Bootstrap").extras[0].value == "v"
    sealed_daemon.stop()
    with database(sealed_daemon) as connection:
        sealed = [row[0] for row in connection.execute("SELECT sealed FROM secret")]
    connection.close()
    assert {blob[1] for blob in sealed} == {ALGORITHMS[cipher]}
    assert len({blob[6:22] for blob in sealed}) == len(sealed), "a nonce was used twice"
    sealed_daemon.start()


def test_the_default_cipher_is_xchacha20(daemon):
    """G1"""
    assert daemon.admin("Status").cipher == "xchacha20-poly1305"


def test_an_unknown_cipher_is_refused_and_makes_no_store():
    """G1"""
    daemon = Daemon()
    try:
        done = daemon.run("--init", "--home", daemon.home, "--cipher", "rot13")
        assert done.returncode in (1, 2) and "cipher" in done.stderr
        assert not daemon.home.exists() or not daemon.files()
    finally:
        daemon.__exit__()


def test_init_makes_files_for_the_owner_alone_and_only_once(daemon):
    """G1: mode 0600 in a folder of 0700; a second init changes nothing."""
    daemon.put("NAME", b"value")
    assert stat.S_IMODE(daemon.home.stat().st_mode) & 0o077 in (0, 0o011)
    for path in daemon.files():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(daemon.admin_socket.stat().st_mode) & 0o077 == 0
    key = daemon.key_file().read_bytes()
    daemon.stop()
    done = daemon.run("--init", "--home", daemon.home)
    assert done.returncode == 1 and str(daemon.home) in done.stderr
    assert daemon.key_file().read_bytes() == key
    daemon.start()
    assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def refuses_to_start(daemon, *options, environ=None):
    """The daemon's own words for why it does not start."""
    daemon.environ.update(environ or {})
    done = daemon.run("--home", daemon.home, *options)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert done.stderr.strip() and "ready" not in done.stderr
    return done.stderr


def test_without_its_key_file_the_store_stays_shut(daemon):
    """G1: gone, cut, longer, or another store's."""
    daemon.put("NAME", b"value")
    daemon.stop()
    path = daemon.key_file()
    key = path.read_bytes()
    path.unlink()
    assert path.name in refuses_to_start(daemon)
    for wrong in (b"", key[:-1], key + b"x", bytes(len(key)), bytes([key[0] ^ 1]) + key[1:]):
        path.write_bytes(wrong)
        path.chmod(0o600)
        assert "key" in refuses_to_start(daemon)
    path.write_bytes(key)
    daemon.start()
    assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def test_a_key_file_that_others_can_read_is_refused(daemon):
    """G1: a key that has leaked is not used in silence."""
    daemon.stop()
    for mode in (0o640, 0o604, 0o666):
        daemon.key_file().chmod(mode)
        assert daemon.key_file().name in refuses_to_start(daemon)
    daemon.key_file().chmod(0o600)
    daemon.start()


@pytest.fixture
def passphrase_file(folder):
    path = folder / "passphrase"
    path.write_text("correct horse battery staple\n")
    path.chmod(0o600)
    return path


def test_a_passphrase_opens_the_store_and_no_other_does(passphrase_file, folder):
    """G1: a trailing newline does not count; nothing tells a near miss from a far one."""
    options = ("--passphrase-file", passphrase_file)
    with Daemon(*options, init=options) as daemon:
        daemon.put("NAME", b"value")
        daemon.restart()
        assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"
        daemon.stop()
        wrong = folder / "wrong"
        words = set()
        for text in ("correct horse battery stapl", "x", "correct horse battery staple\n\n!"):
            wrong.write_text(text)
            wrong.chmod(0o600)
            words.add(refuses_to_start(daemon, "--passphrase-file", wrong))
        assert len(words) == 1 and "passphrase" in words.pop()
        assert "passphrase" in refuses_to_start(daemon)
        wrong.write_text("")
        assert "passphrase" in refuses_to_start(daemon, "--passphrase-file", wrong)
        assert "nothing" in refuses_to_start(daemon, "--passphrase-file", folder / "nothing")
        wrong.write_text("correct horse battery staple")
        daemon.options = ["--passphrase-file", wrong]
        daemon.start()


class Terminal:
    """A cofferd of that home with a terminal of its own."""

    def __init__(self, home, environ):
        self.said = b""
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            cofferd = os.environ["COFFERD"]
            os.execve(cofferd, [cofferd, "--home", str(home)], environ)

    def wait_for(self, text):
        while text not in self.said:
            ready, _, _ = select.select([self.end], [], [], DEADLINE)
            assert ready, f"{text} not in {DEADLINE} s: {self.said}"
            self.said += os.read(self.end, 4096)

    def echoes(self):
        return bool(termios.tcgetattr(self.end)[3] & termios.ECHO)

    def finish(self, number):
        """Sends a signal; returns the wait status."""
        os.kill(self.pid, number)
        _, status = os.waitpid(self.pid, 0)
        return status


def test_a_passphrase_is_asked_for_on_the_terminal_without_echo(passphrase_file):
    """G1"""
    options = ("--passphrase-file", passphrase_file)
    with Daemon(*options, init=options) as daemon:
        daemon.stop()
        terminal = Terminal(daemon.home, daemon.clean_environ())
        terminal.wait_for(b"Passphrase: ")
        assert not terminal.echoes()
        os.write(terminal.end, passphrase_file.read_bytes().strip() + b"\n")
        terminal.wait_for(b"ready")
        assert terminal.echoes()
        assert terminal.finish(signal.SIGTERM) == 0
        assert passphrase_file.read_bytes().strip() not in terminal.said
        os.close(terminal.end)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_prompt_ends_the_daemon_and_gives_the_echo_back(passphrase_file, number):
    """G1"""
    options = ("--passphrase-file", passphrase_file)
    with Daemon(*options, init=options) as daemon:
        daemon.stop()
        terminal = Terminal(daemon.home, daemon.clean_environ())
        terminal.wait_for(b"Passphrase: ")
        assert os.WTERMSIG(terminal.finish(number)) == number
        assert terminal.echoes()
        os.close(terminal.end)


def test_a_passphrase_from_the_environment_works_and_is_erased_at_once(passphrase_file):
    """Security, keys: /proc/PID/environ and the memory do not hold it."""
    secret = passphrase_file.read_text().strip()
    with Daemon(init=["--passphrase-file", passphrase_file],
                environ={"COFFER_PASSPHRASE": secret}) as daemon:
        assert daemon.put("NAME", b"value") == 1
        # A sanitizer's runtime keeps a copy of the environment that nobody can erase.
        daemon.assert_forgotten(secret, memory=not is_sanitized())


@pytest.mark.parametrize("statement, parameters", [
    ("UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'B') WHERE name = 'A'",
     ()),
    ("UPDATE secret SET name = 'MOVED' WHERE name = 'A' AND version = 2", ()),
    ("UPDATE secret SET version = 9 WHERE name = 'A' AND version = 2", ()),
    ("UPDATE secret SET version = 9 WHERE name = 'A' AND version = 1", ()),
    ("UPDATE secret SET scope = 'pipeline/app' WHERE name = 'A' AND version = 2", ()),
    ("UPDATE secret SET flags = flags + 2 WHERE name = 'A' AND version = 2", ()),
    ("UPDATE secret SET flags = 0 WHERE name = 'GONE' AND version = 2", ()),
    ("UPDATE secret SET sealed = x'' WHERE name = 'A' AND version = 2", ()),
    ("UPDATE secret SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE name = 'A'", ()),
    ("UPDATE secret SET sealed = CAST(sealed || x'00' AS BLOB) WHERE name = 'A'", ()),
    ("UPDATE secret SET sealed = zeroblob(length(sealed)) WHERE name = 'A'", ()),
    ("UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'A' AND version = 1) "
     "WHERE name = 'A' AND version = 2", ()),
], ids=["swapped", "renamed", "re-versioned", "old one made new", "moved to another scope",
        "re-flagged", "tombstone made a value", "emptied", "cut", "lengthened", "zeroed",
        "rolled back"])
def test_a_record_that_was_tampered_with_does_not_open(sealed_daemon, statement, parameters):
    """Attack: a writer of the disk. Never a wrong value, always DATA_LOSS."""
    daemon = sealed_daemon
    for name in ("A", "B", "GONE"):
        daemon.put(name, b"first " + name.encode())
        if name != "GONE":
            daemon.put(name, b"second " + name.encode())
    daemon.admin("DeleteSecret", scope="global", name="GONE")
    tamper(daemon, statement, *parameters)
    name = "GONE" if "GONE" in statement else "MOVED" if "MOVED" in statement else "A"
    wire = daemon.runner(daemon.create())
    refused = wire.refused("GetSecret", name=name)
    assert refused.code == "DATA_LOSS" and name in refused.message
    assert wire.code("GetSecrets", names=[name]) == "DATA_LOSS"
    assert wire.code("GetEnvironment") == "DATA_LOSS"
    assert wire.ask("GetSecret", name="B").value == b"second B"
    scope = "pipeline/app" if "pipeline" in statement else "global"
    assert daemon.operator().code("RevealSecret", scope=scope, name=name) == "DATA_LOSS"


def test_a_record_of_one_store_does_not_open_in_another():
    """Attack: a writer of the disk who has a store of their own."""
    with Daemon() as one, Daemon() as two:
        for daemon in (one, two):
            daemon.put("NAME", b"value")
        one.stop()
        with database(one) as connection:
            ((sealed,),) = connection.execute("SELECT sealed FROM secret")
        connection.close()
        one.start()
        tamper(two, "UPDATE secret SET sealed = ?", sealed)
        assert two.operator().code("RevealSecret", scope="global", name="NAME") == "DATA_LOSS"


def test_no_flipped_bit_of_a_record_goes_unnoticed(sealed_daemon):
    """Attack: bit-rot, in every bit of version, algorithm, epoch, nonce, ciphertext and tag."""
    daemon = sealed_daemon
    daemon.put("PROBE", b"abc")
    daemon.stop()
    with database(daemon) as connection:
        ((probe,),) = connection.execute("SELECT sealed FROM secret")
    connection.close()
    daemon.start()
    bits = 8 * len(probe)
    names = [f"BIT_{bit}" for bit in range(bits)]
    with daemon.operator() as wire:
        for start in range(0, bits, 64):
            wire.ask("PutSecret", scope="global", writes=[
                {"name": name, "value": b"abc"} for name in names[start:start + 64]])
    daemon.stop()
    with database(daemon) as connection:
        for bit, name in enumerate(names):
            ((sealed,),) = connection.execute("SELECT sealed FROM secret WHERE name = ?", (name,))
            flipped = bytearray(sealed)
            flipped[bit // 8] ^= 1 << bit % 8
            connection.execute("UPDATE secret SET sealed = ? WHERE name = ?",
                               (bytes(flipped), name))
    connection.close()
    daemon.start()
    wire = daemon.runner(daemon.create())
    assert {name: wire.code("GetSecret", name=name) for name in names} == \
        dict.fromkeys(names, "DATA_LOSS")
    assert wire.ask("GetSecret", name="PROBE").value == b"abc"


@pytest.mark.parametrize("what", ["database", "write-ahead log"])
def test_no_flipped_bit_of_a_file_gives_a_wrong_value(daemon, what):
    """Attack: bit-rot anywhere in the file. Damaged, refused, or lost with a crash's last writes:
    yes. Another value under a version's number: never."""
    written = {}
    for number in range(40):
        name = f"NAME_{number % 8}"
        value = os.urandom(200)
        written[(name, daemon.put(name, value))] = value
    if what == "database":
        daemon.stop()
    else:
        daemon.kill()
    (path,) = [path for path in daemon.files()
               if path == daemon.database() if what == "database"] or \
              [path for path in daemon.files() if path.name.endswith("-wal")]
    kept = {path: path.read_bytes() for path in daemon.files()}
    size, served = len(kept[path]), 0
    for place in range(7, size, size // 60):
        damaged = bytearray(kept[path])
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        daemon.launch()
        daemon._settled.wait()
        if daemon._is_ready:
            served += check_values(daemon, written)
            daemon.kill()
        else:
            assert daemon.wait() == 1
        restore(daemon, kept)
    assert served > 0
    daemon.start()


def check_values(daemon, written):
    """Every value that can be read at all is the one that was written; how many could be read."""
    served = 0
    with daemon.operator() as wire:
        for (name, version), value in written.items():
            reply = wire.call("RevealSecret", scope="global", name=name, version=version)
            if reply.code == pb.OK:
                got = wire.result("RevealSecret", reply)
                assert (got.version, got.value) == (version, value)
                served += 1
            else:
                assert pb.Code.Name(reply.code) in ("NOT_FOUND", "DATA_LOSS"), reply
                if reply.code == pb.DATA_LOSS and not daemon.running():
                    break
    return served


def restore(daemon, kept):
    for path in daemon.files():
        if path not in kept:
            path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)


def test_bootstrap_data_moved_to_another_run_does_not_open(daemon):
    """B3"""
    runs = [daemon.create(ref=ref, extras=[{"key": "of", "value": ref}]) for ref in ("one", "two")]
    tamper(daemon, "UPDATE run SET payload = (SELECT payload FROM run WHERE id = ?) WHERE id = ?",
           runs[0].run_id, runs[1].run_id)
    assert daemon.runner(runs[1]).code("Bootstrap") == "DATA_LOSS"
    assert daemon.runner(runs[0]).ask("Bootstrap").extras[0].value == "one"


@pytest.mark.parametrize("column", ["epoch", "kind", "params", "nonce", "commitment", "wrapped"])
def test_an_edited_key_slot_does_not_open(daemon, column):
    """Attack: KDF parameters edited, wrapped key edited."""
    daemon.stop()
    with database(daemon) as connection:
        ((value,),) = connection.execute(f"SELECT {column} FROM slot")
        if isinstance(value, bytes):
            value = bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"
        else:
            value = value % 2 + 1
        connection.execute(f"UPDATE slot SET {column} = ?", (value,))
    connection.close()
    refuses_to_start(daemon)


@pytest.mark.parametrize("memory_kib, passes", [(1, 3), (2**31, 3), (65536, 1), (65536, 2**31)])
def test_kdf_parameters_outside_of_the_bounds_are_refused_before_any_work(
        passphrase_file, memory_kib, passes):
    """Attack: a header that asks for all memory, or for next to no work."""
    options = ("--passphrase-file", passphrase_file)
    with Daemon(*options, init=options) as daemon:
        daemon.stop()
        with database(daemon) as connection:
            ((params,),) = connection.execute("SELECT params FROM slot")
            for order in ("big", "little"):
                salt_first = params[16:] == (65536).to_bytes(4, order) + (3).to_bytes(4, order)
                salt_last = params[:8] == (65536).to_bytes(4, order) + (3).to_bytes(4, order)
                if salt_first or salt_last:
                    numbers = memory_kib.to_bytes(4, order) + passes.to_bytes(4, order)
                    edited = params[:16] + numbers if salt_first else numbers + params[8:]
                    break
            connection.execute("UPDATE slot SET params = ?", (edited,))
        connection.close()
        refuses_to_start(daemon, *options)


def test_a_database_that_is_no_database_is_refused(daemon):
    """Attack: damage at the start; the daemon neither serves nor repairs it away."""
    daemon.put("NAME", b"value")
    daemon.stop()
    path = daemon.database()
    good = path.read_bytes()
    for damaged in (good[:100], b"", good[:4096] + os.urandom(len(good) - 4096),
                    os.urandom(len(good))):
        path.write_bytes(damaged)
        refuses_to_start(daemon)
    path.write_bytes(good)
    daemon.start()
    assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"


def test_a_schema_newer_than_the_program_is_refused(daemon):
    """Security, SQLite: an older program does not guess."""
    daemon.stop()
    with database(daemon) as connection:
        ((version,),) = connection.execute("PRAGMA user_version")
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.close()
    assert f"version {version + 1}" in refuses_to_start(daemon)


def test_nothing_readable_of_a_secret_is_on_disk(daemon):
    """G1: neither in the database nor in its log."""
    daemon.put("NAME", b"the quick brown fox jumps over the lazy dog")
    assert not daemon.places_of([b"quick brown fox"], memory=False)
    daemon.kill()
    assert not any(b"quick brown fox" in path.read_bytes() for path in daemon.files())
    daemon.start()
    with pytest.raises(Refused):
        daemon.operator().ask("RevealSecret", scope="global", name="OTHER")


def test_a_damaged_run_does_not_hide_the_others(daemon):
    """A3: it is listed by what is not sealed; asked for by itself it is DATA_LOSS."""
    damaged = daemon.create(ref="one")
    whole = daemon.create(ref="two")
    tamper(daemon, "UPDATE run SET payload = randomblob(length(payload)) WHERE ref = 'one'")
    runs = daemon.admin("ListRuns").runs
    assert [(run.run_id, run.meta.ref) for run in runs] == \
        [(whole.run_id, "two"), (damaged.run_id, "one")]
    with pytest.raises(Refused) as refused:
        daemon.admin("ListRuns", run_id=damaged.run_id)
    assert refused.value.code == "DATA_LOSS"


def test_the_database_can_stand_elsewhere(folder):
    """G2: --db names it; the home keeps the rest."""
    options = ("--db", folder / "elsewhere.db")
    with Daemon(*options, init=options) as daemon:
        daemon.put("NAME", b"value")
        daemon.restart()
        assert daemon.admin("RevealSecret", scope="global", name="NAME").value == b"value"
        assert (folder / "elsewhere.db").exists() and not (daemon.home / "coffer.db").exists()


class InMemory(Ephemeral):
    def _spawn(self, *arguments, **fields):
        super()._spawn("--db", ":memory:", *arguments[1:], **fields)


def test_a_database_in_memory_is_an_ephemeral_daemon():
    """G2"""
    with InMemory() as daemon:
        assert daemon.put("NAME", b"value") == 1
        assert not list(daemon.folder.rglob("*.db"))
