"""Where a run begins: from its newest checkpoint, from another run's, or at first; and whether it is the same run."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixes.errors import CheckpointError, SpecError
from mixes.manifest import Manifest, digest_of
from mixes.typed_yaml.canonical import canonical_json
from trainer.checkpoint import FILE_NAME, Checkpoint, Progress, fill_from, newest_sound, verified
from trainer.models.presets import ModelShape
from trainer.published.weights import is_published, open_published
from trainer.ranks import Ranks
from trainer.sharding import fill_with_initial_weights
from trainer.spec import TrainSpec
from trainer.updates import Trainer

FREE_KEYS = ("checkpoint", "evaluation", "log_interval")  # of the spec: may change on resume, as they change no weight
FREE_SIZES = ("rope_theta",)  # of a model: may differ from the parent's, as no tensor has another shape
_MAX_TOLD = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Where a run begins.

    Attributes:
        progress: how far it is.
        place: what people are told: `from first weights`.
        fill: fills the tensors that the steps of a run change.
    """

    progress: Progress
    place: str
    fill: Callable[[Trainer], None]


def beginning(
    spec: TrainSpec, manifests: Sequence[Manifest], own: Checkpoint | None, start_from: Path | None, *, content: bool
) -> Beginning:
    """Return where a run begins, after all was refused that can be known before a tensor is read.

    Args:
        spec: of the run.
        manifests: of its mixes.
        own: its newest checkpoint, or None.
        start_from: folder of another run's checkpoint or of a published model, which a run that has none of its own
            begins from; None for first weights.
        content: read every byte of that; without, only what its JSON says, and the parent of a published model is "".

    Raises:
        CheckpointError: the checkpoint is one of another run; or the other is damaged, of another shape or tokenizer.
        SpecError: no learning rate is given, here or by a parent.
    """
    looked_at = "" if content else ", of which the record was checked"
    if own is not None:
        require_same_run(own, spec, manifests, known_parent(start_from))
        done = ", where all steps are done" if own.progress.step >= spec.num_steps else ""
        return Beginning(
            progress=own.progress,
            place=f"after step {own.progress.step:,}{done}: {own.folder}{looked_at}",
            fill=lambda trainer: fill_from(own, trainer.state()),
        )
    if start_from is None:
        return Beginning(
            progress=_first_progress(spec, manifests, None),
            place="from first weights",
            fill=lambda trainer: fill_with_initial_weights(trainer.model, spec.seed),
        )
    if is_published(start_from):
        published, progress = open_published(start_from), _first_progress(spec, manifests, None)
        published.require_fit(ModelShape(**progress.shape), manifests[0].tokenizer.eos_id)
        return Beginning(
            progress=dataclasses.replace(progress, parent=published.digest() if content else ""),
            place=f"from the weights of {start_from}{looked_at}",
            fill=lambda trainer: published.fill(trainer.model),
        )
    parent = verified(start_from, content=content)
    has_optimizer = not parent.progress.ingredients
    return Beginning(
        progress=_first_progress(spec, manifests, parent),
        place=f"from {'weights and optimizer' if has_optimizer else 'the weights'} of {start_from}{looked_at}",
        fill=lambda trainer: fill_from(parent, trainer.inherited_state() if has_optimizer else trainer.weights()),
    )


def find_checkpoint(output: Path, ranks: Ranks) -> Checkpoint | None:
    """Return the checkpoint to resume from: rank 0 verifies every byte, the others read only the record."""
    with ranks.refusing_together():
        found = newest_sound(output) if ranks.is_first else None
    step = ranks.told(-1 if found is None else found.progress.step)
    if step < 0 or found is not None:
        return found
    return verified(output / f"step-{step}", content=False)


def known_parent(folder: Path | None) -> Checkpoint | None:
    """Return the checkpoint that a run began from, by its record alone; None where it is gone or a published model."""
    return None if folder is None or not (folder / FILE_NAME).is_file() else verified(folder, content=False)


def _first_progress(spec: TrainSpec, manifests: Sequence[Manifest], parent: Checkpoint | None) -> Progress:
    """Return the progress of a run that has no checkpoint yet, which began from `parent` or from nothing.

    Raises:
        SpecError: no learning rate is given, here or by a parent.
        CheckpointError: the parent has another tokenizer or shape.
    """
    record = mix_record(manifests)
    shape = dataclasses.asdict(spec.model.shape(manifests[0].tokenizer.vocab_size))
    peak, begun_from = spec.optimizer.learning_rate, "no --from CHECKPOINT to take it from"
    if parent is not None:
        changed = differences(parent.progress.mix["tokenizer"], record["tokenizer"])
        if changed:
            raise CheckpointError(
                f"{parent.folder}: its mix has another tokenizer ({told(changed)}); "
                "wanted a mix with the tokenizer of the checkpoint"
            )
        theirs, ours = (
            {name: size for name, size in each.items() if name not in FREE_SIZES}
            for each in (parent.progress.shape, shape)
        )
        changed = differences(theirs, ours)
        if changed:
            raise CheckpointError(
                f"{parent.folder}: its model has another shape: {told(changed)}; give its sizes under `model`"
            )
        peak = parent.progress.learning_rate if peak is None else peak
        begun_from = f"{parent.folder} ended with a rate of 0"
    if shape["vocab_size"] < (num_ids := record["tokenizer"]["vocab_size"]):
        raise SpecError(f"model.vocab_size: found {shape['vocab_size']:,}, wanted the mix's {num_ids:,} ids or more")
    if not peak:
        raise SpecError(f"optimizer.learning_rate: found none and {begun_from}; wanted a rate")
    return Progress(
        step=0,
        tokens=0,
        learning_rate=0.0,
        peak_learning_rate=peak,
        spec=json.loads(canonical_json(spec)),
        shape=shape,
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
                f"{found.folder}: the {what} is not the one this run began with: {told(changed)}; {remedy}"
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


def told(changed: Sequence[str]) -> str:
    """Return what changed in one line: the first changes, and how many there are beside them."""
    more = len(changed) - _MAX_TOLD
    return "; ".join(changed[:_MAX_TOLD]) + (f" and {more} more" if more > 0 else "")
