"""Sentinel values are set, read and lost on the way; then nothing of them may be found anywhere:
not in database, logs, command line or environment, nor in any page of the daemon's memory."""

import os
import socket

import pytest
from coffer_test import CIPHERS, METHODS, Daemon, Wire, pb, sentinel


def named(count=1, length=32):
    return {f"NAME_{number}": sentinel(length).encode() for number in range(count)}


def put(daemon, values, scope="global"):
    with Wire(daemon.admin_socket) as wire:
        wire.ask("PutSecret", scope=scope,
                 writes=[{"name": name, "value": value} for name, value in values.items()])


def set_one(daemon):
    values = named()
    put(daemon, values)
    return values.values()


def get_one(daemon):
    values = named()
    put(daemon, values)
    run = daemon.create()
    assert daemon.runner(run).ask("GetSecret", name="NAME_0").value == values["NAME_0"]
    return [*values.values(), run.token]


def reveal(daemon):
    values = named()
    put(daemon, values)
    wire = daemon.operator()
    assert wire.ask("RevealSecret", scope="global", name="NAME_0").value == values["NAME_0"]
    return values.values()


def roll_back(daemon):
    old, new = named(), named()
    put(daemon, old)
    put(daemon, new)
    daemon.operator().ask("RollbackSecret", scope="global", name="NAME_0", version=1)
    return [*old.values(), *new.values()]


def get_batch(daemon):
    values = named(64)
    put(daemon, values)
    run = daemon.create()
    assert len(daemon.runner(run).ask("GetSecrets", names=list(values)).secrets) == 64
    return [*values.values(), run.token]


def get_environment(daemon):
    values = named(64)
    put(daemon, values)
    run = daemon.create()
    assert len(daemon.runner(run).ask("GetEnvironment").secrets) == 64
    return [*values.values(), run.token]


def big_values(daemon):
    text = sentinel()
    with Wire(daemon.admin_socket) as wire:
        for number in range(5):
            wire.ask("PutSecret", scope="global",
                     writes=[{"name": f"BIG_{number}", "value": text.encode() * 2000}])
    run = daemon.create()
    wire = daemon.runner(run)
    wire.send(b"".join(wire.frame("GetSecret", name=f"BIG_{n % 5}") for n in range(40)))
    assert {wire.recv().code for _ in range(40)} == {pb.OK}
    assert wire.ask("GetSecrets", names=[f"BIG_{n}" for n in range(5)]).more
    return [text, run.token]


def bootstrap(daemon):
    extra, path, dsn = sentinel(), sentinel(), sentinel()
    run = daemon.create(git_dir=path, sentry={"dsn": dsn}, extras=[{"key": "k", "value": extra}])
    wire = daemon.runner(run)
    nonce = os.urandom(16)
    for _ in range(2):
        assert wire.ask("Bootstrap", nonce=nonce).extras[0].value == extra
    assert daemon.operator().ask("ListRuns", run_id=run.run_id).runs[0].git_dir == path
    return [extra, path, dsn, run.token]


def create_run_with_secrets(daemon):
    value = sentinel()
    run = daemon.create(secrets=[{"name": "NAME", "value": value.encode()}])
    wire = daemon.runner(run)
    assert wire.ask("GetSecret", name="NAME").value == value.encode()
    daemon.admin("FinishRun", run_id=run.run_id, result="SUCCEEDED")
    assert wire.code("GetSecret", name="NAME") == "UNAUTHENTICATED"
    return [value, run.token]


def refused_writes(daemon):
    values = [sentinel() for _ in range(5)]
    with Wire(daemon.admin_socket) as wire:
        for value, fields in zip(values, ({"name": "not a name"}, {"name": "__coffer_x"},
                                          {"name": "A", "check_version": True, "if_version": 5})):
            assert wire.code("PutSecret", scope="global",
                             writes=[{"value": value.encode(), **fields}]) != "OK"
        assert wire.code("PutSecret", scope="system/x",
                         writes=[{"name": "A", "value": values[3].encode()}]) != "OK"
        assert wire.code("PutSecret", scope="global",
                         writes=[{"name": "A", "value": values[4].encode() * 2049}]) != "OK"
    return values


