"""What the readers of other projects find in exports of one mix; `make acceptance` runs it in their environment.

    readers_exports.py FOLDER WORK LENGTH EOS_ID VOCAB_SIZE

FOLDER has an export in each format, WORK is for their caches; windows have LENGTH tokens. The last line that is printed
is JSON: for each reader its version and, for each source, counts and digests of what it found.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ |= {"HF_HUB_OFFLINE": "1", "OLMO_DATA_PREP_WORKERS": "1"}
Found = dict[str, Any]  # Any: JSON
Tokens = NDArray[np.integer[Any]]


def main() -> None:
    """Read every export and print what was found."""
    folder, work = Path(sys.argv[1]), Path(sys.argv[2])
    length, eos_id, vocab_size = map(int, sys.argv[3:6])
    work.mkdir(parents=True, exist_ok=True)
    olmo_core, datatrove = folder / "olmo-core", folder / "datatrove"
    found = {
        **read_olmo_core(olmo_core, "mix.txt", work / "olmo-core", length, eos_id, vocab_size),
        **read_megatron(folder / "megatron", work / "megatron", length),
        **read_datatrove(datatrove / "train", length, vocab_size),
        **read_hugging_face(folder / "hf", "train", work / "hf"),
    }
    if (olmo_core / "validation.txt").exists():
        held_out = {
            **read_olmo_core(olmo_core, "validation.txt", work / "validation", length, eos_id, vocab_size),
            **read_megatron_validation(folder / "megatron", work / "megatron", length),
            **read_datatrove(datatrove / "validation", length, vocab_size),
            **read_hugging_face(folder / "hf", "validation", work / "hf"),
        }
        held_out["num_tokens"] = held_out.pop("num_tokens x times_seen")
        found |= {f"{reader}, validation": answer for reader, answer in held_out.items()}
    print(json.dumps(found))


def documents_found(documents: Iterable[Tokens]) -> Found:
    """Return what identifies documents: counts, and digests of all their tokens and of their lengths."""
    tokens, lengths = hashlib.sha256(), []
    for document in documents:
        tokens.update(document.astype("<u4").tobytes())
        lengths.append(len(document))
    return {
        "documents": len(lengths),
        "tokens": sum(lengths),
        "digest": tokens.hexdigest(),
        "boundaries": hashlib.sha256(np.array(lengths, "<i8").tobytes()).hexdigest(),
    }


def windows_found(windows: Iterable[Tokens]) -> Found:
    """Return what identifies windows of equal length: how many, and a digest of their tokens."""
    tokens, count = hashlib.sha256(), 0
    for window in windows:
        tokens.update(window.astype("<u4").tobytes())
        count += 1
    return {"windows": count, "digest": tokens.hexdigest()}


def texts_found(texts: Iterable[str]) -> Found:
    """Return what identifies texts: how many, and a digest of their bytes and lengths."""
    digest, count = hashlib.sha256(), 0
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
        count += 1
    return {"texts": count, "digest": digest.hexdigest()}


def read_olmo_core(folder: Path, mix: str, work: Path, length: int, eos_id: int, vocab_size: int) -> Found:
    """Read with OLMo-core: its parser of data mixes, its sidecars, fixed-length, padded and packed datasets."""
    from olmo_core.data import (
        NumpyFSLDatasetConfig,
        NumpyPackedFSLDatasetConfig,
        NumpyPaddedFSLDatasetConfig,
        TokenizerConfig,
    )
    from olmo_core.data.types import LongDocStrategy
    from olmo_core.data.utils import iter_document_indices

    (identifier,) = [path.name for path in folder.iterdir() if path.is_dir() and path.name != "validation"]
    paths, labels = _paths_of_mix(folder, mix, identifier)
    common: dict[str, Any] = {
        "paths": paths,
        "metadata": [{"label": label} for label in labels],
        "tokenizer": TokenizerConfig(
            identifier=identifier, vocab_size=vocab_size, eos_token_id=eos_id, pad_token_id=eos_id
        ),
        "sequence_length": length,
        "work_dir": str(work),
    }
    fixed = NumpyFSLDatasetConfig(**common).build()
    padded = NumpyPaddedFSLDatasetConfig(**common).build()
    packed = NumpyPackedFSLDatasetConfig(long_doc_strategy=LongDocStrategy.fragment, **common).build()
    for each in (fixed, padded, packed):
        each.prepare()
    by_sidecar: dict[str, list[Tokens]] = {}
    by_eos: dict[str, list[Tokens]] = {}
    for path, label in zip(paths, labels, strict=True):
        tokens = np.memmap(path, fixed.dtype, "r")
        ends = iter_document_indices(path, use_array_if_local=True, eos_token_id=eos_id, dtype=fixed.dtype)
        by_sidecar.setdefault(label, []).extend(tokens[a:b] for a, b in iter_document_indices(path))
        by_eos.setdefault(label, []).extend(tokens[a:b] for a, b in ends)
    windows: dict[str, list[Tokens]] = {label: [] for label in labels}
    for number in range(len(fixed)):
        windows[fixed[number]["metadata"]["label"]].append(fixed[number]["input_ids"].numpy())
    version = importlib.metadata.version("ai2-olmo-core")
    return {
        "documents by .csv.gz": _of_sources("OLMo-core", version, documents_found, by_sidecar),
        "documents by EOS": _of_sources("OLMo-core", version, documents_found, by_eos),
        "NumpyFSLDataset": _of_sources("OLMo-core", version, windows_found, windows),
        "NumpyPaddedFSLDataset": {"project": "OLMo-core", "version": version, "first_tokens": _real_tokens(padded)},
        "NumpyPackedFSLDataset": {"project": "OLMo-core", "version": version, "tokens": _real_tokens(packed)},
    }


def _paths_of_mix(folder: Path, mix: str, identifier: str) -> tuple[list[str], list[str]]:
    """Return paths and labels as OLMo-core's parser of its own data mixes reads them from a file."""
    from olmo_core.data import mixes

    @contextlib.contextmanager
    def ours(_: str) -> Iterator[Path]:
        yield folder / mix

    mixes._get_data_mix_path = ours
    paths, labels = mixes.DataMix.OLMoE_mix_0824.build(str(folder), identifier)
    return paths, labels


