"""coffer-s3 serve, between a daemon that the test plays and an S3 server that fails as the test wants."""

import os
import secrets
import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from coffer_test import DEADLINE, Daemon, eventually, is_sanitized, pb
from mirror_daemon import MirrorDaemon
from radosgw import ACCESS_KEY, SECRET_KEY, free_ports
from s3_program import Worker

PUT, GET, ERASE, LIST = pb.MIRROR_PUT, pb.MIRROR_GET, pb.MIRROR_ERASE, pb.MIRROR_LIST


def record(version=1, name=None):
    return f"v1/{name or secrets.token_hex(32)}/{version:020}"


def batch():
    return f"v1/batch/{secrets.token_hex(16)}"


def stored(server, *keys):
    """Puts objects behind the worker's back; {key: body} of them."""
    objects = {key: f"body of {key}".encode() for key in keys}
    with server.lock:
        server.objects.update({"coffer/" + key: body for key, body in objects.items()})
    return objects


@contextmanager
def working(server, folder, **settings):
    """A daemon whose worker has looked at the bucket once."""
    with MirrorDaemon(folder / "admin.sock") as daemon, \
            Worker(server, daemon.path, **settings) as worker:
        daemon.worker = worker
        daemon.wait_for(lambda: daemon.view_ms, "a first look at the bucket")
        yield daemon


@pytest.fixture
def daemon(faulty, folder):
    with working(faulty, folder) as running:
        yield running


# --- tasks


def test_tasks_are_carried_out_and_their_results_told(daemon, faulty):
    key = record()
    assert daemon.run(PUT, key, b"body") == ("OK", "")
    assert faulty.objects == {"coffer/" + key: b"body"}
    assert daemon.run(PUT, key, b"other") == ("ALREADY_EXISTS", "the object exists")
    assert faulty.objects == {"coffer/" + key: b"body"}
    assert daemon.code(PUT, key, b"body") == "OK", "its own is no conflict"
    assert daemon.code(GET, key) == "OK"
    assert daemon.applied == {key: b"body"}, "what was fetched is here before its result"
    assert daemon.code(GET, record()) == "NOT_FOUND"
    assert daemon.run(ERASE, key, b"body") == ("OK", "")
    assert faulty.objects == {"coffer/" + key: b""}
    assert daemon.code(ERASE, key) == "OK"
    assert daemon.code(PUT, key, b"body") == "ALREADY_EXISTS", "its place stays taken"
    assert daemon.code(GET, key) == "OK"
    assert daemon.applied == {key: b""}
    assert daemon.code(LIST) == "OK"
    assert daemon.problems == []


def test_a_task_that_cannot_be_is_answered_too(daemon):
    for key in ("", "../x", "v1/ ", "v1/" + "x" * 300, "v1/\0"):
        assert daemon.code(PUT, key, b"body") != "OK"
    assert daemon.code(17, "v1/x") == daemon.code(3, "v1/x") == "UNIMPLEMENTED"
    assert daemon.code(PUT, record(), b"") == "OK"


