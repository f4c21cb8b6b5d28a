#!/usr/bin/python3
"""What the documents show is so: the bytes of docs/protocol.md are what protobuf makes, its client gets a
secret, and the tests of docs/examples find theirs.

usage: docs_examples.py COFFERD COFFER PROTOC
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import tree

DOCUMENT = "docs/protocol.md"
COFFERD, COFFER, PROTOC = sys.argv[1:]
VALUE = b"tea"


def examples():
    """The frames that stand in the document: lines of hexadecimal bytes with '|' between the fields."""
    for line in tree.lines(DOCUMENT):
        if re.fullmatch(r"    [0-9a-f]{2}( \| [0-9a-f]{2}( [0-9a-f]{2})*)+", line):
            yield bytes.fromhex(line.replace("|", " "))


def frames(pb):
    """The same, as protobuf makes them."""
    request = pb.Request(id=2, method="GetSecret",
                         body=pb.GetSecretRequest(name="TEA").SerializeToString())
    reply = pb.GetSecretResponse(value=VALUE, version=1, scope="global")
    for message in (request, pb.Response(id=2, body=reply.SerializeToString()),
                    pb.Response(id=3, code=pb.NOT_FOUND, message="unknown secret 'MILK'")):
        body = message.SerializeToString()
        yield bytes([len(body)]) + body


def client():
    return re.search(r"^```python\n(.*?)^```$", (tree.ROOT / DOCUMENT).read_text(), re.S | re.M)[1]


def run_client(folder, environment, name):
    done = subprocess.run(["/usr/bin/python3", folder / "client.py", name], capture_output=True,
                          env={**environment, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
                          timeout=120, check=False)
    return done.stdout, done.stderr.decode().strip()


def check_client(folder):
    """What is wrong with the document's client, against a daemon of its own."""
    (folder / "value").write_bytes(VALUE)
    (folder / "client.py").write_text(client())
    daemon = subprocess.Popen([COFFERD, "--ephemeral", "--secret", f"TEA=@{folder / 'value'}"],
                              env={"TMPDIR": str(folder)}, stdout=subprocess.PIPE)
    try:
        environment = dict(daemon.stdout.readline().decode().rstrip().split("=", 1) for _ in range(4))
        found = run_client(folder, environment, "TEA")
        missing = run_client(folder, environment, "MILK")
    finally:
        daemon.terminate()
        daemon.wait(120)
    if found != (VALUE, ""):
        yield f"{DOCUMENT}: the client does not get the secret: {found}"
    if missing != (b"", "NOT_FOUND: unknown secret 'MILK'"):
        yield f"{DOCUMENT}: the client does not tell that a secret is unknown: {missing}"


def check_programs(folder):
    """What is wrong with the tests that docs/examples has: each must end well."""
    (folder / "bin").mkdir()
    (folder / "bin" / "cofferd").symlink_to(COFFERD)
    (folder / "bin" / "coffer").symlink_to(COFFER)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    for program in tree.files("docs/examples/test_*"):
        done = subprocess.run([tree.ROOT / program], env={"PATH": path, "TMPDIR": str(folder)}, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            yield f"{program}: ends with status {done.returncode}:\n{done.stdout}"


def main():
    with tempfile.TemporaryDirectory(prefix="coffer-") as name:
        folder = pathlib.Path(name)
        subprocess.run([PROTOC, "-I", tree.ROOT / "proto", "--python_out", folder, "coffer.proto"], check=True)
        sys.path.insert(0, name)
        sys.dont_write_bytecode = True
        import coffer_pb2  # pylint: disable=import-outside-toplevel,import-error
        problems = [*check_client(folder), *check_programs(folder)]
    shown, made = list(examples()), list(frames(coffer_pb2))
    problems += [f"{DOCUMENT}: {frame.hex(' ')} is not what protobuf makes" for frame in shown
                 if frame not in made]
    if len(shown) != len(made):
        problems.append(f"{DOCUMENT} shows {len(shown)} frames, {len(made)} are known")
    if len(client().splitlines()) > 40:
        problems.append(f"{DOCUMENT}: the client has more than 40 lines")
    tree.finish(problems, f"{len(shown)} frames, the client and the examples are as shown")


main()
