"""The report of a run, RUN/report.html: one file that needs nothing but itself, drawn anew at each checkpoint."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mixes.files import publish_file
from pages.figures import count, in_words, share, size, things
from pages.markup import Child, Markup, element, foreign, join
from pages.shell import masthead, whole_page
from pages.tables import fold, key, part, section, table
from trainer.checkpoint import steps_on_disk
from trainer.watching.charts import STYLE, four_digits, last_mean, loss_chart, panels
from trainer.watching.curves import Curve, Curves, read_curves
from trainer.watching.lines import SKIPPED_FILE, Line, read_lines
from trainer.watching.run_facts import read_facts

REPORT_FILE = "report.html"
_MAX_SKIPPED = 50  # skipped steps that are listed; all are in the file
_MAX_NAMED = 5  # documents that are named of each
_MAX_PANELS = 100  # sources or evaluations that are drawn
_ROWS = 12  # of the loss in numbers
_FIGURES = (
    ("learning_rate", "Learning rate"),
    ("grad_norm", "Gradient norm before clipping"),
    ("z_loss", "Z-loss, with its factor"),
    ("load_balancing_loss", "Load-balancing loss"),
    ("router_z_loss", "Router z-loss"),
    ("tokens_per_second", "Tokens a second"),
    ("mfu", "Model FLOP utilisation, bf16"),
    ("data_wait", "Seconds waited for data, a step"),
)
_SOURCES = "Mean over the labels of each source; one scale. Beside the name: the last mean."
_EVALUATIONS = "What the model reached on the way; each on a scale of its own. Beside the name: the last figure."
_STEPS = "Means of stretches; beside the name: the last one. Figures of speed are means between progress lines."
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
    name = output.resolve().name
    last_step = facts["last_step"]
    sections = [
        _masthead(name, facts, curves),
        *_skipped(output, curves),
        *_loss(last_step, curves),
        *_panels("Loss by source", _SOURCES, dict(sorted(curves.sources.items())), last_step, one_scale=True),
        *_panels("Evaluations", _EVALUATIONS, dict(sorted(curves.evaluations.items())), last_step),
        *_panels("Steps", _STEPS, _figures(curves), last_step, from_zero=True),
        _checkpoints(output),
        _mix(facts),
        _settings(facts),
    ]
    return whole_page(f"Run {name}", *sections, style=STYLE)


def _masthead(name: str, facts: Record, curves: Curves) -> Markup:
    last = curves.last
    step, speed = last.get("step", 0), last.get("tokens_per_second", 0.0)
    device = join(foreign(facts["device"]), f" \N{MULTIPLICATION SIGN} {facts['world_size']}")
    told = (
        ("mix", foreign(facts["mix"]["name"])),
        ("model", f"{facts['shape']['num_layers']} layers of {count(facts['shape']['hidden_size'])}"),
        ("device", device),
        ("PyTorch", foreign(facts["torch"])),
        ("begun from", element("code", foreign(facts["parent"][:12])) if facts["parent"] else join("first weights")),
    )
    loss, masked = curves.figures.get("loss"), things(curves.masked_instances, "instance")
    mfu = f"MFU {last['mfu']:.1%}" if "mfu" in last else "MFU unknown: no peak is known of this device"
    num_skipped, spikes = _total(curves.skipped), last.get("spike_score", {})
    scores = ", ".join(f"{name.replace('_', ' ')} {100 * score:.3g}\u202f%" for name, score in spikes.items())
    figures: tuple[tuple[str, str, str], ...] = (
        ("step", count(step), f"of {count(facts['last_step'])}"),
        ("tokens seen", in_words(last.get("tokens", 0)), f"{count(facts['tokens_per_step'])} a step"),
        ("loss", four_digits(last_mean(loss)), f"at first {four_digits(_first_mean(loss))}; {masked} masked"),
        ("tokens a second", count(round(speed)), mfu),
        ("skipped steps", count(num_skipped), f"spike score: {scores}" if scores else ""),
    )
    return masthead("Training run", name, told, figures)


def _skipped(output: Path, curves: Curves) -> Iterator[Markup]:
    """Yield what steps were skipped and for which documents, where any were."""
    total = _total(curves.skipped)
    if not total:
        return
    columns = (("step", "name"), ("loss", "number"), ("norm", "number"), ("instance of highest loss", "text"))
    lines = islice(read_lines(output / SKIPPED_FILE), _MAX_SKIPPED)
    rows = [(count(line["step"]), _known(line["loss"]), _known(line["grad_norm"]), _worst(line)) for line in lines]
    beyond = "" if len(rows) == total else f" The first {len(rows)} are shown."
    note = f"They left the weights alone. {SKIPPED_FILE} has all instances and documents of each.{beyond}"
    content = part(f"{things(total, 'step')} skipped", table("Skipped steps", columns, rows), note=note, wide=True)
    yield element("section", element("h2", "Needs a look"), content, id="skipped", class_="attention")


def _worst(line: Line) -> Markup:
    if "problem" in line:
        return foreign(line["problem"])
    worst = line["instances"][0]
    documents = [join(" ", foreign(document["id"])) for document in worst["documents"][:_MAX_NAMED]]
    beyond = len(worst["documents"]) - len(documents)
    more = f" and {beyond} more" if beyond > 0 else ""
    loss = f", loss {_known(worst['loss'])}:"
    return join(f"{worst['instance']}, ", foreign(worst["source"]), loss, *documents, more)


def _loss(last_step: int, curves: Curves) -> Iterator[Markup]:
    curve = curves.figures.get("loss")
    if curve is None:
        return
    drawing = loss_chart(curve, last_step, skipped=curves.skipped, spikes=curves.spikes)
    colours = [("curve", "mean of a stretch")]
    colours += [("spread", "lowest to highest")] if curve.length > 1 else []
    colours += [("skipped", "skipped step")] if _total(curves.skipped) else []
    colours += [("spike", "spike of loss or gradient norm")] if _total(curves.spikes) else []
    steps = things(curve.length, "step")
    note = f"Mean over the labels that count; a stretch is {steps}. Few values may lie outside of the frame."
    yield section("loss", "Loss", key(*colours), drawing, fold("in numbers", _in_numbers(curve)), note=note)


def _in_numbers(curve: Curve) -> Markup:
    points = curve.points()
    chosen = points[:: max(1, len(points) // _ROWS)]
    if chosen[-1] is not points[-1]:
        chosen.append(points[-1])
    columns = (("steps to", "name"), ("mean", "number"), ("lowest", "number"), ("highest", "number"))
    rows = [
        (count(int(step + curve.length / 2)), f"{each.mean:.4f}", f"{each.low:.4f}", f"{each.high:.4f}")
        for step, each in chosen
    ]
    return table("Loss in numbers", columns, rows)


def _panels(
    title: str,
    note: str,
    curves: Mapping[str, Curve],
    last_step: int,
    *,
    one_scale: bool = False,
    from_zero: bool = False,
) -> Iterator[Markup]:
    """Yield a section with a small chart of each curve, where there are any."""
    if curves:
        shown = dict(islice(curves.items(), _MAX_PANELS))
        beyond = f" {len(shown)} of {len(curves)} are drawn." if len(shown) < len(curves) else ""
        charts = panels(shown, last_step, one_scale=one_scale, from_zero=from_zero)
        yield section(title.lower().replace(" ", "-"), title, charts, note=note + beyond)


def _figures(curves: Curves) -> dict[str, Curve]:
    return {title: curves.figures[name] for name, title in _FIGURES if name in curves.figures}


def _checkpoints(output: Path) -> Markup:
    columns = (("checkpoint", "name"), ("files", "number"), ("size", "number"))
    rows: list[tuple[Child, ...]] = []
    for step in steps_on_disk(output):
        files = list((output / f"step-{step}").iterdir())
        rows.append((f"step-{step}", count(len(files)), size(sum(file.stat().st_size for file in files))))
    content = table("Checkpoints", columns, rows) if rows else element("p", "None is on disk yet.", class_="quiet")
    return section("checkpoints", "Checkpoints", content, note="On disk when this report was written.")


def _mix(facts: Record) -> Markup:
    mix = facts["mix"]
    columns = (("source", "name"), ("tokens", "number"), ("of the mix", "number"), ("whole epochs", "number"))
    rows = [
        (foreign(name), count(entry["tokens"]), share(entry["tokens"], mix["tokens"]), count(entry["whole_epochs"]))
        for name, entry in mix["sources"].items()
    ]
    total = ("all", count(mix["tokens"]), "", "")
    content = table("The mix", columns, rows, total=total)
    note = join("digest ", element("code", foreign(mix["digest"])))
    return section("mix", join("Mix ", foreign(mix["name"])), element("p", note, class_="note"), content)


def _settings(facts: Record) -> Markup:
    rows = [(foreign(name), foreign(str(value))) for name, value in _flat(facts["spec"]) if value is not None]
    content = table("Settings", (("key", "name"), ("value", "text")), rows)
    return section("settings", "Settings", fold(things(len(rows), "key"), content))


def _flat(record: Record, path: str = "") -> Iterable[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _total(curve: Curve) -> int:
    return sum(stretch.count for stretch in curve.stretches)


def _first_mean(curve: Curve | None) -> float | None:
    return None if curve is None else curve.points()[0][1].mean


def _known(number: float | None) -> str:
    return "not finite" if number is None else four_digits(number)
