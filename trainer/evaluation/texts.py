"""Perplexity and bits per byte of texts, by domain: held-out documents of a mix, or folders of JSON lines."""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from mixes.errors import DataError
from mixes.held_out import held_out_documents
from mixes.opening import BuiltMix
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.json_lines import SUFFIXES, read_records, text_of
from trainer.evaluation.progress import Progress
from trainer.evaluation.requests import Request, Tokens, windows
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.sums import Likelihood


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text to be scored.

    Attributes:
        domain: what it is counted for.
        bytes: UTF-8 bytes of its text.
        tokens: gives its tokens, without EOS; called by one rank only.
    """

    domain: str
    bytes: int
    tokens: Callable[[], Tokens]


def score_texts(scorer: Scorer, texts: Iterable[Text], prefix_id: int, progress: Progress) -> dict[str, Likelihood]:
    """Return what the texts of each domain add up to, by name; every rank calls it and gets all of it.

    Args:
        scorer: of the model.
        texts: the same on every rank.
        prefix_id: the token that the first token of a text follows.
        progress: is told of what is scored.
    """
    sums: dict[str, np.ndarray] = {}  # on every rank by the domains of all texts, in the same order

    def noted() -> Iterator[Text]:
        for text in texts:
            sums.setdefault(text.domain, np.zeros(4))
            yield text

    def requests_of(text: Text) -> list[list[Request]]:
        return [windows(prefix_id, text.tokens(), scorer.max_length)]

    for text, (nll,) in scorer.scored(noted(), requests_of, progress):
        sums[text.domain] += (nll.sum(), len(nll), text.bytes, 1)
    if not sums:
        return {}
    total = scorer.summed(np.stack([*sums.values()]))
    return {domain: Likelihood.of_row(row) for domain, row in sorted(zip(sums, total, strict=True))}


def texts_of_mix(mix: BuiltMix, max_documents: int | None = None) -> Iterator[Text]:
    """Yield what a mix holds out, source by source; the domain is the source, or the split of one.

    Args:
        mix: the mix.
        max_documents: of each source, those of the lowest sampling keys; None for all.

    Raises:
        MixError: a part of the mix is absent or damaged.
    """
    for source in mix.manifest.sources:
        for document in held_out_documents(mix.manifest, mix.files, source, max_documents):
            without_eos = document.tokens[:-1].astype(np.int64)
            yield Text(domain=source.name, bytes=document.bytes, tokens=partial(np.asarray, without_eos))


def texts_of_folder(folder: Path, encoder: Encoder, max_documents: int | None = None) -> Iterator[Text]:
    """Yield the texts of every file of JSON lines below a folder, domain by domain.

    The domain of a text is the folder of its file: `c4_en/val` for `FOLDER/c4_en/val/0.jsonl.gz`.

    Args:
        folder: holds a folder for each domain.
        encoder: makes tokens of the texts.
        max_documents: of each domain, those of the lowest SHA-256: a choice that no order of files changes, of which
            a larger one begins with the smaller. None for all, as they lie in the files.

    Raises:
        DataError: there is no such file, one lies in the folder itself, or a record has no text.
    """
    by_domain = groupby(files_of_folder(folder), lambda path: path.parent.relative_to(folder).as_posix())
    for domain, files in by_domain:
        records = (numbered for path in files for numbered in read_records(path))
        texts: Iterable[str] = (text_of(record, "text", place) for place, record in records)
        if max_documents is not None:
            texts = heapq.nsmallest(max_documents, texts, lambda text: hashlib.sha256(text.encode()).digest())
        for text in texts:
            yield Text(domain=domain, bytes=len(text.encode()), tokens=partial(_encoded, encoder, text))


def files_of_folder(folder: Path) -> list[Path]:
    """Return the files of JSON lines below a folder, sorted by their folders, then by name.

    Raises:
        DataError: there is none, or one lies in the folder itself.
    """
    files = (path for path in folder.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
    found = sorted(files, key=lambda path: (path.parent, path.name))
    if not found or any(path.parent == folder for path in found):
        what = "no file" if not found else f"{found[0].name} in the folder itself"
        raise DataError(f"{folder}: found {what}; wanted FOLDER/<domain>/*.jsonl, .jsonl.gz or .jsonl.zst")
    return found


def _encoded(encoder: Encoder, text: str) -> Tokens:
    return np.asarray(encoder.encode([text])[0], dtype=np.int64)
