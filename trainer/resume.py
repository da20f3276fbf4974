"""Where a run begins: from its newest checkpoint, from another run's, or at first; and whether it is the same run."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixes.errors import CheckpointError, SpecError
from mixes.manifest import Manifest, digest_of
from mixes.typed_yaml.canonical import canonical_json
from trainer.checkpoint import FILE_NAME, Checkpoint, Progress, newest_sound, verified
from trainer.ranks import Ranks
from trainer.spec import TrainSpec

FREE_KEYS = ("checkpoint", "evaluation", "log_interval")  # of the spec: may change on resume, as they change no weight


def find_checkpoint(output: Path, ranks: Ranks) -> Checkpoint | None:
    """Return the checkpoint to resume from: rank 0 verifies every byte, the others read only the record."""
    found = newest_sound(output) if ranks.is_first else None
    step = ranks.told(-1 if found is None else found.progress.step)
    if step < 0 or found is not None:
        return found
    return verified(output / f"step-{step}", content=False)


def known_parent(folder: Path | None) -> Checkpoint | None:
    """Return the checkpoint that a run began from, by its record alone; None where it is gone or a published model."""
    return None if folder is None or not (folder / FILE_NAME).is_file() else verified(folder, content=False)


def first_progress(spec: TrainSpec, manifests: Sequence[Manifest], parent: Checkpoint | None) -> Progress:
    """Return the progress of a run that has no checkpoint yet, which began from `parent` or from nothing.

    Raises:
        SpecError: no learning rate is given, here or by a parent.
        CheckpointError: the parent was trained with another tokenizer.
    """
    record = mix_record(manifests)
    peak, begun_from = spec.optimizer.learning_rate, "no --from CHECKPOINT to take it from"
    if parent is not None:
        changed = differences(parent.progress.mix["tokenizer"], record["tokenizer"])
        if changed:
            raise CheckpointError(
                f"{parent.folder}: its mix has another tokenizer ({'; '.join(changed)}); "
                "wanted a mix with the tokenizer of the checkpoint"
            )
        peak = parent.progress.learning_rate if peak is None else peak
        begun_from = f"{parent.folder} ended with a rate of 0"
    if not peak:
        raise SpecError(f"optimizer.learning_rate: found none and {begun_from}; wanted a rate")
    return Progress(
        step=0,
        tokens=0,
        learning_rate=0.0,
        peak_learning_rate=peak,
        spec=json.loads(canonical_json(spec)),
        shape=dataclasses.asdict(spec.model.shape(manifests[0].tokenizer.vocab_size)),
        mix=record,
        parent="" if parent is None else parent.digest,
    )


def require_same_run(
    found: Checkpoint, spec: TrainSpec, manifests: Sequence[Manifest], parent: Checkpoint | None = None
) -> None:
    """Refuse to resume with another mix, another recipe or, where one is given, another parent; name what changed."""
    began = found.progress
    own_run = "or begin a run of its own in another --output"
    if parent is not None and parent.digest != began.parent:
        raise CheckpointError(
            f"{found.folder}: the run did not begin from {parent.folder}: found the parent {began.parent or 'none'!r}, "
            f"wanted {parent.digest!r}; give the old one, {own_run}"
        )
    old, new = (
        {key: value for key, value in record.items() if key not in FREE_KEYS}
        for record in (began.spec, json.loads(canonical_json(spec)))
    )
    for what, changed, remedy in (
        ("mix", differences(began.mix, mix_record(manifests)), f"give the old mix, {own_run} with --from"),
        ("spec", differences(old, new), f"undo that, {own_run} with --from, or start over with --fresh"),
    ):
        if changed:
            raise CheckpointError(
                f"{found.folder}: the {what} is not the one this run began with: {'; '.join(changed)}; {remedy}"
            )


def mix_record(manifests: Sequence[Manifest]) -> dict[str, Any]:  # Any: JSON
    """Return what a checkpoint remembers of its mixes: enough to refuse others and to say what changed.

    Several mixes are remembered as one: names side by side, a digest of their digests, sources with their mix's name.
    """
    first, many = manifests[0], len(manifests) > 1
    digests = [digest_of(manifest) for manifest in manifests]
    return {
        "name": " + ".join(manifest.name for manifest in manifests),
        "digest": hashlib.sha256(canonical_json(digests)).hexdigest() if many else digests[0],
        "tokens": sum(manifest.tokens for manifest in manifests),
        "tokenizer": {key: getattr(first.tokenizer, key) for key in ("digest", "vocab_size", "eos_id")},
        "sources": {
            f"{manifest.name}:{source.name}" if many else source.name: {
                "tokens": source.tokens,
                "whole_epochs": source.whole_epochs,
                "cut_key": source.cut_key,
            }
            for manifest in manifests
            for source in manifest.sources
        },
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:  # Any: JSON
    """Return what changed between two records, one text a key: `optimizer.beta2: 0.95 became 0.99`."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{path}{key}.")
        elif before != after:
            found.append(f"{path}{key}: {before!r} became {after!r}")
    return found
