"""An evaluation that stands alone: opens a model, and runs a suite over it."""

from pathlib import Path

from mixes.errors import MixError
from mixes.opening import MixPlace, open_mix
from trainer.evaluation.opening import open_model
from trainer.evaluation.reached import Reached
from trainer.evaluation.results import Results
from trainer.evaluation.suite import Suite
from trainer.ranks import process_group
from trainer.spec import Precision, SuiteSpec


def evaluate(
    folder: Path,
    spec: SuiteSpec,
    mix: MixPlace | None = None,
    *,
    output: Path | None = None,
    context: int | None = None,
    batch_tokens: int = 16_384,
    precision: Precision = "float32",
    device: str = "auto",
) -> Results:
    """Return what a model reaches; under torchrun every rank calls it and rank 0 gets all of it.

    Args:
        folder: of a checkpoint, or of a model as Hugging Face lays it out.
        spec: texts and questions, and the tokenizer.json of a checkpoint's mix.
        mix: a built mix whose held-out documents are scored, or None.
        output: keeps the results and is gone on with; see `Reached`, also for what follows.
        context: tokens that the model reads at most; None for what it was trained on.
        batch_tokens: tokens of one forward.
        precision: of the forward pass.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        CheckpointError: the model cannot be loaded.
        DataError: texts, questions or tokenizer cannot be read.
        MixError: the mix cannot be read, or has another tokenizer than the model.
        SpecError: there is nothing to evaluate on, or texts or questions are given and no tokenizer.
        StoppedError: a signal came.
    """
    tokenizer = None if spec.tokenizer is None else Path(spec.tokenizer)
    with process_group(device) as ranks:
        with ranks.refusing_together():  # rank 0 alone reads every byte, and the file of results
            model = open_model(folder, tokenizer, verifies=ranks.is_first)
            if mix is not None:
                _require_tokenizer(mix, model.tokenizer_digest)
            suite = Suite(spec, mix, model.prefix_id, model.encoder)
            reached = Reached(output, suite, ranks, precision=precision, context=context, batch_tokens=batch_tokens)
        return reached.results(str(folder), model)


def _require_tokenizer(mix: MixPlace, digest: str) -> None:
    """Refuse a mix of another tokenizer than the model's."""
    found = open_mix(mix).manifest.tokenizer.digest
    if found != digest:
        raise MixError(
            f"{mix}: found tokens of the tokenizer {found}, the model has {digest}; wanted a mix of that one"
        )
