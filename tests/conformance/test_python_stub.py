"""Python's generated stubs, over a channel of a few lines, drive the whole of both services."""

import os
import socket

import pytest
from coffer_test import METHODS, pb
from google.protobuf import service
from google.protobuf.internal.decoder import _DecodeVarint
from google.protobuf.internal.encoder import _VarintBytes


class CallFailed(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = pb.Code.Name(code)


class Channel(service.RpcChannel):
    """All that a client in another language needs to write: wrap, send, read, unwrap."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")
        self.id = 0
        self.called = set()

    def CallMethod(self, method, controller, request, response_class, done):
        self.id += 1
        self.called.add(method.name)
        body = pb.Request(id=self.id, method=method.name,
                          body=request.SerializeToString()).SerializeToString()
        self.socket.sendall(_VarintBytes(len(body)) + body)
        response = pb.Response.FromString(self.stream.read(self._length()))
        assert response.id == self.id
        if response.code != pb.OK:
            raise CallFailed(response.code, response.message)
        return response_class.FromString(response.body)

    def _length(self):
        header = self.stream.read(1)
        while header[-1] >= 0x80:
            header += self.stream.read(1)
        return _DecodeVarint(header, 0)[0]

    def close(self):
        self.stream.close()
        self.socket.close()


@pytest.fixture
def operator_channel(ephemeral):
    channel = Channel(ephemeral.admin_socket)
    yield channel
    channel.close()


@pytest.fixture
def runner_channel(ephemeral):
    channel = Channel(ephemeral.socket)
    yield channel
    channel.close()


def refused(call, request):
    with pytest.raises(CallFailed) as caught:
        call(None, request, None)
    return caught.value.code


def test_a_generated_stub_drives_every_method(operator_channel, runner_channel):
    """J2, J3: from the first secret to the end of the run."""
    operator, runner = pb.Operator_Stub(operator_channel), pb.Runner_Stub(runner_channel)

    def op(method, request):
        return getattr(operator, method)(None, request, None)

    def job(method, request):
        return getattr(runner, method)(None, request, None)

    put = op("PutSecret", pb.PutSecretRequest(scope="global", writes=[
        pb.SecretWrite(name="A", value=b"one"), pb.SecretWrite(name="B", value=b"\0\xff")]))
    assert [(info.name, info.version) for info in put.secrets] == [("A", 1), ("B", 1)]
    op("PutSecret", pb.PutSecretRequest(scope="global",
                                        writes=[pb.SecretWrite(name="A", value=b"two")]))
    where = {"scope": "global", "name": "A"}
    assert op("RollbackSecret", pb.RollbackSecretRequest(version=1, **where)).version == 3
    history = op("ListVersions", pb.ListVersionsRequest(**where)).versions
    assert [info.version for info in history] == [3, 2, 1]
    assert op("RevealSecret", pb.RevealSecretRequest(version=2, **where)).value == b"two"
    listed = op("ListAllSecrets", pb.ListAllSecretsRequest()).secrets
    assert [info.name for info in listed] == ["A", "B"]

    run = op("CreateRun", pb.CreateRunRequest(
        meta=pb.RunMeta(pipeline="app", repo="r", ref="main", sha="s", pushed_at_ms=1),
        git_dir="/srv", extras=[pb.Pair(key="k", value="v")], ttl_ms=60000,
        secrets=[pb.SecretWrite(name="C", value=b"own")]))
    assert [info.run_id for info in op("ListRuns", pb.ListRunsRequest()).runs][0] == run.run_id

    assert refused(runner.GetSecret, pb.GetSecretRequest(name="A")) == "UNAUTHENTICATED"
    hello = job("Hello",
                pb.HelloRequest(protocol=1, client="stub", token=run.token, run_id=run.run_id))
    assert list(hello.scopes) == [f"run/{run.run_id}", "pipeline/app", "global"]
    boot = job("Bootstrap", pb.BootstrapRequest(nonce=os.urandom(16)))
    assert (boot.git_dir, boot.meta.sha, boot.extras[0].value) == ("/srv", "s", "v")
    assert refused(runner.Bootstrap, pb.BootstrapRequest()) == "GONE"
    assert job("GetSecret", pb.GetSecretRequest(name="A")).value == b"one"
    many = job("GetSecrets", pb.GetSecretsRequest(names=["C", "B"]))
    assert [secret.value for secret in many.secrets] == [b"own", b"\0\xff"]
    listed = job("ListSecrets", pb.ListSecretsRequest()).secrets
    assert [info.name for info in listed] == ["A", "B", "C"]
    environment = job("GetEnvironment", pb.GetEnvironmentRequest())
    assert {secret.name: secret.value for secret in environment.secrets} == \
        {"A": b"one", "B": b"\0\xff", "C": b"own"}
    assert refused(runner.GetSecret, pb.GetSecretRequest(name="X")) == "NOT_FOUND"

    op("DeleteSecret", pb.DeleteSecretRequest(**where))
    assert refused(runner.GetSecret, pb.GetSecretRequest(name="A")) == "NOT_FOUND"
    op("FinishRun", pb.FinishRunRequest(run_id=run.run_id, result=pb.SUCCEEDED))
    assert refused(runner.ListSecrets, pb.ListSecretsRequest()) == "UNAUTHENTICATED"
    other = op("CreateRun", pb.CreateRunRequest(meta=pb.RunMeta(pipeline="app", ref="main")))
    op("RevokeGrant", pb.RevokeGrantRequest(id=other.run_id))

    assert op("ReadAudit", pb.ReadAuditRequest()).lines
    verdict = op("VerifyAudit", pb.VerifyAuditRequest())
    assert verdict.done and verdict.problem == ""
    status = op("Status", pb.StatusRequest())
    assert status.server.startswith("cofferd/") and status.audit_writable
    assert operator_channel.called | runner_channel.called == set(METHODS)


def test_a_stub_of_a_newer_contract_is_understood(operator_channel):
    """Compatibility: fields that the daemon does not know do no harm, methods that it does not know
    are UNIMPLEMENTED."""
    request = pb.StatusRequest()
    request.MergeFromString(b"\xc2\x3e\x03new\xc8\x3e\x05")
    assert request.SerializeToString(), "unknown fields are kept by the stub"
    assert pb.Operator_Stub(operator_channel).Status(None, request, None).server

    class NewMethod:
        name = "MethodOfTheFuture"
    with pytest.raises(CallFailed) as caught:
        operator_channel.CallMethod(NewMethod, None, request, pb.StatusResponse, None)
    assert caught.value.code == "UNIMPLEMENTED"


def test_the_printed_token_is_a_run_of_its_own(ephemeral, runner_channel):
    """J3"""
    runner = pb.Runner_Stub(runner_channel)
    token = ephemeral.printed["COFFER_TOKEN"]
    hello = runner.Hello(None, pb.HelloRequest(protocol=1, token=token), None)
    assert hello.run_id == ephemeral.printed["COFFER_RUN_ID"]
    assert hello.scopes[-1] == "global"
