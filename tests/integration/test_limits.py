"""Limits: what one peer, one uid, or too many of them can take from the others."""

import contextlib
import os
import resource
import socket

import pytest
from coffer_test import (Daemon, Wire, connect_as, eventually, flooding, pb,
                         raise_descriptor_limit, sentinel, varint)

CROWD = 20000  # the first of the uids that crowd


def crowd(served, uid, count):
    """Connections of that uid that are served. They come some at a time: each has 5 seconds to say Hello."""
    wires = []
    while len(wires) < count:
        few = served.peers(uid, min(count - len(wires), 10))
        for wire in few:
            served.serve(wire)
        wires += few
    return wires


@pytest.fixture
def served(daemon):
    """A daemon with one secret and one run; serve() shows that somebody is served."""
    daemon.put("NAME", b"value")
    daemon.token = daemon.create().token

    def serve(wire):
        wire.hello(daemon.token)
        assert wire.ask("GetSecret", name="NAME").value == b"value"
        return wire
    daemon.serve = serve
    return daemon


def assert_turned_away(wire):
    """RESOURCE_EXHAUSTED, with words, and the end."""
    reply = wire.recv()
    assert reply is not None, "the connection was closed without a word"
    assert (reply.id, pb.Code.Name(reply.code)) == (0, "RESOURCE_EXHAUSTED")
    assert "connections" in reply.message
    assert wire.at_end()


def test_a_uid_has_128_connections_and_the_next_is_turned_away(served):
    """Limits: and another uid, and the operator, are served."""
    wires = served.peers(CROWD, 128)
    for wire in wires:
        served.serve(wire)
    for wire in served.peers(CROWD, 3):
        assert_turned_away(wire)
    served.serve(served.peers(CROWD + 1)[0])
    assert served.operator().code("Status") == "OK"
    assert {wire.code("GetSecret", name="NAME") for wire in wires} == {"OK"}
    wires[5].close()
    eventually(lambda: served.admin("Status").connections <= 129 + 1, "a closed one is noticed")
    served.serve(served.peers(CROWD)[0])


def test_1024_connections_from_many_uids_are_held_and_the_next_is_turned_away(served):
    """Limits: 1,024 idle ones, with another client served among them."""
    wires = [wire for number in range(8) for wire in crowd(served, CROWD + number, 127)]
    wires += crowd(served, CROWD + 8, 8)
    assert len(wires) == 1024
    for wire in served.peers(CROWD + 9, 3):
        assert_turned_away(wire)
    assert {wires[number].code("GetSecret", name="NAME") for number in range(0, 1024, 93)} == {"OK"}
    for wire in wires[:20]:
        wire.close()
    eventually(lambda: served.admin("Status").connections < 1010, "places become free")
    served.serve(served.peers(CROWD + 9)[0])


def test_an_idle_connection_costs_next_to_nothing(served):
    """Choices: it holds no buffer."""
    before = served.resident_bytes()
    arena = served.admin("Status").arena_used
    wires = [served.serve(wire)
             for number in range(4) for wire in served.peers(CROWD + number, 120)]
    assert len(wires) == 480
    assert served.resident_bytes() - before < 480 * 8192
    assert served.admin("Status").arena_used - arena <= 128 * 1024


def test_the_limits_can_be_set():
    """J1, limits"""
    with Daemon("--max-connections", 12, "--max-connections-per-uid", 5) as daemon:
        token = daemon.create().token
        for wire in daemon.peers(CROWD, 5):
            wire.hello(token)
        assert_turned_away(daemon.peers(CROWD)[0])
        for wire in daemon.peers(CROWD + 1, 5):
            wire.hello(token)
        for wire in daemon.peers(CROWD + 2, 2):
            wire.hello(token)
        assert_turned_away(daemon.peers(CROWD + 3)[0])


@pytest.mark.parametrize("option", ["--max-connections", "--max-connections-per-uid"])
@pytest.mark.parametrize("wrong", ["0", "-1", "many", "4294967296"])
def test_a_nonsense_limit_is_refused_at_start(option, wrong):
    """J5"""
    daemon = Daemon()
    try:
        daemon.init()
        done = daemon.run("--home", daemon.home, option, wrong)
        assert done.returncode in (1, 2) and option.strip("-").split("-")[1] in done.stderr
    finally:
        daemon.__exit__()


