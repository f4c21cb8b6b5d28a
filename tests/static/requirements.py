#!/usr/bin/python3
"""docs/requirements.md keeps its word: it lists every requirement, and each that is called done names
tests that exist.

The table has the columns id, test and state (others may stand between them). state is done, partly or
planned. test names one or more tests, separated by ';', each as a file and words of a case's name:

    tests/unit/test_frame.c: zero length is refused; tests/cli/get.bats: unknown name

Words match whether the case writes them with blanks or as an identifier with underscores.
"""

import sys

import tree

DOCUMENT = "docs/requirements.md"
COUNTS = {"A": 8, "B": 5, "C": 8, "D": 3, "E": 5, "F": 6, "G": 5, "H": 3, "I": 3, "J": 5}
IDS = [f"{letter}{i}" for letter, count in COUNTS.items() for i in range(1, count + 1)]
STATES = ("done", "partly", "planned")


def rows():
    """(line number, {column: text}) of every row of the document's tables that have an id column."""
    header = None
    for number, line in enumerate(tree.lines(DOCUMENT), 1):
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif "id" in header and set("".join(cells)) - set(":- "):
            yield number, dict(zip(header, cells))


def missing_test(reference):
    """None if the test exists, else what is wrong."""
    path, colon, words = reference.replace("`", "").partition(":")
    path, words = path.strip(), " ".join(words.replace("_", " ").split())
    if not colon or not words:
        return f"'{reference}' does not name a case: write 'path: words of its name'"
    if not path.startswith("tests/") or not (tree.ROOT / path).is_file():
        return f"there is no test file '{path}'"
    if words not in " ".join((tree.ROOT / path).read_text().replace("_", " ").split()):
        return f"{path} has no case '{words}'"
    return None


def main():
    if not (tree.ROOT / DOCUMENT).is_file():
        sys.exit(f"{DOCUMENT} is missing")
    problems, seen, done = [], set(), 0
    for number, row in rows():
        where = f"{DOCUMENT}:{number}: {row['id']}"
        seen.add(row["id"])
        if row["id"] not in IDS:
            problems.append(f"{where}: no such requirement")
        if row.get("state") not in STATES:
            problems.append(f"{where}: state is '{row.get('state')}', not one of {STATES}")
        references = [r.strip() for r in row.get("test", "").split(";") if r.strip(" -")]
        if row.get("state") == "done":
            done += 1
            if not references:
                problems.append(f"{where}: is called done and names no test")
        problems += [f"{where}: {p}" for p in map(missing_test, references) if p]
    problems += [f"{DOCUMENT}: {i} is not listed" for i in IDS if i not in seen]
    tree.finish(problems, f"{len(seen)} requirements listed, {done} rows done")


main()
