"""What a worker process measures and edits with: made when first needed, set up once, shared between sources."""

from typing import Any, TypeVar

import pyarrow as pa

from filters.batches import Batch
from filters.columns import TextColumn
from filters.definitions import MeasureGroup
from filters.edits import Editor, find_edits
from mixes.errors import DataError
from pipelines.settings import BuildSettings

Tool = TypeVar("Tool", MeasureGroup, Editor)

_READY: dict[tuple[type, str], Any] = {}  # of either type, by class and fingerprint
"""What was set up for this build, in this process or the one that it was forked from."""

_LINE = "One line of text, to see whether everything that looks at texts can look at this one."


class Tools:
    """The measure groups and editors of each source; equal ones are set up once, as a model may be large."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self._groups: dict[int, list[MeasureGroup]] = {}
        self._editors: dict[int, list[Editor]] = {}

    def __getstate__(self) -> BuildSettings:
        return self._settings  # what is set up stays in its process

    def __setstate__(self, settings: BuildSettings) -> None:
        Tools.__init__(self, settings)

    def groups(self, source: int) -> list[MeasureGroup]:
        """Return the measure groups of a source, set up.

        Raises:
            DataError: A model or a list is not what it should be.
        """
        if source not in self._groups:
            self._groups[source] = [self._set_up(group) for group in self._settings.groups(source)]
        return self._groups[source]

    def editors(self, source: int) -> list[Editor]:
        """Return the editors of a source in the order of its spec, set up.

        Raises:
            DataError: A file that one needs is not what it should be.
        """
        if source not in self._editors:
            self._editors[source] = [self._set_up(editor) for editor in self._settings.editors(source)]
        return self._editors[source]

    def _set_up(self, tool: Tool) -> Tool:
        key = (type(tool), tool.fingerprint())
        if key not in _READY:
            try:
                tool.setup()
            except ValueError as error:
                raise DataError(str(error)) from error
            _READY[key] = tool
        ready: Tool = _READY[key]
        return ready


def try_tools(settings: BuildSettings) -> list[tuple[int, str]]:
    """Set up all that a build measures and edits with, and try it on one line of text: the first that a build does.

    Returns:
        The source and what is wrong, for everything that cannot work; each problem once.
    """
    _READY.clear()  # of another build, which may have found equal ones in other places
    tools = Tools(settings)
    batch = Batch(TextColumn.from_arrow(pa.array([_LINE])), pa.array(["{}"]))
    problems: dict[str, int] = {}
    for source in range(len(settings.sources)):
        try:
            for group in tools.groups(source):
                group.measure(batch)
            find_edits(tools.editors(source), batch)
        except (DataError, ValueError) as error:
            problems.setdefault(str(error), source)
    return [(source, problem) for problem, source in problems.items()]
