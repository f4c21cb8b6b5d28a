"""Python's generated stubs, over a channel of forty lines, drive the whole of both services."""

import contextlib
import os
import sys
from pathlib import Path

import pytest
import relay
from coffer_test import DEADLINE, METHODS, pb

CHANNEL = Path(__file__).with_name("python") / "coffer_channel.py"
sys.modules["coffer_pb2"] = pb
sys.path.insert(0, str(CHANNEL.parent))

from coffer_channel import Channel, Refused  # noqa: E402


@contextlib.contextmanager
def connected(path, service):
    channel = Channel(str(path), service)
    channel.socket.settimeout(DEADLINE)
    with channel.socket, contextlib.suppress(BrokenPipeError), channel.stream:
        yield channel


@pytest.fixture
def operator(ephemeral):
    with connected(ephemeral.admin_socket, "Operator") as channel:
        yield channel


@pytest.fixture
def runner(ephemeral):
    with connected(ephemeral.socket, "Runner") as channel:
        yield channel


@pytest.fixture
def greeting(ephemeral):
    """A Hello with the printed token."""
    return pb.HelloRequest(protocol=1, client="python/1", token=ephemeral.printed["COFFER_TOKEN"])


def refused(call, request):
    """The name of the code that the call is refused with."""
    with pytest.raises(Refused) as caught:
        call(request)
    return pb.Code.Name(caught.value.code)


def put(operator, *values):
    return operator.PutSecret(pb.PutSecretRequest(scope="global", writes=[
        pb.SecretWrite(name=name, value=value) for name, value in values]))


def drive_every_method(operator, runner):
    stored = put(operator, ("A", b"one"), ("B", b"\0\xff"))
    assert [(info.name, info.version) for info in stored.secrets] == [("A", 1), ("B", 1)]
    put(operator, ("A", b"two"))
    where = {"scope": "global", "name": "A"}
    assert operator.RollbackSecret(pb.RollbackSecretRequest(version=1, **where)).version == 3
    history = operator.ListVersions(pb.ListVersionsRequest(**where)).versions
    assert [info.version for info in history] == [3, 2, 1]
    assert operator.RevealSecret(pb.RevealSecretRequest(version=2, **where)).value == b"two"
    listed = operator.ListAllSecrets(pb.ListAllSecretsRequest()).secrets
    assert [info.name for info in listed] == ["A", "B"]

    run = operator.CreateRun(pb.CreateRunRequest(
        meta=pb.RunMeta(pipeline="app", repo="r", ref="main", sha="s", pushed_at_ms=1),
        git_dir="/srv", extras=[pb.Pair(key="k", value="v")], ttl_ms=60000,
        secrets=[pb.SecretWrite(name="C", value=b"own")]))
    assert [info.run_id for info in operator.ListRuns(pb.ListRunsRequest()).runs][0] == run.run_id
    read_as_a_job(runner, run)

    operator.DeleteSecret(pb.DeleteSecretRequest(**where))
    assert refused(runner.GetSecret, pb.GetSecretRequest(name="A")) == "NOT_FOUND"
    operator.FinishRun(pb.FinishRunRequest(run_id=run.run_id, result=pb.SUCCEEDED))
    assert refused(runner.ListSecrets, pb.ListSecretsRequest()) == "UNAUTHENTICATED"
    other = operator.CreateRun(pb.CreateRunRequest(meta=pb.RunMeta(pipeline="app", ref="main")))
    operator.RevokeGrant(pb.RevokeGrantRequest(id=other.run_id))
    service = operator.CreateService(pb.CreateServiceRequest(name="ci", scopes=["system/ci", "global"]))
    renewed = operator.RenewGrant(pb.RenewGrantRequest(id=service.id, ttl_ms=60000))
    (info,) = operator.ListGrants(pb.ListGrantsRequest(name="ci")).grants
    assert (list(info.scopes), info.state, info.expires_at_ms) == \
        (["system/ci", "global"], pb.GRANT_LIVE, renewed.expires_at_ms)
    why = operator.WhyGrant(pb.WhyGrantRequest(name="B", id=service.id))
    assert [(scope.scope, scope.outcome) for scope in why.scopes] == \
        [("system/ci", pb.SCOPE_LACKS), ("global", pb.SCOPE_HAS)]
    operator.RevokeGrant(pb.RevokeGrantRequest(id=service.id))

    for call, request in ((operator.RewrapKey, pb.RewrapKeyRequest(passphrase=b"words")),
                          (operator.RotateKey, pb.RotateKeyRequest()),
                          (operator.BeginBackup, pb.BeginBackupRequest()),
                          (operator.FinishBackup, pb.FinishBackupRequest(backup=1))):
        assert refused(call, request) == "FAILED_PRECONDITION"  # no key opens a store in memory
    assert refused(operator.ReadBackup, pb.ReadBackupRequest(backup=1)) == "ABORTED"
    assert not operator.Migrate(pb.MigrateRequest(rules=["X_*=x"])).secrets
    for call, request in ((operator.Sync, pb.SyncRequest()),
                          (operator.MirrorTasks, pb.MirrorTasksRequest(max=1)),
                          (operator.MirrorOffer, pb.MirrorOfferRequest(keys=["v1/x"])),
                          (operator.MirrorApply, pb.MirrorApplyRequest())):
        assert refused(call, request) == "FAILED_PRECONDITION"  # there is no bucket

    assert operator.ReadAudit(pb.ReadAuditRequest()).lines
    verdict = operator.VerifyAudit(pb.VerifyAuditRequest())
    assert verdict.done and verdict.problem == ""
    status = operator.Status(pb.StatusRequest())
    assert status.server.startswith("cofferd/") and status.audit_writable


