"""Export a checkpoint as a Hugging Face folder: `python trainer/export.py --checkpoint RUN/step-N --output HF`."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
from torch import Tensor

from mixes.errors import GristmillError, MixError
from mixes.exporting.hugging_face import licences
from mixes.files import publish_file
from mixes.manifest import digest_of, load, mix_folder
from mixes.spec.mix import MixSpec
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.binding import bind_file
from trainer.card import model_card, read_evaluation
from trainer.checkpoint import WEIGHTS, Checkpoint, verified
from trainer.models.hugging_face import Piece, config_of, pieces_of
from trainer.models.presets import ModelShape
from trainer.spec import LOAD_BALANCING_LOSS
from trainer.tensor_files import TensorFiles, write_tensors

MAX_FILE_BYTES = 5 * 10**9
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_PAD_TOKENS = ("<|pad|>", "<|padding|>", "[PAD]", "<pad>")
_EPILOG = """examples:
  python trainer/export.py --checkpoint runs/smoke/step-60 --output hf --tokenizer data/tokenizer/dolma2.json.gz
  python trainer/export.py --checkpoint runs/anneal/soup --output hf --tokenizer data/tokenizer/dolma2.json.gz \\
      --mix output/mixes/smoke --evaluation runs/anneal/results.json

exit status: 0 exported, 2 the request was wrong
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when exported, 2 when the request was wrong."""
    arguments = _parser().parse_args(argv)
    try:
        checkpoint = verified(arguments.checkpoint)
        of_data = None if arguments.mix is None else _licences(arguments.mix, checkpoint)
        evaluation = None if arguments.evaluation is None else read_evaluation(arguments.evaluation, checkpoint)
        export(checkpoint, arguments.output, tokenizer=arguments.tokenizer, dtype=_DTYPES[arguments.dtype])
        card = model_card(checkpoint, arguments.output.resolve().name, of_data, evaluation)
        _write(arguments.output / "README.md", card.encode())
    except GristmillError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"exported step {checkpoint.progress.step:,} to {arguments.output}")
    return 0


def export(
    checkpoint: Checkpoint,
    output: Path,
    *,
    tokenizer: Path | None = None,
    dtype: torch.dtype = torch.float32,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Write a checkpoint's weights and settings as `Olmo2ForCausalLM` or `OlmoeForCausalLM` reads them.

    Args:
        checkpoint: to be exported; its optimizer stays behind.
        output: the folder to write to.
        tokenizer: the tokenizer.json of the mix, perhaps gzipped, to be copied along.
        dtype: of the weights in the files; float32 is exact.
        max_file_bytes: weights are spread over several files where they need more.

    Raises:
        DataError: the tokenizer is not that of the mix, or cannot be read.
        CheckpointError: a weight is missing.
        MixError: a file cannot be written.
    """
    shape = ModelShape(**checkpoint.progress.shape)
    mix_tokenizer = checkpoint.progress.mix["tokenizer"]
    pad_id = None
    if tokenizer is not None:
        content = read_tokenizer_json(tokenizer, mix_tokenizer["digest"])
        tokens = {token["id"]: token["content"] for token in json.loads(content)["added_tokens"]}
        pad_id = next((number for number, text in tokens.items() if text in _PAD_TOKENS), None)
        _write(output / "tokenizer.json", content)
        length = checkpoint.progress.spec["sequence_length"]
        config = _tokenizer_config(tokens, mix_tokenizer["eos_id"], pad_id, length)
        _write_json(output / "tokenizer_config.json", config)
    _write_json(output / "config.json", _config(checkpoint, shape, pad_id, dtype))
    special = {"eos_token_id": mix_tokenizer["eos_id"], "pad_token_id": pad_id}
    _write_json(output / "generation_config.json", {"_from_model_config": True} | special)
    with TensorFiles(checkpoint.shards) as files:
        _write_weights(files, shape, output, dtype, max_file_bytes)


def _licences(mix: Path, checkpoint: Checkpoint) -> str:
    """Return what is known of the licences of a mix's sources, after a check that it is the checkpoint's mix."""
    manifest = load(mix)
    if digest_of(manifest) != checkpoint.progress.mix["digest"]:
        raise MixError(
            f"{mix}: found the mix {digest_of(manifest)}, wanted {checkpoint.progress.mix['digest']}, on which "
            f"{checkpoint.folder} was trained"
        )
    return licences(manifest.sources, bind_file(MixSpec, mix_folder(mix) / "spec.yaml").value)


