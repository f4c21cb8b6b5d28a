"""What the static checks share: the files of the source tree, and how problems are reported."""

import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*patterns, tracked_only=False):
    """Paths below ROOT that git tracks, or would track, and that match one of the pathspecs."""
    which = ["--cached"] if tracked_only else ["--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", *which, "--", *patterns],
        check=True, capture_output=True, text=True).stdout
    found = sorted({path for path in listing.split("\0") if path and (ROOT / path).is_file()})
    if not found:
        sys.exit(f"no file matches {patterns}: the check has nothing to look at")
    return found


def lines(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def table(path, *columns):
    """(line number, {column: text}) of every row of the document's tables that have those columns."""
    header = None
    for number, line in enumerate(lines(path), 1):
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif set(columns) <= set(header) and set("".join(cells)) - set(":- "):
            yield number, dict(zip(header, cells))


def commands(build):
    """{path below ROOT: compiler arguments without input and output} of what the build compiles."""
    found = {}
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(ROOT) and not path.is_relative_to(pathlib.Path(build).resolve()):
            words = shlex.split(entry["command"])
            output = words.index("-o")
            found[str(path.relative_to(ROOT))] = words[1:output]
    return found


def finish(problems, summary):
    """Ends the check: prints every problem, or the summary if there is none."""
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problem(s)")
    print(summary)
