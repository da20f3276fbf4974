"""Evaluations in the midst of a training run."""

from mixes.opening import MixPlace
from trainer.evaluation.results import Results
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.suite import Suite
from trainer.models.decoder import LanguageModel
from trainer.ranks import Ranks
from trainer.spec import EvaluationSpec, TrainSpec


class PeriodicEvaluation:
    """Evaluates the model of a run after every so many steps and after the last; changes nothing of it.

    Args:
        spec: of the run's evaluations.
        training: of the run: the batches of an evaluation hold as many tokens as a micro-batch.
        mix: folder of the mix that is trained on; what it holds out is scored.
        model: the one that is trained.
        ranks: all processes.

    Raises:
        DataError: the tokenizer, the texts or the questions cannot be read.
        SpecError: there is nothing to be evaluated on.
    """

    def __init__(
        self, spec: EvaluationSpec, training: TrainSpec, mix: MixPlace, model: LanguageModel, ranks: Ranks
    ) -> None:
        self._interval = spec.interval
        self._last_step = training.num_steps
        self._suite = Suite.of_mix(spec, mix)
        length = training.sequence_length
        self._scorer = Scorer(model, ranks, max_length=length, batch_tokens=training.micro_batch * length)

    def is_due(self, step: int) -> bool:
        """Return whether the model is evaluated after a step, from 1."""
        return step > 0 and (step == self._last_step or step % self._interval == 0)

    def figures(self) -> dict[str, float]:
        """Return what the model reaches, by names as `tasks/arc-easy/score`; every rank must ask.

        Raises:
            StoppedError: a signal came.
        """
        results = Results()
        for _ in self._suite.evaluate(self._scorer, results):
            pass
        return results.figures()
