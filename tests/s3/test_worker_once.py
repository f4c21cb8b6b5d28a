"""coffer-s3 get, put and check: one object, or a look at the bucket, with what can go wrong on the way."""

import base64
import hashlib
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from coffer_test import Certificates, sentinel
from radosgw import ACCESS_KEY, S3
from s3_faults import FaultyS3
from s3_program import call, call_with, clean_environ, put, settings_text

ROOT = "v1/root/00000000000000000001"
DONE, FAILED, USAGE, NONE, EXISTS = range(5)
CUSTOMER_KEY_MD5 = base64.b64encode(hashlib.md5(bytes(range(32))).digest()).decode()
CUSTOMER_KEY = base64.b64encode(bytes(range(32))).decode()


def test_an_object_is_stored_once_and_fetched_as_it_was(bucket):
    body = bytes(range(256)) * 200
    assert call(bucket, "get", ROOT).status == NONE
    assert put(bucket, ROOT, body).status == DONE
    assert bucket.objects() == {"coffer/" + ROOT: body}
    got = call(bucket, "get", ROOT)
    assert (got.status, got.out, got.log) == (DONE, body, "")
    # the same again is no conflict: it may have been the first try, whose answer was lost
    assert put(bucket, ROOT, body).status == DONE
    assert put(bucket, ROOT, b"other").status == EXISTS
    assert bucket.objects() == {"coffer/" + ROOT: body}
    assert put(bucket, "v1/batch/00", b"").status == DONE
    assert call(bucket, "get", "v1/batch/00").out == b""


def test_the_largest_object_that_a_daemon_can_be_set_to_is_stored(bucket):
    body = os.urandom(1052672)
    assert put(bucket, ROOT, body, frame_max=len(body)).status == DONE
    assert call(bucket, "get", ROOT, frame_max=len(body)).out == body
    done = call(bucket, "get", ROOT)
    assert (done.status, "larger than 69632 bytes" in done.log) == (FAILED, True)


def test_the_prefix_is_in_front_of_every_key(bucket):
    assert put(bucket, ROOT, b"body", prefix="a/b-c.d_E").status == DONE
    assert bucket.keys() == ["a/b-c.d_E/" + ROOT]
    assert call(bucket, "get", ROOT, prefix="a/b-c.d_E").out == b"body"
    assert call(bucket, "check", prefix="a/b-c.d_E").status == DONE


def test_of_many_that_store_one_object_exactly_one_wins(bucket):
    bodies = [f"writer {n}".encode() for n in range(8)]
    with ThreadPoolExecutor(len(bodies)) as pool:
        done = list(pool.map(lambda body: put(bucket, ROOT, body), bodies))
    winners = [body for one, body in zip(done, bodies) if one.status == DONE]
    assert len(winners) == 1
    assert sorted(one.status for one in done) == [DONE] + [EXISTS] * 7
    assert bucket.objects() == {"coffer/" + ROOT: winners[0]}


@pytest.mark.parametrize("changes, words", [
    ({"secret_access_key": "wrong"}, "the secret access key is wrong"),
    ({"access_key_id": "wrong"}, "the store does not know the access key id"),
    ({"bucket": "nonesuch"}, "there is no bucket 'nonesuch' at http://127.0.0.1"),
    ({"endpoint": "http://127.0.0.1:1", "give_up_ms": 10}, "Couldn't connect to server"),
    ({"endpoint": "https://127.0.0.1:1", "give_up_ms": 10}, "Couldn't connect to server"),
])
def test_a_bucket_that_cannot_be_used_is_told_of_in_words(bucket, changes, words):
    for arguments in (["check"], ["get", ROOT], ["put", ROOT, os.devnull]):
        done = call(bucket, *arguments, **changes)
        assert (done.status, done.out) == (FAILED, b"")
        assert words in done.log
        assert done.log.count("\n") == 1
    assert not bucket.keys()


def test_a_bucket_that_can_be_used_passes_the_check(bucket):
    assert call(bucket, "check").status == DONE
    bucket.put("something", b"else")
    assert call(bucket, "check").status == DONE


