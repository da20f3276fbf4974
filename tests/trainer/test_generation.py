"""Text from a model: what transformers' generate gives, what reading everything again gives, and known draws."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from transformers import Olmo2Config, Olmo2ForCausalLM, OlmoeConfig, OlmoeForCausalLM

from trainer.generation import Drawing, chosen, next_tokens
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import config_of
from trainer.models.presets import ModelShape

END, NUM_IDS = 3, 90
DENSE = ModelShape(
    hidden_size=32, intermediate_size=48, num_layers=2, num_heads=4, num_kv_heads=2, vocab_size=96, rope_theta=10_000.0
)
ROUTED = ModelShape(
    hidden_size=32, intermediate_size=16, num_layers=2, num_heads=4, num_kv_heads=4, vocab_size=96, num_experts=6,
    experts_per_token=2,
)  # fmt: skip
PROMPTS = [[5, 80, 17, 2, 9], [44], [7, 7, 61]]
GREEDY = Drawing()


def model_of(shape: ModelShape) -> LanguageModel:
    """Return a model whose logits are far apart, so that rounding chooses no token."""
    generator = torch.Generator().manual_seed(4)
    model = LanguageModel(shape)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            weights = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.copy_(1 + 0.2 * weights if name.endswith("norm.weight") else weights)
    return model


def made(model: LanguageModel, prompt: Sequence[int], max_tokens: int, drawing: Drawing = GREEDY) -> list[int]:
    return list(next_tokens(model, prompt, drawing, max_tokens=max_tokens, end_id=END, num_ids=NUM_IDS))


def slowly_made(model: LanguageModel, prompt: Sequence[int], max_tokens: int) -> list[int]:
    """The same by its definition: everything is read again for each token."""
    tokens = list(prompt)
    with torch.no_grad():
        while len(tokens) < len(prompt) + max_tokens:
            token = int(model.logits(torch.tensor([tokens]))[0, -1, :NUM_IDS].argmax())
            if token == END:
                break
            tokens.append(token)
    return tokens[len(prompt) :]


@pytest.mark.parametrize("shape", [DENSE, ROUTED], ids=["dense", "experts"])
def test_the_likeliest_tokens_are_those_of_reading_everything_again(shape: ModelShape) -> None:
    model = model_of(shape)
    found = [made(model, prompt, 24) for prompt in PROMPTS]
    assert len({token for tokens in found for token in tokens}) > 10  # not one token again and again
    assert found == [slowly_made(model, prompt, 24) for prompt in PROMPTS]
    assert made(model, PROMPTS[0], 1) == found[0][:1]


def test_generation_stops_before_the_token_that_ends_a_text() -> None:
    model = model_of(DENSE)
    with torch.no_grad():
        model.lm_head.weight[END] = 3 * model.lm_head.weight[slowly_made(model, PROMPTS[1], 4)[-1]]
    found = made(model, PROMPTS[1], 24)
    assert len(found) < 24
    assert found == slowly_made(model, PROMPTS[1], 24)


@pytest.mark.parametrize("shape", [DENSE, ROUTED], ids=["dense", "experts"])
def test_the_likeliest_tokens_are_those_of_transformers(shape: ModelShape) -> None:
    model = model_of(shape)
    ids = {"bos_token_id": None, "eos_token_id": END, "pad_token_id": END}
    theirs: Any  # its annotations want more than the class has
    if shape.num_experts:
        theirs = OlmoeForCausalLM(OlmoeConfig(**(config_of(shape) | ids | {"experts_implementation": "eager"})))
    else:
        theirs = Olmo2ForCausalLM(Olmo2Config(**(config_of(shape) | ids)))
    theirs.load_state_dict(model.state_dict())
    for prompt in PROMPTS:
        whole = theirs.generate(
            torch.tensor([prompt]), max_new_tokens=16, do_sample=False, suppress_tokens=list(range(NUM_IDS, 96))
        )
        assert [token for token in whole[0, len(prompt) :].tolist() if token != END] == made(model, prompt, 16)


def test_draws_depend_on_the_seed() -> None:
    model = model_of(DENSE)
    one, other = (Drawing(temperature=3.0, top_p=0.95, seed=seed) for seed in (7, 8))
    assert made(model, PROMPTS[0], 12, one) == made(model, PROMPTS[0], 12, one)
    assert made(model, PROMPTS[0], 12, one) != made(model, PROMPTS[0], 12, other)
    assert made(model, PROMPTS[0], 12, Drawing(temperature=3.0, top_p=1e-9)) == made(model, PROMPTS[0], 12)


def drawn(logits: torch.Tensor, drawing: Drawing) -> list[int]:
    random = torch.Generator().manual_seed(drawing.seed)
    return [chosen(logits, drawing, random) for _ in range(2000)]


def test_draws_follow_the_probabilities() -> None:
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0])
    found = torch.bincount(torch.tensor(drawn(logits, Drawing(temperature=2.0))), minlength=4) / 2000
    assert (found - (logits / 2).softmax(0)).abs().max() < 0.04  # 3.6 standard deviations of a share of one half


@pytest.mark.parametrize(
    ("top_p", "tokens"),
    [(1e-9, {2}), (0.5, {2}), (0.51, {2, 0}), (0.75, {2, 0}), (0.76, {2, 0, 1}), (1.0, {0, 1, 2, 3})],
)
def test_the_fewest_tokens_that_have_the_probability_are_drawn_from(top_p: float, tokens: set[int]) -> None:
    logits = torch.tensor([0.25, 0.125, 0.5, 0.125], dtype=torch.float64).log()
    assert set(drawn(logits, Drawing(temperature=1.0, top_p=top_p))) == tokens
