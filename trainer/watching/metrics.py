"""What a run says about its steps: a progress line, a JSON line a step, boards, and what its report is drawn from.

Figures stay on the device until a line is due, so that no step waits for one.
"""

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.figures import StepFigures
from trainer.watching.boards import Board
from trainer.watching.curves import Curves
from trainer.watching.devices import peak_flops, peak_memory
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE, append_lines, drop_lines_after, finite, read_lines
from trainer.watching.run_facts import RunFacts
from trainer.watching.skips import Locate, SkippedStep, SkippedSteps
from trainer.watching.spikes import SpikeScores

_ROUTER_LOSSES = ("load_balancing_loss", "router_z_loss")  # the last two rows of `StepFigures.sums`
_MAX_NAMED = 8  # instances of a skipped step that a warning names
_MAX_WAIT = 0.01  # of the time, waited for data, above which the progress line says so


class MetricsWriter:
    """Gathers the figures of steps and writes them when asked; for rank 0, to be closed.

    Args:
        output: the run's folder; lines of steps after `resumed_at` that an earlier process left are dropped.
        facts: of the run.
        resumed_at: the last step that is done already.
        boards: take the figures too; are closed with it.
        locate: finds the documents of skipped steps.

    Attributes:
        curves: of all steps so far, those of earlier processes too.
    """

    def __init__(self, output: Path, facts: RunFacts, resumed_at: int, boards: Sequence[Board], locate: Locate) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self._facts = facts
        self._peak = peak_flops(facts.device)
        self._pending: list[tuple[StepFigures, float]] = []
        self._first_step = resumed_at + 1  # nothing prepares its batch while another step is at work
        self._file = output / METRICS_FILE
        self._boards = boards
        self._skipped = SkippedSteps(output, locate, resumed_at)
        self._spikes = SpikeScores(("loss", "grad_norm"))
        self.curves = Curves()
        drop_lines_after(self._file, resumed_at)
        for line in read_lines(self._file):
            self.curves.take(line)
            if "loss" in line:
                self._spikes.restore(line, line["spikes"])
        self._since = time.perf_counter()

    def add(self, figures: StepFigures, data_wait: float) -> None:
        """Take the figures of a step and the seconds it waited for its batch, without waiting for the device."""
        self._pending.append((figures, data_wait))

    def flush(self) -> None:
        """Wait for the device, write all pending steps, and print a line for the last of them."""
        if not self._pending:
            return
        steps = [figures for figures, _ in self._pending]
        sums = torch.stack([figures.sums for figures in steps]).double().cpu().numpy()
        words = torch.stack([torch.stack((figures.grad_norm, figures.skipped)) for figures in steps]).tolist()
        now = time.perf_counter()
        seconds = max(now - self._since, 1e-9)
        self._since = now
        speed = self._speed(len(steps) * self._facts.tokens_per_step / seconds)
        records = [
            self._record(figures, step_sums, norm, skipped) | speed | {"data_wait": round(wait, 6)}
            for (figures, wait), step_sums, (norm, skipped) in zip(self._pending, sums, words, strict=True)
        ]
        append_lines(self._file, records)
        for record in records:
            self.curves.take(record)
            self._tell_boards(record)
        for board in self._boards:
            board.flush()
        for figures, step_sums, (norm, skipped) in zip(steps, sums, words, strict=True):
            if skipped:
                self._skip(figures, step_sums, norm)
        nll, _, labels = sums[:, :3].sum(axis=(0, 2))
        waited = sum(wait for figures, wait in self._pending if figures.step != self._first_step) / seconds
        _print(self._line(records[-1], nll / labels if labels else math.nan, waited))
        self._pending.clear()

    def add_evaluation(self, step: int, figures: Mapping[str, float]) -> None:
        """Write what the model reached after a step, as a line of its own; its time counts for no step."""
        self.flush()
        reached = {f"eval/{name}": finite(value) for name, value in figures.items()}
        record = {"step": step, "tokens": step * self._facts.tokens_per_step, **reached}
        append_lines(self._file, [record])
        self.curves.take(record)
        for board in self._boards:
            board.write(step, {f"eval/{name}": value for name, value in figures.items()})
            board.flush()
        told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        _print(f"step {step:,} evaluated: {told}")
        self._since = time.perf_counter()

    def settle(self) -> None:
        """Write all that is known of the steps so far; what a checkpoint of them is written after."""
        self.flush()
        self._skipped.wait()

    def close(self) -> None:
        """Write what is pending and close all files."""
        try:
            self.flush()
        finally:
            self._skipped.close()
            for board in self._boards:
                board.close()

    def _speed(self, tokens_per_second: float) -> dict[str, float]:
        """Return what a line says of speed; no `mfu` where the peak of the device is not known."""
        speed = {"tokens_per_second": round(tokens_per_second, 1)}
        if self._peak is not None:
            flops = tokens_per_second * self._facts.flops_per_token
            speed["mfu"] = round(flops / (self._peak * self._facts.world_size), 5)
        return speed

    def _record(
        self, figures: StepFigures, sums: NDArray[np.float64], grad_norm: float, skipped: float
    ) -> dict[str, Any]:  # Any: JSON
        nll, z, labels, *of_routers = sums
        num_labels = labels.sum() or math.nan
        names = self._facts.source_names
        nll_of, labels_of = (np.bincount(figures.sources, weights, len(names)) for weights in (nll, labels))
        judged = {"loss": finite(nll.sum() / num_labels), "grad_norm": finite(grad_norm)}
        return {
            "step": figures.step,
            "tokens": figures.step * self._facts.tokens_per_step,
            **judged,
            "z_loss": finite(z.sum() / num_labels),
            **{name: finite(row.mean()) for name, row in zip(_ROUTER_LOSSES, of_routers, strict=False)},
            "learning_rate": figures.learning_rate,
            "skipped": bool(skipped),
            **self._spikes.add(judged),
            "masked_instances": int((labels == 0).sum()),
            "loss_by_source": {
                name: finite(nll_of[number] / labels_of[number])
                for number, name in enumerate(names)
                if labels_of[number]
            },
        }

    def _tell_boards(self, record: Mapping[str, Any]) -> None:  # Any: JSON
        figures = {name: value for name, value in record.items() if type(value) is float}
        for group in ("loss_by_source", "spike_score"):
            figures |= {f"{group}/{name}": value for name, value in record[group].items() if value is not None}
        for board in self._boards:
            board.write(record["step"], figures)

    def _skip(self, figures: StepFigures, sums: NDArray[np.float64], grad_norm: float) -> None:
        """Name the instances of a skipped step, and have their documents found."""
        nll, _, labels = sums[:3]
        skipped = SkippedStep(
            step=figures.step,
            loss=nll.sum() / max(labels.sum(), 1),
            grad_norm=grad_norm,
            instances=figures.instances,
            sources=[self._facts.source_names[number] for number in figures.sources],
            losses=np.nan_to_num(nll / np.maximum(labels, 1), nan=np.inf),
        )
        named = ", ".join(
            f"{skipped.instances[place]} ({skipped.sources[place]}, {skipped.losses[place]:.2f})"
            for place in skipped.by_loss()[:_MAX_NAMED]
        )
        _print(
            f"step {skipped.step:,} skipped, weights unchanged: loss {skipped.loss:.4f}, gradient norm "
            f"{grad_norm:.3g}; instances of highest loss: {named}; all and their documents: {SKIPPED_FILE}"
        )
        self._skipped.add(skipped)

    def _line(self, record: Mapping[str, Any], loss: float, waited: float) -> str:  # Any: JSON
        """Return the progress line at a step, with the mean loss of the steps since the line before."""
        facts, speed = self._facts, record["tokens_per_second"]
        left = (facts.last_step - record["step"]) * facts.tokens_per_step / speed
        mfu = f"{record['mfu']:.1%}" if "mfu" in record else "unknown"
        line = (
            f"step {record['step']:,}/{facts.last_step:,}  loss {loss:.4f}  lr {record['learning_rate']:.2e}  "
            f"{speed:,.0f} tokens/s  MFU {mfu}  memory {peak_memory(facts.device) / 2**30:.1f} GiB  "
            f"left {format_seconds(left)}"
        )
        return line + (f"  waited for data {waited:.1%}" if waited > _MAX_WAIT else "")


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it: `42 s`, `12 min`, `3 h 05 min`, `2 d 3 h`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{round(whole / 60)} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
