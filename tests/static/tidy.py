#!/usr/bin/python3
"""clang-tidy, as .clang-tidy says, over every .c file that the build compiles, but the tests': it does not
know that cmocka's assertions do not return, and the sanitizers watch every test. usage: tidy.py BUILD"""

import concurrent.futures
import os
import subprocess
import sys

import tree


def tidy(path):
    done = subprocess.run(["clang-tidy", "--quiet", "-p", sys.argv[1], path],
                          capture_output=True, text=True, cwd=tree.ROOT)
    return None if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def main():
    paths = [p for p in sorted(tree.commands(sys.argv[1])) if not p.startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(filter(None, pool.map(tidy, paths)))
    tree.finish(problems, f"{len(paths)} files")


main()
