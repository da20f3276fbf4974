"""Text from a model: one token after another, each the likeliest or drawn, with the keys and values of all before kept.

Prompts of several lengths are read side by side, padded at the front; positions count from each prompt's own first
token. A prompt's draws depend on the seed and its number alone, not on the prompts beside it.

B = prompts, T = new tokens, V = vocab_size, D = width of a head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.models.attention import attention_kernels, rotary_tables
from trainer.models.decoder import LanguageModel
from trainer.models.past import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How a token is chosen.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token.
        top_p: draw from the fewest likeliest tokens that have this much of the probability together, in (0, 1].
        seed: of the draws, in [0, 2**63).
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@torch.no_grad()
def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_tokens: Sequence[int],
    end_id: int,
    num_ids: int,
    drawing: Drawing,
    first_number: int = 0,
) -> Iterator[list[int | None]]:
    """Yield the next token of each prompt, and None once it has ended, until all have.

    Args:
        model: not sharded, with weights.
        prompts: tokens, at least one each.
        max_tokens: made for each prompt at most, at least 1, the one that ends it included.
        end_id: the token that ends a document; it is yielded.
        num_ids: of the tokenizer; ids beyond, which only pad the vocabulary, are never chosen.
        drawing: how tokens are chosen.
        first_number: number of the first prompt among all of a command.
    """
    reader = _Reader(model, [len(prompt) for prompt in prompts], max(max_tokens))
    choosers = [_Chooser(drawing, first_number + row) for row in range(len(prompts))]
    width = max(len(prompt) for prompt in prompts)
    tokens = torch.tensor([[end_id] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    goes_on = [True] * len(prompts)
    for count in range(1, max(max_tokens) + 1):
        logits = reader.read(tokens)[:, :num_ids]
        likeliest = logits.argmax(-1).tolist()
        chosen: list[int | None] = [None] * len(prompts)
        for row, chooser in enumerate(choosers):
            if goes_on[row]:
                choice = likeliest[row] if drawing.temperature == 0 else chooser.drawn(logits[row])
                chosen[row] = choice
                goes_on[row] = choice != end_id and count < max_tokens[row]
        yield chosen
        if not any(goes_on):
            return
        tokens = torch.tensor([[end_id if choice is None else choice] for choice in chosen])


class _Reader:
    """Reads tokens and gives the logits of the next ones; keeps what its layers need of all tokens so far."""

    def __init__(self, model: LanguageModel, lengths: Sequence[int], max_tokens: int) -> None:
        shape, weight = model.shape, model.lm_head.weight
        self._model = model
        self._device = weight.device
        room = max(lengths) + max_tokens
        size = (shape.num_layers, 2, len(lengths), shape.num_kv_heads, room, shape.head_dim)
        self._kept = torch.zeros(size, dtype=weight.dtype, device=self._device)  # keys and values of each layer
        self._tables = rotary_tables(room, shape.head_dim, shape.rope_theta, self._device)
        self._padding = torch.tensor([max(lengths) - length for length in lengths], device=self._device).unsqueeze(1)
        self._length = 0

    def read(self, tokens: Tensor) -> Tensor:
        """Return the logits that follow the last of new tokens (B, T), shape (B, V), float32."""
        stop = self._length + tokens.shape[1]
        places = torch.arange(self._length, stop, device=self._device)
        cos, sin = (table[(places - self._padding).clamp(min=0)].unsqueeze(1) for table in self._tables)
        mask = self._mask(places, stop)
        hidden = self._model.model.embed_tokens(tokens.to(self._device))
        with attention_kernels(self._device):
            for layer, (keys, values) in zip(self._model.model.layers, self._kept, strict=True):
                hidden, _ = layer(hidden, cos, sin, Past(keys, values, self._length, mask))
        self._length = stop
        return self._model.lm_head.logits(self._model.model.norm(hidden[:, -1:]))[:, 0].float()

    def _mask(self, places: Tensor, stop: int) -> Tensor:
        """Return what tokens at places may see: those before them in their prompt, and padding itself alone."""
        keys = torch.arange(stop, device=self._device)
        queries = places.unsqueeze(1)
        seen = (keys <= queries) & (keys >= self._padding.unsqueeze(2))
        return (seen | (keys == queries)).unsqueeze(1)


class _Chooser:
    """Draws the tokens of one prompt."""

    def __init__(self, drawing: Drawing, number: int) -> None:
        self._drawing = drawing
        self._random = np.random.default_rng([drawing.seed, number])

    def drawn(self, logits: Tensor) -> int:
        """Return a token drawn by its likelihood, from logits of shape (num_ids,)."""
        scaled = logits.double().cpu().numpy() / self._drawing.temperature
        order, ends = likeliest(scaled, self._drawing.top_p)
        return int(order[np.searchsorted(ends, self._random.random() * ends[-1], side="right")])


def likeliest(logits: NDArray[np.float64], top_p: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the fewest likeliest tokens that have `top_p` of the probability, and their probabilities added up.

    The likeliest is first, the smaller id where two are equal; at least one is returned.
    """
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")
    ends = probabilities[order].cumsum()
    count = min(len(ends), int(np.searchsorted(ends, top_p)) + 1)
    return order[:count], ends[:count]
