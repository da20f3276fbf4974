"""Mid-training: anneals from one checkpoint, mixes or data orders apart, and what they reached beside one another."""

import contextlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist

from mixes.errors import CheckpointError, MixError, SpecError
from mixes.opening import MixPlace, open_mix
from trainer.arguments import RunOptions
from trainer.checkpoint import Checkpoint, verified
from trainer.evaluation.opening import open_model
from trainer.evaluation.reached import Reached
from trainer.evaluation.suite import Suite
from trainer.ranks import Ranks, process_group
from trainer.spec import SuiteSpec, TrainSpec
from trainer.stages.page import BEFORE, RESULTS_FILE, SOUP, write_report
from trainer.stages.runs import Anneal, finish_anneals, require_anneal
from trainer.stages.souping import write_soup
from trainer.stages.tables import Figures, Table, anneal_table, mix_table
from trainer.stopping import FailedError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Anneals that begin from one checkpoint.

    Attributes:
        spec: of all; names no data order.
        start_from: a checkpoint, or a published model.
        seeds: data orders, each its own.
        options: of all runs; `output` holds a folder for each, `mixes` are the mix, or the baseline and the others.
        suite: that all models are evaluated on, beside what the first mix holds out.
    """

    spec: TrainSpec
    start_from: Path
    seeds: Sequence[int]
    options: RunOptions
    suite: SuiteSpec


def anneal(stage: Stage) -> Table | None:
    """Anneal on one mix in each data order, make the soup of more than one, evaluate all.

    Returns:
        The table, which results.json and the report hold too; None on other ranks than the first.

    Raises:
        FailedError: a run or the soup could not be finished.
        StoppedError: a signal came; the same call goes on.
        GristmillError: the request was wrong, or files are damaged.
    """
    (mix,) = stage.options.mixes
    anneals = [Anneal(name=f"seed-{seed}", mix=mix, data_seed=seed) for seed in _distinct(stage.seeds)]
    with _begun(stage) as (ranks, reached, before):
        done = finish_anneals(stage.spec, anneals, stage.options, ranks)
        soup = _soup(list(done.values()), stage.options.output / SOUP, ranks) if len(done) > 1 else None
        figures = {name: _figures(reached, name, each.folder) for name, each in done.items()}
        souped = None if soup is None else _figures(reached, SOUP, soup.folder)
        return _told(stage, reached, anneal_table(before, figures, souped)) if ranks.is_first else None


def microanneal(stage: Stage) -> Table | None:
    """Anneal on each mix, with the same steps in the same data orders, and evaluate all.

    Returns, Raises: as `anneal`.
    """
    by_mix = {
        name: [Anneal(name=f"{name}/seed-{seed}", mix=mix, data_seed=seed) for seed in _distinct(stage.seeds)]
        for name, mix in _names(stage.options.mixes).items()
    }
    with _begun(stage) as (ranks, reached, before):
        anneals = [each for some in by_mix.values() for each in some]
        done = finish_anneals(stage.spec, anneals, stage.options, ranks)
        figures = {name: _figures(reached, name, each.folder) for name, each in done.items()}
        of_mixes = {name: [figures[each.name] for each in some] for name, some in by_mix.items()}
        return _told(stage, reached, mix_table(before, of_mixes)) if ranks.is_first else None


@contextlib.contextmanager
def _begun(stage: Stage) -> Iterator[tuple[Ranks, Reached, Figures]]:
    """Give all processes, where results are gathered, and the figures of the model that all anneals begin from."""
    require_anneal(stage.spec)
    spec, options = stage.spec, stage.options
    with process_group(options.device, options.num_replicas) as ranks:
        suite = Suite.of_mix(stage.suite, options.mixes[0])
        batch_tokens = spec.micro_batch * spec.sequence_length
        reached = Reached(
            options.output / RESULTS_FILE, suite, ranks, precision=spec.precision, batch_tokens=batch_tokens
        )
        model = open_model(stage.start_from, None, verifies=ranks.is_first)
        yield ranks, reached, reached.results(BEFORE, model).figures()


def _figures(reached: Reached, name: str, folder: Path) -> Figures:
    """Return the figures of a checkpoint whose bytes were verified; complete on rank 0."""
    return reached.results(name, open_model(folder, None, verifies=False)).figures()


def _told(stage: Stage, reached: Reached, table: Table) -> Table:
    """Write what was done and reached, and the report of it."""
    spec = stage.spec
    manifests = [open_mix(mix).manifest for mix in stage.options.mixes]
    facts = {
        "from": str(stage.start_from),
        "seeds": list(stage.seeds),
        "steps": spec.num_steps,
        "tokens": spec.num_steps * spec.tokens_per_step,
        "mixes": [{"name": mix.name, "tokens": mix.tokens} for mix in manifests],
    }
    reached.write({"stage": facts, "table": table.record()})
    write_report(stage.options.output)
    return table


def _soup(ingredients: Sequence[Checkpoint], folder: Path, ranks: Ranks) -> Checkpoint:
    """Return the soup of checkpoints; one that lies there and is theirs stays, another one is replaced."""
    if ranks.is_first and not _is_soup_of(ingredients, folder):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write_soup(ingredients, folder)
        except MixError as error:
            raise FailedError(f"{folder}: {error}") from error
        log.info("souped %d anneals: %s", len(ingredients), folder)
    dist.barrier(group=ranks.control)
    return verified(folder, content=False)


def _is_soup_of(ingredients: Sequence[Checkpoint], folder: Path) -> bool:
    try:
        found = verified(folder)
    except CheckpointError:
        return False
    return {each["digest"] for each in found.progress.ingredients} == {each.digest for each in ingredients}


def _distinct(seeds: Sequence[int]) -> Sequence[int]:
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise SpecError(f"--seeds: found {twice[0]} twice; wanted seeds that differ, as each is a data order")
    return seeds


def _names(mixes: Sequence[MixPlace]) -> dict[str, MixPlace]:
    """Return mixes by the names that their manifests give."""
    names: dict[str, MixPlace] = {}
    for mix in mixes:
        name = open_mix(mix).manifest.name
        if name in names:
            raise SpecError(f"{mix}: found the mix {name!r} a second time, after {names[name]}; wanted other names")
        names[name] = mix
    return names
