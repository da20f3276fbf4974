"""The report of a stage, RUN/report.html: what each model reached, the losses of the runs, and where they lie."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixes.errors import CheckpointError
from mixes.files import publish_file
from pages.figures import NONE, count, in_words
from pages.markup import Child, Markup, element, foreign, join
from pages.shell import masthead, whole_page
from pages.tables import key, section, table
from trainer.watching.charts import STYLE, charts, four_digits
from trainer.watching.curves import Curves, read_curves

RESULTS_FILE, REPORT_FILE = "results.json", "report.html"
BEFORE, SOUP = "before", "soup"
_STYLE = (
    STYLE
    + """
.strip { width: 100%; min-width: 9rem; height: 1rem; display: block; overflow: visible; }
.dot { stroke: var(--paper); stroke-width: 1; }
.dot.model-0 { fill: var(--paper); stroke: var(--quiet); stroke-width: 1.5; }
.swatch.model-0 { border: 1.5px solid var(--quiet); }
"""
    + "".join(
        f".dot.model-{number} {{ fill: var(--{colour}); }} .swatch.model-{number} {{ background: var(--{colour}); }}\n"
        for number, colour in enumerate(("left-over", "in-mix", "failed", "held-out", "rules"), 1)
    )
)
_COLOURS = 5
_NOTE = (
    "Bits per byte are better when lower, score, the share of right answers, when higher. Spread is the standard "
    "deviation over data orders, with n \N{MINUS SIGN} 1. Each line of dots has a scale of its own, from its lowest to "
    "its highest."
)
_LOSSES = "Mean over the labels of each step; one scale. Beside the name: the last mean."
Record = Mapping[str, Any]  # Any: JSON


def write_report(output: Path) -> Path:
    """Write the report of a stage from its results and the files of its runs; return its path.

    Raises:
        CheckpointError: the folder holds no stage that is done.
        MixError: it cannot be written.
    """
    file = output / RESULTS_FILE
    try:
        results = json.loads(file.read_bytes())
        content = _render(output, results).encode()
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{file}: found no stage that is done: {error!r}; the command that does it ends it"
        ) from (error)
    publish_file(str(output / REPORT_FILE), lambda handle: handle.write(content))
    return output / REPORT_FILE


def _render(output: Path, results: Record) -> str:
    runs = {name: read_curves(output / name) for name in results["models"] if (output / name / REPORT_FILE).is_file()}
    losses = {name: curves.by_name["loss"] for name, curves in runs.items() if "loss" in curves.by_name}
    sections = [
        _masthead(output.resolve().name, results, len(runs)),
        _evaluations(results),
        section("losses", "Losses", charts(losses, results["stage"]["steps"], one_scale=True), note=_LOSSES),
        _runs(runs),
        _mixes(results["stage"]),
    ]
    return whole_page(f"Stage {output.resolve().name}", *sections, style=_STYLE)


def _masthead(name: str, results: Record, num_runs: int) -> Markup:
    stage = results["stage"]
    seeds = ", ".join(map(str, stage["seeds"]))
    told = (("began from", element("code", foreign(stage["from"]))), ("data seeds", seeds))
    figures: list[tuple[str, Child, Child]] = [
        (
            "anneals",
            count(num_runs),
            f"on {count(len(stage['mixes']))} built mixes" if len(stage["mixes"]) > 1 else "on one built mix",
        ),
        ("steps of each", count(stage["steps"]), f"{in_words(stage['tokens'])} tokens"),
    ]
    for figure in ("held_out/macro/bits_per_byte", "texts/macro/bits_per_byte"):
        reached = {model: each["figures"].get(figure) for model, each in results["models"].items()}
        if SOUP in reached and reached[SOUP] is not None:
            kind = figure.partition("/")[0].replace("_", " ")
            figures.append(
                (f"{kind}, bits per byte", _cell(reached[SOUP]), f"the soup; {_cell(reached[BEFORE])} before")
            )
    return masthead("Anneals", name, told, figures)


def _evaluations(results: Record) -> Markup:
    """Return the table of the stage, with a dot for each model in each line."""
    models, columns = results["models"], results["table"]["columns"]
    groups = {name: number for number, name in enumerate(dict.fromkeys(map(_group, models)))}
    heads = [("", "name"), ("", "drawing"), *((name, "number") for name in columns)]
    rows: list[tuple[Child, ...]] = [
        (foreign(figure), _dots(figure, models, groups), *map(_cell, numbers))
        for figure, numbers in results["table"]["rows"].items()
    ]
    colours = key(*((_colour(number), name) for name, number in groups.items()))
    return section("evaluations", "What they reached", colours, table("What they reached", heads, rows), note=_NOTE)


def _dots(figure: str, models: Record, groups: Mapping[str, int]) -> Markup:
    """Return a line with a dot for what each model reached, those of later groups above."""
    reached = [(name, each["figures"].get(figure)) for name, each in models.items()]
    known = sorted(
        ((name, number) for name, number in reached if number is not None), key=lambda it: groups[_group(it[0])]
    )
    if not known:
        return join()
    numbers = [number for _, number in known]
    low, extent = min(numbers), max(numbers) - min(numbers)
    dots = (
        element(
            "circle",
            element("title", f"{name}: {_cell(number)}"),
            cx=f"{4 + 92 * ((number - low) / extent if extent else 0.5):.2f}%",
            cy="50%",
            r=4.5,
            class_=f"dot {_colour(groups[_group(name)])}",
        )
        for name, number in known
    )
    line = element("line", x1="0", x2="100%", y1="50%", y2="50%", class_="grid")
    return element("svg", line, *dots, class_="strip", role="img", aria_label=f"{figure} of each model")


def _group(name: str) -> str:
    """Return what a model belongs to: itself before and after the anneals, its mix, or the data orders."""
    if name in (BEFORE, SOUP):
        return name
    return name.rpartition("/")[0] or "data orders"


def _colour(group: int) -> str:
    return "model-0" if group == 0 else f"model-{1 + (group - 1) % _COLOURS}"


def _runs(runs: Mapping[str, Curves]) -> Markup:
    columns = (("run", "name"), ("steps", "number"), ("last loss", "number"), ("skipped", "number"))
    rows = [
        (
            element("a", foreign(name), href=f"{name}/{REPORT_FILE}"),
            count(curves.step),
            four_digits(curves.by_name["loss"].last) if "loss" in curves.by_name else NONE,
            count(curves.total("skipped")),
        )
        for name, curves in runs.items()
    ]
    return section("runs", "Runs", table("Runs", columns, rows), note="Each has a report of its own, in its folder.")


def _mixes(stage: Record) -> Markup:
    columns = (("mix", "name"), ("tokens", "number"), ("epochs seen by a run", "number"))
    rows = [
        (foreign(mix["name"]), count(mix["tokens"]), f"{stage['tokens'] / max(1, mix['tokens']):.3g}")
        for mix in stage["mixes"]
    ]
    return section("mixes", "Mixes", table("Mixes", columns, rows))


def _cell(number: float | None) -> str:
    return NONE if number is None else f"{number:.4f}"
