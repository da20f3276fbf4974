"""Probabilities are those of the fastText library, for every kind of classifier and any text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from filters.classifiers import fasttext_model
from filters.classifiers.fasttext_model import FastTextModel
from filters.columns import TextColumn
from tests.filters.classifiers.models import model_bytes
from tests.filters.texts import AWKWARD, DATA, bundled_texts, column, texts

LANGUAGES = str(DATA / "models" / "lid.176.ftz")
WORDS = ("the", "of", "a", "b", "word", "THE", "that,", "über", "日本語", "return", "#", "0")
KINDS: dict[str, dict[str, Any]] = {  # settings of model_bytes, of several types
    "words": {"loss": "softmax"},
    "pairs": {"loss": "softmax", "word_ngrams": 2, "num_buckets": 1_000, "dimension": 8},
    "fives": {"loss": "softmax", "word_ngrams": 5, "num_buckets": 997, "labels": ("x", "y", "z")},
    "subwords": {"loss": "softmax", "subwords": (2, 4), "num_buckets": 500, "word_ngrams": 2},
    "single characters": {"loss": "softmax", "subwords": (1, 3), "num_buckets": 500},
    "many labels": {"loss": "softmax", "labels": tuple("abcdefgh"), "dimension": 3},
    "one label": {"loss": "softmax", "labels": ("only",)},
    "tree": {"loss": "hierarchical softmax", "labels": tuple("abcdefg"), "word_ngrams": 2, "num_buckets": 100},
}
HARD = [
    *AWKWARD,
    "one </s> two three",
    "</s>",
    "__label__a the",
    "__label__unknown the",
    "__label__",
    "the\x1cof\x85a\u2028b",
    "<the>",
]


def library(path: str, labels: Sequence[str], documents: Sequence[str]) -> NDArray[np.float64]:
    """Return the probabilities of all labels by the library, cut at 1, shape (num_documents, num_labels)."""
    import fasttext

    model = fasttext.load_model(path).f
    found = np.zeros((len(documents), len(labels)))
    for row, text in enumerate(documents):
        line = text.replace("\n", " ") + "\n"
        given_labels = {label: value for value, label in model.predict(line, len(labels), -1.0, "strict")}
        if given_labels:
            found[row] = [min(given_labels[f"__label__{label}"], 1.0) for label in labels]
    return found


@pytest.fixture(scope="module", params=[*KINDS, "lid.176"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "lid.176":
        return LANGUAGES
    made = tmp_path_factory.mktemp("models") / "model.bin"
    made.write_bytes(model_bytes(**{"words": WORDS} | KINDS[request.param]))
    return str(made)


def test_probabilities_of_real_and_awkward_texts_are_the_librarys(path: str) -> None:
    model = FastTextModel(path)
    documents = [*HARD, *bundled_texts()[::20]]
    found, is_known = model.probabilities(column(documents))
    wanted = library(path, model.labels, documents)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert is_known.tolist() == wanted.any(axis=1).tolist()
    clear = np.diff(np.sort(wanted, axis=1)[:, -2:], axis=1).ravel() > 1e-5 if len(model.labels) > 1 else is_known
    assert found.argmax(axis=1)[clear].tolist() == wanted.argmax(axis=1)[clear].tolist()


def test_labels_of_all_bundled_documents_are_the_librarys_for_languages() -> None:
    model = FastTextModel(LANGUAGES)
    documents = [text[:2_000] for text in bundled_texts()]
    found, _ = model.probabilities(column(documents))
    wanted = library(LANGUAGES, model.labels, documents)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert found.argmax(axis=1).tolist() == wanted.argmax(axis=1).tolist()


@settings(max_examples=60)
@given(text=texts())
def test_probabilities_of_any_text_are_the_librarys(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.getbasetemp() / "any.bin")
    kind: dict[str, Any] = {"subwords": (1, 4), "num_buckets": 300, "word_ngrams": 3}
    Path(path).write_bytes(model_bytes(words=WORDS, **kind))
    model = FastTextModel(path)
    found, _ = model.probabilities(column([text]))
    np.testing.assert_allclose(found, library(path, model.labels, [text]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("loss", ["negative sampling", "one against all"])
def test_the_stepped_logistic_function_is_the_librarys_to_a_step(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_bytes(words=WORDS, loss=loss, labels=("a", "b", "c"), dimension=6, scale=3.0))
    model = FastTextModel(str(path))
    documents = [*HARD, *bundled_texts()[::10]]
    found, _ = model.probabilities(column(documents))
    difference = np.abs(found - library(str(path), model.labels, documents))
    assert np.mean(difference < 1e-5) > 0.99
    assert difference.max() < 0.01  # a score between two steps may be rounded to the other one


def test_probabilities_do_not_depend_on_the_batch() -> None:
    model = FastTextModel(LANGUAGES)
    documents = [*bundled_texts()[::50], "x" * 300_000, "\n"]
    together, _ = model.probabilities(column(documents))
    for row, text in enumerate(documents):
        alone, _ = model.probabilities(column([text]))
        assert alone[0].tolist() == together[row].tolist()


def test_a_text_of_which_the_model_knows_nothing_has_no_probabilities(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_bytes(words=("one",)).replace(b"</s>\0", b"<s/>\0"))
    found, is_known = FastTextModel(str(path)).probabilities(column(["two", "one"]))
    assert is_known.tolist() == [False, True]
    assert found[0].tolist() == [0.0, 0.0]


def test_no_texts_give_no_rows() -> None:
    found, is_known = FastTextModel(LANGUAGES).probabilities(column([]))
    assert found.shape == (0, 176)
    assert is_known.shape == (0,)


@pytest.mark.parametrize("text", ["a" * 2_000_000, "a " * 1_000_000, "\0" * 1_000_000, "\U0001f600" * 500_000])
def test_monstrous_texts_cost_linear_time(text: str) -> None:
    found, _ = FastTextModel(LANGUAGES).probabilities(column([text]))
    assert 0 < found.max() <= 1


def test_bytes_that_are_no_text_are_survived() -> None:
    data = np.frombuffer(bytes(range(256)) * 20 + b"\x80" * 100 + b"\xff" * 100, np.uint8)
    found, _ = FastTextModel(LANGUAGES).probabilities(TextColumn(data, np.array([0, len(data)])))
    assert 0 < found.max() <= 1


def test_a_model_that_holds_nan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_bytes()[:-4] + b"\xff" * 4)
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        FastTextModel(str(path))


def test_the_exponential_is_that_of_the_c_library_to_the_last_bits() -> None:
    values = np.concatenate([np.linspace(-60, 60, 100_001), [0.0, -1e-300, 1e-300, -690.0, 690.0]])
    powers = fasttext_model._exponential(values)
    np.testing.assert_allclose(powers, np.exp(values), rtol=1e-15)
    assert fasttext_model._exponential(np.array([0.0, -np.inf])).tolist() == [1.0, pytest.approx(0.0, abs=1e-300)]
