"""The routes: what each of them tells, to whom, and with which status."""

import select
import signal
import socket
import threading
import time

import pytest
from coffer_test import DEADLINE, Refused, Shim, Wire, eventually, pb
from talk import MISSING, ask, begin, connect, exchange, finish, make_world, world_fixture  # noqa: F401

NOBODYS = "x" * 32
ROUTES = ["/api/run/bootstrap", "/api/run/secrets", "/api/run/secrets/A", "/api/env"]


def older(run, path):
    return f"/api/runs/{run.run_id}/{path}"


@pytest.mark.parametrize("value, wanted", [
    (b"value", {"value": "value"}),
    (b"", {"value": ""}),
    ('"\\/\u00e9\u4e16\U0001f511\n\t\x7f'.encode(), {"value": '"\\/\u00e9\u4e16\U0001f511\n\t\x7f'}),
    (b"a\0b", {"value": "a\0b"}),
    (b"x" * 65536, {"value": "x" * 65536}),
    (b"\xff", {"value_base64": "/w=="}),
    (b"\xc0\x80", {"value_base64": "wIA="}),
    (b"\xed\xa0\x80 half a pair", {"value_base64": "7aCAIGhhbGYgYSBwYWly"}),
    (b"\xfb\xef\xff" * 20000, {"value_base64": "++//" * 20000}),
], ids=["text", "empty", "awkward text", "a NUL", "long text", "a byte", "overlong", "a surrogate",
        "long bytes"])
def test_a_secret_is_told_whatever_its_bytes_are(world, value, wanted):
    """I1: with the token alone, and on the older path, the same."""
    world.daemon.put("B", value)
    for path in ("/api/run/secrets/B", older(world.run, "secrets/B")):
        answer = ask(world.shim, path, world.run.token)
        assert (answer.status, answer.json) == (200, wanted)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/run/bootstrap", "/api/runs/{}/bootstrap"])
def test_the_bootstrap_data_is_told_once(world, path):
    """I1, I2, B1"""
    run = world.daemon.create(pipeline="boot", meta={"repo": "r", "sha": "s", "pushed_at_ms": 7},
                              git_dir="/srv/git", sentry={"dsn": "d", "trace_id": "t"},
                              extras=[{"key": "k", "value": "\u00e9"}])
    path = path.format(run.run_id)
    assert ask(world.shim, path, run.token, "HEAD").status == 405, "a HEAD would take it"
    assert ask(world.shim, path, run.token).json == {
        "run_id": run.run_id, "git_dir": "/srv/git",
        "meta": {"pipeline": "boot", "repo": "r", "ref": "main", "sha": "s", "pushed_at_ms": 7},
        "sentry": {"dsn": "d", "trace_id": "t"}, "extras": {"k": "\u00e9"}}
    assert ask(world.shim, path, run.token).error == (410, "the bootstrap data was claimed before")


def test_what_a_run_can_see_is_listed_without_values(world):
    """I3, C4"""
    world.daemon.put("L", b"secret", scope="pipeline/list")
    run = world.daemon.create(pipeline="list", allow=["A", "L"])
    found = ask(world.shim, "/api/run/secrets", run.token).json
    times = [item.pop("updated_at_ms") for item in found["secrets"]]
    assert found == {"secrets": [{"name": "A", "scope": "global", "version": 1},
                                 {"name": "L", "scope": "pipeline/list", "version": 1}]}
    assert all(time > 1_600_000_000_000 for time in times)


def test_all_that_a_run_can_see_is_told_in_one_reply(world):
    """I3, C5"""
    for name, value in (("E1", b"one"), ("E2", b"\xfe"), ("E3", b"")):
        world.daemon.put(name, value, scope="pipeline/env")
    for number in range(100):  # more than a page of the daemon's
        world.daemon.put(f"F{number}", b"v" * 4000, scope="pipeline/env")
    run = world.daemon.create(pipeline="env", allow=["E*", "F*"])
    found = ask(world.shim, "/api/env", run.token).json
    assert {name: found.pop(name) for name in ("E1", "E2", "E3")} == \
        {"E1": "one", "E2": {"value_base64": "/g=="}, "E3": ""}
    assert found == {f"F{number}": "v" * 4000 for number in range(100)}
    none = world.daemon.create(pipeline="none", allow=["Z"])
    assert ask(world.shim, "/api/env", none.token).json == {}
    assert ask(world.shim, "/api/run/secrets", none.token).json == {"secrets": []}


