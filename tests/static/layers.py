#!/usr/bin/python3
"""Who may include whom: the section of that name in docs/architecture.md, as a test.

Also: every header has an include guard made of its path, and a .c file includes its own header first.
"""

import fnmatch
import re

import tree

PUBLIC = {"include/coffer"}
WIRE = PUBLIC | {"proto"}
BASE = WIRE | {"server/base"}
CORE = BASE | {"server/vault", "server/store", "server/audit", "server/core"}
RPC = (CORE | {"server/rpc"}) - {"server/vault"}  # rpc never sees a key
NET = (RPC | {"server/net"}) - {"server/store"}

# The folders of the project that a folder may include from, itself among them. The longest prefix of
# a path decides. tests/ may include everything.
MAY_INCLUDE = {
    "include/coffer": PUBLIC,
    "proto": WIRE,
    "client": WIRE | {"client"},
    "client/lua": PUBLIC,  # a client of the public API like any other
    "tools": PUBLIC | {"tools"},
    "tools/benchmark": WIRE | {"tools/benchmark"},  # it measures frames, so it makes its own
    "server/base": BASE,
    "server/filters": BASE,  # a program of the build
    "server/vault": BASE | {"server/vault"},
    "server/store": BASE | {"server/store"},
    "server/audit": BASE | {"server/audit"},
    "server/core": CORE,
    "server/rpc": RPC,
    "server/net": NET,
    "server/s3": BASE | {"server/s3"},  # a program of its own: it speaks to the network and never sees a key
    "server": CORE | RPC | NET | {"server"},
}

# Where a library's header, or one of ours that gives access to a library, may be included.
OWNERS = {
    "sqlite3.h": ["server/store/sqlite/*"],
    "sodium.h": ["server/vault/*", "server/base/*", "server/audit/chain.[ch]",
                 "tools/coffer/exec/cache.c", "tools/coffer/handover_json.c",
                 "tools/coffer/secrets_*.c", "tools/coffer/remote.c", "tools/http/gate.h", "tools/http/json.c"],
    "ev.h": ["server/main.c", "server/net/*", "server/s3/*", "tools/benchmark/*"],
    "ini.h": ["server/settings_file.h", "tools/http/lines.h"],
    "microhttpd.h": ["tools/http/*"],
    "curl/*.h": ["server/s3/*", "tools/fetch/ask.h"],
    "gnutls/*.h": ["tools/http/tls.[ch]"],
    "expat.h": ["server/s3/xml.c"],
    "openssl/*.h": ["server/s3/sign.c", "server/s3/request.c"],
    "seccomp.h": ["server/filters/*"],
    "sandbox_filters.h": ["server/base/sandbox_calls.c"],  # made by the build
    "hs.h": ["tools/benchmark/redact.c"],
    "pb.h": ["proto/*"],
    "pb_*.h": ["proto/*"],
    "*.pb.h": ["proto/*", "server/rpc/*", "server/s3/*", "client/*", "tools/benchmark/*"],
    "codec.h": ["proto/*", "server/rpc/*", "server/s3/*", "client/*", "tools/benchmark/*"],  # has coffer.pb.h
    "lua.h": ["client/lua/*"],
    "lauxlib.h": ["client/lua/*"],
    "lua_prelude.h": ["client/lua/*"],  # made by the build
    "jansson.h": ["tools/*"],
    "sanitizer/*.h": ["server/base/*"],
    "uthash.h": ["server/*", "tools/*"],
    "utlist.h": ["server/*", "tools/*"],
    "utarray.h": ["server/*", "tools/*"],
}

STANDARD_C = """assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h
    math.h setjmp.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h
    stdlib.h stdnoreturn.h string.h tgmath.h threads.h time.h uchar.h wchar.h wctype.h""".split()
SYSTEM = STANDARD_C + """dirent.h dlfcn.h fcntl.h fnmatch.h ftw.h getopt.h glob.h grp.h libgen.h malloc.h netdb.h
    poll.h pthread.h pty.h pwd.h sched.h semaphore.h spawn.h strings.h sysexits.h syslog.h termios.h ucontext.h
    unistd.h arpa/*.h asm/*.h linux/*.h net/*.h netinet/*.h sys/*.h""".split()

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = tree.files("*.c", "*.h")
TREE = set(SOURCES)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def folder_of(path, folders):
    """The longest of the folders that the path is in."""
    return max((f for f in folders if path.startswith(f + "/")), key=len, default=None)


def resolve(path, name):
    """The project's file that an #include of name in path means, or None."""
    here = path.rsplit("/", 1)[0]
    roots = [here, "include", "proto"]
    if path.startswith(("server/", "tests/")):
        roots.append("server")
    if path.startswith("tests/"):
        roots += ["tests", "client", "tools"]
    else:
        roots.append(path.split("/", 1)[0])
    if path.startswith("tools/coffer/exec/"):
        roots.append("tools/coffer")
    return next((f"{root}/{name}" for root in roots if f"{root}/{name}" in TREE), None)


def check_include(path, quote, name):
    """What is wrong with one #include, or None."""
    if ".." in name.split("/"):
        return f"includes {name}: say where it is from its root, without '..'"
    in_tests = path.startswith("tests/")
    key = next((pattern for pattern in OWNERS if fnmatch.fnmatchcase(name, pattern)), None)
    if key and not in_tests and not matches(path, OWNERS[key]):
        return f"includes {name}, which only {', '.join(OWNERS[key])} may"
    target = resolve(path, name)
    if target is None:
        if key or in_tests:
            return None
        allowed = STANDARD_C if path.startswith("include/") else SYSTEM
        if quote == "<" and matches(name, allowed):
            return None
        return f"includes {name}, which is neither the project's nor libc's nor a known library's"
    if in_tests:
        return None
    folder = folder_of(path, MAY_INCLUDE)
    if folder is None:
        return "is in a folder that architecture.md does not know"
    if folder_of(target, MAY_INCLUDE) not in MAY_INCLUDE[folder]:
        return f"includes {target}: {folder} may not include from there"
    return None


def check_guard(path, text):
    """The guard's name, and what is wrong with it or None."""
    code = [line for line in re.sub(r"/\*.*?\*/", "", text, flags=re.S).splitlines() if line.strip()]
    guard = re.fullmatch(r"#ifndef (\w+)", code[0]) if len(code) > 2 else None
    if not guard or code[1] != f"#define {guard[1]}" or code[-1] != "#endif":
        return None, "has no include guard around all of it"
    full = re.sub(r"[/.-]", "_", path).upper()
    if full != guard[1] and not full.endswith("_" + guard[1]):
        return guard[1], f"is guarded by {guard[1]}, which is no tail of {full}"
    return guard[1], None


def main():
    problems, guards = [], {}
    for path in SOURCES:
        own = path[:-1] + "h" if path.endswith(".c") else None
        for number, line in enumerate(tree.lines(path), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            if own in TREE and resolve(path, found[2]) != own:
                problems.append(f"{path}:{number}: includes {found[2]} before its own header")
            own = None
            problem = check_include(path, found[1], found[2])
            if problem:
                problems.append(f"{path}:{number}: {problem}")
        if path.endswith(".h"):
            guard, problem = check_guard(path, (tree.ROOT / path).read_text(encoding="utf-8"))
            if guard in guards:
                problem = f"has the same include guard as {guards[guard]}: {guard}"
            guards[guard] = path
            if problem:
                problems.append(f"{path}: {problem}")
    tree.finish(problems, f"{len(SOURCES)} files keep to the layers")


main()
