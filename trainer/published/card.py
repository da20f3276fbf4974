"""The card of an exported model: what it is, how and on what it was trained, what it reached; Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixes.errors import DataError
from trainer.checkpoint import Checkpoint
from trainer.models.presets import ModelShape

_HEAD = """\
---
library_name: transformers
pipeline_tag: text-generation
tags:
- {kind}
---

# {name}

{model} of {parameters:,} parameters, trained by gristmill. A base model: it goes on with texts and follows no
instructions. The licence of the weights is for whoever publishes them to name, after those of the data.
"""
_USE = """
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("{name}")  # this folder
tokenizer = AutoTokenizer.from_pretrained("{name}")
tokens = tokenizer("The mill", return_tensors="pt")
print(tokenizer.decode(model.generate(**tokens, max_new_tokens=50)[0]))
```
"""
Record = Mapping[str, Any]  # Any: JSON


def model_card(checkpoint: Checkpoint, name: str, licences: str | None, evaluation: Record | None) -> str:
    """Return the card of a checkpoint.

    Args:
        checkpoint: that was exported.
        name: of the model.
        licences: of each source of its mix, a table of Markdown; None where nothing is known of them.
        evaluation: its record of `Results.record`, or None.
    """
    progress = checkpoint.progress
    shape = ModelShape(**progress.shape)
    kind = "olmoe" if shape.num_experts else "olmo2"
    model = "An OLMoE" if shape.num_experts else "An OLMo 2"
    parts = [
        _HEAD.format(kind=kind, name=name, model=model, parameters=shape.num_parameters),
        _USE.format(name=name),
        "\n## Training\n\n",
        _table(("", ""), list(_training(checkpoint))),
        "\n## Data\n\n",
        f"The built mix `{progress.mix['name']}`, {progress.mix['tokens']:,} tokens:\n\n",
        _table(("source", "tokens", "share"), list(_sources(progress.mix))),
    ]
    if licences is not None:
        parts += ["\n## Licences\n\n", licences, "\n"]
    if evaluation is not None:
        head = ("", "bits per byte", "perplexity", "accuracy", "formulation")
        parts += ["\n## Evaluation\n\n", _table(head, list(_reached(evaluation)))]
    return "".join(parts)


def read_evaluation(file: Path, checkpoint: Checkpoint) -> Record:
    """Return the record of a checkpoint's evaluation.

    Args:
        file: what `trainer/evaluate.py --output` wrote, or the results.json of a stage.
        checkpoint: whose figures are wanted.

    Raises:
        DataError: it cannot be read, is neither, or has none of this checkpoint.
    """
    try:
        found = json.loads(file.read_bytes())
        of_it = [each["results"] for each in found["models"].values() if each["digest"] == checkpoint.digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file}: cannot be read as an evaluation: {error!r}; wanted that of evaluate.py") from error
    if not of_it:
        raise DataError(f"{file}: found no figures of {checkpoint.folder}, digest {checkpoint.digest}; evaluate it")
    record: Record = of_it[0]
    return record


def _training(checkpoint: Checkpoint) -> Iterator[Sequence[str]]:
    progress, spec = checkpoint.progress, checkpoint.progress.spec
    yield "steps", f"{progress.step:,} of {spec['global_batch']:,} x {spec['sequence_length']:,} tokens"
    yield "tokens", f"{progress.tokens:,}"
    yield "learning rate", f"{progress.peak_learning_rate:g} at its peak, {progress.learning_rate:g} at the end"
    yield "schedule", f"{spec['schedule']['shape']}"
    yield "precision", f"{spec['precision']}, weights in float32"
    if progress.ingredients:
        seeds = ", ".join(str(each["data_seed"]) for each in progress.ingredients)
        yield "soup", f"the mean of {len(progress.ingredients)} runs, data seeds {seeds}"
    else:
        yield "data seed", str(spec["seed"] if spec["data_seed"] is None else spec["data_seed"])
    yield "began from", f"`{progress.parent}`" if progress.parent else "first weights"
    yield "checkpoint", f"`{checkpoint.digest}`"
    yield "mix", f"`{progress.mix['digest']}`"


def _sources(mix: Record) -> Iterator[Sequence[str]]:
    for name, source in mix["sources"].items():
        yield name, f"{source['tokens']:,}", f"{source['tokens'] / max(1, mix['tokens']):.2%}"


def _reached(evaluation: Record) -> Iterator[Sequence[str]]:
    for kind, texts in evaluation.items():
        if isinstance(texts, Mapping) and "by_domain" in texts:
            averages = {name: each for name, each in texts.items() if name != "by_domain"}
            for domain, each in {**texts["by_domain"], **averages}.items():
                yield (
                    f"{kind.replace('_', ' ')}: {domain}",
                    _number(each["bits_per_byte"]),
                    _number(each["perplexity"]),
                    "",
                    "",
                )
    for task in evaluation["tasks"]:
        name = f"{task['task']}, {task['shots']}-shot, {task['questions']:,} questions"
        score = "" if task["score"] is None else f"{task['score']:.1%} ± {task['standard_error']:.1%}"
        yield name, _number(task["bits_per_byte"]), "", score, (task["formulation"] or "").replace("_", " ")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
