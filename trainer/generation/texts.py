"""Texts that a model writes: prompts to tokens, and tokens back to text while they come."""

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mixes.errors import SpecError
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.json_lines import read_records, text_of
from trainer.evaluation.opening import open_model
from trainer.generation.next_tokens import Drawing, generate
from trainer.models.decoder import LanguageModel
from trainer.models.presets import ModelShape
from trainer.ranks import device_of
from trainer.sharding import DTYPES
from trainer.spec import Precision

_UNFINISHED = "\ufffd"  # what a letter looks like whose last bytes are still to come


class Writer:
    """A model that goes on with texts.

    Args:
        folder: a checkpoint or a published model.
        tokenizer: the tokenizer.json of a checkpoint's mix; a published model brings its own.
        drawing: how tokens are chosen.
        max_tokens: made for a prompt at most.
        precision: of weights and states.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        CheckpointError: the model cannot be loaded.
        DataError: the tokenizer cannot be read, or is not that of the mix.
        SpecError: a checkpoint is given without a tokenizer.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: Path | None,
        *,
        drawing: Drawing,
        max_tokens: int,
        precision: Precision,
        device: str,
    ) -> None:
        opened = open_model(folder, tokenizer)
        if opened.tokenizer is None:
            raise SpecError(
                f"{folder}: a checkpoint holds no tokenizer; wanted --tokenizer with the tokenizer.json of its mix, "
                f"digest {opened.tokenizer_digest}"
            )
        self.encoder = Encoder(opened.tokenizer, opened.prefix_id)
        self._model = opened.load(partial(_unsharded, device=device_of(device))).to(DTYPES[precision])
        self._end_id, self._context = opened.end_id, opened.context
        self._drawing, self._max_tokens = drawing, max_tokens

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the text that follows a prompt, piece by piece.

        Raises:
            SpecError: the prompt fills the context of the model.
        """
        tokens = self._tokens([prompt], "the prompt")
        ids: list[int] = []
        told = 0
        for (token,) in self._generate(tokens, 0):
            if token is not None and token != self._end_id:
                ids.append(token)
            text = self.encoder.decode(ids)
            if not text.endswith(_UNFINISHED):
                yield text[told:]
                told = len(text)
        yield self.encoder.decode(ids)[told:]

    def answers(self, file: Path, batch: int) -> Iterator[dict[str, Any]]:  # Any: JSON
        """Yield, for each prompt of a file of JSON lines, its record for another: prompt, text, tokens, ended.

        Args:
            file: records with a `prompt`.
            batch: prompts that are read side by side.

        Raises:
            DataError: the file cannot be read, or a record has no prompt.
            SpecError: a prompt fills the context of the model.
        """
        records = read_records(file)
        number = 0
        while some := list(itertools.islice(records, batch)):
            prompts = [text_of(record, "prompt", place) for place, record in some]
            found: list[list[int]] = [[] for _ in prompts]
            for tokens in self._generate(self._tokens(prompts, some[0][0]), number):
                for ids, token in zip(found, tokens, strict=True):
                    if token is not None:
                        ids.append(token)
            for prompt, ids in zip(prompts, found, strict=True):
                ended = bool(ids) and ids[-1] == self._end_id
                text = self.encoder.decode(ids[:-1] if ended else ids)
                yield {"prompt": prompt, "text": text, "tokens": len(ids), "ended": ended}
            number += len(prompts)

    def _tokens(self, prompts: list[str], place: str) -> list[list[int]]:
        tokens = [ids or [self.encoder.prefix_id] for ids in self.encoder.encode(prompts)]
        longest = max(map(len, tokens))
        if longest >= self._context:
            raise SpecError(
                f"{place}: found {longest:,} tokens, wanted fewer than {self._context:,}, the model's context"
            )
        return tokens

    def _generate(self, tokens: list[list[int]], number: int) -> Iterator[list[int | None]]:
        """Yield the tokens that follow, no more of each than fit into the context."""
        return generate(
            self._model,
            tokens,
            max_tokens=[min(self._max_tokens, self._context - len(prompt)) for prompt in tokens],
            end_id=self._end_id,
            num_ids=min(self.encoder.num_ids, self._model.shape.vocab_size),
            drawing=self._drawing,
            first_number=number,
        )


def _unsharded(shape: ModelShape, device: torch.device) -> LanguageModel:
    """Return a model on one device, with no values yet."""
    with torch.device("meta"):
        model = LanguageModel(shape)
    return model.to_empty(device=device)
