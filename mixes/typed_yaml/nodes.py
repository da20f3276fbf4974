"""YAML as a closed language: one document of mappings, lists and scalars, and what was found in words.

Anchors, merge keys, tags and further documents are refused with their place, so that a file says what it says where it
says it. The YAML library never constructs an object: `compose` gives its node graph, each node with its position.
"""

from collections.abc import Sequence

import yaml

from mixes.errors import SpecError
from mixes.typed_yaml.fields import KeyPath, dotted

MAX_LENGTH = 1 << 20
"""A longer text is refused: a spec of a thousand sources has half of it, and the parser reads 300 kB a second."""
MAX_DEPTH = 32
"""Mappings and lists inside each other; the deepest spec has seven."""
MAX_NODES = 100_000
"""Mappings, lists and scalars in all; a source has about thirty."""
MAX_PROBLEMS = 20
"""Problems listed of one file; the rest are counted."""

Position = tuple[int, int]
"""Line and column, both from 1."""
Problem = tuple[Position, KeyPath, str]
"""Where, at which key, and what was found and wanted."""

_REMEDIES = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", "put a value that begins with a mark in quotes"),
    ("scanning an alias", "put a value that begins with * in quotes"),
    ("scanning an anchor", "put a value that begins with & in quotes"),
    ("mapping values are not allowed here", "put a value that holds ': ' in quotes, and indent keys alike"),
    ("parsing a flow node", "close every bracket, and put a value between commas"),
    ("parsing a flow", "close the bracket that line {line} opens, and put commas between its items"),
    ("quoted scalar", "close the quote that line {line} opens"),
    ("found '<scalar>'", "put a value that begins with {{, [ or a quote wholly in quotes, and indent keys alike"),
    ("expected <block end>", "indent the keys of one mapping, and the items of one list, alike"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
)
"""What is mostly meant where the parser says so: words of its message and the remedy; {line} is where it began."""


def compose(text: str, place: str) -> yaml.Node:
    """Return the top node of a YAML text; `place` names the text in errors.

    Raises:
        SpecError: the text is not YAML, is too long or too deep, holds no or several documents, or what is refused.
    """
    if len(text) > MAX_LENGTH:
        raise SpecError(f"{place}: longer than {MAX_LENGTH:,} characters; settings are short, is this the right file?")
    composer = None
    try:
        composer = _Composer(text)
        return composer.compose_file()
    except _RefusedError as error:
        raise spec_error(place, [(error.position, (), str(error))]) from error
    except yaml.reader.ReaderError as error:
        message = f"character U+{ord(text[error.position]):04X} found, which YAML does not allow"
        raise spec_error(place, [(end_of(text[: error.position]), (), message)]) from error
    except yaml.MarkedYAMLError as error:
        message = "not YAML: " + ", ".join(filter(None, (error.context, error.problem))) + _remedy(error)
        raise spec_error(place, [(_position(error.problem_mark or error.context_mark), (), message)]) from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, a version of 5,000 digits
        position = _position(composer.get_mark() if composer else None)
        message = "not YAML: a number in an escape or a directive is out of range"
        raise spec_error(place, [(position, (), message)]) from error


def _remedy(error: yaml.MarkedYAMLError) -> str:
    """Return what mostly mends what the parser stumbled over; "" where nobody knows."""
    problem, context = error.problem or "", error.context or ""
    for found, remedy in _REMEDIES:
        if found in problem or found in context:
            opened = error.context_mark.line + 1 if error.context_mark else 1
            return f"; {remedy.format(line=opened)}"
    return ""


def spec_error(place: str, problems: Sequence[Problem]) -> SpecError:
    """Return one error that lists the problems of a file, a line each, in the order of the file."""
    lines = [
        f"{place}:{line}:{column}: " + (f"{dotted(path)}: " if path else "") + message
        for (line, column), path, message in sorted(problems, key=lambda problem: problem[0])[:MAX_PROBLEMS]
    ]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"{place}: and {len(problems) - MAX_PROBLEMS:,} more problems")
    return SpecError("\n".join(lines))


def position_of(node: yaml.Node) -> Position:
    """Return where a node begins."""
    return _position(node.start_mark)


def end_of(text: str) -> Position:
    """Return the position after the last character of a text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def is_plain(node: yaml.ScalarNode) -> bool:
    """Return True where a scalar stands without quotes."""
    return node.style is None


def is_text(node: yaml.ScalarNode) -> bool:
    """Return True where YAML reads a scalar as text."""
    return not is_plain(node) or meaning_of(node) in ("str", "value")


def meaning_of(node: yaml.ScalarNode) -> str:
    """Return what YAML reads a scalar as: str, int, float, bool, null, timestamp, merge or value."""
    return node.tag.rpartition(":")[2]


def found(node: yaml.Node) -> str:
    """Return what a node is, in words."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if not isinstance(node, yaml.ScalarNode):
        return "a list"
    if is_plain(node) and not node.value:
        return "nothing"
    if is_text(node):
        return quoted(node.value)
    meaning = meaning_of(node)
    if meaning == "bool" and node.value.lower() not in ("true", "false"):
        return f"{node.value} (which YAML reads as {'true' if node.value.lower() in ('yes', 'on') else 'false'})"
    if meaning == "timestamp":
        return f"{shortened(node.value)} (which YAML reads as a date)"
    return shortened(node.value)


def quoted(text: str) -> str:
    """Return a text of the file in quotes, on one line and not long."""
    return f"'{shortened(text)}'"


def shortened(text: str) -> str:
    """Return a text of the file on one line, its middle left out where it is long."""
    short = text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"
    return short if short.isprintable() else short.encode("unicode_escape").decode()


class _RefusedError(Exception):
    """YAML that the library understands and settings have no use for."""

    def __init__(self, event: yaml.Event, message: str) -> None:
        super().__init__(message)
        mark = event.start_mark
        self.position = _position(mark if isinstance(mark, yaml.Mark) else None)


class _Composer(yaml.SafeLoader):
    """Composes one document of nodes."""

    depth = 0
    num_nodes = 0

    def compose_file(self) -> yaml.Node:
        """Return the top node of the one document."""
        self.get_event()  # type: ignore[no-untyped-call]  # the start of the stream; the stubs lack types here
        if self.check_event(yaml.StreamEndEvent):
            raise _RefusedError(self._next_event(), "nothing found, wanted a mapping")
        node = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            raise _RefusedError(self._next_event(), "a second document begins here; a file holds one")
        assert node is not None
        return node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; called by the library for each."""
        event = self._next_event()
        refusal = _refusal(event)
        if refusal:
            raise _RefusedError(event, refusal)
        if self.depth == MAX_DEPTH:
            raise _RefusedError(event, f"more than {MAX_DEPTH} lists and mappings inside each other")
        if self.num_nodes == MAX_NODES:
            raise _RefusedError(event, f"more than {MAX_NODES:,} values; settings are short, is this the right file?")
        self.num_nodes += 1
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _next_event(self) -> yaml.Event:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs lack types here
        assert isinstance(event, yaml.Event)
        return event


def _refusal(event: yaml.Event) -> str:
    """Return why settings have no use for what begins here, "" where they do."""
    anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent):
        return f"alias *{shortened(str(anchor))} found; write the value out"
    if anchor is not None:
        return f"anchor &{shortened(anchor)} found; write the value out where it is wanted"
    if tag is not None:
        return f"tag {shortened(tag.replace('tag:yaml.org,2002:', '!!'))} found; write the value without it"
    return ""


def _position(mark: yaml.Mark | None) -> Position:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
