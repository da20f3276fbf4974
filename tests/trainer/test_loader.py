"""Which instances a rank sees, and which labels count."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mixes.errors import MixError
from mixes.manifest import load, mix_root
from mixes.mix_files import LocalFiles
from mixes.permutation import instances_at
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from trainer.loader import Loader, prefetched
from trainer.models.head import IGNORED

LENGTH, GLOBAL_BATCH = 32, 8


@pytest.fixture
def stream(mix: Path) -> Iterator[TokenStream]:
    with TokenStream(load(mix), LocalFiles(mix_root(mix))) as opened:
        yield opened


def loader_of(stream: TokenStream, rank: int = 0, world_size: int = 1, seed: int = 5) -> Loader:
    return Loader(
        stream,
        sequence_length=LENGTH,
        global_batch=GLOBAL_BATCH,
        data_seed=seed,
        mask_repeated_ngrams=True,
        rank=rank,
        world_size=world_size,
    )


def test_a_batch_holds_the_instances_that_the_permutation_names(stream: TokenStream) -> None:
    batch = loader_of(stream).batch(3)
    expected = instances_at(np.arange(16, 24), stream.num_instances(LENGTH), 5)
    assert batch.instances.tolist() == expected.tolist()
    assert np.array_equal(batch.tokens.numpy(), stream.read(expected * LENGTH, LENGTH))
    assert batch.sources.tolist() == [int(start * LENGTH >= 6000) for start in expected]


@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_the_slices_of_all_ranks_make_the_batch_of_one(stream: TokenStream, world_size: int) -> None:
    whole = loader_of(stream).batch(2)
    slices = [loader_of(stream, rank, world_size).batch(2) for rank in range(world_size)]
    assert torch.equal(torch.cat([part.tokens for part in slices]), whole.tokens)
    assert torch.equal(torch.cat([part.labels for part in slices]), whole.labels)
    assert all(np.array_equal(part.instances, whole.instances) for part in slices)


def test_an_epoch_shows_every_instance_once(stream: TokenStream) -> None:
    loader = loader_of(stream)
    num_steps = -(-loader.num_instances // GLOBAL_BATCH)
    seen = np.concatenate([loader.batch(step).instances for step in range(1, num_steps + 1)])
    assert sorted(seen[: loader.num_instances]) == list(range(loader.num_instances))


def test_another_seed_is_another_order(stream: TokenStream) -> None:
    first, second = (loader_of(stream, seed=seed).batch(1).instances.tolist() for seed in (5, 6))
    assert first != second


def test_labels_are_the_next_tokens_and_the_last_token_has_none(stream: TokenStream) -> None:
    batch = loader_of(stream).batch(1)
    assert torch.equal(batch.labels[:, :-1], batch.tokens[:, 1:])
    assert (batch.labels[:, -1] == IGNORED).all()


@pytest.mark.parametrize(("repeats", "masked"), [(31, False), (32, True)])
def test_an_instance_that_repeats_an_ngram_32_times_has_no_labels(tmp_path: Path, repeats: int, masked: bool) -> None:
    odd = [*range(20, 20 + 96 - repeats), *[7] * repeats]
    manifest = write_small_mix(tmp_path, [SmallSource(parts=[odd + list(range(96))])], vocab_size=200)
    with TokenStream(manifest, LocalFiles(tmp_path)) as stream:
        batch, unmasked = (
            Loader(stream, sequence_length=96, global_batch=2, data_seed=0, mask_repeated_ngrams=masks).batch(1)
            for masks in (True, False)
        )
    place = batch.instances.tolist().index(0)
    assert bool((batch.labels[place] == IGNORED).all()) is masked
    assert (batch.labels[1 - place, :-1] != IGNORED).all()
    assert (unmasked.labels[:, :-1] != IGNORED).all()


def test_documents_are_numbered_only_where_asked(stream: TokenStream) -> None:
    assert loader_of(stream).batch(1).documents is None
    masking = Loader(
        stream,
        sequence_length=LENGTH,
        global_batch=GLOBAL_BATCH,
        data_seed=5,
        mask_repeated_ngrams=True,
        end_of_document=249,
    )
    batch = masking.batch(1)
    assert batch.documents is not None
    for tokens, numbers in zip(batch.tokens.tolist(), batch.documents.tolist(), strict=True):
        assert numbers == [tokens[:place].count(249) for place in range(LENGTH)]
    assert batch.documents.any()


@pytest.mark.parametrize(("first", "last"), [(1, 5), (3, 3), (4, 3)])
def test_prefetched_batches_are_those_asked_for_one_by_one(stream: TokenStream, first: int, last: int) -> None:
    loader = loader_of(stream)
    batches = list(prefetched(loader, first, last))
    assert len(batches) == max(0, last - first + 1)
    for step, batch in enumerate(batches, first):
        assert torch.equal(batch.tokens, loader.batch(step).tokens)


def test_an_error_of_the_thread_reaches_the_caller(mix: Path, stream: TokenStream) -> None:
    part = mix_root(mix) / load(mix).sources[0].parts[0].file
    part.write_bytes(b"")
    with pytest.raises(MixError, match="part-00000"):
        list(prefetched(loader_of(stream), 1, 3))


def test_a_mix_shorter_than_an_instance_is_refused(tmp_path: Path) -> None:
    manifest = write_small_mix(tmp_path, [SmallSource(parts=[list(range(31))])])
    with (
        TokenStream(manifest, LocalFiles(tmp_path)) as stream,
        pytest.raises(MixError, match="at least one instance of 32"),
    ):
        loader_of(stream)