def test_with_sse_c_the_store_gives_an_object_to_who_has_the_key(bucket):
    settings = {"encrypt": "sse-c", "sse_c_key": CUSTOMER_KEY}
    assert put(bucket, ROOT, b"body", **settings).status == DONE
    assert call(bucket, "get", ROOT, **settings).out == b"body"
    assert put(bucket, ROOT, b"other", **settings).status == EXISTS
    without = S3(bucket.endpoint).request("GET", f"/{bucket.name}/coffer/{ROOT}")
    assert without[0] == 400
    other = call(bucket, "get", ROOT, encrypt="sse-c",
                 sse_c_key=base64.b64encode(bytes(32)).decode())
    assert (other.status, other.out) == (FAILED, b"")


SSE = "x-amz-server-side-encryption"


@pytest.mark.parametrize("settings, of_put, of_get", [
    ({}, {}, {}),
    ({"encrypt": "none"}, {}, {}),
    ({"encrypt": "sse-s3"}, {SSE: "AES256"}, {}),
    ({"encrypt": "sse-kms"}, {SSE: "aws:kms"}, {}),
    ({"encrypt": "sse-kms", "sse_kms_key_id": "a key"},
     {SSE: "aws:kms", SSE + "-aws-kms-key-id": "a key"}, {}),
    ({"encrypt": "sse-c", "sse_c_key": CUSTOMER_KEY},
     *[{SSE + "-customer-algorithm": "AES256", SSE + "-customer-key": CUSTOMER_KEY,
        SSE + "-customer-key-md5": CUSTOMER_KEY_MD5}] * 2),
])
def test_what_the_store_shall_encrypt_by_is_asked_for(faulty, settings, of_put, of_get):
    put(faulty, ROOT, b"body", **settings)
    call(faulty, "get", ROOT, **settings)
    call(faulty, "check", **settings)
    for (method, path, headers), wanted in zip([faulty.log[0], *faulty.log[-2:]],
                                               [of_put, of_get, {}]):
        assert {name: headers[name] for name in headers if name.startswith(SSE)} == wanted
        for name in wanted:
            assert f";{name}" in headers["authorization"]


def test_a_session_token_is_sent_and_signed(faulty):
    token = sentinel(1500)
    assert call(faulty, "check", session_token=token).status == DONE
    headers = faulty.log[0][2]
    assert headers["x-amz-security-token"] == token
    assert "x-amz-security-token" in headers["authorization"]
    assert f"Credential={ACCESS_KEY}/" in headers["authorization"]


@pytest.mark.parametrize("kind", ["SlowDown", "InternalError", "TooManyRequests", "cut", "silent",
                                  "ConditionalRequestConflict"])
def test_what_passes_is_tried_again(faulty, kind):
    faulty.objects["coffer/" + ROOT] = b"body"
    faulty.fail(kind, 3)
    assert call(faulty, "get", ROOT).out == b"body"
    assert len(faulty.log) == 4
    faulty.fail(kind, 2)
    assert call(faulty, "check").status == DONE
    faulty.fail(kind, 2)
    assert put(faulty, "v1/other", b"other").status == DONE
    assert faulty.objects["coffer/v1/other"] == b"other"


def test_what_does_not_pass_ends_in_words(faulty):
    faulty.fail("SlowDown")
    done = call(faulty, "check", give_up_ms=60)
    assert done.status == FAILED
    assert "the store asks to slow down" in done.log
    faulty.mend()
    faulty.fail("hang")
    done = call(faulty, "check", give_up_ms=60, timeout_ms=100)
    assert done.status == FAILED
    assert "Timeout was reached" in done.log


@pytest.mark.parametrize("kind, words, tries", [
    ("AccessDenied", "the store denies access", 1),
    ("PermanentRedirect", "is not at http://127.0.0.1", 1),
    ("page", "HTTP 404 in words that are not S3's", 1),
    ("NoSuchBucket", "there is no bucket 'bucket'", 1),
])
@pytest.mark.parametrize("arguments", [["check"], ["get", ROOT], ["put", ROOT, os.devnull]])
def test_what_stays_is_told_of_at_once(faulty, kind, words, tries, arguments):
    faulty.fail(kind)
    done = call(faulty, *arguments)
    assert done.status == FAILED
    assert words in done.log
    assert len(faulty.log) == tries


