"""Whole builds with span edits, labels and measures of the user's own."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from filters.measures import EDIT_PREFIX, OTHER_COLUMNS
from mixes.ledger import SourceLedger, parse
from mixes.manifest import Manifest
from mixes.verification import check_contents
from pipelines.build_mix import main
from pipelines.encoding.definition import read_tokenizer
from pipelines.stations.measure import BASE_COLUMNS, edit_column
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

GAP = "\n\n\n\n\n"


def ledger(corpus: Corpus, source: int) -> SourceLedger:
    path = corpus.output / "mixes" / "small" / "ledger.json"
    return parse(path.read_bytes(), str(path)).sources[source]


def tokens_of(corpus: Corpus, manifest: Manifest, identity: str) -> list[int]:
    """Return the tokens of a document, without its EOS."""
    for part in (part for source in manifest.sources for part in source.parts):
        for row in pq.read_table(corpus.output / part.index).to_pylist():
            if row["id"] == identity:
                tokens = np.fromfile(corpus.output / part.file, np.dtype(manifest.dtype))
                return [int(each) for each in tokens[row["start"] : row["start"] + row["length"] - 1]]
    raise AssertionError(f"{identity} is in no part")


def encoded(corpus: Corpus, text: str) -> list[int]:
    file = read_tokenizer(str(corpus.data / "tokenizer.json.gz"))
    ids: list[int] = Tokenizer.from_str(file.json).encode(text).ids
    return ids


def test_edited_text_is_what_is_tokenized_and_the_ledger_counts_what_went(corpus: Corpus) -> None:
    text = make_text(500)
    gapped = text.replace("\n", GAP)
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "gaps", "text": gapped}])
    write_jsonl(corpus.data / "code" / "5.jsonl", [{"id": "mail", "text": make_text(501) + " to a@b.co"}])
    corpus.spec["sources"][0]["edits"] = ["collapse_newlines"]
    corpus.spec["sources"][1]["edits"] = ["personal_data"]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 1).edited_bytes == len("a@b.co") - len("|||EMAIL_ADDRESS|||")
    web = ledger(corpus, 0)
    assert web.edited_bytes == text.count("\n") * 3
    assert web.read.bytes == web.kept.bytes + web.edited_bytes
    manifest = check_contents(corpus.output / "mixes" / "small")
    assert tokens_of(corpus, manifest, "gaps") == encoded(corpus, text.replace("\n", "\n\n"))


def test_editors_that_share_reasons_go_together(corpus: Corpus) -> None:
    corpus.spec["sources"][0]["edits"] = ["c4_lines_fineweb", "c4_lines", "c4_lines_fineweb"]
    assert main(corpus.arguments()) == 0
    web = ledger(corpus, 0)
    assert web.edited_bytes > 0
    assert web.read.bytes == web.kept.bytes + web.edited_bytes + sum(
        count.bytes for reasons in web.dropped.values() for count in reasons.values()
    )


def test_texts_that_edits_make_equal_are_duplicates(corpus: Corpus) -> None:
    text = make_text(500)
    rows = [{"id": "a", "text": text.replace("\n", GAP)}, {"id": "b", "text": text.replace("\n", GAP + "\n")}]
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", rows)
    corpus.spec["sources"][0]["edits"] = ["collapse_newlines"]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["match"]["exact_duplicate"].documents == 1


def test_rules_measure_the_text_as_it_was_read(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "gaps", "text": make_text(500).replace("\n", GAP * 200)}])
    corpus.spec["sources"][0]["edits"] = ["collapse_newlines"]
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_bytes", "max": 1_000}]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["rules"]["num_bytes_max"].documents == 1


def test_a_document_of_which_edits_leave_nothing_is_dropped_for_that(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "loud", "text": "ALL OF THIS IS LOUD\nAND THIS TOO"}])
    corpus.spec["sources"][0]["edits"] = ["refinedweb_lines"]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["rules"]["nothing_left"].documents == 1


def test_a_rule_may_list_labels_of_the_records(corpus: Corpus) -> None:
    rows = [{"id": f"m{n}", "text": make_text(9_000 + n), "metadata": {"license": "MIT"}} for n in range(50)]
    others = [{"id": "none", "text": make_text(2)}, {"id": "other", "text": make_text(3), "license": "proprietary"}]
    write_jsonl(corpus.data / "code" / "0.jsonl", [*rows, *others])
    corpus.spec["sources"][1]["rules"] = [{"measure": "license", "among": ["MIT"]}]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 1).dropped["rules"]["license_not_among"].documents == 2


def test_no_measure_can_have_the_name_of_another_column() -> None:
    assert {field.name for field in BASE_COLUMNS} == OTHER_COLUMNS
    assert edit_column("x").startswith(EDIT_PREFIX)


def own_measure(corpus: Corpus) -> Path:
    path = corpus.data / "loud.py"
    path.write_text(
        "from filters.own_measures import measure\n"
        "@measure(unit='words / words', range='[0, 1]')\n"
        "def loud_fraction(text: str) -> float:\n"
        "    words = text.split()\n"
        "    return sum(word.isupper() for word in words) / len(words) if words else 0.0\n"
    )
    return path


def test_a_measure_of_the_users_own_drops_documents(corpus: Corpus) -> None:
    own_measure(corpus)
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", [{"id": "loud", "text": make_text(500).upper()}])
    corpus.spec["measures"] = [{"python": "{data}/loud.py"}]
    corpus.spec["sources"][0]["rules"] = [{"measure": "loud_fraction", "max": 0.5}]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["rules"]["loud_fraction_max"].documents == 1


def test_a_rule_on_a_measure_that_no_file_declares_is_refused(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    own_measure(corpus)
    corpus.spec["measures"] = [{"python": "{data}/loud.py"}]
    corpus.spec["sources"][0]["rules"] = [{"measure": "loud_fractoin", "max": 0.5}]
    assert main(corpus.arguments()) == 2
    told = capsys.readouterr().err
    assert "rules[0].measure: unknown measure 'loud_fractoin'; did you mean 'loud_fraction'?" in told


def test_each_rules_figures_are_published_and_agree_with_the_ledger(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "web" / "8.jsonl.gz", [{"id": "short", "text": "the end"}, {"id": "s", "text": "x y"}])
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 50}, {"measure": "num_stop_words", "min": 1}]
    assert main(corpus.arguments()) == 0
    rows = pq.read_table(corpus.output / "mixes" / "small" / "rules.parquet").to_pylist()
    figures = {row["reason"]: (row["dropped_documents"], row["only_documents"]) for row in rows}
    assert figures == {"num_words_min": (2, 1), "num_stop_words_min": (1, 0)}
    assert {row["id"] for row in rows[0]["borderline"] if row["dropped"]} == {"short", "s"}
    listed = json.loads((corpus.output / "mixes" / "small" / "manifest.json").read_text())["files"]
    assert "rules.parquet" in listed


def test_a_set_may_be_read_as_another_tool_reads_it(corpus: Corpus) -> None:
    corpus.spec["sources"][0]["rules"] = [{"rules": "gopher_quality", "variant": "dolma"}]
    assert main(corpus.arguments()) == 0
    rows = pq.read_table(corpus.output / "mixes" / "small" / "rules.parquet").to_pylist()
    assert "dolma_median_word_length_max" in {row["reason"] for row in rows}


def test_a_score_that_records_hold_already_is_a_measure(corpus: Corpus) -> None:
    rows = [{"id": f"s{n}", "text": make_text(600 + n), "metadata": {"score": n / 10}} for n in range(10)]
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", rows)
    corpus.spec["measures"] = [{"name": "edu", "field": "metadata.score"}]
    corpus.spec["sources"][0]["rules"] = [{"measure": "edu", "min": 0.5}]
    corpus.spec["sources"][0].update(documents="{data}/web/5.jsonl.gz", proportion=0.1)
    corpus.spec["sources"][1].update(proportion=0.9)
    corpus.spec["tokens"] = 2_000
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["rules"]["edu_min"].documents == 5


def test_documents_that_hold_an_evaluation_are_dropped_or_edited(corpus: Corpus) -> None:
    question = (
        "A baker has seventeen trays with twelve rolls on each of them, and sells nine rolls every hour from seven "
        "in the morning; how many rolls are left over at noon on that day?"
    )
    (corpus.data / "eval.jsonl").write_text(json.dumps({"id": "e-1", "task": "rolls", "question": question}) + "\n")
    rows = [{"id": "leak", "text": f"{make_text(500)} {question} {make_text(501)}"}]
    write_jsonl(corpus.data / "web" / "5.jsonl.gz", rows)
    write_jsonl(corpus.data / "code" / "5.jsonl", [{"id": "leak-2", "text": f"{make_text(502)} {question}"}])
    corpus.spec["evaluations"] = {"files": "{data}/eval*.jsonl"}
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_evaluation_hits", "max": 0}]
    corpus.spec["sources"][1]["edits"] = ["evaluations"]
    assert main(corpus.arguments()) == 0
    assert ledger(corpus, 0).dropped["rules"]["num_evaluation_hits_max"].documents == 1
    assert ledger(corpus, 1).edited_bytes > len(question) * 0.8
