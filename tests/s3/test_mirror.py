"""The daemon's half of a bucket, with a worker that is a thread of the test: see fake_bucket.py."""

import os
import threading
import time

import pytest

from coffer_test import DEADLINE, Refused, Wire, at_once, eventually, pb, sentinel
from fake_bucket import Bucket, Host, hosts


def puts(host, **values):
    """All in one request; the versions."""
    reply = host.admin("PutSecret", scope="global", writes=[{"name": name, "value": value}
                                                            for name, value in values.items()])
    return [secret.version for secret in reply.secrets]


def put_if(host, name, value, version):
    return host.admin("PutSecret", scope="global", writes=[
        {"name": name, "value": value, "check_version": True, "if_version": version}])


def mirror(host):
    return host.admin("Status").mirror


def waiting(host, count=1):
    eventually(lambda: mirror(host).waiting == count, f"{count} writes wait")


# --- writes ---------------------------------------------------------------------------------------


def test_a_write_is_in_the_bucket_when_it_is_acknowledged():
    with hosts(1) as (bucket, one):
        assert one.put("TOKEN", b"value") == 1
        assert len(bucket.records()) == 1
        assert one.value("TOKEN") == b"value"


def test_a_write_is_neither_served_nor_acknowledged_before_the_bucket_has_it():
    with hosts(1) as (bucket, one), one.operator() as wire:
        one.worker.held.clear()
        wire.send(wire.frame("PutSecret", scope="global", writes=[{"name": "A", "value": b"v"}]))
        waiting(one)
        assert bucket.records() == [] and one.value("A") is None
        one.worker.held.set()
        assert wire.recv().code == pb.OK
        assert one.value("A") == b"v"
        assert mirror(one).waiting == 0


def test_what_one_host_has_written_the_other_serves_after_a_look():
    with hosts(2) as (_, one, two):
        two.sync()  # its first look is over
        one.put("TOKEN", b"first")
        assert two.value("TOKEN") is None
        assert two.sync().done
        assert two.value("TOKEN") == b"first"
        assert two.put("TOKEN", b"second") == 2
        assert one.sync().done
        assert one.value("TOKEN") == b"second"


def test_everything_about_a_version_arrives():
    with hosts(2) as (_, one, two):
        later = int(time.time() * 1000) + 3600000
        one.admin("PutSecret", scope="pipeline/app", writes=[
            {"name": "A", "value": b"v", "expires_at_ms": later, "set_note": True, "note": "why"},
            {"name": "F", "source": "file:/etc/hostname"}])
        one.put("S", b"s", scope="system/box", system=True)
        two.sync()
        page = [host.admin("ListAllSecrets", system=True).secrets for host in (one, two)]
        assert list(page[0]) == list(page[1])
        assert [(secret.scope, secret.name) for secret in page[0]] == [
            ("pipeline/app", "A"), ("pipeline/app", "F"), ("system/box", "S")]
        assert page[0][0].note == "why" and page[0][0].expires_at_ms == later
        one.admin("DeleteSecret", scope="pipeline/app", name="A")
        one.admin("RollbackSecret", scope="pipeline/app", name="A", version=1)
        two.sync()
        versions = [host.admin("ListVersions", scope="pipeline/app", name="A").versions
                    for host in (one, two)]
        assert list(versions[0]) == list(versions[1])
        assert [(version.version, version.deleted) for version in versions[0]] == [
            (3, False), (2, True), (1, False)]


def test_what_belongs_to_a_run_stays_on_its_host():
    with hosts(1) as (bucket, one):
        run = one.create(secrets=[{"name": "OF_RUN", "value": b"v"}])
        one.put("MORE", b"v", scope=f"run/{run.run_id}")
        assert bucket.records() == []


def test_who_waits_for_a_change_is_woken_by_another_hosts_write():
    with hosts(2) as (_, one, two):
        with two.runner(two.create()) as job:
            revision = job.ask("WaitForChange").revision
            job.send(job.frame("WaitForChange", after_revision=revision, timeout_ms=600000))
            one.put("TOKEN", b"v")
            two.sync()
            assert job.result("WaitForChange", job.recv()).changed
            assert job.ask("GetSecret", name="TOKEN").value == b"v"


