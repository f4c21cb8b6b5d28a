#!/usr/bin/python3
"""The sizes that CONTRIBUTING.md promises: no .c file over 600 lines, no function over 60 (over 40 where
requests are handled), and short medians. A function is counted from its name to its closing brace."""

import json
import statistics
import subprocess

import tree

FILE_MAX, FILE_MEDIAN = 600, 180
FUNCTION_MAX, FUNCTION_MEDIAN = 60, 15
HANDLERS, HANDLER_MAX = "server/rpc/", 40


def functions(paths):
    """(path, name, lines) of every function."""
    listing = subprocess.run(
        ["ctags", "--output-format=json", "--languages=C", "--kinds-C=f", "--fields=+ne",
         "-I", "COFFER_MUST_USE", "-f", "-", *paths],
        check=True, capture_output=True, text=True, cwd=tree.ROOT).stdout
    for line in listing.splitlines():
        tag = json.loads(line)
        yield tag["path"], tag["name"], tag["end"] - tag["line"] + 1


def main():
    sources = tree.files("*.c")
    product = [path for path in sources if not path.startswith("tests/")]
    file_lines = {path: len(tree.lines(path)) for path in sources}
    all_functions = list(functions(sources))
    function_lines = [size for path, _, size in all_functions if path in product]

    problems = [f"{path}: {size} lines, more than {FILE_MAX}"
                for path, size in file_lines.items() if size > FILE_MAX]
    for path, name, size in all_functions:
        limit = HANDLER_MAX if path.startswith(HANDLERS) else FUNCTION_MAX
        if size > limit:
            problems.append(f"{path}: {name} has {size} lines, more than {limit}")
    file_median = statistics.median(file_lines[path] for path in product)
    function_median = statistics.median(function_lines)
    if file_median > FILE_MEDIAN:
        problems.append(f"the median .c file has {file_median:g} lines, more than {FILE_MEDIAN}")
    if function_median > FUNCTION_MEDIAN:
        problems.append(f"the median function has {function_median:g} lines, "
                        f"more than {FUNCTION_MEDIAN}")
    tree.finish(problems, f"median file {file_median:g} lines, longest "
                f"{max(file_lines.values())}; median function {function_median:g} lines, longest "
                f"{max(size for _, _, size in all_functions)}")


main()
