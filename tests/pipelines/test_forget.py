"""Documents that are forgotten: nothing of them is left, everything else is as it was, and a kill changes nothing."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mixes import ledger
from mixes.comparing.comparison import compare_mixes
from mixes.parts import read_index
from mixes.verification import check_contents
from pipelines import forget
from pipelines.build_mix import main as build
from pipelines.forget import main
from pipelines.forgetting import proof, work
from pipelines.forgotten import read_forgotten
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

SHARED = "This paragraph stands in a page that is forgotten and in one that is not, and is long enough to be one."
PAGE = make_text(70_001, 200)
NAMELESS = "This one has no id and is known by its text."
GONE = {
    "page": PAGE,
    "secret-w0": make_text(70_002) + "\n\n" + SHARED,
    "édité": make_text(70_003).replace("\n", "\n\n\n\n"),
    "brief-one": "Few words.",
}
"""Documents that are asked to be forgotten: one with a near duplicate, one whose paragraph another has too, one that
span edits change, one that a rule drops."""


def corpus_of(folder: Path) -> Corpus:
    """Return a corpus whose mix has exact and near duplicates, repeated paragraphs, edits and dropped documents."""
    corpus = Corpus(folder)
    rows: list[dict[str, Any]] = [{"id": name, "text": text} for name, text in GONE.items()]
    rows += [
        {"id": "copy", "text": PAGE},
        {"id": "moved", "text": PAGE.replace(" stone", " rock", 1)},
        {"id": "other", "text": f"{make_text(70_004)}\n\n{SHARED}"},
        {"text": f"{NAMELESS} {make_text(70_005)}"},
        *({"id": f"p{row}", "text": make_text(71_000 + row)} for row in range(12)),
    ]
    write_jsonl(corpus.data / "pages" / "0.jsonl", rows)
    corpus.spec["dedupe"] = {"fuzzy": {}, "paragraphs": {}}
    corpus.spec["sources"].append(
        {
            "name": "pages",
            "documents": "{data}/pages/*.jsonl",
            "proportion": 0.2,
            "rules": [{"measure": "num_words", "min": 20}],
            "edits": ["collapse_newlines"],
        }
    )
    corpus.spec["sources"][0]["proportion"] = corpus.spec["sources"][1]["proportion"] = 0.4
    corpus.spec["tokens"] = 4_000
    return corpus


NAMES = ("page", "secret-w0", "édité", "pages/0.jsonl#3", "pages/0.jsonl#7")
ASKED = [part for name in NAMES for part in ("--id", name)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return the corpus with two mixes of it, as they were before anything was forgotten."""
    corpus = corpus_of(tmp_path_factory.mktemp("built"))
    corpus.spec["name"] = "tiny"
    corpus.spec["tokens"] = 1_000
    assert build(corpus.arguments()) == 0
    corpus.spec["name"] = "small"
    corpus.spec["tokens"] = 4_000
    assert build(corpus.arguments()) == 0
    return corpus


class KilledError(BaseException):
    """As if the process had ended here."""


def kill_at(module: ModuleType, name: str, command: list[str]) -> None:
    """Give a command, and end it where it would call some function."""

    def kill(*arguments: object) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, name, kill)
        with pytest.raises(KilledError):
            main(command)


