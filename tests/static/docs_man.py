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


def flags(text):
    return set(FLAG.findall(text))


def check(path, page, text, others):
    """The page names the flags of that help text, and none but those and the other programs'."""
    own = flags(text) | COMMON
    return ([f"{path} does not name {flag}" for flag in sorted(own - flags(page))]
            + [f"{path}: there is no flag {flag}" for flag in sorted(flags(page) - own - flags(others))])


def check_verbs(path, page, texts):
    """Each verb has a section, which names the verb's flags."""
    for verb in texts.keys() - {"", "run"}:
        about = section(page, verb)
        if about is None:
            yield f"{path} has no section '## {verb}'"
            continue
        for flag in sorted(flags(texts[verb]) - flags(about)):
            yield f"{path}: {verb} does not name {flag}"


def read(path):
    """The page's text without what is markup to scdoc."""
    return (tree.ROOT / path).read_text(encoding="utf-8").replace("\\", "").replace("*", "")


def main():
    coffer, daemon = "docs/coffer.1.scd", "docs/cofferd.8.scd"
    texts, daemon_text = help_of_coffer(), output(COFFERD, "--help")
    problems = check(coffer, read(coffer), "\n".join(texts.values()), daemon_text)
    problems += check_verbs(coffer, read(coffer), texts)
    problems += check(daemon, read(daemon), daemon_text, "")
    tree.finish(problems, f"{len(texts)} verbs and both programs: every flag is in its man page")


main()
