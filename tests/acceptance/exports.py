"""Exports in the hands of those they are for: do the readers of other projects find the documents of the mix?

    make acceptance                                    builds a mix of the bundled documents, all below build/acceptance
    python -m tests.acceptance.exports --mix MIX --tokenizer FILE --folder FOLDER

The mix is exported in every format. OLMo-core, Megatron-LM, datatrove and datasets, in an environment of their own,
read what is theirs with their own classes; what they find is compared with the token files of the mix, source by
source: number of documents, number of tokens, every token, every boundary, every text, every window of a fixed length.
Prints a table for docs/exports.md and ends with status 1 when anything differs.
"""

import argparse
import datetime as dt
import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.common.record import ROOT
from benchmarks.peers.environments import READERS, command_of
from mixes.export import main as export
from mixes.manifest import Manifest, PartEntry, SourceEntry, load, mix_root
from mixes.parts import read_index
from mixes.tokenizer_file import read_tokenizer_json

FORMATS = ("olmo-core", "megatron", "datatrove", "hf")
LENGTH = 512  # tokens of a window
TOKENIZER = ROOT / "data" / "tokenizer" / "dolma2.json.gz"
SEVERAL_PARTS = "\nparts: {max_tokens: 100_000}\n"
VALIDATION = ", validation"
"""How the names of readers of what is held out end."""
Expected = dict[str, dict[str, Any]]  # Any: JSON
Stretch = tuple[PartEntry, int, int]
"""Documents [first, last) of a part."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when every reader finds the mix, 1 when one finds something else."""
    options = _parser().parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = options.folder / dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S")
    mix_folder = options.mix or _build(options.folder)
    for name in FORMATS:
        text = ["--tokenizer", str(options.tokenizer)] if name == "hf" else []
        if export([str(mix_folder), "--to", name, str(folder / name), *text]) != 0:
            return 1
    mix, root = load(mix_folder), mix_root(mix_folder)
    found = _read(options.folder, folder, mix)
    expected = _expected(mix, root, options.tokenizer, {source.name: _seen(source) for source in mix.sources})
    held_out = _expected(mix, root, options.tokenizer, {source.name: _held_out(source) for source in mix.sources})
    print(f"\n{mix.tokens:,} tokens, {mix.documents:,} documents, {sum(len(s.parts) for s in mix.sources)} parts")
    print(f"validation: {_sum(held_out, 'tokens'):,} tokens, {_sum(held_out, 'documents'):,} documents\n")
    print("| project | version | reader | compared | |\n| --- | --- | --- | --- | --- |")
    is_equal = True
    for reader, answer in found.items():
        wanted = held_out if reader.endswith(VALIDATION) else expected
        num_tokens = _sum(wanted, "tokens")
        wrong = differing(answer, wanted, num_tokens)
        said = f"DIFFERENT: {', '.join(wrong)}" if wrong else "equal"
        print(f"| {answer['project']} | {answer['version']} | {reader} | {_compared(answer, num_tokens)} | {said} |")
        is_equal = is_equal and not wrong
    return 0 if is_equal else 1


def _sum(expected: Expected, count: str) -> int:
    return sum(source[count] for source in expected.values())


def _build(folder: Path) -> Path:
    """Return the smoke mix, built here with several parts a source."""
    spec = folder / "mix.yaml"
    spec.write_text((ROOT / "mixes" / "smoke.yaml").read_text("utf-8") + SEVERAL_PARTS, "utf-8")
    command = [sys.executable, "-m", "pipelines.build_mix", str(spec), "--output", str(folder / "output")]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder / "output" / "mixes" / "smoke"