def test_the_log_names_what_came_from_other_hosts():
    with hosts(2) as (_, one, two):
        puts(one, A=b"1", B=b"2")
        two.sync()
        record = next(r for r in two.audit() if r["op"] == "MirrorApply" and "secrets" in r)
        assert sorted(item["name"] for item in record["secrets"]) == ["A", "B"]
        for host in (one, two):
            assert host.verify_audit().problem == ""


def test_the_bucket_holds_no_name_and_no_value():
    with hosts(1) as (bucket, one):
        name, value, note = (f"S{sentinel(31)}" for _ in range(3))
        scope = f"pipeline/{sentinel()}"
        one.admin("PutSecret", scope=scope, writes=[
            {"name": name, "value": value.encode(), "set_note": True, "note": note},
            {"name": name + "2", "value": value.encode()}])
        one.admin("DeleteSecret", scope=scope, name=name)
        objects = [key.encode() + bucket.get(key) for key in bucket.keys("")]
        assert len(objects) == 5  # root, a batch of two, a tombstone
        for needle in (name, value, note, scope[9:]):
            for half in (needle[:16], needle[16:]):
                assert not any(half.encode() in data for data in objects)


# --- races ----------------------------------------------------------------------------------------


def test_each_version_has_one_winner_and_none_is_lost():
    with hosts(2) as (bucket, one, two):
        rounds = 8
        calls = [lambda host=host, i=i: [host.put("RACE", f"{host.pid}-{i}-{k}".encode())
                                         for k in range(rounds)]
                 for host in (one, two) for i in range(2)]
        versions = sorted(sum(at_once(*calls), []))
        assert versions == list(range(1, 4 * rounds + 1))
        one.sync(), two.sync()
        assert one.value("RACE") == two.value("RACE")
        assert len(bucket.records()) == 4 * rounds


def test_of_two_that_expect_one_version_one_wins():
    with hosts(2) as (_, one, two):
        for version in range(6):
            done = at_once(lambda: put_if(one, "CAS", b"one", version),
                           lambda: put_if(two, "CAS", b"two", version))
            refused = [reply for reply in done if isinstance(reply, Refused)]
            assert [r.code for r in refused] == ["ABORTED"], done
            winner = b"two" if done[0] is refused[0] else b"one"
            one.sync(), two.sync()
            assert one.value("CAS") == two.value("CAS") == winner


def test_writes_of_one_secret_on_one_host_follow_each_other():
    with hosts(1) as (_, one):
        versions = at_once(*[lambda: one.put("SAME", b"v")] * 6)
        assert sorted(versions) == [1, 2, 3, 4, 5, 6]


def test_a_batch_that_loses_one_of_its_secrets_is_written_behind_the_winner():
    with hosts(2) as (_, one, two):
        two.put("B", b"theirs")
        # The first A was stored before the B was found taken: its number is used up.
        assert puts(one, A=b"ours", B=b"ours") == [2, 2]
        two.sync()
        assert two.value("A") == two.value("B") == b"ours"


# --- batches --------------------------------------------------------------------------------------


def without_markers(worker):
    def act(task):
        if task.key.startswith("v1/batch/"):
            return pb.UNAVAILABLE, "cut off"
        return worker.do(task)
    worker.act = act


def test_a_batch_without_its_marker_is_never_served():
    with hosts(2) as (bucket, one, two):
        one.put("A", b"before")
        without_markers(one.worker)
        with pytest.raises(Refused, match="UNAVAILABLE: cut off"):
            puts(one, A=b"torn", B=b"torn")
        assert len(bucket.records()) == 3 and bucket.batches() == []
        for host in (one, two):
            host.sync()
            assert (host.value("A"), host.value("B")) == (b"before", None)
        assert two.put("A", b"after") == 3  # the number of the torn one is used up
        one.sync()
        assert one.value("A") == b"after"


def test_nobody_can_expect_a_version_while_a_batch_may_still_become_whole():
    with hosts(2) as (_, one, two):
        one.put("A", b"before")
        two.sync()
        without_markers(one.worker)
        with pytest.raises(Refused):
            puts(one, A=b"torn", B=b"torn")
        two.sync()
        with pytest.raises(Refused, match="ABORTED: secret 'A' is being written by another host"):
            put_if(two, "A", b"mine", 1)
        assert two.put("A", b"mine") == 3
        assert put_if(two, "A", b"again", 3).secrets[0].version == 4


