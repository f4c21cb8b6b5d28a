"""Hosts that share a bucket: cofferd with the coffer-s3 that it starts, on radosgw and on a server that fails."""

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from coffer_test import DEADLINE, Daemon, Refused, Wire, at_once, eventually, sentinel
from radosgw import ACCESS_KEY, SECRET_KEY


def hasty(folder):
    """coffer-s3, but that it gives up after a second or two: for a store that is away."""
    helper = folder / "coffer-s3"
    if not helper.exists():
        # stdin becomes a pipe that holds it all, as with cofferd itself.
        helper.write_text(f"""#!/bin/sh
text=$(cat)
exec {os.environ["COFFER_S3"]} "$@" <<END
$text
give_up_ms = 1500
backoff_ms = 5
END
""")
        helper.chmod(0o755)
    return helper


class Host(Daemon):
    """A daemon with its own coffer-s3. place: a bucket, or a server that has one."""

    def __init__(self, place, folder, *options, **changes):
        settings = {"bucket": place.name, "endpoint": place.endpoint, "access-key-id": ACCESS_KEY,
                    "secret-access-key-file": folder / "secret", "sync-interval": "1h", **changes}
        secret = folder / "secret"
        if not secret.exists():
            secret.write_text(SECRET_KEY)
            secret.chmod(0o600)
        key = folder / "key"
        if not key.exists():
            key.write_bytes(os.urandom(32))
            key.chmod(0o600)
        flags = [f"--s3-{name}={value}" for name, value in settings.items() if value is not None]
        flags += ["--s3-helper", str(hasty(folder)), "--key-file", str(key)]
        super().__init__(*flags, *options, init=flags)

    def sync(self, **fields):
        reply = self.admin("Sync", timeout_ms=DEADLINE * 1000, **fields)
        assert reply.done, reply.problem
        return reply

    def value(self, name, scope="global"):
        try:
            return self.admin("RevealSecret", scope=scope, name=name).value
        except Refused as refused:
            assert refused.code == "NOT_FOUND", refused
            return None

    def mirror(self):
        return self.admin("Status").mirror

    def usable(self):
        eventually(lambda: (m := self.mirror()).connected and not m.problem, "the bucket is usable")

    def helpers(self):
        """Pids of coffer-s3, the worker behind the one that looks after it."""
        def children(pid):
            with contextlib.suppress(FileNotFoundError):
                text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                return [int(child) for child in text.split()]
            return []
        return [worker for one in children(self.pid) for worker in children(one)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def host(folder):
    """host(place, ...): a running Host, until the test's end."""
    with contextlib.ExitStack() as stack:
        yield lambda place, *options, **changes: stack.enter_context(
            Host(place, folder, *options, **changes))


# --- radosgw --------------------------------------------------------------------------------------


def test_two_hosts_see_each_others_writes(bucket, host):
    one, two = host(bucket), host(bucket)
    one.put("TOKEN", b"first")
    two.sync()
    assert two.value("TOKEN") == b"first"
    assert two.put("TOKEN", b"second") == 2
    one.sync()
    assert one.value("TOKEN") == b"second"
    for daemon in (one, two):
        assert daemon.verify_audit().problem == ""


def test_what_is_purged_leaves_no_value_and_no_place_for_a_host_that_has_not_seen_it(bucket, host):
    one, two = host(bucket), host(bucket)
    for value in (b"1", b"2"):
        one.put("TOKEN", value)
    two.sync()
    one.put("TOKEN", b"3")
    one.admin("DeleteSecret", scope="global", name="TOKEN", purge=True)
    records = [body for key, body in bucket.objects().items() if "/v1/" in key and "root" not in key]
    assert [len(body) > 0 for body in records] == [False] * 3 + [True]  # in the order of their versions
    with pytest.raises(Refused, match="ABORTED"):
        two.admin("PutSecret", scope="global", writes=[
            {"name": "TOKEN", "value": b"stale", "check_version": True, "if_version": 2}])
    assert two.value("TOKEN") is None
    assert two.put("TOKEN", b"new") == 5
    one.sync(), two.sync()
    for daemon in (one, two):
        assert daemon.value("TOKEN") == b"new"
        assert len(daemon.admin("ListVersions", scope="global", name="TOKEN").versions) == 1
        assert daemon.mirror().refused == 0


def test_in_a_race_each_version_has_one_winner(bucket, host):
    one, two = host(bucket), host(bucket)
    calls = [lambda d=daemon: [d.put("RACE", b"v") for _ in range(6)] for daemon in (one, two)]
    assert sorted(sum(at_once(*calls), [])) == list(range(1, 13))
    for version in range(3):
        done = at_once(*[lambda d=daemon: d.admin(
            "PutSecret", scope="global", writes=[{"name": "CAS", "value": str(d.pid).encode(),
                                                  "check_version": True, "if_version": version}])
                         for daemon in (one, two)])
        refused = [reply for reply in done if isinstance(reply, Refused)]
        assert [reply.code for reply in refused] == ["ABORTED"], done
        winner = two if done[0] is refused[0] else one
        one.sync(), two.sync()
        assert one.value("CAS") == two.value("CAS") == str(winner.pid).encode()


def test_the_buckets_owner_learns_neither_names_nor_values(bucket, host):
    one = host(bucket)
    name, value, note = (f"S{sentinel(31)}" for _ in range(3))
    one.admin("PutSecret", scope="global", writes=[
        {"name": name, "value": value.encode(), "set_note": True, "note": note},
        {"name": "OTHER", "value": value.encode()}])
    objects = [key.encode() + body for key, body in bucket.objects().items()]
    assert len(objects) == 4  # the root, the batch, and its two records
    for needle in (name, value, note):
        for half in (needle[:16], needle[16:]):
            assert not any(half.encode() in data for data in objects)
    for place in ("cmdline", "environ"):
        assert SECRET_KEY.encode() not in Path(f"/proc/{one.pid}/{place}").read_bytes()
    assert SECRET_KEY.encode() not in one.log


@pytest.mark.parametrize("encrypt", ["sse-c"])
def test_the_store_may_encrypt_once_more(bucket, host, folder, encrypt):
    key = folder / "sse-c"
    key.write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
    key.chmod(0o600)
    settings = {"encrypt": encrypt, "sse-c-key-file": key}
    one, two = host(bucket, **settings), host(bucket, **settings)
    one.put("A", b"v")
    two.sync()
    assert two.value("A") == b"v"


@pytest.mark.parametrize("changes, text", [
    ({"access-key-id": "WRONG"}, "credential|access key|Access"),
    ({"bucket": "no-such-bucket"}, "there is no bucket"),
    ({"endpoint": "http://127.0.0.1:1"}, "connect"),
])
def test_a_bucket_that_cannot_be_used_is_named_at_once(bucket, folder, changes, text):
    broken = Host(bucket, folder, **changes)
    try:
        done = broken.run("--init", "--home", broken.home, *broken.init_options)
        assert done.returncode == 1
        assert re.search(text, done.stderr), done.stderr
        assert SECRET_KEY not in done.stderr and "nothing was changed" in done.stderr
    finally:
        broken.__exit__()


# The last on radosgw, which is slow for a while when it comes back.
def test_while_the_store_is_stopped_hosts_serve_and_catch_up_when_it_is_back(radosgw, bucket, host):
    one, two = host(bucket), host(bucket)
    one.put("A", b"before")
    two.sync()
    one.put("B", b"not seen yet")
    radosgw.halt()
    try:
        assert two.value("A") == b"before"
        with pytest.raises(Refused, match="UNAVAILABLE"):
            two.put("A", b"lost")
        assert two.value("A") == b"before"
        two.restart()  # a start does not need the bucket
        assert two.value("A") == b"before"
        assert two.admin("Sync", timeout_ms=DEADLINE * 1000).problem != ""
    finally:
        radosgw.resume()
    two.sync()
    assert two.value("B") == b"not seen yet"
    eventually(lambda: not two.mirror().problem, "the problem is over")
    assert two.put("A", b"after") in (2, 3)  # what was refused may have been stored
    one.sync()
    assert one.value("A") == b"after"


# --- a server that fails --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["SlowDown", "cut", "garbage", "silent", "unclear"])
def test_a_server_that_fails_for_a_while_loses_nothing(faulty, host, kind):
    one, two = host(faulty), host(faulty)
    one.put("A", b"before")
    two.sync()
    try:
        faulty.fail(kind, times=2)
        for value in (b"1", b"2", b"3"):
            with contextlib.suppress(Refused):
                one.put("A", value)
    finally:
        faulty.mend()
    one.usable()
    version = one.put("A", b"after")
    one.sync(), two.sync()
    assert one.value("A") == two.value("A") == b"after"
    assert two.admin("RevealSecret", scope="global", name="A").version == version


def test_coffer_s3_that_is_killed_is_started_again_and_loses_nothing(faulty, host):
    one, two = host(faulty), host(faulty)
    done = []

    def write():
        for i in range(30):
            with contextlib.suppress(Refused):
                done.append((one.put("A", str(i).encode()), i))
    thread = threading.Thread(target=write)
    thread.start()
    for count in (5, 15):
        eventually(lambda: len(done) >= count, f"{count} writes")
        for pid in one.helpers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    thread.join(DEADLINE)
    one.usable()
    two.sync()
    assert len({version for version, _ in done}) == len(done) >= 20
    for version, i in done[-5:]:  # what was acknowledged is there, as that version
        got = two.admin("RevealSecret", scope="global", name="A", version=version)
        assert got.value == str(i).encode()


@pytest.mark.parametrize("victim", ["daemon", "worker"])
def test_a_sync_that_was_killed_is_whole_after_the_next(faulty, host, victim):
    one, two = host(faulty), host(faulty)
    for start in range(0, 192, 64):
        one.admin("PutSecret", scope="global", writes=[
            {"name": f"N{i}", "value": str(i).encode()} for i in range(start, start + 64)])
    asked = faulty.count("GET", "/0000")
    faulty.fail("hang", times=8, method="GET", part="/0000")  # in the middle of fetching records
    with Wire(two.admin_socket) as wire:
        wire.send(wire.frame("Sync", timeout_ms=DEADLINE * 1000))
        faulty.wait_for(lambda: faulty.count("GET", "/0000") > asked + 16, "records are fetched")
    if victim == "daemon":
        two.kill()
        faulty.mend()
        two.start()
    else:
        for pid in two.helpers():
            os.kill(pid, signal.SIGKILL)
        faulty.mend()
    two.sync()
    assert all(two.value(f"N{i}") == str(i).encode() for i in range(192))
    assert two.verify_audit().problem == ""


def test_a_push_survives_the_death_of_both_processes(faulty, host, folder):
    with Host(faulty, folder) as other:
        pass  # for its key file, and settings
    faulty.objects.clear()
    one = Host(faulty, folder)
    settings, one.options = one.options, ["--key-file", str(folder / "key")]
    one.init_options = one.options
    with one:
        for start in range(0, 320, 64):
            one.admin("PutSecret", scope="global", writes=[
                {"name": f"N{i}", "value": str(i).encode()} for i in range(start, start + 64)])
        one.stop()
        one.options = settings
        one.start()
        faulty.fail("hang", method="PUT", part="/v1/a")  # so that it cannot come to its end
        for victim in ("worker", "daemon"):
            before = faulty.count("PUT")
            with Wire(one.admin_socket) as wire:
                wire.send(wire.frame("Sync", push=True, timeout_ms=DEADLINE * 1000))
                faulty.wait_for(lambda: faulty.count("PUT") > before + 5, "objects are pushed")
                if victim == "daemon":
                    one.kill()
                    one.start()
                else:
                    for pid in one.helpers():
                        os.kill(pid, signal.SIGKILL)
            assert not any("root" in key for key in faulty.objects)
        faulty.mend()
        one.usable()
        one.sync(push=True)
        with Host(faulty, folder) as two:
            two.sync()
            assert all(two.value(f"N{i}") == str(i).encode() for i in range(320))


def test_nothing_is_left_running_when_the_daemon_ends(faulty, host):
    one = host(faulty)
    one.usable()
    pids = one.helpers()
    assert pids
    one.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "coffer-s3 has ended")


def test_a_single_writer_needs_no_conditional_writes(faulty, host):
    one = host(faulty, "--s3-single-writer")
    assert [one.put("A", b"v") for _ in range(3)] == [1, 2, 3]
    assert one.value("A") == b"v"
