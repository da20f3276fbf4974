"""The report of a run, RUN/report.html: one file that needs nothing but itself, drawn anew at each checkpoint."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mixes.files import publish_file
from pages.figures import NONE, count, in_words, share, things
from pages.markup import Markup, element, foreign, join, passage
from pages.shell import masthead, whole_page
from pages.tables import fold, section
from trainer.watching.charts import STYLE, charts
from trainer.watching.curves import Curve, Curves, read_curves
from trainer.watching.lines import SKIPPED_FILE, four_digits, read_lines
from trainer.watching.run_facts import read_facts
from trainer.watching.steps import told_of

REPORT_FILE = "report.html"
_MAX_SKIPPED = 50  # steps that are told of; all are in the file
_MAX_FACTS = 100_000  # characters of run.json
_LOSS = (
    "Mean over the labels that count. The line is the mean of a stretch of steps, beside its lowest and highest; a few "
    "values may lie outside of the frame. Below the name, here and below: the mean of the last stretch."
)
_SOURCES = "Mean over the labels of each source; one scale."
_EVALUATIONS = "What the model reached on the way; each on a scale of its own."
_STEPS = "By their names in metrics.jsonl, from 0; what was always 0 is left out."
Record = Mapping[str, Any]  # Any: JSON


def write_report(output: Path, curves: Curves | None = None) -> Path:
    """Write the report of a run and return its path.

    Args:
        output: the run's folder.
        curves: of all its steps; read from its metrics where they are not at hand.

    Raises:
        CheckpointError: the folder holds no run.
        MixError: it cannot be written.
    """
    content = render(output, read_facts(output), curves or read_curves(output)).encode()
    publish_file(str(output / REPORT_FILE), lambda handle: handle.write(content))
    return output / REPORT_FILE


def render(output: Path, facts: Record, curves: Curves) -> str:
    """Return the report as HTML."""
    last_step, named = facts["last_step"], curves.by_name
    loss = {"loss": named["loss"]} if "loss" in named else {}
    others = {name: each for name, each in named.items() if "/" not in name and name != "loss" and each.total}
    settings = passage(json.dumps(facts, indent=2), max_characters=_MAX_FACTS)
    sections = [
        _masthead(output.resolve().name, facts, curves),
        *_skipped(output, curves.total("skipped")),
        *_drawn("Loss", _LOSS, loss, last_step, large=True),
        *_drawn("Loss by source", _SOURCES, curves.below("loss_by_source/"), last_step, one_scale=True),
        *_drawn("Evaluations", _EVALUATIONS, curves.below("eval/"), last_step),
        *_drawn("Steps", _STEPS, others, last_step, from_zero=True),
        section("settings", "Settings", fold("run.json", settings)),
    ]
    return whole_page(f"Run {output.resolve().name}", *sections, style=STYLE)


def _masthead(name: str, facts: Record, curves: Curves) -> Markup:
    shape = facts["shape"]
    told = (
        ("mix", foreign(facts["mix"]["name"])),
        ("model", f"{shape['num_layers']} layers of {count(shape['hidden_size'])}"),
        ("device", join(foreign(facts["device"]), f" \N{MULTIPLICATION SIGN} {facts['world_size']}")),
    )
    last = {figure: curve.last for figure, curve in curves.by_name.items()}
    mfu = f"MFU {last['mfu']:.1%}" if "mfu" in last else "MFU unknown: no peak is known of this device"
    masked = things(curves.total("masked_instances"), "instance")
    spikes = [share(curves.total(f"spike/{judged}"), curves.step) for judged in ("loss", "grad_norm")]
    figures = (
        ("step", count(curves.step), f"of {count(facts['last_step'])}"),
        ("tokens seen", in_words(curves.step * facts["tokens_per_step"]), f"{count(facts['tokens_per_step'])} a step"),
        ("loss", four_digits(last["loss"]) if "loss" in last else NONE, f"{masked} masked"),
        ("tokens a second", count(round(last.get("tokens_per_second", 0))), mfu),
        ("skipped steps", count(curves.total("skipped")), f"spike scores: loss {spikes[0]}, gradient norm {spikes[1]}"),
    )
    return masthead("Training run", name, told, figures)


def _skipped(output: Path, num_skipped: int) -> Iterator[Markup]:
    """Yield what is told of the first steps that were skipped, where any were."""
    if num_skipped:
        told = (element("p", foreign(told_of(line), max_characters=1000)) for line in read_lines(output / SKIPPED_FILE))
        title = element("h2", f"{things(num_skipped, 'step')} skipped")
        yield element("section", title, *islice(told, _MAX_SKIPPED), id="skipped", class_="attention")


def _drawn(title: str, note: str, curves: Mapping[str, Curve], last_step: int, **looks: bool) -> Iterator[Markup]:
    """Yield a section with a chart of each curve, where there are any."""
    if curves:
        yield section(title.lower().replace(" ", "-"), title, charts(curves, last_step, **looks), note=note)