def test_a_batch_counts_from_its_marker_on():
    with hosts(2) as (bucket, one, two):
        one.worker.act = lambda task: (two.sync() and one.worker.do(task)
                                       if task.key.startswith("v1/batch/") else one.worker.do(task))
        puts(one, A=b"1", B=b"2")  # the other host has looked before the marker was there
        assert two.value("A") is None and mirror(two).objects == 2
        two.sync()
        assert (two.value("A"), two.value("B")) == (b"1", b"2")


# --- purges and expiry ----------------------------------------------------------------------------


def test_a_purge_erases_everywhere_and_versions_count_on():
    with hosts(2) as (bucket, one, two):
        for value in (b"1", b"2", b"3"):
            one.put("OLD", value)
        two.sync()
        one.admin("DeleteSecret", scope="global", name="OLD", purge=True)
        assert [key[-2:] for key in bucket.records()] == ["01", "02", "03", "04"]
        assert [key[-2:] for key in bucket.erased()] == ["01", "02", "03"]
        assert two.value("OLD") == b"3"
        two.sync()
        assert two.value("OLD") is None
        with Wire(two.admin_socket) as wire:
            assert wire.code("ListVersions", scope="global", name="OLD") == "NOT_FOUND"
        assert two.put("OLD", b"new") == 5
        one.sync()
        assert one.value("OLD") == b"new" and one.version("OLD") == 5


def test_what_a_purge_left_in_the_bucket_is_erased_with_the_next_look():
    with hosts(2) as (bucket, one, two):
        one.put("OLD", b"1")
        one.worker.act = lambda task: ((pb.UNAVAILABLE, "cut off") if task.kind == pb.MIRROR_ERASE
                                       else one.worker.do(task))
        one.admin("DeleteSecret", scope="global", name="OLD", purge=True)
        assert len(bucket.records()) == 2 and bucket.erased() == []
        two.worker.stop()
        two.work()
        two.sync()
        two.worker._known.clear()
        two.sync()
        eventually(lambda: bucket.erased() == bucket.records()[:1], "the old version is erased")
        two.worker._known.clear()
        two.sync()
        assert [kind for kind, _ in two.worker.seen].count(pb.MIRROR_ERASE) == 1


def purge_unseen(one, two, before, after):
    """OLD has so many versions that both know, and so many more that two does not; then it is purged. The purge's."""
    for number in range(before):
        one.put("OLD", str(number).encode())
    two.sync()
    for number in range(after):
        one.put("OLD", str(number).encode())
    one.admin("DeleteSecret", scope="global", name="OLD", purge=True)
    return before + after + 1


# The last is a longer history than a host can follow one by one, or sixteen by sixteen, before it gives up.
@pytest.mark.parametrize("before, after", [(3, 2), (0, 10), (1, 200)])
def test_a_write_of_a_host_that_has_not_seen_a_purge_ends_behind_it(before, after):
    with hosts(2) as (bucket, one, two):
        purge = purge_unseen(one, two, before, after)
        assert two.put("OLD", b"new") == purge + 1
        assert two.value("OLD") == b"new" and mirror(two).refused == 0
        one.sync(), two.sync()
        for host in (one, two):
            assert (host.value("OLD"), host.version("OLD")) == (b"new", purge + 1)
            assert len(host.admin("ListVersions", scope="global", name="OLD").versions) == 1
        assert len(bucket.records()) == purge + 1 and len(bucket.erased()) == purge - 1


def test_who_expects_a_version_that_a_purge_has_ended_is_aborted():
    with hosts(2) as (bucket, one, two):
        purge = purge_unseen(one, two, 3, 2)
        with pytest.raises(Refused, match="ABORTED"):
            put_if(two, "OLD", b"stale", 3)
        assert two.value("OLD") is None, "why is known now"
        assert len(bucket.records()) == purge
        assert put_if(two, "OLD", b"new", 0).secrets[0].version == purge + 1
        one.sync()
        assert one.value("OLD") == b"new"


def test_a_batch_of_a_host_that_has_not_seen_a_purge_ends_behind_it():
    with hosts(2) as (_, one, two):
        purge = purge_unseen(one, two, 1, 3)
        versions = puts(two, OLD=b"new", OTHER=b"new")
        assert versions[0] == purge + 1
        one.sync(), two.sync()
        for host in (one, two):
            assert (host.value("OLD"), host.value("OTHER")) == (b"new", b"new")


