"""Tests of the strings that encoders are known by, and of encoders against each other."""

import hashlib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from pipelines.encoding import proof, strings
from pipelines.encoding.backends import GigatokenBackend
from pipelines.encoding.definition import Definition, TokenizerFile, read_tokenizer
from pipelines.encoding.proof import first_difference, vector_digest
from pipelines.encoding.strings import stored_strings, strings_of

_FILE = Path(__file__).parents[3] / "data" / "tokenizer" / "dolma2.json.gz"


@pytest.fixture(scope="module")
def definition() -> Definition:
    return Definition(read_tokenizer(str(_FILE)))


@pytest.fixture(scope="module")
def backend(definition: Definition) -> GigatokenBackend:
    return GigatokenBackend(definition)


def test_the_stored_strings_never_change() -> None:
    joined = "\x00".join(stored_strings()).encode()
    assert hashlib.sha256(joined).hexdigest() == "b32a0a7d0c421337e4d8db2aaf2ca3b8e570621c8b528aa3351c2e222a80b0c7"


def test_the_ids_of_the_stored_strings_are_those_of_the_version_we_were_tested_with(definition: Definition) -> None:
    assert vector_digest(definition) == "56975aca3b9fdce7d1696d54e090267836ef8be91d9cce5df7f091eb53c9ad82"


def test_the_stored_strings_hold_what_encoders_get_wrong() -> None:
    joined = "".join(stored_strings())
    assert {chr(code) for code in range(128)} <= set(joined)
    assert all(unicodedata.is_normalized(form, joined) is False for form in ("NFC", "NFD"))
    for each in ("<|endoftext|>", "\r\n", "\u200d", "'LL", " " * 5_000, "a" * 5_000, "def f", "12345"):
        assert each in joined


def test_the_strings_of_a_tokenizer_hold_its_added_tokens_and_its_vocabulary(definition: Definition) -> None:
    strings = strings_of(definition)
    assert "a<|endoftext|> b" in strings
    assert any("\n Python\n" in text for text in strings)
    assert any(text.startswith("９'e") for text in strings)  # noqa: RUF001


_PIECES = st.sampled_from([text for text in stored_strings() if 0 < len(text) < 60])
_TEXTS = st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=3)), max_size=12).map("".join))


@seed(6)
@settings(max_examples=60)
@given(texts=st.lists(_TEXTS, min_size=1, max_size=8))
def test_encoders_agree_on_any_text(definition: Definition, backend: GigatokenBackend, texts: list[str]) -> None:
    assert first_difference(definition, backend, texts) is None


def test_what_another_process_has_proven_is_not_proven_again(
    definition: Definition, backend: GigatokenBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(proof, "_PROVEN", set())
    monkeypatch.setattr(proof, "first_difference", lambda *_: "a difference")
    assert proof.choose(definition, "auto").faster is None
    proof.trust(frozenset({(definition.file.digest, backend.name)}))
    assert proof.proofs() == {(definition.file.digest, backend.name)}
    assert proof.choose(definition, "auto").faster is not None


def test_what_this_machine_has_proven_is_proven_again_for_another_tokenizer_or_code(
    definition: Definition, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found: list[str | None] = [None, "a difference", "a difference"]
    monkeypatch.setattr(proof, "first_difference", lambda *_: found.pop(0))

    def is_chosen(tokenizer: Definition) -> bool:
        monkeypatch.setattr(proof, "_PROVEN", set())  # as in a new process
        return proof.choose(tokenizer, "auto").faster is not None

    assert is_chosen(definition)
    assert is_chosen(definition)
    file = definition.file
    assert not is_chosen(Definition(TokenizerFile(uri=file.uri, json=file.json, digest="0" * 64)))
    changed = tmp_path / "strings.py"
    changed.write_text("# other strings")
    monkeypatch.setattr(strings, "__file__", str(changed))
    assert not is_chosen(definition)
    assert found == []


def test_where_no_record_can_be_kept_it_is_proven_each_time(
    definition: Definition, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found: list[str | None] = [None, None]
    monkeypatch.setattr(proof, "first_difference", lambda *_: found.pop(0))
    for _ in range(2):
        monkeypatch.setattr(proof, "_PROVEN", set())
        assert proof.choose(definition, "auto").faster is not None
    assert found == []
