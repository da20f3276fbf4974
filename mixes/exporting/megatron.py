r"""Export for Megatron-LM: a pair `.bin` and `.idx` for each source, and the blend that is the mix.

The `.bin` has the tokens of every document of a source in the order of the token stream, as often as the mix has it.
The `.idx` (little-endian): 9 bytes `MMIDIDX\0\0`, uint64 version 1, uint8 code of the dtype, uint64 number of
sequences, uint64 length of the document index; then int32 tokens of each sequence, int64 byte at which it begins, and
the int64 document index: numbers of the sequences with which documents begin, from 0, and the number of all. Here each
document is one sequence. Megatron knows no uint32: those tokens are called int32, which is the same bytes below 2**31.
What is held out has a pair for each source, too, and a blend of its own.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.exporting.notes import README_FILE, held_out_tokens, notes
from mixes.exporting.target import Target
from mixes.segments import Segment, held_out_segments, segments

BLEND_FILE = "blend.txt"
VALIDATION_FILE = "validation.txt"
_VALIDATION = "validation"
_MAGIC, _VERSION = b"MMIDIDX\0\0", 1
_DTYPE_CODES = {"uint16": 8, "uint32": 4}  # 4 is int32
_BLOCK_DOCUMENTS = 1 << 20
_README = """\
## Reading it

Start Megatron-LM in this folder with

```
--data-path $(cat {blend}) --split 100,0,0
```

A weight is the number of tokens of its source, so one pass over the blend, {tokens:,} tokens, is the mix: what it sees
several times lies in `.bin` several times. Documents end in their EOS; do not append another."""
_VALIDATION_README = """\
## Validation

`{validation}` is a blend of the documents that are held out and never trained on. With both, instead of the above,

```
--train-data-path $(cat {blend}) --valid-data-path $(cat {validation})
```"""


def export_megatron(target: Target) -> None:
    """Write the mix for Megatron-LM.

    Raises:
        MixError: token ids or documents do not fit in int32.
    """
    mix = target.mix
    if mix.tokenizer.vocab_size > 2**31:
        raise MixError(f"mix '{mix.name}': found {mix.tokenizer.vocab_size:,} token ids; Megatron takes at most 2**31")
    _write_blend(target, BLEND_FILE, {source.plain_name: list(segments(source)) for source in mix.sources})
    paragraphs = [_README.format(blend=BLEND_FILE, tokens=mix.tokens)]
    if held_out_tokens(mix):
        held_out = {f"{_VALIDATION}/{source.plain_name}": list(held_out_segments(source)) for source in mix.sources}
        _write_blend(target, VALIDATION_FILE, held_out)
        paragraphs.append(_VALIDATION_README.format(blend=BLEND_FILE, validation=VALIDATION_FILE))
    target.write_text(README_FILE, notes(mix, "Megatron-LM", paragraphs))


def _write_blend(target: Target, name: str, pairs: Mapping[str, Sequence[Segment]]) -> None:
    """Write a pair of files for the segments under each name, and a file of all names with their tokens."""
    words = []
    for stem, of_pair in pairs.items():
        if of_pair:
            target.write(f"{stem}.bin", partial(_write_tokens, target, of_pair))
            target.write(f"{stem}.idx", partial(_write_index, target, of_pair))
            words.append(f"{sum(segment.tokens for segment in of_pair)} {stem}")
    target.write_text(name, " ".join(words) + "\n")


def _write_tokens(target: Target, of_pair: Sequence[Segment], handle: BinaryIO) -> None:
    for segment in of_pair:
        target.copy_tokens(segment, handle)


def _write_index(target: Target, of_pair: Sequence[Segment], handle: BinaryIO) -> None:
    """Write the index in three walks over the documents, so that memory holds those of one part."""
    code, item_size = _DTYPE_CODES[target.mix.dtype], np.dtype(target.mix.dtype).itemsize
    count = sum(segment.documents for segment in of_pair)
    handle.write(struct.pack("<9sQBQQ", _MAGIC, _VERSION, code, count, count + 1))
    handle.writelines(lengths.astype("<i4").data for lengths in _lengths(target, of_pair))
    place = 0
    for lengths in _lengths(target, of_pair):
        ends = place + np.cumsum(lengths) * item_size
        handle.write((ends - lengths * item_size).astype("<i8").data)
        place = int(ends[-1])
    firsts = range(0, count + 1, _BLOCK_DOCUMENTS)
    handle.writelines(np.arange(at, min(at + _BLOCK_DOCUMENTS, count + 1), dtype="<i8").data for at in firsts)


def _lengths(target: Target, of_pair: Sequence[Segment]) -> Iterator[NDArray[np.int64]]:
    """Yield the tokens of each document of a pair of files, in their order.

    Raises:
        MixError: a document is too long.
    """
    for segment in of_pair:
        lengths = target.documents(segment).lengths
        if lengths.max() >= 2**31:
            raise MixError(
                f"{segment.part.index}: found a document of {lengths.max():,} tokens; Megatron takes fewer than 2**31"
            )
        yield lengths