@pytest.mark.parametrize("kind", ["garbage", "bomb", "endless"])
def test_an_answer_of_garbage_is_no_listing(faulty, kind):
    faulty.fail(kind)
    done = call(faulty, "check")
    assert done.status == FAILED
    assert "words that are not S3's" in done.log or "larger than" in done.log


def test_an_object_that_has_no_end_is_not_taken(faulty):
    faulty.fail("endless")
    done = call(faulty, "get", ROOT)
    assert (done.status, done.out) == (FAILED, b"")
    assert "larger than 69632 bytes" in done.log


def test_a_write_whose_answer_was_lost_counts_once(faulty):
    faulty.fail("unclear", 1, "PUT")
    assert put(faulty, ROOT, b"body").status == DONE
    assert faulty.objects["coffer/" + ROOT] == b"body"
    # and if another was first meanwhile, it is not taken for one's own
    faulty.objects["coffer/v1/other"] = b"another's"
    faulty.fail("silent", 1, "PUT")
    assert put(faulty, "v1/other", b"body").status == EXISTS
    assert faulty.objects["coffer/v1/other"] == b"another's"


def test_a_store_that_overwrites_needs_single_writer_mode(faulty):
    faulty.conditional = False
    done = put(faulty, ROOT, b"body")
    assert done.status == FAILED
    assert "in single-writer mode" in done.log
    assert not faulty.objects
    assert put(faulty, ROOT, b"body", single_writer="yes").status == DONE
    assert put(faulty, ROOT, b"other", single_writer="yes").status == EXISTS
    assert faulty.objects == {"coffer/" + ROOT: b"body"}
    faulty.mend()
    faulty.fail("NotImplemented", -1, "PUT")
    done = put(faulty, "v1/other", b"body")
    assert done.status == FAILED
    assert "single-writer mode" in done.log


def test_only_single_writer_mode_writes_without_a_condition(faulty):
    put(faulty, ROOT, b"body", single_writer="yes")
    assert [one[0] for one in faulty.log] == ["GET", "PUT"]
    assert "if-none-match" not in faulty.log[1][2]
    put(faulty, "v1/other", b"body")
    assert {one[2].get("if-none-match") for one in faulty.log[2:] if one[0] == "PUT"} == {"*"}


def test_the_bucket_is_in_the_path_or_in_the_name_of_the_host(faulty):
    assert call(faulty, "check").status == DONE
    assert faulty.log[0][1].startswith("/bucket/?")
    host = faulty.endpoint.replace("127.0.0.1", "localhost")
    call(faulty, "check", endpoint=host, path_style="no", give_up_ms=10)
    for method, path, headers in faulty.log[1:]:  # where there is such a name
        assert path.startswith("/?") and headers["host"].startswith("bucket.localhost:")


def test_over_https_the_store_must_have_a_certificate_that_is_trusted(folder):
    ours = Certificates(folder)
    others = Certificates(folder, "others")
    with FaultyS3(certificate=ours.issue("localhost")) as server:
        assert put(server, ROOT, b"body", ca_file=ours.ca).status == DONE
        assert call(server, "get", ROOT, ca_file=ours.ca).out == b"body"
        for trusted in (others.ca, None, folder / "none"):
            done = call(server, "get", ROOT, ca_file=trusted)
            assert (done.status, done.out) == (FAILED, b"")
            assert "certificate" in done.log
            assert done.log.count("\n") == 1
    with FaultyS3(certificate=ours.issue("elsewhere", "DNS:elsewhere.example.org")) as server:
        done = call(server, "get", ROOT, ca_file=ours.ca)
        assert (done.status, done.out) == (FAILED, b"")
        assert "no alternative certificate subject name matches" in done.log


GOOD = {"bucket": "b", "endpoint": "http://127.0.0.1:1", "access_key_id": "a",
        "secret_access_key": "s"}


