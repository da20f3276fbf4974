"""Binds YAML to settings dataclasses; every error names file, line, column and key.

Binding is closed and typed: a key that the dataclass lacks, a key given twice and a value of another kind are errors.
All problems of a file are reported at once: a dataclass is made of what could be read, and checked as far as that goes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

import yaml

from mixes.errors import SpecError
from mixes.typed_yaml.checks import is_unread, problems_of
from mixes.typed_yaml.fields import (
    FoundProblem,
    KeyPath,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    Record,
    SettingError,
    keys_of,
    telling_key,
)
from mixes.typed_yaml.nodes import (
    MAX_LENGTH,
    Position,
    Problem,
    compose,
    end_of,
    found,
    is_text,
    meaning_of,
    position_of,
    quoted,
    spec_error,
)
from mixes.typed_yaml.scalars import WrongScalarError, scalar_value

T = TypeVar("T")
_MOST_LISTED = 12
Check: TypeAlias = Callable[[T], Iterable[FoundProblem]]
"""Finds what is wrong with settings beyond what they find themselves; some of their values may be absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound(Generic[T]):
    """What a YAML file was bound to, and where in the file each of its values stands."""

    value: T
    place: str  # the file's name
    positions: Mapping[KeyPath, Position]

    def error(self, path: KeyPath, message: str) -> SpecError:
        """Return an error at the value of a path such as `("sources", 2, "proportion")`, to be raised.

        A key that the file leaves out has the place of the mapping it would stand in.
        """
        return self.errors([(path, message)])

    def errors(self, problems: Iterable[FoundProblem]) -> SpecError:
        """Return one error that lists several problems, a line each, in the order of the file."""
        return spec_error(self.place, [(_position(self.positions, path), path, message) for path, message in problems])


