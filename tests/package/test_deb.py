"""The packages for Debian: what is in them, that they come and go cleanly, and that they can be made again."""

import filecmp
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from coffer_test import ROOT

EPOCH = 1700000000
WANTED = {
    "coffer": ["usr/bin/coffer", "usr/sbin/cofferd", "usr/libexec/coffer/coffer-fetch",
               "usr/lib/systemd/system/cofferd.service",
               "usr/lib/systemd/system/cofferd.socket", "usr/lib/systemd/system/cofferd-admin.socket",
               "usr/lib/sysusers.d/coffer.conf", "usr/lib/tmpfiles.d/coffer.conf",
               "usr/share/man/man1/coffer.1.gz", "usr/share/man/man1/coffer-run.1.gz",
               "usr/share/man/man5/coffer.conf.5.gz", "usr/share/man/man8/cofferd.8.gz",
               "usr/share/bash-completion/completions/coffer", "usr/share/zsh/vendor-completions/_coffer",
               "usr/share/fish/vendor_completions.d/coffer.fish"],
    "coffer-http": ["usr/sbin/coffer-http", "usr/lib/systemd/system/coffer-http.service",
                    "usr/lib/systemd/system/coffer-http.socket", "usr/lib/sysusers.d/coffer-http.conf",
                    "usr/share/man/man8/coffer-http.8.gz"],
    "coffer-s3": ["usr/libexec/coffer/coffer-s3", "usr/share/man/man8/coffer-s3.8.gz"],
    "libcoffer0": ["LIB/libcoffer.so.0", "LIB/libcoffer-admin.so.0"],
    "libcoffer-dev": ["LIB/libcoffer.so", "LIB/libcoffer-admin.so", "LIB/libcoffer.a",
                      "LIB/pkgconfig/libcoffer.pc", "LIB/pkgconfig/libcoffer-admin.pc",
                      "LIB/cmake/coffer/coffer-config.cmake", "usr/include/coffer/client.h",
                      "usr/include/coffer/admin.h", "usr/share/coffer/coffer.proto",
                      "usr/share/man/man3/coffer.3.gz", "usr/share/man/man7/coffer-protocol.7.gz"],
    "lua-coffer": [f"LIB/lua/{version}/coffer.so" for version in ("5.1", "5.2", "5.3", "5.4")],
}


