"""A job that has only an https URL and a token: coffer exec and the other verbs of a run against coffer-http. (F4, I1)

And against servers that are none, or not the right one: what they get, and what is said of it."""

import contextlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from coffer_test import DEADLINE, Certificates, Daemon, Shim, eventually

VALUE = "a value of the secret A"
BINARY = bytes(range(256))
MARKER = "***REDACTED***"


@pytest.fixture(scope="module")
def daemon():
    with Daemon() as running:
        running.put("A", VALUE.encode())
        running.put("BINARY", BINARY)
        yield running


@pytest.fixture(scope="module")
def shim(daemon):
    with Shim(daemon.socket, tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def run(daemon):
    return daemon.create(pipeline="shared")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"), name="test-ca")


class Job:
    """What a job's environment is, and coffer in it."""

    def __init__(self, url, token, ca=None, **variables):
        kept = {name: value for name, value in os.environ.items()
                if name == "PATH" or name.endswith("SAN_OPTIONS")}
        self.environ = {**kept, "SECRETS_API_URL": url, "SECRETS_API_TOKEN": token, "V": "secret:A", **variables}
        if ca:
            self.environ["COFFER_CA_FILE"] = str(ca)

    def start(self, *words, program=None):
        return subprocess.Popen([program or os.environ["COFFER"], *map(str, words)], env=self.environ,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words, program=None):
        with self.start(*words, program=program) as process:
            out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err.decode()

    def refused(self, *words, status=125):
        """The message of what fails before it begins."""
        code, out, err = self.run(*words)
        assert (code, out) == (status, b""), err
        assert self.environ["SECRETS_API_TOKEN"] not in err
        return err


@pytest.fixture
def job(shim, run):
    return Job(shim.url, run.token, shim.ca)


class Server:
    """An https server that answers as a function says, and keeps what it was asked."""

    def __init__(self, answer, cert, key):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer: halves of it wait for each other

            def do_GET(self):
                outer.asked.append((self.path, self.headers["Authorization"]))
                with contextlib.suppress(OSError):
                    answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def says(body, status=200, **headers):
    """A function that answers so."""
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
    return answer


GOOD = says(json.dumps({"value": VALUE}).encode())
TOKEN = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture
def served(certificates):
    """served(answer): a server with a good certificate, and a job that trusts it."""
    with contextlib.ExitStack() as stack:
        def serve(answer, **issue):
            cert, key = certificates.issue(f"server-{len(issue)}-{'-'.join(map(str, issue))}", **issue)
            server = stack.enter_context(Server(answer, cert, key))
            return server, Job(server.url, TOKEN, certificates.ca)
        yield serve


# --- against coffer-http --------------------------------------------------------------------------


def test_a_command_gets_its_values_and_its_output_none_of_them(job, run):
    status, out, err = job.run("exec", "--", "sh", "-c", 'echo "${#V} $V"; env')
    assert (status, err) == (0, "")
    assert out.decode().splitlines()[0] == f"{len(VALUE)} {MARKER}"
    assert run.token.encode() not in out and b"SECRETS_API_TOKEN" not in out


def test_all_that_is_visible_and_a_name_of_ones_own(daemon, shim):
    run = daemon.create(pipeline="narrow", allow=["A"])
    job = Job(shim.url, run.token, shim.ca, V="plain")
    status, out, err = job.run("exec", "--all", "--set", "OTHER=A", "--no-redact", "--", "sh", "-c",
                               'echo "$A/$OTHER/$V"')
    assert (status, out.decode(), err) == (0, f"{VALUE}/{VALUE}/plain\n", "")


def test_get_prints_a_value_byte_for_byte(job):
    assert job.run("get", "A") == (0, VALUE.encode(), "")
    assert job.run("get", "BINARY") == (0, BINARY, "")


def test_every_missing_secret_is_named_in_the_daemons_words(job):
    job.environ.update(W="secret:GONE_1", X="secret:GONE_2")
    err = job.refused("exec", "--", "echo", "started")
    assert err.splitlines() == ["coffer: exec: W: unknown secret 'GONE_1'", "coffer: exec: X: unknown secret 'GONE_2'"]
    assert job.refused("get", "GONE_1", status=1).startswith("coffer: get: unknown secret 'GONE_1'")


@pytest.mark.parametrize("name", ["../../env", "A/../../env", "A?x", "A#x", "A%2e", "", "A B", "A\nB"])
def test_what_is_no_name_is_not_asked_for(job, daemon, name):
    before = len(daemon.audit())
    assert "that is not a secret's name" in job.refused("get", name, status=1)
    assert len(daemon.audit()) == before


def test_bootstrap_data_is_claimed_once(daemon, shim):
    run = daemon.create(git_dir="/srv/it's.git", extras=[{"key": "color", "value": "blue"}])
    job = Job(shim.url, run.token, shim.ca)
    status, out, err = job.run("bootstrap")
    assert (status, err) == (0, "")
    lines = out.decode().splitlines()
    assert f"RUN_ID='{run.run_id}'" in lines and "GIT_DIR='/srv/it'\\''s.git'" in lines
    assert "EXTRA_color='blue'" in lines
    assert "claimed before" in job.refused("bootstrap", status=1)
    run = daemon.create(git_dir="/srv/git/app.git")
    status, out, err = Job(shim.url, run.token, shim.ca).run("bootstrap", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["git_dir"] == "/srv/git/app.git"


def test_a_token_that_is_not_valid_is_told_at_once_and_neither_cache_nor_fallback_used(shim, folder):
    job = Job(shim.url, "x" * 32, shim.ca)
    (folder / "fallback.env").write_text("A=of the fallback\n")
    err = job.refused("exec", "--fallback", folder / "fallback.env", "--cache", folder / "cache", "--", "true")
    assert err.startswith("coffer: exec: the token is not valid") and err.count("\n") == 1
    job = Job(shim.url, "too short", shim.ca)
    assert job.refused("exec", "--", "true").startswith("coffer: exec: the token is not 32 letters and digits")


def test_a_daemon_that_is_away_behind_the_server_is_waited_for():
    with Daemon() as daemon, Shim(daemon.socket, tls=True) as shim:
        daemon.put("A", VALUE.encode())
        run = daemon.create()
        daemon.stop()
        job = Job(shim.url, run.token, shim.ca)
        with job.start("exec", "--timeout", "2m", "--", "sh", "-c", 'echo "${#V}"') as process:
            assert b"coffer: exec: waiting for the daemon: " in process.stderr.readline()
            daemon.start()
            assert process.communicate(timeout=DEADLINE) == (f"{len(VALUE)}\n".encode(), b"")
        assert process.returncode == 0


def test_while_nobody_answers_the_values_come_from_the_cache(daemon, run, folder):
    with Shim(daemon.socket, tls=True) as shim:
        job = Job(shim.url, run.token, shutil.copy(shim.ca, folder))
        words = ["exec", "--cache", folder / "cache", "--timeout", "1s", "--no-redact", "--", "sh", "-c", 'echo "$V"']
        assert job.run(*words) == (0, f"{VALUE}\n".encode(), "")
    status, out, err = job.run(*words)
    assert (status, out.decode()) == (0, f"{VALUE}\n")
    waiting, away, cached = err.splitlines()
    assert waiting.startswith("coffer: exec: waiting for the daemon: the server cannot be asked: Failed to connect")
    assert away.startswith("coffer: exec: the daemon did not come within 1 s: ")
    assert cached.startswith("coffer: exec: warning: using values cached 0 s ago in ") or "s ago" in cached


def test_without_tls_only_a_loopback_address_is_asked(daemon, run):
    with Shim(daemon.socket) as shim:
        assert shim.url.startswith("http://127.0.0.1:")
        for url in (shim.url, shim.url.replace("127.0.0.1", "localhost")):
            job = Job(url, run.token, http_proxy="http://127.0.0.1:1", all_proxy="http://127.0.0.1:1")
            assert job.run("get", "A") == (0, VALUE.encode(), "")
        for host in ("192.0.2.1", "host.example", "127.0.0.1.example", "[::ffff:192.0.2.1]", "128.0.0.1"):
            err = Job(f"http://{host}:{shim.port}", run.token).refused("get", "A", status=1)
            assert "only a loopback address is asked without TLS" in err


def test_a_client_can_show_a_certificate(daemon, run, certificates):
    with Shim(daemon.socket, "--tls-client-ca", certificates.ca, tls=True) as shim:
        cert, key = certificates.issue("client", usage="clientAuth")
        job = Job(shim.url, run.token, shim.ca)
        assert "the server cannot be asked" in job.refused("get", "A", status=1)
        job.environ.update(COFFER_CLIENT_CERT=str(cert), COFFER_CLIENT_KEY=str(key))
        assert job.run("get", "A") == (0, VALUE.encode(), "")
        job.environ.update(COFFER_CLIENT_KEY="/nonexistent")
        err = job.refused("get", "A", status=1)
        assert "the client's certificate or key cannot be used" in err


def test_changes_are_not_watched_for_which_is_refused(job):
    assert "--watch is for the daemon's socket" in job.refused("exec", "--watch", "restart", "--", "true")


def test_the_verbs_of_a_run_work_as_with_the_socket(daemon, job, run, folder):
    socket = Job(f"unix://{daemon.socket}", run.token)
    (folder / "f.json").write_text('{"a": "secret:A", "list": ["secret:A", 1]}')
    for verb in (["ls"], ["ls", "--json"], ["resolve", folder / "f.json"]):
        status, out, err = job.run(*verb)
        assert (status, out, err) == socket.run(*verb) and status == 0
    (folder / "f.json").write_text('["secret:GONE_1", "secret:GONE_2"]')
    err = job.refused("resolve", folder / "f.json", status=1)
    assert "GONE_1" in err and "GONE_2" in err and err == socket.refused("resolve", folder / "f.json", status=1)


def test_redact_asks_for_all_that_is_visible_or_for_what_is_named(job, run):
    text = f"{VALUE} {run.token} {BINARY.hex()}\n".encode()
    for words, want in (([], f"{MARKER} {MARKER} {MARKER}\n"),
                        (["--names", "A"], f"{MARKER} {MARKER} {BINARY.hex()}\n")):
        done = subprocess.run([os.environ["COFFER"], "redact", *words], input=text, env=job.environ, check=False,
                              capture_output=True, timeout=DEADLINE)
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, want, b"")
    assert "unknown secret 'GONE_1'" in job.refused("redact", "--names", "A,GONE_1", status=1)


def test_other_verbs_say_which_ones_there_are(job):
    assert "over https there are get, ls, bootstrap, exec, redact and resolve" in job.refused("why", "A", status=1)


def test_the_helper_is_found_where_it_is_installed(job, folder):
    built = Path(os.environ["COFFER"])
    for path, source in (("bin/coffer", built), ("libexec/coffer/coffer-fetch", built.parent / "coffer-fetch")):
        (folder / path).parent.mkdir(parents=True)
        shutil.copy(source, folder / path)
    (folder / "link").symlink_to(folder / "bin/coffer")
    assert job.run("get", "A", program=folder / "link") == (0, VALUE.encode(), "")


def test_without_the_helper_https_is_said_to_be_missing(job, folder):
    alone = shutil.copy(os.environ["COFFER"], folder / "coffer")
    assert job.run("get", "A", program=alone) == (
        1, b"", "coffer: get: https needs coffer-fetch, and it is not installed: this coffer was built, or "
                "installed, without https\n")
    (folder / "coffer-fetch").write_text("#!/bin/sh\nexit 1\n")
    (folder / "coffer-fetch").chmod(0o755)
    assert job.run("get", "A", program=alone) == (1, b"", "coffer: get: coffer-fetch has failed\n")


# --- whom to trust --------------------------------------------------------------------------------


def test_a_server_of_another_ca_gets_no_request(certificates, served, shim, run):
    server, job = served(GOOD)
    assert job.run("get", "A") == (0, VALUE.encode(), "")
    assert server.asked == [("/api/run/secrets/A", f"Bearer {TOKEN}")]
    untrusted = "the server's certificate is not trusted: SSL certificate problem: "
    for ca in (None, shim.ca):
        job = Job(server.url, TOKEN, ca)
        for words, status in ((["get", "A"], 1), (["exec", "--", "true"], 125)):
            assert untrusted in job.refused(*words, status=status)
    job = Job(server.url, TOKEN, "/nonexistent")
    assert "the CA's file cannot be used" in job.refused("get", "A", status=1)
    assert len(server.asked) == 1


def test_a_ca_may_be_named_by_the_api_s_variable(certificates, served):
    server, job = served(GOOD)
    job.environ["SECRETS_API_CA"] = job.environ.pop("COFFER_CA_FILE")
    assert job.run("get", "A") == (0, VALUE.encode(), "")


@pytest.mark.parametrize("issue, reason", [
    ({"names": "DNS:other.example"}, "no alternative certificate subject name matches"),
    ({"days": -1}, "certificate has expired"),
    ({"usage": "clientAuth"}, "purpose"),
])
def test_a_certificate_that_is_not_the_servers_is_refused(served, issue, reason):
    server, job = served(GOOD, **issue)
    err = job.refused("exec", "--", "true")
    assert "the server's certificate is not trusted" in err and reason in err
    assert server.asked == []


# --- servers that are none ------------------------------------------------------------------------


def test_a_redirect_is_not_followed(served):
    other, _ = served(GOOD)
    for status in (301, 302, 307, 308):
        server, job = served(says(b"", status, Location=f"{other.url}/api/run/secrets/A"))
        err = job.refused("exec", "--", "true")
        assert f"the server answered {status}, a redirect, which is not followed" in err
        assert len(server.asked) == 1
    assert other.asked == []


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b'"text"', b"<html>", b"{}", b'{"value": 1}', b'{"value": null}',
    b'{"value_base64": "*"}', b'{"value": "a", "value": "b"}', b'{"value": "\xff"}', b'{"value": "a"} b'])
