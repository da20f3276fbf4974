"""Training specs: what binds, what is refused, and what lengths in tokens come to."""

from pathlib import Path

import pytest

from mixes.errors import SpecError
from mixes.typed_yaml.binding import bind_file, bind_text
from trainer.models.presets import PRESETS
from trainer.schedule import learning_rate
from trainer.spec import TrainSpec

CONFIGS = Path(__file__).resolve().parents[2] / "trainer" / "configs"
BASE = "model: {preset: tiny}\nsequence_length: 64\nglobal_batch: 8\nmicro_batch: 2\n"


def spec_of(text: str) -> TrainSpec:
    return bind_text(TrainSpec, text, "spec.yaml").value


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configs_of_the_repository_bind(path: Path) -> None:
    spec = bind_file(TrainSpec, path).value
    assert spec.num_steps >= 1
    assert learning_rate(spec.num_steps, spec.learning_schedule(1.0)) < 1.0


def test_the_stages_of_olmo2_1b_are_as_published() -> None:
    stage1 = bind_file(TrainSpec, CONFIGS / "olmo2_1b_stage1.yaml").value
    assert stage1.model.shape(100_278) == PRESETS["1b"]
    schedule = stage1.learning_schedule(4e-4)
    assert (schedule.warmup, stage1.tokens_per_step) == (4000, 2_097_152)
    assert learning_rate(stage1.num_steps, schedule) == pytest.approx(7.4487e-5, rel=2e-4)
    stage2 = bind_file(TrainSpec, CONFIGS / "olmo2_1b_stage2.yaml").value
    assert learning_rate(stage2.num_steps, stage2.learning_schedule(7.4487e-5)) == 0.0
    assert stage2.optimizer.learning_rate is None


def test_olmoe_is_as_published() -> None:
    spec = bind_file(TrainSpec, CONFIGS / "olmoe_1b_7b.yaml").value
    assert spec.model.shape(50_280) == PRESETS["olmoe_1b_7b"]
    assert (spec.router_factors, spec.z_loss, spec.optimizer.decay_embedding) == ((0.01, 0.001), 0.0, True)
    assert (spec.tokens_per_step, spec.learning_schedule(1.0).warmup) == (4_194_304, 2500)


def test_factors_of_the_router_may_be_given() -> None:
    experts = BASE.replace("tiny", "tiny, num_experts: 4, experts_per_token: 2") + "steps: 1\n"
    assert spec_of(experts + "load_balancing_loss: 0.5").router_factors == (0.5, 0.001)
    assert spec_of(experts + "router_z_loss: 0").router_factors == (0.01, 0.0)


def test_lengths_in_tokens_are_rounded_up_to_steps() -> None:
    spec = spec_of(BASE + "tokens: 513\nschedule: {warmup_tokens: 1, horizon_tokens: 1_025}\n")
    assert spec.num_steps == 2
    schedule = spec.learning_schedule(1.0)
    assert (schedule.warmup, schedule.fall_stop) == (1, 3)


def test_the_vocabulary_is_the_mixs_padded_unless_given() -> None:
    assert spec_of(BASE + "steps: 1").model.shape(100_278).vocab_size == 100_352
    given = BASE.replace("preset: tiny", "preset: tiny, vocab_size: 300, num_layers: 5")
    shape = spec_of(given + "steps: 1").model.shape(200)
    assert (shape.vocab_size, shape.num_layers) == (300, 5)


def test_a_model_may_be_given_by_its_sizes_alone() -> None:
    sizes = "hidden_size: 32, intermediate_size: 64, num_layers: 1, num_heads: 2, num_kv_heads: 1, norm_eps: 1e-5"
    shape = spec_of(BASE.replace("preset: tiny", sizes) + "steps: 1").model.shape(128)
    assert (shape.hidden_size, shape.num_kv_heads, shape.norm_eps, shape.rope_theta) == (32, 1, 1e-5, 500_000.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE, "found neither steps nor tokens, wanted one of them"),
        (BASE + "steps: 1\ntokens: 1", "found both steps and tokens, wanted one of them"),
        (BASE.replace("micro_batch: 2", "micro_batch: 3") + "steps: 1", "wanted a divisor of global_batch"),
        (BASE.replace("preset: tiny", "num_layers: 2") + "steps: 1", "hidden_size, intermediate_size, num_heads"),
        (BASE.replace("preset: tiny", "preset: tiny, num_heads: 3") + "steps: 1", "wanted heads of one even width"),
        (BASE.replace("preset: tiny", "preset: tiny, num_kv_heads: 3") + "steps: 1", "wanted a divisor of num_heads"),
        (BASE.replace("preset: tiny", "preset: 2b") + "steps: 1", "preset"),
        (BASE + "steps: 1\nschedule: {warmup_steps: 1, warmup_tokens: 1}", "wanted one of them"),
        (BASE + "steps: 1\nschedule: {shape: cosine, decay_steps: 1}", "shape cosine, which has none"),
        (BASE + "steps: 1\nschedule: {shape: constant, horizon_tokens: 9}", "shape constant, which has none"),
        (BASE + "steps: 1\noptimiser: {}", "did you mean 'optimizer'?"),
        (BASE + "steps: 0", "steps"),
        (BASE.replace("tiny", "tiny, num_experts: 4") + "steps: 1", "num_experts 4 and experts_per_token 0"),
        (BASE.replace("tiny", "tiny, experts_per_token: 2") + "steps: 1", "no more a token than there are"),
        (BASE.replace("tiny", "tiny, num_experts: 2, experts_per_token: 3") + "steps: 1", "no more a token than there"),
        (BASE + "steps: 1\nload_balancing_loss: 0.01", "load_balancing_loss for a model without experts"),
        (BASE + "steps: 1\ncheckpoint: {interval: 4, milestone: 6}", "milestone 6 and interval 4; wanted"),
        (BASE + "steps: 9\ndata: [{mix: a}, {mix: b}]", "data[0]: found neither steps nor tokens"),
        (BASE + "steps: 9\ndata: [{mix: a, steps: 9}, {mix: b}]", "found stretches of 9 steps for a run of 9"),
        (
            BASE + "steps: 9\ndata: [{mix: a, steps: 3}, {mix: b, steps: 3}]",
            "found stretches of 6 steps for a run",
        ),
        (BASE + "steps: 9\ndata: [{mix: a, steps: 9, tokens: 9}]", "found both steps and tokens"),
        (BASE + "steps: 1\noptimizer: {beta2: 1}", "optimizer.beta2: found 1, wanted a number in [0, 0.99999]"),
        (BASE + "steps: 1\nrouter_z_loss: 0.001", "router_z_loss for a model without experts"),
    ],
)
def test_specs_that_cannot_be_carried_out_are_refused_with_their_place(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("spec.yaml:")