def read_as_a_job(runner, run):
    assert refused(runner.GetSecret, pb.GetSecretRequest(name="A")) == "UNAUTHENTICATED"
    hello = runner.Hello(
        pb.HelloRequest(protocol=1, client="python/1", token=run.token, run_id=run.run_id))
    assert list(hello.scopes) == [f"run/{run.run_id}", "pipeline/app", "global"]
    boot = runner.Bootstrap(pb.BootstrapRequest(nonce=os.urandom(16)))
    assert (boot.git_dir, boot.meta.sha, boot.extras[0].value) == ("/srv", "s", "v")
    assert refused(runner.Bootstrap, pb.BootstrapRequest()) == "GONE"
    assert runner.GetSecret(pb.GetSecretRequest(name="A")).value == b"one"
    many = runner.GetSecrets(pb.GetSecretsRequest(names=["C", "B"]))
    assert [secret.value for secret in many.secrets] == [b"own", b"\0\xff"]
    listed = runner.ListSecrets(pb.ListSecretsRequest()).secrets
    assert [info.name for info in listed] == ["A", "B", "C"]
    environment = runner.GetEnvironment(pb.GetEnvironmentRequest())
    assert {secret.name: secret.value for secret in environment.secrets} == \
        {"A": b"one", "B": b"\0\xff", "C": b"own"}
    assert runner.Why(pb.WhyRequest(name="B")).outcome == pb.WHY_FOUND
    now = runner.WaitForChange(pb.WaitForChangeRequest())
    assert now.revision == environment.revision
    assert not runner.WaitForChange(
        pb.WaitForChangeRequest(after_revision=now.revision, timeout_ms=1)).changed
    with pytest.raises(Refused) as caught:
        runner.GetSecret(pb.GetSecretRequest(name="X"))
    assert caught.value.args == (pb.NOT_FOUND, "unknown secret 'X'")


def test_the_channel_has_at_most_forty_lines():
    """J2: that is what a client in another language has to write."""
    assert len(CHANNEL.read_text().splitlines()) <= 40


def test_a_generated_stub_drives_every_method(ephemeral, operator, runner):
    """J2, J3: from the first secret to the end of the run."""
    drive_every_method(operator, runner)
    called = operator.Status(pb.StatusRequest()).methods
    assert {method.method for method in called if method.calls} == set(METHODS)