def test_a_purge_erases_what_an_earlier_one_was():
    with hosts(2) as (bucket, one, two):
        purge_unseen(one, two, 1, 1)
        assert one.put("OLD", b"between") == 4
        one.admin("DeleteSecret", scope="global", name="OLD", purge=True)
        two.sync()
        assert two.value("OLD") is None
        assert two.put("OLD", b"new") == 6
        assert two.value("OLD") == b"new" and mirror(two).refused == 0


def test_what_is_erased_between_a_listing_and_its_fetch_is_passed_over():
    with hosts(2) as (bucket, one, two):
        purge = purge_unseen(one, two, 0, 3)
        with Wire(two.admin_socket) as wire:
            done = wire.ask("MirrorApply", objects=[{"key": key, "body": b""} for key in bucket.erased()])
            assert (done.applied, done.refused) == (0, 0)
            assert wire.ask("MirrorOffer", keys=bucket.erased()).verdicts == bytes(3)  # known
        assert two.value("OLD") is None
        assert two.put("OLD", b"new") == purge + 1


def test_a_secret_that_expires_gets_no_tombstone_in_the_bucket():
    with hosts(2) as (bucket, one, two):
        soon = int(time.time() * 1000) + 300
        one.admin("PutSecret", scope="global", writes=[
            {"name": "SHORT", "value": b"v", "expires_at_ms": soon}])
        two.sync()
        with two.runner(two.create()) as job:
            revision = job.ask("WaitForChange").revision
            job.send(job.frame("WaitForChange", after_revision=revision, timeout_ms=600000))
            assert job.result("WaitForChange", job.recv()).changed
        for host in (one, two):
            assert host.value("SHORT") is None
        assert len(bucket.records()) == 1
        assert one.put("SHORT", b"again") == 2


# --- while the bucket is away ---------------------------------------------------------------------


def test_while_the_bucket_cannot_be_used_reads_go_on_and_writes_say_why():
    with hosts(1) as (bucket, one):
        one.put("A", b"v")
        one.worker.problem = "connection refused"
        eventually(lambda: mirror(one).problem, "the problem is known")
        assert one.value("A") == b"v"
        with pytest.raises(Refused, match="UNAVAILABLE: the bucket cannot be used: "
                                          "connection refused; reads go on"):
            one.put("A", b"w")
        assert one.value("A") == b"v" and len(bucket.records()) == 1
        one.worker.problem = ""
        eventually(lambda: not mirror(one).problem, "the problem is over")
        assert one.put("A", b"w") == 2


def test_without_coffer_s3_reads_go_on_and_writes_say_so():
    with hosts(1) as (_, one):
        one.put("A", b"v")
        one.worker.stop()
        eventually(lambda: not mirror(one).connected, "it is known that the worker is gone")
        with pytest.raises(Refused, match="UNAVAILABLE: the bucket.*coffer-s3 is not running"):
            one.put("A", b"w")
        assert one.value("A") == b"v"
        assert not mirror(one).connected
        one.work()
        eventually(lambda: mirror(one).connected, "the worker is there")
        assert one.put("A", b"w") == 2


@pytest.mark.parametrize("code, text", [
    (pb.UNAVAILABLE, "503 Slow Down"),
    (pb.PERMISSION_DENIED, "wrong credentials"), (pb.NOT_FOUND, "there is no such bucket")])
def test_what_the_bucket_says_reaches_the_writer(code, text):
    with hosts(1) as (bucket, one):
        one.put("BEFORE", b"v")
        one.worker.act = lambda task: (code, text)
        with pytest.raises(Refused, match=f"UNAVAILABLE: {text}"):
            one.put("A", b"v")
        one.worker.act = one.worker.do
        assert one.put("A", b"v") == 1


def test_a_write_that_waits_survives_the_workers_death():
    with hosts(1) as (bucket, one), one.operator() as wire:
        stored = threading.Event()

        def act(task, first=one.worker):
            done = first.do(task)
            if task.kind == pb.MIRROR_PUT:
                stored.set()
                first.held.clear()
                first._ended.wait()
                raise OSError
            return done
        one.worker.act = act
        wire.send(wire.frame("PutSecret", scope="global", writes=[{"name": "A", "value": b"v"}]))
        assert stored.wait(DEADLINE)
        one.worker.stop()
        one.work()
        reply = wire.result("PutSecret", wire.recv())
        assert reply.secrets[0].version == 1  # what the bucket had was recognised as its own
        assert len(bucket.records()) == 1 and one.value("A") == b"v"


