"""A tiny OLMo 2 model with a tokenizer of 300 tokens: the same for every version of every library, to the bit."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from mixes.manifest import FILE_NAME, dump
from mixes.parts import TOKENS_SUFFIX, PartDocuments, write_part
from tests.mixes.small_mix import SmallSource, publish_bytes, write_small_mix
from tests.trainer.small_run import structured_tokens
from trainer.models.decoder import LanguageModel
from trainer.models.hugging_face import config_of
from trainer.models.presets import ModelShape
from trainer.spec import SuiteSpec
from trainer.tensor_files import write_tensors

CONTEXT = 48
EOS = "<|endoftext|>"
SHAPE = ModelShape(
    hidden_size=32, intermediate_size=64, num_layers=2, num_heads=4, num_kv_heads=2, vocab_size=384, rope_theta=10_000.0
)
_MERGES = "Ġ t|h e|Ġ a|i n|o n|r e|Ġt he|e r|Ġ s|a t|Ġ o|n d|Ġ w|e s|o r|Ġ c|e n|Ġo f|Ġa nd|Ġin g|: ĊĊ|A n|Q u|Ċ Ċ"


def tiny_tokenizer() -> Tokenizer:
    """Return a byte-level tokenizer: 256 bytes, a few merges, EOS last."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [tuple(merge.split(" ")) for merge in _MERGES.split("|")]
    tokens = [*letters, *dict.fromkeys("".join(merge) for merge in merges), "Ġin", "ing", "ĊĊ"]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    known = [(first, second) for first, second in merges if {first, second} <= vocabulary.keys()]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=known))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([EOS])
    return tokenizer


def tiny_weights() -> dict[str, torch.Tensor]:
    """Return weights that give every token a likelihood of its own: uniform in (-0.3, 0.3), norms around 1."""
    bits = np.random.PCG64(1)
    with torch.device("meta"):
        shapes = {name: parameter.shape for name, parameter in LanguageModel(SHAPE).named_parameters()}
    found = {}
    for name, shape in sorted(shapes.items()):
        uniform = (bits.random_raw(shape.numel()) >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5
        weights = 1 + 0.5 * uniform if name.endswith("norm.weight") else 0.6 * uniform
        found[name] = torch.from_numpy(weights.astype(np.float32)).view(shape)
    return found


def write_tiny_model(folder: Path) -> Path:
    """Write the model as a Hugging Face folder, and return that."""
    tokenizer = tiny_tokenizer()
    eos_id = tokenizer.token_to_id(EOS)
    ids = {"bos_token_id": None, "eos_token_id": eos_id, "pad_token_id": None}
    config = config_of(SHAPE) | ids | {"max_position_embeddings": CONTEXT, "dtype": "float32"}
    of_tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT, "eos_token": EOS}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps(of_tokenizer))
    with (folder / "model.safetensors").open("wb") as handle:
        write_tensors(handle, tiny_weights())
    return folder


def suite_in(folder: Path) -> SuiteSpec:
    """Return what a model is evaluated on with the files that `write_tiny_evaluation` wrote."""
    return SuiteSpec(texts=str(folder / "texts"), tasks=(str(folder / "who.jsonl"),), shots=1)


def write_tiny_evaluation(folder: Path) -> None:
    """Write the model, three texts and five questions."""
    write_tiny_model(folder / "model")
    texts = {"long": ["the king and the queen of the land " * 9], "short": ["the ring", "on and on"]}
    for domain, of_domain in texts.items():
        (folder / "texts" / domain).mkdir(parents=True)
        lines = "".join(json.dumps({"text": text}) + "\n" for text in of_domain)
        (folder / "texts" / domain / "0.jsonl").write_text(lines)
    questions = [{"question": "Who?", "choices": ["the king", "a queen"], "answer": n % 2, "id": n} for n in range(5)]
    (folder / "who.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))


def write_tiny_mix(folder: Path, *, name: str = "small", seed: int = 1) -> Path:
    """Write a mix made with the tiny tokenizer, and `tokenizer.json` beside its files; return the mix's folder.

    Its documents have four tokens, EOS included, and three bytes; the first ten are held out.
    """
    tokenizer = tiny_tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    vocab_size = tokenizer.get_vocab_size()
    assert tokenizer.token_to_id(EOS) == vocab_size - 1
    tokens = structured_tokens(3000, seed, vocab_size)
    tokens[tokens == vocab_size - 1] = 0
    tokens[3::4] = vocab_size - 1
    manifest = write_small_mix(
        folder, [SmallSource(parts=[tokens.tolist()], held_out=[40])], vocab_size=vocab_size, name=name
    )
    starts = np.arange(0, len(tokens), 4)
    documents = PartDocuments(
        starts=starts,
        lengths=np.full(len(starts), 4),
        keys=np.arange(len(starts), dtype=np.uint64),
        ids=pa.array(map(str, starts)),
        shards=pa.array(["shard"] * len(starts)),
        rows=np.arange(len(starts)),
        bytes=np.full(len(starts), 3),
    )
    stem = str(folder / manifest.sources[0].parts[0].file).removesuffix(TOKENS_SUFFIX)
    write_part(stem, tokens, documents, vocab_size=vocab_size, eos_id=vocab_size - 1)
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    known = dataclasses.replace(manifest.tokenizer, digest=digest)
    publish_bytes(f"{folder}/mixes/{name}/{FILE_NAME}", dump(dataclasses.replace(manifest, tokenizer=known)))
    return folder / "mixes" / name
