"""Fields of settings: what a key of a YAML file may hold, read from the annotations of a dataclass.

Settings are frozen dataclasses whose fields say what they mean with `about`. `mixes/typed_yaml/binding.py` binds YAML
to them, `mixes/schema.py` describes them for editors; both see a dataclass only as the tuple of keys that `keys_of`
gives.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

KeyPath = tuple[str | int, ...]
"""Where a value lies below the top of a file: `("sources", 2, "proportion")`."""


FoundProblem = tuple[KeyPath, str]
"""What a check of settings found: the way to the key at fault, and what was found and wanted there."""


class SettingError(ValueError):
    """Values that bind but cannot be carried out; a settings dataclass raises it in `__post_init__`.

    The paths lead from the dataclass that raises to the keys at fault; the binder adds the file and the places.
    """

    def __init__(self, path: str | KeyPath, message: str) -> None:
        super().__init__(message)
        self.problems: tuple[FoundProblem, ...] = (((path,) if isinstance(path, str) else path, message),)

    @classmethod
    def of(cls, problems: Sequence[FoundProblem]) -> "SettingError":
        """Return one error of several problems, at least one."""
        error = cls((), "\n".join(message for _, message in problems))
        error.problems = tuple(problems)
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a field beyond its type; `about` makes it."""

    doc: str
    at_least: float | None
    at_most: float | None
    above: float | None
    pattern: str | None
    form: str | None
    min_items: int
    single: bool
    rest: bool
    late: bool
    place: bool
    bare: str | None


