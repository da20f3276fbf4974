"""The plan that --dry-run prints."""

from dataclasses import replace
from pathlib import Path

import pytest

from mixes.errors import SpecError
from mixes.manifest import load
from tests.trainer.small_run import spec_with
from trainer.arguments import RunOptions
from trainer.models.presets import PRESETS
from trainer.plan import format_plan, memory_estimate, require_even_shares

OPTIONS = RunOptions(mixes=(), output=Path("run"))


def test_the_plan_says_what_the_run_will_see_and_need(mix: Path) -> None:
    plan = format_plan(spec_with(), [load(mix)], OPTIONS, 2)
    assert "164,416 parameters (148,032 but for the embedding)" in plan
    assert "small: 9,000 tokens, 281 instances of 32" in plan
    assert "6 steps of 8 instances, 1,536 tokens" in plan
    assert "281 instances of 32, 0.171 epochs seen" in plan
    assert "cosine: 0.002 at step 1, 0.004 at step 2, 0.0004 at step 6" in plan
    assert "2, each 4 instances a step by 4" in plan


def test_a_rate_that_comes_from_a_checkpoint_is_said_so(mix: Path) -> None:
    spec = spec_with(("{learning_rate: 0.004}", "{}"))
    assert "times the last rate of the checkpoint given by --from" in format_plan(spec, [load(mix)], OPTIONS, 1)


def test_the_mix_may_be_shorter_than_an_instance(mix: Path) -> None:
    spec = spec_with(("sequence_length: 32", "sequence_length: 65536"))
    assert "0 instances" in format_plan(spec, [load(mix)], OPTIONS, 1)


def test_the_memory_of_1b_at_eight_instances_fits_an_h200_and_7b_does_not() -> None:
    changes = (("sequence_length: 32", "sequence_length: 4096"), ("float32", "bfloat16"))
    batch = (("global_batch: 8", "global_batch: 64"), ("micro_batch: 4", "micro_batch: 8"))
    spec = spec_with(*changes, *batch)
    assert memory_estimate(spec, PRESETS["1b"], OPTIONS, 1) / 2**30 == pytest.approx(115, abs=10)
    assert memory_estimate(spec, PRESETS["7b"], OPTIONS, 1) / 2**30 > 139


def test_experts_replicas_and_blocks_computed_twice_are_said(mix: Path) -> None:
    experts = ("preset: tiny", "preset: tiny, num_experts: 8, experts_per_token: 2")
    spec = spec_with(experts, ("global_batch: 8", "global_batch: 16"))
    plan = format_plan(spec, [load(mix)], replace(OPTIONS, num_replicas=2), 4)
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
        format_plan(spec, [load(mix)], replace(OPTIONS, num_replicas=2), 3)


def test_mixes_that_are_not_those_of_the_spec_are_refused(mix: Path) -> None:
    with pytest.raises(SpecError, match="wanted mixes of different names"):
        format_plan(spec_with(), [load(mix), load(mix)], OPTIONS, 1)