@pytest.mark.parametrize("path", ROUTES + ["/api/runs/{}/secrets/A", "/api/runs/{}/bootstrap"])
def test_without_a_good_token_nothing_is_told(world, path):
    """I2: 401, and what is wanted instead."""
    path = path.format(world.run.run_id)
    missing = ask(world.shim, path)
    assert missing.error == (401, "a bearer token is needed")
    assert missing.headers["www-authenticate"] == 'Bearer realm="coffer"'
    token = world.run.token
    for value in (f"Bearer {NOBODYS}", f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer", "Bearer ",
                  f"Basic {token}", token, f"Bearer {token[:-1]}-", f"Bearer{token}",
                  f"Bearer {token} {token}", f"Bearer {token},"):
        wrong = ask(world.shim, path, Authorization=value)
        assert wrong.error == (401, "the token is not valid")
        assert wrong.headers["www-authenticate"] == 'Bearer realm="coffer", error="invalid_token"'


def test_on_the_older_paths_token_and_run_must_match(world):
    """I2"""
    other = world.daemon.create(pipeline="other")
    for path in ("secrets/A", "bootstrap"):
        assert ask(world.shim, older(other, path), world.run.token).error == (401, "the token is not valid")
        assert ask(world.shim, f"/api/runs/{MISSING}/{path}", world.run.token).error == \
            (404, f"unknown run '{MISSING}'")
        for no_id in ("nope", "%20", MISSING.upper().replace("0", "A"), MISSING + "0"):
            assert ask(world.shim, f"/api/runs/{no_id}/{path}", world.run.token).error == (404, "unknown run")


def test_an_error_has_the_daemons_own_words(world):
    """C3: the same on every transport."""
    world.daemon.admin("PutSecret", scope="global", writes=[{"name": "S", "source": "file:/nowhere/x"}])
    run = world.daemon.create(pipeline="words", allow=["A", "NOPE", "S"])
    service = world.daemon.admin("CreateService", name="words", scopes=["global"])
    wires = {run.token: world.daemon.runner(run), service.token: world.daemon.runner(service)}
    for status, path, token, method, fields in (
        (404, "/api/run/secrets/NOPE", run.token, "GetSecret", {"name": "NOPE"}),
        (403, "/api/run/secrets/OTHER", run.token, "GetSecret", {"name": "OTHER"}),
        (400, "/api/run/secrets/1A", run.token, "GetSecret", {"name": "1A"}),
        (409, "/api/run/secrets/S", run.token, "GetSecret", {"name": "S"}),
        (409, "/api/env", run.token, "GetEnvironment", {}),
        (404, "/api/run/bootstrap", service.token, "Bootstrap", {}),
    ):
        answer = ask(world.shim, path, token)
        with pytest.raises(Refused) as refused:
            wires[token].ask(method, **fields)
        assert answer.error == (status, refused.value.message)
    assert ask(world.shim, "/api/run/bootstrap", world.run.token).error == \
        (404, "the run has no bootstrap data")
    world.daemon.admin("DeleteSecret", scope="global", name="S")


def test_a_service_reads_with_its_token(world):
    service = world.daemon.admin("CreateService", name="reader", scopes=["global"])
    assert ask(world.shim, "/api/run/secrets/A", service.token).json == {"value": "value"}
    assert ask(world.shim, older(world.run, "secrets/A"), service.token).status == 401


