"""The module "coffer" under each Lua, against a real daemon. The cases are in the *.lua files beside this one."""

import os
import re
import subprocess

import pytest
from coffer_test import ROOT, is_sanitized
from lua_world import HERE, PAYLOAD, VALUE, every_lua, run, world  # pylint: disable=unused-import


def cases(world, lua, name):
    """Runs the cases of a file and checks that each has passed."""
    own = world.create(pipeline="app", **{**PAYLOAD, "meta": dict(PAYLOAD["meta"])})
    other = world.create(pipeline="other")
    ended = world.create(pipeline="ended")
    world.do_finish(ended.run_id)
    ending = world.create(pipeline="app", ref="ending")
    environment = {
        **world.environment(lua, own),
        "OTHER_TOKEN": other.token, "OTHER_RUN_ID": other.run_id, "ENDED_TOKEN": ended.token,
        "ENDING_TOKEN": ending.token, "ENDING_RUN_ID": ending.run_id,
        "NARROW_TOKEN": world.create(pipeline="narrow", allow=["MANY_*"]).token,
        "FEW_TOKEN": world.create(pipeline="few", allow=["MANY_00*"]).token,
        "BARE_TOKEN": world.create(pipeline="bare", no_bootstrap=True).token}
    status, output = run(world, environment, lua.program, HERE / f"{name}.lua")
    assert status == 0, output
    sentences = re.findall(r'^\t?case\("(.*?)",', (HERE / f"{name}.lua").read_text(), re.M)
    if lua.name != "lua5.4":
        sentences = [sentence for sentence in sentences if "to-be-closed" not in sentence]
    assert re.findall(r"^ok: (.*)$", output, re.M) == sentences, output


@every_lua
def test_a_session_reads_what_its_run_may_see(world, lua):
    """J4"""
    cases(world, lua, "session")


@every_lua
def test_every_failure_is_an_error_object(world, lua):
    """J4"""
    cases(world, lua, "errors")


@every_lua
def test_references_in_tables_are_resolved_at_any_depth(world, lua):
    """F5"""
    cases(world, lua, "resolve")


@every_lua
def test_what_jobs_print_is_redacted(world, lua):
    """J4, F6"""
    cases(world, lua, "redactor")


@every_lua
def test_secrets_come_inside_of_callbacks_coroutines_and_finalizers(world, lua):
    """J4"""
    cases(world, lua, "callbacks")


@every_lua
def test_whatever_allocation_fails_nothing_leaks_or_breaks(world, lua):
    """J4: under the sanitizers a leak fails the program too."""
    environment = world.environment(lua, world.create(pipeline="app", allow=["MANY_00*"]))
    status, output = run(world, environment, lua.host, "allocations", HERE / "memory.lua")
    assert (status, output) == (0, "")


@every_lua
def test_bootstrap_data_is_not_lost_for_want_of_memory(world, lua):
    """J4, B1"""
    runs = [world.create(pipeline="app", ref=str(i), **{**PAYLOAD, "meta": dict(PAYLOAD["meta"], ref=str(i))})
            for i in range(150)]
    environment = {**world.environment(lua, runs[0]), "TOKENS": " ".join(one.token for one in runs)}
    assert run(world, environment, lua.host, "bootstrap") == (0, "")


@every_lua
def test_a_forked_child_cannot_use_a_session_and_its_parent_still_can(world, lua):
    """J4"""
    environment = world.environment(lua, world.create(pipeline="app"))
    assert run(world, environment, lua.host, "fork") == (0, "")


@every_lua
def test_an_error_that_nobody_catches_is_printed_by_the_interpreter(world, lua):
    """J4: but for the interpreter of 5.1, which prints no error that is not a string; docs/lua.md says so."""
    environment = world.environment(lua, world.create(pipeline="app"))
    status, output = run(world, environment, lua.program, "-e", "require 'coffer'.connect() 'DEPLOY_KEY'")
    assert status == 1
    if lua.name == "lua5.1":
        assert output == f"{lua.program}: (error object is not a string)"
    else:
        assert output.splitlines()[0].endswith("coffer: unknown secret 'DEPLOY_KEY'")