@pytest.mark.parametrize("settings", [
    {}, {"single_writer": "yes"}, {"encrypt": "sse-s3"},
    {"encrypt": "sse-c", "sse_c_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}])
def test_what_is_to_be_erased_is_overwritten_whatever_is_there(faulty, folder, settings):
    key, missing = record(), record()
    with working(faulty, folder, **settings) as daemon:
        assert daemon.code(PUT, key, b"body") == "OK"
        faulty.log.clear()
        faulty.fail("SlowDown", 2, "PUT")
        faulty.fail("unclear", 1, "PUT")
        assert daemon.code(ERASE, key) == daemon.code(ERASE, missing) == "OK"
    assert faulty.objects == {"coffer/" + key: b"", "coffer/" + missing: b""}
    puts = [headers for method, _, headers in faulty.log if method == "PUT"]
    assert len(puts) == 5
    sse = "x-amz-server-side-encryption"
    for headers in puts:
        assert "if-none-match" not in headers and headers["content-length"] == "0"
        assert (sse in headers) == (settings.get("encrypt") == "sse-s3")
        assert (sse + "-customer-key" in headers) == ("sse_c_key" in settings)


def test_many_tasks_run_at_a_time_and_never_more_than_allowed(faulty, folder):
    with working(faulty, folder, parallel=4) as daemon:
        faulty.hold.clear()
        tasks = [daemon.add(PUT, record(), b"body") for _ in range(40)]
        faulty.wait_for(lambda: faulty.running == 4, "four requests at a time")
        faulty.hold.set()
        assert {daemon.result(task) for task in tasks} == {("OK", "")}
        assert faulty.most_running == 4
        assert len(faulty.objects) == 40


def test_a_busy_store_is_waited_for(daemon, faulty):
    faulty.fail("SlowDown", 3, "PUT")
    assert daemon.code(PUT, record(), b"body") == "OK"
    assert faulty.count("PUT") == 4
    assert daemon.problems == []


def test_a_write_whose_answer_was_lost_is_told_as_done(daemon, faulty):
    faulty.fail("unclear", 2, "PUT")
    assert daemon.code(PUT, record(), b"body") == "OK"


def test_a_store_that_does_not_answer_is_given_up_and_found_again(faulty, folder):
    key = record()
    with working(faulty, folder, give_up_ms=100) as daemon:
        faulty.fail("SlowDown")
        code, message = daemon.run(PUT, key, b"body")
        assert code == "UNAVAILABLE"
        assert "the store asks to slow down" in message
        daemon.wait_for(lambda: daemon.problem, "the daemon is told")
        assert "the store asks to slow down" in daemon.problem
        faulty.mend()
        daemon.wait_for(lambda: not daemon.problem, "the daemon is told that it is over")
        assert daemon.code(PUT, key, b"body") == "OK"


def test_a_write_ends_in_its_time_however_long_a_request_may_take(faulty, folder):
    with working(faulty, folder, give_up_ms=200, timeout_ms=600000) as daemon:
        faulty.fail("hang", -1, "PUT")
        code, message = daemon.run(PUT, record(), b"body")
        assert (code, "Timeout was reached" in message) == ("UNAVAILABLE", True)


@pytest.mark.parametrize("kind, code, words", [
    ("AccessDenied", "PERMISSION_DENIED", "the store denies access"),
    ("PermanentRedirect", "FAILED_PRECONDITION", "is not at http://127.0.0.1"),
    ("NotImplemented", "UNIMPLEMENTED", "in single-writer mode"),
    ("page", "FAILED_PRECONDITION", "words that are not S3's"),
])
def test_a_write_that_is_refused_is_told_at_once(daemon, faulty, kind, code, words):
    faulty.fail(kind, 1, "PUT")
    told = daemon.run(PUT, record(), b"body")
    assert told[0] == code
    assert words in told[1]
    assert faulty.count("PUT") == 1


def test_in_single_writer_mode_nothing_is_overwritten_either(faulty, folder):
    faulty.conditional = False
    key = record()
    with working(faulty, folder, single_writer="yes") as daemon:
        assert daemon.code(PUT, key, b"body") == "OK"
        assert daemon.code(PUT, key, b"other") == "ALREADY_EXISTS"
        assert faulty.objects == {"coffer/" + key: b"body"}
    assert not any("if-none-match" in headers for _, _, headers in faulty.log)


def test_of_two_hosts_that_write_one_version_exactly_one_wins(bucket, folder):
    keys = [record() for _ in range(10)]
    with ExitStack() as stack:
        hosts = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            hosts.append(stack.enter_context(working(bucket, folder / name)))
        tasks = [(host, host.add(PUT, key, f"of host {n} {key}".encode()))
                 for key in keys for n, host in enumerate(hosts)]
        codes = [host.result(task)[0] for host, task in tasks]
    for n, key in enumerate(keys):
        pair = codes[2 * n:2 * n + 2]
        assert sorted(pair) == ["ALREADY_EXISTS", "OK"]
        assert bucket.get("coffer/" + key) == f"of host {pair.index('OK')} {key}".encode()


# --- looks at the bucket


def test_the_first_look_brings_what_is_there(faulty, folder):
    faulty.page = 7
    before = int(time.time() * 1000)
    name = secrets.token_hex(32)
    objects = stored(faulty, *[record() for _ in range(100)], record(1, name), record(2, name),
                     record(18446744073709551615), *[batch() for _ in range(10)])
    stored(faulty, "v1/root/00000000000000000001", "v1/" + "A" * 64 + "/" + "0" * 19 + "1",
           "v1/short/1", record(0), "v1/batch/xyz", "v2/batch/" + "0" * 32, record()[:-1])
    with working(faulty, folder) as daemon:
        assert daemon.applied == objects
        offered = [key for keys in daemon.offers for key in keys]
        assert sorted(offered) == sorted(objects)
        assert all("batch" in key for key in offered[:10]), "those of batches first"
        assert before <= daemon.view_ms <= time.time() * 1000
        assert len(daemon.applies) < len(objects), "many at a time"


def test_batches_are_listed_before_records(daemon, faulty):
    lists = [path for _, path, _ in faulty.log]
    assert ["batch" in path for path in lists] == [True, False]


def test_many_objects_come_in_offers_that_fit_a_message(faulty, folder):
    objects = stored(faulty, *[record() for _ in range(900)])
    with working(faulty, folder, parallel=32) as daemon:
        assert daemon.applied == objects
        assert len(daemon.offers) == 2
        assert faulty.most_running <= 32


def test_large_objects_come_in_messages_that_the_daemon_takes(faulty, folder):
    large = {record(): secrets.token_bytes(60000 + n) for n in range(6)}
    stored(faulty, record())
    faulty.objects.update({"coffer/" + key: body for key, body in large.items()})
    with working(faulty, folder) as daemon:  # which asserts it
        assert large.items() <= daemon.applied.items()


def test_the_largest_objects_are_taken_by_a_daemon_that_is_set_to_them(faulty, folder):
    key, frame_max = record(), 1052672
    body = secrets.token_bytes(frame_max - 1024)
    faulty.objects["coffer/" + key] = body
    with MirrorDaemon(folder / "admin.sock", frame_max) as daemon, \
            Worker(faulty, daemon.path, frame_max=frame_max):
        daemon.wait_for(lambda: daemon.view_ms, "a look at the bucket")
        assert daemon.applied == {key: body}
        other = record()
        assert daemon.run(PUT, other, body) == ("OK", "")
        assert faulty.objects["coffer/" + other] == body


def test_what_is_known_is_not_offered_again_and_what_is_new_is(daemon, faulty):
    first = stored(faulty, record(), record())
    assert daemon.code(LIST) == "OK"
    assert daemon.applied == first
    assert daemon.code(LIST) == "OK"  # offers them once more, and is told that they are known
    offers = len(daemon.offers)
    assert daemon.code(LIST) == "OK"
    assert len(daemon.offers) == offers
    second = stored(faulty, record())
    assert daemon.code(LIST) == "OK"
    assert daemon.offers[offers:] == [list(second)]
    assert daemon.applied == {**first, **second}


def test_what_was_erased_is_not_offered(daemon, faulty):
    key, = stored(faulty, record())
    faulty.objects["coffer/" + record()] = b""
    assert daemon.code(LIST) == "OK"
    assert daemon.offers == [[key]]


def test_what_the_daemon_wants_later_is_offered_again(daemon, faulty):
    key, = stored(faulty, record())
    daemon.verdict = lambda _: "later"
    for _ in range(3):
        assert daemon.code(LIST) == "OK"
    assert daemon.offers == [[key]] * 3
    assert not daemon.applied
    daemon.verdict = lambda _: "wanted"
    assert daemon.code(LIST) == "OK"
    assert list(daemon.applied) == [key]


def test_looks_are_repeated_by_themselves(faulty, folder):
    with working(faulty, folder, sync_interval_ms=20) as daemon:
        view = daemon.view_ms
        objects = stored(faulty, record())
        daemon.wait_for(lambda: daemon.applied == objects, "it comes by itself")
        daemon.wait_for(lambda: daemon.view_ms > view, "a younger view")


def test_a_list_that_is_asked_for_during_a_look_gets_one_of_its_own(daemon, faulty):
    faulty.hold.clear()
    first = daemon.add(LIST)
    faulty.wait_for(lambda: faulty.count("GET", "batch") == 2, "the first look has begun")
    second = daemon.add(LIST)
    assert daemon.code(PUT, "", b"") != "OK", "the second was seen"
    faulty.hold.set()
    daemon.result(first)
    assert daemon.result(second)[0] == "OK"
    assert faulty.count("GET", "batch") == 3


def test_a_write_does_not_wait_for_all_that_a_look_fetches(faulty, folder):
    with working(faulty, folder, parallel=2) as daemon:
        objects = stored(faulty, *[record() for _ in range(100)])

        def verdict(_):
            faulty.hold.clear()
            return "wanted"
        daemon.verdict = verdict
        look = daemon.add(LIST)
        faulty.wait_for(lambda: faulty.count("GET", "/0000") == 2, "the first are being fetched")
        before = len(faulty.log)
        write = daemon.add(PUT, record(), b"body")
        daemon.wait_for(lambda: daemon.waiting, "the worker has the task")
        faulty.hold.set()
        assert daemon.result(write)[0] == daemon.result(look)[0] == "OK"
        assert daemon.applied == objects
        assert [method for method, _, _ in faulty.log[before:]].index("PUT") <= 4


def test_what_is_deleted_between_list_and_fetch_is_passed_over(daemon, faulty):
    objects = stored(faulty, *[record() for _ in range(5)])
    gone = list(objects)[2]
    faulty.fail("NoSuchKey", -1, "GET", gone)
    assert daemon.code(LIST) == "OK"
    assert daemon.applied.keys() == objects.keys() - {gone}


def test_an_object_without_end_does_not_stop_the_others(daemon, faulty):
    objects = stored(faulty, *[record() for _ in range(5)])
    huge = list(objects)[2]
    faulty.fail("endless", -1, "GET", huge)
    assert daemon.code(LIST) == "OK"
    assert daemon.applied.keys() == objects.keys() - {huge}
    daemon.worker.wait_log(huge)
    assert daemon.code(LIST) == "OK"
    assert faulty.count("GET", huge) == 1, "it is not fetched again and again"


@pytest.mark.parametrize("kind, words", [
    ("AccessDenied", "the store denies access"),
    ("NoSuchBucket", "there is no bucket"),
    ("garbage", "words that are not S3's"),
    ("bomb", "words that are not S3's"),
    ("endless", "larger than"),
    ("SlowDown", "the store asks to slow down"),
    ("page", "words that are not S3's"),
    ("cut", "http://127.0.0.1"),
    ("hang", "Timeout was reached"),
])
def test_a_listing_that_fails_is_a_problem_until_one_works(faulty, folder, kind, words):
    objects = stored(faulty, record())
    with working(faulty, folder, give_up_ms=200, timeout_ms=200) as daemon:
        view = daemon.view_ms
        faulty.fail(kind)
        code, message = daemon.run(LIST)
        assert code != "OK"
        assert words in message
        daemon.wait_for(lambda: daemon.problem, "the daemon is told")
        assert words in daemon.problem
        assert daemon.view_ms == view, "the view is as old as it is"
        faulty.mend()
        daemon.wait_for(lambda: not daemon.problem, "the daemon is told that it is over")
        daemon.wait_for(lambda: daemon.view_ms > view, "a younger view")
        assert daemon.applied == objects, "nothing was lost"


def test_a_short_failure_of_a_listing_is_no_problem(daemon, faulty):
    faulty.fail("SlowDown", 2, "GET")
    faulty.fail("cut", 1, "GET")
    assert daemon.code(LIST) == "OK"
    assert daemon.problems == []


def test_a_page_that_fails_in_the_middle_loses_nothing(daemon, faulty):
    faulty.page = 5
    objects = stored(faulty, *[record() for _ in range(30)])
    faulty.fail("AccessDenied", 1, "GET", "continuation")
    assert daemon.code(LIST) == "PERMISSION_DENIED"
    assert not daemon.applied
    daemon.wait_for(lambda: daemon.applied == objects, "it was looked again")


def test_a_store_that_is_away_is_a_problem_until_it_is_back(folder):
    class Away:
        name = "bucket"
        endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"

    with MirrorDaemon(folder / "admin.sock") as daemon, \
            Worker(Away, daemon.path, give_up_ms=200) as worker:
        daemon.wait_for(lambda: daemon.problem, "the daemon is told")
        assert "Couldn't connect to server" in daemon.problem
        assert daemon.code(LIST) == "UNAVAILABLE"
        assert daemon.view_ms == 0
        assert len(daemon.problems) == 1, "the same is told once"
        assert worker.log.count("the bucket cannot be used") == 1


# --- the daemon


def test_a_daemon_that_cannot_take_objects_is_no_problem_of_the_bucket(daemon, faulty):
    objects = stored(faulty, record(), record())
    daemon.refuse["MirrorApply"] = "UNAVAILABLE", "the disk is full"
    code, message = daemon.run(LIST)
    assert (code, "the disk is full" in message) == ("UNAVAILABLE", True)
    assert daemon.run(GET, list(objects)[0]) == ("INTERNAL", "the disk is full")
    assert daemon.problems == []
    daemon.refuse.clear()
    daemon.wait_for(lambda: daemon.applied == objects, "it was tried again")


def test_results_that_the_daemon_refuses_are_told_again(daemon, faulty):
    faulty.hold.clear()
    task = daemon.add(PUT, record(), b"body")
    faulty.wait_for(lambda: faulty.count("PUT"), "the write has begun")
    daemon.wait_for(lambda: daemon.waiting, "the next request for tasks")
    daemon.refuse["MirrorTasks"] = "UNAVAILABLE", "the audit log cannot be written"
    faulty.hold.set()
    daemon.worker.wait_log("the audit log cannot be written")
    assert task not in daemon.results
    daemon.refuse.clear()
    assert daemon.result(task)[0] == "OK"


def test_a_daemon_that_comes_anew_is_offered_all(daemon, faulty):
    objects = stored(faulty, *[record() for _ in range(5)])
    for _ in range(3):
        assert daemon.code(LIST) == "OK"
    faulty.hold.clear()
    lost = daemon.add(PUT, record(), b"lost with its daemon")
    faulty.wait_for(lambda: faulty.count("PUT"), "the write has begun")
    daemon.wait_for(lambda: daemon.waiting, "the worker has said all that it has to say")
    with daemon.lock:
        daemon.disconnect()
        daemon.applied.clear()
        daemon.offers.clear()
        daemon.view_ms = 0
    daemon.wait_for(lambda: daemon.connections == 2, "a second connection")
    faulty.hold.set()
    daemon.wait_for(lambda: daemon.view_ms, "a look for the new one")
    assert objects.items() <= daemon.applied.items()
    assert daemon.code(LIST) == "OK"
    assert lost not in daemon.results, "a result of the one before means nothing to it"


def test_the_daemon_may_come_later(faulty, folder):
    with Worker(faulty, folder / "admin.sock"):
        with MirrorDaemon(folder / "admin.sock") as daemon:
            daemon.wait_for(lambda: daemon.view_ms, "a look at the bucket")


@pytest.mark.parametrize("answer", [b"\x00", b"\xff\xff\xff\xff", b"\x05hello", b"\x02\x20\x03"])
def test_a_daemon_that_sends_garbage_is_left(daemon, answer):
    with daemon.lock:
        daemon.wires[0].send(answer)
    daemon.wait_for(lambda: daemon.connections == 2, "a new connection")
    assert daemon.code(LIST) == "OK"


# --- the processes


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_worker_that_dies_is_started_again(daemon, faulty):
    first, = children(daemon.worker.process.pid)
    os.kill(first, signal.SIGKILL)
    daemon.wait_for(lambda: daemon.connections == 2, "a second worker")
    second, = children(daemon.worker.process.pid)
    assert first != second
    assert daemon.code(PUT, record(), b"body") == "OK"
    assert "the worker was ended by signal 9" in daemon.worker.log


def test_the_worker_ends_with_the_process_that_watches_it(faulty, folder):
    with working(faulty, folder) as daemon:
        pid, = children(daemon.worker.process.pid)
        daemon.worker.kill()
        eventually(lambda: not is_alive(pid), "the worker ends")


def test_it_ends_with_a_daemon_that_is_killed(faulty, folder):
    """One that is locked into Landlock sends no signal when it dies, whatever its child has asked for."""
    secret = folder / "secret"
    secret.write_text(SECRET_KEY)
    secret.chmod(0o600)
    options = ["--s3-bucket", faulty.name, "--s3-endpoint", faulty.endpoint,
               "--s3-access-key-id", ACCESS_KEY, "--s3-secret-access-key-file", secret,
               "--s3-helper", os.environ["COFFER_S3"]]
    with Daemon(*options, init=options) as daemon:
        eventually(lambda: daemon.admin("Status").mirror.view_at_ms, "a look at the bucket")
        watcher, = children(daemon.pid)
        worker, = children(watcher)
        daemon.process.kill()
        eventually(lambda: not is_alive(watcher) and not is_alive(worker), "both end")


def test_it_ends_when_it_is_told_to(faulty, folder):
    with working(faulty, folder) as daemon:
        pid, = children(daemon.worker.process.pid)
        daemon.worker.process.terminate()
        assert daemon.worker.process.wait(DEADLINE) == 0
        assert not is_alive(pid)


def test_it_works_hardened(daemon):
    for pid in (daemon.worker.process.pid, *children(daemon.worker.process.pid)):
        status = dict(line.split(":\t", 1)
                      for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2" or is_sanitized()
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert next(line for line in limits.splitlines()
                    if line.startswith("Max core file size")).split()[4:6] == ["0", "0"]
        assert sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))[:3] == [0, 1, 2]
