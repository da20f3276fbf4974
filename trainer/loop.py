"""The training run: composes mix, loader, steps, checkpoints and metrics."""

import contextlib
import dataclasses
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch.distributed as dist

from mixes.command import FailedError
from mixes.errors import CheckpointError, MixError
from mixes.lock import hold_folder
from mixes.manifest import Manifest
from trainer.arguments import RunOptions
from trainer.checkpoint import Progress, steps_on_disk
from trainer.evaluation.periodic import PeriodicEvaluation
from trainer.figures import StepFigures
from trainer.loader import prefetched
from trainer.models.presets import ModelShape
from trainer.plan import require_even_shares
from trainer.ranks import Ranks, process_group
from trainer.resume import beginning, find_checkpoint
from trainer.run_data import RunData, open_data
from trainer.saving import CheckpointWriter
from trainer.spec import TrainSpec
from trainer.stopping import StoppedError
from trainer.updates import Trainer
from trainer.watching.boards import TENSORBOARD_FOLDER, Board, TensorBoard, WeightsAndBiases
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE
from trainer.watching.metrics import MetricsWriter
from trainer.watching.page import REPORT_FILE, write_report
from trainer.watching.run_facts import FACTS_FILE, RunFacts, write_facts

LOCK_FILE = ".run.lock"
log = logging.getLogger(__name__)


class Run:
    """A run that is ready for its next step, with its tensors filled; `open_run` makes it."""

    def __init__(self, spec: TrainSpec, options: RunOptions, data: RunData, ranks: Ranks) -> None:
        self.spec, self.options, self.data, self.ranks = spec, options, data, ranks
        self.trainer, self.progress = _begin(spec, options, data.manifests, ranks)
        self._evaluation = None
        if spec.evaluation is not None:
            model = self.trainer.model
            self._evaluation = PeriodicEvaluation(spec.evaluation, spec, options.mixes[0], model, ranks)

    def finish(self) -> None:
        """Do the steps that are left and leave a checkpoint.

        Raises:
            StoppedError: SIGTERM or SIGINT came; there is a checkpoint of the last step before.
            FailedError: a part of the mix was damaged meanwhile, or a checkpoint or figures cannot be written.
        """
        output, kept = self.options.output, self.spec.checkpoint
        try:
            with contextlib.ExitStack() as stack:
                writer = CheckpointWriter(output, kept.keep, self.ranks, kept.milestone)
                stack.callback(writer.close)
                metrics = stack.enter_context(contextlib.closing(self._metrics())) if self.ranks.is_first else None
                self._steps(writer, metrics)
        except (CheckpointError, MixError) as error:
            raise FailedError(str(error)) from error

    def _steps(self, writer: CheckpointWriter, metrics: MetricsWriter | None) -> None:
        spec, done = self.spec, self.progress.step
        first = done + 1
        stops = not self._evaluated(done, metrics)  # a signal may have kept the process before from it
        last = done if stops else spec.num_steps
        with contextlib.closing(prefetched(self.data, first, last)) as batches:
            for done in range(first, last + 1):
                since = time.perf_counter()
                batch = next(batches)
                waited = time.perf_counter() - since
                figures = self.trainer.step(done, batch)
                if metrics is not None:
                    metrics.add(figures, waited)
                    if done % spec.log_interval == 0:
                        metrics.flush()
                stops = self.ranks.stops() or not self._evaluated(done, metrics)
                if stops or done == spec.num_steps or done % spec.checkpoint.interval == 0:
                    self._save(writer, metrics, figures)
                if stops:
                    break
        writer.wait()
        if metrics is not None:
            write_report(self.options.output, metrics.curves)  # names the last checkpoint too
        if stops:
            raise StoppedError(self.ranks.stopped_by, f"step {done:,}")

    def _evaluated(self, step: int, metrics: MetricsWriter | None) -> bool:
        """Evaluate the model where that is due and was not done, before the step's checkpoint is written.

        Returns:
            False where a signal came meanwhile: then there are no figures, and who resumes after the step gets them.
        """
        is_done = metrics is not None and metrics.curves.evaluated_at == step
        if self._evaluation is not None and self._evaluation.is_due(step) and not self.ranks.any(is_done):
            try:
                figures = self._evaluation.figures()
            except StoppedError:
                return False
            if metrics is not None:
                metrics.add_evaluation(step, figures)
        return True

    def _save(self, writer: CheckpointWriter, metrics: MetricsWriter | None, figures: StepFigures) -> None:
        """Begin to write a checkpoint, when all that is said of the steps before it is on disk."""
        if metrics is not None:
            metrics.flush()
            write_report(self.options.output, metrics.curves)
        step, rate = figures.step, figures.learning_rate
        tokens = step * self.spec.tokens_per_step
        writer.save(
            self.trainer.state(), dataclasses.replace(self.progress, step=step, tokens=tokens, learning_rate=rate)
        )

    def _metrics(self) -> MetricsWriter:
        """Return what writes the figures of the run, after what is known of it before its first step is written."""
        output, done = self.options.output, self.progress.step
        facts = RunFacts(
            last_step=self.spec.num_steps,
            tokens_per_step=self.spec.tokens_per_step,
            flops_per_token=self.trainer.model.shape.flops_per_token(self.spec.sequence_length),
            source_names=self.data.source_names,
            device=self.ranks.device,
            world_size=self.ranks.world_size,
        )
        settings = {name: getattr(self.progress, name) for name in ("spec", "shape", "mix", "parent")}
        write_facts(output, facts, settings)
        boards: list[Board] = [TensorBoard(output / TENSORBOARD_FOLDER, done + 1)]
        if self.options.wandb_project is not None:
            boards.append(WeightsAndBiases(self.options.wandb_project, output, settings))
        return MetricsWriter(output, facts, done, boards, self.data.documents)


