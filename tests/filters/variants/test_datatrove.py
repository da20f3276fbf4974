"""datatrove's reading of Gopher's rules against its definition in Python and against datatrove's own verdicts."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.segments import Segments
from filters.variants.datatrove import MEASURES, DatatroveGroup, measure_datatrove
from filters.variants.english import Words
from tests.filters.readings import datatrove_gopher
from tests.filters.texts import AWKWARD, batch, bundled_texts, check_measures, texts
from tests.filters.variants.english_words import english_words, is_punctuation


def measured(documents: list[str]) -> dict[str, list[float]]:
    group = DatatroveGroup()
    group.setup()
    found = group.measure(batch(documents))
    assert {name: pa.array(values).type for name, values in found.items()} == group.columns()
    return {name: values.tolist() for name, values in found.items()}


def measure(segments: Segments) -> dict[str, object]:
    return measure_datatrove(segments, *Words(16).cut(segments.text, segments.words, segments.document_words))


def define(text: str) -> dict[str, float]:
    return datatrove_gopher(text, english_words(text), is_punctuation)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("num_words", "", 0),
        ("num_words", "Well, no -- 3!", 3),
        ("mean_word_length", "Well, no.", 3.0),
        ("mean_word_length", "... !", 0.0),
        ("hash_ratio", "# a # b", 0.5),
        ("ellipsis_ratio", "a... b\u2026", 0.5),
        ("ellipsis_ratio", "......", 2.0),
        ("bullet_line_fraction", "- a\n \u2022 b\n\n* c", 0.5),
        ("bullet_line_fraction", "- a\r\n- b\x0bc\x85d\u2028", 0.5),
        ("ellipsis_line_fraction", "a...  \nb\u2026\nc.\n\n", 0.5),
        ("alphabetic_word_fraction", "ab, cd.", 0.5),
        ("num_stop_words", "The the of, of and", 3),
        ("num_stop_words", "the\0 of\0\0 to", 1),
        ("duplicate_paragraph_fraction", "a\n\na\n \nb\n\n\na\n", 1 / 3),
        ("duplicate_line_fraction", "a\n \na\n \n", 2 / 5),
        ("duplicate_line_character_fraction", "ab\nab", 2 / 5),
        ("top_2gram_character_fraction", "a b", 1.0),
        ("top_2gram_character_fraction", "a", 0.0),
        ("top_2gram_character_fraction", "a b a b", 6 / 7),
        ("duplicate_5gram_character_fraction", "a b c d e a b c d e", 5 / 19),
        ("duplicate_5gram_character_fraction", "ab c d e f a bc d e f", 6 / 21),
    ],
)
def test_values_of_known_texts(name: str, text: str, value: float) -> None:
    assert measured([text])[f"datatrove_{name}"] == pytest.approx([value], abs=1e-12)


@settings(max_examples=150)
@given(st.lists(texts(), max_size=4))
def test_measures_are_their_definitions(documents: list[str]) -> None:
    check_measures(measure, MEASURES, define, documents)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["a", "b", "ab", "ba"]), max_size=150).map(" ".join))
def test_ngrams_of_few_words_are_their_definitions(text: str) -> None:
    check_measures(measure, MEASURES, define, [text])


def test_measures_of_awkward_and_bundled_documents_are_their_definitions() -> None:
    check_measures(measure, MEASURES, define, [*AWKWARD, *bundled_texts()[::25]])


def test_a_document_of_equal_words_takes_a_moment() -> None:
    found = measured(["a " * 500_000])
    assert found["datatrove_duplicate_10gram_character_fraction"] == pytest.approx([0.5], abs=1e-4)
