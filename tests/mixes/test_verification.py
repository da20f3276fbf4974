"""Verification: a mix written part by part passes, and every fault that is planted in it is named."""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mixes import ledger as ledgers
from mixes.cut import KeyFile, Prefix, find_below, find_cut, part_entry
from mixes.errors import MixError
from mixes.files import digest_file
from mixes.hashing import sampling_keys
from mixes.ledger import Count, Ledger, SourceLedger, SplitLedger, TokenCount
from mixes.manifest import FileEntry, Manifest, SourceEntry, TokenizerEntry, dump, load
from mixes.parts import PartDocuments, PartSummary, read_index, write_part
from mixes.verification import check_contents, check_files
from tests.mixes.small_mix import publish_bytes

EOS = 99
WANTED = 50
HELD_OUT_KEY = 1 << 62  # a quarter of all keys


def write_unit(root: Path, stem: str, seed: int) -> PartSummary:
    """Write a part of 12 documents of 1 to 9 tokens."""
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 10, 12)
    tokens = chance.integers(0, EOS - 1, lengths.sum()).astype(np.uint32)
    tokens[np.cumsum(lengths) - 1] = EOS
    digests = chance.integers(0, 2**64, (2, 12), dtype=np.uint64)
    documents = PartDocuments(
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        keys=sampling_keys(digests[0], digests[1], 1234),
        ids=pa.array([f"{seed}-{row}" for row in range(12)]),
        shards=pa.array(["a.jsonl"] * 12),
        rows=np.arange(12),
        bytes=lengths * 4,
    )
    return write_part(f"{root}/{stem}", tokens, documents, vocab_size=100, eos_id=EOS)


def write_mix(root: Path) -> Path:
    """Write a mix of one source of two parts, cut to WANTED tokens; return its folder."""
    stems = ["tokens/web-0/a-00000", "tokens/web-0/b-00000"]
    summaries = [write_unit(root, stem, seed) for seed, stem in enumerate(stems)]
    files = [key_file(f"{root}/{stem}.keys", summary) for stem, summary in zip(stems, summaries, strict=True)]
    fronts = find_below(files, HELD_OUT_KEY)
    cut = find_cut(files, sum(front.tokens for front in fronts) + WANTED)
    parts = [part_entry(*each) for each in zip(stems, summaries, fronts, cut.prefixes, strict=True)]
    kept, held_out, prefix = (
        TokenCount(**{name: sum(getattr(each, what + name) for each in parts) for name in TokenCount.__slots__})
        for what in ("", "held_out_", "prefix_")
    )
    source = SourceEntry(
        name="web",
        source="web",
        tokens=prefix.tokens,
        wanted_tokens=WANTED,
        available_tokens=kept.tokens - held_out.tokens,
        documents=prefix.documents,
        bytes=prefix.bytes,
        whole_epochs=0,
        held_out_key=f"{HELD_OUT_KEY:016x}",
        cut_key=f"{cut.cut_key:016x}",
        parts=tuple(parts),
    )
    split = SplitLedger(
        name="web",
        kept=kept,
        held_out=held_out,
        whole_epochs=0,
        prefix=prefix,
        in_mix=prefix,
        left_over=kept - held_out - prefix,
    )
    account = SourceLedger(
        name="web",
        read=Count(documents=kept.documents, bytes=kept.bytes),
        failed={},
        dropped={"forget": {}, "sample": {}, "rules": {}, "match": {}, "tokenize": {}},
        kept=kept,
        edited_bytes=0,
        splits=(split,),
    )
    publish_bytes(f"{root}/mixes/small/ledger.json", ledgers.dump(Ledger(name="small", sources=(account,))))
    manifest = Manifest(
        name="small",
        fingerprint="0123456789abcdef" * 2,
        seed=1234,
        dtype="uint16",
        tokenizer=TokenizerEntry(
            name="t.json",
            digest="ab" * 32,
            vector="cd" * 32,
            vocab_size=100,
            eos_id=EOS,
            special_ids=(97, 98, EOS),
            fim_ids={"web": (97, 97, 97)},
        ),
        asked_tokens=WANTED,
        tokens=source.tokens,
        documents=source.documents,
        bytes=source.bytes,
        sources=(source,),
        files={},
    )
    republish(root, manifest)
    return root / "mixes" / "small"


def key_file(path: str, summary: PartSummary) -> KeyFile:
    content = Path(path).read_bytes()
    whole = Prefix(documents=summary.documents, tokens=summary.tokens, bytes=summary.bytes)
    return KeyFile(name=path, whole=whole, read=lambda offset, size: content[offset : offset + size])


