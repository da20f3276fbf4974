"""Does what lies on disk agree with the manifest? A fast answer by size, and a full one by digest and recount."""

from pathlib import Path

import numpy as np

from mixes import ledger
from mixes.errors import MixError
from mixes.files import digest_file, require_file, require_size
from mixes.manifest import Manifest, PartEntry, SourceEntry, TokenizerEntry, load, mix_folder, mix_root
from mixes.parts import PartDocuments, read_index
from mixes.token_ids import token_dtype

_BLOCK_TOKENS = 1 << 22


def check_files(path: Path) -> Manifest:
    """Return the manifest of a mix whose files all have their size and whose ledger has the manifest's counts.

    Reads the manifest and the ledger, and no token. Indexes, whose size no manifest tells, must only be there.

    Args:
        path: the folder of the mix, OUTPUT/mixes/<name>, or the manifest in it.

    Raises:
        MixError: the first file that is absent or has another size, or the first count that differs.
    """
    mix, folder, root = load(path), mix_folder(path), mix_root(path)
    for source in mix.sources:
        for part in source.parts:
            require_size(root, part.file, part.size)
            require_file(root, part.index)
    for name, entry in mix.files.items():
        require_size(folder, name, entry.size)
    if ledger.FILE_NAME in mix.files:
        _check_ledger(mix, folder / ledger.FILE_NAME)
    return mix


def check_contents(path: Path) -> Manifest:
    """Return the manifest of a mix of which every byte was read and every document counted again.

    Beyond what `check_files` checks: each file has its digest; each index covers its part without a gap, in the order
    of the keys; each document ends in EOS and has none inside; each id lies in the vocabulary; the prefixes end at the
    cut.

    Args:
        path: the folder of the mix, OUTPUT/mixes/<name>, or the manifest in it.

    Raises:
        MixError: the first file or count that differs.
    """
    mix, folder, root = check_files(path), mix_folder(path), mix_root(path)
    for name, entry in mix.files.items():
        _check_digest(folder / name, entry.digest)
    for source in mix.sources:
        for part in source.parts:
            _check_digest(root / part.file, part.digest)
            _check_digest(root / part.index, part.index_digest)
            index = read_index(root / part.index)
            _check_index(root / part.index, index, source, part)
            _check_tokens(root / part.file, index, mix.tokenizer)
    return mix


def _check_ledger(mix: Manifest, path: Path) -> None:
    """Compare each count that both the ledger and the manifest hold."""
    sources = ledger.parse(path.read_bytes(), str(path)).sources
    _require_equal(path, "sources", [source.name for source in sources], [source.name for source in mix.sources])
    for written, source in zip(sources, mix.sources, strict=True):
        seen = (written.in_mix.documents, written.in_mix.bytes, written.in_mix.tokens)
        _require_equal(path, f"{source.name}: in_mix", seen, (source.documents, source.bytes, source.tokens))
        kept = (written.kept.documents, written.kept.bytes, written.kept.tokens)
        parts = tuple(sum(getattr(part, count) for part in source.parts) for count in ("documents", "bytes", "tokens"))
        _require_equal(path, f"{source.name}: kept", kept, parts)
        _require_equal(path, f"{source.name}: whole_epochs", written.whole_epochs, source.whole_epochs)


def _check_index(path: Path, index: PartDocuments, source: SourceEntry, part: PartEntry) -> None:
    """Compare an index with its entry in the manifest and with the cut of its source."""
    taken = part.prefix_documents
    counts = (len(index), int(index.lengths.sum()), int(index.bytes.sum()))
    _require_equal(path, "documents, tokens, bytes", counts, (part.documents, part.tokens, part.bytes))
    prefix = (int(index.lengths[:taken].sum()), int(index.bytes[:taken].sum()))
    _require_equal(path, "prefix_tokens, prefix_bytes", prefix, (part.prefix_tokens, part.prefix_bytes))
    if np.any(index.lengths < 1) or np.any(index.starts != np.cumsum(index.lengths) - index.lengths):
        raise MixError(f"{path}: found documents that overlap or leave a gap, wanted them one after another")
    if np.any(index.keys[1:] < index.keys[:-1]):
        raise MixError(f"{path}: found sampling keys that fall, wanted them in rising order")
    cut = np.uint64(int(source.cut_key, 16))
    if np.any(index.keys[:taken] > cut) or np.any(index.keys[taken:] < cut):
        raise MixError(f"{path}: found a prefix of {taken:,} documents, wanted it to end at the cut {source.cut_key}")


def _check_tokens(path: Path, index: PartDocuments, tokenizer: TokenizerEntry) -> None:
    """Check every token of a part: ids in the vocabulary, EOS where documents end and nowhere else."""
    dtype = token_dtype(tokenizer.vocab_size)
    last_tokens, offset, found = index.starts + index.lengths - 1, 0, 0
    with path.open("rb") as handle:
        while data := handle.read(_BLOCK_TOKENS * dtype.itemsize):
            tokens = np.frombuffer(data, dtype=dtype)
            if tokens.max() >= tokenizer.vocab_size:
                raise MixError(f"{path}: found token {tokens.max()}, wanted ids below {tokenizer.vocab_size}")
            places = offset + np.flatnonzero(tokens == tokenizer.eos_id)
            if not np.array_equal(places, last_tokens[found : found + len(places)]):
                raise MixError(f"{path}: found EOS where no document of the index ends, wanted it at each end only")
            offset, found = offset + len(tokens), found + len(places)
    _require_equal(path, "EOS", found, len(index))


def _check_digest(path: Path, digest: str) -> None:
    found = digest_file(path).digest
    if found != digest:
        raise MixError(f"{path}: found the digest {found}, the manifest says {digest}; copy the file again")


def _require_equal(path: Path, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise MixError(f"{path}: {what}: found {found}, the manifest says {wanted}; build the mix again")
