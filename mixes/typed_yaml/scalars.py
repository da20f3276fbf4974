"""What one scalar of YAML gives for the kind of value that is wanted, or why it gives none.

The kind decides, not YAML 1.1: `3e-4` is a number where a number is wanted (YAML calls it text), and `010`, `1:30`,
`yes` and `no`, which YAML turns into 8, 90, true and false, are refused with what to write instead.
"""

import difflib
import math
import re
from collections.abc import Sequence

import yaml

from mixes.typed_yaml.fields import Choice, Kind, ListOf, Null, Number, OneOf, Record, Text, Truth, keys_of
from mixes.typed_yaml.nodes import is_plain, is_text, meaning_of, shortened

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)")
_NUMBER = re.compile(r"[-+]?([0-9]+(_[0-9]+)*(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_COMMAS = re.compile(r"[-+]?[0-9]{1,3}(,[0-9]{3})+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_MAX_DIGITS = 40


class WrongScalarError(Exception):
    """A scalar that is not of the wanted kind; the message is a hint for its writer, or ""."""


def scalar_value(kind: Kind, node: yaml.ScalarNode) -> object:
    """Return what a scalar gives for a kind.

    Raises:
        WrongScalarError: it gives nothing.
    """
    if is_plain(node) and not node.value:
        raise WrongScalarError("write a value, or leave the key out")
    match kind:
        case OneOf():
            return _first_value(kind.kinds, node)
        case ListOf() if kind.single:
            return (scalar_value(kind.item, node),)
        case Text():
            return _text_value(kind, node)
        case Choice():
            return _choice_value(kind, node)
        case Number():
            return _number_value(kind, node)
        case Truth():
            return _truth_value(node)
        case Null() if is_plain(node) and meaning_of(node) == "null":
            return None
        case Record() if is_text(node):
            raise WrongScalarError(_in_full(kind, node))
    raise WrongScalarError


def _in_full(kind: Record, node: yaml.ScalarNode) -> str:
    """Return how the mapping is written that a bare text was most likely meant to be; "" where nobody could say."""
    hints = (
        f"{key.about.bare} is written `- {key.name}: {shortened(node.value)}`"
        for key in keys_of(kind.cls)
        if key.about.bare
    )
    return next(hints, "")


def _first_value(kinds: Sequence[Kind], node: yaml.ScalarNode) -> object:
    hints = []
    for kind in kinds:
        try:
            return scalar_value(kind, node)
        except WrongScalarError as error:
            hints.append(str(error))
    raise WrongScalarError(next(filter(None, hints), ""))


def _text_value(kind: Text, node: yaml.ScalarNode) -> str:
    if not is_text(node):
        raise WrongScalarError(f'write it in quotes: "{shortened(node.value)}"')
    if kind.pattern is not None and not re.fullmatch(kind.pattern, node.value):
        raise WrongScalarError
    return str(node.value)


def _choice_value(kind: Choice, node: yaml.ScalarNode) -> str:
    if node.value not in kind.values:
        near = difflib.get_close_matches(node.value[:100], kind.values, n=1)
        raise WrongScalarError(f"did you mean '{near[0]}'?" if near else "")
    if not is_text(node):
        raise WrongScalarError(f'write it in quotes: "{node.value}"')
    return kind.make(node.value)


def _truth_value(node: yaml.ScalarNode) -> bool:
    word = node.value.lower()
    if is_plain(node) and word in ("true", "false"):
        return bool(word == "true")
    if word in ("yes", "on", "true"):
        raise WrongScalarError("write true")
    if word in ("no", "off", "false"):
        raise WrongScalarError("write false")
    raise WrongScalarError


def _number_value(kind: Number, node: yaml.ScalarNode) -> float:
    text = str(node.value)
    if len(text) > _MAX_DIGITS:
        raise WrongScalarError
    if _COMMAS.fullmatch(text):
        raise WrongScalarError(f"write {text.replace(',', '_')}")
    if not _NUMBER.fullmatch(text):
        raise WrongScalarError
    if not is_plain(node):
        raise WrongScalarError(f"write {text} without quotes")
    value = _whole_value(text) if kind.whole else float(text) + 0.0  # -0.0 + 0.0 is 0.0: one number, one fingerprint
    if not math.isfinite(value) or not kind.holds(value):
        raise WrongScalarError
    return value


def _whole_value(text: str) -> int:
    if _LEADING_ZERO.fullmatch(text):
        raise WrongScalarError("a zero in front makes a number octal in YAML; write it without")
    if not _WHOLE.fullmatch(text):
        value = float(text)
        if "e" in text.lower() and abs(value) < 2**63 and value.is_integer():
            raise WrongScalarError(f"{text} is no whole number in YAML; write {int(value):_}")
        raise WrongScalarError
    whole = int(text)
    if not -(2**63) <= whole < 2**63:
        raise WrongScalarError("a number has at most 64 bits")
    return whole
