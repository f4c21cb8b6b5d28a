"""Deadlines: peers that are slow, or say nothing. All wait at the same time, on one daemon."""

import os
import threading

import pytest
from coffer_test import Daemon, Wire, varint

BODY = varint(60000)  # the length of a frame that never comes to its end


@pytest.fixture(scope="module")
def crowd():
    """A daemon, and every kind of slow peer on it."""
    with Daemon() as daemon:
        daemon.put("BIG", b"b" * 65536)
        daemon.put("NAME", b"value")
        daemon.token = daemon.create().token
        daemon.claimed = daemon.create(ref="claimed")
        daemon.nonce = os.urandom(16)
        daemon.runner(daemon.claimed).ask("Bootstrap", nonce=daemon.nonce)
        daemon.slow = {
            "says nothing": [],
            "sends one byte of a length": [b"\x80"],
            "sends half of Hello": [Wire.frame(daemon.wire(), "Hello", protocol=1,
                                               token=daemon.token)[:20]],
            "begins a large frame before Hello": [BODY + b"x" * 1000],
        }
        for name, pieces in daemon.slow.items():
            wire = daemon.slow[name] = daemon.wire()
            for piece in pieces:
                wire.send(piece)
        for name in ("stops inside a frame", "says nothing after Hello", "drips", "never reads"):
            daemon.slow[name] = daemon.wire()
            daemon.slow[name].hello(daemon.token)
        daemon.slow["stops inside a frame"].send(BODY + b"x" * 1000)
        daemon.slow["operator that stops inside a frame"] = operator = daemon.operator()
        operator.send(BODY + b"x" * 1000)
        never = daemon.slow["never reads"]
        never.send(b"".join(never.frame("GetSecret", name="BIG") for _ in range(500)))
        stop = threading.Event()
        dripper = threading.Thread(target=drip, args=(daemon.slow["drips"], stop))
        dripper.start()
        yield daemon
        stop.set()
        dripper.join()


def drip(wire, stop):
    """One byte at a time, always in time for a deadline that every byte would renew."""
    try:
        wire.send(BODY)
        while not stop.wait(0.5):
            wire.send(b"x")
    except OSError:
        pass  # closed, as it should be


def test_others_are_served_while_slow_peers_wait(crowd):
    """Attack: slow-loris"""
    for _ in range(100):
        with Wire(crowd.socket) as wire:
            wire.hello(crowd.token)
            assert wire.ask("GetSecret", name="NAME").value == b"value"
    assert crowd.put("OTHER", b"value") > 0


@pytest.mark.parametrize("kind", [
    "says nothing", "sends one byte of a length", "sends half of Hello",
    "begins a large frame before Hello", "stops inside a frame",
    "operator that stops inside a frame",
    "drips", "never reads", "says nothing after Hello"])
def test_a_slow_peer_is_closed_at_its_deadline(crowd, kind):
    """Attack: slow-loris, reader that never reads. Limits: 5 s Hello, 10 s a frame, 60 s idle."""
    assert crowd.slow[kind].closed_by_peer()


def test_the_claim_can_be_repeated_for_thirty_seconds_and_no_longer(crowd):
    """B2"""
    pause = threading.Event()
    with Wire(crowd.socket) as wire:
        wire.hello(crowd.claimed.token)
        for _ in range(240):
            if wire.code("Bootstrap", nonce=crowd.nonce) == "GONE":
                break
            pause.wait(0.5)
        else:
            raise AssertionError("it can still be claimed")
        assert wire.code("Bootstrap", nonce=crowd.nonce) == "GONE"


def test_a_peer_that_keeps_talking_is_not_closed(crowd):
    """Limits: an idle deadline is about idleness."""
    pause = threading.Event()
    with Wire(crowd.socket) as wire:
        wire.hello(crowd.token)
        for _ in range(30):
            assert wire.code("GetSecret", name="NAME") == "OK"
            pause.wait(0.5)