def refused_tokens(daemon):
    tokens = [sentinel() for _ in range(5)]
    wire = daemon.wire()
    for token in tokens:
        assert wire.code("Hello", protocol=1, token=token) == "UNAUTHENTICATED"
    return tokens


def second_hello(daemon):
    run, token = daemon.create(), sentinel()
    wire = daemon.runner(run)
    assert wire.code("Hello", protocol=1, token=token) == "FAILED_PRECONDITION"
    return [run.token, token]


def malformed_frames(daemon):
    values = [sentinel() for _ in range(4)]
    wires = [daemon.wire() for _ in range(4)]
    wires[0].send_frame(b"\xff" + values[0].encode())
    wires[1].send_frame(pb.Request(id=1, method="Hello",
                                   body=b"\xff" + values[1].encode()).SerializeToString())
    wires[2].send_frame(pb.Request(id=1, method=values[2]).SerializeToString())
    wires[3].send(b"\x00" + values[3].encode() * 100)
    for wire in wires:
        assert wire.recv().code != pb.OK
    return values


def value_on_the_wrong_socket(daemon):
    value = sentinel()
    wire = daemon.wire()
    assert wire.code("PutSecret", scope="global",
                     writes=[{"name": "A", "value": value.encode()}]) == "PERMISSION_DENIED"
    return [value]


def slow_frames(daemon):
    """A frame that comes in pieces, and waits in the daemon's memory meanwhile."""
    value, run = sentinel(), daemon.create()
    wire = daemon.wire()
    frame = wire.frame("Hello", protocol=1, token=run.token)
    for byte in frame:
        wire.send(bytes([byte]))
    wire.recv()
    operator = daemon.operator()
    frame = operator.frame("PutSecret", scope="global",
                           writes=[{"name": "A", "value": value.encode() * 2000}])
    for start in range(0, len(frame), 997):
        operator.send(frame[start:start + 997])
    assert operator.recv().code == pb.OK
    return [value, run.token]


def closed_in_the_middle(daemon):
    value, run = sentinel(), daemon.create()
    with Wire(daemon.admin_socket) as wire:
        frame = wire.frame("PutSecret", scope="global",
                           writes=[{"name": "A", "value": value.encode() * 2000}])
        wire.send(frame[:-1])
        wire.socket.shutdown(socket.SHUT_WR)
        wire.drain()
    with Wire(daemon.socket) as wire:
        wire.send(wire.frame("Hello", protocol=1, token=run.token)[:-1])
    return [value, run.token]


def closed_before_the_replies(daemon):
    text, run = sentinel(), daemon.create()
    put(daemon, {"BIG": text.encode() * 2000})
    for _ in range(10):
        with Wire(daemon.socket) as wire:
            wire.send(wire.frame("Hello", protocol=1, token=run.token) +
                      b"".join(wire.frame("GetSecret", name="BIG") for _ in range(30)))
            wire.recv()
    return [text, run.token]


SCENES = [set_one, get_one, reveal, roll_back, get_batch, get_environment, big_values, bootstrap,
          create_run_with_secrets, refused_writes, refused_tokens, second_hello, malformed_frames,
          value_on_the_wrong_socket, slow_frames, closed_in_the_middle, closed_before_the_replies]


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_nothing_is_left_behind(scene, cipher):
    """Security, memory: the connections are still open while the memory is searched."""
    with Daemon(init=["--cipher", cipher]) as daemon:
        secrets = list(scene(daemon))
        daemon.assert_forgotten(*secrets)


def test_the_search_finds_what_is_there(daemon):
    """The proof of the proof: half a frame must be in the memory until the rest of it has come."""
    value = sentinel()
    wire = daemon.operator()
    frame = wire.frame("PutSecret", scope="global",
                       writes=[{"name": "A", "value": value.encode() * 100}])
    wire.send(frame[:-1])
    daemon.admin("Status")
    places = daemon.places_of([value.encode()])
    assert any(place.startswith("memory") for place in places), places
    assert not [place for place in places if not place.startswith("memory")]
    wire.send(frame[-1:])
    assert wire.recv().code == pb.OK
    daemon.assert_forgotten(value)