def bind_file(
    cls: type[T], path: str | Path, check: Check[T] | None = None, check_refused: Check[T] | None = None
) -> Bound[T]:
    """Return the settings that a YAML file holds: `bind_file(TrainConfig, "runs/small.yaml").value`.

    The dataclass is frozen, with slots and keyword-only fields of these types: int, float, bool, str, `Literal` of
    texts, StrEnum, `T | None`, `tuple[T, ...]`, `Mapping[str, T]`, other such dataclasses, and unions of dataclasses
    told apart by a required key. `about` (in `mixes/typed_yaml/fields.py`) gives a field its doc, bounds and pattern;
    `__post_init__` raises `SettingError` for what only several fields together can show. Later checks (a file that is
    missing, figures that do not add up) report through `Bound.error` at the place of the key.

    Args:
        cls: the dataclass.
        path: the file.
        check: finds more problems.
        check_refused: finds yet more, where there are some already: what would otherwise be seen by a later step.

    Raises:
        SpecError: the file cannot be read or does not say what the dataclass wants; all problems found, a line each.
    """
    place = str(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_LENGTH + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SpecError(f"{place}: {getattr(error, 'strerror', None) or error}; wanted a YAML file") from error
    if len(content) > MAX_LENGTH:
        raise SpecError(f"{place}: longer than {MAX_LENGTH:,} bytes; settings are short, is this the right file?")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        message = f"byte {content[error.start]:#04x} found, wanted UTF-8"
        raise spec_error(place, [(end_of(content[: error.start].decode()), (), message)]) from error
    return bind_text(cls, text, place, check, check_refused)


def bind_text(
    cls: type[T], text: str, place: str, check: Check[T] | None = None, check_refused: Check[T] | None = None
) -> Bound[T]:
    """Return the settings that a YAML text holds; `place` names the text in errors. See `bind_file`.

    Raises:
        SpecError: the text does not say what the dataclass wants; all problems found, a line each.
    """
    binder = _Binder()
    value = binder.bind(Record(cls=cls), compose(text, place), ())
    if isinstance(value, cls):
        if check is not None:
            binder.note((), problems_of(check(value)))
        if check_refused is not None and binder.problems:
            binder.note((), problems_of(check_refused(value)))
    if binder.problems:
        raise spec_error(place, binder.problems)
    assert isinstance(value, cls)
    return Bound(value=value, place=place, positions=binder.positions)


def nearest(word: str, known: Iterable[str], elsewhere: str | None = None) -> str:
    """Return "; did you mean 'x'?" with the known words that hold it or the nearest, or "; known: ..." without any.

    Args:
        word: what was found.
        known: what there is.
        elsewhere: what to say instead of listing the known words where they are many: where to read of them.
    """
    words = sorted(known)
    near = get_close_matches(word[:100], words, n=1, cutoff=0.85)
    holding = [each for each in words if len(word) > 1 and word in each][:6]
    if not near and len(holding) > 1:
        return f"; did you mean one of {', '.join(holding)}?"
    near = near or get_close_matches(word[:100], words, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; {elsewhere}" if elsewhere and len(words) > _MOST_LISTED else f"; known: {', '.join(words) or 'none'}"


class _Failed:
    """Stands for a value that could not be bound; its problem is noted."""


_FAILED: Final = _Failed()
_Entries = dict[str, tuple[yaml.Node, yaml.Node]]


class _Binder:
    """Walks the nodes of one file; holds the place of each value and every problem found.

    A mapping with problems gives a dataclass that lacks what could not be read.
    """

    def __init__(self) -> None:
        self.positions: dict[KeyPath, Position] = {}
        self.problems: list[Problem] = []

    def bind(self, kind: Kind, node: yaml.Node, path: KeyPath) -> object:
        """Return the value of a node, or _FAILED after noting why there is none."""
        self.positions[path] = position_of(node)
        options = kind.kinds if isinstance(kind, OneOf) else (kind,)
        if isinstance(node, yaml.ScalarNode):
            try:
                return scalar_value(kind, node)
            except WrongScalarError as hint:
                remedy = f"; {hint}" if str(hint) else ""
                return self._fail(node, path, f"found {found(node)}, wanted {kind.wanted()}{remedy}")
        if isinstance(node, yaml.SequenceNode):
            for option in options:
                if isinstance(option, ListOf):
                    return self._list(option, node, path)
        if isinstance(node, yaml.MappingNode):
            records = tuple(option for option in options if isinstance(option, Record))
            if records:
                return self._record(records, node, path)
            for option in options:
                if isinstance(option, MapOf):
                    return self._mapping(option, node, path)
        return self._fail(node, path, f"found {found(node)}, wanted {kind.wanted()}")

    def note(self, path: KeyPath, problems: Iterable[FoundProblem]) -> None:
        """Note problems whose ways begin at a path."""
        for rest, message in problems:
            where = (*path, *rest)
            self.problems.append((_position(self.positions, where), where, message))

    def _fail(self, node: yaml.Node, path: KeyPath, message: str) -> _Failed:
        self.problems.append((position_of(node), path, message))
        return _FAILED

    def _list(self, kind: ListOf, node: yaml.SequenceNode, path: KeyPath) -> object:
        items = [self.bind(kind.item, item, (*path, index)) for index, item in enumerate(node.value)]
        if len(items) < kind.min_items:
            return self._fail(node, path, f"found a list of {len(items)}, wanted {kind.wanted()}")
        options = kind.item.kinds if isinstance(kind.item, OneOf) else (kind.item,)
        record = next((option for option in options if isinstance(option, Record)), None)
        if record is not None:  # what is no mapping stands as one of which nothing could be read
            return tuple(object.__new__(record.cls) if item is _FAILED else item for item in items)
        return _FAILED if any(item is _FAILED for item in items) else tuple(items)

    def _mapping(self, kind: MapOf, node: yaml.MappingNode, path: KeyPath) -> object:
        values = {}
        for name, (key, value) in self._entries(node, path).items():
            if kind.keys.pattern is not None and not re.fullmatch(kind.keys.pattern, name):
                self._fail(key, path, f"found {quoted(name)} as a key, wanted {kind.keys.wanted()}")
            values[name] = self.bind(kind.value, value, (*path, name))
        return _FAILED if any(value is _FAILED for value in values.values()) else values

    def _record(self, records: tuple[Record, ...], node: yaml.MappingNode, path: KeyPath) -> object:
        entries = self._entries(node, path)
        record = records[0]
        if len(records) > 1:
            told = {telling_key(option, records): option for option in records}
            present = [name for name in told if name in entries]
            if len(present) != 1:
                names = " and ".join(f"'{name}'" for name in present or told)
                return self._fail(node, path, f"keys {names} {'found' if present else 'missing'}, wanted one of them")
            record = told[present[0]]
        return self._made(record, self._fields(record, entries, node, path), path)

    def _fields(self, record: Record, entries: _Entries, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        """Return the values of a dataclass's fields, _FAILED where they could not be read; problems are noted."""
        keys = {key.name: key for key in keys_of(record.cls) if not key.about.rest}
        rest = next((key for key in keys_of(record.cls) if key.about.rest), None)
        values: dict[str, object] = {}
        others: dict[str, object] = {}
        for name, (key_node, value_node) in entries.items():
            if name in keys:
                values[name] = self.bind(keys[name].kind, value_node, (*path, name))
            elif rest is not None and isinstance(rest.kind, MapOf):
                others[name] = self.bind(rest.kind.value, value_node, (*path, name))
            else:
                self._fail(key_node, path, f"unknown key {quoted(name)}{nearest(name, keys)}")
                absent = [each for each in keys if each not in entries]
                values |= dict.fromkeys(get_close_matches(name[:100], absent, n=1), _FAILED)  # what it may stand for
        for key in keys.values():
            if key.required and key.name not in values:
                values[key.name] = self._fail(node, path, f"key '{key.name}' is missing, wanted {key.kind.wanted()}")
            elif key.name not in values:
                values[key.name] = key.default
        if rest is not None:
            values[rest.name] = _FAILED if any(value is _FAILED for value in others.values()) else others
        return values

    def _made(self, record: Record, values: Mapping[str, object], path: KeyPath) -> object:
        """Return a dataclass with the values that could be read, checked as far as they go."""
        made = object.__new__(record.cls)
        for name, value in values.items():
            if value is not _FAILED:
                object.__setattr__(made, name, value)
        try:
            getattr(made, "__post_init__", lambda: None)()
        except SettingError as error:
            self.note(path, error.problems)
        except AttributeError as error:
            if not is_unread(error):
                raise
        return made

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> _Entries:
        """Return the entries of a mapping by key; problems with keys are noted."""
        entries: _Entries = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fail(key, path, f"found {found(key)} as a key, wanted text")
            elif meaning_of(key) == "merge":
                self._fail(key, path, "merge key << found; write the keys out where they are wanted")
            elif not is_text(key):
                self._fail(key, path, f'found {found(key)} as a key, wanted text; write it in quotes: "{key.value}"')
            elif key.value in entries:
                line, _ = position_of(entries[key.value][0])
                self._fail(key, path, f"key {quoted(key.value)} found again; it stands in line {line} already")
            else:
                entries[key.value] = (key, value)
        return entries


def _position(positions: Mapping[KeyPath, Position], path: KeyPath) -> Position:
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, (1, 1))
