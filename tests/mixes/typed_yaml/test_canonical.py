"""The one way to write settings: equal values give equal bytes, and what is written binds again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixes.typed_yaml.binding import bind_text
from mixes.typed_yaml.canonical import canonical_json, resolved
from mixes.typed_yaml.fields import about


class Mood(StrEnum):
    """Texts of which one needs quotes."""

    GOOD = "good"
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Takes any other key."""

    name: str
    size: int = 5_000_000
    others: Mapping[str, tuple[float, ...]] = field(default_factory=dict, metadata=about("o", rest=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One field of each kind that is written."""

    items: tuple[Item, ...]
    mood: Mood = Mood.GOOD
    limit: float | None = None
    flag: bool = True
    named: Mapping[str, str] = field(default_factory=dict)


WHOLE = Settings(items=(Item(name="b", others={"z": (1.0, 1e-6)}),), mood=Mood.ON, named={"y": "no", "x": "é\n"})


def test_json_has_sorted_keys_no_spaces_and_ascii_only() -> None:
    assert canonical_json(WHOLE) == (
        b'{"flag":true,"items":[{"name":"b","size":5000000,"z":[1.0,1e-06]}],"limit":null,"mood":"on",'
        b'"named":{"x":"\\u00e9\\n","y":"no"}}'
    )
    assert canonical_json([(), {"b": 1, "a": None}]) == b'[[],{"a":null,"b":1}]'


def test_equal_settings_have_equal_json_whatever_the_order_of_their_mappings() -> None:
    assert canonical_json(Settings(items=(), named={"a": "1", "b": "2"})) == canonical_json(
        Settings(items=(), named={"b": "2", "a": "1"})
    )


def test_json_of_what_is_no_setting_is_our_mistake() -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": b"bytes"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_yaml_writes_every_default_and_groups_digits() -> None:
    assert resolved(WHOLE).decode() == (
        "items:\n- name: b\n  size: 5_000_000\n  z:\n  - 1.0\n  - 1.0e-06\n"
        "mood: 'on'\nlimit: null\nflag: true\nnamed:\n  y: 'no'\n  x: \"é\\n\"\n"
    )


def test_yaml_writes_equal_values_out_each_time() -> None:
    item = Item(name="a", others={"z": (1.0,)})
    text = resolved(Settings(items=(item, item))).decode()
    assert "&" not in text
    assert "*" not in text


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
items = st.builds(
    Item,
    name=texts,
    size=st.integers(-(2**63), 2**63 - 1),
    others=st.dictionaries(
        texts.filter(lambda key: key not in {"name", "size"}),
        st.lists(st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0), max_size=2).map(tuple),
        max_size=2,
    ),
)


@given(
    st.builds(
        Settings,
        items=st.lists(items, max_size=3).map(tuple),
        mood=st.sampled_from(Mood),
        limit=st.none() | st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
        flag=st.booleans(),
        named=st.dictionaries(texts, texts, max_size=3),
    )
)
def test_what_is_written_binds_again_to_equal_settings_and_equal_bytes(value: Settings) -> None:
    text = resolved(value).decode()
    again = bind_text(Settings, text, "resolved").value
    assert again == value
    assert resolved(again).decode() == text
    assert yaml.safe_load(text)["flag"] is value.flag
    assert hashlib.sha256(canonical_json(again)).digest() == hashlib.sha256(canonical_json(value)).digest()
