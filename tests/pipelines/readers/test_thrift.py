"""Thrift's compact protocol: known bytes, and bytes that are no struct."""

import random

import pytest

from pipelines.readers.thrift import read_struct


@pytest.mark.parametrize(
    ("data", "struct"),
    [
        (b"\0", {}),
        (b"\x15\x02\0", {1: 1}),
        (b"\x15\x01\0", {1: -1}),
        (b"\x16\xac\x02\0", {1: 150}),
        (b"\x15\x02\x25\x04\0", {1: 1, 3: 2}),  # a step of two
        (b"\x05\x28\x02\0", {20: 1}),  # a number of its own
        (b"\x11\x12\0", {1: True, 2: False}),
        (b"\x13\x7f\0", {1: 127}),
        (b"\x17" + bytes(8) + b"\0", {1: bytes(8)}),
        (b"\x18\x03abc\0", {1: b"abc"}),
        (b"\x19\x25\x02\x04\0", {1: [1, 2]}),
        (b"\x19\xf5\x01\x04\0", {1: [2]}),  # a length of its own
        (b"\x19\x21\x01\x02\0", {1: [1, 2]}),  # booleans in a list
        (b"\x1c\x15\x02\0\0", {1: {1: 1}}),
        (b"\x19\x1c\x15\x02\0\0", {1: [{1: 1}]}),
    ],
)
def test_known_structs(data: bytes, struct: object) -> None:
    assert read_struct(data + b"more") == (struct, len(data))
    for cut in range(len(data)):
        with pytest.raises(EOFError):
            read_struct(data[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"\x15" + b"\xff" * 12,
        b"\x1d\0",
        b"\x1c" * 100,
        b"\x19" * 100,
    ],
    ids=["endless number", "bad type", "deep structs", "deep lists"],
)
def test_bytes_that_are_no_struct_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"number without end|no value|nested too deeply"):
        read_struct(data)


def test_a_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.readers.thrift._MAX_VALUES", 1000)
    with pytest.raises(ValueError, match="too many values"):
        read_struct(b"\x19\xfc\x80\x80\x80\x80\x01" + bytes(2_000))


def test_no_bytes_raise_anything_else() -> None:
    chance = random.Random(5)
    for _ in range(3_000):
        data = bytes(chance.choices(range(256), k=chance.randrange(40)))
        try:
            read_struct(data)
        except (EOFError, ValueError):
            continue