def test_what_was_stored_when_the_daemon_was_killed_is_served_by_the_next():
    with hosts(2) as (bucket, one, two):
        with one.operator() as wire:
            stored = threading.Event()

            def act(task, worker=one.worker):
                done = worker.do(task)
                if task.kind == pb.MIRROR_PUT:
                    stored.set()
                    worker._ended.wait()
                return done
            one.worker.act = act
            wire.send(wire.frame("PutSecret", scope="global",
                                 writes=[{"name": "A", "value": b"v"}]))
            assert stored.wait(DEADLINE)
            one.process.kill()
        one._reap()
        one.start()
        one.sync()
        assert one.value("A") == b"v"
        assert one.put("A", b"w") == 2
        assert one.verify_audit().problem == ""


def test_a_connection_that_goes_takes_its_write_along():
    with hosts(1) as (bucket, one):
        one.worker.held.clear()
        with one.operator() as first:
            first.send(first.frame("PutSecret", scope="global",
                                   writes=[{"name": "A", "value": b"v"}]))
            waiting(one)
        waiting(one, 0)
        one.worker.held.set()
        assert one.put("A", b"w") in (1, 2)
        assert one.value("A") == b"w"


def test_a_second_write_of_a_connection_does_not_end_the_first():
    with hosts(1) as (_, one), one.operator() as wire:
        one.worker.held.clear()
        wire.send(wire.frame("PutSecret", scope="global", writes=[{"name": "A", "value": b"v"}]))
        waiting(one)
        wire.send(wire.frame("PutSecret", scope="global", writes=[{"name": "B", "value": b"v"}]))
        second = wire.recv()
        assert second.id == wire.last_id and second.code == pb.UNAVAILABLE
        assert "another write of this connection" in second.message
        one.worker.held.set()
        first = wire.recv()
        assert first.id == wire.last_id - 1 and first.code == pb.OK


def test_a_large_value_waits_as_well_as_a_small_one():
    with hosts(2) as (_, one, two):
        value = os.urandom(65536)
        one.put("LARGE", value)
        two.sync()
        assert two.value("LARGE") == value


# --- what is not ours -----------------------------------------------------------------------------


def test_objects_that_do_not_open_are_passed_over_and_told():
    with hosts(2) as (bucket, one, two):
        one.put("A", b"a")
        one.put("B", b"b")
        a, b = bucket.records()
        bucket.put(a[:-1] + "2", bucket.get(a))  # an old version as a new one
        bucket.put(b[:-1] + "2", bucket.get(a))  # one secret's as another's
        bucket.put("v1/" + "0" * 64 + "/" + "0" * 19 + "1", b"garbage")
        bucket.put("v1/" + "1" * 64 + "/" + "0" * 19 + "1", b"\0")
        bucket.put("v1/what/is/this", b"?")
        two.sync()
        assert (two.value("A"), two.value("B")) == (b"a", b"b")
        assert two.version("A") == 1
        assert mirror(two).refused == 4
        two.worker._known.clear()
        two.sync()
        assert mirror(two).refused == 4  # once each
        assert set(bucket.keys()) <= two.worker._known  # and they need not be fetched again
        assert two.log.count(b"does not open") == 4


def test_what_stands_in_the_way_of_a_version_is_an_error_and_not_a_loop():
    with hosts(1) as (bucket, one):
        one.put("A", b"a")
        bucket.put(bucket.records()[0][:-1] + "2", b"garbage")
        with pytest.raises(Refused, match="UNAVAILABLE: an object of the bucket stands in the way"):
            one.put("A", b"b")
        assert one.value("A") == b"a"


def test_a_bucket_of_another_store_is_not_written_to():
    with hosts(1) as (bucket, one), hosts(1) as (other, two):
        one.put("A", b"a")
        one.stop()
        bucket.delete("v1/root/00000000000000000001")
        bucket.put("v1/root/00000000000000000001", other.get("v1/root/00000000000000000001"))
        one.works = False
        one.start()
        worker = one.work(held=True)
        with one.operator() as early:  # before it is known whose bucket it is
            early.send(early.frame("PutSecret", scope="global",
                                   writes=[{"name": "EARLY", "value": b"v"}]))
            waiting(one)
            worker.held.set()
            assert early.recv().code == pb.UNAVAILABLE
        one.works = True
        eventually(lambda: "holds another store" in mirror(one).problem, "it is found out")
        with pytest.raises(Refused, match="the bucket holds another store"):
            one.put("A", b"b")
        bucket.delete("v1/root/00000000000000000001")
        one.restart()
        eventually(lambda: "does not hold this store" in mirror(one).problem, "it is found out")
        assert one.value("A") == b"a" and len(bucket.records()) == 1


