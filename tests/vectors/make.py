#!/usr/bin/python3
"""Prints the golden vectors, made by Python protobuf: make.py > messages.txt

One vector a line, "<what> <case> <hex>", "-" for no bytes:
  <Message> full|large|empty   the encoded message: every field set, set to extremes, none set
  <Message> first              of one that has grown, or one in it: every field that it had at first
  Request <Method>             a whole frame, as a client sends it
  Response <Method>|<Code>     a whole frame, as the daemon answers it: done, or refused
Vectors are only ever added: what an older release wrote must still be read.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from coffer_test import METHODS, delimited, pb  # noqa: E402

ENVELOPES = ("Request", "Response")
# The greatest field number that these messages had when they were first released.
GROWN = {"ReadAuditRequest": 1, "VerifyAuditRequest": 1, "VerifyAuditResponse": 5, "StatusResponse": 10, "SecretInfo": 5,
         "SecretWrite": 4, "ListVersionsRequest": 3, "ListVersionsResponse": 1,
         "CreateRunRequest": 10, "RunInfo": 12, "MethodStatus": 3, "FinishBackupResponse": 0}

# Methods that came into a service after its vectors were made, in the order in which they came: their ids are
# counted behind the others'.
LATER = ("WaitForChange", "CreateService", "ListGrants", "RenewGrant", "Why", "WhyGrant", "RewrapKey",
         "BeginBackup", "ReadBackup", "FinishBackup", "Migrate",
         "RotateKey", "Sync", "MirrorTasks", "MirrorOffer", "MirrorApply")


def scalar(field, large):
    """A value of the field's type that shows the field's number and name."""
    kind = field.cpp_type
    if field.enum_type is not None:
        return field.enum_type.values[-1 if large else 1].number
    if kind == field.CPPTYPE_BOOL:
        return True
    if kind == field.CPPTYPE_UINT32:
        return 2**32 - 1 if large else field.number
    if kind == field.CPPTYPE_UINT64:
        return 2**64 - 1 if large else field.number
    if kind == field.CPPTYPE_INT64:
        return -(2**63) if large else 1_700_000_000_000 + field.number
    if field.type == field.TYPE_BYTES:
        return bytes(range(256)) if large else b"\0\xff\n"
    return f"{field.name}\u00e9\U0001f511" * (16 if large else 1)


def build(message_class, large):
    """A message with every field set; a repeated one to two elements, or an empty one of three."""
    message = message_class()
    for field in message_class.DESCRIPTOR.fields:
        repeated = field.label == field.LABEL_REPEATED
        if field.message_type is not None:
            nested = build(getattr(pb, field.message_type.name), large)
            target = getattr(message, field.name)
            if repeated:
                target.extend([nested, type(nested)(), nested] if large else [nested, nested])
            else:
                target.CopyFrom(nested)
        elif repeated:
            value = scalar(field, large)
            getattr(message, field.name).extend([value, type(value)(), value] if large
                                                else [value, value])
        else:
            setattr(message, field.name, scalar(field, large))
    return message


def first(message):
    """The message without the fields that it, or a message in it, did not have at first."""
    for field, value in message.ListFields():
        if field.number > GROWN.get(message.DESCRIPTOR.name, field.number):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in value if field.label == field.LABEL_REPEATED else [value]:
                first(part)
    return message


def vectors():
    for name in pb.DESCRIPTOR.message_types_by_name:
        if name not in ENVELOPES:
            message_class = getattr(pb, name)
            for case, message in (("full", build(message_class, False)),
                                  ("large", build(message_class, True)),
                                  ("empty", message_class())):
                yield name, case, message.SerializeToString(deterministic=True)
            grown = first(build(message_class, False))
            if grown != build(message_class, False):
                yield name, "first", grown.SerializeToString(deterministic=True)
    methods = sorted(METHODS.items(),
                     key=lambda item: LATER.index(item[0]) + 1 if item[0] in LATER else 0)
    for number, (name, method) in enumerate(methods, 1):
        body = build(method.request, False).SerializeToString(deterministic=True)
        request = pb.Request(id=number, method=name, body=body)
        yield "Request", name, delimited(request.SerializeToString(deterministic=True))
        body = build(method.response, False).SerializeToString(deterministic=True)
        response = pb.Response(id=2**32 - number, body=body)
        yield "Response", name, delimited(response.SerializeToString(deterministic=True))
    for code in pb.Code.values()[1:]:
        response = pb.Response(id=code, code=code, message=f"unknown secret '{code}'")
        yield ("Response", pb.Code.Name(code),
               delimited(response.SerializeToString(deterministic=True)))


def text():
    return "".join(f"{what} {case} {data.hex() or '-'}\n" for what, case, data in vectors())


if __name__ == "__main__":
    sys.stdout.write(text())
