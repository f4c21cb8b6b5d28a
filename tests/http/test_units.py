"""The units for systemd: it knows what they say, and the service can live with what it gives up."""

import os
import re
import shutil
import signal

import pytest
from coffer_test import ROOT, Shim, is_sanitized
from systemd_tools import calls_of, run
from talk import ask, make_world

SOURCE = ROOT / "tools" / "http" / "systemd"


@pytest.fixture(name="units")
def make_units(folder):
    """As they are installed, for this program."""
    service = (SOURCE / "coffer-http.service.in").read_text()
    (folder / "coffer-http.service").write_text(
        service.replace("@CMAKE_INSTALL_FULL_SBINDIR@/coffer-http", os.environ["COFFER_HTTP"]))
    shutil.copy(SOURCE / "coffer-http.socket", folder)
    return folder


def test_the_units_say_nothing_that_systemd_does_not_know(units):
    assert run("systemd-analyze", "verify", "--man=no", units / "coffer-http.service",
               units / "coffer-http.socket") == ""


def test_the_service_is_hardened(units):
    """By systemd's own count, from 0 to 10. And not so far that every peer would be nobody."""
    said = run("systemd-analyze", "security", "--offline=true", units / "coffer-http.service")
    score = float(re.search(r"exposure level for coffer-http.service: ([\d.]+)", said)[1])
    assert score <= 1.1, said
    assert not re.search(r"^\s*PrivateUsers\s*=\s*(yes|true|1)", (units / "coffer-http.service").read_text(), re.M)


def test_the_user_of_the_service_is_made():
    assert "coffer-http" in run("systemd-sysusers", "--dry-run", SOURCE / "coffer-http.sysusers")


@pytest.mark.skipif(is_sanitized(), reason="sanitizers make calls of their own; the unit is for the release")
def test_the_services_filter_lets_it_serve(units, folder):
    """Every system call of a whole life, with TLS, is among those that the unit allows."""
    trace, wrapper = folder / "trace", folder / "traced"
    wrapper.write_text(f'#!/bin/sh\nexec strace -f -qq -e signal=none -o "{trace}" '
                       f'"{os.environ["COFFER_HTTP"]}" "$@"\n')
    wrapper.chmod(0o755)
    with make_world() as world:
        shim = Shim(world.daemon.socket, "--admin-socket", world.daemon.admin_socket, tls=True)
        try:
            shim.launch(executable=wrapper)
            shim.wait_ready()
            assert ask(shim, "/api/run/secrets/A", world.run.token).status == 200
            assert ask(shim, "/metrics").status == ask(shim, "/healthz").status == 200
            os.kill(int(trace.read_text().split()[0]), signal.SIGTERM)
            assert shim.wait() == 0
        finally:
            shim.__exit__()
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M)) - {"execve"}
    allowed = calls_of((units / "coffer-http.service").read_text())
    assert "accept4" in used and used <= allowed, used - allowed
