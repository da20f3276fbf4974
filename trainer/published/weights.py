"""Weights of a published model: a Hugging Face folder of safetensors to begin a run from, in one file or several."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mixes.errors import CheckpointError
from mixes.files import digest_file
from mixes.typed_yaml.canonical import canonical_json
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import pieces_of, shape_of
from trainer.models.presets import ModelShape
from trainer.ranks import local_part, local_rows
from trainer.tensor_files import TensorFiles

CONFIG_FILE = "config.json"
_MAX_NAMED = 3  # tensors that a message names
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A folder with a config.json and the weights that it describes.

    Attributes:
        folder: where it lies.
        config: what config.json says.
        shape: of the model, as its config says.
        files: its safetensors files.
    """

    folder: Path
    config: Mapping[str, Any]  # Any: JSON
    shape: ModelShape
    files: tuple[Path, ...]

    def digest(self) -> str:
        """Return what names the content of all files, 64 hex digits; reads every byte."""
        files = {path.name: dataclasses.asdict(digest_file(path)) for path in (self.folder / CONFIG_FILE, *self.files)}
        return hashlib.sha256(canonical_json(files)).hexdigest()

    def require_fit(self, shape: ModelShape, eos_id: int) -> None:
        """Refuse a model of another shape than the spec's, or with another end of document than the mix's.

        Raises:
            CheckpointError: they differ; the message names where.
        """
        ours, theirs = dataclasses.asdict(shape), dataclasses.asdict(self.shape)
        wrong = [f"{name}: found {theirs[name]}, wanted {ours[name]}" for name in ours if ours[name] != theirs[name]]
        if self.config.get("eos_token_id") not in (None, eos_id):
            wrong.append(f"eos_token_id: found {self.config['eos_token_id']!r}, wanted {eos_id}, the mix's")
        if wrong:
            raise CheckpointError(
                f"{self.folder / CONFIG_FILE}: not the model of this run: {'; '.join(wrong)}; "
                "give what was found under `model` in the spec, or a mix of the model's tokenizer"
            )

    def fill(self, model: LanguageModel) -> None:
        """Fill the weights, each rank with the rows it holds; the optimizer starts anew.

        Raises:
            CheckpointError: a weight is not finite.
        """
        with TensorFiles(self.files) as files, torch.no_grad():
            for name, parameter in model.named_parameters():
                first, stop = local_rows(parameter)
                for on_disk, place in pieces_of(name, local_part(parameter), first):
                    rows = (first, stop) if on_disk == name else (0, None)
                    weights = files.read(on_disk, *rows)
                    if not weights.isfinite().all():
                        raise CheckpointError(f"{self.folder}: {on_disk}: found NaN or infinity; copy the folder again")
                    place.copy_(weights)


def is_published(folder: Path) -> bool:
    """Return whether a folder is one of Hugging Face's and not a checkpoint of ours."""
    return (folder / CONFIG_FILE).is_file()


def open_published(folder: Path) -> PublishedModel:
    """Return the model of a folder; of its weights only names and shapes are read.

    Raises:
        CheckpointError: its config is no OLMo 2's or OLMoE's, or its weights are not those that the config describes.
    """
    place = folder / CONFIG_FILE
    try:
        config = dict(json.loads(place.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{place}: cannot be read as a JSON object: {error}; copy the folder again") from error
    shape, files = shape_of(config, str(place)), tuple(sorted(folder.glob("*.safetensors")))
    if not files:
        raise CheckpointError(f"{folder}: found no *.safetensors, wanted the weights; copy the folder again")
    with TensorFiles(files) as tensors:
        found = {name: tensors.shape(name) for name in tensors.names}
        dtypes = {name: tensors.read(name, 0, 0).dtype for name in found}
    if shape.num_layers > len(found):  # before so many are made
        raise CheckpointError(
            f"{folder}: found {len(found):,} tensors, wanted those of {shape.num_layers:,} layers; "
            f"copy the folder or its {CONFIG_FILE} again"
        )
    with torch.device("meta"):
        model = LanguageModel(shape)
    pieces = (piece for name, parameter in model.named_parameters() for piece in pieces_of(name, parameter))
    wanted = {name: tuple(piece.shape) for name, piece in pieces}
    strange = [name for name in sorted(wanted | found) if wanted.get(name) != found.get(name)]
    if strange:
        some = [f"{name}: found {found.get(name)}, wanted {wanted.get(name)}" for name in strange[:_MAX_NAMED]]
        raise CheckpointError(
            f"{folder}: {len(strange)} tensors are not those of {CONFIG_FILE}: {'; '.join(some)}; copy the folder again"
        )
    quantized = [f"{name}: {dtype}" for name, dtype in dtypes.items() if dtype not in _DTYPES]
    if quantized:
        kinds = ", ".join(map(str, _DTYPES))
        raise CheckpointError(f"{folder}: found {quantized[0]}; wanted weights that are not quantized, of {kinds}")
    return PublishedModel(folder=folder, config=config, shape=shape, files=files)
