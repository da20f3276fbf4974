"""Perplexity and bits per byte of texts, by domain: held-out documents of a mix, or folders of JSON lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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
    domains: list[str] = []
    sums: dict[str, np.ndarray] = {}

    def noted() -> Iterator[Text]:
        for text in texts:
            if text.domain not in sums:
                domains.append(text.domain)
                sums[text.domain] = np.zeros(4)
            yield text

    def requests_of(text: Text) -> list[list[Request]]:
        return [windows(prefix_id, text.tokens(), scorer.max_length)]

    scored = scorer.scored(noted(), requests_of, progress)
    for text, (nll,) in scored:
        sums[text.domain] += (nll.sum(), len(nll), text.bytes, 1)
    if not domains:
        return {}
    total = scorer.summed(np.stack([sums[domain] for domain in domains]))
    return {domain: Likelihood.of_row(row) for domain, row in sorted(zip(domains, total, strict=True))}


def texts_of_mix(mix: BuiltMix) -> Iterator[Text]:
    """Yield what a mix holds out, source by source; the domain is the source, or the split of one.

    Args:
        mix: the mix.

    Raises:
        MixError: a part of the mix is absent or damaged.
    """
    for source in mix.manifest.sources:
        for document in held_out_documents(mix.manifest, mix.files, source):
            without_eos = document.tokens[:-1].astype(np.int64)
            yield Text(domain=source.name, bytes=document.bytes, tokens=partial(np.asarray, without_eos))


def texts_of_folder(folder: Path, encoder: Encoder) -> Iterator[Text]:
    """Yield the texts of every file of JSON lines below a folder, in the order of their names.

    The domain of a text is the folder of its file: `c4_en/val` for `FOLDER/c4_en/val/0.jsonl.gz`.

    Raises:
        DataError: there is no such file, one lies in the folder itself, or a record has no text.
    """
    for path in files_of_folder(folder):
        domain = path.parent.relative_to(folder).as_posix()
        for place, record in read_records(path):
            text = text_of(record, "text", place)
            yield Text(domain=domain, bytes=len(text.encode()), tokens=partial(_encoded, encoder, text))


def files_of_folder(folder: Path) -> list[Path]:
    """Return the files of JSON lines below a folder, sorted.

    Raises:
        DataError: there is none, or one lies in the folder itself.
    """
    found = sorted(path for path in folder.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
    if not found or any(path.parent == folder for path in found):
        what = "no file" if not found else f"{found[0].name} in the folder itself"
        raise DataError(f"{folder}: found {what}; wanted FOLDER/<domain>/*.jsonl, .jsonl.gz or .jsonl.zst")
    return found


def averages(domains: Mapping[str, Likelihood]) -> dict[str, dict[str, float]]:
    """Return the figures of all domains together.

    `micro` sums over all texts; `macro` counts every domain alike: the mean of their bits per byte, and e to the mean
    of their nats for a token, which is the geometric mean of their perplexities. Domains without text are left out.
    """
    filled = [likelihood for likelihood in domains.values() if likelihood.bytes]
    if not filled:
        return {}
    total = Likelihood(
        nll=sum(each.nll for each in filled),
        tokens=sum(each.tokens for each in filled),
        bytes=sum(each.bytes for each in filled),
        documents=sum(each.documents for each in filled),
    )
    return {
        "macro": {
            "bits_per_byte": float(np.mean([each.bits_per_byte for each in filled])),
            "perplexity": float(np.exp(np.mean([each.nll_per_token for each in filled]))),
        },
        "micro": {"bits_per_byte": total.bits_per_byte, "perplexity": total.perplexity},
    }


def _encoded(encoder: Encoder, text: str) -> Tokens:
    return np.asarray(encoder.encode([text])[0], dtype=np.int64)
