#!/usr/bin/python3
"""The first session of README.md is one that was had: each command prints what stands behind it.

'…' stands for what is left out. Times, process ids, uids and lengths of time may differ, and so do the token and
the run's id, which later commands name.

usage: docs_session.py COFFERD COFFER
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

COFFERD, COFFER = sys.argv[1:]
DOCUMENT, HEADING, FOLDER = "README.md", "## A first session", "/srv/coffer"
END = "(the command has ended)"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What differs from session to session, as it is written: a pattern for it.
VARYING = {
    UUID: UUID,
    r"[0-9a-f]{8}-…": UUID,
    r"(?<==)[A-Za-z0-9]{8}…": "[A-Za-z0-9]{32}",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": r"\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z",
    r"(?<=[up]id=)\d+": r"\\d+",
}


def session():
    """(command, what it prints) of the document, in their order."""
    text = (tree.ROOT / DOCUMENT).read_text(encoding="utf-8")
    part = text[text.index(f"\n{HEADING}\n"):]
    part = part[:part.index("\n## ", 1)]
    lines = [line[4:] for line in part.splitlines() if line.startswith("    ")]
    for block in re.split(r"^\$ ", "\n".join(lines), flags=re.M)[1:]:
        command, _, printed = block.partition("\n")
        yield command, printed.rstrip("\n")


def pattern(printed):
    """A regular expression of what is printed."""
    lines = []
    for line in printed.splitlines():
        if line == "…":
            lines.append(r"(?:.*\n)+?")
            continue
        text = line
        for written, wanted in VARYING.items():
            text = re.sub(written, lambda found, wanted=wanted: f"\0{wanted}\1".replace(r"\\", "\\"), text)
        parts = re.split("\0(.*?)\1", text)
        parts[::2] = [re.escape(part).replace("…", r"\S*") for part in parts[::2]]
        lines.append("".join(parts) + "\n")
    return "".join(lines)


class Shell:
    """A shell in a folder, spoken with through pipes."""

    def __init__(self, folder):
        (folder / "bin").mkdir()
        for name, program in (("cofferd", COFFERD), ("coffer", COFFER)):
            (folder / "bin" / name).symlink_to(program)
        environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
        self.folder = folder
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command, least=0):
        """What the command prints, as lines; at least so many, of what it left running."""
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s\\n' \"{END}\"\n")
        printed = []
        for line in self.process.stdout:
            if line == f"{END}\n":
                break
            printed.append(line)
        text = "".join(printed).rstrip("\n")
        printed = f"{text}\n" if text else ""
        printed += "".join(self.process.stdout.readline() for _ in range(least - printed.count("\n")))
        return printed.replace(str(self.folder), FOLDER)

    def end(self):
        """Stops the daemon, which is the last that was left running."""
        self.process.communicate('kill "$!"; wait "$!"\n', timeout=120)


def check(folder):
    shell = Shell(folder)
    ids = {}
    try:
        for command, printed in session():
            if command.startswith(("cmake ", "export PATH=")):
                continue
            for written, real in ids.items():
                command = command.replace(written, real)
            got = shell.run(command, printed.count("\n") + 1 if command.endswith("&") else 0)
            if not re.fullmatch(pattern(printed), got):
                yield f"{DOCUMENT}: '{command}' prints:\n{got}"
            ids.update(zip(re.findall(UUID, printed), re.findall(UUID, got)))
    finally:
        shell.end()


def main():
    with tempfile.TemporaryDirectory(prefix="coffer-") as name:
        (Path(name) / "build").mkdir()
        problems = list(check(Path(name)))
    tree.finish(problems, f"{len(list(session()))} commands of the first session print what is shown")


main()