@pytest.mark.parametrize("changes, words", [
    ({"bucket": None}, "bucket is missing"),
    ({"bucket": "a b"}, "bucket is missing, or no name of a bucket"),
    ({"bucket": "../b"}, "bucket is missing, or no name of a bucket"),
    ({"access_key_id": None}, "access_key_id is missing"),
    ({"secret_access_key": None}, "secret_access_key is missing"),
    ({"secret_access_key": ""}, "secret_access_key is empty"),
    ({"endpoint": "ftp://host"}, "endpoint is https://HOST or http://HOST"),
    ({"endpoint": "https://"}, "endpoint is https://HOST or http://HOST"),
    ({"endpoint": "https://host/path"}, "endpoint is https://HOST or http://HOST"),
    ({"endpoint": "https://user:password@host"}, "endpoint is https://HOST or http://HOST"),
    ({"region": "us east"}, "region is no name of a region"),
    ({"prefix": "/a"}, "prefix is made of"),
    ({"prefix": "a/"}, "prefix is made of"),
    ({"prefix": "a//b"}, "prefix is made of"),
    ({"prefix": "a/../b"}, "prefix has a part of dots"),
    ({"prefix": "a%20b"}, "prefix is made of"),
    ({"encrypt": "rot13"}, "encrypt is none, sse-s3, sse-kms or sse-c"),
    ({"encrypt": "sse-c"}, "sse_c_key is missing"),
    ({"encrypt": "sse-c", "sse_c_key": "c2hvcnQ="}, "sse_c_key is not the base64 of 32 bytes"),
    ({"single_writer": "maybe"}, "single_writer is yes or no"),
    ({"path_style": "maybe"}, "path_style is yes or no"),
    ({"parallel": "0"}, "parallel is too small or too large"),
    ({"parallel": "10x"}, "parallel is no number"),
    ({"timeout_ms": "99999999999999999999999"}, "timeout_ms is no number, or too large"),
    ({"colour": "red"}, "there is no 'colour'"),
    ({"region": "a\rb"}, "not printable ASCII"),
])
def test_settings_that_are_wrong_are_named(changes, words):
    settings = {**GOOD, **changes}
    text = "".join(f"{name} = {value}\n" for name, value in settings.items() if value is not None)
    done = call_with(text, "check")
    assert done.status == FAILED
    assert words in done.log


def test_settings_may_have_comments_and_no_end_of_line(faulty):
    text = "# a comment\n; another\n\n" + settings_text(faulty).replace(" = ", "=").rstrip("\n")
    assert call_with(text, "check").status == DONE
    assert call_with("nonsense\n" + text, "check").status == FAILED
    assert call_with("x" * 70000, "check").status == FAILED


def test_a_file_that_cannot_be_stored_is_named(faulty):
    with tempfile.TemporaryDirectory(prefix="coffer-") as folder:
        done = call(faulty, "put", ROOT, folder + "/none")
        assert (done.status, "cannot read" in done.log) == (FAILED, True)
        with open(folder + "/large", "wb") as file:
            file.truncate(69633)
        done = call(faulty, "put", ROOT, folder + "/large")
        assert (done.status, "is larger than" in done.log) == (FAILED, True)
    for key in ("/v1/x", "v1//x", "v1/X", "v1/../x", "v1/ ", "v1/" + "x" * 300, ""):
        assert call(faulty, "get", key).status == FAILED
    assert not faulty.log


@pytest.mark.parametrize("arguments, status", [
    (["--help"], DONE), (["--version"], DONE), ([], USAGE), (["get"], USAGE), (["put", "key"], USAGE),
    (["dance"], USAGE), (["check", "more"], USAGE)])
def test_a_wrong_call_is_answered_with_the_right_ones(arguments, status):
    done = call_with("", *arguments)
    assert done.status == status
    assert ("usage:" in done.log) == (status == USAGE)


def test_no_secret_stands_where_other_processes_can_read_it(faulty):
    faulty.hold.clear()
    secrets = sentinel(), sentinel()
    process = subprocess.Popen([os.environ["COFFER_S3"], "check"], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_environ())
    with process:
        text = settings_text(faulty, secret_access_key=secrets[0], session_token=secrets[1])
        process.stdin.write(text.encode())
        process.stdin.close()
        faulty.wait_for(lambda: faulty.log, "the request")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{name}", "rb") as file:
                shown = file.read()
            assert not any(secret.encode() in shown for secret in secrets)
        faulty.hold.set()
        said = process.stderr.read()
        assert process.wait() == DONE
    assert not any(secret.encode() in said for secret in secrets)
