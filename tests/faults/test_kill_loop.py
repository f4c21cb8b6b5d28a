"""kill -9, again and again: whatever was acknowledged is there afterwards."""

import os
import random
import time

from coffer_test import Daemon, Wire, pb

CYCLES = int(os.environ.get("COFFER_KILL_CYCLES", "200"))


class Ledger:
    """What the daemon has acknowledged, and so owes."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.values = {}
        self.unclaimed = []
        self.claimed = []
        self.finished = []

    def send_cycle(self, cycle):
        """Puts, runs, ends and claims, all in flight at once; the wires with what they await."""
        operator, awaited = Wire(self.daemon.admin_socket), []
        frames = b""
        for number in range(10):
            name, value = f"K{cycle}_{number}", os.urandom(64)
            frames += operator.frame("PutSecret", scope="global",
                                     writes=[{"name": name, "value": value}])
            awaited.append((self.values.__setitem__, name, value))
            if number % 3 == 0:
                frames += operator.frame("CreateRun", meta={"pipeline": "app",
                                                            "ref": f"r{cycle}_{number}"},
                                         secrets=[{"name": "OWN", "value": b"own"}])
                awaited.append((self.created,))
            if number == 5 and len(self.claimed) > 5:
                run = self.claimed.pop()
                frames += operator.frame("FinishRun", run_id=run.run_id, result="SUCCEEDED")
                awaited.append((self.finished.append, run))
        operator.send(frames)
        wires = [(operator, awaited)]
        for run in self.unclaimed:
            wire = Wire(self.daemon.socket)
            wire.send(wire.frame("Hello", protocol=1, token=run.token) +
                      wire.frame("Bootstrap", nonce=os.urandom(16)))
            wires.append((wire, [(lambda: None,), (self.claimed.append, run)]))
        self.unclaimed = []
        return wires

    def created(self, reply):
        self.unclaimed.append(pb.CreateRunResponse.FromString(reply.body))

    def settle(self, reply, entry):
        assert reply.code == pb.OK, reply
        act, *arguments = entry
        act(reply) if act == self.created else act(*arguments)

    def check(self, names, runs, ended):
        with Wire(self.daemon.admin_socket) as operator:
            for name in names:
                got = operator.ask("RevealSecret", scope="global", name=name)
                assert got.value == self.values[name], name
        for run in runs:
            with Wire(self.daemon.socket) as wire:
                wire.hello(run.token)
                assert wire.code("Bootstrap", nonce=os.urandom(16)) == "GONE"
        for run in ended:
            with Wire(self.daemon.socket) as wire:
                assert wire.code("Hello", protocol=1, token=run.token) == "UNAUTHENTICATED"


def test_nothing_acknowledged_is_lost_over_many_kills():
    """E4, B2, A5, H2: writes, runs, claims, ends, and the chain of the audit log."""
    seed = int(os.environ.get("COFFER_KILL_SEED", time.time_ns() & 0xFFFFFF))
    print("to repeat: COFFER_KILL_SEED =", seed)
    chance = random.Random(seed)
    with Daemon() as daemon:
        ledger = Ledger(daemon)
        for cycle in range(CYCLES):
            values, finished = len(ledger.values), len(ledger.finished)
            wires = ledger.send_cycle(cycle)
            claimed = len(ledger.claimed)
            order = [wire for wire, rest in wires for _ in rest]
            chance.shuffle(order)
            awaited = dict(wires)
            for wire in order[:chance.randrange(len(order) + 1)]:
                ledger.settle(wire.recv(), awaited[wire].pop(0))
            daemon.process.kill()
            daemon.wait()
            for wire, rest in wires:  # what reached our sockets counts as acknowledged
                for reply, entry in zip(wire.drain(), rest):
                    ledger.settle(reply, entry)
                wire.close()
            daemon.start()
            ledger.check(list(ledger.values)[values:], ledger.claimed[claimed:],
                         ledger.finished[finished:])
            if cycle % 25 == 0:
                assert daemon.verify_audit().problem == ""
        assert ledger.values and ledger.claimed and ledger.finished
        ledger.check(ledger.values, ledger.claimed, ledger.finished)
        check_audit(daemon, ledger)


def check_audit(daemon, ledger):
    """The log stands, has no gap, and has a record of each acknowledged change."""
    assert daemon.verify_audit().problem == ""
    records = daemon.audit()
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    done = [record for record in records if record["outcome"] == "OK"]
    written = {item["name"] for record in done if record["op"] == "PutSecret"
               for item in record.get("secrets", [record])}
    assert set(ledger.values) <= written
    claimed = {record["run"] for record in done if record["op"] == "Bootstrap"}
    assert {run.run_id for run in ledger.claimed + ledger.finished} <= claimed
    ended = {record["run"] for record in done if record["op"] == "FinishRun"}
    assert {run.run_id for run in ledger.finished} <= ended
