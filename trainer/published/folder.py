"""A checkpoint as a Hugging Face folder: settings, tokenizer, weights and card as `transformers` reads them."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mixes.errors import SpecError
from mixes.files import publish_file, sync_folder
from mixes.tokenizer_file import read_tokenizer_json
from trainer.checkpoint import WEIGHTS, Checkpoint
from trainer.models.hugging_face import config_of, pieces_of
from trainer.models.presets import ModelShape
from trainer.published.card import model_card
from trainer.tensor_files import TensorFiles, TensorForm, write_pieces

MAX_FILE_BYTES = 5 * 10**9
_TRANSFORMERS = "4.47.0"  # the first that knows OLMo 2
_PAD_TOKENS = ("<|pad|>", "<|padding|>", "[PAD]", "<pad>")


def export(
    checkpoint: Checkpoint,
    output: Path,
    tokenizer: Path,
    *,
    dtype: torch.dtype = torch.float32,
    max_file_bytes: int = MAX_FILE_BYTES,
    count: Callable[[int], None] = lambda _: None,
) -> None:
    """Write a checkpoint as `Olmo2ForCausalLM` or `OlmoeForCausalLM` has it; the optimizer stays behind.

    Args:
        checkpoint: to be exported.
        output: the folder to write, which must not exist; it appears when all is written.
        tokenizer: the tokenizer.json of the mix, perhaps gzipped, to be copied along.
        dtype: of the weights in the files; float32 is exact.
        max_file_bytes: weights are spread over several files where they need more.
        count: called with the number of bytes of each file of weights.

    Raises:
        DataError: the tokenizer is not that of the mix or cannot be read.
        MixError: a file cannot be written.
        SpecError: the folder is there already.
    """
    if output.exists():
        raise SpecError(f"{output}: is there already; remove it or choose another --output")
    content = read_tokenizer_json(tokenizer, checkpoint.progress.mix["tokenizer"]["digest"])
    card = model_card(checkpoint, output.resolve().name)
    temporary = output.with_name(f"{output.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    _write_weights(checkpoint, temporary, dtype, max_file_bytes, count)
    _write(temporary / "tokenizer.json", content)
    _write(temporary / "README.md", card.encode())
    for name, settings in _settings(checkpoint, content, dtype).items():
        _write_json(temporary / name, settings)
    temporary.rename(output)
    sync_folder(output.parent)


def _settings(checkpoint: Checkpoint, tokenizer: bytes, dtype: torch.dtype) -> dict[str, Mapping[str, object]]:
    """Return what the files of settings say, by their names."""
    length, eos_id = checkpoint.progress.spec["sequence_length"], checkpoint.progress.mix["tokenizer"]["eos_id"]
    added = {token["id"]: token["content"] for token in json.loads(tokenizer)["added_tokens"]}
    pad_id = next((number for number, text in added.items() if text in _PAD_TOKENS), None)
    special = {"bos_token_id": None, "eos_token_id": eos_id, "pad_token_id": pad_id}
    names = dict.fromkeys(("dtype", "torch_dtype"), str(dtype).removeprefix("torch."))  # in transformers 5 and 4
    config = config_of(ModelShape(**checkpoint.progress.shape)) | special | names | {"max_position_embeddings": length}
    return {
        # Without a version, transformers 4.57 takes the tokenizer for a broken one of Mistral's and offers to mend it.
        "config.json": config | {"transformers_version": _TRANSFORMERS},
        "generation_config.json": {"_from_model_config": True} | special,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": length,
            "model_input_names": ["input_ids", "attention_mask"],  # in transformers 4 else one that models refuse
            "clean_up_tokenization_spaces": False,
            "eos_token": added.get(eos_id),
            "pad_token": added.get(pad_id),
        },
    }


def _write_weights(
    checkpoint: Checkpoint, folder: Path, dtype: torch.dtype, max_file_bytes: int, count: Callable[[int], None]
) -> None:
    """Write `model.safetensors`, or several numbered files and their index; one parameter is held at once."""
    weight_map: dict[str, str] = {}
    with TensorFiles(checkpoint.shards) as files:
        blank = dict(_weights(files, lambda name: torch.empty(files.shape(name), dtype=dtype, device="meta")))
        groups = _groups(blank, max_file_bytes)
        weights = (weight.to(dtype) for _, weight in _weights(files, files.read))
        for number, group in enumerate(groups, 1):
            file = f"model-{number:05}-of-{len(groups):05}.safetensors" if len(groups) > 1 else "model.safetensors"
            some = itertools.islice(weights, len(group))
            publish_file(str(folder / file), partial(write_pieces, forms=group, pieces=some))
            weight_map |= dict.fromkeys(group, file)
            count(sum(blank[name].nbytes for name in group))
    if len(groups) > 1:
        sizes = {"total_size": sum(weight.nbytes for weight in blank.values())}
        _write_json(folder / "model.safetensors.index.json", {"metadata": sizes, "weight_map": weight_map})


def _weights(files: TensorFiles, read: Callable[[str], Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield all weights by the names that they have on disk, from the parameters that a function reads."""
    for name in files.names:
        if name.startswith(WEIGHTS):
            yield from pieces_of(name.removeprefix(WEIGHTS), read(name))


def _groups(weights: Mapping[str, Tensor], max_file_bytes: int) -> list[dict[str, TensorForm]]:
    """Return what each file holds, in the order of the weights."""
    groups: list[dict[str, TensorForm]] = [{}]
    num_bytes = 0
    for name, weight in weights.items():
        num_bytes += weight.nbytes
        if num_bytes > max_file_bytes and groups[-1]:
            groups.append({})
            num_bytes = weight.nbytes
        groups[-1][name] = TensorForm(weight.dtype, tuple(weight.shape))
    return groups


def _write(path: Path, content: bytes) -> None:
    publish_file(str(path), lambda handle: handle.write(content))


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    _write(path, json.dumps(value, indent=2).encode() + b"\n")