def output(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def make(folder):
    """The packages, by name, out of a build of their own."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    for command in (
        ("CMAKE", "--preset", "deb", "-B", folder / "build"), ("CMAKE", "--build", folder / "build"),
        ("CPACK", "--config", folder / "build" / "CPackConfig.cmake", "-B", folder / "packages"),
    ):
        done = subprocess.run([os.environ[command[0]], *command[1:]], cwd=ROOT, env=environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
    return {path.name.split("_")[0]: path for path in (folder / "packages").glob("*.deb")}


@pytest.fixture(name="folder", scope="module")
def make_folder():
    with tempfile.TemporaryDirectory(prefix="coffer-package-") as name:
        yield Path(name)


@pytest.fixture(name="packages", scope="module")
def make_packages(folder):
    return make(folder / "first")


@pytest.fixture(name="root")
def make_root():
    """An empty host that has a package database."""
    with tempfile.TemporaryDirectory(prefix="coffer-root-") as name:
        root = Path(name, "root")
        for folder in ("etc", "run", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
            (root / folder).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        yield root


def dpkg(root, *words):
    """Runs dpkg on that host; what it, and the packages' scripts, had to say."""
    done = subprocess.run(
        ["dpkg", f"--root={root}", f"--log={root.parent}/log", "--force-script-chrootless",
         "--force-depends", *map(str, words)],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def libdir():
    return "usr/lib/" + output("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()


def files(root):
    """All that is on that host except for its databases of packages and users."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()
            and not path.is_relative_to(root / "var/lib/dpkg") and path.parent != root / "etc"}


def test_each_package_has_what_its_users_need_and_no_other_has_it(packages):
    assert set(packages) == set(WANTED)
    seen = {}
    for name, path in packages.items():
        for line in output("dpkg-deb", "-c", path).splitlines():
            member = line.split()[5].removeprefix("./")
            if not member.endswith("/"):
                assert member not in seen, f"{member} is in {name} and in {seen[member]}"
                seen[member] = name
    for name, paths in WANTED.items():
        for path in paths:
            assert seen.get(path.replace("LIB", libdir())) == name, path
    headers = {f"usr/include/coffer/{path.name}" for path in (ROOT / "include/coffer").glob("*.h")}
    assert {path for path in seen if path.startswith("usr/include")} == headers


def test_the_packages_depend_on_what_they_use(packages):
    def field(package, name):
        return output("dpkg-deb", "-f", packages[package], name).strip()

    version = field("coffer", "Version")
    for library in ("libc6", "libev4", "libsodium23", "libsqlite3-0"):
        assert library in field("coffer", "Depends")
    for library in ("libc6", "libcurl4", "libev4", "libexpat1", "libssl3", f"coffer (= {version})"):
        assert library in field("coffer-s3", "Depends")
    for library in ("libc6", "libmicrohttpd12", "libgnutls30", "libsodium23"):
        assert library in field("coffer-http", "Depends")
    assert field("libcoffer0", "Depends").startswith("libc6 (") and "," not in field("libcoffer0", "Depends")
    assert field("libcoffer0", "Provides") == f"libcoffer (= {version})"
    assert field("libcoffer-dev", "Depends") == f"libcoffer0 (= {version})"
    assert field("lua-coffer", "Depends").startswith("libc6 (")


def test_lintian_has_nothing_to_object_to(packages):
    done = subprocess.run(["lintian", "--tag-display-limit", "0", "--fail-on", "error,warning",
                           *packages.values()],
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_with_source_date_epoch_another_build_makes_the_same_bytes(packages, folder):
    again = make(folder / "another-place")
    assert set(again) == set(packages)
    for name, path in packages.items():
        assert filecmp.cmp(path, again[name], shallow=False), f"{name} differs"
    shutil.rmtree(folder / "another-place")


def test_they_install_upgrade_and_leave_nothing_behind_when_they_are_removed(packages, root):
    dpkg(root, "-i", *packages.values())
    installed = files(root)
    for paths in WANTED.values():
        assert {path.replace("LIB", libdir()) for path in paths} <= installed
    assert "ExecStart=/usr/sbin/cofferd " in (root / "usr/lib/systemd/system/cofferd.service").read_text()
    assert not [path for path in installed if path.startswith("etc/systemd")], "a unit is enabled"
    dpkg(root, "-i", *packages.values())
    assert files(root) == installed
    dpkg(root, "-r", *packages)
    assert files(root) == set()
    dpkg(root, "-P", *packages)
    assert files(root) == set()
    assert not (root / "var/lib/coffer").exists() and not (root / "run/coffer").exists()
    assert output("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W") == ""


def test_the_daemon_gets_a_user_and_folders_of_its_own(packages, root):
    dpkg(root, "-i", packages["coffer"])
    users = dict(line.split(":", 1) for line in (root / "etc/passwd").read_text().splitlines())
    uid = int(users["coffer"].split(":")[1])
    for name in ("var/lib/coffer", "run/coffer"):
        status = (root / name).stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (uid, 0o711)


def test_a_purge_keeps_the_secrets_and_says_so(packages, root):
    dpkg(root, "-i", packages["coffer"])
    (root / "var/lib/coffer/coffer.db").write_text("secrets")
    said = dpkg(root, "-P", "coffer")
    assert "/var/lib/coffer is kept" in said
    assert files(root) == {"var/lib/coffer/coffer.db"}


def test_what_is_installed_works(packages, root):
    dpkg(root, "-i", *packages.values())
    home = root.parent / "home"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(root / libdir()),
                   "PKG_CONFIG_PATH": str(root / libdir() / "pkgconfig")}
    output(root / "usr/sbin/cofferd", "--init", "--home", home)
    assert (home / "key").exists()
    assert output(root / "usr/bin/coffer", "--version").startswith("coffer ")
    flags = output("pkg-config", "--cflags", "--libs", "libcoffer-admin", env=environment).split()
    consumer = root.parent / "consumer"
    output("cc", "-o", consumer, ROOT / "tests/client/consumer.c", *flags, env=environment)
    output(consumer, env=environment)
    for version in ("5.1", "5.4"):
        environment["LUA_CPATH"] = f"{root / libdir()}/lua/{version}/?.so"
        output(f"lua{version}", "-e", "assert(require 'coffer'.connect)", env=environment)
