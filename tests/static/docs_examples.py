#!/usr/bin/python3
"""What the documents show is so: the bytes of docs/protocol.md are what protobuf makes, its client gets a
secret, the tests of docs/examples find theirs, and the programs in C compile and do what they are for.

usage: docs_examples.py COFFERD COFFER PROTOC LIBCOFFER
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import tree

DOCUMENT = "docs/protocol.md"
MANUAL = "docs/man/coffer.3.scd"
COFFERD, COFFER, PROTOC, LIBCOFFER = sys.argv[1:]
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


@contextlib.contextmanager
def ephemeral(folder):
    """The environment of a run of a daemon of its own, which has some secrets."""
    (folder / "value").write_bytes(VALUE)
    secrets = [word for name in ("TEA", "DEPLOY_PASSWORD") for word in ("--secret", f"{name}=@{folder / 'value'}")]
    daemon = subprocess.Popen([COFFERD, "--ephemeral", *secrets], env={"TMPDIR": str(folder)}, stdout=subprocess.PIPE)
    try:
        yield dict(daemon.stdout.readline().decode().rstrip().split("=", 1) for _ in range(4))
    finally:
        daemon.terminate()
        daemon.wait(120)


def check_client(folder, environment):
    """What is wrong with the document's client."""
    (folder / "client.py").write_text(client())
    found = run_client(folder, environment, "TEA")
    missing = run_client(folder, environment, "MILK")
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


def programs(path):
    """The programs in C that a document has, each between two fences."""
    text = (tree.ROOT / path).read_text(encoding="utf-8")
    found = [block[block.index("#include"):] for block in re.split("^```", text, flags=re.M)[1::2]
             if "int main" in block]
    return [program.replace("\\\\", "\\") if path.endswith(".scd") else program for program in found]


def compiled(folder, name, program):
    """The path of the program, made with all warnings."""
    (folder / f"{name}.c").write_text(program)
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I", tree.ROOT / "include",
                    "-o", folder / name, folder / f"{name}.c", LIBCOFFER], check=True, timeout=120)
    return folder / name


def check_manual(folder, environment):
    """What is wrong with the programs of coffer(3), of which the second starts the first, and with the README's."""
    job, runner = (compiled(folder, name, program)
                   for name, program in zip(("job", "runner"), programs(MANUAL), strict=True))
    (readme,) = (compiled(folder, "readme", program) for program in programs("README.md"))
    wanted = {
        (readme,): "version 1, 3 bytes, from global\n",
        (runner, environment["COFFER_ADMIN_SOCKET"], environment["COFFER_SOCKET"], job):
            "deploying as web, with a password of 3 bytes\n",
    }
    for command, want in wanted.items():
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if (done.returncode, done.stdout, done.stderr) != (0, want, ""):
            yield f"{command[0].name}.c: ends with status {done.returncode}: {done.stdout}{done.stderr}"


def main():
    with tempfile.TemporaryDirectory(prefix="coffer-") as name:
        folder = pathlib.Path(name)
        subprocess.run([PROTOC, "-I", tree.ROOT / "proto", "--python_out", folder, "coffer.proto"], check=True)
        sys.path.insert(0, name)
        sys.dont_write_bytecode = True
        import coffer_pb2  # pylint: disable=import-outside-toplevel,import-error
        with ephemeral(folder) as environment:
            problems = [*check_client(folder, environment), *check_manual(folder, environment)]
        problems += check_programs(folder)
    shown, made = list(examples()), list(frames(coffer_pb2))
    problems += [f"{DOCUMENT}: {frame.hex(' ')} is not what protobuf makes" for frame in shown
                 if frame not in made]
    if len(shown) != len(made):
        problems.append(f"{DOCUMENT} shows {len(shown)} frames, {len(made)} are known")
    if len(client().splitlines()) > 40:
        problems.append(f"{DOCUMENT}: the client has more than 40 lines")
    tree.finish(problems, f"{len(shown)} frames, the clients and the examples are as shown")


main()
