"""The golden vectors are what Python protobuf makes of the committed coffer.proto."""

import sys
from pathlib import Path

from coffer_test import METHODS, pb

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make  # noqa: E402

LINES = [line.split() for line in (HERE / "messages.txt").read_text().splitlines()]


def test_making_the_vectors_again_gives_the_same_bytes():
    assert make.text() == (HERE / "messages.txt").read_text()


def test_every_message_of_the_contract_has_vectors():
    assert {what for what, _, _ in LINES} == set(pb.DESCRIPTOR.message_types_by_name)
    for envelope in ("Request", "Response"):
        assert {case for what, case, _ in LINES if what == envelope} >= set(METHODS)
    assert {case for what, case, _ in LINES if what == "Response"} >= set(pb.Code.keys()[1:])


def test_a_full_vector_sets_every_field_to_what_reads_back():
    for what, case, data in LINES:
        if case not in ("full", "large"):
            continue
        message = getattr(pb, what).FromString(bytes.fromhex(data.replace("-", "")))
        assert [field.name for field, _ in message.ListFields()] == \
            [field.name for field in message.DESCRIPTOR.fields], what
