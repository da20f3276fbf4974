"""What the card of an exported model says."""

import dataclasses
from pathlib import Path

from trainer.checkpoint import Checkpoint, Progress
from trainer.models.presets import PRESETS
from trainer.published.card import model_card

SPEC = {
    "seed": 6198, "data_seed": 42, "global_batch": 8, "sequence_length": 128, "precision": "bfloat16",
    "schedule": {"shape": "linear"},
}  # fmt: skip
MIX = {
    "name": "small", "digest": "aa", "tokens": 4000,
    "sources": {"web": {"tokens": 3000, "whole_epochs": 1}, "math": {"tokens": 1000, "whole_epochs": 2}},
}  # fmt: skip
CHECKPOINT = Checkpoint(
    folder=Path("run/step-3"),
    progress=Progress(
        step=3,
        tokens=3072,
        learning_rate=0.0,
        peak_learning_rate=6e-4,
        spec=SPEC,
        shape=dataclasses.asdict(PRESETS["tiny"]),
        mix=MIX,
        parent="ab",
    ),
    digest="cd",
    shards=(),
)


def test_a_card_says_how_and_on_what_the_model_was_trained() -> None:
    card = model_card(CHECKPOINT, "mill")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "\n- olmo2\n---\n\n# mill\n\nA model of the kind `olmo2` with 12,976,704 parameters" in card
    for row in (
        "| steps | 3 of 8 x 128 tokens |",
        "| tokens | 3,072 |",
        "| learning rate | 0.0006 at its peak, 0 at the end |",
        "| data seed | 42 |",
        "| began from | `ab` |",
        "| checkpoint | `cd` |",
        "| mix | `aa` |",
        "| web | 3,000 | 75.00% |",
        "| math | 1,000 | 25.00% |",
    ):
        assert f"\n{row}\n" in card


def test_a_card_of_a_soup_names_its_data_seeds() -> None:
    progress = dataclasses.replace(CHECKPOINT.progress, ingredients=[{"data_seed": 42}, {"data_seed": 666}], parent="")
    card = model_card(dataclasses.replace(CHECKPOINT, progress=progress), "mill")
    assert "\n| data seed | 42, 666: a soup, the mean of these runs |\n" in card
    assert "\n| began from | first weights |\n" in card
