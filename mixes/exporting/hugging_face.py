"""Export for Hugging Face's `datasets`: parquet files with the text of every document, and a card.

The texts are those that were tokenized, after all span edits, made from the tokens again; each is compared with the
number of bytes that it had. A document is there once, with the number of times that the mix sees it. What is held out
is the split `validation`.
"""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.exporting.notes import README_FILE, held_out_tokens, notes
from mixes.exporting.target import Target
from mixes.manifest import SourceEntry
from mixes.parts import PartDocuments
from mixes.segments import Segment, held_out_segments, segments
from mixes.spec.licences import allowed_licences
from mixes.spec.mix import MixSpec
from mixes.token_bytes import TokenBytes

_ALL = "default"
_BLOCK_TOKENS = 1 << 22  # of a row group: about 16 MiB of text
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("num_tokens", pa.int64(), nullable=False),
        pa.field("times_seen", pa.int64(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)
_README = """\
## Columns

| column | meaning |
| --- | --- |
| `id` | the document's own id, or shard and record where it had none |
| `source` | the source of the mix |
| `text` | the text as it was tokenized: after all edits, special tokens as plain text |
| `num_tokens` | its tokens, with the EOS that ends it |
| `times_seen` | how often one pass over the mix sees it; the mix's tokens are the sum of `num_tokens` x `times_seen` |
| `shard`, `row` | the file it was read from, relative to the data root, and the number of its record there, from 0 |

```python
from datasets import load_dataset

everything = load_dataset("{name}", split="train")  # this folder
one_source = load_dataset("{name}", "{source}", split="train")
```"""
_VALIDATION_README = """\
The split `validation` has the documents that are held out: one pass over the mix sees them 0 times."""


def export_hugging_face(target: Target, decoder: TokenBytes, spec: MixSpec) -> None:
    """Write the mix for `datasets`.

    Args:
        target: where to.
        decoder: the tokenizer of the mix.
        spec: the spec it was built from; it tells which licences a source lets through.

    Raises:
        MixError: the tokens of a document do not give a text of the size it had.
        DataError: they do not give text at all.
    """
    for source in target.mix.sources:
        for number, of_part in _by_part(source).items():
            target.write(
                f"{source.plain_name}/part-{number:05d}.parquet", partial(_write_part, target, source, of_part, decoder)
            )
        for segment in held_out_segments(source):
            target.write(
                f"{source.plain_name}/validation-{segment.number:05d}.parquet",
                partial(_write_documents, target, source, segment, np.zeros(segment.documents, np.int64), decoder),
            )
    sources = [source for source in target.mix.sources if source.documents or source.total("held_out_documents")]
    name = target.mix.name
    readme = _README.format(name=name, source=sources[0].name if sources else "")
    validation = [_VALIDATION_README] if held_out_tokens(target.mix) else []
    paragraphs = [readme, *validation, "## Licences", licences(target.mix.sources, spec)]
    target.write_text(
        README_FILE, _front_matter(name, sources) + notes(target.mix, "Hugging Face's datasets", paragraphs)
    )


def licences(sources: tuple[SourceEntry, ...], spec: MixSpec) -> str:
    """Return what is known of the licences of each source: those among which its rules keep a document's to be."""
    lines = ["| source | licences |", "| --- | --- |"]
    for source in sources:
        among = allowed_licences(spec, source.source)
        told = "one of " + ", ".join(among) if among else "not limited by a rule: each document has that of its origin"
        lines.append(f"| {source.plain_name} | {told} |")
    return "\n".join(lines)


def _by_part(source: SourceEntry) -> dict[int, list[Segment]]:
    """Return the segments of a source by the number of their part."""
    found: dict[int, list[Segment]] = {}
    for segment in segments(source):
        found.setdefault(segment.number, []).append(segment)
    return found


def _write_part(
    target: Target, source: SourceEntry, of_part: list[Segment], decoder: TokenBytes, handle: BinaryIO
) -> None:
    """Write the documents that are seen of one part, each once."""
    widest = max(of_part, key=lambda segment: segment.tokens)  # every other segment of the part lies in it
    _write_documents(target, source, widest, _times_seen(widest, of_part), decoder, handle)


def _write_documents(
    target: Target,
    source: SourceEntry,
    segment: Segment,
    times_seen: NDArray[np.int64],
    decoder: TokenBytes,
    handle: BinaryIO,
) -> None:
    """Write the documents of a segment; one row group of tokens is held at a time."""
    documents = target.documents(segment)
    with pq.ParquetWriter(
        pa.PythonFile(handle, mode="w"), _SCHEMA, compression="zstd", compression_level=3, store_schema=False,
        use_dictionary=["source", "shard"], write_statistics=False,
    ) as writer:  # fmt: skip
        for first, last in _blocks(documents):
            lengths = documents.lengths[first:last]
            start, count = int(documents.starts[first]), int(lengths.sum())
            tokens = np.concatenate(list(target.read_tokens(segment, segment.first_token + start, count)))
            texts = decoder.texts(tokens, lengths)
            _check_sizes(segment, documents, first, texts)
            num_documents = last - first
            columns = [
                documents.ids[first:last],
                pa.array([source.plain_name] * num_documents, pa.string()),
                texts,
                pa.array(lengths),
                pa.array(times_seen[first:last]),
                documents.shards[first:last],
                pa.array(documents.rows[first:last]),
            ]
            writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=num_documents)
            target.count_done(int(lengths @ times_seen[first:last]) or int(lengths.sum()))