# It was read once to be redacted and once to be used: out of a pipe it came only the first time.
@every_lua
def test_the_token_may_come_from_a_file_or_a_pipe_and_is_redacted(world, lua):
    """J4"""
    own = world.create(pipeline="app")
    environment = world.environment(lua, own)
    path = world.folder / "token"
    path.write_text(environment.pop("COFFER_TOKEN") + "\n")
    script = "local s = require 'coffer'.connect() io.write(s:redactor():redact(io.read '*a'))"
    reader, writer = os.pipe()
    os.write(writer, path.read_bytes())
    os.close(writer)
    for name in (path, f"/dev/fd/{reader}"):
        environment["COFFER_TOKEN_FILE"] = str(name)
        done = subprocess.run([lua.program, "-e", script], input=f"<{own.token}>", env=environment, text=True,
                              capture_output=True, check=False, pass_fds=[reader])
        assert (done.stdout, done.stderr, done.returncode) == ("<***REDACTED***>", "", 0)
    os.close(reader)


@every_lua
def test_the_module_is_one_file_that_exports_one_name_and_needs_libc_alone(lua):
    """J4"""
    names = subprocess.run(["nm", "-D", "--defined-only", f"{lua.modules}/coffer.so"], check=True,
                           capture_output=True, text=True).stdout
    assert [line.split()[2] for line in names.splitlines() if " T " in line] == ["luaopen_coffer"]
    needed = subprocess.run(["objdump", "-p", f"{lua.modules}/coffer.so"], check=True, capture_output=True,
                            text=True).stdout
    libraries = set(re.findall(r"NEEDED +(\S+)", needed))
    assert {name for name in libraries if not re.match(r"lib[a-z]*san", name)} <= {"libc.so.6", "libm.so.6"} \
        if is_sanitized() else libraries == {"libc.so.6"}


def test_every_lua_is_tested():
    """J4: 5.1 to 5.4 and LuaJIT."""
    tested = [entry.split("=")[0] for entry in os.environ["LUAS"].split(",")]
    assert tested == ["lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit"]


@every_lua
def test_the_page_names_every_function_and_its_examples_are_lua(world, lua):
    """J4: docs/lua.md"""
    page = (ROOT / "docs" / "lua.md").read_text()
    environment = world.environment(lua, world.create(pipeline="app"))
    script = r"""
        local coffer = require "coffer"
        local secret = coffer.connect()
        local redactor = secret:redactor()
        local stream = redactor:stream(print)
        local function names(prefix, object)
            for name in pairs(object) do print(prefix .. name) end
        end
        names("coffer.", coffer)
        names("stream:", stream)
        debug.setmetatable(secret, debug.getmetatable(secret))
        names("session:", debug.getmetatable(secret).__index)
        names("redactor:", debug.getmetatable(redactor).__index)"""
    status, output = run(world, environment, lua.program, "-e", script)
    assert status == 0, output
    assert len(output.split()) >= 20
    assert [name for name in output.split() if f"`{name}" not in page] == []
    for block in re.findall(r"^```lua\n(.*?)^```$", page, re.M | re.S):
        (world.folder / "block.lua").write_text(block)
        status, output = run(world, environment, lua.program, "-e", "assert(loadfile 'block.lua')")
        assert status == 0, output


@pytest.mark.parametrize("hidden", [VALUE, b"value number 001"])
@every_lua
def test_no_value_stands_in_the_text_of_any_object(world, lua, hidden):
    """J4, C7"""
    environment = world.environment(lua, world.create(pipeline="app"))
    script = ("local coffer = require 'coffer' local s = coffer.connect() s 'GREETING' s 'MANY_001' "
              "local r = s:redactor() local t = r:stream(print) t:write(s 'GREETING') "
              "print(s, r, t, coffer, select(2, pcall(s, 'MISSING')), select(2, pcall(s, {})))")
    status, output = run(world, environment, lua.program, "-e", script)
    assert status == 0 and "coffer.session (run " in output
    assert hidden.decode() not in output and environment["COFFER_TOKEN"] not in output