def test_nothing_is_kept_from_one_request_to_the_next(world):
    """A connection that stays open has no authority of its own, and a value is the newest."""
    run = world.daemon.create(pipeline="kept")
    connection = connect(world.shim)
    world.daemon.put("K", b"1")
    assert exchange(connection, "/api/run/secrets/K", run.token).json == {"value": "1"}
    world.daemon.put("K", b"2")
    assert exchange(connection, "/api/run/secrets/K", run.token).json == {"value": "2"}
    assert exchange(connection, "/api/run/secrets/K").status == 401
    world.daemon.admin("RevokeGrant", id=run.run_id)
    assert exchange(connection, "/api/run/secrets/K", run.token).error == (401, "the token is not valid")
    connection.close()


@pytest.mark.parametrize("path, allow", [("/api/run/secrets/A", "GET, HEAD"), ("/healthz", "GET, HEAD"),
                                         ("/api/run/bootstrap", "GET"), ("/metrics", "GET, HEAD")])
def test_other_methods_are_refused_and_told_which_are_not(world, path, allow):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        answer = ask(world.shim, path, world.run.token, method)
        assert answer.error == (405, "the method is not allowed here")
        assert answer.headers["allow"] == allow
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_head_is_answered_as_a_get_without_the_body(world):
    for path in ("/api/run/secrets/A", "/api/run/secrets", "/api/env", "/healthz"):
        get, head = (ask(world.shim, path, world.run.token, method) for method in ("GET", "HEAD"))
        assert head.body == b"" and head.status == get.status
        assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize("path", ["/", "/api", "/api/run", "/api/run/secret/A", "/api/run/secrets/A/B",
                                  "/api/run/secrets/", "//api/env", "/api/env/", "/api//env", "/API/ENV",
                                  "/api/runs/{}", "/api/runs/{}/secrets", "/a/b/c/d/e/f/g/h/i/j",
                                  "/api/run/secrets/{name}/x", "/healthz2", "/.well-known/x"])
def test_another_path_is_none(world, path):
    assert ask(world.shim, path.format(world.run.run_id, name="A"), world.run.token).error == \
        (404, "there is no such path")


def test_the_audit_log_names_the_caller(world):
    """H1: the address that the caller has, and not what it says it has."""
    run = world.daemon.create(pipeline="via")
    connection = connect(world.shim)
    exchange(connection, "/api/run/secrets/A", run.token, **{"X-Forwarded-For": "192.0.2.1",
                                                            "Forwarded": "for=192.0.2.1"})
    via = "127.0.0.1:%d" % connection.sock.getsockname()[1]
    connection.close()
    records = [record for record in world.daemon.audit() if record.get("run") == run.run_id]
    assert {"Hello", "GetSecret"} <= {record["op"] for record in records if record.get("via") == via}


def test_health_and_requests_follow_the_daemon():
    """I3: away, back again, and there without an answer."""
    with make_world("--daemon-timeout", "300") as world:
        daemon, shim, token = world.daemon, world.shim, world.run.token
        assert ask(shim, "/healthz").json == {"status": "ok"}
        before = len(daemon.audit())
        daemon.stop()
        away = ask(shim, "/api/run/secrets/A", token)
        assert away.status == 503 and away.headers["retry-after"] == "1"
        eventually(lambda: ask(shim, "/healthz").status == 503, "it is seen")
        assert ask(shim, "/healthz").error == (503, "the daemon does not answer")
        assert b"\ncoffer_up 0\n" in ask(shim, "/metrics").body
        daemon.start()
        assert ask(shim, "/api/run/secrets/A", token).json == {"value": "value"}
        eventually(lambda: ask(shim, "/healthz").status == 200, "it is seen")
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            assert ask(shim, "/api/run/secrets/A", token).status == 504
            eventually(lambda: ask(shim, "/healthz").status == 503, "it is seen")
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        assert ask(shim, "/api/run/secrets/A", token).json == {"value": "value"}
        probes = [record for record in daemon.audit()[before:] if record["outcome"] != "OK"
                  and record["op"] != "GetSecret"]
        assert not probes, "to look at the daemon's health leaves no record"