# --- joining --------------------------------------------------------------------------------------


@pytest.fixture
def bucket(tmp_path):
    return Bucket(tmp_path / "bucket")


def secret_file(path, text):
    path.write_bytes(text)
    path.chmod(0o600)
    return str(path)


def test_hosts_join_with_the_passphrase(bucket, tmp_path):
    file = secret_file(tmp_path / "passphrase", b"correct horse\n")
    options = ["--passphrase-file", file]
    with Host(bucket, *options, init=options) as one:
        one.put("A", b"v")
        with Host(bucket, *options, init=options) as two:
            two.sync()
            assert two.value("A") == b"v"
            wrong = secret_file(tmp_path / "wrong", b"wrong")
            three = Host(bucket, init=["--passphrase-file", wrong])
            try:
                done = three.run("--init", "--home", three.home, *three.init_options)
                assert done.returncode == 1 and "the passphrase is wrong" in done.stderr
                assert "nothing was changed" in done.stderr
                assert not three.home.exists() or three.files() == []
                assert bucket.keys("v1/root") == ["v1/root/00000000000000000001"]
                three.init_options[-1] = file
                three.init()
            finally:
                three.__exit__()


def test_a_host_that_joins_after_a_purge_counts_on(bucket, tmp_path):
    key = ["--key-file", secret_file(tmp_path / "key", b"k" * 32)]
    with Host(bucket, *key, init=key) as one:
        for value in (b"1", b"2", b"3"):
            one.put("OLD", value)
        one.admin("DeleteSecret", scope="global", name="OLD", purge=True)
        with Host(bucket, *key, init=key) as two:
            two.sync()
            assert two.value("OLD") is None and mirror(two).refused == 0
            assert not set(bucket.erased()) & set(two.worker.offered)
            assert put_if(two, "OLD", b"new", 0).secrets[0].version == 5
            one.sync()
            assert one.value("OLD") == b"new"


def test_a_host_with_another_key_file_does_not_join(bucket, tmp_path):
    with Host(bucket) as one:
        two = Host(bucket, init=["--key-file", secret_file(tmp_path / "key", b"x" * 32)])
        three = Host(bucket)
        try:
            for host, text in ((two, "the key file is not this store's"), (three, "key")):
                done = host.run("--init", "--home", host.home, *host.init_options)
                assert done.returncode == 1 and text in done.stderr
                assert "nothing was changed" in done.stderr
                assert not host.home.exists() or host.files() == []
        finally:
            two.__exit__()
            three.__exit__()


def test_a_bucket_that_cannot_be_used_begins_nothing(bucket):
    (bucket.folder / ".broken").touch()
    host = Host(bucket)
    try:
        done = host.run("--init", "--home", host.home, *host.init_options)
        assert done.returncode == 1
        assert "the bucket is broken" in done.stderr and "nothing was changed" in done.stderr
        (bucket.folder / ".broken").unlink()
        host.init()
        assert bucket.keys() == ["v1/root/00000000000000000001"]
    finally:
        host.__exit__()


def test_a_root_object_of_garbage_is_refused(bucket):
    with Host(bucket):
        good = bucket.get("v1/root/00000000000000000001")
    for bad in (b"", b"garbage", good[:-1], good + b"x", b"cofr\x02" + good[5:]):
        bucket.delete("v1/root/00000000000000000001")
        bucket.put("v1/root/00000000000000000001", bad)
        host = Host(bucket)
        try:
            done = host.run("--init", "--home", host.home, *host.init_options)
            assert done.returncode == 1 and "no store of coffer's" in done.stderr
        finally:
            host.__exit__()


def test_a_store_in_a_bucket_is_read_only_without_its_settings():
    with hosts(1) as (_, one):
        one.put("A", b"v")
        one.stop()
        one.options = [option for option in one.options if "s3" not in option
                       and option not in (str(one.bucket.folder), one.options[-1])]
        one.works = False
        one.start()
        assert one.value("A") == b"v"
        with pytest.raises(Refused, match="FAILED_PRECONDITION: this store is in a bucket"):
            one.put("A", b"w")
        assert b"it can only be read" in one.log


