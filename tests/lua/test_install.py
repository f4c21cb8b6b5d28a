"""How the module gets to its users: by cmake --install, and by the commands of the rockspec."""

import os
import re
import shutil
import subprocess

from coffer_test import ROOT
from lua_world import LUAS, every_lua, run, world  # pylint: disable=unused-import

SPEC = "client/lua/coffer-0.1.0-1.rockspec"


@every_lua
def test_what_is_installed_is_found_and_works(world, lua):
    """J4"""
    prefix = world.folder / "prefix"
    subprocess.run([os.environ["CMAKE"], "--install", os.environ["BUILD"], "--prefix", prefix, "--component", "lua"],
                   check=True, stdout=subprocess.DEVNULL)
    version = lua.modules.rsplit("/", 1)[1]
    environment = world.environment(lua, world.create(pipeline="app"))
    environment["LUA_CPATH"] = f"{prefix}/lib/lua/{version}/?.so"
    status, output = run(world, environment, lua.program, "-e", "print(require 'coffer'.connect() 'GREETING')")
    assert (status, output) == (0, "hello, world")


def rockspec(lua):
    """Fields of the rockspec, as a Lua reads them."""
    script = (f"dofile '{ROOT / SPEC}' print(package) print(version) print(build.type) "
              "print(build.build_command) print(build.install_command)")
    done = subprocess.run([lua.program, "-e", script], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_the_rockspec_builds_the_module_from_the_sources(world):
    """J4: its commands are run as luarocks does, which need not be there."""
    lua = LUAS[-2]
    sources = world.folder / "sources"
    package, version, kind, build, install = rockspec(lua)
    project = re.search(r"project\(coffer VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert (package, version, kind) == ("coffer", f"{project}-1", "command")
    files = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           check=True, capture_output=True, text=True).stdout.split("\0")
    for path in filter(None, files):
        if (ROOT / path).is_file() and not path.startswith("tests/"):
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, sources / path)
    include = subprocess.run(["pkg-config", "--variable=includedir", lua.name], check=True, capture_output=True,
                             text=True).stdout.strip()
    if not os.path.isfile(f"{include}/lua.h"):
        include += f"/{lua.name}"
    for command in (build, install):
        command = command.replace("$(LUA_INCDIR)", include).replace("$(LIBDIR)", str(sources / "lib"))
        done = subprocess.run(command, shell=True, cwd=sources, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    environment = world.environment(lua, world.create(pipeline="app"))
    environment["LUA_CPATH"] = f"{sources}/lib/?.so"
    environment.pop("LD_PRELOAD", None)
    status, output = run(world, environment, lua.program, "-e", "print(require 'coffer'.connect() 'GREETING')")
    assert (status, output) == (0, "hello, world")
