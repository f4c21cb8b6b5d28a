#!/usr/bin/python3
"""docs/requirements.md keeps its word: it lists every requirement, and names tests that exist.

The table has the columns id, what, test and state. state is "done", "part: what is missing" or "open". test
names cases as "file::case" below tests/, "<br>" between them; a case is written as in its file:

    integration/test_reading.py::test_the_most_specific_scope_wins<br>cli/run.bats::ids that are none are refused

What is done or done in part has at least one, what is open none. The table of docs/security.md, with the columns
attack or fault and test, names cases in the same way.
"""

import re

import tree

DOCUMENT = "docs/requirements.md"
ATTACKS = "docs/security.md"
COUNTS = {"A": 8, "B": 5, "C": 8, "D": 3, "E": 5, "F": 6, "G": 5, "H": 3, "I": 3, "J": 5}
IDS = [f"{letter}{i}" for letter, count in COUNTS.items() for i in range(1, count + 1)]
STATE = re.compile(r"done|open|part: .+")

# How a case is declared: in pytest, bats and cmocka, where a table of cases may give them sentences.
CASES = {
    ".py": r"^def {name}\(",
    ".bats": r"^@test \"{name}\" \{{",
    ".c": r"^static void {name}\(|cmocka_unit_test\w*\({name}\b|\"{name}\"",
}


def wrong_test(reference):
    """None if there is such a case, else what is wrong."""
    path, _, name = reference.strip("` ").partition("::")
    file = tree.ROOT / "tests" / path
    if not name or not file.is_file() or file.suffix not in CASES:
        return f"'{reference}' is not 'file::case' with a file of tests/"
    pattern = CASES[file.suffix].format(name=re.escape(name))
    if not re.search(pattern, file.read_text(encoding="utf-8"), re.M):
        return f"tests/{path} has no case '{name}'"
    return None


def wrong_attacks():
    rows = list(tree.table(ATTACKS, "attack or fault", "test"))
    if not rows:
        yield f"{ATTACKS}: there is no table of attacks"
    for number, row in rows:
        for problem in filter(None, map(wrong_test, row["test"].split("<br>"))):
            yield f"{ATTACKS}:{number}: {problem}"


def main():
    problems, seen, done = list(wrong_attacks()), [], 0
    for number, row in tree.table(DOCUMENT, "id", "what", "test", "state"):
        where = f"{DOCUMENT}:{number}: {row['id']}"
        references = [r for r in row["test"].split("<br>") if r.strip()]
        seen.append(row["id"])
        done += row["state"] == "done"
        if not row["what"]:
            problems.append(f"{where}: says nothing")
        if not STATE.fullmatch(row["state"]):
            problems.append(f"{where}: state is '{row['state']}', not done, part: ... or open")
        if bool(references) == (row["state"] == "open"):
            problems.append(f"{where}: is {row['state']} with {len(references)} tests")
        problems += [f"{where}: {p}" for p in map(wrong_test, references) if p]
    if seen != IDS:
        problems.append(f"{DOCUMENT}: the ids are not {IDS[0]} to {IDS[-1]}, each once and in order")
    tree.finish(problems, f"{len(seen)} requirements listed, {done} done")


main()
