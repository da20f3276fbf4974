"""What the card of an exported model says, and whose figures it takes."""

import dataclasses
import json
from pathlib import Path

import pytest

from mixes.errors import DataError
from trainer.checkpoint import Checkpoint, Progress
from trainer.models.presets import PRESETS
from trainer.published.card import model_card, read_evaluation

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
TASK = {
    "task": "arc-easy", "questions": 1000, "shots": 5, "bits_per_byte": 1.25, "score": 0.251, "standard_error": 0.0137,
    "formulation": "multiple_choice",
}  # fmt: skip
PLAIN = {"task": "gsm8k", "questions": 9, "shots": 0, "bits_per_byte": 2.0, "score": None, "formulation": None}
LIKELIHOOD = {"bits_per_byte": 1.5, "perplexity": 20.0}
RECORD = {"held_out": {"by_domain": {"web": LIKELIHOOD}, "macro": LIKELIHOOD}, "tasks": [TASK, PLAIN]}


def test_a_card_has_training_data_licences_and_figures() -> None:
    card = model_card(CHECKPOINT, "mill", "| source | licences |\n| --- | --- |\n| web | one of CC0-1.0 |", RECORD)
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "\n# mill\n\nAn OLMo 2 of 12,976,704 parameters" in card
    for row in (
        "| steps | 3 of 8 x 128 tokens |",
        "| tokens | 3,072 |",
        "| learning rate | 0.0006 at its peak, 0 at the end |",
        "| data seed | 42 |",
        "| began from | `ab` |",
        "| checkpoint | `cd` |",
        "| web | 3,000 | 75.00% |",
        "| math | 1,000 | 25.00% |",
        "| web | one of CC0-1.0 |",
        "| held out: web | 1.5000 | 20.0000 |  |  |",
        "| held out: macro | 1.5000 | 20.0000 |  |  |",
        "| arc-easy, 5-shot, 1,000 questions | 1.2500 |  | 25.1% ± 1.4% | multiple choice |",
        "| gsm8k, 0-shot, 9 questions | 2.0000 |  |  |  |",
    ):
        assert f"\n{row}\n" in card


def test_a_card_of_a_soup_names_its_data_seeds_and_what_is_unknown_is_left_out() -> None:
    ingredients = [{"data_seed": 42}, {"data_seed": 666}]
    soup = dataclasses.replace(
        CHECKPOINT, progress=dataclasses.replace(CHECKPOINT.progress, ingredients=ingredients, parent="")
    )
    card = model_card(soup, "mill", None, None)
    assert "\n| soup | the mean of 2 runs, data seeds 42, 666 |\n" in card
    assert "\n| began from | first weights |\n" in card
    assert "data seed |" not in card
    assert "## Licences" not in card
    assert "## Evaluation" not in card


def test_figures_are_those_of_the_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    models = {"before": {"digest": "ee", "results": {"tasks": []}}, "soup": {"digest": "cd", "results": RECORD}}
    file.write_text(json.dumps({"models": models}))
    assert read_evaluation(file, CHECKPOINT) == RECORD
    with pytest.raises(DataError, match="found no figures of run/step-3, digest ff"):
        read_evaluation(file, dataclasses.replace(CHECKPOINT, digest="ff"))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"models": {"a": {}}}', '{"models": 1}'])
def test_what_is_no_evaluation_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=r"x.json: cannot be read as an evaluation"):
        read_evaluation(tmp_path / "x.json", CHECKPOINT)
    with pytest.raises(DataError, match="absent"):
        read_evaluation(tmp_path / "absent", CHECKPOINT)
