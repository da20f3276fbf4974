"""A built mix in miniature for tests: token files and the manifest that fits them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mixes.files import FileDigest, publish_file
from mixes.manifest import FILE_NAME, FileEntry, Manifest, PartEntry, SourceEntry, TokenizerEntry, dump
from mixes.token_ids import token_dtype

SPEC = b"name: small\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSource:
    """A source: the tokens of each part, how many of them are held out, and how many the prefix has."""

    parts: Sequence[Sequence[int]]
    whole_epochs: int = 1
    prefixes: Sequence[int] = field(default=())
    held_out: Sequence[int] = field(default=())


def write_small_mix(
    root: Path, sources: Sequence[SmallSource], *, vocab_size: int = 100, name: str = "small"
) -> Manifest:
    """Write token files, empty indexes, a spec and the manifest under `root`; a document is every 4 tokens begun."""
    dtype = token_dtype(vocab_size)
    entries = []
    for number, source in enumerate(sources):
        parts = []
        for place, tokens in enumerate(source.parts):
            stem = f"tokens/source{number}-0/part-{place:05d}"
            token_file = publish_bytes(f"{root}/{stem}.npy", np.array(tokens, dtype=dtype).tobytes())
            index_file = publish_bytes(f"{root}/{stem}.parquet", b"index")
            prefix = source.prefixes[place] if source.prefixes else 0
            held_out = source.held_out[place] if source.held_out else 0
            parts.append(
                PartEntry(
                    file=f"{stem}.npy",
                    index=f"{stem}.parquet",
                    size=token_file.size,
                    digest=token_file.digest,
                    index_digest=index_file.digest,
                    tokens=len(tokens),
                    documents=-(-len(tokens) // 4),
                    bytes=3 * len(tokens),
                    held_out_tokens=held_out,
                    held_out_documents=-(-held_out // 4),
                    held_out_bytes=3 * held_out,
                    prefix_tokens=prefix,
                    prefix_documents=-(-prefix // 4),
                    prefix_bytes=3 * prefix,
                )
            )
        entries.append(source_entry(f"source{number}", source.whole_epochs, parts))
    spec = publish_bytes(f"{root}/mixes/{name}/spec.yaml", SPEC)
    tokenizer = TokenizerEntry(
        name="tokenizer.json",
        digest="ab" * 32,
        vector="cd" * 32,
        vocab_size=vocab_size,
        eos_id=vocab_size - 1,
        special_ids=(vocab_size - 1,),
        fim_ids={},
    )
    files = {"spec.yaml": FileEntry(size=spec.size, digest=spec.digest)}
    manifest = manifest_of(entries, tokenizer=tokenizer, dtype=dtype.name, files=files, name=name)
    publish_bytes(f"{root}/mixes/{name}/{FILE_NAME}", dump(manifest))
    return manifest


def publish_bytes(path: str, content: bytes) -> FileDigest:
    """Publish a file with this content."""
    return publish_file(path, lambda handle: handle.write(content))


def manifest_of(
    entries: Sequence[SourceEntry],
    *,
    tokenizer: TokenizerEntry,
    dtype: str,
    files: dict[str, FileEntry],
    name: str = "small",
    seed: int = 1234,
) -> Manifest:
    """Return a manifest whose sums fit its sources."""
    return Manifest(
        name=name,
        fingerprint="0123456789abcdef" * 2,
        seed=seed,
        dtype=dtype,
        tokenizer=tokenizer,
        asked_tokens=sum(entry.wanted_tokens for entry in entries),
        tokens=sum(entry.tokens for entry in entries),
        documents=sum(entry.documents for entry in entries),
        bytes=sum(entry.bytes for entry in entries),
        sources=tuple(entries),
        files=files,
    )


def source_entry(name: str, whole_epochs: int, parts: Sequence[PartEntry]) -> SourceEntry:
    """Return a source whose sums fit its parts."""

    def seen(count: str) -> int:
        epoch = sum(getattr(part, count) - getattr(part, f"held_out_{count}") for part in parts)
        return int(whole_epochs * epoch + sum(getattr(part, f"prefix_{count}") for part in parts))

    return SourceEntry(
        name=name,
        source=name.partition("/")[0],
        tokens=seen("tokens"),
        wanted_tokens=seen("tokens") + 1,
        available_tokens=sum(part.tokens - part.held_out_tokens for part in parts),
        documents=seen("documents"),
        bytes=seen("bytes"),
        whole_epochs=whole_epochs,
        held_out_key="4000000000000000",
        cut_key="8000000000000000",
        parts=tuple(parts),
    )
