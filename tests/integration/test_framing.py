"""The stream: lengths, pieces, pipelines, and peers that leave early."""

import select
import socket

import pytest
from coffer_test import METHODS, OPERATOR, RUNNER, Wire, delimited, pb, varint

BAD_LENGTHS = {
    "zero": b"\x00",
    "one in two bytes": b"\x81\x00",
    "zero in two bytes": b"\x80\x00",
    "zero in three bytes": b"\x80\x80\x00",
    "300 in three bytes": b"\xac\x82\x00",
    "four bytes": b"\x80\x80\x80\x01",
    "zero in four bytes": b"\x80\x80\x80\x00",
    "the largest of three bytes": b"\xff\xff\x7f",
    "2^31": varint(2**31),
    "2^32 - 1": varint(2**32 - 1),
    "2^64 - 1": varint(2**64 - 1),
    "never ending": b"\xff" * 64,
}


def assert_refused_and_closed(wire):
    """One INVALID_ARGUMENT with id 0, then the end."""
    reply = wire.recv()
    assert reply is not None, "the connection was closed without a word"
    assert (reply.id, pb.Code.Name(reply.code)) == (0, "INVALID_ARGUMENT")
    assert reply.message
    assert wire.at_end()


def padded(size, method="Status"):
    """A frame whose content has exactly that size, by an unknown field that must be skipped."""
    base = pb.Request(id=9, method=method).SerializeToString()
    tag = varint(15 << 3 | 2)
    filler = size - len(base) - len(tag)
    filler -= len(varint(filler - len(varint(filler))))
    body = base + tag + varint(filler) + b"x" * filler
    assert len(body) == size
    return delimited(body)


@pytest.mark.parametrize("length", BAD_LENGTHS.values(), ids=BAD_LENGTHS.keys())
def test_a_bad_length_gets_one_refusal_and_the_end(daemon, length):
    """Attack: length overflow and ambiguity; on both sockets, before and after Hello."""
    run = daemon.create()
    for wire in (daemon.wire(), daemon.runner(run), daemon.operator()):
        wire.send(length)
        assert_refused_and_closed(wire)
    assert daemon.runner(run).code("ListSecrets") == "OK"


def test_the_largest_frame_is_served_and_one_byte_more_is_refused(daemon):
    """Attack: length at max and max + 1, without a byte of the body sent."""
    run = daemon.create()
    frame_max = daemon.wire().hello(run.token).frame_max
    for make, method in ((lambda: daemon.runner(run), "ListSecrets"), (daemon.operator, "Status")):
        wire = make()
        wire.send(padded(frame_max, method))
        reply = wire.recv()
        assert (reply.id, reply.code) == (9, pb.OK), reply
        assert wire.code(method) == "OK"
        wire = make()
        wire.send(varint(frame_max + 1))
        assert_refused_and_closed(wire)


def test_what_was_asked_before_a_bad_length_is_answered_first(daemon):
    """Protocol: the refusal is the last word, not the only one."""
    wire = daemon.operator()
    wire.send(wire.frame("Status") + wire.frame("Status") + b"\x00" + wire.frame("Status"))
    assert [wire.recv().id for _ in range(2)] == [1, 2]
    assert_refused_and_closed(wire)


@pytest.mark.parametrize("body", [
    b"\xff", b"\x08", b"\x0a\x05ab", b"\x12\x05ab", b"\x1a\xff\xff\x03x", b"\x0b", b"\x0f\x01",
    b"\x12\x80", b"\x00\x00", b"\x08" + b"\xff" * 11], ids=lambda body: body.hex())
def test_a_malformed_envelope_gets_one_refusal_and_the_end(daemon, body):
    """Attack: whole-session fuzz, its fixed points."""
    for wire in (daemon.wire(), daemon.operator()):
        wire.send_frame(body)
        assert_refused_and_closed(wire)


@pytest.mark.parametrize("method", METHODS)
def test_a_malformed_body_is_refused_and_the_connection_kept(daemon, method):
    """Protocol: only the stream itself is worth a close."""
    run = daemon.create()
    if method == "Hello":
        wire, then = daemon.wire(), ("Hello", {"protocol": 1, "token": run.token})
    elif method in RUNNER:
        wire, then = daemon.runner(run), ("ListSecrets", {})
    else:
        wire, then = daemon.operator(), ("Status", {})
    for number, body in enumerate((b"\xff\xff", b"\x0a\x7f", b"\x0a\x02a", b"\x08", b"\x0c"), 100):
        wire.send_frame(pb.Request(id=number, method=method, body=body).SerializeToString())
        reply = wire.recv()
        assert (reply.id, pb.Code.Name(reply.code)) == (number, "INVALID_ARGUMENT"), body
    assert wire.code(then[0], **then[1]) == "OK"


def test_a_request_with_id_zero_is_refused(daemon):
    """Protocol: id 0 is for what cannot be told apart."""
    for wire in (daemon.wire(), daemon.operator()):
        wire.send_frame(pb.Request(method="Status").SerializeToString())
        reply = wire.recv()
        assert (reply.id, pb.Code.Name(reply.code)) == (0, "INVALID_ARGUMENT")


def test_ids_are_the_clients_own(daemon):
    """Protocol: any 1 or more, in any order, also the same twice."""
    wire = daemon.operator()
    for number in (2**32 - 1, 1, 7, 7, 3):
        wire.send_frame(pb.Request(id=number, method="Status").SerializeToString())
        assert wire.recv().id == number


