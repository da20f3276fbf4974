"""The soup: a checkpoint whose weights are the plain mean of those of runs that differ in the order of their data.

Each weight is added up in float64, divided by the number of runs and rounded to float32 once. The ingredients are added
in the order of their digests, so the bytes of a soup do not depend on the order in which they are named. A few MiB of
each are held at once, whatever the model.
"""

import contextlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mixes.errors import CheckpointError
from mixes.files import publish_file
from mixes.progress import Progress as ShownProgress
from trainer.checkpoint import WEIGHTS, Checkpoint, Progress, publish, shard_name, verified
from trainer.resume import FREE_KEYS, differences, told
from trainer.tensor_files import TensorFiles, TensorForm, write_pieces

_PIECE_ELEMENTS = 2**22  # of one tensor, held once in float64 and once in float32
_LENGTH_KEYS = ("steps", "tokens")  # of the spec: differ where mixes may


def write_soup(ingredients: Sequence[Checkpoint], output: Path, *, any_mix: bool = False) -> Checkpoint:
    """Write the mean of checkpoints as one that has weights and no optimizer, and say how far it is; return it.

    Args:
        ingredients: two or more, verified.
        output: its folder, which must not exist.
        any_mix: see `require_siblings`.

    Raises:
        CheckpointError: they are no siblings, or a tensor is missing.
        MixError: the folder cannot be written.
    """
    require_siblings(ingredients, any_mix=any_mix)
    if output.exists():
        raise CheckpointError(f"{output}: is there already; remove it or choose another --output")
    ordered = sorted(ingredients, key=lambda each: each.digest)
    temporary = output.with_name(f"{output.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(TensorFiles(each.shards)) for each in ordered]
        names = [name for name in files[0].names if name.startswith(WEIGHTS)]
        forms = {name: TensorForm(torch.float32, files[0].shape(name)) for name in names}
        means, name = _means(files, forms), shard_name(0, 1)
        written = publish_file(str(temporary / name), lambda handle: write_pieces(handle, forms, means))
    publish(temporary, output, {name: written}, _progress(ordered))
    return verified(output, content=False)


def require_siblings(ingredients: Sequence[Checkpoint], *, any_mix: bool = False) -> None:
    """Refuse checkpoints that are more than runs of one recipe in several data orders.

    Args:
        ingredients: verified checkpoints.
        any_mix: let their mixes and lengths differ too, as those of OLMo 2 13B's soup do; model, tokenizer, parent and
            the rest of the recipe may not.

    Raises:
        CheckpointError: there are fewer than two, one is a soup itself, two have the same data order, or they differ in
            something else; the message names it.
    """
    if len(ingredients) < 2:
        raise CheckpointError(f"found {len(ingredients)} checkpoints, wanted two or more for a soup")
    first = ingredients[0]
    seen: dict[tuple[object, ...], Path] = {}
    for each in ingredients:
        if each.progress.ingredients:
            raise CheckpointError(f"{each.folder}: found a soup, wanted the checkpoints that it was made of")
        strange = differences(_origin(first, any_mix=any_mix), _origin(each, any_mix=any_mix))
        if strange:
            raise CheckpointError(
                f"{each.folder}: no sibling of {first.folder}: {told(strange)}; "
                "wanted runs that differ in data_seed alone"
            )
        order = (_data_seed(each.progress), each.progress.mix["digest"], each.progress.step)
        if order in seen:
            raise CheckpointError(
                f"{each.folder}: has the data order of {seen[order]}, data_seed {_data_seed(each.progress)}; "
                "leave one of them out"
            )
        seen[order] = each.folder


def _origin(checkpoint: Checkpoint, *, any_mix: bool) -> dict[str, Any]:  # Any: JSON
    """Return what siblings have in common, as a record to be compared."""
    progress = checkpoint.progress
    left_out = {"data_seed", *FREE_KEYS, *(_LENGTH_KEYS if any_mix else ())}
    common: dict[str, Any] = {
        "shape": progress.shape,
        "parent": progress.parent,
        "spec": {key: value for key, value in progress.spec.items() if key not in left_out},
    }
    if any_mix:
        return common | {"mix": {"tokenizer": progress.mix["tokenizer"]}}
    return common | {"mix": progress.mix, "step": progress.step}


def _data_seed(progress: Progress) -> int:
    """Return the seed of a run's data order."""
    found = progress.spec["data_seed"]
    return int(progress.spec["seed"] if found is None else found)


def _progress(ingredients: Sequence[Checkpoint]) -> Progress:
    """Return what a soup says beside its tensors: what the first ingredient says, and what all of them are."""
    named = [
        {
            "digest": each.digest,
            "data_seed": _data_seed(each.progress),
            "step": each.progress.step,
            "mix": each.progress.mix["name"],
        }
        for each in ingredients
    ]
    return replace(ingredients[0].progress, ingredients=named)


def _means(files: Sequence[TensorFiles], forms: Mapping[str, TensorForm]) -> Iterator[Tensor]:
    """Yield the mean of each tensor by stretches of its rows."""
    size = sum(4 * math.prod(shape) for _, shape in forms.values())
    with ShownProgress("souped", "MB", size) as progress:
        for name, (_, shape) in forms.items():
            num_rows = max(1, _PIECE_ELEMENTS // max(1, math.prod(shape[1:])))
            for first in range(0, shape[0], num_rows):
                stop = min(shape[0], first + num_rows)
                total = torch.zeros((stop - first, *shape[1:]), dtype=torch.float64)
                for each in files:
                    total += each.read(name, first, stop)
                yield (total / len(files)).float()
                progress.add(4 * total.numel())
