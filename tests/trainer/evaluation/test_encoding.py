"""Contexts and continuations as tokens."""

import json

import pytest

from mixes.errors import DataError
from tests.trainer.evaluation.tiny_model import EOS, tiny_tokenizer
from trainer.evaluation.encoding import Encoder

ENCODER = Encoder(tiny_tokenizer().to_str().encode(), 7)


def decoded(tokens: list[int]) -> str:
    text: str = tiny_tokenizer().decode(tokens, skip_special_tokens=False)
    return text


def test_white_space_at_the_end_of_a_context_counts_to_the_continuation() -> None:
    ((context, following),) = ENCODER.pairs([("Answer: \n", "the end")])
    assert (decoded(context), decoded(following)) == ("Answer:", " \nthe end")


def test_an_empty_context_is_the_prefix_token() -> None:
    (pair,) = ENCODER.pairs([("", " the")])
    assert pair == ([7], ENCODER.encode([" the"])[0])


def test_a_token_that_crosses_the_border_is_cut_where_the_context_ends() -> None:
    # "he" is one token, and "h" another: of the two together none is left beyond the one that the context has.
    ((context, following),) = ENCODER.pairs([("h", "e the")])
    assert len(context) == 1
    assert decoded(following) == " the"


def test_a_continuation_without_a_token_of_its_own_is_refused() -> None:
    with pytest.raises(DataError, match="found 'e' without a token of its own after 'h'; leave it out"):
        ENCODER.pairs([("h", "e")])


def test_special_tokens_in_a_text_stay_text() -> None:
    (tokens,) = ENCODER.encode([EOS])
    assert len(tokens) > 1
    assert decoded(tokens) == EOS


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(DataError, match="found no tokenizer"):
        Encoder(json.dumps({"model": None}).encode(), 0)
