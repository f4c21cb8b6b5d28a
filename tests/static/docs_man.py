#!/usr/bin/python3
"""The man pages have what the programs have: each verb a page with its flags and the fields of its JSON, each
setting and each variable an entry; and every page is led to by another, and installed.

usage: docs_man.py COFFER COFFERD BUILD
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

COFFER, COFFERD, BUILD = sys.argv[1:]
PAGES, SETTINGS = "docs/man", "server/config.c"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# These every verb and both programs have; no page need repeat them.
COMMON = {"--help", "--version", "--home", "--admin-socket"}
# Where the sources name a variable of the environment: as what a function looks up, or by its prefix.
VARIABLE = re.compile(r'(?:getenv|environment)\(\s*"([A-Z][A-Z0-9_]*)"|"((?:COFFER|SECRETS_API)_[A-Z0-9_]*[A-Z0-9])"')


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def read(path):
    """The page's text without what is markup to scdoc, but for the '_' of emphasis."""
    return (tree.ROOT / path).read_text(encoding="utf-8").replace("\\", "").replace("*", "")


def section(page, heading):
    """What the page says under that heading: up to the next of the same or a higher level."""
    level = heading.split()[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.S | re.M)
    return found[1] if found else ""


def entry(page, name):
    """What the page says of one thing of a list: the line that begins with it, and what is indented behind."""
    found = re.search(rf"^(?:[^\t\n]*, )?{re.escape(name)}(?![\w-])[^\n]*\n(?:\t[^\n]*\n)+", page, re.M)
    return found[0] if found else None


def flags(text):
    return set(FLAG.findall(text))


def own_flags(text):
    """Those that a verb's help explains or shows in the usage: not those that its sentences speak of."""
    usage, *lines = text.splitlines()
    listed = [re.split(" {2,}", line.strip())[0] for line in lines if line.startswith("  -")]
    return flags("\n".join([usage, *listed]))


# --- verbs --------------------------------------------------------------------------------------------------


def verbs(text):
    """The words of the indented list of verbs in a help text."""
    return re.findall(r"^  ([a-z]+) {2,}\S", text, re.M)


def help_of_coffer():
    """{verb: {verb or verb of it: help}}"""
    texts = {}
    for verb in verbs(output(COFFER, "help")):
        texts[verb] = {verb: output(COFFER, "help", verb)}
        for sub in verbs(texts[verb][verb]):
            texts[verb][f"{verb} {sub}"] = output(COFFER, "help", verb, sub)
    return texts


def fields(text):
    """The names in the braces behind --json of a help text."""
    after = text[text.index("--json "):] if "--json " in text else ""
    after = re.split(r"^  -", after[1:], maxsplit=1, flags=re.M)[0]
    return {name.strip() for braces in re.findall(r"\{(.*?)\}", after, re.S) for name in braces.split(",")}


def told_fields(text):
    """Those that a page tells: the rows of its tables, and what stands in braces."""
    braces = ",".join(re.findall(r"\{([^{}]*)\}", text)).replace("_,", ",")
    return set(re.findall(r"^[|].. ?_?(\w+?)_?$", text, re.M)) | {name.strip().strip("_") for name in braces.split(",")}


def check_verb(verb, texts, known):
    """What the page of a verb lacks, or has too much, of the verb's and its verbs' flags and fields."""
    path = f"{PAGES}/coffer-{verb}.1.scd"
    if not (tree.ROOT / path).is_file():
        yield f"{path} is not there: the verb has no page"
        return
    page = read(path)
    for name, text in texts.items():
        about = section(page, f"## {name}") if name != verb else page
        for flag in sorted(own_flags(text) - COMMON):
            if entry(about, flag) is None:
                yield f"{path}: {name}: there is no entry for {flag}"
        if f"coffer {name}" not in page and f"coffer-{verb}" not in page:
            yield f"{path} does not show 'coffer {name}'"
        for field in sorted(fields(text) - told_fields(section(page, "# JSON") + about)):
            yield f"{path}: {name} --json: the field {field} is not told"
    own = set().union(*map(own_flags, texts.values())) | COMMON
    entries = re.findall(r"^(--?[a-z][^\n]*)\n\t", page, re.M)
    for flag in sorted(flags("\n".join(entries)) - own):
        yield f"{path} has an entry for {flag}, which the verb does not have"
    for flag in sorted(flags(page) - known):
        yield f"{path}: there is no flag {flag}"


