"""Random writes on two hosts, with workers that fail and die: in the end both hold the same, which is what the writers
were told."""

import contextlib
import random
import threading
import time

from coffer_test import DEADLINE, Refused, pb
from fake_bucket import hosts

NAMES = [f"N{i}" for i in range(6)]
SCOPES = ["global", "pipeline/app"]


def faulty(worker, dice):
    """Some tasks fail before they are done, some behind; and what is listed comes now and then in between."""
    def act(task):
        fate = dice.random()
        if fate < 0.04:
            return pb.UNAVAILABLE, "not done"
        done = worker.do(task)
        if fate < 0.08 and task.kind == pb.MIRROR_PUT:
            return pb.UNAVAILABLE, "done, and nobody knows"
        if fate < 0.2 and task.kind == pb.MIRROR_PUT:
            worker.look()
        return done
    worker.act = act


def write(host, dice, told, purged):
    """One request of any kind; what it was answered."""
    scope, name = dice.choice(SCOPES), dice.choice(NAMES)
    kind = dice.random()
    value = f"{host.pid} {dice.getrandbits(64):x}".encode()
    if kind < 0.04:
        purged.add((scope, name))
        host.admin("DeleteSecret", scope=scope, name=name, purge=True)
    elif kind < 0.1:
        host.admin("DeleteSecret", scope=scope, name=name)
    elif kind < 0.3:
        names = dice.sample(NAMES, 3)
        reply = host.admin("PutSecret", scope=scope, writes=[{"name": n, "value": value} for n in names])
        told += [(scope, secret.name, secret.version, value) for secret in reply.secrets]
    elif kind < 0.5:
        with contextlib.suppress(Refused):
            version = host.version(name, scope)
            host.admin("PutSecret", scope=scope, writes=[
                {"name": name, "value": value, "check_version": True, "if_version": version}])
            told.append((scope, name, version + 1, value))
    else:
        told.append((scope, name, host.put(name, value, scope=scope), value))


def everything(host):
    """Every version of every secret, with its value."""
    found = {}
    for scope in SCOPES:
        for name in NAMES:
            try:
                versions = host.admin("ListVersions", scope=scope, name=name).versions
            except Refused:
                continue
            for row in versions:
                value = None
                if not row.deleted:
                    value = host.admin("RevealSecret", scope=scope, name=name,
                                       version=row.version).value
                found[scope, name, row.version] = value
    return found


def before(key):
    name, version = key.rsplit("/", 1)
    return f"{name}/{int(version) - 1:020}"


def lowest(found, scope, name):
    return min((row[2] for row in found if row[:2] == (scope, name)), default=2**32)


def test_two_hosts_that_write_at_random_end_with_the_same():
    seed = time.time_ns()
    told, purged = [], set()
    with hosts(2, "--versions-kept", "100", interval=0.2) as (bucket, *both):
        def work(host, number):
            dice = random.Random(seed + number)
            for turn in range(60):
                if turn % 20 == 10:
                    host.worker.stop()
                    host.work()
                    faulty(host.worker, dice)
                with contextlib.suppress(Refused):
                    write(host, dice, told, purged)
        for number, host in enumerate(both):
            faulty(host.worker, random.Random(seed - number))
        threads = [threading.Thread(target=work, args=pair[::-1]) for pair in enumerate(both)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        for host in both:
            host.worker.act = host.worker.do
            host.sync()
        one, two = map(everything, both)
        assert one == two, f"seed {seed}"
        assert len(told) > 20
        numbers = [row[:3] for row in told]
        assert len(set(numbers)) == len(numbers), f"seed {seed}: a version was given twice"
        for scope, name, version, value in told:
            # What a purge has ended is gone with all that is before it.
            ended = (scope, name) in purged and version < lowest(one, scope, name)
            assert ended or one[scope, name, version] == value, f"seed {seed}"
        records = set(bucket.records())
        for key in records:  # no place is ever free again
            assert key.endswith("/" + "1".zfill(20)) or before(key) in records, f"seed {seed}"
        for host in both:
            assert host.verify_audit().problem == ""
