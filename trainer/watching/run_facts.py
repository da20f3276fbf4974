"""What is known of a run before its first step, and RUN/run.json, which keeps it for the report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mixes.errors import CheckpointError
from mixes.files import publish_file
from mixes.typed_yaml.canonical import canonical_json
from trainer.watching.devices import device_name

FACTS_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the lines of a run are computed from.

    Attributes:
        last_step: the step the run ends with.
        tokens_per_step: tokens of a global batch.
        flops_per_token: see `ModelShape.flops_per_token`.
        source_names: names of the sources of its mixes, in the order in which steps number them.
        device: where rank 0 computes.
        world_size: number of devices.
    """

    last_step: int
    tokens_per_step: int
    flops_per_token: int
    source_names: Sequence[str]
    device: torch.device
    world_size: int


def write_facts(output: Path, facts: RunFacts, settings: Mapping[str, Any]) -> None:  # Any: JSON
    """Write what the run is and where it runs now; each process that goes on writes it again.

    Args:
        output: the run's folder.
        facts: of the run.
        settings: what its checkpoints say of spec, shape, mix and parent.

    Raises:
        MixError: it cannot be written.
    """
    record = asdict(facts) | {"device": device_name(facts.device), "torch": torch.__version__, **settings}
    publish_file(str(output / FACTS_FILE), lambda handle: handle.write(canonical_json(record) + b"\n"))


def read_facts(output: Path) -> dict[str, Any]:  # Any: JSON
    """Return what `write_facts` wrote.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    file = output / FACTS_FILE
    try:
        return dict(json.loads(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: found no run: {error!r}; the command that trains writes it anew") from error
