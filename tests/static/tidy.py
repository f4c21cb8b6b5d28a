#!/usr/bin/python3
"""clang-tidy, as .clang-tidy says, over every .c file that the build compiles, but the tests': it does not
know that cmocka's assertions do not return, and the sanitizers watch every test. usage: tidy.py BUILD [--deep]

A file that is compiled more than once is read as it is compiled first: clang-tidy would read it as often in one
process, and its check of va_list finds faults from the second time on.

Nearly all of the time goes into the analyzer's paths through calls and loops. With --deep it walks all that it can;
else it is shallow, in a sixth of the time: what tools/check can spare.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tree


def first_commands(folder):
    """A copy of the build's commands, each file once."""
    commands = {}
    for entry in json.loads(Path(sys.argv[1], "compile_commands.json").read_text(encoding="utf-8")):
        commands.setdefault(entry["file"], entry)
    Path(folder, "compile_commands.json").write_text(json.dumps(list(commands.values())), encoding="utf-8")


DEPTH = [] if "--deep" in sys.argv[2:] else [
    f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]


def tidy(folder, path):
    done = subprocess.run(["clang-tidy", "--quiet", "-p", folder, *DEPTH, path],
                          capture_output=True, text=True, cwd=tree.ROOT)
    return None if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def main():
    paths = [p for p in sorted(tree.commands(sys.argv[1])) if not p.startswith("tests/")]
    with (tempfile.TemporaryDirectory() as folder,
          concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool):
        first_commands(folder)
        problems = list(filter(None, pool.map(lambda path: tidy(folder, path), paths)))
    tree.finish(problems, f"{len(paths)} files")


main()