def _write_weights(
    files: TensorFiles, shape: ModelShape, output: Path, dtype: torch.dtype, max_file_bytes: int
) -> None:
    """Write `model.safetensors`, or several numbered files and their index; one file's weights are held at once."""
    groups = list(_groups(files, shape, dtype.itemsize, max_file_bytes))
    names = [f"model-{number:05}-of-{len(groups):05}.safetensors" for number in range(1, len(groups) + 1)]
    if len(groups) == 1:
        names = ["model.safetensors"]
    weight_map: dict[str, str] = {}
    total = 0
    for file, group in zip(names, groups, strict=True):
        tensors = {piece.name: _read(files, name, piece).to(dtype) for name, piece in group}
        _write_tensor_file(output / file, tensors)
        weight_map |= dict.fromkeys(tensors, file)
        total += sum(tensor.nbytes for tensor in tensors.values())
    if len(groups) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        _write_json(output / "model.safetensors.index.json", index)


def _groups(
    files: TensorFiles, shape: ModelShape, item_size: int, max_file_bytes: int
) -> Iterator[list[tuple[str, Piece]]]:
    """Yield what each file holds, as parameters and their pieces, in the order of the checkpoint."""
    group: list[tuple[str, Piece]] = []
    size = 0
    for weight in files.names:
        if not weight.startswith(WEIGHTS):
            continue
        name = weight.removeprefix(WEIGHTS)
        for piece in pieces_of(name, shape):
            num_bytes = _num_elements(files.shape(weight), piece) * item_size
            if group and size + num_bytes > max_file_bytes:
                yield group
                group, size = [], 0
            group.append((name, piece))
            size += num_bytes
    yield group


def _num_elements(shape: Sequence[int], piece: Piece) -> int:
    if piece.expert is None:
        return math.prod(shape)
    return len(range(shape[1])[piece.rows]) * shape[2]


def _read(files: TensorFiles, name: str, piece: Piece) -> Tensor:
    if piece.expert is None:
        return files.read(WEIGHTS + name)
    return files.read(WEIGHTS + name, piece.expert, piece.expert + 1)[0, piece.rows]


def _config(
    checkpoint: Checkpoint, shape: ModelShape, pad_id: int | None, dtype: torch.dtype
) -> dict[str, Any]:  # Any: JSON
    """Return config.json: the model's part, and what checkpoint and mix add to it."""
    name = str(dtype).removeprefix("torch.")
    config = config_of(shape) | {
        "max_position_embeddings": checkpoint.progress.spec["sequence_length"],
        "bos_token_id": None,
        "eos_token_id": checkpoint.progress.mix["tokenizer"]["eos_id"],
        "pad_token_id": pad_id,
        "dtype": name,
        "torch_dtype": name,  # transformers 4
    }
    if shape.num_experts:
        factor = checkpoint.progress.spec["load_balancing_loss"]
        config["router_aux_loss_coef"] = LOAD_BALANCING_LOSS if factor is None else factor
    return config


def _tokenizer_config(
    tokens: Mapping[int, str], eos_id: int, pad_id: int | None, length: int
) -> dict[str, Any]:  # Any: JSON
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": length,
        "clean_up_tokenization_spaces": False,
        "eos_token": tokens.get(eos_id),
    }
    return config if pad_id is None else config | {"pad_token": tokens[pad_id]}


def _write(path: Path, content: bytes) -> None:
    publish_file(str(path), lambda handle: handle.write(content))


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    _write(path, json.dumps(value, indent=2).encode() + b"\n")


def _write_tensor_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    publish_file(str(path), lambda handle: write_tensors(handle, tensors))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python trainer/export.py",
        description="Write a checkpoint as a folder that transformers' Olmo2ForCausalLM or OlmoeForCausalLM reads.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", metavar="STEP", type=Path, required=True, help="folder of a checkpoint")
    parser.add_argument("--output", metavar="HF", type=Path, required=True, help="folder to write")
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="tokenizer.json[.gz] of the mix, to copy along")
    parser.add_argument("--mix", metavar="MIX", type=Path, help="the mix it was trained on: its licences for the card")
    parser.add_argument(
        "--evaluation",
        metavar="FILE",
        type=Path,
        help="figures for the card: of evaluate.py, or a stage's results.json",
    )
    parser.add_argument("--dtype", choices=tuple(_DTYPES), default="float32", help="of the weights; float32 is exact")
    return parser


if __name__ == "__main__":
    sys.exit(main())
