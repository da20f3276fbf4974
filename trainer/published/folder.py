"""A checkpoint as a Hugging Face folder: settings, tokenizer and weights as `transformers` reads them."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mixes.errors import MixError, SpecError
from mixes.exporting.hugging_face import licences
from mixes.files import publish_file
from mixes.manifest import digest_of, load, mix_folder
from mixes.spec.mix import MixSpec
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.binding import bind_file
from trainer.checkpoint import FILE_NAME, WEIGHTS, Checkpoint
from trainer.models.hugging_face import Piece, config_of, pieces_of
from trainer.models.presets import ModelShape
from trainer.published.card import model_card, read_evaluation
from trainer.spec import LOAD_BALANCING_LOSS
from trainer.tensor_files import TensorFiles, TensorForm, write_pieces

MAX_FILE_BYTES = 5 * 10**9
_PAD_TOKENS = ("<|pad|>", "<|padding|>", "[PAD]", "<pad>")


def export(
    checkpoint: Checkpoint,
    output: Path,
    *,
    tokenizer: Path | None = None,
    mix: Path | None = None,
    evaluation: Path | None = None,
    dtype: torch.dtype = torch.float32,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Write a checkpoint's weights, settings and card as `Olmo2ForCausalLM` or `OlmoeForCausalLM` has them.

    Args:
        checkpoint: to be exported; its optimizer stays behind.
        output: the folder to write to.
        tokenizer: the tokenizer.json of the mix, perhaps gzipped, to be copied along.
        mix: that it was trained on, whose licences the card is to have.
        evaluation: file of its figures for the card, see `read_evaluation`.
        dtype: of the weights in the files; float32 is exact.
        max_file_bytes: weights are spread over several files where they need more.

    Raises:
        DataError: the tokenizer is not that of the mix, the figures are not the checkpoint's, or a file cannot be read.
        CheckpointError: a weight is missing.
        MixError: it is another mix, or a file cannot be written.
        SpecError: a checkpoint lies in the folder to write to.
    """
    if (output / FILE_NAME).exists():
        raise SpecError(f"{output}: found a checkpoint there; wanted another folder for --output")
    progress = checkpoint.progress
    shape, length, of_mix = ModelShape(**progress.shape), progress.spec["sequence_length"], progress.mix["tokenizer"]
    figures = None if evaluation is None else read_evaluation(evaluation, checkpoint)
    card = model_card(checkpoint, output.resolve().name, None if mix is None else _licences(mix, checkpoint), figures)
    special = {"eos_token_id": of_mix["eos_id"], "pad_token_id": None}
    if tokenizer is not None:
        content = read_tokenizer_json(tokenizer, of_mix["digest"])
        tokens = {token["id"]: token["content"] for token in json.loads(content)["added_tokens"]}
        special["pad_token_id"] = next((number for number, text in tokens.items() if text in _PAD_TOKENS), None)
        _write(output / "tokenizer.json", content)
        _write_json(output / "tokenizer_config.json", _tokenizer_config(tokens, special, length))
    name = str(dtype).removeprefix("torch.")
    config = config_of(shape) | special | {"bos_token_id": None, "max_position_embeddings": length}
    config |= {"dtype": name, "torch_dtype": name}  # the second is for transformers 4
    if shape.num_experts:
        factor = progress.spec["load_balancing_loss"]
        config["router_aux_loss_coef"] = LOAD_BALANCING_LOSS if factor is None else factor
    _write_json(output / "config.json", config)
    _write_json(output / "generation_config.json", {"_from_model_config": True} | special)
    with TensorFiles(checkpoint.shards) as files:
        _write_weights(files, shape, output, dtype, max_file_bytes)
    _write(output / "README.md", card.encode())


def _licences(mix: Path, checkpoint: Checkpoint) -> str:
    """Return what is known of the licences of a mix's sources, after a check that it is the checkpoint's mix."""
    manifest = load(mix)
    if digest_of(manifest) != checkpoint.progress.mix["digest"]:
        raise MixError(
            f"{mix}: found the mix {digest_of(manifest)}, wanted {checkpoint.progress.mix['digest']}, on which "
            f"{checkpoint.folder} was trained"
        )
    return licences(manifest.sources, bind_file(MixSpec, mix_folder(mix) / "spec.yaml").value)


def _tokenizer_config(tokens: Mapping[int, str], special: Mapping[str, int | None], length: int) -> dict[str, Any]:
    config: dict[str, Any] = {  # Any: JSON
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": length,
        "clean_up_tokenization_spaces": False,
    }
    names = {key.removesuffix("_id"): tokens.get(number) for key, number in special.items() if number is not None}
    return config | names


def _write_weights(
    files: TensorFiles, shape: ModelShape, output: Path, dtype: torch.dtype, max_file_bytes: int
) -> None:
    """Write `model.safetensors`, or several numbered files and their index; one tensor is held at once."""
    weights = [name for name in files.names if name.startswith(WEIGHTS)]
    pieces = {piece.name: (name, piece) for name in weights for piece in pieces_of(name.removeprefix(WEIGHTS), shape)}
    forms = {name: TensorForm(dtype, _shape(files.shape(whole), piece)) for name, (whole, piece) in pieces.items()}
    groups = list(_groups(forms, max_file_bytes))
    weight_map: dict[str, str] = {}
    for number, group in enumerate(groups, 1):
        file = f"model-{number:05}-of-{len(groups):05}.safetensors" if len(groups) > 1 else "model.safetensors"
        tensors = (_read(files, *pieces[name]).to(dtype) for name in group)
        publish_file(str(output / file), partial(write_pieces, forms=group, pieces=tensors))
        weight_map |= dict.fromkeys(group, file)
    if len(groups) > 1:
        sizes = {"total_size": sum(map(_num_bytes, forms.values()))}
        _write_json(output / "model.safetensors.index.json", {"metadata": sizes, "weight_map": weight_map})


def _groups(forms: Mapping[str, TensorForm], max_file_bytes: int) -> Iterator[dict[str, TensorForm]]:
    """Yield what each file holds, in the order of the checkpoint."""
    group: dict[str, TensorForm] = {}
    for name, form in forms.items():
        if group and sum(map(_num_bytes, group.values())) + _num_bytes(form) > max_file_bytes:
            yield group
            group = {}
        group[name] = form
    yield group


def _num_bytes(form: TensorForm) -> int:
    return math.prod(form.shape) * form.dtype.itemsize


def _shape(whole: tuple[int, ...], piece: Piece) -> tuple[int, ...]:
    """Return the shape of a piece of a tensor."""
    return whole if piece.expert is None else (len(range(whole[1])[piece.rows]), *whole[2:])


def _read(files: TensorFiles, name: str, piece: Piece) -> Tensor:
    if piece.expert is None:
        return files.read(name)
    return files.read(name, piece.expert, piece.expert + 1)[0, piece.rows]


def _write(path: Path, content: bytes) -> None:
    publish_file(str(path), lambda handle: handle.write(content))


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    _write(path, json.dumps(value, indent=2).encode() + b"\n")