@pytest.fixture(scope="module")
def forgotten(built: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of its output from which documents were forgotten, by a command that was killed at every step.

    Between two of them comes a build, which must not use what the first left.
    """
    output = tmp_path_factory.mktemp("forgotten") / "output"
    shutil.copytree(built.output, output)
    command = [str(output), "--data", str(built.data), *ASKED]
    kill_at(work, "_go_on", command)
    between = [str(built.spec_path), "--data", str(built.data), "--output", str(output)]
    assert build(between) == 1  # it had read the list before it held the output
    assert build(between) == 0
    kill_at(forget, "build_mix", command)
    kill_at(forget, "prove", command)
    kill_at(proof, "remove_files", command)
    kill_at(proof, "_require_gone", command)
    kill_at(forget, "end_work", command)
    assert main(command) == 0
    return output


def everything(output: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of an output with its bytes, what a parquet file says written out behind them."""
    for path in output.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".parquet":
                file = pq.ParquetFile(path)
                data += repr((file.read().to_pylist(), file.metadata.metadata, file.metadata.to_dict())).encode()
            yield str(path.relative_to(output)), data


def contents(output: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != ".build.lock" and path.parent.name != "forgotten"
    }


def token_bytes(corpus: Corpus, text: str) -> bytes:
    """Return what the tokens of a text are in a part."""
    from tokenizers import Tokenizer

    definition = gzip.decompress((corpus.data / "tokenizer.json.gz").read_bytes()).decode()
    ids = Tokenizer.from_str(definition).encode(text, add_special_tokens=False).ids
    return np.array(ids[:-2], "<u4").tobytes()  # the last may be merged with what follows


def needles(corpus: Corpus) -> list[bytes]:
    """Return what only the documents to be forgotten have: ids, stretches of their texts, and of their tokens."""
    place = PAGE.index(" stone")  # where the near duplicate differs
    stretches = [PAGE[place - 20 : place + 20], *(text[:50] for name, text in GONE.items() if name != "page"), NAMELESS]
    words = [*stretches, "secret-w0", "édité", "brief-one"]
    return [
        *(word.encode() for word in words),
        *(repr(word)[1:-1].encode() for word in stretches),
        token_bytes(corpus, GONE["secret-w0"][:50]),
    ]


def test_no_byte_of_what_is_forgotten_is_left(built: Corpus, forgotten: Path) -> None:
    wanted = needles(built)
    before = b"".join(data for _, data in everything(built.output))
    assert [needle for needle in wanted if needle not in before] == []
    assert [(name, needle) for name, data in everything(forgotten) for needle in wanted if needle in data] == []


def test_copies_of_a_text_are_forgotten_with_it_and_near_duplicates_return(built: Corpus, forgotten: Path) -> None:
    kept = {
        name
        for path in (forgotten / "tokens").glob("pages-*/*.parquet")
        for name in pq.read_table(path)["id"].to_pylist()
    }
    assert "moved" in kept
    assert kept == {"moved", "other", *(f"p{row}" for row in range(12))}
    sources = {each.name: each for each in ledger.parse(_ledger(forgotten), "").sources}
    assert sources["pages"].dropped["forget"]["forgotten"].documents == 6
    assert sources["web"].dropped["forget"] == {}
    assert sources["pages"].read.documents == 20


def _ledger(output: Path) -> bytes:
    return (output / "mixes" / "small" / "ledger.json").read_bytes()


def test_all_other_files_have_their_bytes_and_every_mix_is_sound(built: Corpus, forgotten: Path) -> None:
    before, after = contents(built.output), contents(forgotten)
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert {name.split("/")[0] for name in changed} <= {"mixes", "measures", "signatures", "repeats"}
    assert not [name for name in changed if not name.startswith("mixes/") and "/pages-" not in name]
    gone = before.keys() - after.keys()
    assert not [name for name in gone if "/pages-" not in name and not name.startswith("pools/")]
    for name in ("small", "tiny"):
        check_contents(forgotten / "mixes" / name)


def test_documents_that_were_not_forgotten_have_their_tokens(built: Corpus, forgotten: Path) -> None:
    found = compare_mixes([built.output / "mixes" / "small", forgotten / "mixes" / "small"])
    by_source = {each.source: each for each in found.documents}
    assert (by_source["code"].only_first, by_source["code"].only_second) == (0, 0)
    assert found.settings == []
    assert "pages: forget/forgotten" in [each.name for each in found.reasons]
    web = [sorted((each / "tokens").glob("web-*/*")) for each in (built.output, forgotten)]
    assert [path.name for path in web[0]] == [path.name for path in web[1]]


def test_the_proof_says_what_was_done(built: Corpus, forgotten: Path) -> None:
    told = json.loads((forgotten / "forgotten" / "proof-0001.json").read_bytes())
    after = contents(forgotten)
    assert told["equal"].keys() | told["changed"].keys() | told["added"].keys() == after.keys()
    assert told["removed"].keys() == contents(built.output).keys() - after.keys()
    small = told["mixes"]["small"]
    assert (small["forgotten"], small["returned"], small["dropped"], small["cut_otherwise"]) == (4, 1, 0, 1)
    num_kept = sum(len(read_index(path)) for path in (built.output / "tokens").glob("*/*.parquet"))
    assert small["equal"] == num_kept - 4 - 1
    assert told["mixes"].keys() == {"small", "tiny"}
    assert not (forgotten / "forgotten" / "work.json").exists()


def test_a_fresh_build_with_the_same_list_gives_the_same_bytes(built: Corpus, forgotten: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    shutil.copytree(forgotten / "forgotten", output / "forgotten", ignore=shutil.ignore_patterns("proof*"))
    assert build([str(built.spec_path), "--data", str(built.data), "--output", str(output)]) == 0
    fresh, again = contents(output), contents(forgotten)
    names = [name for name in fresh if name.split("/")[0] in {"tokens", "mixes", "measures", "verdicts"}]
    assert names
    assert [name for name in names if fresh[name] != again[name]] == []


def test_more_can_be_forgotten_later_in_one_go_and_where_no_mix_is_left(
    built: Corpus, forgotten: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    shutil.copytree(forgotten, output, ignore=shutil.ignore_patterns("mixes"))
    assert main([str(output), "--data", str(built.data), "--id", "p3", "--id", "w2-7"]) == 0
    told = json.loads((output / "forgotten" / "proof-0002.json").read_bytes())
    assert (told["documents"], told["mixes"], told["changed"]) == (2, {}, {})
    assert read_forgotten(str(forgotten)).ids < read_forgotten(str(output)).ids
    data = b"".join(data for _, data in everything(output))
    assert b"p4" in data
    assert b"'p3'" not in data
    assert b"'w2-7'" not in data
    assert b"'w1-7'" in data


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    built: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(built.output)
    assert main([str(built.output), "--data", str(built.data), "--id", "page", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2 documents to forget, 1 of them for their text alone" in told
    assert "  pages  pages/0.jsonl  record 0\n  pages  pages/0.jsonl  record 4\n" in told
    assert (
        "1 document was dropped in favour of what is to be forgotten and may return; --with-cluster forgets it too:"
        in told
    )
    assert "pages/0.jsonl#5" in told
    assert "mixes to be built again: small, tiny" in told
    assert contents(built.output) == before
    assert not (built.output / "forgotten").exists()


def test_the_whole_cluster_can_be_meant(built: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    command = [str(built.output), "--data", str(built.data), "--id", "moved", "--dry-run"]
    assert main([*command, "--with-cluster"]) == 0
    told = capsys.readouterr().out
    assert "3 documents to forget;" in told
    assert "may return" not in told


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--id", "nobody"], 1, "found no document of 1 of 1 names; nothing was changed"),
        (["--id", "page", "--source", "web"], 1, "found no document of 1 of 1 names"),
        ([], 2, "found neither --id nor --ids, and nothing here to finish"),
        (["--ids", "absent.txt"], 2, "absent.txt: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_changed(
    built: Corpus, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    assert main([str(built.output), "--data", str(built.data), *arguments]) == status
    assert message in capsys.readouterr().err


def test_an_output_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--id", "a"]) == 2
    assert main(["gs://bucket/output", "--id", "a"]) == 2
    assert "nothing that was built here" in capsys.readouterr().err


def test_who_is_forgotten_already_needs_nothing(
    built: Corpus, forgotten: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("page\n\nsecret-w0\n")
    before = contents(forgotten)
    assert main([str(forgotten), "--data", str(built.data), "--ids", str(ids)]) == 0
    assert "all of them are forgotten already" in capsys.readouterr().out
    assert contents(forgotten) == before
