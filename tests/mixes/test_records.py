"""Canonical JSON of records: one form, and errors that name the place."""

import json
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import MixError
from mixes.records import bind, decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A record without records."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A record of everything a record can hold."""

    leaves: tuple[Leaf, ...]
    by_name: dict[str, int]
    root: Leaf


TREE = Tree(leaves=(Leaf(name="ä", size=0),), by_name={"b": 1, "a": 2**64 - 1}, root=Leaf(name="r", size=3))


def test_a_record_has_one_form() -> None:
    assert encode({"b": 1, "a": {"ä": [1]}}) == '{\n "a": {\n  "ä": [\n   1\n  ]\n },\n "b": 1\n}\n'.encode()
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1})


def test_what_was_encoded_is_bound_to_an_equal_record() -> None:
    assert bind(Tree, decode(encode(asdict(TREE)), "f"), "f") == TREE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read as JSON"),
        (b"{", "cannot be read as JSON"),
        (b"\xff{}", "cannot be read as JSON"),
        (b'{"a": 1, "a": 1}', "found the key 'a' twice"),
        (b'{"a": 1.0}', "found the number 1.0, wanted integers"),
        (b'{"a": 1e3}', "found the number 1e3, wanted integers"),
        (b'{"a": NaN}', "found the number NaN, wanted integers"),
        (b"[1]", "found a list, wanted one object"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read as JSON"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(MixError, match=rf"^f\.json: .*{message}"):
        decode(data, "f.json")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "f: found [], wanted an object"),
        ({"leaves": [], "by_name": {}}, "f: missing 'root'"),
        ({"leavs": [], "by_name": {}, "root": {}}, "f: unknown key 'leavs'; did you mean 'leaves'?"),
        (
            {"leaves": [], "by_name": {}, "root": {"zzz": 1}},
            "f: root: unknown key 'zzz'; known are name, size",
        ),
        ({"leaves": {}, "by_name": {}, "root": {}}, "f: leaves: found {}, wanted a list"),
        ({"leaves": [], "by_name": [], "root": {}}, "f: by_name: found [], wanted an object"),
        ({"leaves": [{"name": 1, "size": 1}], "by_name": {}, "root": {}}, "f: leaves[0].name: found 1, wanted text"),
        (
            {"leaves": [{"name": "a", "size": True}], "by_name": {}, "root": {}},
            "f: leaves[0].size: found True, wanted an integer",
        ),
        (
            {"leaves": [], "by_name": {"a": -1}, "root": {}},
            "f: by_name.a: found -1, wanted an integer in [0, 2**64)",
        ),
        (
            {"leaves": [], "by_name": {"a": 2**64}, "root": {}},
            f"f: by_name.a: found {2**64}, wanted an integer in [0, 2**64)",
        ),
        (
            {"leaves": ["x" * 100], "by_name": {}, "root": {}},
            f"f: leaves[0]: found '{'x' * 56}..., wanted an object",
        ),
    ],
)
def test_values_that_do_not_fit_are_named(value: object, message: str) -> None:
    with pytest.raises(MixError) as caught:
        bind(Tree, value, "f")
    assert str(caught.value) == message


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=300)
def test_the_form_is_that_of_the_standard_library(value: object) -> None:
    assert encode(value) == json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def test_a_dataclass_is_written_as_the_mapping_of_its_fields() -> None:
    assert encode(TREE) == encode(asdict(TREE))
