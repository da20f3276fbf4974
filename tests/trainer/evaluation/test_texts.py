"""Folders of texts by domain: what they add up to, and what is refused."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mixes.errors import DataError
from tests.trainer.evaluation.quiet import QUIET
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.requests import windows
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.sums import Likelihood, averages
from trainer.evaluation.texts import files_of_folder, score_texts, texts_of_folder

TEXTS = {"a": ["the king of the land", "", "and the queen " * 20], "b/val": ["naïve"], "b/test": ["x" * 200]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for domain, texts in TEXTS.items():
        (tmp_path / domain).mkdir(parents=True)
        for number, text in enumerate(texts):
            (tmp_path / domain / f"{number}.jsonl").write_text(json.dumps({"text": text}) + "\n\n")
    (tmp_path / "a" / "README.md").write_text("no texts")
    return tmp_path


def test_every_domain_adds_up_its_documents(scorer: Scorer, encoder: Encoder, folder: Path) -> None:
    found = score_texts(scorer, texts_of_folder(folder, encoder), encoder.prefix_id, QUIET)
    assert list(found) == ["a", "b/test", "b/val"]
    for domain, texts in TEXTS.items():
        tokens = encoder.encode(texts)
        scored = scorer.scored(tokens, lambda each: [windows(encoder.prefix_id, each, scorer.max_length)], QUIET)
        likelihood = found[domain]
        assert likelihood.nll == pytest.approx(sum(nll.sum() for _, (nll,) in scored))
        assert likelihood.tokens == sum(len(each) for each in tokens)
        assert likelihood.bytes == sum(len(text.encode()) for text in texts)
        assert likelihood.documents == len(texts)


def test_a_bound_takes_of_each_domain_the_same_texts_wherever_they_lie(folder: Path, encoder: Encoder) -> None:
    def taken(most: int) -> list[tuple[str, list[int]]]:
        texts = texts_of_folder(folder, encoder, most)
        return sorted((text.domain, text.tokens().tolist()) for text in texts)

    two, one = taken(2), taken(1)
    assert [domain for domain, _ in two] == ["a", "a", "b/test", "b/val"]
    lowest = min(TEXTS["a"], key=lambda text: hashlib.sha256(text.encode()).digest())
    assert one == sorted([("a", encoder.encode([lowest])[0]), *two[2:]])
    assert one[0] in two
    (folder / "a" / "0.jsonl").rename(folder / "a" / "9.jsonl")
    assert taken(2) == two


def test_bits_per_byte_and_perplexity_of_known_sums() -> None:
    likelihood = Likelihood(nll=8 * math.log(2), tokens=4, bytes=2, documents=1)
    assert likelihood.bits_per_byte == pytest.approx(4.0)
    assert likelihood.perplexity == pytest.approx(4.0)
    empty = Likelihood(nll=0.0, tokens=0, bytes=0, documents=1)
    assert math.isnan(empty.bits_per_byte)
    assert math.isnan(empty.perplexity)


def test_the_macro_average_counts_domains_alike_and_the_micro_average_texts() -> None:
    domains = {
        "large": Likelihood(nll=300 * math.log(2), tokens=300, bytes=300, documents=3),
        "small": Likelihood(nll=300 * math.log(2), tokens=100, bytes=100, documents=1),
        "empty": Likelihood(nll=0.0, tokens=0, bytes=0, documents=1),
    }
    found = averages(domains)
    assert found["macro"] == pytest.approx({"bits_per_byte": 2.0, "perplexity": math.sqrt(2.0 * 8.0)})
    assert found["micro"] == pytest.approx({"bits_per_byte": 1.5, "perplexity": 2**1.5})
    assert averages({}) == {}


def test_a_folder_without_texts_by_domain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no file; wanted FOLDER/<domain>"):
        files_of_folder(tmp_path)
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(DataError, match=r"found a.jsonl in the folder itself"):
        files_of_folder(tmp_path)


def test_a_record_without_a_text_is_refused_with_its_place(folder: Path, encoder: Encoder) -> None:
    (folder / "a" / "1.jsonl").write_text('{"text": "a"}\n{"text": 1}\n')
    with pytest.raises(DataError, match=r"a/1.jsonl:2: text: found 1, wanted a text"):
        list(texts_of_folder(folder, encoder))


def test_infinite_perplexity_is_no_error() -> None:
    assert np.isinf(Likelihood(nll=1e6, tokens=1, bytes=1, documents=1).perplexity)
