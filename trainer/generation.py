"""Text from a model: one token after another, the likeliest or drawn, with keys and values of all before kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mixes.errors import SpecError
from trainer.evaluation.opening import open_model
from trainer.models.attention import attention_kernels, rotary_tables
from trainer.models.decoder import LanguageModel
from trainer.models.past import Past
from trainer.ranks import device_of
from trainer.sharding import DTYPES
from trainer.spec import Precision

_UNFINISHED = "\ufffd"  # what a letter looks like whose last bytes are still to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How a token is chosen.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token.
        top_p: draw from the fewest likeliest tokens that have this much of the probability together, in (0, 1].
        seed: of the draws, in [0, 2**64).
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


class Writer:
    """A model that goes on with texts, on one device.

    Args:
        folder: a checkpoint or a published model.
        tokenizer: the tokenizer.json of a checkpoint's mix; a published model brings its own.
        precision: of weights and states.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        CheckpointError: the model cannot be loaded.
        DataError: the tokenizer cannot be read, or is not that of the mix.
        SpecError: a checkpoint is given without a tokenizer.
    """

    def __init__(self, folder: Path, tokenizer: Path | None, *, precision: Precision, device: str) -> None:
        opened = open_model(folder, tokenizer)
        if opened.encoder is None:
            raise SpecError(
                f"{folder}: a checkpoint holds no tokenizer; wanted --tokenizer with the tokenizer.json of its mix, "
                f"digest {opened.tokenizer_digest}"
            )
        with torch.device("meta"):
            model = LanguageModel(opened.shape)
        opened.fill(model.to_empty(device=device_of(device)))
        self._model = model.to(DTYPES[precision])
        self._encoder = opened.encoder
        self._end_id, self._context = opened.end_id, opened.context

    def stream(self, prompt: str, drawing: Drawing, max_tokens: int, *, place: str = "the prompt") -> Iterator[str]:
        """Yield the text that follows a prompt, piece by piece, until it ends or the context of the model is full.

        Args:
            prompt: what the text begins with; may be empty.
            drawing: how tokens are chosen.
            max_tokens: made at most.
            place: where the prompt was found, for the message.

        Raises:
            SpecError: the prompt fills the context of the model.
        """
        tokens = self._encoder.encode([prompt])[0] or [self._encoder.prefix_id]
        if len(tokens) >= self._context:
            raise SpecError(
                f"{place}: found {len(tokens):,} tokens, wanted fewer than {self._context:,}, the model's context"
            )
        following = next_tokens(
            self._model,
            tokens,
            drawing,
            max_tokens=min(max_tokens, self._context - len(tokens)),
            end_id=self._end_id,
            num_ids=min(self._encoder.num_ids, self._model.shape.vocab_size),
        )
        ids: list[int] = []
        told = 0
        for token in following:
            ids.append(token)
            text = self._encoder.decode(ids)
            if not text.endswith(_UNFINISHED):
                yield text[told:]
                told = len(text)
        yield self._encoder.decode(ids)[told:]


@torch.no_grad()
def next_tokens(
    model: LanguageModel, prompt: Sequence[int], drawing: Drawing, *, max_tokens: int, end_id: int, num_ids: int
) -> Iterator[int]:
    """Yield the tokens that follow a prompt, up to the one that ends the text and without it.

    Args:
        model: not sharded, with weights.
        prompt: tokens, at least one.
        drawing: how tokens are chosen.
        max_tokens: made at most.
        end_id: the token that ends a document.
        num_ids: of the tokenizer; ids beyond, which only pad the vocabulary, are never chosen.
    """
    shape, weight = model.shape, model.lm_head.weight
    room = len(prompt) + max_tokens
    kept = torch.zeros(
        (shape.num_layers, 2, 1, shape.num_kv_heads, room, shape.head_dim), dtype=weight.dtype, device=weight.device
    )
    cos, sin = rotary_tables(room, shape.head_dim, shape.rope_theta, weight.device)
    random = torch.Generator().manual_seed(drawing.seed)
    tokens, length = list(prompt), 0
    for _ in range(max_tokens):
        stop = length + len(tokens)
        mask = torch.ones((1, 1, len(tokens), stop), dtype=torch.bool, device=weight.device).tril(length)
        hidden = model.model.embed_tokens(torch.tensor([tokens], device=weight.device))
        with attention_kernels(weight.device):
            for layer, (keys, values) in zip(model.model.layers, kept, strict=True):
                hidden, _ = layer(hidden, cos[length:stop], sin[length:stop], Past(keys, values, length, mask))
        logits = model.lm_head.logits(model.model.norm(hidden[:, -1:]))[0, 0, :num_ids]
        token = chosen(logits, drawing, random)
        if token == end_id:
            return
        yield token
        tokens, length = [token], stop


def chosen(logits: Tensor, drawing: Drawing, random: torch.Generator) -> int:
    """Return a token by its logits, shape (num_ids,); of equal ones the smaller comes first."""
    if drawing.temperature == 0:
        return int(logits.argmax())
    probabilities, ids = (logits.double() / drawing.temperature).softmax(0).sort(descending=True, stable=True)
    before = probabilities.cumsum(0) - probabilities  # what likelier tokens have together
    kept = (probabilities * (before < drawing.top_p)).cpu()  # where the draws are, so that a device changes none
    return int(ids[torch.multinomial(kept, 1, generator=random)])
