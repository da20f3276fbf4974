"""Published settings and names: what is written is read back, and what transformers writes is understood."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig

from mixes.errors import CheckpointError
from tests.trainer.models.test_decoder import SHAPES, SMALL
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import config_of, pieces_of, shape_of
from trainer.models.presets import PRESETS, ModelShape


@pytest.mark.parametrize("shape", [*SHAPES.values(), *PRESETS.values()], ids=[*SHAPES, *PRESETS])
def test_a_config_says_the_shape_again(shape: ModelShape) -> None:
    assert shape_of(config_of(shape), "config.json") == shape


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_transformers_makes_of_a_config_says_the_shape_again(shape: ModelShape) -> None:
    config = config_of(shape)
    read: Any = AutoConfig.for_model(**config)  # Any: one of many classes
    assert shape_of(read.to_dict(), "config.json") == shape


def test_the_spelling_of_transformers_4_is_understood() -> None:
    old = {key: value for key, value in config_of(SMALL).items() if key != "rope_parameters"}
    assert shape_of(old, "config.json") == SMALL
    new = {key: value for key, value in config_of(SMALL).items() if key not in ("rope_theta", "rope_scaling")}
    assert shape_of(new, "config.json") == SMALL


def test_the_defaults_of_transformers_are_not_filled_in() -> None:
    config: dict[str, Any] = dict(config_of(SMALL))  # Any: JSON
    del config["rms_norm_eps"]
    with pytest.raises(
        CheckpointError, match=r"hf/config.json: rms_norm_eps: found None, wanted a number above 0; write it"
    ):
        shape_of(config, "hf/config.json")


@pytest.mark.parametrize("key", ["norm_topk_prob", "clip_qkv"])
def test_experts_that_compute_otherwise_are_refused(key: str) -> None:
    with pytest.raises(CheckpointError, match=f"{key}: found 1, wanted"):
        shape_of(config_of(SHAPES["experts"]) | {key: 1}, "config.json")


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_pieces_of_a_parameter_cover_it_once(shape: ModelShape) -> None:
    with torch.device("meta"):
        sizes = {name: parameter.shape for name, parameter in LanguageModel(shape).named_parameters()}
    parameters = {name: torch.zeros(size) for name, size in sizes.items()}
    pieces = [piece for name, parameter in parameters.items() for piece in pieces_of(name, parameter)]
    for _, piece in pieces:
        piece.add_(1)
    assert len(pieces) == len(dict(pieces))
    assert all((parameter == 1).all() for parameter in parameters.values())


def test_experts_lie_apart_on_disk() -> None:
    stacked = torch.arange(24).reshape(2, 6, 2)
    pieces = list(pieces_of("model.layers.0.mlp.experts.gate_up_proj", stacked, 3))
    assert [name.removeprefix("model.layers.0.mlp.experts.") for name, _ in pieces] == [
        "3.gate_proj.weight", "3.up_proj.weight", "4.gate_proj.weight", "4.up_proj.weight"
    ]  # fmt: skip
    assert [piece.flatten().tolist() for _, piece in pieces] == [[*range(n, n + 6)] for n in (0, 6, 12, 18)]
    [(name, piece), _] = pieces_of("model.layers.0.mlp.experts.down_proj", stacked)
    assert (name, piece.tolist()) == ("model.layers.0.mlp.experts.0.down_proj.weight", stacked[0].tolist())
    assert list(pieces_of("model.norm.weight", stacked)) == [("model.norm.weight", stacked)]
