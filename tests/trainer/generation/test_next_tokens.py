"""Text from a model: what transformers' generate gives, what reading everything again gives, and known draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Olmo2Config, Olmo2ForCausalLM, OlmoeConfig, OlmoeForCausalLM

from trainer.generation.next_tokens import Drawing, generate, likeliest
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


def made(
    model: LanguageModel, prompts: Sequence[Sequence[int]], max_tokens: Sequence[int], drawing: Drawing = GREEDY,
    first_number: int = 0,
) -> list[list[int]]:  # fmt: skip
    """Return the tokens that follow each prompt."""
    found: list[list[int]] = [[] for _ in prompts]
    steps = generate(
        model, prompts, max_tokens=max_tokens, end_id=END, num_ids=NUM_IDS, drawing=drawing, first_number=first_number
    )
    for tokens in steps:
        for row, token in zip(found, tokens, strict=True):
            if token is not None:
                row.append(token)
    return found


def slowly_made(model: LanguageModel, prompt: Sequence[int], max_tokens: int) -> list[int]:
    """The same for one prompt by its definition: everything is read again for each token."""
    tokens = list(prompt)
    with torch.no_grad():
        while len(tokens) < len(prompt) + max_tokens:
            tokens.append(int(model.logits(torch.tensor([tokens]))[0, -1, :NUM_IDS].argmax()))
            if tokens[-1] == END:
                break
    return tokens[len(prompt) :]


@pytest.mark.parametrize("shape", [DENSE, ROUTED], ids=["dense", "experts"])
def test_the_likeliest_tokens_are_those_of_reading_everything_again(shape: ModelShape) -> None:
    model = model_of(shape)
    found = made(model, PROMPTS, [24, 24, 24])
    assert len({token for tokens in found for token in tokens}) > 10  # not one token again and again
    assert found == [slowly_made(model, prompt, 24) for prompt in PROMPTS]
    assert made(model, PROMPTS, [1, 9, 3]) == [
        slowly_made(model, prompt, bound) for prompt, bound in zip(PROMPTS, (1, 9, 3), strict=True)
    ]


def test_generation_stops_at_the_token_that_ends_a_text() -> None:
    model = model_of(DENSE)
    with torch.no_grad():
        model.lm_head.weight[END] = 3 * model.lm_head.weight[slowly_made(model, PROMPTS[1], 4)[-1]]
    found = made(model, PROMPTS, [24, 24, 24])
    assert found[1][-1] == END
    assert len(found[1]) < 24
    assert found == [slowly_made(model, prompt, 24) for prompt in PROMPTS]


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
    width = max(map(len, PROMPTS))
    padded = torch.tensor([[END] * (width - len(prompt)) + prompt for prompt in PROMPTS])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS])
    generated = theirs.generate(
        padded, attention_mask=mask, max_new_tokens=16, do_sample=False, suppress_tokens=list(range(NUM_IDS, 96))
    )
    found = made(model, PROMPTS, [16, 16, 16])
    for ours, row in zip(found, generated[:, width:].tolist(), strict=True):
        assert ours == row[: len(ours)]
        assert set(row[len(ours) :]) <= {END}


def test_draws_depend_on_the_seed_and_the_number_of_a_prompt_alone() -> None:
    model = model_of(DENSE)
    drawing = Drawing(temperature=3.0, top_p=0.95, seed=7)
    together = made(model, PROMPTS, [12, 12, 12], drawing)
    assert together == made(model, PROMPTS, [12, 12, 12], drawing)
    assert [made(model, [prompt], [12], drawing, number)[0] for number, prompt in enumerate(PROMPTS)] == together
    others = made(model, PROMPTS, [12, 12, 12], Drawing(temperature=3.0, top_p=0.95, seed=8))
    assert all(one != other for one, other in zip(together, others, strict=True))
    assert made(model, PROMPTS, [12, 12, 12], Drawing(temperature=3.0, top_p=1e-9)) == made(model, PROMPTS, [12] * 3)


def test_draws_follow_the_probabilities() -> None:
    model = model_of(DENSE)
    with torch.no_grad():
        logits = model.logits(torch.tensor([PROMPTS[0]]))[0, -1, :NUM_IDS].double().numpy() / 2
    wanted = np.exp(logits - logits.max())
    wanted /= wanted.sum()
    drawn = [made(model, [PROMPTS[0]], [1], Drawing(temperature=2.0), number)[0][0] for number in range(400)]
    found = np.bincount(drawn, minlength=NUM_IDS) / len(drawn)
    assert np.abs(found - wanted).max() < 0.09  # 3.6 standard deviations of a share of one half


@pytest.mark.parametrize(
    ("top_p", "tokens"),
    [(1e-9, [2]), (0.5, [2]), (0.51, [2, 0]), (0.75, [2, 0]), (0.76, [2, 0, 1]), (1.0, [2, 0, 1, 3])],
)
def test_the_fewest_tokens_that_have_the_probability(top_p: float, tokens: list[int]) -> None:
    order, ends = likeliest(np.log([0.25, 0.125, 0.5, 0.125]), top_p)
    assert order.tolist() == tokens
    assert ends.tolist() == pytest.approx([0.5, 0.75, 0.875, 1.0][: len(tokens)])