def samples(text):
    """{name with labels: value} of Prometheus' text format; each must be announced before, once."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types and kind in ("counter", "gauge", "histogram", "summary")
            types[name] = kind
        elif not line.startswith("# HELP "):
            name, _, value = line.rpartition(" ")
            plain = name.partition("{")[0]
            family = next((plain.removesuffix(end) for end in ("_bucket", "_sum", "_count")
                           if plain.removesuffix(end) in types), plain)
            assert family in types and name not in found, line
            found[name] = float(value)
    assert text.endswith("\n")
    return found


def test_replies_are_counted_by_route_and_status():
    """I3"""
    with make_world() as world:
        for _ in range(3):
            ask(world.shim, "/api/run/secrets/A", world.run.token)
        ask(world.shim, "/api/run/secrets/NOPE", world.run.token)
        ask(world.shim, "/api/env")
        ask(world.shim, "/nowhere", Host="evil.example")
        answer = ask(world.shim, "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = samples(answer.body.decode())
        one = 'route="/api/run/secrets/{name}"'
        assert found["coffer_http_replies_total{%s,code=\"200\"}" % one] == 3
        assert found["coffer_http_replies_total{%s,code=\"404\"}" % one] == 1
        assert found['coffer_http_replies_total{route="/api/env",code="401"}'] == 1
        assert found['coffer_http_replies_total{route="other",code="421"}'] == 1
        buckets = [value for name, value in found.items()
                   if name.startswith("coffer_http_reply_seconds_bucket{%s" % one)]
        assert buckets == sorted(buckets) and buckets[-1] == 4
        assert found["coffer_http_reply_seconds_count{%s}" % one] == 4
        assert found["coffer_up"] == 1 and found["coffer_http_connections"] >= 1
        assert not [name for name in found if name.startswith("coffer_calls")], "it was not asked"
        for text in (world.run.token, world.run.run_id, "NOPE", "nowhere"):
            assert text.encode() not in answer.body


def test_the_daemons_counters_are_told_where_its_operator_socket_is_given(world):
    """I3"""
    with Shim(world.daemon.socket, "--admin-socket", world.daemon.admin_socket) as shim:
        ask(shim, "/api/run/secrets/A", world.run.token)
        found = samples(ask(shim, "/metrics").body.decode())
        calls = {method.method: method.calls for method in world.daemon.admin("Status").methods}
        assert found['coffer_call_seconds_count{method="GetSecret"}'] == calls["GetSecret"] > 0
        assert found["coffer_up"] == found["coffer_audit_writable"] == 1
        assert not [name for name in found if name.startswith("coffer_mirror")], "it has none"


def test_who_asks_often_makes_the_daemon_be_asked_once_a_second(world):
    """/metrics needs no token: a flood of it took all of the operator socket's connections, and filled the log."""
    def asked():
        return next(method.calls for method in world.daemon.admin("Status").methods if method.method == "Status")
    with Shim(world.daemon.socket, "--admin-socket", world.daemon.admin_socket) as shim:
        began, before = time.monotonic(), asked()
        for _ in range(50):
            assert samples(ask(shim, "/metrics").body.decode())["coffer_audit_writable"] == 1
        after = asked()
        assert 1 < after - before <= 3 + (time.monotonic() - began)