def _read(peers: Path, folder: Path, mix: Manifest) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Return what each reader found."""
    numbers = [str(number) for number in (LENGTH, mix.tokenizer.eos_id, mix.tokenizer.vocab_size)]
    command = command_of(READERS, peers, "exports", str(folder), str(folder / "caches"), *numbers)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""})
    if done.returncode != 0:
        raise SystemExit(f"a reader refused its export:\n{done.stderr[-4000:]}")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _seen(source: SourceEntry) -> list[Stretch]:
    """Return which documents of which parts of a source training sees, in its order."""
    fronts = [part.held_out_documents for part in source.parts]
    epoch = [(part, front, part.documents) for part, front in zip(source.parts, fronts, strict=True)]
    prefixes = [(part, front, front + part.prefix_documents) for part, front in zip(source.parts, fronts, strict=True)]
    return [stretch for stretch in [*epoch * source.whole_epochs, *prefixes] if stretch[1] < stretch[2]]


def _held_out(source: SourceEntry) -> list[Stretch]:
    """Return which documents of which parts of a source it never sees."""
    return [(part, 0, part.held_out_documents) for part in source.parts if part.held_out_documents]


def _expected(mix: Manifest, root: Path, tokenizer: Path, stretches: Mapping[str, Sequence[Stretch]]) -> Expected:
    """Return what has to be found of each source, from its token files and indexes alone."""
    library = Tokenizer.from_str(read_tokenizer_json(tokenizer, mix.tokenizer.digest).decode())
    return {name: _expected_of(mix, root, library, of_source) for name, of_source in stretches.items() if of_source}


def _expected_of(mix: Manifest, root: Path, library: Tokenizer, stretches: Sequence[Stretch]) -> dict[str, Any]:
    read = [list(_documents(mix, root, *stretch)) for stretch in stretches]
    documents = [document for each in read for document in each]
    lengths = np.array([len(document) for document in documents], "<i8")
    files = [np.concatenate(each) for each in read]
    windows = [file[: len(file) // LENGTH * LENGTH] for file in files]
    widest = {part.file: each for (part, _, _), each in sorted(zip(stretches, read, strict=True), key=_num_read)}
    once = [document[:-1].tolist() for each in widest.values() for document in each]
    texts = [text.encode() for text in library.decode_batch(once, skip_special_tokens=False)]
    return {
        "documents": len(documents),
        "tokens": int(lengths.sum()),
        "digest": _digest(document.astype("<u4").tobytes() for document in documents),
        "boundaries": _digest([lengths.tobytes()]),
        "first_tokens": int(np.minimum(lengths, LENGTH).sum()),
        "windows": sum(len(each) for each in windows) // LENGTH,
        "windows_digest": _digest(each.astype("<u4").tobytes() for each in windows),
        "texts": len(texts),
        "texts_digest": _digest(len(text).to_bytes(8, "little") + text for text in texts),
    }


def _num_read(pair: tuple[Stretch, Sequence[object]]) -> tuple[str, int]:
    return pair[0][0].file, len(pair[1])


def _documents(mix: Manifest, root: Path, part: PartEntry, first: int, last: int) -> Iterator[NDArray[Any]]:
    """Yield documents [first, last) of a part."""
    index = read_index(root / part.index)
    tokens = np.memmap(root / part.file, np.dtype(mix.dtype).newbyteorder("<"), "r")
    for start, length in zip(index.starts[first:last].tolist(), index.lengths[first:last].tolist(), strict=True):
        yield tokens[start : start + length]


def _digest(pieces: Iterator[bytes] | Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def differing(answer: Mapping[str, Any], expected: Expected, num_tokens: int) -> list[str]:
    """Return the sources of which a reader found something else than was expected, or the number it found instead."""
    if "sources" in answer:
        kind, sources = _kind(answer), answer["sources"]
        wanted = {name: {key: source[_key(key, kind)] for key in _KEYS[kind]} for name, source in expected.items()}
        return sorted(name for name in {*wanted, *sources} if wanted.get(name) != sources.get(name))
    if "blend" in answer:
        windows = num_tokens // LENGTH
        shares = {name: windows * source["tokens"] / num_tokens for name, source in expected.items()}
        return [name for name, share in shares.items() if not abs(answer["blend"].get(name, math.nan) - share) <= 1]
    if "first_tokens" in answer:
        wanted_tokens = sum(source["first_tokens"] for source in expected.values())
        return [] if answer["first_tokens"] == wanted_tokens else [f"found {answer['first_tokens']:,}"]
    return [] if answer["tokens"] == num_tokens else [f"found {answer['tokens']:,}"]


_KEYS = {
    "documents": ("documents", "tokens", "digest", "boundaries"),
    "windows": ("windows", "digest"),
    "texts": ("texts", "digest"),
}
_WHAT = {"documents": "every token, every boundary", "windows": "every token", "texts": "every byte"}


def _kind(answer: Mapping[str, Any]) -> str:
    """Return what a reader was asked for: documents, windows or texts."""
    return next(kind for kind in _KEYS if all(kind in found for found in answer["sources"].values()))


def _key(key: str, kind: str) -> str:
    """Return under which key the expected value of a found one stands."""
    return f"{kind}_digest" if key == "digest" and kind != "documents" else key


def _compared(answer: Mapping[str, Any], num_tokens: int) -> str:
    """Return in words what was compared."""
    if "sources" in answer:
        kind = _kind(answer)
        return f"{sum(found[kind] for found in answer['sources'].values()):,} {kind}: {_WHAT[kind]}"
    if "blend" in answer:
        return f"{num_tokens // LENGTH:,} windows: of each source its share, to one window"
    if "first_tokens" in answer:
        return f"{answer['first_tokens']:,} tokens, of each document the first {LENGTH}: their number"
    return f"{num_tokens:,} tokens: their number"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Let other projects' readers read exports of one mix.")
    parser.add_argument("--mix", type=Path, help="a built mix; without it the smoke mix is built")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER, help="its tokenizer")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "acceptance", help="where everything goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
