"""What the tests of evaluation share: one tiny model, loaded once, and its tokenizer."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.trainer.evaluation.tiny_model import CONTEXT, write_tiny_model
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.opening import OpenModel, open_model
from trainer.evaluation.scoring import Scorer
from trainer.models.decoder import LanguageModel
from trainer.ranks import Ranks, process_group
from trainer.sharding import sharded_model


@pytest.fixture(scope="package")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny model."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def alone() -> Iterator[Ranks]:
    """Return a process group of one on the CPU."""
    with process_group("cpu") as ranks:
        yield ranks


@pytest.fixture
def opened(tiny_folder: Path) -> OpenModel:
    """Return the tiny model, its weights still on disk."""
    return open_model(tiny_folder, None)


@pytest.fixture
def model(opened: OpenModel, alone: Ranks) -> LanguageModel:
    """Return the tiny model with its weights."""
    return opened.load(partial(sharded_model, precision="float32", ranks=alone))


@pytest.fixture
def encoder(opened: OpenModel) -> Encoder:
    """Return the tiny model's tokenizer."""
    assert opened.encoder is not None
    return opened.encoder


@pytest.fixture
def scorer(model: LanguageModel, alone: Ranks) -> Scorer:
    """Return a scorer of the tiny model."""
    return Scorer(model, alone, max_length=CONTEXT, batch_tokens=4 * CONTEXT)
