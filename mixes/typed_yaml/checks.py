"""Checks that find every problem of a file at once, those of settings beside others that could not be read too.

A value that could not be read is absent from its dataclass while the file is bound. A check that asks for it ends
there, as its problem is noted already; every other check goes on.
"""

import dataclasses
from collections.abc import Iterable

from mixes.typed_yaml.fields import FoundProblem, SettingError


def refuse(*checks: Iterable[FoundProblem]) -> None:
    """Refuse settings in `__post_init__`, with all that checks of them find.

    Raises:
        SettingError: one of them found something.
    """
    problems = problems_of(*checks)
    if problems:
        raise SettingError.of(problems)


def problems_of(*checks: Iterable[FoundProblem]) -> list[FoundProblem]:
    """Return what checks find; one that asks for a value that could not be read ends there."""
    problems: list[FoundProblem] = []
    for check in checks:
        try:
            for problem in check:
                problems.append(problem)  # noqa: PERF402  (what was found before a check ends stays)
        except AttributeError as error:
            if not is_unread(error):
                raise
    return problems


def is_unread(error: AttributeError) -> bool:
    """Return whether an error says that a field of a dataclass is absent, so that its value could not be read."""
    fields = dataclasses.fields(error.obj) if dataclasses.is_dataclass(error.obj) else ()
    return any(field.name == error.name for field in fields)
