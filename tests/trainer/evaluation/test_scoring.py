"""Likelihoods of requests: against a plain loop, and whatever the batches."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.trainer.evaluation.quiet import QUIET
from tests.trainer.evaluation.tiny_model import CONTEXT, SHAPE, tiny_weights
from trainer.evaluation.requests import Request, continuation, windows
from trainer.evaluation.scoring import Scorer
from trainer.models.decoder import LanguageModel
from trainer.ranks import Ranks


def requests() -> list[list[Request]]:
    """Return items of one, several and no requests, of many lengths."""
    random = np.random.default_rng(0)
    items = [windows(256, random.integers(0, 256, length), CONTEXT) for length in (0, 1, 7, 48, 49, 130)]
    return [*items, continuation([1, 2, 3], [4, 5], CONTEXT), continuation(list(range(90)), [4], CONTEXT)]


def slow_nll(request: Request) -> list[float]:
    """Return the nll of each label from whole logits of one forward without a batch."""
    plain = LanguageModel(SHAPE)
    plain.load_state_dict(tiny_weights())
    with torch.no_grad():
        logits = plain.logits(torch.from_numpy(request.inputs)[None])[0].double()
    chosen = logits[torch.from_numpy(request.places)]
    return functional.cross_entropy(chosen, torch.from_numpy(request.labels), reduction="none").tolist()


def nll_of(scorer: Scorer) -> list[np.ndarray]:
    return [nll for _, (nll,) in scorer.scored(requests(), lambda item: [item], QUIET)]


def test_every_label_has_the_likelihood_that_a_plain_loop_gives(scorer: Scorer) -> None:
    for found, item in zip(nll_of(scorer), requests(), strict=True):
        wanted = [nll for request in item for nll in slow_nll(request)]
        assert np.allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
def test_likelihoods_do_not_depend_on_the_batches(
    model: LanguageModel, alone: Ranks, scorer: Scorer, batch_tokens: int
) -> None:
    other = Scorer(model, alone, max_length=CONTEXT, batch_tokens=batch_tokens)
    for found, wanted in zip(nll_of(other), nll_of(scorer), strict=True):
        assert np.allclose(found, wanted, rtol=0, atol=1e-5)


def test_a_scorer_leaves_the_shards_in_place_for_the_optimizer(model: LanguageModel, scorer: Scorer) -> None:
    before = [id(parameter) for parameter in model.parameters()]
    nll_of(scorer)
    assert [id(parameter) for parameter in model.parameters()] == before


def test_items_are_read_a_pool_at_a_time(model: LanguageModel, alone: Ranks) -> None:
    small = Scorer(model, alone, max_length=CONTEXT, batch_tokens=1)
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(150):
            read += 1
            yield number

    found = small.scored(items(), lambda _: [windows(256, [1], CONTEXT)], QUIET)
    next(found)
    assert read < 100
    assert [number for number, _ in found] == list(range(1, 150))