def test_a_stub_of_a_newer_contract_is_understood(ephemeral, operator):
    """Compatibility: fields that the daemon does not know do no harm, methods that it does not know
    are UNIMPLEMENTED."""
    request = pb.StatusRequest()
    request.MergeFromString(b"\xc2\x3e\x03new\xc8\x3e\x05")
    assert request.SerializeToString(), "unknown fields are kept by the stub"
    assert operator.Status(request).server
    with ephemeral.operator() as wire:
        wire.send_frame(pb.Request(id=1, method="MethodOfTheFuture").SerializeToString())
        assert wire.recv().code == pb.UNIMPLEMENTED


def test_a_stub_understands_a_newer_daemon(ephemeral):
    """Compatibility: fields that it does not know are skipped. No read ends where a frame does."""
    paths = {service: ephemeral.folder / f"{service}.relay" for service in ("Operator", "Runner")}
    with relay.listening(paths["Operator"], relay.of_a_later_version, ephemeral.admin_socket), \
            relay.listening(paths["Runner"], relay.of_a_later_version, ephemeral.socket), \
            connected(paths["Operator"], "Operator") as operator, \
            connected(paths["Runner"], "Runner") as runner:
        drive_every_method(operator, runner)


def test_a_stub_pipelines_hello(ephemeral, greeting):
    """Both requests leave before any reply comes, and the id says which reply is whose."""
    path = ephemeral.folder / "relay"
    with relay.listening(path, relay.that_waits_for_two, ephemeral.socket), \
            connected(path, "Runner") as runner:
        service = pb.DESCRIPTOR.services_by_name["Runner"].methods_by_name
        hello = runner.send(service["Hello"], greeting)
        missing = runner.send(service["GetSecret"], pb.GetSecretRequest(name="X"))
        assert runner.receive(*hello).run_id == ephemeral.printed["COFFER_RUN_ID"]
        with pytest.raises(Refused, match="unknown secret 'X'"):
            runner.receive(*missing)


def test_a_stub_follows_pages(operator, runner, greeting):
    count = 640
    for first in range(0, count, 64):
        put(operator, *((f"N{first + i:0127}", b"v" * 128) for i in range(64)))
    runner.Hello(greeting)
    for call, request in [(runner.ListSecrets, pb.ListSecretsRequest()),
                          (runner.GetEnvironment, pb.GetEnvironmentRequest())]:
        page = call(request)
        names = [secret.name for secret in page.secrets]
        assert len(names) < count
        while page.next:
            request.after = page.next
            page = call(request)
            names += [secret.name for secret in page.secrets]
        assert names == [f"N{i:0127}" for i in range(count)]


def test_a_reply_that_waits_is_overtaken(operator, runner, greeting):
    """C6: the reply to WaitForChange comes behind that of a later request."""
    runner.Hello(greeting)
    now = runner.WaitForChange(pb.WaitForChangeRequest()).revision
    method = pb.DESCRIPTOR.services_by_name["Runner"].methods_by_name["WaitForChange"]
    wait = runner.send(method, pb.WaitForChangeRequest(after_revision=now, timeout_ms=600000))
    assert refused(runner.GetSecret, pb.GetSecretRequest(name="A")) == "NOT_FOUND"
    assert not runner.responses, "nothing has changed yet"
    put(operator, ("A", b"one"))
    reply = runner.receive(*wait)
    assert reply.changed and reply.revision > now


def test_a_refused_connection_is_an_error(ephemeral, greeting):
    """A response with id 0 answers whatever is asked."""
    path = ephemeral.folder / "relay"
    with relay.listening(path, relay.that_is_full, ephemeral.socket), \
            connected(path, "Runner") as runner:
        assert refused(runner.Hello, greeting) == "RESOURCE_EXHAUSTED"


def test_a_reply_that_is_cut_is_no_reply(ephemeral, greeting):
    path = ephemeral.folder / "relay"
    with relay.listening(path, relay.that_ends_inside_a_reply, ephemeral.socket), \
            connected(path, "Runner") as runner, pytest.raises(EOFError):
        runner.Hello(greeting)


def test_the_printed_token_is_a_run_of_its_own(ephemeral, runner, greeting):
    """J3"""
    hello = runner.Hello(greeting)
    assert hello.run_id == ephemeral.printed["COFFER_RUN_ID"]
    assert hello.scopes[-1] == "global"
