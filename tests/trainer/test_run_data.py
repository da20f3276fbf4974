"""Several mixes in one run: their batches, their sources, and what is refused."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from mixes.errors import CheckpointError, MixError, SpecError
from mixes.manifest import load, mix_root
from mixes.mix_files import LocalFiles
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from tests.trainer.small_run import lines_of, spec_with
from trainer.arguments import RunOptions
from trainer.loader import Loader
from trainer.loop import open_run
from trainer.ranks import Ranks
from trainer.run_data import open_data, require_one_tokenizer

DATA = ("steps: 6", "steps: 6\ndata: [{mix: small, steps: 2}, {mix: other, tokens: 512}, {mix: small}]")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A mix of one source, 3,000 tokens of 250 ids."""
    tokens = np.random.default_rng(3).integers(0, 250, 3000).tolist()
    write_small_mix(tmp_path / "second", [SmallSource(parts=[tokens])], vocab_size=250, name="other")
    return tmp_path / "second" / "mixes" / "other"


def test_steps_see_the_mixes_in_turn_and_each_in_its_own_order(mix: Path, other: Path, ranks: Ranks) -> None:
    spec = spec_with(DATA)
    with open_data([other, mix], spec, ranks) as data:
        batches = [data.batch(step) for step in range(1, 7)]
        assert data.source_names == ["other:source0", "small:source0", "small:source1"]
    wanted = [(mix, 1), (mix, 2), (other, 1), (other, 2), (mix, 3), (mix, 4)]
    for batch, (folder, step) in zip(batches, wanted, strict=True):
        with TokenStream(load(folder), LocalFiles(mix_root(folder))) as stream:
            alone = Loader(
                stream, sequence_length=32, global_batch=8, data_seed=spec.seed, mask_repeated_ngrams=True
            ).batch(step)
        assert batch.tokens.tolist() == alone.tokens.tolist()
        assert batch.sources.tolist() == (alone.sources + (folder == mix)).tolist()


def test_a_run_of_several_mixes_resumes_to_the_same_figures(mix: Path, other: Path, tmp_path: Path) -> None:
    spec = spec_with(DATA)
    whole, part = (RunOptions(mixes=(mix, other), output=tmp_path / name, device="cpu") for name in ("whole", "part"))
    with open_run(spec, whole) as run:
        run.finish()
    shutil.copytree(whole.output / "step-3", part.output / "step-3")
    shutil.copy(whole.output / "metrics.jsonl", part.output)
    with open_run(spec, part) as run:
        run.finish()
    assert lines_of(part.output) == lines_of(whole.output)
    sources = [name for name in lines_of(whole.output)[2] if name.startswith("loss_by_source/")]
    assert sources == ["loss_by_source/other:source0"]
    changed = write_small_mix(tmp_path / "third", [SmallSource(parts=[[1] * 2000])], vocab_size=250, name="other")
    with (
        pytest.raises(CheckpointError) as caught,
        open_run(spec, dataclasses.replace(part, mixes=(mix, tmp_path / "third" / "mixes" / "other"))),
    ):
        pass
    assert f"sources.other:source0.tokens: 3000 became {changed.tokens}" in str(caught.value)


def test_mixes_of_different_tokenizers_are_refused(mix: Path, other: Path) -> None:
    first, second = load(mix), load(other)
    require_one_tokenizer([first, second])
    foreign = dataclasses.replace(second, tokenizer=dataclasses.replace(second.tokenizer, digest="ef" * 32))
    with pytest.raises(SpecError, match=r"found the tokenizer tokenizer\.json efefefefefef in other and .* in small"):
        require_one_tokenizer([first, foreign])


def test_a_part_of_another_size_than_the_manifest_says_is_refused_before_the_first_step(
    mix: Path, other: Path, ranks: Ranks
) -> None:
    part = mix_root(other) / load(other).sources[0].parts[0].file
    part.write_bytes(part.read_bytes()[:-2])
    with pytest.raises(MixError, match="the manifest says"), open_data([mix, other], spec_with(DATA), ranks):
        pass