def test_an_answer_that_is_no_value_is_told_and_nothing_begins(served, body):
    _, job = served(says(body))
    assert "the server's answer is not one of coffer-http" in job.refused("exec", "--", "true")


@pytest.mark.parametrize("item", [
    {"name": "A"}, {"name": "A B", "scope": "global", "version": 1, "updated_at_ms": 1},
    {"name": "A", "scope": "x" * 10000, "version": 1, "updated_at_ms": 1},
    {"name": "A", "scope": "global", "version": -1, "updated_at_ms": 1},
    {"name": "A", "scope": "global", "version": 1, "updated_at_ms": "1"}, 1])
def test_a_listing_that_is_none_is_told(served, item):
    good = {"name": "A", "scope": "global", "version": 1, "updated_at_ms": 1}
    _, job = served(says(json.dumps({"secrets": [good, item]}).encode()))
    assert "is not one of coffer-http" in job.refused("ls", status=1)


@pytest.mark.parametrize("body", [
    b"[]", b'{"A": 1}', b'{"A B": "x"}', b'{"A": "x", "../x": "x"}', b'{"A": {"value": "x"}}'])
def test_an_environment_that_is_none_is_told_and_nothing_begins(served, body):
    _, job = served(says(body))
    job.environ["V"] = "plain"
    assert "is not one of coffer-http" in job.refused("exec", "--all", "--", "true")


