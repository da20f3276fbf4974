"""Runs in miniature: tokens with a structure to learn, a spec that learns it in seconds, and how to read a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.typed_yaml.binding import bind_text
from trainer.arguments import RunOptions
from trainer.loop import open_run
from trainer.spec import TrainSpec
from trainer.watching.lines import METRICS_FILE

SPEC = """
model: {preset: tiny}
sequence_length: 32
global_batch: 8
micro_batch: 4
steps: 6
precision: float32
optimizer: {learning_rate: 0.004}
schedule: {shape: cosine, warmup_steps: 2}
checkpoint: {interval: 1, keep: 99}
log_interval: 4
"""


def structured_tokens(num_tokens: int, seed: int, vocab_size: int) -> NDArray[np.int64]:
    """Return tokens of which most follow from the one before: x, then 3x + 1, modulo the vocabulary."""
    random = np.random.default_rng(seed)
    tokens = random.integers(0, vocab_size, num_tokens)
    for place in np.nonzero(random.random(num_tokens - 1) < 0.8)[0]:
        tokens[place + 1] = (3 * tokens[place] + 1) % vocab_size
    return tokens


def spec_with(*changes: tuple[str, str], base: str = SPEC) -> TrainSpec:
    """Return the small spec with some of its text replaced; each old text must be there."""
    for old, new in changes:
        assert old in base
        base = base.replace(old, new)
    return bind_text(TrainSpec, base, "spec.yaml").value


def train(
    spec: TrainSpec,
    mix: Path,
    output: Path,
    *,
    start_from: Path | None = None,
    fresh: bool = False,
    num_replicas: int = 1,
    recomputes: bool = False,
) -> None:
    """Train on the CPU."""
    options = RunOptions(
        mixes=(mix,),
        output=output,
        start_from=start_from,
        device="cpu",
        recomputes=recomputes,
        num_replicas=num_replicas,
        fresh=fresh,
    )
    with open_run(spec, options) as run:
        run.finish()


def lines_of(output: Path) -> list[dict[str, Any]]:  # Any: JSON
    """Return the metrics of a run without what depends on the clock."""
    records = [json.loads(line) for line in (output / METRICS_FILE).read_text().splitlines()]
    timed = {"tokens_per_second", "data_wait"}
    return [{key: value for key, value in record.items() if key not in timed} for record in records]


def losses_of(output: Path) -> list[float]:
    """Return the loss of each step."""
    return [record["loss"] for record in lines_of(output)]
