"""Export for OLMo-core: `.npy` files as its `NumpyFSLDataset` and kin read them, `.csv.gz` beside each, a data mix.

A token file has no header, as those of dolma. The sidecar has a line a document, `start,end,id,src,loc`: places in
tokens, the document's id, its shard, and the number of its record there, from 1. The mix file has a line a token file,
`source,{TOKENIZER}/path`, in the order of the token stream; a file that is seen in several epochs has several lines.
What is held out lies in a folder and a mix file of its own, of the same form.
"""

import csv
import gzip
import io
import re
from functools import partial
from typing import BinaryIO

from mixes.exporting.notes import README_FILE, notes
from mixes.exporting.target import Target
from mixes.manifest import Manifest
from mixes.parts import PartDocuments
from mixes.segments import Segment, held_out_segments, segments

MIX_FILE = "mix.txt"
VALIDATION_FILE = "validation.txt"
_VALIDATION = "validation"
_README = """\
## Reading it

```python
from pathlib import Path
from olmo_core.data import NumpyFSLDatasetConfig, TokenizerConfig

folder = Path("{name}")  # this folder
lines = [line.split(",") for line in (folder / "mix.txt").read_text().splitlines()]
dataset = NumpyFSLDatasetConfig(
    paths=[str(folder / path.replace("{{TOKENIZER}}", "{tokenizer}")) for _, path in lines],
    metadata=[{{"label": source}} for source, _ in lines],
    tokenizer=TokenizerConfig(
        identifier="{tokenizer}", vocab_size={vocab_size}, eos_token_id={eos_id}, pad_token_id={eos_id}
    ),
    sequence_length=4096,
    work_dir="work",
).build()
```

`mix.txt` has the form of OLMo-core's own data mixes, `mix_base_dir` being this folder. It names a file once for each
epoch in which all of it is seen; what is seen once more lies in files `-prefix.npy`. Of each file OLMo-core leaves out
the last tokens, fewer than the sequence length. `.csv.gz`: `start,end,id,src,loc` of each document."""
_VALIDATION_README = """\
## Validation

`validation.txt` has the same form: a line for each file of the documents that are held out and never trained on, its
label the source. For OLMo-core's `LMEvaluator` read it as above, with `NumpyPaddedFSLDatasetConfig`: the loss of each
label is reported by its name."""


def export_olmo_core(target: Target) -> None:
    """Write the mix for OLMo-core."""
    tokenizer = tokenizer_folder(target.mix)
    lines: list[str] = []
    for source in target.mix.sources:
        written: set[str] = set()
        for segment in segments(source):
            name = f"{source.plain_name}/part-{segment.number:05d}{'' if segment.is_epoch else '-prefix'}"
            if name in written:
                target.count_done(segment.tokens)
            else:
                _place(target, segment, f"{tokenizer}/{name}")
                written.add(name)
            lines.append(f"{source.plain_name},{{TOKENIZER}}/{name}.npy\n")
    target.write_text(MIX_FILE, "".join(lines))
    paragraphs = [_VALIDATION_README] if _write_validation(target, tokenizer) else []
    mix = target.mix
    readme = _README.format(
        name=mix.name, tokenizer=tokenizer, vocab_size=mix.tokenizer.vocab_size, eos_id=mix.tokenizer.eos_id
    )
    target.write_text(README_FILE, notes(mix, "OLMo-core", [readme, *paragraphs]))


def _write_validation(target: Target, tokenizer: str) -> bool:
    """Write what is held out, and return whether there is anything."""
    lines: list[str] = []
    for source in target.mix.sources:
        for segment in held_out_segments(source):
            name = f"{source.plain_name}/part-{segment.number:05d}"
            _place(target, segment, f"{_VALIDATION}/{tokenizer}/{name}")
            lines.append(f"{source.plain_name},{_VALIDATION}/{{TOKENIZER}}/{name}.npy\n")
    if lines:
        target.write_text(VALIDATION_FILE, "".join(lines))
    return bool(lines)


def _place(target: Target, segment: Segment, name: str) -> None:
    """Write a token file and its sidecar."""
    target.place_tokens(segment, f"{name}.npy")
    target.write(f"{name}.csv.gz", partial(_write_sidecar, target.documents(segment)))


def tokenizer_folder(mix: Manifest) -> str:
    """Return what stands for `{TOKENIZER}` in paths: the name of the tokenizer's file up to its first dot."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", mix.tokenizer.name.partition(".")[0]) or "tokenizer"


def _write_sidecar(documents: PartDocuments, handle: BinaryIO) -> None:
    """Write a line a document, gzipped; the bytes depend on the documents alone."""
    ends = documents.starts + documents.lengths
    columns = (documents.starts.tolist(), ends.tolist(), documents.ids, documents.shards, documents.rows.tolist())
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=handle, compresslevel=6, mtime=0) as compressed,
        io.TextIOWrapper(compressed, "utf-8", newline="") as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        for start, end, name, shard, row in zip(*columns, strict=True):
            writer.writerow((start, end, _in_one_line(name.as_py()), _in_one_line(shard.as_py()), row + 1))


def _in_one_line(text: str) -> str:
    """Return a text with spaces for its line breaks: readers take the file line by line."""
    return text.replace("\r", " ").replace("\n", " ")
