"""Whole builds by different encoders, with fill-in-the-middle, and on a machine whose library reads otherwise."""

import json
from pathlib import Path

import numpy as np
import pytest

from mixes.manifest import Manifest, digest_of
from mixes.verification import check_contents
from pipelines import explain
from pipelines.build_mix import main
from pipelines.encoding.encoder import TextEncoder
from pipelines.stations.unit_tokens import UnitTokens
from pipelines.stored_records import require_record
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

_SENTINELS = (100_258, 100_260, 100_259)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(tmp_path_factory.mktemp("encoding"))
    into = [{"name": "short", "proportion": 0.5}, {"name": "long", "proportion": 0.5}]
    splits = {"measure": "mean_word_length", "limits": [4.42], "into": into}
    corpus.spec["sources"][1] |= {"fim": {"rate": 0.5}, "splits": splits}
    corpus.spec["dedupe"] = {"paragraphs": {}}
    shared = make_text(1, 20).replace("\n", " ")
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "first", "text": shared}])
    rows = [{"id": f"shared{number}", "text": f"{make_text(100 + number)}\n\n{shared}"} for number in range(6)]
    write_jsonl(corpus.data / "code" / "5.jsonl", rows)
    assert main(corpus.arguments()) == 0
    return corpus


def manifest_of(corpus: Corpus) -> Manifest:
    return check_contents(corpus.output / "mixes" / "small")


def test_fill_in_the_middle_gives_its_sentinels_to_its_source_alone(built: Corpus) -> None:
    manifest = manifest_of(built)
    assert manifest.tokenizer.fim_ids == {"code": _SENTINELS}
    found = {}
    for source in manifest.sources:
        ids = np.concatenate([np.fromfile(built.output / part.file, "<u4") for part in source.parts])
        found[source.name] = [int(np.count_nonzero(ids == each)) for each in _SENTINELS]
    assert found["web"] == [0, 0, 0]
    numbers = [found[name][0] for name in ("code/short", "code/long")]
    assert [found["code/short"], found["code/long"]] == [[number] * 3 for number in numbers]
    assert 13 <= sum(numbers) <= 33  # of 46 documents
    assert min(numbers) > 0


def test_the_record_of_a_unit_says_who_encoded_it(built: Corpus) -> None:
    units = json.loads((built.output / "mixes" / "small" / "units.json").read_text())
    backends = {require_record(str(built.output / unit["tokens"]), UnitTokens).backend for unit in units}
    assert {unit["encoder"] for unit in units} == backends
    assert len(backends) == 1
    assert backends.pop().startswith("gigatoken ")


def test_another_encoder_gives_the_same_parts(built: Corpus, tmp_path: Path) -> None:
    other = Corpus(tmp_path)
    other.data = built.data
    other.spec = built.spec | {"tokenizer": {**built.spec["tokenizer"], "backend": "tokenizers"}}
    assert main(other.arguments()) == 0
    ours, theirs = manifest_of(built), manifest_of(other)
    assert ours.sources == theirs.sources
    assert (ours.tokenizer, ours.fingerprint) == (theirs.tokenizer, theirs.fingerprint)
    assert digest_of(ours) != digest_of(theirs)  # their specs differ, and lie beside them


def test_explain_puts_an_infilled_text_back_in_order(built: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        assert explain.main([str(built.output), "--id", f"shared{number}", "--data", str(built.data), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["texts"]["repeats"] is not None  # found by decoding the tokens, whose length must be the text's


def test_a_worker_whose_library_reads_otherwise_is_refused(
    built: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = iter(["0" * 64])  # where the build begins; its workers say the truth
    truth = TextEncoder.vector_digest
    monkeypatch.setattr(TextEncoder, "vector_digest", lambda self: next(digests, None) or truth(self))
    assert main([str(built.spec_path), "--data", str(built.data), "--output", str(tmp_path)]) == 1
    assert "encodes the stored strings otherwise than the machine that began the build" in capsys.readouterr().err
