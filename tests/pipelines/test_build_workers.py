"""Whole builds by one process and by two: the same bytes, whatever there is to do."""

from pathlib import Path

import pytest

from mixes.ledger import parse
from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

_PYTHON = """\
from filters.own_measures import measure
@measure(unit='words / words', range='[0, 1]')
def loud_fraction(text: str) -> float:
    words = text.split()
    return sum(word.isupper() for word in words) / len(words) if words else 0.0
"""


@pytest.fixture
def everything(corpus: Corpus) -> Corpus:
    """Return the corpus with rules, an own measure, edits and every kind of duplicate, and documents for each."""
    (corpus.data / "loud.py").write_text(_PYTHON)
    shared, like = make_text(700, 40).replace("\n", " "), make_text(800, 120).replace("\n", " ")
    web = [
        {"id": "loud", "text": make_text(500).upper()},
        {"id": "gaps", "text": make_text(501).replace("\n", "\n\n\n\n\n")},
        {"id": "first", "text": f"{make_text(701, 30)}\n\n{shared}"},
        {"id": "page", "text": like, "url": "http://example.com/a"},
    ]
    code = [
        {"id": "copy", "text": make_text(0)},
        {"id": "shouted", "text": make_text(1).replace(".", "!")},
        {"id": "second", "text": f"{make_text(702, 30)}\n\n{shared}\n\n{make_text(703, 30)}"},
        {"id": "cited", "text": f"{make_text(704, 30)} {shared[20:140]} {make_text(705, 30)}"},
        {"id": "like", "text": like + " house"},
        {"id": "same_url", "text": make_text(900), "url": "https://example.com/a"},
    ]
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", web)
    write_jsonl(corpus.data / "code" / "5.jsonl", code)
    corpus.spec["measures"] = [{"python": "{data}/loud.py"}]
    corpus.spec["sources"][0]["rules"] = [{"measure": "loud_fraction", "max": 0.5}]
    corpus.spec["sources"][0]["edits"] = ["collapse_newlines", "refinedweb_lines"]
    corpus.spec["dedupe"] = {
        "normalized": "words",
        "url": True,
        "fuzzy": {"num_bands": 40, "num_rows": 4},
        "paragraphs": {"lines": True},
        "substrings": {"min_bytes": 60},
    }
    return corpus


def _results(corpus: Corpus) -> dict[str, bytes]:
    """Return every file that must be the same, however the work was done."""
    folders = ("measures", "signatures", "repeats", "verdicts", "clusters")
    paths = [path for folder in folders for path in corpus.output.glob(f"{folder}/*/*")]
    return corpus.published() | {str(path.relative_to(corpus.output)): path.read_bytes() for path in paths}


def test_the_same_bytes_by_one_worker_and_two_and_for_another_form_of_the_same_list(
    everything: Corpus, tmp_path: Path
) -> None:
    assert main(everything.arguments()) == 0
    path = everything.output / "mixes" / "small" / "ledger.json"
    first, second = parse(path.read_bytes(), str(path)).sources
    assert first.dropped["rules"]["loud_fraction_max"].documents == 1
    assert first.edited_bytes > 0
    kinds = {"exact_duplicate", "normalized_duplicate", "url_duplicate", "fuzzy_duplicate"}
    assert set(second.dropped["match"]) >= kinds
    assert second.edited_bytes > 0
    alone = _results(everything)
    everything.spec["sources"][0]["documents"] = ["{data}/web/*.jsonl.gz"]
    everything.output = tmp_path / "two"
    assert main(everything.arguments("--workers", "2")) == 0
    found = _results(everything)
    assert found.keys() == alone.keys()
    assert [name for name, content in found.items() if content != alone[name]] == []
