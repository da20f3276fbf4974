"""Mid-training: anneals from one checkpoint, mixes or data orders apart, and what they reached beside one another."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist

from mixes.errors import CheckpointError, MixError, SpecError
from mixes.opening import MixPlace, open_mix
from trainer.arguments import RunOptions
from trainer.checkpoint import Checkpoint, verified
from trainer.published.weights import is_published, open_published
from trainer.ranks import Ranks, process_group
from trainer.spec import TrainSpec
from trainer.stages.reached import Figures, Questions, Reached
from trainer.stages.runs import Anneal, RunFailedError, finish_anneals, require_anneal
from trainer.stages.souping import write_soup
from trainer.stages.tables import Table, anneal_table, mix_table

RESULTS_FILE = "results.json"
SOUP = "soup"
_BEFORE = "before"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Anneals that begin from one checkpoint.

    Attributes:
        spec: of all; names no data order.
        start_from: a checkpoint, or a published model.
        seeds: data orders, each its own.
        options: of all runs; `output` holds a folder for each, `mixes` are those of none.
        questions: that all models are asked.
    """

    spec: TrainSpec
    start_from: Path
    seeds: tuple[int, ...]
    options: RunOptions
    questions: Questions


def anneal(stage: Stage, mix: MixPlace) -> Table:
    """Anneal on one mix in each data order, make the soup of more than one, evaluate all; return the table.

    Raises:
        RunFailedError: a run or the soup could not be finished.
        StoppedError: a signal came; the same call goes on.
        GristmillError: the request was wrong, or files are damaged.
    """
    names = {f"seed-{seed}": Anneal(name=f"seed-{seed}", mix=mix, data_seed=seed) for seed in _distinct(stage.seeds)}
    with process_group(stage.options.device, stage.options.num_replicas) as ranks:
        reached, before = _begin(stage, ranks)
        done = finish_anneals(stage.spec, list(names.values()), stage.options, ranks)
        souped = None
        if len(done) > 1:
            soup = _soup(list(done.values()), stage.options.output / SOUP, ranks)
        figures = _figures(reached, done)
        if len(done) > 1:
            souped = reached.figures(SOUP, soup.folder, soup.digest)
        table = anneal_table(before, figures, souped)
        reached.write({"table": table.record()})
        return table


def microanneal(stage: Stage, mixes: Sequence[MixPlace]) -> Table:
    """Anneal on each mix, with the same steps in the same data orders, and evaluate all; return the table.

    Args:
        stage: what all have in common.
        mixes: the baseline, then those that are compared with it.

    Raises:
        RunFailedError: a run or the soup could not be finished.
        StoppedError: a signal came; the same call goes on.
        GristmillError: the request was wrong, or files are damaged.
    """
    names = _names(mixes)
    by_mix = {
        name: [Anneal(name=f"{name}/seed-{seed}", mix=mix, data_seed=seed) for seed in _distinct(stage.seeds)]
        for name, mix in names.items()
    }
    with process_group(stage.options.device, stage.options.num_replicas) as ranks:
        reached, before = _begin(stage, ranks)
        done = finish_anneals(stage.spec, [each for some in by_mix.values() for each in some], stage.options, ranks)
        figures = _figures(reached, done)
        table = mix_table(before, {name: [figures[each.name] for each in some] for name, some in by_mix.items()})
        reached.write({"table": table.record()})
        return table


def _begin(stage: Stage, ranks: Ranks) -> tuple[Reached, Figures]:
    """Return where figures are gathered, and those of the model that all anneals begin from."""
    require_anneal(stage.spec)
    reached = Reached(stage.options.output / RESULTS_FILE, stage.questions, stage.spec, ranks)
    if not is_published(stage.start_from):
        digest = verified(stage.start_from, content=ranks.is_first).digest
    else:
        digest = open_published(stage.start_from).digest() if ranks.is_first else ""
    return reached, reached.figures(_BEFORE, stage.start_from, digest)


def _figures(reached: Reached, done: Mapping[str, Checkpoint]) -> dict[str, Figures]:
    return {name: reached.figures(name, each.folder, each.digest) for name, each in done.items()}


def _soup(ingredients: Sequence[Checkpoint], folder: Path, ranks: Ranks) -> Checkpoint:
    """Return the soup of checkpoints; one that lies there and is theirs stays, another one is replaced."""
    if ranks.is_first and not _is_soup_of(ingredients, folder):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write_soup(ingredients, folder)
        except MixError as error:
            raise RunFailedError(f"{folder}: {error}") from error
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
