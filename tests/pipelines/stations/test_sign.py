"""Tests of signatures: what is read back is what the texts give, a few documents at a time or all."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from filters.duplicates.minhash import signatures
from filters.duplicates.shingles import join_shingles, shingle
from mixes.errors import DataError
from mixes.spec.dedupe import Dedupe, Fuzzy
from pipelines.build_mix import main
from pipelines.stations.sign import NORMALIZED_COLUMN, URL_COLUMN, open_signatures, shingles_in, signatures_in
from tests.filters.texts import column
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

_TEXTS = ["", "one two", *(make_text(seed) for seed in range(30)), "... !", "One, two"]
_URLS = [None, "https://www.example.com/", "example.com", *[None] * (len(_TEXTS) - 3)]
_DEDUPE = Dedupe(normalized="words", url=True, fuzzy=Fuzzy(ngram=3))


@pytest.fixture
def signed(corpus: Corpus) -> Path:
    """Return the signatures of a unit."""
    rows = [{"id": str(i), "text": text, "url": url} for i, (text, url) in enumerate(zip(_TEXTS, _URLS, strict=True))]
    write_jsonl(corpus.data / "pages.jsonl", [*rows[:9], b"{no document", *rows[9:]])
    corpus.spec["sources"] = [{"name": "pages", "documents": "{data}/pages.jsonl", "tokens": 300}]
    del corpus.spec["tokens"]
    corpus.spec["reading"] = {"max_failed": 0.5}
    corpus.spec["dedupe"] = {"normalized": "words", "url": True, "fuzzy": {"ngram": 3}}
    assert main(corpus.arguments()) == 0
    (found,) = corpus.output.glob("signatures/*/*")
    return found


def test_signatures_and_sets_are_those_of_the_texts(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = shingle(column(_TEXTS), ngram=3)
    monkeypatch.setattr("pipelines.stations.sign._SHINGLES_AT_ONCE", 1)
    file = open_signatures(str(signed), _DEDUPE)
    assert np.concatenate(list(signatures_in(file))).tolist() == signatures(wanted, 112).tolist()
    for documents in (np.arange(len(_TEXTS)), np.array([1, 4, 5, 30]), np.zeros(0, np.int64)):
        found = join_shingles(list(shingles_in(file, documents)))
        assert found.offsets.tolist() == wanted.take(documents).offsets.tolist()
        assert found.hashes.tolist() == wanted.take(documents).hashes.tolist()


def test_digests_are_equal_where_words_and_urls_are_and_zero_where_there_are_none(signed: Path) -> None:
    words, urls = (pq.read_table(signed)[name].to_pylist() for name in (NORMALIZED_COLUMN, URL_COLUMN))
    assert words[1] == words[-1] != bytes(16)
    assert words[0] == words[-2] == bytes(16)
    assert len(set(words)) == len(_TEXTS) - 2
    assert urls[1] == urls[2] != bytes(16)
    assert set(urls[3:]) == {bytes(16)}


def test_a_damaged_file_is_named_and_one_of_other_settings_says_which(signed: Path) -> None:
    with pytest.raises(DataError, match=r'found signatures of .*"words",3,.* wanted .*"words",5,'):
        open_signatures(str(signed), Dedupe(normalized="words", url=True, fuzzy=Fuzzy()))
    signed.write_bytes(signed.read_bytes()[:-9])
    with pytest.raises(DataError, match=f"{signed.name}: cannot be read as signatures"):
        open_signatures(str(signed), _DEDUPE)