def test_the_key_and_values_given_at_start_are_not_left_in_memory(folder):
    """E5, G1: the file's value, and the key that opens the root key."""
    value = sentinel()
    source = folder / "value"
    source.write_text(value)
    with Daemon("--secret", f"NAME=@{source}") as daemon:
        assert daemon.admin("RevealSecret", scope="global", name="NAME").value == value.encode()
        key = daemon.key_file().read_bytes()
        needles = [value.encode(), key[:16], key[16:32]]
        daemon.assert_forgotten(value)
        assert [place for place in daemon.places_of(needles)] == \
            [str(daemon.key_file().relative_to(daemon.home))]


def text_fields(descriptor, path=()):
    """The path of every string and bytes field of a message, through nested ones."""
    for field in descriptor.fields:
        if field.message_type is not None:
            yield from text_fields(field.message_type, path + (field,))
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            yield path + (field,)


def with_text(message, path, text):
    """Sets the field at that path to text, and those around it to what lets it be looked at."""
    for name, value in (("scope", "global"), ("name", "NAME"), ("protocol", 1)):
        if name in message.DESCRIPTOR.fields_by_name:
            setattr(message, name, value)
    if message.DESCRIPTOR.name == "CreateRunRequest":
        message.meta.pipeline, message.meta.ref = "p", "r"
    for field in path[:-1]:
        message = getattr(message, field.name)
        message = message.add() if field.label == field.LABEL_REPEATED else message
    field = path[-1]
    value = text.encode() if field.type == field.TYPE_BYTES else text
    if field.label == field.LABEL_REPEATED:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


@pytest.mark.parametrize("decoration", [
    pytest.param("{}", id="as it is"), pytest.param("{} !", id="with a blank"),
    pytest.param("{}\n", id="with a newline"), pytest.param("{}\0", id="with a NUL"),
    pytest.param("\u00e9{}", id="with more than ASCII"),
    pytest.param("{}" + "x" * 5000, id="long")])
def test_a_sentinel_in_any_field_of_any_request_reaches_no_log(daemon, decoration):
    """Attack: sentinel in every field against every log. What is a secret by its field's meaning
    does not reach the audit log or any other file either."""
    secret_fields = {"value", "token", "nonce", "cursor"}
    sentinels, secrets = [], []
    run = daemon.create()
    for method, row in METHODS.items():
        for path in text_fields(row.request.DESCRIPTOR):
            text = sentinel()
            sentinels.append(text.encode())
            if path[-1].name in secret_fields and path[0].name != "extras":
                secrets.append(text.encode())
            request = row.request()
            with_text(request, path, decoration.format(text))
            for wire in (daemon.wire(), daemon.runner(run), daemon.operator()):
                wire.send_frame(pb.Request(id=1, method=method,
                                           body=request.SerializeToString()).SerializeToString())
                assert wire.recv() is not None
            if method == "CreateRun":
                run = daemon.create()
            daemon.drop_wires()
    for text in (sentinel(), sentinel()):
        sentinels.append(text.encode())
        with daemon.operator() as wire:
            wire.send_frame(pb.Request(id=1, method=text).SerializeToString())
            wire.recv()
    assert not [text for text in sentinels if text in daemon.log]
    assert not daemon.places_of(secrets, memory=False)


def test_command_line_and_environment_hold_no_secret(folder):
    """Attack: argv and environ scan, of a daemon that was given all that it takes."""
    passphrase, value = sentinel(), sentinel()
    for name, text in (("passphrase", passphrase), ("value", value)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    options = ["--passphrase-file", folder / "passphrase"]
    with Daemon(*options, "--secret", f"A=@{folder / 'value'}", init=options) as daemon:
        daemon.assert_forgotten(passphrase, value)


def test_locked_memory_is_locked_and_left_out_of_dumps(daemon):
    """Security, memory: the arena of Status is locked, dd (no dump) and wf (wiped on fork)."""
    arena = daemon.admin("Status").arena_size
    found = []
    text = open(f"/proc/{daemon.pid}/smaps").read()
    size = 0
    for line in text.splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1]) * 1024
        elif line.startswith("VmFlags:") and {"dd", "wf"} <= set(line.split()):
            found.append((size, "lo" in line.split()))
    assert (arena, True) in found, (arena, found)