def republish(root: Path, manifest: Manifest) -> None:
    """Write a manifest with the sizes and digests that the files have now, as a wrong builder would."""
    sources = []
    for source in manifest.sources:
        parts = []
        for part in source.parts:
            tokens, index = digest_file(root / part.file), digest_file(root / part.index)
            parts.append(replace(part, digest=tokens.digest, index_digest=index.digest))
        sources.append(replace(source, parts=tuple(parts)))
    found = digest_file(root / "mixes/small/ledger.json")
    files = {"ledger.json": FileEntry(size=found.size, digest=found.digest)}
    manifest = replace(manifest, sources=tuple(sources), files=files)
    publish_bytes(f"{root}/mixes/small/manifest.json", dump(manifest))


def rewrite_tokens(root: Path, place: int, token: int) -> None:
    path = root / "tokens/web-0/a-00000.npy"
    tokens = np.fromfile(path, dtype="<u2")
    tokens[place] = token
    tokens.tofile(path)
    republish(root, load(root / "mixes/small"))


def rewrite_index(root: Path, column: str, place: int, value: int) -> None:
    path = root / "tokens/web-0/a-00000.parquet"
    index = pq.read_table(path)
    values = index[column].to_numpy().copy()
    values[place] = value
    number = index.schema.get_field_index(column)
    pq.write_table(index.set_column(number, index.schema.field(number), pa.array(values)), path)
    republish(root, load(root / "mixes/small"))


def test_a_sound_mix_passes_given_its_folder_or_its_manifest(tmp_path: Path) -> None:
    folder = write_mix(tmp_path)
    manifest = load(folder)
    assert 0 < manifest.tokens <= WANTED < manifest.sources[0].available_tokens
    for path in (folder, folder / "manifest.json"):
        assert check_files(path) == manifest
        assert check_contents(path) == manifest


@pytest.mark.parametrize(
    "name",
    [
        "tokens/web-0/a-00000.npy",
        "tokens/web-0/b-00000.parquet",
        "mixes/small/ledger.json",
        "mixes/small/manifest.json",
    ],
)
def test_a_file_that_is_absent_is_named(tmp_path: Path, name: str) -> None:
    folder = write_mix(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MixError, match=f"{os.path.basename(name)}: cannot be read: No such file"):
        check_files(folder)


