"""Every span edit that a spec can name."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from filters.contamination.group import EvaluationFiles, Evaluations
from filters.edits import Editor
from filters.privacy.personal_data import PersonalData
from filters.program.credentials import Secrets
from filters.program.notices import LeadingCopyrightComment
from filters.settings import FilterSettings
from filters.text.c4_edits import C4Lines, C4LinesFineWeb, C4LinesPaper
from filters.text.newlines import CollapseNewlines
from filters.text.refinedweb import RefinedWebLines

_MAKERS: Mapping[str, Callable[[FilterSettings], Editor]] = MappingProxyType(
    {
        LeadingCopyrightComment.name: lambda settings: LeadingCopyrightComment(settings.path),
        Secrets.name: lambda _: Secrets(),
        C4Lines.name: lambda _: C4Lines(),
        C4LinesFineWeb.name: lambda _: C4LinesFineWeb(),
        C4LinesPaper.name: lambda _: C4LinesPaper(),
        CollapseNewlines.name: lambda _: CollapseNewlines(),
        Evaluations.name: lambda settings: Evaluations(
            EvaluationFiles(paths=settings.evaluations, ngram=settings.evaluation_ngram)
        ),
        PersonalData.name: lambda _: PersonalData(),
        RefinedWebLines.name: lambda _: RefinedWebLines(),
    }
)
"""How each is made, by its name."""


def known_editors() -> Sequence[str]:
    """Return the names of all span edits."""
    return tuple(_MAKERS)


def make_editor(name: str, settings: FilterSettings) -> Editor:
    """Return a span edit by its name, not yet set up.

    Raises:
        ValueError: there is none of that name; the message names the nearest.
    """
    if name not in _MAKERS:
        nearest = difflib.get_close_matches(name, _MAKERS, n=1, cutoff=0.0)
        raise ValueError(f"unknown edit {name!r}; did you mean {nearest[0] if nearest else ''!r}?")
    return _MAKERS[name](settings)
