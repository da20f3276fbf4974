"""An evaluation that stands alone: loads a model, and runs a suite over it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mixes.errors import MixError, SpecError
from mixes.opening import MixPlace, open_mix
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.loading import load_model
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.suite import Results, Suite
from trainer.ranks import process_group
from trainer.sharding import sharded_model
from trainer.spec import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """What is evaluated, on what and how.

    Attributes:
        model: a checkpoint's folder, or one as Hugging Face lays it out.
        mix: folder of a mix whose held-out documents are scored, or None.
        paloma: a folder of texts by domain, or None.
        tasks: sets of questions.
        tokenizer: the tokenizer.json of a checkpoint's mix, or None.
        shots: solved questions before each question.
        max_questions: see `Task`.
        context: tokens that the model reads at most; None for what it was trained on.
        batch_tokens: tokens of one forward.
        precision: of the forward pass.
        device: `auto`, `cpu` or `cuda`.
    """

    model: Path
    mix: MixPlace | None = None
    paloma: Path | None = None
    tasks: tuple[Path, ...] = ()
    tokenizer: Path | None = None
    shots: int = 5
    max_questions: int = 1000
    context: int | None = None
    batch_tokens: int = 16_384
    precision: Precision = "float32"
    device: str = "auto"


def evaluate(options: EvaluationOptions) -> Results:
    """Return what a model reaches; under torchrun every rank calls it and gets all of it.

    Raises:
        CheckpointError: the model cannot be loaded.
        DataError: texts, questions or tokenizer cannot be read.
        MixError: the mix cannot be read, or has another tokenizer than the model.
        SpecError: there is nothing to evaluate on, or texts or questions are given and no tokenizer.
    """
    with process_group(options.device) as ranks:
        loaded = load_model(
            options.model,
            options.tokenizer,
            partial(sharded_model, precision=options.precision, ranks=ranks),
            verifies=ranks.is_first,
        )
        if loaded.tokenizer is None and (options.paloma or options.tasks):
            raise SpecError(
                f"{options.model}: a checkpoint holds no tokenizer, which texts and questions need; "
                f"wanted --tokenizer with the tokenizer.json of its mix, digest {loaded.tokenizer_digest}"
            )
        if options.mix is not None:
            _require_tokenizer(options.mix, loaded.tokenizer_digest)
        suite = Suite(
            prefix_id=loaded.prefix_id,
            encoder=None if loaded.tokenizer is None else Encoder(loaded.tokenizer, loaded.prefix_id),
            mix=options.mix,
            folder=options.paloma,
            task_files=options.tasks,
            shots=options.shots,
            max_questions=options.max_questions,
        )
        max_length = options.context or loaded.context
        scorer = Scorer(loaded.model, ranks, max_length=max_length, batch_tokens=options.batch_tokens)
        return suite.evaluate(scorer)


def _require_tokenizer(mix: MixPlace, digest: str) -> None:
    """Refuse a mix of another tokenizer than the model's."""
    found = open_mix(mix).manifest.tokenizer.digest
    if found != digest:
        raise MixError(
            f"{mix}: found tokens of the tokenizer {found}, the model has {digest}; wanted a mix of that one"
        )