def test_the_key_of_a_store_in_a_bucket_stays():
    with hosts(1) as (_, one), one.operator() as wire:
        for method, fields in (("RotateKey", {}), ("RewrapKey", {"passphrase": b"x"})):
            refused = wire.refused(method, **fields)
            assert refused.code == "FAILED_PRECONDITION" and "bucket" in refused.message


def test_a_secret_of_the_command_line_is_not_put_into_a_bucket(tmp_path):
    with hosts(1) as (bucket, one):
        one.stop()
        one.options += ["--secret", "A=@" + secret_file(tmp_path / "a", b"v")]
        one.works = False
        one.launch()
        assert one.wait() == 1
        assert b"the write would have to wait for the bucket" in one.log
        assert bucket.records() == []
        one.process = None


# --- into a bucket --------------------------------------------------------------------------------


def local_store(bucket, key_file):
    """A host whose store is not in the bucket yet."""
    host = Host(bucket, "--key-file", key_file, work=False)
    host.init_options = ["--key-file", key_file]
    settings, host.options = host.options, ["--key-file", key_file]
    host.init()
    host.start()
    for i in range(40):
        host.put(f"N{i}", f"value {i}".encode())
    host.put("N0", b"newer")
    host.admin("DeleteSecret", scope="global", name="N1")
    host.stop()
    host.options = settings
    host.works = True
    return host


def test_a_local_store_goes_into_a_bucket_and_others_join(bucket, tmp_path):
    key_file = secret_file(tmp_path / "key", b"k" * 32)
    one = local_store(bucket, key_file)
    try:
        one.start()
        with pytest.raises(Refused, match="run 'coffer sync --push'"):
            one.put("A", b"v")
        with pytest.raises(Refused, match="run 'coffer sync --push'"):
            one.sync()
        assert not mirror(one).joined
        reply = one.sync(push=True)
        assert reply.done and reply.pushed == 42 and reply.to_push == 0
        assert mirror(one).joined and len(bucket.records()) == 42
        assert one.sync(push=True).done  # again: nothing is left to do
        assert one.put("A", b"v") == 1
        with Host(bucket, "--key-file", key_file, init=["--key-file", key_file]) as two:
            two.sync()
            assert two.value("N0") == b"newer" and two.value("N1") is None
            assert two.value("N39") == b"value 39"
            assert two.put("N5", b"two") == 2
        one.restart()
        one.sync()
        assert one.value("N5") == b"two"
    finally:
        one.__exit__()


def test_a_push_goes_on_where_it_was_killed(bucket, tmp_path):
    one = local_store(bucket, secret_file(tmp_path / "key", b"k" * 32))
    try:
        for limit in (3, 20, 41):
            one.start()

            def act(task, worker=one.worker, limit=limit):
                if len(bucket.records()) >= limit:
                    one.process.kill()
                    worker._ended.set()
                    raise OSError
                return worker.do(task)
            one.worker.act = act
            with pytest.raises((OSError, AssertionError)):
                one.sync(push=True)
            one._reap()
            assert bucket.keys("v1/root") == []  # nobody can join half a store
        one.start()
        assert one.sync(push=True).done
        assert len(bucket.records()) == 42
        assert one.value("N0") == b"newer" and one.value("N39") == b"value 39"
    finally:
        one.__exit__()


def test_a_store_does_not_go_into_anothers_bucket(bucket, tmp_path):
    one = local_store(bucket, secret_file(tmp_path / "key", b"k" * 32))
    try:
        with Host(bucket):
            pass
        one.start()
        reply = one.sync(push=True)
        assert not reply.done and reply.problem == "the bucket holds another store"
        assert bucket.records() == [] and not mirror(one).joined
    finally:
        one.__exit__()


def test_a_push_that_fails_says_why_and_can_be_repeated(bucket, tmp_path):
    one = local_store(bucket, secret_file(tmp_path / "key", b"k" * 32))
    try:
        one.start()
        one.worker.act = lambda task: (pb.UNAVAILABLE, "503 Slow Down")
        reply = one.sync(push=True)
        assert not reply.done and reply.problem == "503 Slow Down"
        one.worker.act = one.worker.do
        assert one.sync(push=True).done
    finally:
        one.__exit__()
