"""The numbers of lm-eval, request by request: `lm_eval.json` holds what it made of the tiny model."""

import json
from pathlib import Path

import numpy as np

from tests.trainer.evaluation.quiet import QUIET
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.requests import continuation, windows
from trainer.evaluation.scoring import Scorer

# Written by benchmarks/peers/lm_eval_likelihoods.py from the requests in it and `tiny_model.py`.
VECTORS = json.loads((Path(__file__).parent / "lm_eval.json").read_text())


def test_continuations_have_the_log_likelihoods_that_lm_eval_gives(scorer: Scorer, encoder: Encoder) -> None:
    texts = [(context, following) for context, following, _ in VECTORS["pairs"]]
    pairs = encoder.pairs(texts)
    found = [
        nll.sum() for _, (nll,) in scorer.scored(pairs, lambda pair: [continuation(*pair, scorer.max_length)], QUIET)
    ]
    assert np.allclose(found, [-value for _, _, value in VECTORS["pairs"]], rtol=0, atol=1e-4)


def test_documents_have_the_log_likelihoods_that_lm_eval_gives(scorer: Scorer, encoder: Encoder) -> None:
    tokens = encoder.encode([text for text, _ in VECTORS["texts"]])
    scored = scorer.scored(tokens, lambda each: [windows(encoder.prefix_id, each, scorer.max_length)], QUIET)
    found = [nll.sum() for _, (nll,) in scored]
    assert np.allclose(found, [-value for _, value in VECTORS["texts"]], rtol=1e-6, atol=1e-4)


def test_the_vectors_hold_contexts_that_are_cut_and_documents_of_several_windows(encoder: Encoder) -> None:
    lengths = [len(context) + len(following) for context, following in encoder.pairs([p[:2] for p in VECTORS["pairs"]])]
    assert min(lengths) < 49 < max(lengths)
    assert max(len(tokens) for tokens in encoder.encode([text for text, _ in VECTORS["texts"]])) > 3 * 48
