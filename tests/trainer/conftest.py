"""Built mixes by hand: a few thousand tokens with a structure that a tiny model learns."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mixes.manifest import Manifest, PartEntry, SourceEntry, TokenizerEntry, dump

VOCAB_SIZE = 250
EOS_ID = 0
MakeMix = Callable[..., Path]


def structured_tokens(num_tokens: int, seed: int, *, vocab_size: int = VOCAB_SIZE) -> NDArray[np.uint16]:
    """Return tokens in which most follow from the one before: x, then 3x + 1 modulo the vocabulary."""
    random = np.random.default_rng(seed)
    tokens = random.integers(1, vocab_size, num_tokens)
    for place in np.nonzero(random.random(num_tokens - 1) < 0.8)[0]:
        tokens[place + 1] = max(1, (3 * tokens[place] + 1) % vocab_size)
    tokens[-1] = EOS_ID
    return tokens.astype(np.uint16)


def write_mix(
    output: Path, sources: Mapping[str, NDArray[np.uint16]], *, name: str = "tiny", vocab_size: int = VOCAB_SIZE
) -> Path:
    """Write a mix of one part a source under `output`, each seen once; return the mix's folder."""
    entries = []
    for source, tokens in sources.items():
        data = tokens.astype("<u2").tobytes()
        file = f"tokens/{source}/part-00000.npy"
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        (output / file).write_bytes(data)
        counts = {"tokens": len(tokens), "documents": 1, "bytes": 4 * len(tokens)}
        part = PartEntry(
            file=file,
            index=file.replace(".npy", ".parquet"),
            size=len(data),
            digest=hashlib.sha256(data).hexdigest(),
            index_digest="00" * 32,
            prefix_tokens=len(tokens),
            prefix_documents=1,
            prefix_bytes=4 * len(tokens),
            **counts,
        )
        entries.append(
            SourceEntry(
                name=source,
                wanted_tokens=len(tokens),
                available_tokens=len(tokens),
                whole_epochs=0,
                cut_key="f" * 16,
                parts=(part,),
                **counts,
            )
        )
    manifest = Manifest(
        name=name,
        fingerprint="ab" * 16,
        seed=1234,
        dtype="uint16",
        tokenizer=TokenizerEntry(name="none.json", digest="cd" * 32, vocab_size=vocab_size, eos_id=EOS_ID),
        tokens=sum(entry.tokens for entry in entries),
        documents=len(entries),
        bytes=sum(entry.bytes for entry in entries),
        sources=tuple(entries),
        files={},
    )
    folder = output / "mixes" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(dump(manifest))
    return folder


@pytest.fixture
def make_mix(tmp_path: Path) -> MakeMix:
    """Return `write_mix` for a folder of this test; without sources, two of structured tokens."""

    def make(sources: Mapping[str, NDArray[np.uint16]] | None = None, *, output: str = "output") -> Path:
        if sources is None:
            sources = {"web": structured_tokens(6000, 1), "code": structured_tokens(3000, 2)}
        return write_mix(tmp_path / output, sources)

    return make
