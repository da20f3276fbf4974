"""Models as Hugging Face publishes them: settings of config.json, and weights by the names that they have on disk.

In memory the names are ours too, and a dense model's weights are equal. Experts are stacked in memory and lie apart on
disk, each as gate, up and down: what transformers 4 holds and what transformers 5 writes and reads.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from mixes.errors import CheckpointError
from trainer.models.decoder import INIT_STD
from trainer.models.presets import ModelShape

_SETTINGS = {  # of config.json, by what they are called here
    "hidden_size": "hidden_size",
    "intermediate_size": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_kv_heads": "num_key_value_heads",
    "vocab_size": "vocab_size",
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "num_experts": "num_experts",
    "experts_per_token": "num_experts_per_tok",
}
_FRACTIONS = ("rope_theta", "rms_norm_eps")  # all other settings are whole numbers
_MAX_SIZE, _MAX_PARAMETERS = 2**31, 2**50  # so that a damaged size is refused before memory is asked for
_OF_EXPERTS = ("num_experts", "num_experts_per_tok")
_FIXED = ("hidden_act", "attention_bias", "tie_word_embeddings", "rope_scaling", "norm_topk_prob", "clip_qkv")
_EXPERTS = re.compile(r"(.*\.mlp\.experts)\.(gate_up_proj|down_proj)")


def pieces_of(name: str, tensor: Tensor, first: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that a parameter is on disk, by name, as views of it.

    Args:
        name: of the parameter.
        tensor: the parameter, or some of its rows; on the device `meta` for names and shapes alone.
        first: the number of its first row; of stacked experts, their number.
    """
    stacked = _EXPERTS.fullmatch(name)
    if stacked is None:
        yield name, tensor
        return
    parts = ("gate_proj", "up_proj") if stacked[2] == "gate_up_proj" else ("down_proj",)
    for expert, matrix in enumerate(tensor, first):
        for part, piece in zip(parts, matrix.chunk(len(parts)), strict=True):
            yield f"{stacked[1]}.{expert}.{part}.weight", piece


def config_of(shape: ModelShape) -> dict[str, Any]:  # Any: JSON
    """Return the model's part of config.json: every key, as the defaults of `transformers` are not the models'.

    RoPE stands there in both spellings, of transformers 4 and 5.
    """
    config = {theirs: getattr(shape, ours) for ours, theirs in _SETTINGS.items()}
    config |= {
        "architectures": ["Olmo2ForCausalLM"],
        "model_type": "olmo2",
        "hidden_act": "silu",
        "initializer_range": INIT_STD,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "use_cache": True,
        "rope_scaling": None,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
    }
    if shape.num_experts:
        experts = {
            "norm_topk_prob": False,
            "clip_qkv": None,
            "output_router_logits": False,
            "router_aux_loss_coef": 0.01,
        }
        return config | experts | {"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe"}
    return {key: value for key, value in config.items() if key not in _OF_EXPERTS}


def shape_of(config: Mapping[str, Any], place: str) -> ModelShape:  # Any: JSON
    """Return the shape that a published config.json describes, in the spelling of transformers 4 or 5.

    Args:
        config: its content.
        place: of the file, for messages.

    Raises:
        CheckpointError: it is another model's, lacks a key, or has a value that our models have not.
    """
    rope = config.get("rope_parameters")
    found = {**config, **rope} if isinstance(rope, dict) else dict(config)
    if found.get("model_type") not in ("olmo2", "olmoe"):
        raise CheckpointError(f"{place}: model_type: found {found.get('model_type')!r}, wanted 'olmo2' or 'olmoe'")
    is_routed = found["model_type"] == "olmoe"
    settings = {name: key for name, key in _SETTINGS.items() if is_routed or key not in _OF_EXPERTS}
    for key in settings.values():
        number: Any = found.get(key)  # Any: JSON
        kinds = (int, float) if key in _FRACTIONS else (int,)
        if type(number) not in kinds or not 0 < number < _MAX_SIZE:
            raise CheckpointError(
                f"{place}: {key}: found {number!r:.80}, wanted a {'' if float in kinds else 'whole '}number above 0; "
                "write it, as defaults are of other models"
            )
    shape = ModelShape(**{name: found[key] for name, key in settings.items()})
    if shape.hidden_size % (2 * shape.num_heads) or shape.num_heads % shape.num_kv_heads:
        heads = f"{shape.num_heads} heads, {shape.num_kv_heads} of keys, in a hidden_size of {shape.hidden_size}"
        raise CheckpointError(f"{place}: found {heads}; wanted heads of one even width that share keys evenly")
    if shape.num_parameters > _MAX_PARAMETERS:
        raise CheckpointError(f"{place}: found sizes of {shape.num_parameters:,} parameters; copy it again")
    wanted = config_of(shape) | {"rope_type": "default"}
    for key in ("rope_type", *_FIXED):
        if found.get(key, wanted.get(key)) != wanted.get(key):
            raise CheckpointError(
                f"{place}: {key}: found {found[key]!r}, wanted {wanted.get(key)!r}, as our models have"
            )
    return shape
