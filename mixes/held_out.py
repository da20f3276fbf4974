"""The validation slices of a built mix: the documents that are held out of each source and never trained on.

They are those of the lowest sampling keys, so every mix of the same parts with the same share holds out the same ones.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.manifest import Manifest, SourceEntry
from mixes.mix_files import Extent, MixFiles
from mixes.parts import read_index
from mixes.segments import Segment, held_out_segments
from mixes.token_ids import token_dtype


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutDocument:
    """One document that is held out.

    Attributes:
        id: its id.
        tokens: its tokens with its EOS, shape (num_tokens,), uint32.
        bytes: UTF-8 bytes of its text, what its loss is divided by to give bits per byte.
    """

    id: str
    tokens: NDArray[np.uint32]
    bytes: int


def held_out_documents(
    manifest: Manifest, files: MixFiles, source: SourceEntry, max_documents: int | None = None
) -> Iterator[HeldOutDocument]:
    """Yield what is held out of a source or split of a mix, part by part, in the order of the sampling keys.

    Args:
        manifest: the mix.
        files: where its parts lie.
        source: one of its sources.
        max_documents: yield at most so many, at least 1: those of the lowest sampling keys, a uniform sample; None
            for all.

    Raises:
        MixError: a file is absent, was cut, or holds ids outside the vocabulary.
    """
    vocab_size = manifest.tokenizer.vocab_size
    dtype = token_dtype(vocab_size)
    stretches = list(held_out_segments(source))
    if max_documents is not None and sum(each.documents for each in stretches) > max_documents:
        stretches = _lowest(stretches, files, max_documents)
    with contextlib.closing(files.open_parts([each.part for each in stretches])) as parts:
        fronts = [Extent(number, 0, 0, each.tokens * dtype.itemsize) for number, each in enumerate(stretches)]
        parts.announce(fronts)
        for front, stretch in zip(fronts, stretches, strict=True):
            tokens = np.empty(stretch.tokens, dtype)
            parts.read([front], tokens.view(np.uint8).data)
            if tokens.max() >= vocab_size:
                raise MixError(
                    f"{parts.name(front.part)}: found token {tokens.max()}, wanted ids below the vocabulary size "
                    f"{vocab_size}; the file was damaged: copy it again"
                )
            yield from _documents(stretch, tokens.astype(np.uint32), files)


def _lowest(stretches: Sequence[Segment], files: MixFiles, count: int) -> list[Segment]:
    """Return what the `count` documents of the lowest sampling keys leave of the stretches; of equal keys the first."""
    keys, ends = [], []
    for stretch in stretches:
        index = read_index(files.index(stretch.part))
        keys.append(index.keys[: stretch.documents].copy())  # a copy lets go of the index
        ends.append((index.starts + index.lengths)[: stretch.documents])
    place = np.repeat(np.arange(len(stretches)), [len(each) for each in keys])
    lowest = np.argsort(np.concatenate(keys), kind="stable")[:count]
    counts = np.bincount(place[lowest], minlength=len(stretches)).tolist()
    return [
        replace(stretch, documents=num_documents, tokens=int(end[num_documents - 1]))
        for stretch, end, num_documents in zip(stretches, ends, counts, strict=True)
        if num_documents
    ]


def _documents(stretch: Segment, tokens: NDArray[np.uint32], files: MixFiles) -> Iterator[HeldOutDocument]:
    index = read_index(files.index(stretch.part))
    for place in range(stretch.documents):
        start, length = int(index.starts[place]), int(index.lengths[place])
        yield HeldOutDocument(
            id=index.ids[place].as_py(), tokens=tokens[start : start + length], bytes=int(index.bytes[place])
        )
