"""Train a quality classifier from two sets of documents: `python -m pipelines.train_quality --help`."""

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.classifiers.fasttext_model import FastTextModel
from filters.classifiers.fasttext_training import PASSES, TrainedModel, TrainingSettings, train
from filters.columns import TextColumn
from mixes.command import command, command_parser, working
from mixes.errors import DataError, SpecError
from mixes.progress import Progress
from pipelines.quality.card import Facts, as_json, as_markdown, threshold_lines
from pipelines.quality.figures import area_under_curve, at_threshold, threshold_table
from pipelines.quality.labelled import LabelledSet, Selection, counts, drop_shared, list_shards
from pipelines.readers import FORMATS, ReadSettings
from pipelines.storage import StoredFile, publish_bytes

LABELS = ("hq", "cc")
"""Of the positives and of the negatives, as DCLM's classifiers have them."""

_EPILOG = """example, with the bundled documents:
  python -m pipelines.train_quality --positive "data/clean/*" "data/wiki/*" --negative "data/web/*" \\
      --output output/quality.bin

It leaves MODEL.bin, which fastText reads too, MODEL.md (the model card) and MODEL.json (the same in numbers). A spec
takes it as

  measures: [{name: quality, fasttext: output/quality.bin, label: hq, max_characters: 10_000}]
  rules: [{measure: quality, min: 0.5}]

exit status: 0 trained, 1 the training failed, 2 the request was wrong
"""
_MIN_SEEN = 15_000  # documents, each as often as it is seen: with fewer steps a small set teaches nothing
_MIN_EPOCHS = 5
_MIN_HELD_OUT = 2


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when trained; the request is looked at before anything is read."""
    options = _parser().parse_args(argv)
    try:
        reading = ReadSettings(format=options.format, text_field=options.text_field)
        _training_settings(options, _MIN_SEEN)
    except ValueError as error:
        raise SpecError(f"command line: {error}") from error
    selection = _selection(options)
    shards = _shards(options, reading)
    with working():
        _run(options, reading, selection, shards)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "pipelines.train_quality",
        "Train a fastText classifier that tells documents like the positives from documents like the negatives, and "
        "say how well it does.",
        _EPILOG,
    )
    default = TrainingSettings()
    add = parser.add_argument
    add("--positive", nargs="+", required=True, metavar="GLOB", help="shards of documents to score high")
    add("--negative", nargs="+", required=True, metavar="GLOB", help="shards of documents to score low")
    add("--output", required=True, metavar="MODEL.bin", help="the file to write; its card lies beside it")
    add("--format", default="auto", choices=["auto", *sorted(set(FORMATS.values()))], help="of the shards (by name)")
    add("--text-field", default="text", help="field of the text in JSON lines and Parquet (text)")
    add("--licence", default="", help="of the training documents, for the card")
    add("--held-out", type=float, default=0.1, help="share of the documents kept for judging (0.1)")
    add("--max-documents", type=int, default=200_000, help="of each class, chosen by their text (200000)")
    add("--max-characters", type=int, default=10_000, help="at the beginning of a document (10000)")
    add("--epochs", type=int, help=f"how often each is seen (until {_MIN_SEEN} are, at least {_MIN_EPOCHS})")
    add("--learning-rate", type=float, default=default.learning_rate, help=f"at first ({default.learning_rate})")
    add("--dimension", type=int, default=default.dimension, help=f"numbers a word ({default.dimension})")
    add("--word-ngrams", type=int, default=default.word_ngrams, help=f"longest n-gram ({default.word_ngrams})")
    add("--num-buckets", type=int, default=default.num_buckets, help=f"rows for n-grams ({default.num_buckets})")
    add("--min-count", type=int, default=default.min_count, help=f"rarer words have no row ({default.min_count})")
    add("--seed", type=int, default=default.seed, help=f"of choice, order and first numbers ({default.seed})")
    return parser


def _selection(options: argparse.Namespace) -> Selection:
    for key in ("max_documents", "max_characters"):
        if getattr(options, key) < 1:
            raise SpecError(f"--{key.replace('_', '-')}: found {getattr(options, key)}, wanted at least 1")
    if not 0 < options.held_out < 1:
        raise SpecError(f"--held-out: found {options.held_out}, wanted a share between 0 and 1, such as 0.1")
    return Selection(
        seed=options.seed,
        max_documents=options.max_documents,
        max_characters=options.max_characters,
        held_out=options.held_out,
    )


def _shards(options: argparse.Namespace, reading: ReadSettings) -> list[list[StoredFile]]:
    """Return the shards of the positives and of the negatives.

    Raises:
        SpecError: the output's name ends otherwise, or a file is in both classes, or a glob names none.
    """
    if PurePosixPath(options.output).suffix != ".bin":
        raise SpecError(f"--output: found {options.output!r}, wanted a name that ends in .bin")
    positives, negatives = (list_shards(patterns, reading) for patterns in (options.positive, options.negative))
    shared = {shard.uri for shard in positives} & {shard.uri for shard in negatives}
    if shared:
        raise SpecError(f"{min(shared)}: is among the positives and the negatives; name it in one of them")
    return [positives, negatives]


def _training_settings(options: argparse.Namespace, num_documents: int) -> TrainingSettings:
    return TrainingSettings(
        dimension=options.dimension,
        word_ngrams=options.word_ngrams,
        num_buckets=options.num_buckets,
        epochs=max(_MIN_EPOCHS, math.ceil(_MIN_SEEN / num_documents)) if options.epochs is None else options.epochs,
        learning_rate=options.learning_rate,
        min_count=options.min_count,
        seed=options.seed,
    )


def _run(
    options: argparse.Namespace, reading: ReadSettings, selection: Selection, shards: Sequence[Sequence[StoredFile]]
) -> None:
    stored_bytes = sum(max(shard.size, 0) for each in shards for shard in each)
    with Progress("read", "MB", stored_bytes) as progress:
        positives, negatives = (
            LabelledSet.read(label, each, reading, selection, progress.add)
            for label, each in zip(LABELS, shards, strict=True)
        )
    drop_shared(positives, negatives)
    split = {each.label: each.split(selection.held_out) for each in (positives, negatives)}
    for label, parts in split.items():
        if len(parts[1]) < _MIN_HELD_OUT or not parts[0]:
            raise DataError(
                f"{label}: found {len(parts[0])} documents to train on and {len(parts[1])} held out, wanted at least 1 "
                f"and {_MIN_HELD_OUT}; name more shards, or raise --held-out"
            )
    trained = _train(options, [split[label][0] for label in LABELS])
    model, (high, low) = _judge(trained, [split[label][1] for label in LABELS])
    digest = publish_bytes(options.output, model)
    facts = Facts(
        name=PurePosixPath(options.output).name,
        sha256=digest.digest,
        size=len(model),
        labels=LABELS,
        settings=asdict(trained.settings),
        selection={key: value for key, value in asdict(selection).items() if key != "seed"},
        versions=_versions(),
        shards={each.label: each.shards for each in (positives, negatives)},
        counts={each.label: counts(each) for each in (positives, negatives)},
        trained_on={label: len(parts[0]) for label, parts in split.items()},
        held_out={label: len(parts[1]) for label, parts in split.items()},
        losses=trained.losses,
        area_under_curve=area_under_curve(high, low),
        at_half=at_threshold(high, low, 0.5, ""),
        table=threshold_table(high, low),
        licence=options.licence,
    )
    stem = options.output.removesuffix(".bin")
    publish_bytes(f"{stem}.md", as_markdown(facts).encode())
    publish_bytes(f"{stem}.json", as_json(facts).encode())
    _print_summary(facts, options.output)


def _train(options: argparse.Namespace, texts: Sequence[Sequence[str]]) -> TrainedModel:
    column = _column([text for each in texts for text in each])
    targets = np.repeat(np.arange(len(texts)), [len(each) for each in texts])
    settings = _training_settings(options, len(targets))
    size = sum(len(text.encode()) for each in texts for text in each)
    try:
        with Progress("trained on", "MB", (PASSES + settings.epochs) * size) as progress:
            return train(column, targets, LABELS, settings, progress.add)
    except ValueError as error:
        raise DataError(f"the training failed: {error}") from error


def _judge(trained: TrainedModel, texts: Sequence[Sequence[str]]) -> tuple[bytes, list[NDArray[np.float64]]]:
    """Return the bytes of the model's file, and the scores that it gives the texts of each class as a build would."""
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        path = Path(folder) / "model.bin"
        with path.open("wb") as stream:
            trained.write(stream)
        model = FastTextModel(str(path))
        place = model.labels.index(LABELS[0])
        return path.read_bytes(), [model.probabilities(_column(each))[0][:, place] for each in texts]


def _column(texts: Sequence[str]) -> TextColumn:
    return TextColumn.from_arrow(pa.array(texts, pa.large_string()))


def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("gristmill", "numba", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "from a checkout"
    return found


def _print_summary(facts: Facts, output: str) -> None:
    positive, negative = facts.labels
    print(
        f"trained on {facts.trained_on[positive]:,} positives and {facts.trained_on[negative]:,} negatives; of "
        f"{facts.held_out[positive]:,} and {facts.held_out[negative]:,} held out: area under the curve "
        f"{facts.area_under_curve:.4f}\n\n{threshold_lines(facts.table)}\n\n"
        f"model   {output} ({facts.size / 1e6:.1f} MB)\ncard    {output.removesuffix('.bin')}.md"
    )


if __name__ == "__main__":
    sys.exit(main())