def about(
    doc: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    pattern: str | None = None,
    form: str | None = None,
    min_items: int = 0,
    single: bool = False,
    rest: bool = False,
    late: bool = False,
    place: bool = False,
    bare: str | None = None,
) -> dict[str, About]:
    """Return the metadata of a settings field: `tokens: int = field(default=5, metadata=about("...", at_least=1))`.

    Args:
        doc: what the key means, with its unit; shown by editors and in the docs.
        at_least: smallest number allowed. In a list or mapping, bounds and pattern hold for each item.
        at_most: largest number allowed.
        above: bound that the number must exceed: `above=0, at_most=1` is (0, 1].
        pattern: regular expression that a text (or the keys of a mapping) must match as a whole.
        form: the pattern in words.
        min_items: fewest items of a list.
        single: a lone item stands for a list of one.
        rest: the field, a mapping, takes the keys that no other field of its dataclass has.
        late: the key counts when a mix is assembled and not before: no measure, verdict or part depends on it.
        place: the text, or each of a list, is a path, glob or URI.
        bare: what a text was most likely meant to be where the whole mapping is wanted; the message says how it is
            written with this key.
    """
    return {
        "about": About(
            doc=doc,
            at_least=at_least,
            at_most=at_most,
            above=above,
            pattern=pattern,
            form=form,
            min_items=min_items,
            single=single,
            rest=rest,
            late=late,
            place=place,
            bare=bare,
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text."""

    pattern: str | None
    form: str | None

    def wanted(self) -> str:
        """Return what a person should write."""
        return self.form or ("text" if self.pattern is None else f"text of the form {self.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number; a whole one has at most 64 bits."""

    whole: bool
    at_least: float | None
    at_most: float | None
    above: float | None

    def wanted(self) -> str:
        """Return what a person should write, with the range."""
        return ("a whole number" if self.whole else "a number") + self.range()

    def range(self) -> str:
        """Return the range in words, "" where there is none."""
        low = self.above if self.above is not None else self.at_least
        if low is not None and self.at_most is not None:
            return f" in {'(' if self.above is not None else '['}{low:,}, {self.at_most:,}]"
        if low is not None:
            return f" above {low:,}" if self.above is not None else f" of at least {low:,}"
        return f" of at most {self.at_most:,}" if self.at_most is not None else ""

    def holds(self, value: float) -> bool:
        """Return True where the value lies in the range."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """True or false."""

    def wanted(self) -> str:
        """Return what a person should write."""
        return "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """The absence of a value, written out."""

    def wanted(self) -> str:
        """Return what a person should write."""
        return "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several texts; `make` turns it into the value (a member of a StrEnum, or the text itself)."""

    values: tuple[str, ...]
    make: type[str]

    def wanted(self) -> str:
        """Return the texts to choose from."""
        return self.values[0] if len(self.values) == 1 else "one of " + ", ".join(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list of items of one kind."""

    item: "Kind"
    min_items: int
    single: bool

    def wanted(self) -> str:
        """Return what a person should write."""
        alone = f"{self.item.wanted()} or " if self.single else ""
        return alone + (f"a list of {self.min_items} or more" if self.min_items else "a list")


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping whose keys the file chooses."""

    value: "Kind"
    keys: Text

    def wanted(self) -> str:
        """Return what a person should write."""
        return "a mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with the keys of a settings dataclass."""

    cls: type[Any]  # Any: every settings dataclass

    def wanted(self) -> str:
        """Return what a person should write."""
        return "a mapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Any of several kinds; of records, the one whose `telling_key` is present."""

    kinds: tuple["Kind", ...]

    def wanted(self) -> str:
        """Return what a person should write."""
        return " or ".join(dict.fromkeys(kind.wanted() for kind in self.kinds))


Kind = Text | Number | Truth | Null | Choice | ListOf | MapOf | Record | OneOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a settings dataclass."""

    name: str
    kind: Kind
    about: About
    required: bool
    default: object  # dataclasses.MISSING where it is required


def keys_of(cls: type) -> tuple[Key, ...]:
    """Return the keys of a settings dataclass in the order of its fields.

    Raises:
        TypeError: a field has an annotation that YAML cannot fill; a mistake of ours.
    """
    return _keys_of(cls)


def telling_key(record: Record, records: Iterable[Record]) -> str:
    """Return the required key of a record that none of the other records has: it tells them apart.

    Raises:
        TypeError: there is no such key; a mistake of ours.
    """
    foreign = {key.name for other in records if other != record for key in keys_of(other.cls)}
    for key in keys_of(record.cls):
        if key.required and key.name not in foreign:
            return key.name
    raise TypeError(f"{record.cls.__name__} has no required key that tells it from the others")


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: `sources[2].proportion`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


@cache
def _keys_of(cls: type[Any]) -> tuple[Key, ...]:  # Any: every settings dataclass
    hints = get_type_hints(cls)
    return tuple(_key(field, hints[field.name]) for field in dataclasses.fields(cls))


def _key(field: dataclasses.Field[Any], hint: object) -> Key:  # Any: a value of any type
    known: About = field.metadata.get("about") or about("")["about"]
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    kind = _kind_of(hint, known)
    return Key(name=field.name, kind=kind, about=known, required=default is dataclasses.MISSING, default=default)


def _kind_of(hint: object, known: About) -> Kind:
    arguments = get_args(hint)
    if isinstance(hint, type) and not arguments:
        return _kind_of_class(hint, known)
    origin = get_origin(hint)
    if origin is Literal and all(isinstance(value, str) for value in arguments):
        return Choice(values=arguments, make=str)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return ListOf(item=_kind_of(arguments[0], known), min_items=known.min_items, single=known.single)
    if origin is Mapping and arguments[0] is str:
        return MapOf(value=_kind_of(arguments[1], known), keys=Text(pattern=known.pattern, form=known.form))
    if origin in (Union, UnionType):
        return OneOf(kinds=tuple(_kind_of(argument, known) for argument in arguments))
    raise TypeError(f"YAML cannot fill a field of type {hint}")


def _kind_of_class(hint: type, known: About) -> Kind:
    if hint is bool:
        return Truth()
    if hint in (int, float):
        return Number(whole=hint is int, at_least=known.at_least, at_most=known.at_most, above=known.above)
    if hint is str:
        return Text(pattern=known.pattern, form=known.form)
    if hint is NoneType:
        return Null()
    if issubclass(hint, StrEnum):
        return Choice(values=tuple(member.value for member in hint), make=hint)
    if dataclasses.is_dataclass(hint):
        return Record(cls=hint)
    raise TypeError(f"YAML cannot fill a field of type {hint}")
