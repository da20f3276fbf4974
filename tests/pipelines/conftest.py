"""Small corpora and specs for tests that build whole mixes."""

import functools
import gzip
import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

_TOKENIZER = Path(__file__).parents[2] / "data" / "tokenizer" / "dolma2.json.gz"
_WORDS = [
    "the",
    "of",
    "and",
    "that",
    "have",
    "with",
    "river",
    "stone",
    "bridge",
    "water",
    "light",
    "house",
    "green",
    "seven",
]


_NUM_MERGES = 16_000  # enough for dolma2's own ids of the words above


@functools.cache
def small_tokenizer() -> bytes:
    """Return dolma2.json.gz with its first merges and all added tokens, ids unchanged: it loads ten times faster."""
    definition = json.loads(gzip.decompress(_TOKENIZER.read_bytes()))
    model, added = definition["model"], {token["content"] for token in definition["added_tokens"]}
    num_ids = 256 + _NUM_MERGES
    model["merges"] = model["merges"][:_NUM_MERGES]
    model["vocab"] = {token: number for token, number in model["vocab"].items() if number < num_ids or token in added}
    return gzip.compress(json.dumps(definition).encode(), compresslevel=1, mtime=0)


def make_text(seed: int, num_words: int = 60) -> str:
    """Return English-like text of a few sentences, different for each seed."""
    chance = random.Random(seed)
    words = [chance.choice(_WORDS) for _ in range(num_words)]
    for place in range(9, num_words, 10):
        words[place] += ".\n"
    return f"{seed} " + " ".join(words)


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any] | bytes]) -> None:
    """Write rows as a .jsonl or .jsonl.gz file; bytes go in as they are, one line each."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    data = b"".join(line + b"\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


class Corpus:
    """A data root with two sources and a spec over it; tests change what they need."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.output = folder / "output"
        self.spec_path = folder / "mix.yaml"
        tokenizer = self.data / "tokenizer.json.gz"
        tokenizer.parent.mkdir(parents=True)
        tokenizer.write_bytes(small_tokenizer())
        for shard in range(3):
            rows = [{"id": f"w{shard}-{row}", "text": make_text(shard * 1_000 + row)} for row in range(40)]
            write_jsonl(self.data / "web" / f"{shard}.jsonl.gz", rows)
        write_jsonl(
            self.data / "code" / "0.jsonl", [{"id": f"c{row}", "text": make_text(9_000 + row, 90)} for row in range(40)]
        )
        self.spec: dict[str, Any] = {
            "name": "small",
            "tokens": 6_000,
            "tokenizer": {"file": "{data}/tokenizer.json.gz"},
            "units": {"max_bytes": 1},  # a unit a shard
            "sources": [
                {"name": "web", "documents": "{data}/web/*.jsonl.gz", "proportion": 0.6},
                {"name": "code", "documents": "{data}/code/*.jsonl", "proportion": 0.4, "max_epochs": 2},
            ],
        }

    def write_spec(self) -> str:
        """Write the spec and return its path."""
        self.spec_path.write_text(yaml.safe_dump(self.spec, sort_keys=False))
        return str(self.spec_path)

    def arguments(self, *more: str) -> list[str]:
        """Return a command line of `pipelines.build_mix` for this corpus."""
        return [self.write_spec(), "--data", str(self.data), "--output", str(self.output), *more]

    def change_unnoticed(self) -> None:
        """Change a shard and leave it its size and time."""
        path = self.data / "code" / "0.jsonl"
        status = path.stat()
        path.write_bytes(path.read_bytes().replace(b"river", b"ocean"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def published(self) -> dict[str, bytes]:
        """Return every file that a build promises to be the same everywhere, by its name below the output."""
        found = [*self.output.glob("tokens/*/*"), *self.output.glob("mixes/*/*")]
        names = {str(path.relative_to(self.output)): path.read_bytes() for path in found if path.is_file()}
        return {name: data for name, data in names.items() if not name.endswith("units.json")}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep builds from saying that they take long to get ready: on a busy machine they do."""
    monkeypatch.setattr("pipelines.build_mix._SILENT_SECONDS", 3600.0)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Return a fresh corpus of 160 documents."""
    return Corpus(tmp_path)