def test_one_question_alone_waits_for_a_daemon_that_hangs(world, folder):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "admin.sock"))
        listener.listen()
        listener.settimeout(DEADLINE)
        with Shim(world.daemon.socket, "--admin-socket", folder / "admin.sock", "--daemon-timeout", "60000") as shim:
            waiting = begin(shim, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            question, _ = listener.accept()
            assert b"\ncoffer_up 1\n" in ask(shim, "/metrics").body
            assert not select.select([waiting], [], [], 0)[0]
            answer_status(question)
            assert b"\ncoffer_audit_writable 1\n" in finish(waiting)


def test_an_operator_socket_that_does_not_answer_is_told_to_operators(world):
    with Shim(world.daemon.socket, "--admin-socket", world.daemon.home / "none") as shim:
        found = samples(ask(shim, "/metrics").body.decode())
        assert found["coffer_up"] == 1 and "coffer_secrets" not in found
        assert b"warning: the daemon's counters: cannot connect" in shim.log


MIRROR = {"joined": True, "connected": True, "view_at_ms": 1010, "problem": "away", "waiting": 102, "objects": 103,
          "refused": 104}
METHOD = {"calls": 110, "errors": 111, "p50_us": 112, "p90_us": 113, "p99_us": 114, "total_us": 115}
STATUS = {"started_at_ms": 1000, "connections": 2, "secrets": 3, "versions": 4, "runs_live": 5, "services_live": 6,
          "revision": 7, "audit_seq": 8, "audit_oldest_seq": 9, "audit_bytes": 10, "audit_delays": 11,
          "audit_writable": True, "arena_used": 12, "arena_peak": 13, "arena_size": 14, "store_bytes": 15,
          "key_epoch": 16, "key_rotating": True, "backup_at_ms": 17000, "protocol": 18, "schema": 19,
          "server": "s\"}\\", "sqlite": "q", "libsodium": "l", "cipher": "c"}


def answer_status(connection):
    """A caller's Status, with a number of its own in each field."""
    with Wire(connection) as wire:
        request = pb.Request.FromString(wire.recv_frame())
        status = pb.StatusResponse(**STATUS, mirror=pb.MirrorStatus(**MIRROR), methods=[{"method": "M", **METHOD}])
        wire.send_frame(pb.Response(id=request.id, body=status.SerializeToString()).SerializeToString())


def test_each_number_of_the_daemons_is_told_under_its_name(world, folder):
    """Also those of a bucket. A new field of Status needs a line in status.c, and one here."""
    told = {"uptime_ms", "mirror", "methods"}  # the start's time, and the tables
    assert {field.name for field in pb.StatusResponse.DESCRIPTOR.fields} == set(STATUS) | told
    assert {field.name for field in pb.MethodStatus.DESCRIPTOR.fields} == set(METHOD) | {"method"}
    assert {field.name for field in pb.MirrorStatus.DESCRIPTOR.fields} == set(MIRROR) | {"bucket", "endpoint"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "admin"))
        listener.listen()
        thread = threading.Thread(target=lambda: answer_status(listener.accept()[0]))
        thread.start()
        with Shim(world.daemon.socket, "--admin-socket", folder / "admin") as shim:
            text = ask(shim, "/metrics").body.decode()
        thread.join()
    found = samples(text)
    wanted = {"start_time_seconds": 1, "connections": 2, "secrets": 3, "versions": 4, "runs_live": 5,
              "services_live": 6, "revision_total": 7, "audit_records_total": 8, "audit_oldest_record": 9,
              "audit_bytes": 10, "audit_delays_total": 11, "audit_writable": 1, "arena_used_bytes": 12,
              "arena_peak_bytes": 13, "arena_size_bytes": 14, "store_bytes": 15, "key_epoch": 16, "key_rotating": 1,
              "backup_time_seconds": 17, "mirror_joined": 1, "mirror_connected": 1, "mirror_view_time_seconds": 1.01,
              "mirror_problem": 1, "mirror_waiting": 102, "mirror_objects": 103, "mirror_refused_total": 104,
              'errors_total{method="M"}': 111, 'call_seconds{method="M",quantile="0.5"}': 0.000112,
              'call_seconds{method="M",quantile="0.9"}': 0.000113, 'call_seconds{method="M",quantile="0.99"}': 0.000114,
              'call_seconds_sum{method="M"}': 0.000115, 'call_seconds_count{method="M"}': 110, "up": 1,
              'info{server="s?}?",sqlite="q",libsodium="l",cipher="c",protocol="18",schema="19"}': 1}
    assert {name.removeprefix("coffer_"): value for name, value in found.items()
            if not name.startswith("coffer_http")} == wanted