def test_unknown_fields_are_skipped(daemon):
    """Protocol, compatibility: a newer client's fields do no harm."""
    wire = daemon.runner(daemon.create())
    daemon.put("NAME", b"value")
    body = pb.GetSecretRequest(name="NAME").SerializeToString()
    extra = (varint(900 << 3 | 2) + b"\x03new" + varint(901 << 3) + b"\x05" +
             varint(902 << 3 | 1) + b"8bytes!!" + varint(903 << 3 | 5) + b"4byt")
    request = pb.Request(id=5, method="GetSecret", body=extra + body + extra)
    wire.send_frame(extra + request.SerializeToString() + extra)
    assert wire.result("GetSecret", wire.recv()).value == b"value"


def test_frames_that_arrive_byte_by_byte_are_served(daemon):
    """Attack: byte-wise frames."""
    daemon.put("NAME", b"value")
    run = daemon.create()
    wire = daemon.wire()
    frames = wire.frame("Hello", protocol=1, token=run.token) + wire.frame("GetSecret", name="NAME")
    for byte in frames:
        wire.send(bytes([byte]))
    assert wire.result("Hello", wire.recv()).run_id == run.run_id
    assert wire.result("GetSecret", wire.recv()).value == b"value"


def test_frames_cut_at_every_place_are_served(daemon):
    """Attack: byte-wise frames; the cut falls once between any two bytes of two frames."""
    wire = daemon.operator()
    length = len(wire.frame("Status") + wire.frame("ListAllSecrets"))
    for cut in range(1, length):
        frames = wire.frame("Status") + wire.frame("ListAllSecrets")
        wire.send(frames[:cut])
        # the first part has been read once this is answered
        with Wire(daemon.admin_socket) as other:
            other.ask("Status")
        wire.send(frames[cut:])
        assert [wire.recv().code for _ in range(2)] == [pb.OK, pb.OK]


def test_hello_and_the_first_request_may_come_in_one_write(daemon):
    """Protocol: pipelining, and an authority that holds from the next frame on."""
    daemon.put("NAME", b"value")
    run = daemon.create()
    wire = daemon.wire()
    wire.send(wire.frame("GetSecret", name="NAME") +
              wire.frame("Hello", protocol=1, token=run.token) +
              wire.frame("GetSecret", name="NAME"))
    assert [pb.Code.Name(wire.recv().code) for _ in range(2)] == ["UNAUTHENTICATED", "OK"]
    assert wire.result("GetSecret", wire.recv()).value == b"value"


@pytest.mark.parametrize("size", [10, 1000, 60000])
def test_a_thousand_requests_in_one_write_are_answered_in_order_to_a_late_reader(daemon, size):
    """Protocol: pipelining under backpressure loses and mixes nothing."""
    for number in range(4):
        daemon.put(f"NAME_{number}", bytes([65 + number]) * size)
    wire = daemon.runner(daemon.create())
    first = wire.last_id + 1
    frames = b"".join(wire.frame("GetSecret", name=f"NAME_{number % 4}") for number in range(1000))
    wire.send(frames)
    with daemon.operator() as other:
        assert other.code("Status") == "OK"
    for number in range(1000):
        reply = wire.recv()
        assert reply.id == first + number
        assert wire.result("GetSecret", reply).value == bytes([65 + number % 4]) * size


def test_a_peer_that_has_closed_its_writing_side_gets_its_replies(daemon):
    """Attack: half-close."""
    daemon.put("NAME", b"v" * 60000)
    run = daemon.create()
    wire = daemon.wire()
    wire.send(wire.frame("Hello", protocol=1, token=run.token) +
              b"".join(wire.frame("GetSecret", name="NAME") for _ in range(20)))
    wire.socket.shutdown(socket.SHUT_WR)
    assert [wire.recv().code for _ in range(21)] == [pb.OK] * 21
    assert wire.at_end()


def test_half_a_frame_and_a_half_close_end_the_connection(daemon):
    """Attack: half-close inside a frame."""
    wire = daemon.operator()
    wire.send(wire.frame("Status")[:-1])
    wire.socket.shutdown(socket.SHUT_WR)
    while (reply := wire.recv()) is not None:
        assert reply.code != pb.OK


def test_peers_that_close_before_the_reply_harm_nobody(daemon):
    """Attack: close before reply; no descriptor stays behind, no SIGPIPE kills."""
    daemon.put("NAME", b"v" * 60000)
    run = daemon.create()
    keeper = daemon.operator()
    keeper.ask("Status")
    before = daemon.descriptors()
    for number in range(200):
        wire = Wire(daemon.socket)
        wire.send(wire.frame("Hello", protocol=1, token=run.token) +
                  wire.frame("GetSecret", name="NAME") * (number % 5))
        if number % 3 == 0:
            wire.recv()
        wire.close()
    while keeper.ask("Status").connections > 1:
        select.select([], [], [], 0.01)
    assert daemon.descriptors() == before


def test_every_method_is_audited_or_listed_here_as_not(daemon):
    """H1: nothing that touches a secret, a grant or a run goes unrecorded."""
    not_recorded = {"Status"}
    run = daemon.create()
    wires = {"Runner": daemon.runner(run), "Operator": daemon.operator()}
    for method in (name for name in RUNNER + OPERATOR if name not in ("Hello", "CreateRun")):
        wires[METHODS[method].service].call(method)
    seen = {line["op"] for line in daemon.audit()}
    unrecorded = set(METHODS) - seen
    # A backup has records when it begins and when it is safe, not one for each of its pieces.
    # What coffer-s3 is told and tells is sealed; what it brings is applied with a record.
    assert unrecorded - {"ReadAudit", "VerifyAudit", "ReadBackup", "MirrorTasks", "MirrorOffer"} \
        <= not_recorded
