"""Whole builds that cut out paragraphs and stretches of text which other documents have too."""

import random

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from mixes.ledger import SourceLedger, parse
from mixes.verification import check_contents
from pipelines.build_mix import main
from pipelines.encoding.definition import read_tokenizer
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

MIN_BYTES = 60


def ledger(corpus: Corpus, source: int) -> SourceLedger:
    path = corpus.output / "mixes" / "small" / "ledger.json"
    return parse(path.read_bytes(), str(path)).sources[source]


def texts_of(corpus: Corpus) -> dict[str, str]:
    """Return the texts that the parts hold, decoded, by id."""
    manifest = check_contents(corpus.output / "mixes" / "small")
    tokenizer = Tokenizer.from_str(read_tokenizer(str(corpus.data / "tokenizer.json.gz")).json)
    found = {}
    for part in (part for source in manifest.sources for part in source.parts):
        tokens = np.fromfile(corpus.output / part.file, np.dtype(manifest.dtype))
        for row in pq.read_table(corpus.output / part.index).to_pylist():
            ids = tokens[row["start"] : row["start"] + row["length"] - 1].tolist()
            found[row["id"]] = tokenizer.decode(ids, skip_special_tokens=False)
            assert len(found[row["id"]].encode()) == row["bytes"]
    return found


def paragraphs(seed: int, count: int) -> list[str]:
    return [make_text(seed * 100 + number, 20).replace("\n", " ") for number in range(count)]


def test_a_paragraph_stays_in_the_first_document_and_goes_from_the_others(corpus: Corpus) -> None:
    own, shared = paragraphs(50, 3), paragraphs(60, 1)[0]
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "first", "text": "\n\n".join([own[0], shared])}])
    rows = [
        {"id": "second", "text": "\n\n".join([own[1], shared.upper(), own[2]])},
        {"id": "third", "text": f"{shared}\n\n{shared}"},
    ]
    write_jsonl(corpus.data / "code" / "5.jsonl", rows)
    corpus.spec["dedupe"] = {"paragraphs": {}}
    assert main(corpus.arguments()) == 0
    texts = texts_of(corpus)
    assert texts["first"] == "\n\n".join([own[0], shared])
    assert texts["second"] == "\n\n".join([own[1], own[2]])
    assert "third" not in texts
    code = ledger(corpus, 1)
    assert code.dropped["match"]["paragraph_duplicates"].documents == 1
    assert code.edited_bytes == len(shared.encode()) + 2


def test_copies_that_duplicates_held_do_not_count(corpus: Corpus) -> None:
    """A document that is dropped as a whole must not be the reason why a paragraph goes elsewhere."""
    own, shared = paragraphs(50, 2), paragraphs(60, 1)[0]
    twice = "\n\n".join([own[0], shared])
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "a", "text": twice}, {"id": "b", "text": twice}])
    corpus.spec["dedupe"] = {"paragraphs": {}}
    assert main(corpus.arguments()) == 0
    assert sorted(set(texts_of(corpus)) & {"a", "b"}) in (["a"], ["b"])
    assert ledger(corpus, 0).edited_bytes == 0


def overlapping_texts(seed: int) -> list[str]:
    """Return texts, no two equally long, that take stretches from one another, with characters of two bytes in them."""
    chance = random.Random(seed)
    pool = [make_text(9_000 + number, 25).replace("e", "\u00e9") for number in range(6)]
    texts: dict[int, str] = {}
    while len(texts) < 12:
        stretch = chance.choice(pool)
        start = chance.randrange(len(stretch) // 2)
        copied = stretch[start : start + chance.randrange(40, 200)]
        text = f"{make_text(8_000 + len(texts), 25)} {copied} end {len(texts)}"
        texts.setdefault(len(text.encode()), text)
    return list(texts.values())


def without_repeats(texts: list[str]) -> list[str]:
    """Return texts, in the order of their ranks, without the windows that stand before them, by their definition."""
    first: dict[bytes, tuple[int, int]] = {}
    left = []
    for number, text in enumerate(texts):
        data = text.encode()
        goes = np.zeros(len(data), bool)
        for start in range(len(data) - MIN_BYTES + 1):
            earlier = first.setdefault(data[start : start + MIN_BYTES], (number, start))
            if earlier[0] != number or start - earlier[1] >= MIN_BYTES:
                goes[start : start + MIN_BYTES] = True
        for start in range(len(data)):  # a character goes whole or not at all
            size = 2 if data[start] >= 0xC0 else 1
            if data[start] & 0xC0 != 0x80 and not goes[start : start + size].all():
                goes[start : start + size] = False
        left.append(bytes(byte for byte, gone in zip(data, goes, strict=True) if not gone).decode())
    return left


def test_exactly_the_windows_that_stand_before_go(corpus: Corpus) -> None:
    texts = overlapping_texts(7)
    sources = {"web/5.jsonl.gz": texts[:6], "code/0.jsonl": texts[6:]}
    in_order = []
    for name, each in sources.items():
        write_jsonl(corpus.data / name, [{"id": text[:4], "text": text} for text in each])
        in_order += sorted(each, key=lambda text: -len(text.encode()))  # of one source the longest stays
    for source, name in zip(corpus.spec["sources"], sources, strict=True):
        source["documents"] = f"{{data}}/{name}"
    corpus.spec["tokens"] = 400
    corpus.spec["dedupe"] = {"substrings": {"min_bytes": MIN_BYTES, "max_removed": 1}}
    assert main(corpus.arguments()) == 0
    wanted = {text[:4]: left for text, left in zip(in_order, without_repeats(in_order), strict=True)}
    assert texts_of(corpus) == wanted
    assert sum(len(text) for text in wanted.values()) < sum(len(text) for text in texts)


def test_another_rule_compares_anew_without_scanning_again(corpus: Corpus) -> None:
    corpus.spec["dedupe"] = {"paragraphs": {}}
    assert main(corpus.arguments()) == 0
    scans = {path: path.stat().st_mtime_ns for path in corpus.output.glob("repeats/*/*")}
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 10}]
    assert main(corpus.arguments()) == 0
    assert scans
    assert {path: path.stat().st_mtime_ns for path in corpus.output.glob("repeats/*/*")} == scans