@contextlib.contextmanager
def open_run(spec: TrainSpec, options: RunOptions) -> Iterator[Run]:
    """Give a run as `open_run_on` does, on the processes that torchrun started or on this one alone."""
    with process_group(options.device, options.num_replicas) as ranks, open_run_on(ranks, spec, options) as run:
        yield run


@contextlib.contextmanager
def open_run_on(ranks: Ranks, spec: TrainSpec, options: RunOptions) -> Iterator[Run]:
    """Give a run at the newest sound checkpoint of its output folder, else at its parent's, else at first weights.

    Args:
        ranks: all processes, which may do one run after the other; laid out as the options say.
        spec: what shapes the result.
        options: where and how to run.

    Raises:
        SpecError: the spec does not fit the number of ranks or lacks a learning rate.
        MixError: the mix is absent or damaged, or another run is at work in the output folder.
        CheckpointError: every checkpoint is damaged, or it is one of another run.
    """
    with held(options.output, ranks), open_data(options.mixes, spec, ranks) as data:
        require_even_shares(spec, options.num_replicas, ranks.world_size)
        if options.fresh:
            _forget(options.output, ranks)
        yield Run(spec, options, data, ranks)


@contextlib.contextmanager
def held(output: Path, ranks: Ranks) -> Iterator[None]:
    """Hold a folder for these processes; rank 0 has the lock, the others learn of a refusal."""
    with contextlib.ExitStack() as stack:
        with ranks.refusing_together():
            if ranks.is_first:
                stack.enter_context(hold_folder(output, LOCK_FILE, "run"))
        yield


def _begin(
    spec: TrainSpec, options: RunOptions, manifests: Sequence[Manifest], ranks: Ranks
) -> tuple[Trainer, Progress]:
    """Return the trainer with its tensors filled, and how far it is."""
    own = find_checkpoint(options.output, ranks)
    with ranks.refusing_together():  # rank 0 alone reads every byte of what it begins from, as it alone writes records
        begun = beginning(spec, manifests, own, options.start_from, content=ranks.is_first)
    schedule, shape = spec.learning_schedule(begun.progress.peak_learning_rate), ModelShape(**begun.progress.shape)
    trainer = Trainer(spec, shape, schedule, ranks, compiled=options.compiled, recomputes=options.recomputes)
    begun.fill(trainer)
    log.info("begins %s", begun.place)
    return trainer, begun.progress


def _forget(output: Path, ranks: Ranks) -> None:
    """Remove the checkpoints and metrics of an earlier run."""
    if ranks.is_first:
        for step in steps_on_disk(output):
            shutil.rmtree(output / f"step-{step}")
        shutil.rmtree(output / TENSORBOARD_FOLDER, ignore_errors=True)
        for name in (METRICS_FILE, SKIPPED_FILE, FACTS_FILE, REPORT_FILE):
            (output / name).unlink(missing_ok=True)
    dist.barrier(group=ranks.control)