def test_an_error_without_words_of_coffer_http_is_of_the_url_and_not_of_the_secret(served, folder):
    (folder / "fallback.env").write_text("A=of the fallback\n")
    for status in (400, 401, 403, 404, 500):
        _, job = served(says(b"<html>no</html>", status))
        err = job.refused("exec", "--fallback", folder / "fallback.env", "--", "true")
        assert err.startswith(f"coffer: exec: the server answered {status}, and not as coffer-http does: is "
                              "SECRETS_API_URL right?")


def test_an_error_that_passes_is_waited_for(served):
    answers = [says(b"", 502), says(b'{"error": "busy"}', 429), says(b'{"error": "away"}', 503),
               says(b'{"error": "late"}', 504), GOOD]
    server, job = served(lambda handler: answers.pop(0)(handler))
    status, _, err = job.run("exec", "--timeout", "2m", "--", "true")
    assert status == 0 and err == "coffer: exec: waiting for the daemon: the server answered 502: nobody is behind it\n"
    assert len(server.asked) == 5


def test_many_secrets_are_asked_for_by_name_and_each_once(served):
    server, job = served(GOOD)
    names = [f"NAME_{i}" for i in range(150)]
    job.environ.update({f"V_{name}": f"secret:{name}" for name in names}, TWICE="secret:NAME_7")
    status, out, err = job.run("exec", "--no-redact", "--", "sh", "-c", "env | grep -c '^V_NAME_.*=a value'")
    assert (status, out, err) == (0, b"150\n", "")
    asked = [path for path, _ in server.asked]
    assert sorted(asked) == sorted(f"/api/run/secrets/{name}" for name in [*names, "A"])


