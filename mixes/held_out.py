"""The validation slices of a built mix: the documents that are held out of each source and never trained on.

They are those of the lowest sampling keys, so every mix of the same parts with the same share holds out the same ones.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

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


def held_out_documents(manifest: Manifest, files: MixFiles, source: SourceEntry) -> Iterator[HeldOutDocument]:
    """Yield what is held out of a source or split of a mix, part by part, in the order of the sampling keys.

    Args:
        manifest: the mix.
        files: where its parts lie.
        source: one of its sources.

    Raises:
        MixError: a file is absent, was cut, or holds ids outside the vocabulary.
    """
    vocab_size = manifest.tokenizer.vocab_size
    dtype = token_dtype(vocab_size)
    stretches = list(held_out_segments(source))
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


def _documents(stretch: Segment, tokens: NDArray[np.uint32], files: MixFiles) -> Iterator[HeldOutDocument]:
    index = read_index(files.index(stretch.part))
    for place in range(stretch.documents):
        start, length = int(index.starts[place]), int(index.lengths[place])
        yield HeldOutDocument(
            id=index.ids[place].as_py(), tokens=tokens[start : start + length], bytes=int(index.bytes[place])
        )
