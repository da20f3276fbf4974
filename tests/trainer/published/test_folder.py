"""Exports as transformers reads them: every key, equal logits."""

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoTokenizer, Olmo2ForCausalLM, OlmoeForCausalLM

from mixes.typed_yaml.canonical import canonical_json
from tests.trainer.small_run import spec_with, train
from trainer import export as entry
from trainer.arguments import RunOptions
from trainer.checkpoint import Checkpoint, verified
from trainer.loop import open_run
from trainer.models.decoder import LanguageModel
from trainer.published.folder import export

TOKENS = torch.randint(0, 250, (2, 32), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def checkpoint(mix: Path, tmp_path: Path) -> Checkpoint:
    train(spec_with(("steps: 6", "steps: 2")), mix, tmp_path / "run")
    return verified(tmp_path / "run" / "step-2")


def logits_of(mix: Path, checkpoint: Checkpoint) -> torch.Tensor:
    """The logits of the trained model itself, before any export."""
    spec = spec_with(("steps: 6", "steps: 2"))
    options = RunOptions(mixes=(mix,), output=checkpoint.folder.parent, device="cpu")
    with open_run(spec, options) as run, torch.no_grad():
        plain = LanguageModel(run.trainer.model.shape)
        plain.load_state_dict({name: tensor.full_tensor() for name, tensor in run.trainer.model.state_dict().items()})
        return plain.logits(TOKENS)


def hf_logits(folder: Path) -> torch.Tensor:
    # Any: with loading info it returns a pair, which its annotation does not say.
    loaded: Any = Olmo2ForCausalLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    model, info = loaded
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    with torch.no_grad():
        logits: torch.Tensor = model(TOKENS).logits
    return logits


@pytest.mark.parametrize("max_file_bytes", [10**9, 70_000])
def test_logits_of_the_export_are_equal(mix: Path, checkpoint: Checkpoint, tmp_path: Path, max_file_bytes: int) -> None:
    export(checkpoint, tmp_path / "hf", max_file_bytes=max_file_bytes)
    assert torch.equal(hf_logits(tmp_path / "hf"), logits_of(mix, checkpoint))
    is_split = (tmp_path / "hf" / "model.safetensors.index.json").exists()
    assert is_split is (max_file_bytes == 70_000)


def test_experts_are_exported_one_by_one_and_give_equal_logits(mix: Path, tmp_path: Path) -> None:
    experts = "preset: tiny, num_experts: 4, experts_per_token: 2, intermediate_size: 32"
    spec = spec_with(("preset: tiny", experts), ("steps: 6", "steps: 1"))
    options = RunOptions(mixes=(mix,), output=tmp_path / "run", device="cpu")
    with open_run(spec, options) as run:
        run.finish()
        plain = LanguageModel(run.trainer.model.shape)
        plain.load_state_dict({name: tensor.full_tensor() for name, tensor in run.trainer.model.state_dict().items()})
    export(verified(tmp_path / "run" / "step-1"), tmp_path / "hf", max_file_bytes=40_000)
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert (config["model_type"], config["num_experts"], config["router_aux_loss_coef"]) == ("olmoe", 4, 0.01)
    index = json.loads((tmp_path / "hf" / "model.safetensors.index.json").read_text())
    assert "model.layers.1.mlp.experts.3.gate_proj.weight" in index["weight_map"]
    loaded: Any = OlmoeForCausalLM.from_pretrained(  # Any: as below
        tmp_path / "hf", output_loading_info=True, dtype=torch.float32, experts_implementation="eager"
    )
    model, info = loaded
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        assert torch.equal(model(TOKENS).logits, plain.logits(TOKENS))


def test_the_index_names_the_file_of_every_weight(checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, tmp_path, max_file_bytes=70_000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    files = sorted(set(index["weight_map"].values()))
    assert files == [f"model-{number:05}-of-{len(files):05}.safetensors" for number in range(1, len(files) + 1)]
    sizes = 0
    for file in files:
        weights = load_file(tmp_path / file)
        assert {index["weight_map"][name] for name in weights} == {file}
        sizes += sum(weight.nbytes for weight in weights.values())
    assert index["metadata"]["total_size"] == sizes == 4 * 164_416


def test_bfloat16_halves_the_file(checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, tmp_path, dtype=torch.bfloat16)
    assert {weight.dtype for weight in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"


def test_the_config_has_both_spellings_of_rope_and_no_default_of_transformers(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    export(checkpoint, tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["rope_theta"] == written["rope_parameters"]["rope_theta"] == 500_000.0
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.model_type == "olmo2"
    assert (config.rms_norm_eps, config.vocab_size, config.eos_token_id) == (1e-6, 256, 249)
    assert (config.num_hidden_layers, config.num_key_value_heads, config.max_position_embeddings) == (2, 4, 32)
    assert config.tie_word_embeddings is False


def with_tokenizer(checkpoint: Checkpoint, content: bytes) -> Checkpoint:
    """The checkpoint as if its mix had been made with this tokenizer."""
    tokenizer = {"name": "t.json", "digest": hashlib.sha256(content).hexdigest(), "vocab_size": 250, "eos_id": 0}
    mix = dict(checkpoint.progress.mix) | {"tokenizer": tokenizer}
    return dataclasses.replace(checkpoint, progress=dataclasses.replace(checkpoint.progress, mix=mix))


def tokenizer_json() -> bytes:
    tokenizer = Tokenizer(models.WordLevel({"<|end|>": 0, "<|pad|>": 1, "a": 2, "b": 3}))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<|end|>", "<|pad|>"])
    return tokenizer.to_str().encode()


@pytest.mark.parametrize("packed", [False, True])
def test_the_tokenizer_is_copied_and_loads(checkpoint: Checkpoint, tmp_path: Path, packed: bool) -> None:
    content = tokenizer_json()
    file = tmp_path / ("tokenizer.json.gz" if packed else "tokenizer.json")
    file.write_bytes(gzip.compress(content) if packed else content)
    export(with_tokenizer(checkpoint, content), tmp_path / "hf", tokenizer=file)
    loaded = AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert loaded("b a")["input_ids"] == [3, 2]
    assert (loaded.eos_token, loaded.pad_token, loaded.model_max_length) == ("<|end|>", "<|pad|>", 32)
    assert AutoConfig.from_pretrained(tmp_path / "hf").pad_token_id == 1


def test_a_foreign_tokenizer_and_a_damaged_checkpoint_are_refused(
    checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "foreign.json"
    foreign.write_bytes(canonical_json({"added_tokens": []}))
    command = ["--checkpoint", str(checkpoint.folder), "--output", str(tmp_path / "hf")]
    assert entry.main([*command, "--tokenizer", str(foreign)]) == 2
    assert "foreign.json: found a tokenizer with the digest" in capsys.readouterr().err
    assert entry.main([*command, "--tokenizer", str(tmp_path / "none.json")]) == 2
    assert entry.main(["--checkpoint", str(checkpoint.folder), "--output", str(checkpoint.folder)]) == 2
    assert "found a checkpoint there; wanted another folder" in capsys.readouterr().err
    assert entry.main(command) == 0
    checkpoint.shards[0].write_bytes(checkpoint.shards[0].read_bytes()[:-1])
    assert entry.main(command) == 2
    assert checkpoint.shards[0].name in capsys.readouterr().err