def test_a_body_without_end_ends(served):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * (1 << 20))

    _, job = served(endless)
    assert "the server's answer is larger than 64 MiB" in job.refused("get", "A", status=1)


def test_an_answer_that_breaks_off_is_none(served):
    def short(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(json.dumps({"value": VALUE}).encode())
        handler.close_connection = True

    _, job = served(short)
    assert "the server cannot be asked" in job.refused("get", "A", status=1)


def test_the_base_of_the_url_comes_before_the_path(served):
    server, job = served(GOOD)
    for base in ("/base", "/base/", "/a/b//"):
        job.environ["SECRETS_API_URL"] = server.url + base
        assert job.run("get", "A")[0] == 0
    assert [path for path, _ in server.asked] == ["/base/api/run/secrets/A", "/base/api/run/secrets/A",
                                                  "/a/b/api/run/secrets/A"]


@pytest.mark.parametrize("url", ["https://user:hunter2@host/", "https://host/?x=hunter2", "https://host/#hunter2",
                                 "https://", "https://a b/", "https://host:99999/"])
def test_a_url_of_another_form_is_refused_and_not_shown(url):
    err = Job(url, TOKEN).refused("exec", "--", "true")
    assert "SECRETS_API_URL cannot be used" in err and "hunter2" not in err


# --- what others can see --------------------------------------------------------------------------


def test_what_asks_shows_no_token_and_obeys_no_variable_that_would(served, folder):
    seen = {}
    holding, going = threading.Event(), threading.Event()

    def hold(handler):
        holding.set()
        going.wait(DEADLINE)
        GOOD(handler)

    def helper(parent):
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rsplit(") ", 1)[1].split()
                if int(fields[1]) == parent:
                    return path.parent
        return None

    _, job = served(hold)
    job.environ["SSLKEYLOGFILE"] = str(folder / "keys")
    job.environ["OPENSSL_CONF"] = str(folder / "none")
    with job.start("exec", "--", "true") as process:
        assert holding.wait(DEADLINE)
        asking = eventually(lambda: helper(process.pid), "a program asks")
        for name in ("cmdline", "environ"):
            seen[name] = (asking / name).read_bytes()
        descriptors = {os.readlink(path) for path in (asking / "fd").iterdir()}
        going.set()
        assert process.communicate(timeout=DEADLINE) == (b"", b"")
    assert seen["cmdline"] == b"coffer-fetch\0"
    assert TOKEN.encode() not in seen["environ"] and b"SSLKEYLOGFILE" not in seen["environ"]
    assert not any("/" in where and not where.startswith("/dev/") for where in descriptors if ":" not in where)
    assert not (folder / "keys").exists()


def test_a_hostile_servers_words_do_not_steer_the_terminal(served):
    _, job = served(says(json.dumps({"error": "\x1b[2Jwords\r\n" + "x" * 100000}).encode(), 404))
    err = job.refused("get", "A", status=1)
    assert "?[2Jwords??xxx" in err and err.count("\n") == 1
