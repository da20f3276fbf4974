"""The plan that --dry-run prints."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mixes.errors import CheckpointError, GristmillError, SpecError
from tests.trainer.evaluation.tiny_model import write_tiny_mix
from tests.trainer.small_run import SPEC, spec_with, train
from trainer.arguments import RunOptions
from trainer.models.presets import PRESETS
from trainer.plan import checked_plan, memory_estimate, require_even_shares
from trainer.spec import TrainSpec

OPTIONS = RunOptions(mixes=(), output=Path("run"), device="cpu")


def plan_of(spec: TrainSpec, mix: Path, options: RunOptions = OPTIONS, world_size: int = 1) -> str:
    return checked_plan(spec, replace(options, mixes=(mix,)), world_size)


def test_the_plan_says_what_the_run_will_see_and_need(mix: Path) -> None:
    plan = plan_of(spec_with(), mix, world_size=2)
    assert "164,416 parameters (148,032 but for the embedding)" in plan
    assert "small: 9,000 tokens, 281 instances of 32" in plan
    assert "6 steps of 8 instances, 1,536 tokens" in plan
    assert "281 instances of 32, 0.171 epochs seen" in plan
    assert "begins         from first weights" in plan
    assert "cosine: 0.002 at step 1, 0.004 at step 2, 0.0004 at step 6" in plan
    assert "2, each 4 instances a step by 4" in plan


@pytest.fixture
def parent(mix: Path, tmp_path: Path) -> Path:
    """Return the last checkpoint of a run of one step."""
    train(spec_with(("steps: 6", "steps: 1")), mix, tmp_path / "parent")
    return tmp_path / "parent" / "step-1"


def test_the_plan_says_where_the_run_begins_and_writes_nothing(mix: Path, parent: Path, tmp_path: Path) -> None:
    begun = replace(OPTIONS, output=tmp_path / "run", start_from=parent)
    plan = plan_of(spec_with(("{learning_rate: 0.004}", "{}")), mix, begun)
    assert f"from weights and optimizer of {parent}, of which the record was checked" in plan
    assert "cosine: 0.001 at step 1, 0.002 at step 2, 0.0002 at step 6" in plan  # the parent ended at 0.002
    assert not begun.output.exists()
    gone_on = plan_of(spec_with(("steps: 6", "steps: 1")), mix, replace(OPTIONS, output=parent.parent))
    assert f"after step 1, where all steps are done: {parent}, of which the record was checked" in gone_on


def test_what_a_run_would_refuse_is_refused_before_it(
    mix: Path, make_mix: Callable[..., Path], parent: Path, tmp_path: Path
) -> None:
    own, begun = replace(OPTIONS, output=parent.parent), replace(OPTIONS, start_from=parent)
    evaluated = spec_with(base=SPEC + "evaluation: {interval: 2, tokenizer: absent.json, tasks: [absent.jsonl]}\n")
    for spec, of_mix, options, message in (
        (spec_with(), mix, replace(OPTIONS, start_from=tmp_path), "checkpoint.json: cannot be read"),
        (spec_with(("tiny", "14m")), mix, begun, "its model has another shape: hidden_size: 64 became 128"),
        (spec_with(), make_mix("other", vocab_size=251), begun, "its mix has another tokenizer"),
        (spec_with(("{learning_rate: 0.004}", "{}")), mix, OPTIONS, "optimizer.learning_rate: found none"),
        (spec_with(), mix, own, "the spec is not the one this run began with"),
        (spec_with(("length: 32", "length: 65536")), mix, OPTIONS, "wanted at least one instance of 65,536"),
        (evaluated, mix, OPTIONS, "absent.json"),
    ):
        with pytest.raises(GristmillError, match=message):
            plan_of(spec, of_mix, options)
    (parent / "checkpoint.json").write_text((parent / "checkpoint.json").read_text().replace('"step":1', '"step":2'))
    with pytest.raises(CheckpointError, match="its content has another digest than it says"):
        plan_of(spec_with(), mix, begun)
    with pytest.raises(CheckpointError, match="found 1 checkpoints, all damaged"):
        plan_of(spec_with(), mix, own)
    assert parent.is_dir()
    plan_of(spec_with(), mix, replace(own, fresh=True))


def test_mixes_of_different_tokenizers_are_refused(mix: Path, tmp_path: Path) -> None:
    other = write_tiny_mix(tmp_path / "other", name="other")
    spec = spec_with(base=SPEC + "data: [{mix: small, steps: 3}, {mix: other}]\n")
    with pytest.raises(SpecError, match="wanted mixes of one tokenizer"):
        checked_plan(spec, replace(OPTIONS, mixes=(mix, other)), 1)


def test_the_memory_of_1b_at_eight_instances_fits_an_h200_and_7b_does_not() -> None:
    changes = (("sequence_length: 32", "sequence_length: 4096"), ("float32", "bfloat16"))
    batch = (("global_batch: 8", "global_batch: 64"), ("micro_batch: 4", "micro_batch: 8"))
    spec = spec_with(*changes, *batch)
    assert memory_estimate(spec, PRESETS["1b"], OPTIONS, 1) / 2**30 == pytest.approx(115, abs=10)
    assert memory_estimate(spec, PRESETS["7b"], OPTIONS, 1) / 2**30 > 139


def test_experts_replicas_and_blocks_computed_twice_are_said(mix: Path) -> None:
    experts = ("preset: tiny", "preset: tiny, num_experts: 8, experts_per_token: 2")
    spec = spec_with(experts, ("global_batch: 8", "global_batch: 16"))
    plan = plan_of(spec, mix, replace(OPTIONS, num_replicas=2), 4)
    assert "active: 2 of 8 experts a token" in plan
    assert "4, 2 replicas of the model, each 4 instances a step by 4" in plan
    shape = PRESETS["olmoe_1b_7b"]
    needs = [
        memory_estimate(spec, shape, replace(OPTIONS, num_replicas=replicas, recomputes=recomputes), 8)
        for replicas, recomputes in ((1, True), (1, False), (4, False))
    ]
    assert needs == sorted(needs)
    assert len(set(needs)) == 3


def test_more_ranks_need_less_each() -> None:
    spec = spec_with()
    needs = [memory_estimate(spec, PRESETS["1b"], OPTIONS, world_size) for world_size in (1, 2, 8)]
    assert needs == sorted(needs, reverse=True)


def test_ranks_that_cannot_share_the_work_are_refused(mix: Path) -> None:
    spec = spec_with(("global_batch: 8", "global_batch: 12"))
    require_even_shares(spec, 1, 3)
    with pytest.raises(SpecError, match="on 2 ranks; wanted a multiple of 8, or fewer ranks"):
        require_even_shares(spec, 1, 2)
    with pytest.raises(SpecError, match="--replicas 2: found 3 ranks; wanted a divisor of their number"):
        plan_of(spec, mix, replace(OPTIONS, num_replicas=2), 3)


def test_mixes_that_are_not_those_of_the_spec_are_refused(mix: Path) -> None:
    with pytest.raises(SpecError, match="wanted mixes of different names"):
        checked_plan(spec_with(), replace(OPTIONS, mixes=(mix, mix)), 1)
