#!/usr/bin/python3
"""The man pages name every flag that the programs' own help names, every verb, and no flag beside them.

usage: docs_man.py COFFER COFFERD
"""

import re
import subprocess
import sys

import tree

COFFER, COFFERD = sys.argv[1:]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# These every verb and both programs have; a program's help need not repeat them.
COMMON = {"--help", "--version"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def verbs(text):
    """The words of the indented list of verbs in a help text."""
    return re.findall(r"^  ([a-z]+) {2,}\S", text, re.M)


def help_of_coffer():
    """{verb: help}, "" for the program itself; verbs of verbs as "run create"."""
    texts = {"": output(COFFER, "help")}
    for verb in verbs(texts[""]):
        texts[verb] = output(COFFER, "help", verb)
        for sub in verbs(texts[verb]):
            texts[f"{verb} {sub}"] = output(COFFER, "help", verb, sub)
    return texts


def section(page, verb):
    """What the page says under the heading of that verb: up to the next heading."""
    found = re.search(rf"^## {re.escape(verb)}( [^\n]*)?\n(.*?)(?=^#|\Z)", page, re.S | re.M)
    return found[0] if found else None


def check_coffer(page):
    texts, problems = help_of_coffer(), []
    for verb, text in texts.items():
        if text is texts[""] or verb == "run":
            continue
        about = section(page, verb)
        if about is None:
            problems.append(f"docs/coffer.1.scd has no section '## {verb}'")
            continue
        problems += [f"docs/coffer.1.scd: {verb} does not name {flag}"
                     for flag in sorted(set(FLAG.findall(text)) - set(FLAG.findall(about)))]
    return problems + check_surplus("docs/coffer.1.scd", page, "\n".join(texts.values()))


def check_surplus(path, page, text):
    surplus = set(FLAG.findall(page)) - set(FLAG.findall(text)) - COMMON
    missing = (set(FLAG.findall(text)) | COMMON) - set(FLAG.findall(page))
    return ([f"{path}: there is no flag {flag}" for flag in sorted(surplus)]
            + [f"{path} does not name {flag}" for flag in sorted(missing)])


def read(path):
    """The page's text, without what scdoc takes for markup and with its escapes undone."""
    return (tree.ROOT / path).read_text(encoding="utf-8").replace("\\", "").replace("*", "")


def main():
    problems = check_coffer(read("docs/coffer.1.scd"))
    problems += check_surplus("docs/cofferd.8.scd", read("docs/cofferd.8.scd"), output(COFFERD, "--help"))
    tree.finish(problems, "the man pages name every flag")


main()
