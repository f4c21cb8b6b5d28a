"""A bucket that is a folder, and a worker for it in a thread: the daemon's half without a network.

The program beside it, fake_helper, is to cofferd what coffer-s3 is (--s3-helper): it gets and puts single objects, and
serves nothing. A Worker speaks to the daemon as coffer-s3 does. Tests hold up, fail and look at what it does.
"""

import contextlib
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

from coffer_test import DEADLINE, Daemon, Refused, Wire, pb

HELPER = Path(__file__).resolve().with_name("fake_helper")


class Bucket:
    """The objects below a folder; to create one is atomic among all who share it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)

    def _path(self, key):
        return self.folder / key.replace("/", "%")

    def put(self, key, body):
        """False: there is one."""
        part = self.folder / f".{os.getpid()}.{threading.get_ident()}"
        part.write_bytes(body)
        try:
            os.link(part, self._path(key))
        except FileExistsError:
            return False
        finally:
            part.unlink()
        return True

    def get(self, key):
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def erase(self, key):
        part = self.folder / f".{os.getpid()}.{threading.get_ident()}"
        part.touch()
        part.replace(self._path(key))

    def delete(self, key):
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix="v1/"):
        names = [path.name.replace("%", "/") for path in self.folder.iterdir()
                 if not path.name.startswith(".")]
        return sorted(name for name in names if name.startswith(prefix))

    def records(self):
        return [key for key in self.keys() if key.count("/") == 2 and "batch" not in key
                and "root" not in key]

    def erased(self):
        return [key for key in self.records() if not self.get(key)]

    def batches(self):
        return self.keys("v1/batch/")


class Worker:
    """What coffer-s3 is to the daemon, on a thread, until it is stopped. `act` may be replaced: it is given each task,
    and returns its code, and a message. While `held` is cleared no task is carried out."""

    def __init__(self, daemon, bucket, interval=3600.0, held=False):
        self.daemon = daemon
        self.bucket = bucket
        self.interval = interval
        self.act = self.do
        self.problem = ""
        self.held = threading.Event()
        if not held:
            self.held.set()
        self.seen = []  # (kind, key) of every task
        self.offered = []
        self.view_ms = 0
        self._known = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._wire = Wire(daemon.admin_socket)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """As if it was killed: what it had fetched has no result."""
        self._ended.set()
        self.held.set()
        with contextlib.suppress(OSError):
            self._wire.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._wire.close()

    # -- its work

    def do(self, task):
        if task.kind == pb.MIRROR_PUT:
            done = self.bucket.put(task.key, task.body)
            return (pb.OK, "") if done else (pb.ALREADY_EXISTS, "")
        if task.kind == pb.MIRROR_GET:
            body = self.bucket.get(task.key)
            if body is None:
                return pb.NOT_FOUND, "there is no such object"
            self._apply([(task.key, body)])
        elif task.kind == pb.MIRROR_ERASE:
            self.bucket.erase(task.key)
        elif task.kind == pb.MIRROR_LIST:
            self.look()
        return pb.OK, ""

    def _apply(self, objects):
        return self._wire.ask("MirrorApply", objects=[{"key": key, "body": body}
                                                      for key, body in objects])

    def look(self):
        """One listing, offered and applied."""
        begun_ms = int(time.time() * 1000)
        # Markers first: those that come later are of records that this listing may lack.
        records = self.bucket.keys()
        keys = self.bucket.batches() + [key for key in records if "batch" not in key]
        keys = [key for key in keys if key not in self._known and self.bucket.get(key)]
        for start in range(0, len(keys), 500):
            chunk = keys[start:start + 500]
            self.offered += chunk
            verdicts = self._wire.ask("MirrorOffer", keys=chunk).verdicts
            assert len(verdicts) == len(chunk)
            self._known |= {key for key, verdict in zip(chunk, verdicts)
                            if verdict == pb.MIRROR_KNOWN}
            wanted = [key for key, verdict in zip(chunk, verdicts) if verdict == pb.MIRROR_WANTED]
            objects = [(key, self.bucket.get(key)) for key in wanted]
            objects = [(key, body) for key, body in objects if body is not None]
            for first in range(0, len(objects), 64):
                self._apply(objects[first:first + 64])
        self.view_ms = begun_ms

    def _turn(self, results, due):
        # Often enough for a new problem to be told soon.
        wait_ms = int(min(max(0, due - time.monotonic()), 0.1) * 1000)
        reply = self._wire.ask("MirrorTasks", timeout_ms=wait_ms, max=16,
                               view_at_ms=self.view_ms, problem=self.problem, results=results)
        results = []
        for task in reply.tasks:
            self.held.wait()
            if self._ended.is_set():
                break
            self.seen.append((task.kind, task.key))
            code, message = self.act(task)
            results.append({"id": task.id, "code": code, "message": message})
        return results

    def _run(self):
        results, due = [], time.monotonic()
        try:
            while not self._ended.is_set():
                if time.monotonic() >= due:
                    self.look()
                    due = time.monotonic() + self.interval
                results = self._turn(results, due)
        except (OSError, AssertionError, Refused):
            if not self._ended.is_set() and self.daemon.running():
                raise


class Host(Daemon):
    """A daemon that follows a bucket, with a Worker; both go with it."""

    def __init__(self, bucket, *options, interval=3600.0, work=True, init=(), **fields):
        settings = ["--s3-bucket", str(bucket.folder), "--s3-helper", str(HELPER)]
        super().__init__(*options, *settings, init=[*settings, *init], **fields)
        self.bucket = bucket
        self.interval = interval
        self.works = work
        self.worker = None

    def start(self):
        super().start()
        if self.works:
            self.work()

    def work(self, **fields):
        self.worker = Worker(self, self.bucket, self.interval, **fields)
        return self.worker

    def _reap(self):
        if self.worker is not None:
            self.worker.stop()
            self.worker = None
        return super()._reap()

    def sync(self, **fields):
        return self.admin("Sync", timeout_ms=DEADLINE * 1000, **fields)

    def value(self, name, scope="global"):
        """What is served; None: there is none."""
        try:
            return self.admin("RevealSecret", scope=scope, name=name).value
        except Refused as refused:
            assert refused.code == "NOT_FOUND", refused
            return None

    def version(self, name, scope="global"):
        return self.admin("RevealSecret", scope=scope, name=name).version


@contextlib.contextmanager
def hosts(count, *options, interval=3600.0, key=b"k" * 32, **fields):
    """So many hosts that share a bucket and a key file."""
    with tempfile.TemporaryDirectory(prefix="coffer-bucket-") as folder, \
            contextlib.ExitStack() as stack:
        bucket = Bucket(Path(folder, "bucket"))
        key_file = Path(folder, "key")
        key_file.write_bytes(key)
        key_file.chmod(0o600)
        made = []
        for _ in range(count):
            host = Host(bucket, *options, "--key-file", str(key_file),
                        interval=interval, init=["--key-file", str(key_file)], **fields)
            made.append(stack.enter_context(host))
        yield bucket, *made
