"""Compile the kernels that a command may need, so that none of its workers does: `python -m pipelines.warm_up`.

Machine code is kept beside the modules or in NUMBA_CACHE_DIR; images of workers run this once. Every kernel of filters,
mixes and pipelines is compiled, or the command fails and names those that nothing here runs.
"""

import contextlib
import importlib
import io
import json
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
from numba.core.dispatcher import Dispatcher
from tokenizers import Tokenizer, models, pre_tokenizers

from filters.columns import TextColumn
from filters.warm_up import pieces as filter_pieces
from filters.warm_up import warm_up
from mixes.repeats import has_repeated_ngrams
from pipelines import build_mix
from pipelines.encoding.added import AddedTokens
from pipelines.encoding.definition import AddedToken
from pipelines.explaining.spelling import nearest_ids

_PACKAGES = ("filters", "mixes", "pipelines")
_WORDS = 40  # of a document of the small build, which has a few that are alike
_EOS = "<eos>"


def main() -> int:
    """Compile with every processor, and say how long each piece took; return 1 where a kernel is left out."""
    compiled: set[str] = set()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        names = {pool.submit(run, piece): name for name, piece in pieces().items()}
        for done in as_completed(names):
            seconds, found = done.result()
            compiled |= found
            sys.stdout.write(f"{names[done]:<28}{seconds:7.2f} s\n")
            sys.stdout.flush()
    missing = left_out(kernels(), compiled)
    if missing:
        sys.stderr.write(f"not compiled: {', '.join(missing)}; run them in one of the pieces\n")
    return 1 if missing else 0


def pieces() -> dict[str, Callable[[], object]]:
    """Return what can be compiled apart, at the same time; the last does best when the others are done."""
    found: dict[str, Callable[[], object]] = {name: partial(warm_up, name) for name in filter_pieces()}
    return found | {
        "repeated n-grams": _look_for_repeats,
        "added tokens": _look_for_added,
        "spelling of ids": partial(nearest_ids, "a", [pa.array(["b"])]),
        "a small build": _build,
    }


def kernels() -> dict[str, Dispatcher]:
    """Return every kernel of the packages by its full name; all their modules are imported."""
    found: dict[str, Dispatcher] = {}
    for package in _PACKAGES:
        for each in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            for name, value in vars(importlib.import_module(each.name)).items():
                if isinstance(value, Dispatcher) and value.py_func.__module__ == each.name:
                    found[f"{each.name}.{name}"] = value
    return found


def left_out(known: Mapping[str, Dispatcher], compiled: Iterable[str]) -> list[str]:
    """Return the names of kernels that are neither compiled nor called by one that is, whose code holds theirs."""
    waiting = list(compiled)
    reached = set(waiting)
    names = {id(dispatcher): name for name, dispatcher in known.items()}
    while waiting:
        function = known[waiting.pop()].py_func
        values = [function.__globals__.get(name) for name in function.__code__.co_names]
        called = {names[id(value)] for value in values if id(value) in names} - reached
        waiting += called
        reached |= called
    return sorted(known.keys() - reached)


def run(piece: Callable[[], object]) -> tuple[float, set[str]]:
    """Run a piece; return the seconds it took, and the names of all kernels that are there in this process."""
    start = time.perf_counter()
    piece()
    seconds = time.perf_counter() - start
    loaded = [module for name, module in sys.modules.items() if name.partition(".")[0] in _PACKAGES]
    dispatchers = [value for module in loaded for value in vars(module).values() if isinstance(value, Dispatcher)]
    return seconds, {f"{each.py_func.__module__}.{each.py_func.__name__}" for each in dispatchers if each.signatures}


def _look_for_repeats() -> None:
    for tokens in (np.zeros(8, np.uint16), np.zeros(8, np.uint32)):
        has_repeated_ngrams(tokens, np.array([0, 8]), max_period=1, min_repeats=2)


def _look_for_added() -> None:
    token = AddedToken(id=0, content="<>", is_special=False, is_plain=True, is_normalized=False)
    AddedTokens([token]).find(TextColumn.from_arrow(pa.array(["text"])))


def _build() -> None:
    """Build a mix of a few documents, of which some are alike, in either way and with tokens of either size.

    Raises:
        RuntimeError: It failed.
    """
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        texts = [
            " ".join(f"w{word % (50 + number // 2)}" for word in range(number, number + _WORDS)) for number in range(9)
        ]
        lines = [json.dumps({"text": f"{text}\n\n{texts[0]}"}) for text in [*texts, texts[1]]]
        Path(folder, "documents.jsonl").write_text("\n".join(lines))
        spec = Path(folder, "spec.yaml")
        for clusters, eos_id in (("verified", 256), ("components", 70_000)):
            _write_tokenizer(Path(folder, "tokenizer.json"), eos_id)
            spec.write_text(json.dumps(_spec(clusters)))
            if build_mix.main([str(spec), "--data", folder, "--output", str(Path(folder, "output"))]):
                raise RuntimeError(said.getvalue())


def _write_tokenizer(path: Path, eos_id: int) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({**{letter: place for place, letter in enumerate(alphabet)}, _EOS: eos_id}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([_EOS])
    tokenizer.save(str(path))


def _spec(clusters: str) -> dict[str, object]:
    return {
        "name": "small",
        "tokens": 1_000,
        "on_shortfall": "scale",
        "tokenizer": {"file": "{data}/tokenizer.json", "eos": _EOS, "backend": "tokenizers"},
        "dedupe": {
            "exact": True,
            "normalized": "words",
            "url": True,
            "fuzzy": {"num_bands": 40, "num_rows": 4, "min_jaccard": 0.1, "clusters": clusters},
            "paragraphs": {},
            "substrings": {},
        },
        "sources": [{"name": "documents", "documents": "{data}/documents.jsonl", "proportion": 1.0}],
    }


if __name__ == "__main__":
    sys.exit(main())
