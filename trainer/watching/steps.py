"""What is said of a step: the line of its figures, and of a skipped one its instances and their documents."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.stream_documents import StreamDocument
from trainer.figures import StepFigures
from trainer.watching.lines import SKIPPED_FILE, Line, finite, four_digits
from trainer.watching.run_facts import RunFacts

Locate = Callable[[int, NDArray[np.int64]], list[list[StreamDocument]]]
"""Gives the documents of each of some instances; the number is that of their step."""
_ROUTER_LOSSES = ("load_balancing_loss", "router_z_loss")  # the last two rows of `StepFigures.sums`
_MAX_NAMED = 3  # instances of a skipped step, and documents of each, that people are told of


def step_line(figures: StepFigures, facts: RunFacts) -> dict[str, Any]:  # Any: JSON
    """Return the figures of a step, with the mean loss of each source that it saw; waits for the device."""
    nll, z, labels, *of_routers = figures.sums.double().cpu().numpy()
    num_labels = labels.sum() or math.nan
    names = facts.source_names
    nll_of, labels_of = (np.bincount(figures.sources, weights, len(names)) for weights in (nll, labels))
    return {
        "step": figures.step,
        "tokens": figures.step * facts.tokens_per_step,
        "loss": finite(nll.sum() / num_labels),
        "grad_norm": finite(float(figures.grad_norm)),
        "z_loss": finite(z.sum() / num_labels),
        **{name: finite(row.mean()) for name, row in zip(_ROUTER_LOSSES, of_routers, strict=False)},
        "learning_rate": figures.learning_rate,
        "skipped": bool(figures.skipped),
        "masked_instances": int((labels == 0).sum()),
        **{
            f"loss_by_source/{name}": finite(nll_of[number] / labels_of[number])
            for number, name in enumerate(names)
            if labels_of[number]
        },
    }


def skipped_line(line: Line, figures: StepFigures, facts: RunFacts, locate: Locate) -> dict[str, Any]:  # Any: JSON
    """Return the instances of a skipped step with their documents, that of highest loss, the likely cause, first."""
    nll, _, labels = figures.sums[:3].double().cpu().numpy()
    losses = np.nan_to_num(nll / np.maximum(labels, 1), nan=np.inf)
    problem: dict[str, str] = {}
    try:
        documents = locate(figures.step, figures.instances)
    except MixError as error:  # an index may be damaged where the tokens are not: the run need not end
        documents, problem = [[] for _ in losses], {"problem": f"documents are not known, {error}"}
    instances = [
        {
            "instance": int(figures.instances[place]),
            "source": facts.source_names[figures.sources[place]],
            "loss": finite(losses[place]),
            "documents": [asdict(document) for document in documents[place]],
        }
        for place in np.argsort(-losses, kind="stable")
    ]
    return {key: line[key] for key in ("step", "loss", "grad_norm")} | problem | {"instances": instances}


def told_of(skipped: Line) -> str:
    """Return what people are told of a skipped step: its figures, its worst instances, the first documents of each."""
    worst = "; ".join(
        f"{each['instance']} ({each['source']}, {four_digits(each['loss'])}): "
        + (", ".join(document["id"] for document in each["documents"][:_MAX_NAMED]) or "not known")
        for each in skipped["instances"][:_MAX_NAMED]
    )
    return (
        f"step {skipped['step']:,} skipped, weights unchanged: loss {four_digits(skipped['loss'])}, gradient norm "
        f"{four_digits(skipped['grad_norm'])}; instances of highest loss and their first documents: {worst}; "
        f"{skipped.get('problem', 'all of them')}: {SKIPPED_FILE}"
    )
