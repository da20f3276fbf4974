"""A built mix to export: real parts, each document known, tokens that are the bytes of texts."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mixes.cut import Prefix, part_entry
from mixes.manifest import FileEntry, Manifest, PartEntry, SourceEntry, TokenizerEntry, dump
from mixes.parts import PartDocuments, write_part
from tests.mixes.small_mix import manifest_of, publish_bytes, source_entry

EOS = 256
VOCAB_SIZE = 300
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
CHARACTERS = {byte: chr(byte) for byte in _PRINTABLE} | {byte: chr(256 + i) for i, byte in enumerate(_OTHERS)}
TOKENIZER = {
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "vocab": {character: byte for byte, character in CHARACTERS.items()}, "merges": []},
    "added_tokens": [
        {"id": EOS, "content": "<eos>", "special": True},
        {"id": 299, "content": "<pad>", "special": True},
    ],
}
"""A byte-level tokenizer without merges: the token of a byte is the byte."""

SPEC = """\
name: small
tokens: 1_000
tokenizer: {file: "{data}/t.json", eos: "<eos>"}
rule_sets:
  free: [{measure: license, among: [MIT, CC0-1.0]}]
sources:
  - {name: web, documents: "{data}/web/*", proportion: 0.5, rules: free, max_epochs: 3}
  - {name: math, documents: "{data}/math/*", proportion: 0.5}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document: its id, its text, and its sampling key: its place in its part unless given."""

    name: str
    text: str
    key: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source: the documents of each part, whole epochs, and how many documents of each part are in its prefix."""

    name: str
    parts: Sequence[Sequence[Text]]
    whole_epochs: int
    prefixes: Sequence[int]
    held_out: int = 0  # documents of each part

    def stream(self) -> list[Text]:
        """Return its documents as the token stream has them."""
        seen = [part[self.held_out :] for part in self.parts]
        once = [text for part in seen for text in part]
        more = [text for part, prefix in zip(seen, self.prefixes, strict=True) for text in part[:prefix]]
        return once * self.whole_epochs + more


WEB = Source(
    name="web",
    parts=[
        [Text(name="w0", text="Ein Ä"), Text(name='w,"1"\r\n', text="<eos> as text"), Text(name="w2", text="🙂\n")],
        [Text(name="w3", text=""), Text(name="w4", text="the end")],
    ],
    whole_epochs=2,
    prefixes=[1, 2],
)
MATH = Source(
    name="math", parts=[[Text(name="m0", text="1+1=2"), Text(name="m1", text="π")], []], whole_epochs=0, prefixes=[1, 0]
)
NONE = Source(name="none", parts=[[Text(name="n0", text="never")]], whole_epochs=0, prefixes=[0])
SOURCES = (WEB, MATH, NONE)


def encode(text: str) -> list[int]:
    """Return the tokens of a text, without EOS."""
    return list(text.encode())


def token_lists(texts: Sequence[Text]) -> list[list[int]]:
    """Return the tokens of each document, with EOS."""
    return [[*encode(text.text), EOS] for text in texts]


def write_built_mix(root: Path, sources: Sequence[Source] = SOURCES, seed: int = 1234) -> Manifest:
    """Write parts, spec and manifest of a mix, and its tokenizer as `t.json`."""
    definition = json.dumps(TOKENIZER).encode()
    root.mkdir(exist_ok=True)
    (root / "t.json").write_bytes(definition)
    entries = [_write_source(root, source) for source in sources]
    spec = publish_bytes(f"{root}/mixes/small/spec.yaml", SPEC.encode())
    tokenizer = TokenizerEntry(
        name="t.json",
        digest=hashlib.sha256(definition).hexdigest(),
        vector="cd" * 32,
        vocab_size=VOCAB_SIZE,
        eos_id=EOS,
        special_ids=(EOS,),
        fim_ids={},
    )
    files = {"spec.yaml": FileEntry(size=spec.size, digest=spec.digest)}
    manifest = manifest_of(entries, tokenizer=tokenizer, dtype="uint16", files=files, seed=seed)
    publish_bytes(f"{root}/mixes/small/manifest.json", dump(manifest))
    return manifest


def _write_source(root: Path, source: Source) -> SourceEntry:
    parts = []
    for number, (texts, prefix) in enumerate(zip(source.parts, source.prefixes, strict=True)):
        parts.append(_write_part(root, f"tokens/{source.name}-0/u-{number:05d}", texts, source.held_out, prefix))
    return source_entry(source.name, source.whole_epochs, parts)


def _write_part(root: Path, stem: str, texts: Sequence[Text], held_out: int, prefix: int) -> PartEntry:
    documents = token_lists(texts)
    lengths = np.array([len(tokens) for tokens in documents], np.int64)
    sizes = np.array([len(text.text.encode()) for text in texts], np.int64)
    summary = write_part(
        f"{root}/{stem}",
        np.array([token for tokens in documents for token in tokens], np.uint32),
        PartDocuments(
            starts=np.cumsum(lengths) - lengths,
            lengths=lengths,
            keys=np.array([n if text.key is None else text.key for n, text in enumerate(texts)], np.uint64),
            ids=pa.array([text.name for text in texts], pa.string()),
            shards=pa.array(["a.jsonl"] * len(texts), pa.string()),
            rows=np.arange(len(texts)) * 2,
            bytes=sizes,
        ),
        vocab_size=VOCAB_SIZE,
        eos_id=EOS,
    )
    first_seen = min(held_out, len(texts))
    front, through = (
        Prefix(documents=end, tokens=int(lengths[:end].sum()), bytes=int(sizes[:end].sum()))
        for end in (first_seen, first_seen + prefix)
    )
    return part_entry(stem, summary, front, through)
