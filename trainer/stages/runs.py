"""Anneals, one after another on the same processes: each a run of its own, as `trainer/run.py` makes it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mixes.errors import SpecError
from mixes.opening import MixPlace, open_mix
from trainer.arguments import RunOptions
from trainer.checkpoint import Checkpoint
from trainer.loop import open_run_on
from trainer.ranks import Ranks
from trainer.resume import find_checkpoint, known_parent, require_same_run
from trainer.schedule import Schedule
from trainer.spec import TrainSpec
from trainer.stopping import FailedError, StoppedError
from trainer.watching.curves import read_curves

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anneal:
    """One of several anneals of a spec.

    Attributes:
        name: of its folder, below that of all.
        mix: folder of the built mix.
        data_seed: names the data order.
    """

    name: str
    mix: MixPlace
    data_seed: int


def require_anneal(spec: TrainSpec) -> None:
    """Refuse a schedule that does not fall from the first step in a straight line to 0 at the last.

    Raises:
        SpecError: it does something else.
    """
    last = spec.num_steps
    wanted = Schedule(shape="linear", peak=1.0, floor=0.0, warmup=0, fall_start=0, fall_stop=last)
    if spec.learning_schedule(1.0) != wanted:
        raise SpecError(
            f"schedule: found {spec.schedule.shape} to {spec.schedule.floor:g} of the peak, or a warm-up or another "
            "horizon; wanted {shape: linear, floor: 0.0} alone, as an anneal falls to 0 at its last step"
        )


def finish_anneals(
    spec: TrainSpec, anneals: Sequence[Anneal], options: RunOptions, ranks: Ranks
) -> dict[str, Checkpoint]:
    """Do what is left of each anneal; return their last checkpoints by name, verified.

    Args:
        spec: of all; its `data_seed` is that of none.
        anneals: to be done in this order; those that are done already are not done again.
        options: of all; `output` holds a folder for each, `mixes` are those of none.
        ranks: all processes.

    Raises:
        StoppedError: SIGTERM or SIGINT came.
        FailedError: a run failed on its way.
        SpecError, MixError, CheckpointError: as of `open_run_on`.
    """
    require_anneal(spec)
    found = {}
    for number, anneal in enumerate(anneals, 1):
        of_this = replace(spec, data_seed=anneal.data_seed)
        here = replace(options, mixes=(anneal.mix,), output=options.output / anneal.name)
        checkpoint = _finished(of_this, here, ranks)
        log.info("%s: %d of %d%s", anneal.name, number, len(anneals), ", is done" if checkpoint else "")
        if checkpoint is None:
            _train(of_this, here, anneal.name, ranks)
            checkpoint = _finished(of_this, here, ranks)
        assert checkpoint is not None
        found[anneal.name] = checkpoint
    return found


def _finished(spec: TrainSpec, options: RunOptions, ranks: Ranks) -> Checkpoint | None:
    """Return the last checkpoint of a run that is done, its last evaluation on the way too, or None."""
    found = find_checkpoint(options.output, ranks)
    if found is None or found.progress.step < spec.num_steps:
        return None
    lacks_evaluation = ranks.is_first and read_curves(options.output).evaluated_at < spec.num_steps
    if spec.evaluation is not None and ranks.any(lacks_evaluation):
        return None
    require_same_run(found, spec, [open_mix(mix).manifest for mix in options.mixes], known_parent(options.start_from))
    return found


def _train(spec: TrainSpec, options: RunOptions, name: str, ranks: Ranks) -> None:
    """Do the steps that are left of one run, and give its memory back: the next needs it."""
    with open_run_on(ranks, spec, options) as run:
        try:
            run.finish()
        except StoppedError as stopped:
            raise StoppedError(stopped.signal, f"{name}, {stopped.place}") from stopped
        except FailedError as error:
            raise FailedError(f"{name}: {error}") from error
    del run
    ranks.free_memory()
