"""The documents of two classes, from their shards to texts to train on and texts held out.

Nothing depends on the order of shards or records: which documents are taken and which are held out is told by a digest
of seed and text. Equal texts are one document, so none is trained on and held out at once.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import pyarrow as pa

from filters.classifiers.preparation import prepare
from filters.columns import TextColumn
from mixes.errors import DataError, SpecError
from pipelines.documents import Failure, ShardDamage
from pipelines.readers import ReadSettings, ShardReader, shard_format
from pipelines.storage import StoredFile, find

_HALF = 8  # bytes of a digest: one half orders the documents, the other tells which are held out


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which documents of a class are used, and how much of them."""

    seed: int
    max_documents: int  # of a class; of more, those with the smallest keys
    max_characters: int  # at the beginning of a text
    held_out: float  # share of the documents, in (0, 1)


@dataclass(slots=True, kw_only=True)
class LabelledSet:
    """The documents of one class, and what was read for them."""

    label: str
    shards: list[dict[str, str | int]] = field(default_factory=list)  # uri, sha256, stored bytes
    num_read: int = 0
    num_failed: int = 0  # records that are no document
    num_empty: int = 0  # without a word
    num_repeated: int = 0  # equal, as far as they are looked at, to an earlier one
    num_shared: int = 0  # texts that lie in both classes
    num_left_out: int = 0  # beyond the bound
    texts: dict[bytes, str] = field(default_factory=dict)  # by digest

    def split(self, held_out: float) -> tuple[list[str], list[str]]:
        """Return the texts to train on and those held out, each in the order of their keys."""
        limit = int(held_out * 2 ** (8 * _HALF))
        training: list[str] = []
        rest: list[str] = []
        for digest in sorted(self.texts):
            is_held_out = int.from_bytes(digest[_HALF:], "big") < limit
            (rest if is_held_out else training).append(self.texts[digest])
        return training, rest

    @classmethod
    def read(
        cls,
        label: str,
        shards: Sequence[StoredFile],
        reading: ReadSettings,
        selection: Selection,
        report: Callable[[int], object],
    ) -> Self:
        """Read shards; `report` is told now and then how many stored bytes were read since.

        Raises:
            DataError: a shard is damaged, or cannot be read.
        """
        made = cls(label=label)
        for shard in shards:
            made._read_shard(shard.uri, reading, selection, report)
            made._keep_smallest(selection.max_documents)
        return made

    def _read_shard(
        self, uri: str, reading: ReadSettings, selection: Selection, report: Callable[[int], object]
    ) -> None:
        reader = ShardReader(uri, uri, reading)
        reported = 0
        for item in reader:
            report(reader.bytes_so_far - reported)
            reported = reader.bytes_so_far
            if isinstance(item, ShardDamage):
                raise DataError(f"{uri}: {item.reason}: {item.detail}; repair the shard or leave it out")
            if isinstance(item, Failure):
                self.num_failed += 1
            else:
                self._add(item, selection)
                if len(self.texts) > 2 * selection.max_documents:
                    self._keep_smallest(selection.max_documents)
        report(reader.stored_bytes - reported)
        self.shards.append({"uri": uri, "sha256": reader.digest, "stored_bytes": reader.stored_bytes})

    def _add(self, batch: pa.RecordBatch, selection: Selection) -> None:
        texts = TextColumn.from_arrow(batch.column("text"))
        prepared = prepare(texts, "one_line", selection.max_characters, lower_case=False)
        self.num_read += prepared.num_documents
        for row in range(prepared.num_documents):
            text = prepared.text(row)
            if not text:
                self.num_empty += 1
                continue
            digest = hashlib.blake2b(text.encode(), digest_size=2 * _HALF, salt=selection.seed.to_bytes(8)).digest()
            self.num_repeated += digest in self.texts
            self.texts[digest] = text

    def _keep_smallest(self, max_documents: int) -> None:
        for digest in sorted(self.texts)[max_documents:]:
            del self.texts[digest]
            self.num_left_out += 1


def list_shards(patterns: Sequence[str], reading: ReadSettings) -> list[StoredFile]:
    """Return the files that the globs name, each once, in the order of their names.

    Raises:
        SpecError: a glob names no file, or one of a format that is not read.
    """
    found: dict[str, StoredFile] = {}
    for pattern in patterns:
        files = find(pattern)
        if not files:
            raise SpecError(f"{pattern!r} matches no file; mend the pattern, and quote it so that the shell leaves it")
        for file in files:
            try:
                shard_format(file.uri, reading)
            except DataError as error:
                raise SpecError(str(error)) from error
            found[file.uri] = file
    return [found[uri] for uri in sorted(found)]


def drop_shared(positives: LabelledSet, negatives: LabelledSet) -> None:
    """Drop the texts that both classes hold: they say nothing of either."""
    for digest in positives.texts.keys() & negatives.texts.keys():
        for each in (positives, negatives):
            del each.texts[digest]
            each.num_shared += 1


def counts(labelled: LabelledSet) -> Mapping[str, int]:
    """Return what became of all that was read of a class, by name: the first is the sum of the others."""
    return dict(_counts(labelled))


def _counts(labelled: LabelledSet) -> Iterator[tuple[str, int]]:
    yield "records read", labelled.num_read + labelled.num_failed
    yield "no document", labelled.num_failed
    yield "without a word", labelled.num_empty
    yield "repeated", labelled.num_repeated
    yield "in both classes", labelled.num_shared
    yield "beyond the bound", labelled.num_left_out
    yield "used", len(labelled.texts)
