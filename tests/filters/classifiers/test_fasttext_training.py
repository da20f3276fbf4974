"""Trained classifiers: the same every time, sound for fastText itself, and able to tell what can be told."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters.classifiers import fasttext_training
from filters.classifiers.fasttext_model import FastTextModel
from filters.classifiers.fasttext_training import PASSES, TrainedModel, TrainingSettings, train
from tests.filters.texts import AWKWARD, column

GOOD = [f"a careful sentence number {k} explains the proof" for k in range(60)]
BAD = [f"click here number {k} to win money now" for k in range(40)]
SMALL: dict[str, Any] = {"dimension": 4, "num_buckets": 100, "epochs": 20, "min_count": 1}  # of several types


def trained(texts: list[str] | None = None, targets: list[int] | None = None, **settings: Any) -> TrainedModel:  # noqa: ANN401
    documents = [*GOOD, *BAD] if texts is None else texts
    labels = [0] * len(GOOD) + [1] * len(BAD) if targets is None else targets
    return train(column(documents), np.array(labels), ("hq", "cc"), TrainingSettings(**SMALL | settings))


def written(model: TrainedModel) -> bytes:
    stream = io.BytesIO()
    model.write(stream)
    return stream.getvalue()


def test_a_trained_model_tells_the_classes_apart(tmp_path: Path) -> None:
    made = trained()
    path = tmp_path / "model.bin"
    path.write_bytes(written(made))
    model = FastTextModel(str(path))
    assert model.labels == ("hq", "cc")
    found, _ = model.probabilities(column(["the careful proof", "win money here"]))
    assert found[0, 0] > 0.9
    assert found[1, 1] > 0.9
    assert made.losses[-1] < 0.2 < made.losses[0]


def test_the_library_reads_it_and_gives_the_same_probabilities(tmp_path: Path) -> None:
    import fasttext

    path = tmp_path / "model.bin"
    path.write_bytes(written(trained(word_ngrams=3)))
    documents = [*GOOD, *BAD, "the careful money"]
    found, _ = FastTextModel(str(path)).probabilities(column(documents))
    library = fasttext.load_model(str(path)).f
    for row, text in enumerate(documents):
        given = {label: value for value, label in library.predict(text + "\n", 2, -1.0, "strict")}
        assert [given["__label__hq"], given["__label__cc"]] == pytest.approx(found[row], abs=2e-5)


def test_the_same_texts_and_seed_give_the_same_bytes_and_another_seed_others() -> None:
    digests = {hashlib.sha256(written(trained(seed=seed))).hexdigest() for seed in (0, 0, 0, 1)}
    assert len(digests) == 2


def test_nothing_is_taken_from_memory_as_it_was_found() -> None:
    # The library leaves a part of its matrices to chance, and small trainings end in NaN.
    for _ in range(5):
        junk = np.full(200_000, np.nan, np.float32)
        del junk
        assert np.isfinite(trained().model.input).all()


def test_the_most_frequent_label_comes_first() -> None:
    made = trained(texts=["a b", "c d", "c e"], targets=[0, 1, 1])
    assert made.model.labels == ("cc", "hq")
    assert made.model.label_counts.tolist() == [2, 1]


def test_words_are_counted_as_fasttext_reads_them() -> None:
    made = trained(texts=["b a\0b __label__cc </s> z", "a\x0bb\u3000c"], targets=[0, 1])
    assert made.model.words == (b"</s>", b"a", b"b", "b\u3000c".encode())
    assert made.num_words == 8


def test_rare_words_have_no_row() -> None:
    assert trained(texts=["a a b", "a c c"], targets=[0, 1], min_count=2).model.words == (b"a", b"</s>", b"c")


def test_words_alone_need_no_buckets() -> None:
    made = trained(word_ngrams=1)
    assert made.model.input.shape == (len(made.model.words), 4)


def test_awkward_texts_can_be_trained_on() -> None:
    made = trained(texts=list(AWKWARD), targets=[place % 2 for place in range(len(AWKWARD))])
    assert np.isfinite(made.losses).all()


def test_a_rate_that_lets_the_numbers_grow_without_bounds_is_refused_with_a_lower_one() -> None:
    with pytest.raises(ValueError, match=r"learning_rate: with 1e\+40 .* wanted a lower one, such as 1e\+39"):
        trained(learning_rate=1e40)


def test_a_class_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found \{'hq': 2, 'cc': 0\}"):
        trained(texts=["a", "b"], targets=[0, 0])


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"dimension": 0}, "dimension: found 0, wanted at least 1 and at most 4,096"),
        ({"epochs": 0}, "epochs: found 0"),
        ({"learning_rate": 0.0}, "learning_rate: found 0.0, wanted a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate: found nan"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        TrainingSettings(**settings)


def test_how_much_was_read_is_reported_and_reports_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained()
    monkeypatch.setattr(fasttext_training, "_REPORTED", 7)
    texts, reported = column([*GOOD, *BAD]), [0]
    targets = np.array([0] * len(GOOD) + [1] * len(BAD))
    made = train(texts, targets, ("hq", "cc"), TrainingSettings(**SMALL), reported.append)
    assert sum(reported) == (PASSES + SMALL["epochs"]) * sum(len(text) for text in (*GOOD, *BAD))
    assert len(reported) > SMALL["epochs"] * len(targets) // 7
    assert (written(made), made.losses) == (written(whole), whole.losses)