def _real_tokens(dataset: Any) -> int:  # noqa: ANN401  (their class)
    """Return the tokens of all instances that are no padding."""
    return sum(int(dataset[number]["label_mask"].sum()) for number in range(len(dataset)))


def read_megatron(folder: Path, work: Path, length: int) -> Found:
    """Read with Megatron's IndexedDataset, and build a blend as the training script would."""
    blend = _blend(folder, "blend.txt")
    train, _ = _gpt_datasets(work, length, (_num_windows(blend, length), 0), blend=blend, split="100,0,0")
    return _megatron_found(blend, train, length)


def read_megatron_validation(folder: Path, work: Path, length: int) -> Found:
    """Read what is held out, the blends for training and validation given side by side."""
    blends = [_blend(folder, "blend.txt"), _blend(folder, "validation.txt")]
    counts = (_num_windows(blends[0], length), _num_windows(blends[1], length))
    _, valid = _gpt_datasets(work, length, counts, blend_per_split=[*blends, None])
    return _megatron_found(blends[1], valid, length)


def _blend(folder: Path, name: str) -> tuple[list[str], list[float]]:
    """Return prefixes and weights of a blend as Megatron reads them from its command line."""
    from megatron.core.datasets.utils import get_blend_from_list

    words = (folder / name).read_text().split()
    blend = get_blend_from_list([str(folder / word) if number % 2 else word for number, word in enumerate(words)])
    assert blend is not None
    prefixes, weights = blend
    assert weights is not None
    return prefixes, weights


def _num_windows(blend: tuple[list[str], list[float]], length: int) -> int:
    return int(sum(blend[1])) // length


def _gpt_datasets(work: Path, length: int, counts: tuple[int, int], **data: Any) -> Any:  # noqa: ANN401  (their class)
    """Return Megatron's datasets for training and validation."""
    import torch.distributed
    from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig

    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=length,
        path_to_cache=str(work),
        tokenizer=_Tokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        mid_level_dataset_surplus=0.005,
        **data,
    )
    store = torch.distributed.HashStore()  # type: ignore[attr-defined]  # it is there when torch runs
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    train, valid, _ = BlendedMegatronDatasetBuilder(GPTDataset, [*counts, 0], lambda: True, config).build()
    torch.distributed.destroy_process_group()
    return train, valid


