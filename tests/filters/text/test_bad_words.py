"""Bad words against their definition in Python."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.bad_words import ENGLISH, BadWordsGroup, WordList
from tests.filters.c4_reading import small
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts

ENTRIES = [line.strip() for line in ENGLISH.read_text("utf-8").splitlines()]
ODD_ENTRIES = (
    "x",
    "ab",
    "ab c",
    "abcd",
    "abcde",
    "\u00e9t",
    "\U0001f600",
    "a_b",
    "c-d",
    "9",
    "a.",
    "ss",
    "\u0434\u0430",
)


def num_bad_words(text: str, entries: Sequence[str]) -> int:
    """Return the measure of this module, by its definition: places, whatever the number of entries that begin there."""
    longest_first = sorted(entries, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?=(?:{'|'.join(map(re.escape, longest_first))})(?!\w))")
    return len(pattern.findall(small(text)))


def value_of(text: str, words_file: Path | None = None) -> int:
    return counts_of([text], words_file)[0]


def counts_of(documents: Sequence[str], words_file: Path | None = None) -> list[int]:
    group = BadWordsGroup(None if words_file is None else str(words_file))
    group.setup()
    counts: list[int] = group.measure(batch(documents))["num_bad_words"].tolist()
    return counts


def check_bad_words(documents: Sequence[str], entries: Sequence[str], words_file: Path | None = None) -> None:
    assert counts_of(documents, words_file) == [num_bad_words(text, entries) for text in documents]


def written(folder: Path, entries: str) -> Path:
    path = folder / "words.txt"
    path.write_text(entries, "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("Shit", 1),
        ("bullshit bullshitting", 1),
        ("(SEX)-sex, sex_sex sex1 \u00e9sex sex\u00e9", 2),
        ("2 girls 1 cup", 1),
        ("2 girls  1 cup, 2 girls\n1 cup", 0),
        ("Essex", 0),
        ("s&m", 1),
        ("a\U0001f595 \U0001f595\U0001f595", 2),
    ],
)
def test_counts_in_known_texts(text: str, value: int) -> None:
    assert value_of(text) == value


def test_no_word_reaches_into_the_next_document() -> None:
    assert counts_of(["2 gir", "ls 1 cup se", "x sex", "", "sex", "sexa", "sex"]) == [0, 0, 1, 0, 1, 0, 1]


def test_every_entry_is_found_in_either_case_and_only_on_its_own() -> None:
    for entry in ENTRIES:
        assert value_of(entry) >= 1
        assert value_of(f"so ({entry.upper()}).") >= 1
        assert value_of(f"q{entry}q") == num_bad_words(f"q{entry}q", ENTRIES)


def test_the_bundled_list_is_ldnoobws() -> None:
    assert len(ENTRIES) == len(set(ENTRIES)) == 403
    assert WordList.from_file().digest == "8e830b87742bdb589ac5b12febedab30"


def test_a_list_of_ones_own_takes_the_place_of_the_bundled_one(tmp_path: Path) -> None:
    words_file = written(tmp_path, "Bad\r\n\n two words \nbad\n\u00c4rger")
    assert value_of("BAD two words, \u00e4rger sex", words_file) == 3
    assert BadWordsGroup(str(words_file)).fingerprint() != BadWordsGroup().fingerprint()


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xff"])
def test_a_list_without_entries_or_no_text_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"words\.txt"):
        WordList.from_file(tmp_path / "words.txt")
    with pytest.raises(ValueError, match=r"absent\.txt"):
        WordList.from_file(tmp_path / "absent.txt")


@settings(max_examples=100)
@given(st.lists(st.lists(st.sampled_from([*ENTRIES[::20], *ODD_ENTRIES, *" \n-_.aA1"])).map("".join), max_size=4))
def test_bad_words_of_odd_lists_are_their_definition(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str]
) -> None:
    entries = [*ODD_ENTRIES, *ENTRIES[::40]]
    check_bad_words(documents, entries, written(tmp_path_factory.mktemp("lists"), "\n".join(entries)))


@settings(max_examples=100)
@given(st.lists(st.one_of(texts(), st.lists(st.sampled_from([*ENTRIES, *" \n-_.aAs1"])).map("".join)), max_size=4))
def test_bad_words_are_their_definition(documents: list[str]) -> None:
    check_bad_words(documents, ENTRIES)


def test_bad_words_of_awkward_and_some_bundled_documents_are_their_definition() -> None:
    check_bad_words([*AWKWARD, *bundled_texts()[::20]], ENTRIES)


def test_no_documents_have_no_counts() -> None:
    assert counts_of([]) == []
