"""A model to be evaluated: a checkpoint of ours, or a folder as Hugging Face lays it out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mixes.errors import CheckpointError, DataError, SpecError
from mixes.tokenizer_file import read_tokenizer_json
from trainer.checkpoint import FILE_NAME as CHECKPOINT_FILE
from trainer.checkpoint import WEIGHTS, fill_from, verified
from trainer.evaluation.encoding import Encoder
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import shape_of
from trainer.models.presets import ModelShape
from trainer.published.weights import CONFIG_FILE, is_published, open_published

TOKENIZER_FILE = "tokenizer.json"
MakeModel: TypeAlias = Callable[[ModelShape], LanguageModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenModel:
    """A model whose weights are still on disk; `open_model` makes it.

    Attributes:
        folder: where it lies.
        shape: of the model.
        context: tokens of an instance that it was trained on.
        prefix_id: the token that the first token of a text follows: BOS, or EOS where it has none.
        end_id: the token that ends a text: EOS.
        encoder: its tokenizer, None for a checkpoint when none was given.
        tokenizer_digest: SHA-256 of its tokenizer.json, known for a checkpoint in any case.
        digest: gives what names its weights; may read every byte of them.
        fill: fills a model of its shape.
    """

    folder: Path
    shape: ModelShape
    context: int
    prefix_id: int
    end_id: int
    encoder: Encoder | None
    tokenizer_digest: str
    digest: Callable[[], str]
    fill: Callable[[LanguageModel], None]

    def load(self, make_model: MakeModel) -> LanguageModel:
        """Return the model with its weights, as `make_model` makes it of a shape, sharded or not."""
        model = make_model(self.shape)
        self.fill(model)
        return model


def open_model(folder: Path, tokenizer: Path | None, *, verifies: bool = True) -> OpenModel:
    """Return the model of a folder.

    Args:
        folder: a checkpoint, `RUN/step-N`, or a folder with config.json and safetensors, such as `trainer/export.py`
            writes and OLMo 2 is published in.
        tokenizer: the tokenizer.json of the mix, for a checkpoint; a folder of the other kind brings its own.
        verifies: check every byte of a checkpoint; without, only its record, where that was done already or is done by
            another rank.

    Raises:
        CheckpointError: it is neither, it is damaged, or another kind of model.
        DataError: the tokenizer is not the mix's, or cannot be read.
        SpecError: a tokenizer is given for a folder that brings its own.
    """
    if is_published(folder):
        if tokenizer is not None:
            raise SpecError(f"{folder}: found --tokenizer {tokenizer} for a folder that brings its own; leave it out")
        return _published(folder)
    if (folder / CHECKPOINT_FILE).is_file():
        return _checkpoint(folder, tokenizer, verifies=verifies)
    raise CheckpointError(f"{folder}: found neither {CHECKPOINT_FILE} nor {CONFIG_FILE}; wanted RUN/step-N or a model")


def _checkpoint(folder: Path, tokenizer: Path | None, *, verifies: bool) -> OpenModel:
    checkpoint = verified(folder, content=verifies)
    progress = checkpoint.progress
    of_mix = progress.mix["tokenizer"]
    encoder = None
    if tokenizer is not None:
        encoder = Encoder(read_tokenizer_json(tokenizer, of_mix["digest"]), of_mix["eos_id"])

    def fill(model: LanguageModel) -> None:
        fill_from(checkpoint, {WEIGHTS + name: parameter for name, parameter in model.named_parameters()})

    return OpenModel(
        folder=folder,
        shape=ModelShape(**progress.shape),
        context=progress.spec["sequence_length"],
        prefix_id=of_mix["eos_id"],
        end_id=of_mix["eos_id"],
        encoder=encoder,
        tokenizer_digest=of_mix["digest"],
        digest=lambda: checkpoint.digest,
        fill=fill,
    )


def _published(folder: Path) -> OpenModel:
    published = open_published(folder)
    config, place = published.config, folder / CONFIG_FILE
    ids = [config.get("bos_token_id"), config.get("eos_token_id")]
    prefix_id = next((number for number in ids if number is not None), None)
    context = config.get("max_position_embeddings")
    if not isinstance(prefix_id, int) or not isinstance(context, int):
        found = f"eos_token_id {ids[1]!r} and max_position_embeddings {context!r}"
        raise CheckpointError(f"{place}: found {found}, wanted a whole number for each")
    try:
        content = (folder / TOKENIZER_FILE).read_bytes()
    except OSError as error:
        raise DataError(f"{folder / TOKENIZER_FILE}: cannot be read: {error.strerror}; copy the model's") from error
    return OpenModel(
        folder=folder,
        shape=shape_of(config, str(place)),
        context=context,
        prefix_id=prefix_id,
        end_id=prefix_id if ids[1] is None else ids[1],
        encoder=Encoder(content, prefix_id),
        tokenizer_digest=hashlib.sha256(content).hexdigest(),
        digest=published.digest,
        fill=published.fill,
    )
