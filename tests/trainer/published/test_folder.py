"""Exports as transformers reads them: every key, equal logits; and all of a folder or none."""

import gzip
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoTokenizer, Olmo2ForCausalLM, OlmoeForCausalLM

from mixes.errors import SpecError
from mixes.files import publish_file
from trainer import export as entry
from trainer.checkpoint import WEIGHTS, Checkpoint, Progress, publish, verified
from trainer.models.decoder import LanguageModel
from trainer.models.presets import ModelShape
from trainer.published import folder as exporting
from trainer.published.folder import export
from trainer.tensor_files import write_tensors

SIZES = {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "vocab_size": 256}
DENSE = ModelShape(intermediate_size=48, num_kv_heads=2, **SIZES)
ROUTED = ModelShape(intermediate_size=16, num_kv_heads=4, num_experts=4, experts_per_token=2, **SIZES)
TOKENS = torch.randint(0, 250, (2, 32), generator=torch.Generator().manual_seed(0))


def tokenizer_json() -> bytes:
    tokenizer = Tokenizer(models.WordLevel({"<|end|>": 0, "<|pad|>": 1, "a": 2, "b": 3}))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<|end|>", "<|pad|>"])
    return tokenizer.to_str().encode()


def model_of(shape: ModelShape) -> LanguageModel:
    generator = torch.Generator().manual_seed(4)
    model = LanguageModel(shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def checkpoint_of(model: LanguageModel, folder: Path) -> Checkpoint:
    """Write a model as a checkpoint of two ranks, beside its tokenizer."""
    (folder / "tokenizer.json").write_bytes(tokenizer_json())
    weights = {WEIGHTS + name: parameter.detach() for name, parameter in model.named_parameters()}
    halves = {name: -(-len(weight) // 2) for name, weight in weights.items()}
    files = {}
    for rank, first_rows in enumerate((dict.fromkeys(weights, 0), halves)):
        rows = {
            name: weight[: halves[name]] if rank == 0 else weight[halves[name] :] for name, weight in weights.items()
        }
        write = partial(write_tensors, tensors=rows, first_rows=first_rows)
        files[f"{rank}.safetensors"] = publish_file(str(folder / "step-2.tmp" / f"{rank}.safetensors"), write)
    digest = hashlib.sha256(tokenizer_json()).hexdigest()
    progress = Progress(
        step=2, tokens=64, learning_rate=0.0, peak_learning_rate=0.1, parent="",
        shape={name: getattr(model.shape, name) for name in ModelShape.__slots__},
        spec={
            "sequence_length": 32, "global_batch": 1, "precision": "float32", "seed": 1, "data_seed": None,
            "schedule": {"shape": "linear"},
        },
        mix={
            "name": "small", "digest": "aa", "tokens": 64, "sources": {"web": {"tokens": 64}},
            "tokenizer": {"digest": digest, "vocab_size": 250, "eos_id": 0},
        },
    )  # fmt: skip
    publish(folder / "step-2.tmp", folder / "step-2", files, progress)
    return verified(folder / "step-2")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return checkpoint_of(model_of(DENSE), tmp_path)


def json_of(file: Path) -> dict[str, Any]:  # Any: JSON
    return dict(json.loads(file.read_bytes()))


@pytest.mark.parametrize("shape", [DENSE, ROUTED], ids=["dense", "experts"])
@pytest.mark.parametrize("max_file_bytes", [10**9, 20_000])
def test_logits_of_the_export_are_equal(tmp_path: Path, shape: ModelShape, max_file_bytes: int) -> None:
    model, folder = model_of(shape), tmp_path / "hf"
    counts: list[int] = []
    export(
        checkpoint_of(model, tmp_path), folder, tmp_path / "tokenizer.json", max_file_bytes=max_file_bytes,
        count=counts.append,
    )  # fmt: skip
    # Any: with loading info it returns a pair, which its annotation does not say.
    theirs: Any = OlmoeForCausalLM if shape.num_experts else Olmo2ForCausalLM
    loaded, info = theirs.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32, experts_implementation="eager"
    )
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        assert torch.equal(loaded(TOKENS).logits, model.logits(TOKENS))
    assert sum(counts) == 4 * shape.num_parameters

    files = sorted(path.name for path in folder.glob("*.safetensors"))
    assert len(counts) == len(files)
    if max_file_bytes == 10**9:
        assert files == ["model.safetensors"]
        return
    assert files == [f"model-{number:05}-of-{len(files):05}.safetensors" for number in range(1, len(files) + 1)]
    index = json_of(folder / "model.safetensors.index.json")
    assert index["metadata"]["total_size"] == 4 * shape.num_parameters
    weights = {name: file for file in files for name in load_file(folder / file)}
    assert index["weight_map"] == weights
    assert ("model.layers.1.mlp.experts.3.gate_proj.weight" in weights) is (shape is ROUTED)


def test_bfloat16_halves_the_file(checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, tmp_path / "hf", tmp_path / "tokenizer.json", dtype=torch.bfloat16)
    assert {weight.dtype for weight in load_file(tmp_path / "hf" / "model.safetensors").values()} == {torch.bfloat16}
    config = json_of(tmp_path / "hf" / "config.json")
    assert config["dtype"] == config["torch_dtype"] == "bfloat16"


def test_the_config_has_both_spellings_of_rope_and_no_default_of_transformers(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    export(checkpoint, tmp_path / "hf", tmp_path / "tokenizer.json")
    written = json_of(tmp_path / "hf" / "config.json")
    assert written["rope_theta"] == written["rope_parameters"]["rope_theta"] == 500_000.0
    config = AutoConfig.from_pretrained(tmp_path / "hf")
    assert config.model_type == "olmo2"
    assert (config.rms_norm_eps, config.vocab_size, config.eos_token_id, config.pad_token_id) == (1e-6, 256, 0, 1)
    assert (config.num_hidden_layers, config.num_key_value_heads, config.max_position_embeddings) == (2, 2, 32)
    assert config.tie_word_embeddings is False
    assert written["transformers_version"] == "4.47.0"  # without it 4.57 takes the tokenizer for another's


@pytest.mark.parametrize("packed", [False, True])
def test_the_tokenizer_is_copied_and_loads(checkpoint: Checkpoint, tmp_path: Path, packed: bool) -> None:
    file = tmp_path / ("tokenizer.json.gz" if packed else "tokenizer.json")
    file.write_bytes(gzip.compress(tokenizer_json()) if packed else tokenizer_json())
    export(checkpoint, tmp_path / "hf", file)
    loaded = AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert loaded("b a")["input_ids"] == [3, 2]
    assert loaded.model_input_names == ["input_ids", "attention_mask"]  # in 4.57 else token_type_ids too
    assert (loaded.eos_token, loaded.pad_token, loaded.model_max_length) == ("<|end|>", "<|pad|>", 32)


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(tokenizer: str, output: str = "hf") -> list[str]:
        where = ["--checkpoint", str(checkpoint.folder), "--output", str(tmp_path / output)]
        return [*where, "--tokenizer", str(tmp_path / tokenizer)]

    (tmp_path / "foreign.json").write_text('{"added_tokens": []}')
    assert entry.main(command("foreign.json")) == 2
    assert "foreign.json: found a tokenizer with the digest" in capsys.readouterr().err
    assert entry.main(command("none.json")) == 2
    assert not (tmp_path / "hf").exists()
    assert entry.main(command("tokenizer.json")) == 0
    capsys.readouterr()
    assert entry.main(command("tokenizer.json")) == 2
    assert "hf: is there already; remove it or choose another --output" in capsys.readouterr().err
    checkpoint.shards[0].write_bytes(checkpoint.shards[0].read_bytes()[:-1])
    assert entry.main(command("tokenizer.json", "other")) == 2
    assert checkpoint.shards[0].name in capsys.readouterr().err


def test_an_export_that_was_stopped_is_not_there_and_the_same_call_makes_it(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "_write_json", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export(checkpoint, tmp_path / "hf", tmp_path / "tokenizer.json")
    assert not (tmp_path / "hf").exists()
    (tmp_path / "hf.tmp" / "left.safetensors").touch()
    export(checkpoint, tmp_path / "hf", tmp_path / "tokenizer.json")
    assert {path.suffix for path in (tmp_path / "hf").iterdir()} == {".json", ".md", ".safetensors"}
    assert not (tmp_path / "hf" / "left.safetensors").exists()
    assert not (tmp_path / "hf.tmp").exists()
    with pytest.raises(SpecError, match="is there already"):
        export(checkpoint, tmp_path / "hf", tmp_path / "tokenizer.json")
