"""Canonical JSON of frozen dataclasses: the form of the manifest and of the ledger.

One record has one form, byte for byte: keys sorted, one space of indentation, UTF-8, a newline at the end. Numbers are
integers in [0, 2**64), or in [-2**63, 2**63) where a field says so; there are no floats, no nulls and no booleans.
Reading is strict and names the place.
"""

import dataclasses
import difflib
import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from mixes.errors import MixError

T = TypeVar("T")

Signed: TypeAlias = Annotated[int, "may be below 0"]
"""A field of this type may hold a number below 0."""

_RANGES: Mapping[Any, tuple[int, int, str]] = {
    int: (0, 2**64, "[0, 2**64)"),
    Signed: (-(2**63), 2**63, "[-2**63, 2**63)"),
}


def encode(value: object) -> bytes:
    """Return the canonical JSON of dataclasses, lists and mappings of text, integers, truth and None.

    It is what `json.dumps` gives with sorted keys and one space of indentation, many times as fast.
    """
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def decode(data: bytes, place: str) -> dict[str, Any]:
    """Return the mapping that JSON holds; unknown numbers, repeated keys and anything but a mapping are refused.

    Raises:
        MixError: the data is no such JSON.
    """

    def refuse(text: str) -> NoReturn:
        raise ValueError(f"found the number {text}, wanted integers")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            keys = [key for key, _ in pairs]
            raise ValueError(f"found the key {next(key for key in keys if keys.count(key) > 1)!r} twice")
        return mapping

    try:
        value = json.loads(data, object_pairs_hook=unique, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise MixError(f"{place}: cannot be read as JSON: {error}; build the mix again") from error
    if not isinstance(value, dict):
        raise MixError(f"{place}: found a {type(value).__name__}, wanted one object")
    return value


def bind(kind: type[T], value: object, place: str, key: str = "") -> T:
    """Return a decoded value as the dataclass, tuple, dict, str or int that `kind` says.

    Args:
        kind: a dataclass, `tuple[X, ...]`, `dict[str, X]`, `str`, `int` or `Signed`.
        value: what `decode` gave.
        place: the file, for messages.
        key: where in the file the value stands, such as `sources[0].parts[2]`.

    Raises:
        MixError: a key is unknown or missing, or a value has another type or lies outside its range.
    """
    bound: Any  # mypy cannot follow a type that is data
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        _check_keys(kind, value, place, key)
        assert isinstance(value, dict)
        hints = _hints(kind)
        bound = kind(**{name: bind(hints[name], item, place, _join(key, name)) for name, item in value.items()})
    elif origin is tuple:
        items = _require(list, value, place, key)
        bound = tuple(bind(get_args(kind)[0], item, place, f"{key}[{i}]") for i, item in enumerate(items))
    elif origin is dict:
        mapping = _require(dict, value, place, key)
        bound = {name: bind(get_args(kind)[1], item, place, _join(key, name)) for name, item in mapping.items()}
    elif kind in _RANGES:
        bound = _require(int, value, place, key)
        low, end, in_words = _RANGES[kind]
        if not low <= bound < end:
            raise MixError(f"{place}: {key}: found {bound}, wanted an integer in {in_words}")
    else:
        assert kind is str, f"no record has a field of type {kind}"
        bound = _require(str, value, place, key)
    return bound  # type: ignore[no-any-return]  # it is what `kind` says


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _require(kind: type[T], value: object, place: str, key: str) -> T:
    """Return the value when it has exactly this type: True is no integer."""
    if type(value) is not kind:
        raise MixError(f"{place}: {key}: found {_describe(value)}, wanted {_NAMES[kind]}")
    return value


def _check_keys(kind: type, value: object, place: str, key: str) -> None:
    """Refuse anything but a mapping with exactly the fields of the dataclass."""
    prefix = f"{place}: {key}" if key else place
    if not isinstance(value, dict):
        raise MixError(f"{prefix}: found {_describe(value)}, wanted an object")
    names = [field.name for field in dataclasses.fields(kind)]
    for name in value:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(names))}"
            raise MixError(f"{prefix}: unknown key {name!r}{hint}")
    missing = [name for name in names if name not in value]
    if missing:
        raise MixError(f"{prefix}: missing {', '.join(repr(name) for name in missing)}")


def _describe(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_NAMES: Mapping[type, str] = {str: "text", int: "an integer", list: "a list", dict: "an object"}
