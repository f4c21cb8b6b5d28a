"""The runners of docs/examples, end to end."""

import os
import re

import pytest
from coffer_test import ROOT
from lua_world import every_lua, run, world  # pylint: disable=unused-import

EXAMPLES = ROOT / "docs" / "examples"
PASSWORD = "correct horse battery"
TOKEN = "npm-0123456789"


def runner(world, lua, **fields):
    """The environment of a runner of a run that was just created."""
    for name, value in (("DEPLOY_PASSWORD", PASSWORD), ("NPM_TOKEN", TOKEN), ("signing_key", "key of signing")):
        world.put(name, value.encode())
    created = world.create(pipeline="shop/web", meta={"sha": "c" * 40}, **fields)
    # The shells that it starts are not the test's to look for leaks in.
    return {**world.environment(lua, created), "ASAN_OPTIONS": "detect_leaks=0"}


@every_lua
def test_the_runner_plays_its_pipeline_and_shows_no_secret(world, lua):
    """J4, F5"""
    environment = runner(world, lua, ref="refs/heads/main")
    status, output = run(world, environment, lua.program, EXAMPLES / "runner.lua")
    assert (status, output.splitlines()) == (0, [
        "== test", "testing shop/web at " + "c" * 40, "42 tests passed",
        "== package", "npmrc: registry=https://npm.example/", "npmrc: //npm.example/:_authToken=***REDACTED***",
        "== deploy", "deploying to shop.example as deploy", "logged in with ***REDACTED***"])
    status, output = run(world, environment, lua.program, EXAMPLES / "runner.lua")
    assert (status, output) == (1, "runner: coffer: the bootstrap data was claimed before")


@every_lua
def test_a_job_of_the_runner_that_fails_fails_the_run(world, lua):
    """J4"""
    environment = runner(world, lua, ref="refs/heads/main")
    world.admin("DeleteSecret", scope="global", name="DEPLOY_PASSWORD")
    status, output = run(world, environment, lua.program, EXAMPLES / "runner.lua")
    assert status == 1
    assert output.splitlines()[-2:] == [
        "== deploy", "deploy has failed: coffer: unknown secret 'DEPLOY_PASSWORD'"]
    assert TOKEN not in output


@every_lua
def test_a_job_of_the_runner_is_left_out_where_it_does_not_belong(world, lua):
    """J4"""
    status, output = run(world, runner(world, lua, ref="refs/heads/topic"), lua.program, EXAMPLES / "runner.lua")
    assert status == 0 and "== package" in output and "== deploy" not in output


def forms(text):
    """The forms of a Fennel file, nested as they are; an opening bracket is a list's first item."""
    tokens = re.findall(r'\s+|;[^\n]*|("(?:\\.|[^"\\])*"|[()\[\]{}]|[^\s()\[\]{};"]+)', text)
    closing, stack = {"(": ")", "[": "]", "{": "}"}, [["file"]]
    for token in filter(None, tokens):
        if token in closing:
            stack.append([token])
        elif token in closing.values():
            form = stack.pop()
            assert stack and closing[form[0]] == token, f"{token} closes {form}"
            stack[-1].append(form)
        else:
            stack[-1].append(token)
    assert len(stack) == 1, f"{stack[-1]} is not closed"
    return stack[0][1:]


def calls(form):
    """(what is called, arguments) of every form in round brackets, at any depth."""
    if isinstance(form, list):
        if form[0] == "(" and len(form) > 1 and isinstance(form[1], str):
            yield form[1], form[2:]
        for item in form[1:]:
            yield from calls(item)


def test_the_fennel_runner_is_well_formed_and_calls_what_the_module_has():
    """J4: (secret :name) is the call of a session with a string, which session.lua tests."""
    called = [call for form in forms((EXAMPLES / "runner.fnl").read_text()) for call in calls(form)]
    assert ("secret", [":signing_key"]) in called
    assert ("secret", ["name"]) in called
    methods = {name for name, _ in called if name.startswith(("secret:", "redactor:", "out:", "coffer."))}
    assert methods == {"coffer.connect", "secret:redactor", "redactor:stream", "out:write", "secret:resolve",
                       "secret:bootstrap", "out:finish", "secret:close"}


if os.environ["FENNEL"]:
    @every_lua
    @pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/topic"])
    def test_the_fennel_runner_plays_the_same_pipeline(world, lua, ref):
        """J4"""
        environment = runner(world, lua, ref=ref)
        status, output = run(world, environment, lua.program, os.environ["FENNEL"], EXAMPLES / "runner.fnl")
        assert status == 0, output
        assert "_authToken=***REDACTED***" in output
        assert ("signed with ***REDACTED***" in output) == (ref == "refs/heads/main")
