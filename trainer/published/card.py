"""The card of an exported model: what it is, how and on what it was trained; Markdown."""

from trainer.checkpoint import Checkpoint
from trainer.models.presets import ModelShape

_CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
tags:
- {kind}
---

# {name}

A model of the kind `{kind}` with {parameters:,} parameters, trained by gristmill. It goes on with texts and follows no
instructions. The licence of the weights is for whoever publishes them to name, after those of the data.

## Training

| | |
| --- | --- |
{training}

## Data

The built mix `{mix}`, {mix_tokens:,} tokens:

| source | tokens | share |
| --- | --- | --- |
{sources}
"""


def model_card(checkpoint: Checkpoint, name: str) -> str:
    """Return the card of a checkpoint that is exported under a name."""
    progress, spec, mix = checkpoint.progress, checkpoint.progress.spec, checkpoint.progress.mix
    shape = ModelShape(**progress.shape)
    training = {
        "steps": f"{progress.step:,} of {spec['global_batch']:,} x {spec['sequence_length']:,} tokens",
        "tokens": f"{progress.tokens:,}",
        "learning rate": f"{progress.peak_learning_rate:g} at its peak, {progress.learning_rate:g} at the end",
        "schedule": spec["schedule"]["shape"],
        "precision": f"{spec['precision']}, weights in float32",
        "data seed": spec["seed"] if spec["data_seed"] is None else spec["data_seed"],
        "began from": f"`{progress.parent}`" if progress.parent else "first weights",
        "checkpoint": f"`{checkpoint.digest}`",
        "mix": f"`{mix['digest']}`",
    }
    if progress.ingredients:
        seeds = ", ".join(str(each["data_seed"]) for each in progress.ingredients)
        training["data seed"] = f"{seeds}: a soup, the mean of these runs"
    shares = {source: (each["tokens"], each["tokens"] / mix["tokens"]) for source, each in mix["sources"].items()}
    return _CARD.format(
        name=name,
        kind="olmoe" if shape.num_experts else "olmo2",
        parameters=shape.num_parameters,
        training="\n".join(f"| {key} | {value} |" for key, value in training.items()),
        mix=mix["name"],
        mix_tokens=mix["tokens"],
        sources="\n".join(f"| {source} | {tokens:,} | {share:.2%} |" for source, (tokens, share) in shares.items()),
    )
