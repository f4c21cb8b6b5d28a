"""A store in a bucket, as its operators see it: coffer sync, status and init."""

import json
import os
import subprocess

import pytest

from coffer_test import DEADLINE, eventually, pb
from fake_bucket import HELPER, Bucket, Host, hosts


def coffer(host, *words, code=0, text=None):
    done = subprocess.run([os.environ["COFFER"], *words], capture_output=True, text=True, timeout=DEADLINE,
                          input=text, env=host.clean_environ() | {
                              "COFFER_HOME": str(host.home), "PATH": os.path.dirname(os.environ["COFFERD"])})
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_sync_returns_when_what_others_wrote_is_here():
    with hosts(2) as (_, one, two):
        coffer(one, "set", "TOKEN", text="value")
        coffer(two, "sync")
        assert "TOKEN" in coffer(two, "ls")
        assert two.value("TOKEN") == b"value"
        coffer(two, "sync", "--now")


def test_sync_says_why_it_cannot():
    with hosts(1) as (_, one):
        one.worker.act = lambda task: (pb.UNAVAILABLE, "no route to host")
        assert "no route to host" in coffer(one, "sync", code=1)
        one.worker.stop()
        assert "coffer-s3 is not running" in coffer(one, "sync", code=1)
        assert "coffer-s3 is not running" in coffer(one, "set", "A", code=1, text="v")
        assert "either --now or --push" in coffer(one, "sync", "--now", "--push", code=1)


def test_status_tells_how_old_the_view_is_and_what_is_wrong():
    with hosts(1) as (_, one):
        one.put("A", b"v")
        one.sync()
        lines = coffer(one, "status")
        assert "\nbucket       " in lines and "\nview         0 min " in lines
        assert "1 objects, 0 writes wait" in lines and "NOT USABLE" not in lines
        told = json.loads(coffer(one, "status", "--json"))["mirror"]
        assert told["joined"] and told["connected"] and told["view_at_ms"] > 0
        one.worker.problem = "503 Slow Down"
        eventually(lambda: "NOT USABLE: 503 Slow Down" in coffer(one, "status"), "the problem is told")


def test_a_store_without_a_bucket_says_so(tmp_path):
    host = Host(Bucket(tmp_path), work=False)
    host.options, host.init_options = [], []
    with host:
        assert "there is no bucket" in coffer(host, "sync", code=1)
        assert "mirror" not in json.loads(coffer(host, "status", "--json"))
        assert "bucket " not in coffer(host, "status")


def test_init_and_push_through_the_command_line(tmp_path):
    bucket = Bucket(tmp_path / "bucket")
    settings = ["--s3-bucket", str(bucket.folder), "--s3-helper", str(HELPER)]
    with Host(bucket) as one:
        one.put("A", b"v")
        two = Host(bucket)
        try:
            two.home.mkdir(mode=0o700)
            (two.home / "key").write_bytes(one.key_file().read_bytes())
            (two.home / "key").chmod(0o600)
            coffer(two, "init", *settings)
            two.start()
            coffer(two, "sync")
            assert two.value("A") == b"v"
            coffer(two, "sync", "--push")  # it is there already
        finally:
            two.__exit__()


@pytest.mark.parametrize("variables", [
    {"COFFER_S3_BUCKET": "{}", "COFFER_S3_HELPER": str(HELPER)},
    {"CI_SECRETS_S3_BUCKET": "{}", "COFFER_S3_HELPER": str(HELPER),
     "CI_SECRETS_SQLITE_PATH": "{}.db", "CI_SECRETS_S3_ACCESS_KEY_ID": "id",
     "CI_SECRETS_S3_SECRET_KEY": "sentinel-secret", "CI_SECRETS_S3_PASSPHRASE": "words"},
])
def test_settings_come_from_variables_too(tmp_path, variables):
    bucket = Bucket(tmp_path / "bucket")
    host = Host(bucket, environ={name: value.format(bucket.folder) for name, value in variables.items()})
    host.options, host.init_options = [], []
    with host:
        assert host.put("A", b"v") == 1
        assert len(bucket.records()) == 1
        environ = open(f"/proc/{host.pid}/environ", "rb").read()
        assert b"sentinel-secret" not in environ and b"words" not in environ
