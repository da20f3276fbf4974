"""The one way to write settings down: JSON for digests, YAML for people and for the next run."""

import dataclasses
import json
import math
from collections.abc import Mapping

import yaml

from mixes.typed_yaml.fields import keys_of


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value, for digests: keys sorted, no spaces, ASCII.

    Takes settings dataclasses, mappings with text keys, lists, tuples, text, whole and finite numbers, truth and None.

    Raises:
        TypeError: the value holds something else; a mistake of ours.
        ValueError: a number is not finite.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def resolved(settings: object) -> bytes:
    """Return a settings dataclass as YAML with every default written out; it binds again to equal settings."""
    text: str = yaml.dump(_plain(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return text.encode()


def without_late(settings: object) -> object:
    """Return a settings dataclass as plain lists and mappings, without the keys that count only in assembling."""
    return _plain(settings, with_late=False)


def _plain(value: object, *, with_late: bool = True) -> object:
    """Return a value as the plain lists and mappings that a file would give."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, object] = {}
        for key in keys_of(type(value)):
            if key.about.late and not with_late:
                continue
            part = _plain(getattr(value, key.name), with_late=with_late)
            plain.update(part if key.about.rest and isinstance(part, dict) else {key.name: part})
        return plain
    if isinstance(value, Mapping):
        return {key: _plain(part, with_late=with_late) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, with_late=with_late) for part in value]
    return str(value) if isinstance(value, str) else value  # a member of a StrEnum is its text


class _Dumper(yaml.SafeDumper):
    """Writes equal values out each time, and the digits of numbers in groups."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the library calls it so
        """Return True: nothing stands for a value written elsewhere."""
        return True


def _represent_int(dumper: _Dumper, value: int) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"{value:_}")


def _represent_str(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # Outside double quotes the library folds breaks such as U+0085 into spaces.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if value.isprintable() else '"')


_Dumper.add_representer(int, _represent_int)
_Dumper.add_representer(str, _represent_str)
