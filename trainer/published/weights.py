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
from mixes.files import digest_file, is_inside
from mixes.typed_yaml.canonical import canonical_json
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import pieces_of, shape_of
from trainer.models.presets import ModelShape
from trainer.ranks import local_part, local_rows
from trainer.tensor_files import TensorFiles

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_MAX_NAMED = 3  # tensors that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A folder with a config.json and weights.

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
            CheckpointError: the names are not the model's, or a tensor has another shape.
        """
        pieces = {name: list(pieces_of(name, self.shape)) for name, _ in model.named_parameters()}
        with TensorFiles(self.files) as files, torch.no_grad():
            self._require_names({piece.name for some in pieces.values() for piece in some}, set(files.names))
            for name, parameter in model.named_parameters():
                first, stop = local_rows(parameter)
                mine = local_part(parameter)
                for piece in pieces[name]:
                    if piece.expert is None:
                        shape, place = parameter.shape, mine
                        rows = (first, stop)
                    elif first <= piece.expert < stop:
                        place = mine[piece.expert - first, piece.rows]
                        shape, rows = place.shape, (0, len(place))
                    else:
                        continue
                    if files.shape(piece.name) != shape:
                        raise CheckpointError(
                            f"{self.folder}: {piece.name}: found the shape {files.shape(piece.name)}, "
                            f"wanted {tuple(shape)}; change `model` in the spec"
                        )
                    place.copy_(files.read(piece.name, *rows))

    def _require_names(self, wanted: set[str], found: set[str]) -> None:
        problems = [
            f"{len(names)} tensors {what}: {', '.join(sorted(names)[:_MAX_NAMED])}"
            for names, what in ((wanted - found, "are missing"), (found - wanted, "are none of the model's"))
            if names
        ]
        if problems:
            raise CheckpointError(f"{self.folder}: {'; '.join(problems)}; wanted the weights of this model alone")


def is_published(folder: Path) -> bool:
    """Return whether a folder is one of Hugging Face's and not a checkpoint of ours."""
    return (folder / CONFIG_FILE).is_file()


def open_published(folder: Path) -> PublishedModel:
    """Return the model of a folder, of which only JSON was read.

    Raises:
        CheckpointError: its config is no OLMo 2's or OLMoE's, or a file of weights is absent or outside the folder.
    """
    config, index = _json(folder / CONFIG_FILE), folder / INDEX_FILE
    names = {WEIGHTS_FILE}
    if index.is_file():
        weight_map = _json(index).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
            raise CheckpointError(f"{index}: weight_map: found no mapping from tensors to files; copy the folder again")
        names = set(weight_map.values())
    outside = sorted(name for name in names if not is_inside(name) or "/" in name)
    if outside:
        raise CheckpointError(f"{index}: found the file name {outside[0]!r}, wanted a file of its folder")
    files = tuple(folder / name for name in sorted(names))
    absent = [path for path in files if not path.is_file()]
    if absent:
        raise CheckpointError(f"{absent[0]}: found no such file, wanted weights in safetensors; copy the folder again")
    return PublishedModel(folder=folder, config=config, shape=shape_of(config, str(folder / CONFIG_FILE)), files=files)


def _json(path: Path) -> dict[str, Any]:  # Any: JSON
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}; copy the folder again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: found {type(content).__name__}, wanted a JSON object; copy the folder again")
    return content
