"""dolma's reading of Gopher's rules against its definition in Python; `test_agreement.py` has dolma's own numbers."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.variants.dolma import MEASURES, DolmaGroup, measure_dolma
from tests.filters.readings import dolma_gopher
from tests.filters.texts import AWKWARD, batch, bundled_texts, check_measures, texts


def measured(documents: list[str]) -> dict[str, list[float]]:
    group = DolmaGroup()
    group.setup()
    found = group.measure(batch(documents))
    assert {name: pa.array(values).type for name, values in found.items()} == group.columns()
    return {name: values.tolist() for name, values in found.items()}


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("dolma_median_word_length", "", 0.0),
        ("dolma_median_word_length", "a bbb", 2.0),
        ("dolma_median_word_length", "a bbb " + "c" * 70_000, 3.0),
        ("dolma_median_word_length", " ".join(["c" * 70_000, "d" * 70_001, "e" * 300, "f" * 80_000]), 70_000.5),
        ("dolma_symbol_word_fraction", "#a# b\u2026 c... d", 0.5),
        ("dolma_num_stop_words", "the the The of, be", 3),
        ("dolma_num_stop_words", "the\0 of\0\0 to", 1),
        ("dolma_bullet_line_fraction", "* a\n - b\n- c\n\u2022 d", 0.5),
        ("dolma_ellipsis_line_fraction", "a\u2026\nb\u2026 \nc...\nd", 0.25),
        ("dolma_duplicate_line_fraction", "a\n\na\n\nb", 2 / 3),
        ("dolma_v1_duplicate_line_fraction", "a\n\na\n\nb", 4 / 5),
        ("dolma_duplicate_line_fraction", "\na\n", 2 / 3),
        ("dolma_top_2gram_character_fraction", "a b cc dd", 0.5 - 1 / 6),
        ("dolma_top_2gram_character_fraction", "a b x cc dd y a b z cc dd", 4 / 15),
        ("dolma_duplicate_5gram_character_fraction", "a a a a a a b", 10 / 15),
        ("dolma_duplicate_10gram_character_fraction", "a a a a", 0.0),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: float) -> None:
    assert measured([text])[measure] == pytest.approx([value], abs=1e-12)


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_measures_are_their_definitions(documents: list[str]) -> None:
    check_measures(measure_dolma, MEASURES, dolma_gopher, documents)


def test_measures_of_awkward_and_bundled_documents_are_their_definitions_to_the_bit() -> None:
    documents = [*AWKWARD, *bundled_texts()[::9]]
    found = measured(documents)
    defined = [dolma_gopher(text) for text in documents]
    for name, values in found.items():
        assert values == [row[name] for row in defined], name


def test_a_million_equal_words_take_a_moment() -> None:
    found = measured(["a " * 1_000_000, "a\n" * 500_000])
    assert found["dolma_duplicate_10gram_character_fraction"] == [1.0, 1.0]
    assert found["dolma_duplicate_line_fraction"][1] == pytest.approx(500_000 / 500_001)
