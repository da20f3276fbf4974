"""Scalars: what each kind takes, and the hint it gives for what it does not take."""

import math
from enum import StrEnum

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixes.typed_yaml.fields import Choice, Kind, ListOf, Null, Number, OneOf, Text, Truth
from mixes.typed_yaml.nodes import compose
from mixes.typed_yaml.scalars import WrongScalarError, scalar_value

TEXT = Text(pattern=None, form=None)
WHOLE = Number(whole=True, at_least=None, at_most=None, above=None)
NUMBER = Number(whole=False, at_least=None, at_most=None, above=None)
OPTIONAL_WHOLE = OneOf(kinds=(WHOLE, Null()))


class Color(StrEnum):
    """Texts of which one needs quotes."""

    RED = "red"
    NO_COLOR = "off"


COLOR = Choice(values=("red", "off"), make=Color)


def value_of(kind: Kind, text: str) -> object:
    node = compose(f"- {text}", "a.yaml").value[0]
    assert isinstance(node, yaml.ScalarNode)
    return scalar_value(kind, node)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TEXT, "abc", "abc"),
        (TEXT, "'no'", "no"),
        (TEXT, '""', ""),
        (TEXT, '"12"', "12"),
        (TEXT, "5e10", "5e10"),
        (TEXT, "=", "="),
        (Text(pattern="a+", form=None), "aa", "aa"),
        (WHOLE, "0", 0),
        (WHOLE, "-17", -17),
        (WHOLE, "+17", 17),
        (WHOLE, "50_000_000_000", 50_000_000_000),
        (WHOLE, str(2**63 - 1), 2**63 - 1),
        (WHOLE, str(-(2**63)), -(2**63)),
        (NUMBER, "1", 1.0),
        (NUMBER, "0.5", 0.5),
        (NUMBER, ".5", 0.5),
        (NUMBER, "1_000.5", 1000.5),
        (NUMBER, "3e-4", 0.0003),
        (NUMBER, "1.0e-6", 1e-6),
        (Number(whole=False, at_least=None, at_most=1, above=0), "1", 1.0),
        (Number(whole=True, at_least=3, at_most=None, above=None), "3", 3),
        (Truth(), "true", True),
        (Truth(), "False", False),
        (OPTIONAL_WHOLE, "null", None),
        (OPTIONAL_WHOLE, "~", None),
        (OPTIONAL_WHOLE, "4", 4),
        (COLOR, "red", Color.RED),
        (COLOR, "'off'", Color.NO_COLOR),
        (ListOf(item=TEXT, min_items=1, single=True), "abc", ("abc",)),
    ],
)
def test_a_scalar_of_the_wanted_kind_gives_its_value(kind: Kind, text: str, value: object) -> None:
    given_value = value_of(kind, text)
    assert given_value == value
    assert type(given_value) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (TEXT, "12", 'write it in quotes: "12"'),
        (TEXT, "no", 'write it in quotes: "no"'),
        (TEXT, "null", 'write it in quotes: "null"'),
        (TEXT, "2024-01-01", 'write it in quotes: "2024-01-01"'),
        (TEXT, "", "write a value, or leave the key out"),
        (Text(pattern="a+", form=None), "ab", ""),
        (WHOLE, "abc", ""),
        (WHOLE, "2.0", ""),
        (WHOLE, "true", ""),
        (WHOLE, "null", ""),
        (WHOLE, "'12'", "write 12 without quotes"),
        (WHOLE, "5e10", "5e10 is no whole number in YAML; write 50_000_000_000"),
        (WHOLE, "5e-1", ""),
        (WHOLE, "5e300", ""),
        (WHOLE, "4,000,000", "write 4_000_000"),
        (WHOLE, "010", "a zero in front makes a number octal in YAML; write it without"),
        (WHOLE, "0x10", ""),
        (WHOLE, "1:30", ""),
        (WHOLE, "1__0", ""),
        (WHOLE, str(2**63), "a number has at most 64 bits"),
        (WHOLE, "9" * 5000, ""),
        (NUMBER, ".nan", ""),
        (NUMBER, ".inf", ""),
        (NUMBER, "1e999", ""),
        (NUMBER, "yes", ""),
        (Number(whole=False, at_least=None, at_most=1, above=0), "0", ""),
        (Number(whole=False, at_least=None, at_most=1, above=0), "1.0000001", ""),
        (Number(whole=True, at_least=3, at_most=None, above=None), "2", ""),
        (Truth(), "yes", "write true"),
        (Truth(), "OFF", "write false"),
        (Truth(), "'true'", "write true"),
        (Truth(), "1", ""),
        (Null(), "'null'", ""),
        (OPTIONAL_WHOLE, "", "write a value, or leave the key out"),
        (OPTIONAL_WHOLE, "5e10", "5e10 is no whole number in YAML; write 50_000_000_000"),
        (COLOR, "rad", "did you mean 'red'?"),
        (COLOR, "xyz", ""),
        (COLOR, "off", 'write it in quotes: "off"'),
        (ListOf(item=TEXT, min_items=1, single=False), "abc", ""),
    ],
)
def test_another_scalar_is_refused_with_a_hint(kind: Kind, text: str, hint: str) -> None:
    with pytest.raises(WrongScalarError) as error:
        value_of(kind, text)
    assert str(error.value) == hint


def test_minus_zero_is_zero() -> None:
    value = value_of(NUMBER, "-0.0")
    assert isinstance(value, float)
    assert math.copysign(1, value) == 1


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_whole_number_of_64_bits_is_read_with_and_without_groups(number: int) -> None:
    assert value_of(WHOLE, str(number)) == number
    assert value_of(WHOLE, f"{number:_}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_python_writes_it(number: float) -> None:
    assert value_of(NUMBER, repr(number)) == number
