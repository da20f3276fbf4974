"""Does what lies on disk agree with the manifest? A fast answer by size, and a full one by digest and recount."""

import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mixes import ledger
from mixes.errors import MixError
from mixes.files import digest_file, require_file, require_size
from mixes.manifest import Manifest, PartEntry, SourceEntry, TokenizerEntry, load, mix_folder, mix_root
from mixes.parts import PartDocuments, read_index
from mixes.token_ids import token_dtype

_BLOCK_TOKENS = 1 << 20
_MAX_THREADS = 8  # a disk gives no more; each holds a block of tokens and the index of one part
_PARQUET_FRAME = 4 + 4 + 4  # bytes of a parquet file beside its columns and its footer: magic, footer's size, magic

Count: TypeAlias = Callable[[int], object]
"""Takes how many bytes of token files, and of the files beside the manifest, were checked since it was last called."""


def check_files(path: Path, count: Count = lambda _: None) -> Manifest:
    """Return the manifest of a mix whose files all have their size and whose ledger has the manifest's counts.

    Reads the manifest, the ledger and the footers of the indexes, and no token.

    Args:
        path: the folder of the mix, OUTPUT/mixes/<name>, or the manifest in it.
        count: told the size of each file that has it.

    Raises:
        MixError: the first file that is absent or has another size, or the first count that differs.
    """
    mix = load(path)
    _check_sizes(mix, path, count)
    return mix


def check_contents(path: Path, count: Count = lambda _: None) -> Manifest:
    """Return the manifest of a mix of which every byte was read and every document counted again.

    Beyond what `check_files` checks: each file has its digest; each index covers its part without a gap, in the order
    of the keys; each document ends in EOS and has none inside; each id lies in the vocabulary and is special only where
    its source has fill-in-the-middle; the prefixes end at the cut. Parts are read by several threads at once.

    Args:
        path: the folder of the mix, OUTPUT/mixes/<name>, or the manifest in it.
        count: told how many bytes were read, by any thread.

    Raises:
        MixError: the first file or count that differs, in the order of the manifest.
    """
    mix, folder, root = load(path), mix_folder(path), mix_root(path)
    for name, entry in mix.files.items():  # before anything that is in them is believed
        count(_check_digest(require_size(folder, name, entry.size), entry.digest))
    _check_sizes(mix, path, lambda _: None)
    check = partial(_check_part, root, mix.tokenizer, count)
    sources = [source for source in mix.sources for _ in source.parts]
    parts = [part for source in mix.sources for part in source.parts]
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as threads:
        deque(threads.map(check, sources, parts), maxlen=0)  # gives the first error in this order
    return mix


def _check_sizes(mix: Manifest, path: Path, count: Count) -> None:
    """Check the size of every file, and the counts of the ledger."""
    folder, root = mix_folder(path), mix_root(path)
    for source in mix.sources:
        for part in source.parts:
            require_size(root, part.file, part.size)
            _require_index_size(require_file(root, part.index), part)
            count(part.size)
    for name, entry in mix.files.items():
        require_size(folder, name, entry.size)
        count(entry.size)
    if ledger.FILE_NAME in mix.files:
        _check_ledger(mix, folder / ledger.FILE_NAME)