@pytest.mark.parametrize("name", ["tokens/web-0/a-00000.npy", "mixes/small/ledger.json"])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_size_is_named(tmp_path: Path, name: str, change: int) -> None:
    folder = write_mix(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:change] if change < 0 else content + b"x")
    with pytest.raises(MixError, match=f"{os.path.basename(name)}: found .* bytes, the manifest says"):
        check_files(folder)


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    folder = write_mix(tmp_path)
    names = ["mixes/small/ledger.json", "mixes/small/manifest.json"]
    names += [f"tokens/web-0/{unit}-00000{suffix}" for unit in "ab" for suffix in (".npy", ".parquet")]
    contents = {name: (tmp_path / name).read_bytes() for name in names}
    chance = random.Random(16)
    for number in range(1_000):
        name = names[number % len(names)]
        bit = chance.randrange(8 * len(contents[name]))
        flipped = bytearray(contents[name])
        flipped[bit // 8] ^= 1 << (bit % 8)
        (tmp_path / name).write_bytes(flipped)
        with pytest.raises(MixError, match=os.path.basename(name)):
            check_contents(folder)
        (tmp_path / name).write_bytes(contents[name])
    check_contents(folder)


@pytest.mark.parametrize("cut", [1, 4, 8, 100, 1_000])
def test_an_index_of_another_size_is_named_without_reading_it(tmp_path: Path, cut: int) -> None:
    folder = write_mix(tmp_path)
    path = tmp_path / "tokens/web-0/a-00000.parquet"
    content = path.read_bytes()
    assert len(content) > cut
    for changed in (content[:-cut], content + bytes(cut), content[:10] + bytes(cut) + content[10:]):
        path.write_bytes(changed)
        with pytest.raises(MixError, match=r"a-00000\.parquet: "):
            check_files(folder)


def test_what_was_checked_is_counted_in_bytes(tmp_path: Path) -> None:
    folder = write_mix(tmp_path)
    manifest = load(folder)
    wanted = sum(part.size for part in manifest.sources[0].parts) + sum(file.size for file in manifest.files.values())
    for check in (check_files, check_contents):
        counted: list[int] = []
        check(folder, counted.append)
        assert sum(counted) == wanted


def test_the_first_part_that_differs_is_named_whichever_thread_is_first(tmp_path: Path) -> None:
    folder = write_mix(tmp_path)
    for name in ("tokens/web-0/a-00000.npy", "tokens/web-0/b-00000.npy"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(bytes(len(content)))
    for _ in range(20):
        with pytest.raises(MixError, match=r"a-00000\.npy: found the digest"):
            check_contents(folder)


@pytest.mark.parametrize(
    ("place", "token", "message"),
    [
        (-1, 3, "found EOS where no document of the index ends|EOS: found 11"),
        (0, EOS, "found EOS where no document of the index ends"),
        (0, 100, "found token 100, wanted ids below 100"),
        (0, 98, "found the special token 98, wanted EOS and those of `fim` alone"),
    ],
)
def test_tokens_that_a_wrong_builder_wrote_are_found(tmp_path: Path, place: int, token: int, message: str) -> None:
    folder = write_mix(tmp_path)
    if place == 0:
        index = read_index(tmp_path / "tokens/web-0/a-00000.parquet")
        place = int(index.starts[np.flatnonzero(index.lengths > 1)[0]])
    rewrite_tokens(tmp_path, place, token)
    check_files(folder)
    with pytest.raises(MixError, match=rf"a-00000\.npy: ({message})"):
        check_contents(folder)


@pytest.mark.parametrize(
    ("column", "place", "value", "message"),
    [
        ("length", 0, 50, "documents, tokens, bytes: found"),
        ("bytes", 0, 999, "documents, tokens, bytes: found"),
        ("start", 1, 0, "found documents that overlap or leave a gap"),
        ("key", 0, 2**64 - 1, "found sampling keys that fall"),
        ("key", 11, 0, "found sampling keys that fall"),
    ],
)
def test_an_index_that_a_wrong_builder_wrote_is_found(
    tmp_path: Path, column: str, place: int, value: int, message: str
) -> None:
    folder = write_mix(tmp_path)
    rewrite_index(tmp_path, column, place, value)
    check_files(folder)
    with pytest.raises(MixError, match=rf"a-00000\.parquet: {message}"):
        check_contents(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"cut_key": "0" * 16},
            r"00000\.parquet: found \d+ documents held out or a prefix, wanted them to end at the cut 00",
        ),
        (
            {"cut_key": "f" * 16},
            r"00000\.parquet: found \d+ documents held out or a prefix, wanted them to end at the cut ff",
        ),
        ({"held_out_key": "f" * 16}, r"00000\.parquet: found \d+ documents held out, wanted them to end at the cut ff"),
        (
            {"name": "other", "source": "other"},
            r"ledger\.json: splits: found \['web'\], the manifest says \['other'\]",
        ),
    ],
)
def test_a_manifest_that_a_wrong_builder_wrote_is_found(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = write_mix(tmp_path)
    manifest = load(folder)
    republish(tmp_path, replace(manifest, sources=(replace(manifest.sources[0], **changes),)))
    with pytest.raises(MixError, match=message):
        check_contents(folder)


@pytest.mark.parametrize("count", ["held_out_bytes", "prefix_bytes"])
def test_parts_of_which_one_has_a_byte_of_the_other_are_found(tmp_path: Path, count: str) -> None:
    folder = write_mix(tmp_path)
    manifest = load(folder)
    (source,) = manifest.sources
    first, second, *others = source.parts
    less, more = ({count: getattr(part, count) + by} for part, by in ((first, -1), (second, 1)))
    parts = (replace(first, **less), replace(second, **more), *others)
    republish(tmp_path, replace(manifest, sources=(replace(source, parts=parts),)))
    with pytest.raises(MixError, match=rf"00000\.parquet: {count.replace('bytes', 'tokens')}, {count}: found"):
        check_contents(folder)


def test_a_ledger_that_differs_from_the_manifest_is_found(tmp_path: Path) -> None:
    folder = write_mix(tmp_path)
    ledger = ledgers.parse((folder / "ledger.json").read_bytes(), "ledger.json")
    source = ledger.sources[0]
    (split,) = source.splits
    moved = replace(
        split,
        prefix=replace(split.prefix, tokens=split.prefix.tokens - 1),
        in_mix=replace(split.in_mix, tokens=split.in_mix.tokens - 1),
        left_over=replace(split.left_over, tokens=split.left_over.tokens + 1),
    )
    (folder / "ledger.json").write_bytes(ledgers.dump(replace(ledger, sources=(replace(source, splits=(moved,)),))))
    republish(tmp_path, load(folder))
    with pytest.raises(MixError, match=r"ledger\.json: web: in_mix: found \(.*\), the manifest says"):
        check_files(folder)
