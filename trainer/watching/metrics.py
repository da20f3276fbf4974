"""What a run says on its way: a line of figures a step, for its file, the boards and the report; progress for people.

Figures stay on the device until a line is due, so that no step waits for one.
"""

import logging
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mixes.progress import format_seconds
from pages.terminal import printable
from trainer.figures import StepFigures
from trainer.watching.boards import Board
from trainer.watching.curves import Curves
from trainer.watching.devices import peak_flops, peak_memory
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE, Line, append_lines, drop_lines_after, finite, read_lines
from trainer.watching.run_facts import RunFacts
from trainer.watching.spikes import SpikeScore
from trainer.watching.steps import Locate, skipped_line, step_line, told_of

_MAX_WAIT = 0.01  # of the time, waited for data, above which the progress line says so
log = logging.getLogger(__name__)


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
        self._facts, self._boards, self._locate = facts, boards, locate
        self._peak = peak_flops(facts.device)
        self._pending: list[tuple[StepFigures, float]] = []
        self._first_step = resumed_at + 1  # nothing prepares its batch while another step is at work
        self._file, self._skipped_file = output / METRICS_FILE, output / SKIPPED_FILE
        self._spikes = {"loss": SpikeScore(), "grad_norm": SpikeScore()}
        self.curves = Curves()
        self._takers: list[Board | Curves] = [self.curves, *boards]
        for file in (self._file, self._skipped_file):
            drop_lines_after(file, resumed_at)
        for line in read_lines(self._file):
            self.curves.take(line)
            for name, score in self._spikes.items():
                if name in line:
                    score.add(line[name], judged=line[f"spike/{name}"])
        self._since = time.perf_counter()

    def add(self, figures: StepFigures, data_wait: float) -> None:
        """Take the figures of a step and the seconds it waited for its batch, without waiting for the device."""
        self._pending.append((figures, data_wait))

    def flush(self) -> None:
        """Wait for the device, write all pending steps, and print a line for the last of them."""
        if not self._pending:
            return
        lines = [step_line(figures, self._facts) for figures, _ in self._pending]
        now = time.perf_counter()
        seconds, self._since = max(now - self._since, 1e-9), now
        speed = self._speed(len(lines) * self._facts.tokens_per_step / seconds)
        for line, (figures, wait) in zip(lines, self._pending, strict=True):
            line.update(self._judged(line) | speed | {"data_wait": round(wait, 6)})
            if line["skipped"]:
                skipped = skipped_line(line, figures, self._facts, self._locate)
                append_lines(self._skipped_file, [skipped])
                log.warning("%s", printable(told_of(skipped)))
        self._write(lines)
        waited = sum(wait for figures, wait in self._pending if figures.step != self._first_step)
        log.info("%s", self._progress(lines, waited / seconds))
        self._pending.clear()

    def add_evaluation(self, step: int, figures: Mapping[str, float]) -> None:
        """Write what the model reached after a step, as a line of its own; its time counts for no step."""
        self.flush()
        reached = {f"eval/{name}": finite(value) for name, value in figures.items()}
        self._write([{"step": step, "tokens": step * self._facts.tokens_per_step, **reached}])
        told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        log.info("step %s evaluated: %s", f"{step:,}", told)
        self._since = time.perf_counter()

    def close(self) -> None:
        """Write what is pending and close all boards."""
        try:
            self.flush()
        finally:
            for board in self._boards:
                board.close()

    def _write(self, lines: Sequence[Line]) -> None:
        append_lines(self._file, lines)
        for line in lines:
            for each in self._takers:
                each.take(line)

    def _judged(self, line: Line) -> dict[str, float]:
        """Return whether figures of a step are spikes, and the shares of spikes so far."""
        found: dict[str, float] = {f"spike/{name}": score.add(line[name]) for name, score in self._spikes.items()}
        return found | {f"spike_score/{name}": score.score for name, score in self._spikes.items()}

    def _speed(self, tokens_per_second: float) -> dict[str, float]:
        """Return what a line says of speed; no `mfu` where the peak of the device is not known."""
        speed, facts = {"tokens_per_second": round(tokens_per_second, 1)}, self._facts
        if self._peak is None:
            return speed
        return speed | {"mfu": round(tokens_per_second * facts.flops_per_token / (self._peak * facts.world_size), 5)}

    def _progress(self, lines: Sequence[Line], waited: float) -> str:
        """Return the progress line at the last of some steps, with the mean of their losses."""
        facts, last = self._facts, lines[-1]
        loss = statistics.fmean([line["loss"] for line in lines if line["loss"] is not None] or [math.nan])
        left = (facts.last_step - last["step"]) * facts.tokens_per_step / max(0.1, last["tokens_per_second"])
        mfu = f"{last['mfu']:.1%}" if "mfu" in last else "unknown"
        return (
            f"step {last['step']:,}/{facts.last_step:,}  loss {loss:.4f}  lr {last['learning_rate']:.2e}  "
            f"{last['tokens_per_second']:,.0f} tokens/s  MFU {mfu}  memory {peak_memory(facts.device) / 2**30:.1f} GiB"
            f"  left {format_seconds(left)}" + (f"  waited for data {waited:.1%}" if waited > _MAX_WAIT else "")
        )