def test_a_flood_of_connections_of_one_uid_leaves_another_served(served):
    """Attack: one uid's flood with another uid served."""
    served.open_to_all()
    held = served.peers(CROWD, 120)

    def attack():
        for wire in [Wire(served.socket) for _ in range(20)]:
            wire.close()
    with flooding(CROWD, attack):
        for _ in range(200):
            with served.peers(CROWD + 1)[0] as wire:
                served.serve(wire)
    assert held


def test_a_flood_of_wrong_tokens_of_one_uid_leaves_another_served(served):
    """Attack: token guessing."""
    served.open_to_all()

    def attack():
        with Wire(served.socket) as wire:
            for _ in range(50):
                wire.send(wire.frame("Hello", protocol=1, token=sentinel()))
            for _ in range(50):
                assert wire.recv().code == pb.UNAUTHENTICATED
    with flooding(CROWD, attack), flooding(CROWD, attack):
        for _ in range(200):
            with served.peers(CROWD + 1)[0] as wire:
                served.serve(wire)


def test_wrong_tokens_beyond_twenty_a_second_wait(served):
    """Attack: token guessing. The bound is a least time, which no slow machine can undercut."""
    start = os.times().elapsed
    for wire in served.peers(CROWD, 5):
        wire.send(b"".join(wire.frame("Hello", protocol=1, token=sentinel()) for _ in range(20)))
        assert {wire.recv().code for _ in range(20)} == {pb.UNAUTHENTICATED}
    assert os.times().elapsed - start > 2
    served.serve(served.peers(CROWD + 1)[0])


def test_the_right_token_works_after_wrong_ones(served):
    """Attack: token guessing by a neighbour of the same uid delays, and does not lock out."""
    (guesser,) = served.peers(CROWD)
    guesser.send(b"".join(guesser.frame("Hello", protocol=1, token=sentinel()) for _ in range(40)))
    served.serve(served.peers(CROWD)[0])


def test_descriptors_that_are_sent_along_are_not_kept(served):
    """Attack: SCM_RIGHTS flood."""
    run_wire = served.serve(served.wire())
    operator = served.operator()
    operator.ask("Status")
    before = served.descriptors()
    ours = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        for wire, method in ((run_wire, "ListSecrets"), (operator, "Status")):
            for _ in range(50):
                frame = wire.frame(method)
                try:
                    socket.send_fds(wire.socket, [frame[:5]], ours)
                    socket.send_fds(wire.socket, [frame[5:]], ours)
                except PermissionError:  # the receiver has switched SO_PASSRIGHTS off
                    wire.send(frame)
                assert wire.recv().code == pb.OK
    finally:
        for descriptor in ours:
            os.close(descriptor)
    assert served.descriptors() == before


def test_without_descriptors_the_daemon_waits_and_recovers(served):
    """Attack: EMFILE: those who are in are served, those who wait come in when there is room."""
    inside = served.serve(served.wire())
    operator = served.operator()
    operator.ask("Status")
    _, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
    highest = max(int(number) for number in os.listdir(f"/proc/{served.pid}/fd"))
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (highest + 4, hard))
    waiting = [served.wire() for _ in range(12)]
    for wire in waiting:
        wire.send(wire.frame("Hello", protocol=1, token=served.token))
    for _ in range(50):
        assert inside.ask("GetSecret", name="NAME").value == b"value"
    assert waiting[0].recv().code == pb.OK
    for number, wire in enumerate(waiting[1:], 1):
        waiting[number - 1].close()
        reply = wire.recv()
        assert reply.code == pb.OK, reply
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (hard, hard))
    served.serve(served.wire())
    assert operator.code("Status") == "OK"


def test_waiting_for_descriptors_does_not_spin(served):
    """Attack: EMFILE must not become a busy loop: idle time is idle."""
    _, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
    highest = max(int(number) for number in os.listdir(f"/proc/{served.pid}/fd"))
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
    waiting = [served.wire() for _ in range(5)]
    ticks = _cpu_ticks(served.pid)
    assert not waiting[0].closed_by_peer(deadline=2)
    assert _cpu_ticks(served.pid) - ticks < os.sysconf("SC_CLK_TCK")
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for wire in waiting:
        served.serve(wire)


