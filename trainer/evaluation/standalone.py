"""An evaluation that stands alone: opens a model, and runs a suite over it."""

from dataclasses import dataclass
from pathlib import Path

from mixes.errors import MixError, SpecError
from mixes.opening import MixPlace, open_mix
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.opening import open_model
from trainer.evaluation.reached import Reached
from trainer.evaluation.suite import Questions, Results, Suite
from trainer.ranks import process_group
from trainer.spec import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """What is evaluated, on what and how.

    Attributes:
        model: a checkpoint's folder, or one as Hugging Face lays it out.
        questions: what it is evaluated on.
        tokenizer: the tokenizer.json of a checkpoint's mix, or None.
        output: keeps the results and is gone on with; see `Reached`.
        context: tokens that the model reads at most; None for what it was trained on.
        batch_tokens: tokens of one forward.
        precision: of the forward pass.
        device: `auto`, `cpu` or `cuda`.
    """

    model: Path
    questions: Questions
    tokenizer: Path | None = None
    output: Path | None = None
    context: int | None = None
    batch_tokens: int = 16_384
    precision: Precision = "float32"
    device: str = "auto"


def evaluate(options: EvaluationOptions) -> Results:
    """Return what a model reaches; under torchrun every rank calls it and rank 0 gets all of it.

    Raises:
        CheckpointError: the model cannot be loaded.
        DataError: texts, questions or tokenizer cannot be read.
        MixError: the mix cannot be read, or has another tokenizer than the model.
        SpecError: there is nothing to evaluate on, or texts or questions are given and no tokenizer.
        StoppedError: a signal came.
    """
    with process_group(options.device) as ranks:
        model, questions = open_model(options.model, options.tokenizer, verifies=ranks.is_first), options.questions
        if model.tokenizer is None and (questions.paloma or questions.tasks):
            raise SpecError(
                f"{options.model}: a checkpoint holds no tokenizer, which texts and questions need; "
                f"wanted --tokenizer with the tokenizer.json of its mix, digest {model.tokenizer_digest}"
            )
        if questions.mix is not None:
            _require_tokenizer(questions.mix, model.tokenizer_digest)
        encoder = None if model.tokenizer is None else Encoder(model.tokenizer, model.prefix_id)
        reached = Reached(
            options.output,
            Suite(questions, model.prefix_id, encoder),
            ranks,
            precision=options.precision,
            context=options.context,
            batch_tokens=options.batch_tokens,
        )
        return reached.results(str(options.model), model)


def _require_tokenizer(mix: MixPlace, digest: str) -> None:
    """Refuse a mix of another tokenizer than the model's."""
    found = open_mix(mix).manifest.tokenizer.digest
    if found != digest:
        raise MixError(
            f"{mix}: found tokens of the tokenizer {found}, the model has {digest}; wanted a mix of that one"
        )