def check_overview(texts):
    path = f"{PAGES}/coffer.1.scd"
    page = read(path)
    for verb in texts:
        if not re.search(rf"^[|] ?. {verb}$", page, re.M):
            yield f"{path}: the table of verbs lacks {verb}"
        if f"coffer-{verb}(1)" not in section(page, "# SEE ALSO"):
            yield f"{path}: SEE ALSO lacks coffer-{verb}(1)"
    for flag in sorted(COMMON):
        if entry(page, flag) is None:
            yield f"{path}: there is no entry for {flag}"


# --- settings and variables ---------------------------------------------------------------------------------


def settings():
    """{key: (its default, if the help tells one; whether a reload takes it over)} of the daemon's table."""
    source = (tree.ROOT / SETTINGS).read_text(encoding="utf-8")
    for row in re.findall(r'^\t(\{ "[a-z0-9-]+", [A-Z]+, AT\(.*?\},)$', source, re.S | re.M):
        name = re.search(r'"([a-z0-9-]+)"', row)[1]
        default = re.search(r"\[([^][]+)\]", re.findall('"([^"]*)"', row)[-1])
        if "FLAG_ONLY" not in row:
            yield name.replace("-", "_"), (default and default[1], "LIVE" in row)


def check_settings(known):
    path = f"{PAGES}/coffer.conf.5.scd"
    page = read(path)
    for key, (default, _) in known.items():
        about = entry(section(page, "# SETTINGS"), f"{key} =")
        if about is None or not re.search(r"Default:\s", about):
            yield f"{path}: the key {key} has no entry with a default"
        elif default and default not in about.replace("_HOME_", "HOME").replace("\n\t", " "):
            yield f"{path}: {key}: the default is not told to be {default}"
    for key in re.findall(r"^([a-z0-9_]+) = ", section(page, "# SETTINGS"), re.M):
        if key not in known:
            yield f"{path}: there is no key {key}"
    reloaded = section(page, "# RELOADING").split(";")[0]
    for key, (_, live) in known.items():
        if live != bool(re.search(rf"\b{key}\b", reloaded)):
            yield f"{path}: {key}: what a reload does to it is told wrongly"


def check_daemon(text, known):
    path = f"{PAGES}/cofferd.8.scd"
    page = read(path)
    for flag in sorted(flags(text) - flags(page)):
        yield f"{path} does not name {flag}"
    for flag in sorted(flags(page) - known):
        yield f"{path}: there is no flag {flag}"


def check_variables(pages):
    told = {name for page in pages
            for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", section(read(page), "# ENVIRONMENT"))}
    for path in tree.files("server/*.c", "client/*.c", "tools/*.c"):
        for names in VARIABLE.findall((tree.ROOT / path).read_text(encoding="utf-8")):
            name = names[0] or names[1]
            if name not in told:
                yield f"{path}: the variable {name} is under ENVIRONMENT of no man page"


# --- the pages among themselves -----------------------------------------------------------------------------


def name_of(path):
    """docs/man/coffer-set.1.scd: coffer-set(1)"""
    stem, section_number, _ = Path(path).name.rsplit(".", 2)
    return f"{stem}({section_number})"


def check_references(pages):
    names = {name_of(path) for path in pages}
    others = {name: set() for name in names}
    for path in pages:
        page = read(path)
        if not page.startswith(f"{name_of(path)}\n"):
            yield f"{path} does not begin with {name_of(path)}"
        for name in re.findall(r"(coffer[\w.-]*\(\d\))", page):
            if name not in names:
                yield f"{path} leads to {name}, which is not there"
        for name in re.findall(r"([\w.-]+\(\d\))", section(page, "# SEE ALSO")):
            if name != name_of(path):
                others.setdefault(name, set()).add(path)
    yield from (f"{name} is under SEE ALSO of no other page" for name in sorted(names) if not others[name])


def check_installed(pages):
    with tempfile.TemporaryDirectory(prefix="coffer-man-") as folder:
        output("cmake", "--install", f"{BUILD}/{PAGES}", "--prefix", folder)
        found = {path.name for path in Path(folder).glob("share/man/man[1-8]/*")
                 if path.suffix[1:] == path.parent.name[3:]}
    yield from (f"{path} is not installed" for path in pages if Path(path).stem not in found)


def main():
    texts, daemon = help_of_coffer(), output(COFFERD, "--help")
    pages, keys = tree.files(f"{PAGES}/*.scd"), dict(settings())
    known = COMMON | flags(daemon) | flags("\n".join(text for of in texts.values() for text in of.values()))
    problems = [problem for verb, of in texts.items() for problem in check_verb(verb, of, known)]
    problems += [*check_overview(texts), *check_settings(keys), *check_daemon(daemon, known),
                 *check_variables(pages), *check_references(pages), *check_installed(pages)]
    tree.finish(problems, f"{len(pages)} man pages, {len(texts)} verbs, {len(keys)} settings: "
                "all is told")


main()
