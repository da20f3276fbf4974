"""What is told of a stage when it is done: lines for a terminal, and RUN/report.html."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixes.errors import CheckpointError
from mixes.files import publish_file
from pages.figures import NONE
from pages.markup import Child, element, foreign, join
from pages.shell import masthead, whole_page
from pages.tables import section, table
from pages.terminal import aligned
from trainer.stages.comparison import DIFFERENCE
from trainer.watching.charts import STYLE, charts
from trainer.watching.curves import read_curves
from trainer.watching.page import REPORT_FILE

RESULTS_FILE = "results.json"
_NOTE = (
    "Bits per byte are better when lower, score, the share of right answers, when higher. Spread is the standard "
    "deviation over data orders, with n \N{MINUS SIGN} 1."
)
_COMPARED = (
    " Difference is a candidate's mean less the baseline's; within twice its error it may be due to the order of the "
    "data alone."
)
_LOSSES = (
    "Mean over the labels of each step; one scale. Below the name: the mean of the last stretch of steps. Reports:"
)
Record = Mapping[str, Any]  # Any: JSON


def format_stage(results: Record) -> str:
    """Return what was done and the table of what was reached, as aligned lines."""
    columns, rows = results["table"]["columns"], results["table"]["rows"]
    cells = [["", *columns], *([figure, *map(_cell, row)] for figure, row in rows.items())]
    return "\n".join([*aligned(_facts(results)), "", *aligned(cells, right=range(1, len(cells[0])))])


def write_report(output: Path) -> Path:
    """Write the report of a stage from its results and the files of its runs; return its path.

    Raises:
        CheckpointError: the folder holds no stage that is done.
        MixError: it cannot be written.
    """
    file = output / RESULTS_FILE
    try:
        content = _render(output, json.loads(file.read_bytes())).encode()
    except (OSError, ValueError, KeyError) as error:
        problem = f"{file}: found no stage that is done: {error!r}; the command that does it ends it"
        raise CheckpointError(problem) from error
    publish_file(str(output / REPORT_FILE), lambda handle: handle.write(content))
    return output / REPORT_FILE


def _render(output: Path, results: Record) -> str:
    name = output.resolve().name
    columns = [("", "name"), *((column, "number") for column in results["table"]["columns"])]
    rows: list[list[Child]] = [[figure, *map(_cell, row)] for figure, row in results["table"]["rows"].items()]
    runs = {model: read_curves(output / model).by_name for model in results["models"]}
    losses = {model: curves["loss"] for model, curves in runs.items() if "loss" in curves}
    links = [join(" ", element("a", foreign(model), href=f"{model}/{REPORT_FILE}")) for model in losses]
    of_losses = element("p", _LOSSES, *links, class_="note")
    note = _NOTE + (_COMPARED if DIFFERENCE in results["table"]["columns"] else "")
    return whole_page(
        f"Stage {name}",
        masthead("Anneals", name, _facts(results), ()),
        section("evaluations", "What they reached", table("What they reached", columns, rows), note=note),
        section("losses", "Losses", of_losses, charts(losses, results["stage"]["steps"], one_scale=True)),
        style=f"{STYLE}.figures:empty {{ display: none; }}\n",
    )


def _facts(results: Record) -> list[tuple[str, str]]:
    """Return what was done: what, and its value."""
    stage, tokens = results["stage"], results["stage"]["tokens"]
    seen = {name: f"{size:,} tokens, {tokens / max(1, size):.3g} epochs" for name, size in stage["mixes"].items()}
    return [
        ("from", stage["from"]),
        ("each anneal", f"{stage['steps']:,} steps, {tokens:,} tokens"),
        ("data seeds", ", ".join(map(str, stage["seeds"]))),
        *((f"mix {name}", told) for name, told in seen.items()),
    ]


def _cell(number: float | None) -> str:
    return NONE if number is None else f"{number:.4f}"
