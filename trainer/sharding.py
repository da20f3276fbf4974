"""The model spread over all ranks with FSDP2, and its first weights."""

import hashlib

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

from trainer.models.decoder import LanguageModel, initial_weights
from trainer.models.presets import ModelShape
from trainer.ranks import Ranks, local_part, local_rows
from trainer.spec import Precision

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}  # by `precision` of the spec


def sharded_model(
    shape: ModelShape, precision: Precision, ranks: Ranks, *, compiled: bool = False, recomputes: bool = False
) -> LanguageModel:
    """Return a model whose parameters are spread over the ranks along their first axis, with no values yet.

    Each block is one unit of gathering; the last norm and the head are another, the embedding the root's. Blocks are
    gathered again for the backward pass where several ranks share them, which saves their memory.

    Args:
        shape: of the model.
        precision: of forward and backward; parameters and sums of gradients are float32.
        ranks: all processes.
        compiled: compile each block and the loss.
        recomputes: compute each block again in the backward pass, and keep nothing of it but its input.
    """
    with torch.device("meta"):
        model = LanguageModel(shape)
    model.model.recomputes = recomputes
    if compiled:
        for layer in model.model.layers:
            layer.compile(dynamic=False)
        model.lm_head.compile_loss()
    # Inputs are not cast: the hidden states have the dtype already, and the rotary tables must stay float32.
    policy = MixedPrecisionPolicy(param_dtype=DTYPES[precision], reduce_dtype=torch.float32, cast_forward_inputs=False)
    many = ranks.num_shards > 1
    for layer in model.model.layers:
        fully_shard(layer, mesh=ranks.mesh, mp_policy=policy, reshard_after_forward=many)
    fully_shard([model.model.norm, model.lm_head], mesh=ranks.mesh, mp_policy=policy, reshard_after_forward=False)
    fully_shard(model, mesh=ranks.mesh, mp_policy=policy, reshard_after_forward=many)
    register_fsdp_forward_method(model, "losses_at")
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # The loss is divided by the labels of all ranks, so gradients are added, not averaged. Gloo has no sum
            # with a factor; this makes it a plain one.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    model.to_empty(device=ranks.device)
    return model


def fill_with_initial_weights(model: nn.Module, seed: int) -> None:
    """Give every parameter its first weights: the same for any number of ranks and any device.

    Each tensor is drawn whole on the CPU, from a generator seeded by (seed, name), and each rank keeps its rows.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
            weights = initial_weights(name, parameter.shape, generator)
            first, stop = local_rows(parameter)
            local_part(parameter).copy_(weights[first:stop])
