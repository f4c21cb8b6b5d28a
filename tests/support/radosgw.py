"""A real S3 server for tests: Ceph's gateway before a monitor and a storage daemon that keep all in memory.

The three run on free ports of 127.0.0.1, out of a folder of their own, and end with the test, also when it is
killed. They are up in about a second. radosgw checks signatures and the hashes of bodies, and decides races of
conditional writes. By hand: radosgw.py prints how to reach one, and keeps it until its standard input ends.
"""

import contextlib
import ctypes
import datetime
import hashlib
import hmac
import http.client
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as etree
from pathlib import Path

import pytest

DEADLINE = 120  # seconds for anything that must happen; never for how fast it does
ACCESS_KEY = "COFFERTESTKEY"
SECRET_KEY = "coffer-test-secret-access-key"
REGION = "us-east-1"

# A monitor waits before it proposes, so that many changes become one: here it need not. Without authentication
# messages can only go in the clear.
CONFIGURATION = """[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
paxos propose interval = 0.02
paxos min wait = 0.01
mon max pg per osd = 500
mon data = {folder}/mon
mon data avail crit = 1
mon cluster log to file = false
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
keyring = {folder}/keyring
run dir = {folder}
admin socket =
pid file =
log file = {folder}/log/$name.log
[client.gateway]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw enable usage log = false
rgw crypt require ssl = false
"""


class CannotStart(Exception):
    pass


def free_ports(count):
    """Ports that nobody listened on a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Radosgw:
    """Use it in a with statement. endpoint is its address; bucket() makes buckets."""

    def __enter__(self):
        for attempt in itertools.count(1):
            self.folder = Path(tempfile.mkdtemp(prefix="coffer-radosgw-"))
            self.processes = {}
            try:
                self._start()
                return self
            except CannotStart:
                self.__exit__()
                if attempt == 5:
                    raise
            except BaseException:
                self.__exit__()
                raise

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    def _start(self):
        for name in ("mon", "osd", "log"):
            (self.folder / name).mkdir()
        fsid, disk = str(uuid.uuid4()), str(uuid.uuid4())
        monitor, self.port = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        (self.folder / "ceph.conf").write_text(CONFIGURATION.format(
            folder=self.folder, fsid=fsid, monitor=monitor, gateway=self.port))
        self._make_keyring()
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                  f"[v2:127.0.0.1:{monitor}]", self.folder / "monmap")
        self._ceph("ceph-mon", "-i", "a", "--mkfs", "--monmap", self.folder / "monmap")
        self._launch("monitor", "ceph-mon", "-i", "a")
        self._ceph("ceph", "--connect-timeout", "60", "osd", "new", disk, "0")
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--no-mon-config", "--osd-uuid", disk)
        self._launch("storage", "ceph-osd", "-i", "0")
        self.resume()
        self._ceph("radosgw-admin", "-n", "client.gateway", "user", "create", "--uid=coffer",
                   "--display-name=coffer", f"--access-key={ACCESS_KEY}",
                   f"--secret={SECRET_KEY}")

    def _make_keyring(self):
        keyring = self.folder / "keyring"
        keyring.touch(mode=0o600)
        for name in ("mon.", "client.admin", "client.gateway"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, "--cap", "mon", "allow *",
                      "--cap", "osd", "allow *")

    def _ceph(self, program, *arguments):
        self._run(program, "-c", self.folder / "ceph.conf", *arguments)

    @staticmethod
    def _run(*command):
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE)
        if done.returncode != 0:
            raise CannotStart(f"{command[0]} has failed: {done.stdout}")

    def _launch(self, name, program, *arguments):
        with open(self.folder / "log" / f"{name}.out", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [program, "-f", "-c", self.folder / "ceph.conf", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)

    def halt(self):
        """The gateway is away: connections are refused. What it holds stays."""
        gateway = self.processes.pop("gateway")
        gateway.kill()
        gateway.wait()

    def resume(self):
        self._launch("gateway", "radosgw", "-n", "client.gateway")
        give_up = time.monotonic() + DEADLINE
        while not self._answers():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    said = (self.folder / "log" / f"{name}.out").read_text()
                    raise CannotStart(f"the {name} has ended: {said}")
            if time.monotonic() > give_up:
                raise CannotStart(f"radosgw has not answered in {DEADLINE} s")
            time.sleep(0.02)

    def _answers(self):
        try:
            S3(self.endpoint).request("GET", "/")
        except OSError:
            return False
        return True

    def bucket(self, name=None):
        """A new, empty bucket."""
        bucket = Bucket(self.endpoint, name or f"bucket-{uuid.uuid4().hex[:12]}")
        bucket.make()
        return bucket


class S3:
    """Signed requests, as a test needs them: nothing is tried twice."""

    def __init__(self, endpoint):
        self.address = urllib.parse.urlsplit(endpoint)

    def request(self, method, path, body=b"", headers=(), **query):
        """(status, body) of one request; path has its bucket in front."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        text = "&".join(f"{key}={urllib.parse.quote(value, safe='')}"
                        for key, value in sorted(query.items()))
        digest = hashlib.sha256(body).hexdigest()
        signed = {"host": self.address.netloc, "x-amz-content-sha256": digest, "x-amz-date": now,
                  **dict(headers)}
        names = ";".join(sorted(signed))
        canonical = "\n".join([method, urllib.parse.quote(path), text,
                               *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names,
                               digest])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + SECRET_KEY.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, "
                                   f"SignedHeaders={names}, Signature={signature}")
        connection = http.client.HTTPConnection(self.address.netloc, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(method, urllib.parse.quote(path) + (f"?{text}" if text else ""),
                               body, signed)
            answer = connection.getresponse()
            return answer.status, answer.read()


class Bucket:
    """One bucket as a test looks into it, behind the back of what is tested."""

    def __init__(self, endpoint, name):
        self.s3 = S3(endpoint)
        self.endpoint = endpoint
        self.name = name

    def _ask(self, method, key="", *more, **query):
        status, body = self.s3.request(method, f"/{self.name}/{key}", *more, **query)
        assert status < 300, f"{method} {key}: {status} {body}"
        return body

    def make(self):
        self._ask("PUT")

    def put(self, key, body):
        self._ask("PUT", key, body)

    def get(self, key):
        return self._ask("GET", key)

    def delete(self, key):
        self._ask("DELETE", key)

    def keys(self, prefix=""):
        """Every key, in order."""
        keys, more = [], {}
        while True:
            page = etree.fromstring(self._ask("GET", **{"list-type": "2", "prefix": prefix}, **more))
            keys += [item.findtext("{*}Key") for item in page.iterfind("{*}Contents")]
            if page.findtext("{*}IsTruncated") != "true":
                return keys
            more = {"continuation-token": page.findtext("{*}NextContinuationToken")}

    def objects(self):
        """{key: body} of all."""
        return {key: self.get(key) for key in self.keys()}


@pytest.fixture(scope="module")
def radosgw():
    with Radosgw() as running:
        yield running


@pytest.fixture
def bucket(radosgw):
    return radosgw.bucket()


if __name__ == "__main__":
    with Radosgw() as server:
        made = server.bucket()
        print(f"endpoint = {made.endpoint}\nbucket = {made.name}\naccess_key_id = {ACCESS_KEY}\n"
              f"secret_access_key = {SECRET_KEY}", flush=True)
        sys.stdin.read()
