#!/usr/bin/python3
"""What must not be in the tree: unfinished business, build output, and paths of somebody's machine."""

import re

import tree

# Written so that this file does not match itself.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w}])(/(hom[e]|wor[k]|Users)/|/tmp/buil[d])")
OUTPUT = re.compile(r"(^|/)(buil[d]|CMakeFiles|__pycache__|Testing)/|(^|/)CMakeCache\.txt$"
                    r"|\.(o|a|so|d|gcda|gcno|pyc|log|pb\.[ch]|_pb2\.py)$")


def main():
    problems = []
    tracked = tree.files(tracked_only=True)
    for path in tracked:
        data = (tree.ROOT / path).read_bytes()
        if OUTPUT.search(path) or data.startswith(b"\x7fELF"):
            problems.append(f"{path}: is build output")
    for path in tree.files():
        text = (tree.ROOT / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line) and path.endswith((".c", ".h", ".proto")):
                problems.append(f"{path}:{number}: unfinished: {line.strip()}")
            if MACHINE_PATH.search(line):
                problems.append(f"{path}:{number}: a path of one machine: {line.strip()}")
    tree.finish(problems, f"{len(tracked)} files are clean")


main()
