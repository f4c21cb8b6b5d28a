#!/usr/bin/python3
"""The tables of docs/protocol.md are those of the source: methods as they are dispatched, codes, limits. The man page
of the protocol names the same methods and codes."""

import re

import tree

DOCUMENT = "docs/protocol.md"
PAGE = "docs/man/coffer-protocol.7.scd"
METHODS = "server/rpc/methods.c"
SOCKETS = {"SERVICE_RUNNER": "coffer.sock", "SERVICE_OPERATOR": "admin.sock"}
AUTHORITY = {"NEEDS_NOTHING": "none", "NEEDS_GRANT": "token", "NEEDS_OPERATOR": "operator"}
AUDITED = {"AUDIT_NONE": "no", "AUDIT_IF_POSSIBLE": "if possible", "AUDIT_REQUIRED": "yes"}


def source(path):
    return (tree.ROOT / path).read_text(encoding="utf-8")


def methods_of_source():
    table = re.search(r"\bmethods\[\] = \{(.*?)^\};", source(METHODS), re.S | re.M)[1]
    for row in re.findall(r"\{(.*?)\}", table, re.S):
        fields = dict(re.findall(r"\.(\w+) = \"?(\w+)", row))
        yield (fields["name"], SOCKETS[fields["service"]], AUTHORITY[fields["needs"]],
               AUDITED[fields["audit"]], "yes" if fields.get("changes") == "true" else "no")


def codes_of_source():
    return re.findall(r"X\((\w+), (\d+), ", source("include/coffer/error.h"))


def limits_of_source():
    return dict(re.findall(r"^#define (COFFER_\w+)\s+(\d+)$", source("include/coffer/limits.h"), re.M))


def compare(what, documented, actual):
    """What is in one of the two and not in the other."""
    return ([f"{DOCUMENT}: {what} {row} is not so in the source" for row in documented - actual]
            + [f"{DOCUMENT}: {what} {row} is not documented" for row in actual - documented])


def check_page(methods, codes):
    page = source(PAGE)
    for name in sorted(methods):
        if f"*{name}*" not in page:
            yield f"{PAGE}: the method {name} is not named"
    for name, number in sorted(codes):
        if not re.search(rf"^[|][ []+{number}\n:[ []+\*{name}\*$", page, re.M):
            yield f"{PAGE}: the code {number}, {name}, is not named"


def main():
    methods = {tuple(row.values()) for _, row in tree.table(DOCUMENT, "method", "authority")}
    codes = {(row["name"], row["code"]) for _, row in tree.table(DOCUMENT, "code", "name")}
    problems = compare("method", methods, set(methods_of_source()))
    problems += compare("code", codes, set(codes_of_source()))
    limits = limits_of_source()
    rows = list(tree.table(DOCUMENT, "limit", "in limits.h"))
    for number, row in rows:
        if limits.get(row["in limits.h"]) != row["limit"]:
            problems.append(f"{DOCUMENT}:{number}: {row['in limits.h']} is not {row['limit']}")
    declared = set(re.findall(r"^\s+rpc (\w+)\(", source("proto/coffer.proto"), re.M))
    problems += [f"{METHODS}: {name} has no rpc in the proto" for name, *_ in methods
                 if name not in declared]
    problems += check_page({name for name, *_ in methods_of_source()}, codes_of_source())
    if not rows or not methods or not codes:
        problems.append(f"{DOCUMENT} lacks a table")
    tree.finish(problems, f"{len(methods)} methods, {len(codes)} codes, {len(rows)} limits")


main()
