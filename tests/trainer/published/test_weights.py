"""Runs that begin from weights that transformers saved: equal to the bit, and refused by name where they do not fit."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Olmo2Config, Olmo2ForCausalLM, OlmoeConfig, OlmoeForCausalLM

from mixes.errors import CheckpointError, SpecError
from tests.trainer.small_run import lines_of, spec_with, train
from trainer.arguments import RunOptions
from trainer.checkpoint import verified
from trainer.loop import open_run
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import config_of
from trainer.models.presets import PRESETS, ModelShape
from trainer.published import weights
from trainer.published.weights import is_published, open_published
from trainer.ranks import local_part

DENSE = dataclasses.replace(PRESETS["tiny"], vocab_size=256)
ROUTED = dataclasses.replace(DENSE, intermediate_size=32, num_experts=4, experts_per_token=2)
EXPERTS = ("preset: tiny", "preset: tiny, num_experts: 4, experts_per_token: 2, intermediate_size: 32")
TOKENS = torch.randint(0, 250, (2, 32), generator=torch.Generator().manual_seed(0))


def saved(folder: Path, shape: ModelShape = DENSE, max_shard_size: str = "5GB") -> torch.nn.Module:
    """Save a model of random weights as transformers does, and return it."""
    torch.manual_seed(0)
    config = config_of(shape) | {"eos_token_id": 249, "pad_token_id": None, "bos_token_id": None}
    if shape.num_experts:
        routed = OlmoeForCausalLM(OlmoeConfig(**(config | {"experts_implementation": "eager"})))
        routed.save_pretrained(folder, max_shard_size=max_shard_size)
        return routed
    dense = Olmo2ForCausalLM(Olmo2Config(**config))
    dense.save_pretrained(folder, max_shard_size=max_shard_size)
    return dense


@pytest.mark.parametrize(
    ("shape", "max_shard_size", "change"),
    [
        (DENSE, "5GB", ("preset: tiny", "preset: tiny")),
        (DENSE, "100KB", ("preset: tiny", "preset: tiny")),
        (ROUTED, "100KB", EXPERTS),
    ],
    ids=["one file", "several files", "experts in several files"],
)
def test_the_weights_are_those_of_the_folder(
    mix: Path, tmp_path: Path, shape: ModelShape, max_shard_size: str, change: tuple[str, str]
) -> None:
    reference = saved(tmp_path / "hf", shape, max_shard_size)
    assert (len(list((tmp_path / "hf").glob("*.safetensors"))) > 1) is (max_shard_size == "100KB")
    spec = spec_with(change)
    with open_run(
        spec, RunOptions(mixes=(mix,), output=tmp_path / "a", start_from=tmp_path / "hf", device="cpu")
    ) as run:
        theirs = reference.state_dict()
        ours = {name: local_part(parameter.detach()) for name, parameter in run.trainer.model.named_parameters()}
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
        state = run.trainer.inherited_state()
        assert not any(local_part(tensor).any() for name, tensor in state.items() if name.startswith("exp_avg"))
        assert run.progress.step == 0
        assert run.progress.parent == open_published(tmp_path / "hf").digest()


def test_a_rank_fills_the_rows_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = saved(tmp_path, ROUTED).state_dict()
    model = LanguageModel(ROUTED)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    monkeypatch.setattr(weights, "local_rows", lambda tensor: (len(tensor) // 2, len(tensor)))
    monkeypatch.setattr(weights, "local_part", lambda tensor: tensor[len(tensor) // 2 :])
    open_published(tmp_path).fill(model)
    for name, parameter in model.named_parameters():
        half = len(parameter) // 2
        assert torch.equal(parameter[half:], theirs[name][half:])
        assert not parameter[:half].any()


def test_such_a_run_resumes_without_the_folder_and_to_the_bit(mix: Path, tmp_path: Path) -> None:
    saved(tmp_path / "hf")
    train(spec_with(), mix, tmp_path / "whole", start_from=tmp_path / "hf")
    train(spec_with(("interval: 1,", "interval: 4,")), mix, tmp_path / "part", start_from=tmp_path / "hf")
    for file in (tmp_path / "part" / "step-6").iterdir():
        file.unlink()
    (tmp_path / "part" / "step-6").rmdir()
    train(spec_with(), mix, tmp_path / "part")
    assert lines_of(tmp_path / "part") == lines_of(tmp_path / "whole")
    assert verified(tmp_path / "part" / "step-6").progress.parent == open_published(tmp_path / "hf").digest()


def edited_config(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return edit


def edited_weights(**changes: torch.Tensor | None) -> Callable[[Path], None]:
    """Give tensors other values, or none; in the names here a double underscore is a full stop."""

    def edit(folder: Path) -> None:
        given = {name.replace("__", "."): tensor for name, tensor in changes.items()}
        weights = load_file(folder / "model.safetensors") | {
            name: tensor for name, tensor in given.items() if tensor is not None
        }
        kept = {name: tensor for name, tensor in weights.items() if given.get(name, tensor) is not None}
        save_file(kept, folder / "model.safetensors")

    return edit


def with_file(name: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(content)

    return write


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edited_config(hidden_size=128), "lm_head.weight: found (256, 64), wanted (256, 128)"),
        (edited_config(rms_norm_eps=1e-5), "norm_eps: found 1e-05, wanted 1e-06"),
        (
            edited_config(rope_parameters={"rope_type": "default", "rope_theta": 1e4}),
            "rope_theta: found 10000.0",
        ),
        (edited_config(rope_parameters={"rope_type": "yarn", "rope_theta": 5e5}), "rope_type: found 'yarn'"),
        (edited_config(eos_token_id=7), "eos_token_id: found 7, wanted 249, the mix's"),
        (edited_config(model_type="llama"), "model_type: found 'llama', wanted 'olmo2' or"),
        (edited_config(attention_bias=True), "attention_bias: found True, wanted False"),
        (edited_config(num_attention_heads="4"), "num_attention_heads: found '4', wanted a whole number"),
        (edited_config(num_attention_heads=0), "num_attention_heads: found 0, wanted a whole number above 0"),
        (edited_config(num_attention_heads=3), "found 3 heads, 4 of keys, in a hidden_size of 64; wanted heads of"),
        (edited_config(hidden_size=64.0), "hidden_size: found 64.0, wanted a whole number"),
        (edited_config(hidden_size=2**30), "found sizes of "),
        (edited_config(rms_norm_eps=math.nan), "rms_norm_eps: found nan, wanted a number above 0"),
        (edited_config(num_hidden_layers=10**7), "found 25 tensors, wanted those of 10,000,000 layers"),
        (edited_weights(lm_head__weight=torch.full((256, 64), math.nan)), "lm_head.weight: found NaN or infinity"),
        (
            edited_weights(lm_head__weight=torch.ones(256, 64, dtype=torch.int8)),
            "found lm_head.weight: torch.int8; wanted weights that are not quantized, of torch.float32",
        ),
        (
            edited_weights(lm_head__weight=None),
            "1 tensors are not those of config.json: lm_head.weight: found None, wanted (256, 64); copy",
        ),
        (edited_weights(model__extra=torch.ones(1)), "model.extra: found (1,), wanted None"),
        (
            edited_weights(lm_head__weight=torch.ones(250, 64)),
            "lm_head.weight: found (250, 64), wanted (256, 64)",
        ),
        (with_file("model-2.safetensors", ""), "model-2.safetensors: cannot be read as safetensors"),
        (lambda folder: (folder / "model.safetensors").unlink(), "found no *.safetensors, wanted the weights"),
        (with_file("config.json", "{"), "config.json: cannot be read as a JSON object"),
        (with_file("config.json", "[1]"), "config.json: cannot be read as a JSON object"),
        (with_file("config.json", "{}"), "model_type: found None, wanted 'olmo2' or 'olmoe'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    mix: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        train(spec_with(), mix, tmp_path / "run", start_from=tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("step-*"))


def test_a_model_of_another_size_is_refused_with_what_to_write(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(CheckpointError, match=r"num_heads: found 4, wanted 8; give what was found under `model`"):
        open_published(tmp_path).require_fit(dataclasses.replace(DENSE, num_heads=8), 249)
    open_published(tmp_path).require_fit(DENSE, 249)


def test_a_published_model_has_no_learning_rate_to_go_on_with(mix: Path, tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(SpecError, match=r"optimizer.learning_rate: found none"):
        train(spec_with(("{learning_rate: 0.004}", "{}")), mix, tmp_path / "run", start_from=tmp_path)


def test_a_checkpoint_of_ours_is_not_taken_for_a_published_model(mix: Path, tmp_path: Path) -> None:
    train(spec_with(("steps: 6", "steps: 1")), mix, tmp_path)
    assert not is_published(tmp_path / "step-1")