def _cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_readers_that_never_read_cost_a_bounded_amount_of_memory(served):
    """Attack: reader that never reads. Hundreds of them ask for gigabytes; others are served
    meanwhile, by both sockets and with values of the largest size."""
    served.put("BIG", b"b" * 65536)
    before = served.resident_bytes()
    wires = crowd(served, CROWD, 100) + crowd(served, CROWD + 1, 100)
    frames = b"".join(wires[0].frame("GetSecret", name="BIG") for _ in range(5000))
    asked = 0
    for wire in wires:
        wire.socket.setblocking(False)
        try:
            while True:
                asked += wire.socket.send(frames)
        except (BlockingIOError, BrokenPipeError):
            pass  # its share is used up, or that of its uid is, and then it has been cut off
    assert asked / len(frames) * 5000 * 65536 > 10**9
    for _ in range(20):
        wire = served.serve(served.peers(CROWD + 2)[0])
        assert len(wire.ask("GetSecret", name="BIG").value) == 65536
        assert served.admin("RevealSecret", scope="global", name="BIG").version == 1
        assert served.put("OTHER", b"o" * 60000) > 0
    assert served.resident_bytes() - before < 200 * 128 * 1024 + (8 << 20)
    late = wires[0]
    late.socket.settimeout(120)
    assert len(late.result("GetSecret", late.recv()).value) == 65536


def test_writers_that_never_finish_cost_a_bounded_amount_of_memory(served):
    """Attack: half frames of the largest size on many connections."""
    before = served.resident_bytes()
    for wire in crowd(served, CROWD, 100) + crowd(served, CROWD + 1, 100):
        with contextlib.suppress(BrokenPipeError):  # refused: there is no memory for it
            wire.send(varint(69000) + b"\x1a\xe0\x9a\x04" + b"x" * 60000)
    for _ in range(20):
        served.serve(served.peers(CROWD + 2)[0])
        assert served.put("OTHER", b"o" * 60000) > 0
    assert served.resident_bytes() - before < 200 * 128 * 1024 + (8 << 20)


@pytest.mark.parametrize("uids", [1, 4])
def test_half_frames_of_some_uids_do_not_take_all_memory_from_the_others(served, uids):
    """Attack: a flood of memory, with every connection that those uids may have and before Hello.
    A job of another uid and the operator need memory too: their frames come in pieces, with values
    of the largest size."""
    for number in range(uids):
        for wire in served.peers(CROWD + number, 128):
            with contextlib.suppress(BrokenPipeError):
                wire.send(varint(69000) + b"\x1a\xe0\x9a\x04" + b"x" * 60000)
    for _ in range(10):
        (job,) = served.peers(CROWD + 100)
        in_pieces(served, job, job.frame("Hello", protocol=1, token=served.token))
        operator = served.operator()
        in_pieces(served, operator, operator.frame("PutSecret", scope="global",
                                                   writes=[{"name": "A", "value": b"v" * 65536}]))
        job.send(b"".join(job.frame("GetSecret", name="A") for _ in range(20)))
        assert {len(job.result("GetSecret", job.recv()).value) for _ in range(20)} == {65536}


def in_pieces(served, wire, frame):
    """Sends the frame so that its first part is surely read before the rest comes."""
    wire.send(frame[:20])
    served.admin("Status")
    with contextlib.suppress(BrokenPipeError):  # refused: the reply says why
        wire.send(frame[20:])
    reply = wire.recv()
    assert reply is not None and reply.code == pb.OK, reply


def test_ten_thousand_short_connections_leave_nothing_behind(served):
    """Attack: connection churn: descriptors and memory stay as they were."""
    raise_descriptor_limit(1200)
    served.open_to_all()
    for wire in connect_as(CROWD, served.socket, 100):
        wire.close()
    eventually(lambda: served.admin("Status").connections == 1, "all are gone")
    descriptors, resident = served.descriptors(), served.resident_bytes()
    for number in range(10000):
        with Wire(served.socket) as wire:
            if number % 10 == 0:
                served.serve(wire)
    eventually(lambda: served.admin("Status").connections == 1, "all are gone")
    eventually(lambda: served.descriptors() <= descriptors, "so are their descriptors")
    assert served.resident_bytes() - resident < 4 << 20
