#!/usr/bin/python3
"""Every header compiles alone: with gcc and clang under the build's own flags, and the public ones
also as strict C99 and as C++11.

usage: headers.py BUILD
"""

import concurrent.futures
import os
import re
import subprocess
import sys

import tree


def shared(a, b):
    return len(os.path.commonprefix([a.split("/"), b.split("/")]))


def compile_alone(header, compiler):
    """None, or what the compiler had to say."""
    done = subprocess.run(
        [*compiler, "-fsyntax-only", "-"], input=f'#include "{tree.ROOT / header}"\ntypedef int alone;\n',
        capture_output=True, text=True, cwd=tree.ROOT)
    if done.returncode == 0:
        return None
    return f"{header} does not compile alone with {compiler[0]}:\n{done.stderr}"


def user(header, commands):
    """A file that the build compiles and that includes the header, if there is one: the nearest."""
    include = re.compile(rf'^#include ["<](.*/)?{re.escape(os.path.basename(header))}[">]', re.M)

    def nearness(path):
        return bool(include.search((tree.ROOT / path).read_text())), shared(path, header)
    return max(sorted(commands), key=nearness)


def compilers(header, commands):
    flags = commands[user(header, commands)]
    yield ["gcc", *flags, "-x", "c"]
    yield ["clang", *flags, "-x", "c"]
    if header.startswith("include/"):
        strict = ["-Iinclude", "-Wall", "-Wextra", "-pedantic", "-Werror"]
        for compiler in "gcc", "clang":
            yield [compiler, "-std=c99", *strict, "-x", "c"]
        for compiler in "g++", "clang++":
            yield [compiler, "-std=c++11", *strict, "-x", "c++"]


def main():
    commands = tree.commands(sys.argv[1])
    jobs = [(h, c) for h in tree.files("*.h") for c in compilers(h, commands)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(filter(None, pool.map(lambda job: compile_alone(*job), jobs)))
    tree.finish(problems, f"{len(jobs)} compilations")


main()