def _megatron_found(blend: tuple[list[str], list[float]], dataset: Any, length: int) -> Found:  # noqa: ANN401
    """Return the documents of each pair of files, and how many windows of each a blended dataset takes."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    prefixes, _ = blend
    documents: dict[str, list[Tokens]] = {}
    for prefix in prefixes:
        read = IndexedDataset(prefix, mmap=True)
        ends = read.document_indices
        assert ends.tolist() == list(range(len(read) + 1)), f"{prefix}: documents and sequences differ"
        documents[Path(prefix).name] = [np.array(read[number]) for number in range(len(read))]
        assert [len(each) for each in documents[Path(prefix).name]] == read.sequence_lengths.tolist()
    num_windows = _num_windows(blend, length)
    seen = np.bincount(dataset.dataset_index[:num_windows], minlength=len(prefixes))
    taken = {Path(prefix).name: int(count) for prefix, count in zip(prefixes, seen, strict=True)}
    assert all(len(dataset[number]["tokens"]) == length for number in range(num_windows))
    version = importlib.metadata.version("megatron-core")
    return {
        "IndexedDataset": _of_sources("Megatron-LM", version, documents_found, documents),
        "GPTDataset, blended": {"project": "Megatron-LM", "version": version, "blend": taken},
    }


class _Tokenizer:
    """The little that Megatron's builder asks of a tokenizer."""

    def __init__(self) -> None:
        self.eod = self.pad = 0
        self.vocab_size = None
        self.unique_identifiers = {"class": "none"}


def read_datatrove(folder: Path, length: int, vocab_size: int) -> Found:
    """Read with datatrove: document ends and data as its merger does, and windows of its dataset for training."""
    from datatrove.pipeline.tokens.merger import get_data_reader, load_doc_ends
    from datatrove.utils.dataset import DatatroveFolderDataset

    token_size = 2 if vocab_size <= 2**16 else 4
    documents: dict[str, list[Tokens]] = {}
    windows: dict[str, list[Tokens]] = {}
    for source in sorted(path for path in folder.iterdir() if path.is_dir()):
        read = DatatroveFolderDataset(str(source), length - 1, token_size=token_size, return_positions=True)
        windows[source.name] = []
        for number in range(len(read)):
            item = read[number]
            windows[source.name].append(item["input_ids"].numpy())
        documents[source.name] = []
        for path in sorted(source.glob("*.ds")):
            ends = load_doc_ends(open(f"{path}.index", "rb"))  # noqa: SIM115  (they close it)
            for data in get_data_reader(open(path, "rb"), ends, nb_bytes=token_size):  # noqa: SIM115
                documents[source.name].append(np.frombuffer(data, f"<u{token_size}"))
    version = importlib.metadata.version("datatrove")
    return {
        "get_data_reader": _of_sources("datatrove", version, documents_found, documents),
        "DatatroveFolderDataset": _of_sources("datatrove", version, windows_found, windows),
    }


def read_hugging_face(folder: Path, split: str, work: Path) -> Found:
    """Read a split with `load_dataset`: the configuration of each source, and that of all."""
    import datasets

    version = datasets.__version__
    texts: dict[str, list[str]] = {}
    tokens = 0
    for source in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        if split not in datasets.get_dataset_split_names(str(folder), source):
            continue
        read = datasets.load_dataset(str(folder), source, split=split, cache_dir=str(work))
        assert set(read["source"]) == {source}
        texts[source] = list(read["text"])
        times_seen = np.array(read["times_seen"])
        assert split == "train" or not times_seen.any(), f"{source}: what is held out is seen"
        tokens += int(np.array(read["num_tokens"]) @ (times_seen if split == "train" else np.ones_like(times_seen)))
    everything = datasets.load_dataset(str(folder), split=split, cache_dir=str(work))
    assert len(everything) == sum(map(len, texts.values()))
    return {
        "load_dataset": _of_sources("datasets", version, texts_found, texts),
        "num_tokens x times_seen": {"project": "datasets", "version": version, "tokens": tokens},
    }


def _of_sources(project: str, version: str, found: Any, by_source: dict[str, Any]) -> Found:  # noqa: ANN401
    return {"project": project, "version": version, "sources": {name: found(each) for name, each in by_source.items()}}


if __name__ == "__main__":
    main()