def _times_seen(widest: Segment, of_part: list[Segment]) -> NDArray[np.int64]:
    """Return how often each document of the widest segment of a part is seen."""
    times_seen = np.zeros(widest.documents, np.int64)
    for segment in of_part:
        first = segment.first_document - widest.first_document
        times_seen[first : first + segment.documents] += 1
    return times_seen


def _blocks(documents: PartDocuments) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of documents that have _BLOCK_TOKENS tokens together, or of one that has more."""
    ends = documents.starts + documents.lengths
    first = 0
    while first < len(documents):
        last = int(np.searchsorted(ends, documents.starts[first] + _BLOCK_TOKENS, side="right"))
        last = max(last, first + 1)
        yield first, last
        first = last


def _check_sizes(segment: Segment, documents: PartDocuments, first: int, texts: pa.StringArray) -> None:
    """Compare the UTF-8 bytes of texts with those that were tokenized."""
    found = np.diff(np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1])
    wrong = np.flatnonzero(found != documents.bytes[first : first + len(texts)])
    if wrong.size:
        document = first + int(wrong[0])
        raise MixError(
            f"{segment.part.file}: document {documents.ids[document].as_py()!r}: its tokens give {found[wrong[0]]:,} "
            f"bytes of text, the index says {documents.bytes[document]:,}; the tokenizer does not give back what it "
            "was given"
        )


def _front_matter(name: str, sources: list[SourceEntry]) -> str:
    """Return the YAML with which a card begins: all sources by default, and each by its name.

    Raises:
        MixError: a source has the name that means all of them.
    """
    if any(source.plain_name == _ALL for source in sources):
        raise MixError(f"mix '{name}': found a source '{_ALL}', which means all sources here; give it another name")
    lines = ["---", f"pretty_name: {name}", "license: other", "license_name: by-source", "configs:"]
    for config, among in [(_ALL, sources), *((source.plain_name, [source]) for source in sources)]:
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, stem in (("train", "part"), ("validation", "validation")):
            paths = [f'    - "{each.plain_name}/{stem}-*.parquet"' for each in among if _num_documents(each, split)]
            lines += [f"  - split: {split}", "    path:", *paths] if paths else []
    return "\n".join([*lines, "---", "", ""])


def _num_documents(source: SourceEntry, split: str) -> int:
    """Return how many documents of a source a split has."""
    return source.documents if split == "train" else source.total("held_out_documents")
