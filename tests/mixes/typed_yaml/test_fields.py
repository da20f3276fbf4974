"""Fields: which annotations YAML can fill, and what a person is told to write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import pytest

from mixes.typed_yaml.fields import (
    Choice,
    Kind,
    ListOf,
    MapOf,
    Null,
    Number,
    OneOf,
    Record,
    Text,
    Truth,
    about,
    dotted,
    keys_of,
    telling_key,
)

ANY_TEXT = Text(pattern=None, form=None)


class Size(StrEnum):
    """A choice."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Has a required key of its own."""

    value: int
    name: str = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Has none."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Every kind of field."""

    whole: int = field(metadata=about("how many", at_least=1, at_most=9))
    number: float = field(default=0.5, metadata=about("how much", above=0))
    text: str = field(default="a", metadata=about("what", pattern="a+", form="letters a"))
    truth: bool = True
    choice: Literal["one", "two"] = "one"
    size: Size = Size.SMALL
    optional: int | None = None
    many: tuple[str, ...] = field(default=(), metadata=about("all", min_items=2, single=True))
    named: Mapping[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=lambda: Inner(value=1))
    either: str | tuple[Inner | Other, ...] = ""


def test_each_annotation_gives_its_kind() -> None:
    kinds: dict[str, Kind] = {key.name: key.kind for key in keys_of(Outer)}
    number = Number(whole=False, at_least=None, at_most=None, above=None)
    assert kinds == {
        "whole": Number(whole=True, at_least=1, at_most=9, above=None),
        "number": Number(whole=False, at_least=None, at_most=None, above=0),
        "text": Text(pattern="a+", form="letters a"),
        "truth": Truth(),
        "choice": Choice(values=("one", "two"), make=str),
        "size": Choice(values=("small", "large"), make=Size),
        "optional": OneOf(kinds=(Number(whole=True, at_least=None, at_most=None, above=None), Null())),
        "many": ListOf(item=ANY_TEXT, min_items=2, single=True),
        "named": MapOf(value=number, keys=ANY_TEXT),
        "inner": Record(cls=Inner),
        "either": OneOf(
            kinds=(
                ANY_TEXT,
                ListOf(item=OneOf(kinds=(Record(cls=Inner), Record(cls=Other))), min_items=0, single=False),
            )
        ),
    }


def test_a_key_is_required_where_its_field_has_no_default() -> None:
    assert [key.name for key in keys_of(Outer) if key.required] == ["whole"]
    assert {key.name: key.default for key in keys_of(Outer)}["inner"] == Inner(value=1)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("whole", "a whole number in [1, 9]"),
        ("number", "a number above 0"),
        ("text", "letters a"),
        ("truth", "true or false"),
        ("choice", "one of one, two"),
        ("optional", "a whole number or null"),
        ("many", "text or a list of 2 or more"),
        ("named", "a mapping"),
        ("inner", "a mapping"),
        ("either", "text or a list"),
    ],
)
def test_a_person_is_told_what_to_write(name: str, wanted: str) -> None:
    assert {key.name: key.kind.wanted() for key in keys_of(Outer)}[name] == wanted


@pytest.mark.parametrize(
    ("at_least", "at_most", "above", "words"),
    [
        (None, None, None, ""),
        (1, None, None, " of at least 1"),
        (None, 4096, None, " of at most 4,096"),
        (None, None, 0, " above 0"),
        (0, 0.5, None, " in [0, 0.5]"),
        (None, 1, 0, " in (0, 1]"),
    ],
)
def test_a_range_is_said_with_its_ends(
    at_least: float | None, at_most: float | None, above: float | None, words: str
) -> None:
    assert Number(whole=False, at_least=at_least, at_most=at_most, above=above).range() == words


@dataclass(frozen=True)
class Bytes:
    """No YAML for bytes."""

    value: bytes


@dataclass(frozen=True)
class Pair:
    """No YAML for a pair."""

    value: tuple[int, int]


@dataclass(frozen=True)
class Counted:
    """No YAML for numbered choices."""

    value: Literal[1, 2]


@pytest.mark.parametrize("cls", [Bytes, Pair, Counted])
def test_an_annotation_that_yaml_cannot_fill_is_our_mistake(cls: type) -> None:
    with pytest.raises(TypeError, match="YAML cannot fill a field of type"):
        keys_of(cls)


def test_records_are_told_apart_by_a_required_key_of_their_own() -> None:
    inner, other = Record(cls=Inner), Record(cls=Other)
    assert telling_key(inner, [inner, other]) == "value"
    with pytest.raises(TypeError, match="Other has no required key"):
        telling_key(other, [inner, other])


def test_a_path_is_written_as_people_do() -> None:
    assert dotted(()) == ""
    assert dotted(("sources", 2, "proportion")) == "sources[2].proportion"