def _require_index_size(path: Path, part: PartEntry) -> None:
    """Refuse an index that has not the size or the documents that its footer speaks of."""
    try:
        footer = pq.read_metadata(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise MixError(f"{path}: cannot be read as the index of a part: {error}; copy it again") from error
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = sum(group.column(number).total_compressed_size for group in groups for number in range(group.num_columns))
    wanted, found = columns + footer.serialized_size + _PARQUET_FRAME, path.stat().st_size
    if found != wanted:
        raise MixError(f"{path}: found {found:,} bytes, its footer says {wanted:,}; it was changed: copy it again")
    _require_equal(path, "documents", footer.num_rows, part.documents)


def _check_part(root: Path, tokenizer: TokenizerEntry, count: Count, source: SourceEntry, part: PartEntry) -> None:
    """Check both files of a part; the token file is read once."""
    _check_digest(root / part.index, part.index_digest)
    index = read_index(root / part.index)
    _check_index(root / part.index, index, source, part)
    _check_tokens(root / part.file, index, part, tokenizer, tokenizer.fim_ids.get(source.source, ()), count)


def _check_ledger(mix: Manifest, path: Path) -> None:
    """Compare each count that both the ledger and the manifest hold."""
    sources = ledger.parse(path.read_bytes(), str(path)).sources
    splits = [split for source in sources for split in source.splits]
    _require_equal(path, "splits", [split.name for split in splits], [source.name for source in mix.sources])
    for written, source in zip(splits, mix.sources, strict=True):
        seen = (written.in_mix.documents, written.in_mix.bytes, written.in_mix.tokens)
        _require_equal(path, f"{source.name}: in_mix", seen, (source.documents, source.bytes, source.tokens))
        for name, prefix in (("kept", ""), ("held_out", "held_out_"), ("prefix", "prefix_")):
            found: ledger.TokenCount = getattr(written, name)
            parts = tuple(source.total(f"{prefix}{count}") for count in ("documents", "bytes", "tokens"))
            _require_equal(path, f"{source.name}: {name}", (found.documents, found.bytes, found.tokens), parts)
        _require_equal(path, f"{source.name}: whole_epochs", written.whole_epochs, source.whole_epochs)


def _check_index(path: Path, index: PartDocuments, source: SourceEntry, part: PartEntry) -> None:
    """Compare an index with its entry in the manifest and with the cuts of its source."""
    held_out, taken = part.held_out_documents, part.held_out_documents + part.prefix_documents
    counts = (len(index), int(index.lengths.sum()), int(index.bytes.sum()))
    _require_equal(path, "documents, tokens, bytes", counts, (part.documents, part.tokens, part.bytes))
    front = (int(index.lengths[:held_out].sum()), int(index.bytes[:held_out].sum()))
    _require_equal(path, "held_out_tokens, held_out_bytes", front, (part.held_out_tokens, part.held_out_bytes))
    prefix = (int(index.lengths[held_out:taken].sum()), int(index.bytes[held_out:taken].sum()))
    _require_equal(path, "prefix_tokens, prefix_bytes", prefix, (part.prefix_tokens, part.prefix_bytes))
    if np.any(index.lengths < 1) or np.any(index.starts != np.cumsum(index.lengths) - index.lengths):
        raise MixError(f"{path}: found documents that overlap or leave a gap, wanted them one after another")
    if np.any(index.keys[1:] < index.keys[:-1]):
        raise MixError(f"{path}: found sampling keys that fall, wanted them in rising order")
    _require_cut(path, "held out", index.keys, held_out, source.held_out_key)
    _require_cut(path, "held out or a prefix", index.keys, taken, source.cut_key)


def _require_cut(path: Path, what: str, keys: NDArray[np.uint64], taken: int, key: str) -> None:
    """Refuse first documents of a part that do not end where the sampling keys reach the cut."""
    cut = np.uint64(int(key, 16))
    if np.any(keys[:taken] > cut) or np.any(keys[taken:] < cut):
        raise MixError(f"{path}: found {taken:,} documents {what}, wanted them to end at the cut {key}")


def _check_tokens(
    path: Path,
    index: PartDocuments,
    part: PartEntry,
    tokenizer: TokenizerEntry,
    fim_ids: tuple[int, ...],
    count: Count,
) -> None:
    """Check the digest and every token of a part: ids in the vocabulary, EOS where documents end, special ones of FIM.

    A wrong digest is said before anything that follows from it.
    """
    dtype = token_dtype(tokenizer.vocab_size)
    is_foreign = np.zeros(tokenizer.vocab_size, bool)
    is_foreign[list(tokenizer.special_ids)] = True
    is_foreign[[tokenizer.eos_id, *fim_ids]] = False
    last_tokens, offset, found = index.starts + index.lengths - 1, 0, 0
    digest, problem = hashlib.sha256(), ""
    with path.open("rb") as handle:
        while data := handle.read(_BLOCK_TOKENS * dtype.itemsize):
            digest.update(data)
            tokens = np.frombuffer(data, dtype=dtype)
            places = np.flatnonzero(tokens == tokenizer.eos_id)
            largest = int(tokens.max())
            problem = problem or _problem(largest, offset + places, last_tokens[found:], tokenizer.vocab_size)
            if not problem:
                foreign = tokens[is_foreign[tokens]]
                problem = (
                    f"found the special token {foreign[0]}, wanted EOS and those of `fim` alone" if len(foreign) else ""
                )
            offset, found = offset + len(tokens), found + len(places)
            count(len(data))
    _require_digest(path, digest.hexdigest(), part.digest)
    if problem:
        raise MixError(f"{path}: {problem}")
    _require_equal(path, "EOS", found, len(index))


def _problem(largest: int, places: NDArray[np.int64], last_tokens: NDArray[np.int64], vocab_size: int) -> str:
    """Return what is wrong with a block of tokens, given its largest and the places of its EOS, or nothing."""
    if largest >= vocab_size:
        return f"found token {largest}, wanted ids below {vocab_size}"
    if not np.array_equal(places, last_tokens[: len(places)]):
        return "found EOS where no document of the index ends, wanted it at each end only"
    return ""


def _check_digest(path: Path, digest: str) -> int:
    """Return the size of a file that has this digest."""
    found = digest_file(path)
    _require_digest(path, found.digest, digest)
    return found.size


def _require_digest(path: Path, found: str, digest: str) -> None:
    if found != digest:
        raise MixError(
            f"{path}: found the digest {found}, the manifest says {digest}; copy the file again, or remove it and run "
            "the same build"
        )


def _require_equal(path: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise MixError(f"{path}: {what}: found {found}, the manifest says {wanted}; build the mix again")
