"""The soup: the mean to the bit, whatever the order and the number of files; strangers are refused by name."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mixes.errors import CheckpointError, SpecError
from tests.trainer.small_run import spec_with, train
from trainer import soup as entry
from trainer.checkpoint import Checkpoint, Progress, verified
from trainer.models.presets import PRESETS
from trainer.ranks import Ranks
from trainer.saving import CheckpointWriter
from trainer.stages import souping
from trainer.stages.souping import require_siblings, write_soup
from trainer.tensor_files import TensorFiles

SHAPES = {"weights/model.norm.weight": (5,), "weights/lm_head.weight": (7, 3), "weights/experts": (3, 2, 2)}
SPEC = {"seed": 1, "data_seed": None, "steps": 3, "tokens": None, "precision": "float32", "log_interval": 4}


Make = Callable[..., Checkpoint]


@pytest.fixture
def make(ranks: Ranks, tmp_path: Path) -> Make:
    """Return a function that writes a checkpoint of random weights and returns it."""

    def write(seed: int, **changes: object) -> Checkpoint:
        generator = torch.Generator().manual_seed(seed)
        state = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
        state |= {"exp_avg/model.norm.weight": torch.ones(5), "guard/count": torch.tensor(3)}
        progress = Progress(
            step=3,
            tokens=300,
            learning_rate=0.0,
            peak_learning_rate=0.1,
            spec=SPEC | {"data_seed": seed},
            shape=dataclasses.asdict(PRESETS["tiny"]),
            mix={"name": "small", "digest": "aa", "tokenizer": {"eos_id": 1}},
            parent="ab",
        )
        output = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        writer = CheckpointWriter(output, 1, ranks)
        writer.save(state, dataclasses.replace(progress, **changes))  # type: ignore[arg-type] # what a test changes
        writer.close()
        return verified(next(output.iterdir()))

    return write


def weights_of(checkpoint: Checkpoint) -> dict[str, Tensor]:
    with TensorFiles(checkpoint.shards) as files:
        return {name: files.read(name) for name in files.names}


@pytest.mark.parametrize("piece_elements", [1, 6, 2**22])
def test_a_soup_is_the_mean_to_the_bit(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_elements: int
) -> None:
    monkeypatch.setattr(souping, "_PIECE_ELEMENTS", piece_elements)
    ingredients = [make(seed) for seed in (42, 42069, 666)]
    soup = write_soup(ingredients, tmp_path / "soup")
    found = weights_of(soup)
    assert found.keys() == SHAPES.keys()  # no optimizer, no guard
    for name, tensor in found.items():
        of_each = torch.stack([weights_of(each)[name].double() for each in ingredients])
        assert torch.equal(tensor, of_each.mean(0).float())
    assert verified(soup.folder) == soup
    assert [each["digest"] for each in soup.progress.ingredients] == sorted(each.digest for each in ingredients)
    assert {each["data_seed"] for each in soup.progress.ingredients} == {42, 42069, 666}


def test_the_order_of_the_ingredients_changes_no_byte(make: Make, tmp_path: Path) -> None:
    ingredients = [make(seed) for seed in (1, 2, 3)]
    first = write_soup(ingredients, tmp_path / "a")
    assert write_soup(ingredients[::-1], tmp_path / "b").digest == first.digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": {**dataclasses.asdict(PRESETS["tiny"]), "hidden_size": 128}}, "hidden_size: 64 became 128"),
        ({"parent": "cd"}, "parent: 'ab' became 'cd'"),
        ({"spec": SPEC | {"data_seed": 2, "precision": "bfloat16"}}, "spec.precision: 'float32' became 'bfloat16'"),
        ({"mix": {"name": "b", "digest": "bb", "tokenizer": {"eos_id": 1}}}, "mix.digest: 'aa' became 'bb'"),
        ({"step": 2}, "step: 3 became 2"),
        ({"spec": SPEC | {"data_seed": 1}}, "has the data order of .*run-0/step-3, data_seed 1; leave one"),
        ({"spec": SPEC}, "data_seed 1; leave one"),
        ({"ingredients": [{"digest": "ab"}]}, "found a soup, wanted the checkpoints"),
    ],
)
def test_strangers_are_refused_with_what_differs(
    make: Make, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    first, other = make(1), make(2, **changes)
    with pytest.raises(CheckpointError, match=message) as refused:
        write_soup([first, other], tmp_path / "soup")
    assert str(other.folder) in str(refused.value)
    assert not (tmp_path / "soup").exists()


def test_what_changes_no_weight_may_differ(make: Make) -> None:
    require_siblings([make(1), make(2, spec=SPEC | {"data_seed": 2, "log_interval": 9})])


def test_mixes_and_lengths_may_differ_where_that_is_asked_for(make: Make) -> None:
    other_mix = {"name": "300b", "digest": "bb", "tokenizer": {"eos_id": 1}}
    ingredients = [make(1), make(1, mix=other_mix, step=9, tokens=900, spec=SPEC | {"data_seed": 1, "steps": 9})]
    require_siblings(ingredients, any_mix=True)
    with pytest.raises(CheckpointError, match="no sibling"):
        require_siblings(ingredients)
    foreign = make(2, mix={**other_mix, "tokenizer": {"eos_id": 2}})
    with pytest.raises(CheckpointError, match=r"mix.tokenizer.eos_id: 1 became 2"):
        require_siblings([*ingredients, foreign], any_mix=True)


def test_the_command_says_what_it_wrote_and_what_it_refuses(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(make(seed).folder) for seed in (1, 2)]
    output = ["--output", str(tmp_path / "soup")]
    assert entry.main([folders[0], *output]) == 2
    assert "found 1 checkpoints, wanted two or more" in capsys.readouterr().err
    assert entry.main([*folders, *output]) == 0
    assert f"checkpoint  {tmp_path / 'soup'}: the mean of 2" in capsys.readouterr().out
    assert entry.main([*folders, *output]) == 2
    assert "is there already" in capsys.readouterr().err
    shard = next(Path(folders[1]).glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1])
    assert entry.main([*folders, "--output", str(tmp_path / "other")]) == 2
    assert shard.name in capsys.readouterr().err


def test_a_soup_that_was_killed_while_it_was_written_is_written_again(make: Make, tmp_path: Path) -> None:
    ingredients = [make(1), make(2)]
    (tmp_path / "soup.tmp").mkdir()
    (tmp_path / "soup.tmp" / "shard-00000-of-00001.safetensors").write_bytes(b"half")
    soup = write_soup(ingredients, tmp_path / "soup")
    assert verified(soup.folder) == soup
    assert not (tmp_path / "soup.tmp").exists()


def test_a_run_begins_from_the_weights_of_a_soup_and_needs_a_rate(mix: Path, tmp_path: Path) -> None:
    anneal = (("steps: 6", "steps: 2"), ("shape: cosine, warmup_steps: 2", "shape: linear, floor: 0.0"))
    for seed in ("1", "2"):
        train(spec_with(*anneal, ("log_interval: 4", f"data_seed: {seed}")), mix, tmp_path / seed)
    soup = write_soup([verified(tmp_path / seed / "step-2") for seed in ("1", "2")], tmp_path / "soup")
    nearly_still = spec_with(*anneal, ("learning_rate: 0.004", "learning_rate: 1.0e-30"))
    train(nearly_still, mix, tmp_path / "next", start_from=soup.folder)
    begun, wanted = verified(tmp_path / "next" / "step-1"), weights_of(soup)
    found = weights_of(begun)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert begun.progress.parent == soup.digest
    with pytest.raises(SpecError, match="soup ended with a rate of 0; wanted a rate"):
        train(spec_with(*anneal, ("{learning_rate: 0.004}", "{}")), mix, tmp_path / "x", start_from=soup.folder)
    with pytest.raises(CheckpointError, match="the run did not begin from"):
        train(nearly_still, mix, tmp_path / "next", start_from=tmp_path / "1" / "step-2")
    shutil.rmtree(tmp_path / "soup")
    train(nearly_still, mix, tmp_path / "next", start_from=tmp_path / "soup")  # a run that has begun needs it no more
