"""Mid-training: anneals from one checkpoint, mixes or data orders apart, their soup, and what all of them reached."""

import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixes.command import FailedError
from mixes.errors import GristmillError, SpecError
from mixes.opening import open_mix
from trainer.arguments import RunOptions
from trainer.checkpoint import Checkpoint, verified
from trainer.evaluation.opening import open_model
from trainer.evaluation.reached import Reached
from trainer.evaluation.suite import Suite
from trainer.loop import held, open_run_on
from trainer.plan import checked_beginning, format_plan, require_even_shares
from trainer.ranks import Ranks, device_of, process_group
from trainer.resume import find_checkpoint
from trainer.schedule import Schedule
from trainer.spec import SuiteSpec, TrainSpec
from trainer.stages.comparison import BEFORE, SOUP, compared
from trainer.stages.souping import write_soup
from trainer.stages.telling import RESULTS_FILE, write_report
from trainer.stopping import StoppedError

log = logging.getLogger(__name__)


def finish_stage(
    spec: TrainSpec, options: RunOptions, seeds: Sequence[int], suite: SuiteSpec
) -> dict[str, Any] | None:  # Any: JSON
    """Do what is left of the anneals on each mix in each data order and, on one mix, of their soup; evaluate all.

    Args:
        spec: of each anneal; names no data order.
        options: of each; `output` holds a folder for each, `start_from` is where they begin, and `mixes` are one to
            anneal on, or a baseline and those that are compared with it.
        seeds: data orders, each its own.
        suite: that all models are evaluated on, beside what the first mix holds out.

    Returns:
        What was done and reached, which results.json and the report hold too; None on other ranks than the first.

    Raises:
        FailedError: a run or the soup could not be finished.
        StoppedError: a signal came; the same call goes on.
        GristmillError: the request was wrong, or files are damaged.
    """
    _require_anneal(spec)
    anneals = _anneals(spec, options, seeds)
    with process_group(options.device, options.num_replicas) as ranks, held(options.output, ranks):
        with ranks.refusing_together():  # rank 0 alone reads every byte, and the file of results
            require_even_shares(spec, options.num_replicas, ranks.world_size)
            for of_one, here in anneals.values():  # the last is refused before the first begins
                checked_beginning(of_one, here, ranks)
            reached = Reached(
                options.output / RESULTS_FILE,
                Suite.of_mix(suite, options.mixes[0]),
                ranks,
                precision=spec.precision,
                batch_tokens=spec.micro_batch * spec.sequence_length,
            )
            assert options.start_from is not None
            before = open_model(options.start_from, None, verifies=ranks.is_first)
        models = {BEFORE: reached.results(BEFORE, before).figures()}
        done = {}
        for number, (name, (of_one, here)) in enumerate(anneals.items(), 1):
            log.info("%s: %d of %d", name, number, len(anneals))
            done[name] = _finish(name, of_one, here, ranks)
        if len(options.mixes) == 1 < len(done):
            done[SOUP] = _soup(list(done.values()), options.output / SOUP, ranks)
        for name, checkpoint in done.items():
            models[name] = reached.results(name, open_model(checkpoint.folder, None, verifies=False)).figures()
        if not ranks.is_first:
            return None
        record = {"stage": _facts(spec, options, seeds), "table": compared(models)}
        reached.write(record)
        write_report(options.output)
        return record


def checked_stage(spec: TrainSpec, options: RunOptions, seeds: Sequence[int], suite: SuiteSpec) -> str:
    """Return the plans of a stage's anneals on these ranks, after it was refused as `finish_stage` would before them.

    Nothing is written. Anneals of the same plan share it.

    Raises:
        GristmillError: the stage would be refused.
    """
    assert options.start_from is not None
    _require_anneal(spec)
    device_of(options.device)
    plans = defaultdict(list)
    with process_group("cpu", options.num_replicas) as ranks:
        require_even_shares(spec, options.num_replicas, ranks.world_size)
        for name, (of_one, here) in _anneals(spec, options, seeds).items():
            begun = checked_beginning(of_one, here, ranks)
            plans[format_plan(of_one, *begun, here, ranks.world_size)].append(name)
    Suite.of_mix(suite, options.mixes[0])
    open_model(options.start_from, None, verifies=False)
    return "\n\n".join(f"{', '.join(names)}\n{plan}" for plan, names in plans.items())


def _require_anneal(spec: TrainSpec) -> None:
    """Refuse a schedule that does not fall from the first step in a straight line to 0 at the last."""
    last = spec.num_steps
    wanted = Schedule(shape="linear", peak=1.0, floor=0.0, warmup=0, fall_start=0, fall_stop=last)
    if spec.learning_schedule(1.0) != wanted:
        raise SpecError(
            f"schedule: found {spec.schedule.shape} to {spec.schedule.floor:g} of the peak, or a warm-up or another "
            "horizon; wanted {shape: linear, floor: 0.0} alone, as an anneal falls to 0 at its last step"
        )


def _anneals(spec: TrainSpec, options: RunOptions, seeds: Sequence[int]) -> dict[str, tuple[TrainSpec, RunOptions]]:
    """Return spec and options of each anneal by the name of its folder."""
    anneals = {}
    for mix in options.mixes:
        of_mix = f"{open_mix(mix).manifest.name}/" if len(options.mixes) > 1 else ""
        for seed in seeds:
            name = f"{of_mix}seed-{seed}"
            if name in anneals:
                raise SpecError(
                    f"found the anneal {name} twice; wanted --seeds that differ and --mixes of different names"
                )
            here = replace(options, mixes=(mix,), output=options.output / name)
            anneals[name] = replace(spec, data_seed=seed), here
    return anneals


def _finish(name: str, spec: TrainSpec, options: RunOptions, ranks: Ranks) -> Checkpoint:
    """Do what is left of one anneal, a run as `trainer/run.py` makes it; return its last checkpoint, verified."""
    try:
        with open_run_on(ranks, spec, options) as run:
            run.finish()
    except StoppedError as stopped:
        raise StoppedError(stopped.signal, f"{name}, {stopped.place}") from stopped
    del run
    ranks.free_memory()  # the next run needs it
    checkpoint = find_checkpoint(options.output, ranks)
    assert checkpoint is not None
    return checkpoint


def _soup(ingredients: Sequence[Checkpoint], folder: Path, ranks: Ranks) -> Checkpoint:
    """Return the soup of anneals, written anew: an older one may be of others."""
    try:
        with ranks.refusing_together():
            if ranks.is_first:
                shutil.rmtree(folder, ignore_errors=True)
                write_soup(ingredients, folder)
    except GristmillError as error:
        raise FailedError(f"{folder}: {error}") from error
    log.info("souped %d anneals: %s", len(ingredients), folder)
    return verified(folder, content=False)


def _facts(spec: TrainSpec, options: RunOptions, seeds: Sequence[int]) -> dict[str, Any]:  # Any: JSON
    """Return what was done."""
    return {
        "from": str(options.start_from),
        "seeds": list(seeds),
        "steps": spec.num_steps,
        "tokens": spec.num_steps * spec.tokens_per_step,
        "mixes": {mix.name: mix.tokens for mix in (open_mix(each).manifest for each in options.mixes)},
    }
