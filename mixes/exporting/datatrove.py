"""Export for datatrove and nanotron: `.ds` token files, `.ds.index` and `.ds.metadata`, a folder for each source.

A `.ds` has no header; `.ds.index` holds the end of each document in tokens, uint64, little-endian; `.ds.metadata` three
lines: tokenizer and bytes of a token, number of tokens, and that number for people. Files are numbered in the order of
the token stream: what is seen in several epochs has several files, which are one on the disk where links are possible.
What is held out lies in a tree of its own, as readers take all files below a folder.
"""

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from mixes.exporting.notes import README_FILE, held_out_tokens, notes
from mixes.exporting.target import Target
from mixes.parts import PartDocuments
from mixes.segments import Segment, held_out_segments, segments
from mixes.token_ids import token_dtype

_README = """\
## Reading it

```python
from datatrove.utils.dataset import DatatroveFolderDataset

dataset = DatatroveFolderDataset("{name}/train", seq_len=2048, token_size={token_size})  # {name}: this folder
```

For nanotron's Nanoset, `dataset_folder` are the folders of the sources in `train` and `dataset_weights` their tokens:
{weights}. Files are numbered in the order of the mix; one that is seen in several epochs is there several times. Of
each file the last tokens, fewer than `seq_len + 1`, are left out by the reader."""
_VALIDATION_README = """\
## Validation

`validation` has the documents that are held out and never trained on, a folder for each source."""


def export_datatrove(target: Target) -> None:
    """Write the mix for datatrove and nanotron."""
    mix = target.mix
    for source in mix.sources:
        _write_files(target, f"train/{source.plain_name}", list(segments(source)))
        _write_files(target, f"validation/{source.plain_name}", list(held_out_segments(source)))
    token_size = token_dtype(mix.tokenizer.vocab_size).itemsize
    weights = ", ".join(f"`{source.plain_name}` {source.tokens}" for source in mix.sources if source.tokens)
    readme = _README.format(name=mix.name, token_size=token_size, weights=weights)
    paragraphs = [readme, _VALIDATION_README] if held_out_tokens(mix) else [readme]
    target.write_text(README_FILE, notes(mix, "datatrove and nanotron", paragraphs))


def _write_files(target: Target, folder: str, files: Sequence[Segment]) -> None:
    width = max(5, len(str(len(files))))  # so that the order of the names is that of the stream
    tokenizer = target.mix.tokenizer
    token_size = token_dtype(tokenizer.vocab_size).itemsize
    for number, segment in enumerate(files):
        name = f"{folder}/{number:0{width}d}.ds"
        target.place_tokens(segment, name)
        target.write(f"{name}.index", partial(_write_ends, target.documents(segment)))
        target.write_text(
            f"{name}.metadata", f"{tokenizer.name}|{token_size}\n{segment.tokens}\n{short_count(segment.tokens)}"
        )


def _write_ends(documents: PartDocuments, handle: BinaryIO) -> None:
    handle.write((documents.starts + documents.lengths).astype("<u8").data)


def short_count(count: int) -> str:
    """Return a count of tokens in three digits: `999 T`, `2.09 MT`, `50.0 GT`."""
    if count < 1000:
        return f"{count} T"
    scale = 0
    value = float(count)
    while value >= 999.5 and scale < 4:
        value, scale = value / 1000, scale + 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {'kMGT'[scale - 1]}T"
