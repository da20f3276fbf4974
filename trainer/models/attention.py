"""Causal attention with rotary positions, within an instance or within each of its documents.

Queries and keys are normed over their whole projected width before they are split into heads (OLMo team, 2024,
"2 OLMo 2 Furious", section 2.1).

B = instances, T = tokens of each, C = hidden_size, H = heads, D = width of a head.
"""

import contextlib

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from trainer.models.documents import Documents
from trainer.models.norm import RMSNorm
from trainer.models.past import Past
from trainer.models.presets import ModelShape

# cuDNN's kernel is the fastest that PyTorch brings for Hopper; what it refuses goes to the next.
_KERNELS = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


class Attention(nn.Module):
    """Causal attention with normed queries and keys, rotary positions and, where num_kv_heads < H, grouped heads."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        kv_size = shape.num_kv_heads * shape.head_dim
        self.head_dim = shape.head_dim
        self.q_proj = nn.Linear(shape.hidden_size, shape.hidden_size, bias=False)
        self.k_proj = nn.Linear(shape.hidden_size, kv_size, bias=False)
        self.v_proj = nn.Linear(shape.hidden_size, kv_size, bias=False)
        self.o_proj = nn.Linear(shape.hidden_size, shape.hidden_size, bias=False)
        self.q_norm = RMSNorm(shape.hidden_size, shape.norm_eps)
        self.k_norm = RMSNorm(kv_size, shape.norm_eps)

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor, documents: Documents | Past | None) -> Tensor:
        """Return the attended states of (B, T, C), same shape; `cos` and `sin` are those of `rotary_tables`."""
        queries = rotated(self._heads(self.q_norm(self.q_proj(hidden))), cos, sin)
        keys = rotated(self._heads(self.k_norm(self.k_proj(hidden))), cos, sin)
        values = self._heads(self.v_proj(hidden))
        attended = attend(queries, keys, values, documents)
        projected: Tensor = self.o_proj(attended.transpose(1, 2).flatten(2))
        return projected

    def _heads(self, projected: Tensor) -> Tensor:
        """Return (B, T, H * D) as (B, H, T, D)."""
        heads: Tensor = projected.unflatten(-1, (-1, self.head_dim))
        return heads.transpose(1, 2)


def attend(queries: Tensor, keys: Tensor, values: Tensor, documents: Documents | Past | None) -> Tensor:
    """Return what queries (B, H, T, D) gather from keys and values (B, kv heads, T, D), shape (B, H, T, D).

    Each sees the tokens up to itself: of its instance, of its document where documents are given, or of what was read
    before and now where that is given.
    """
    if isinstance(documents, Past):
        keys, values = documents.joined(keys, values)
    elif documents is not None and documents.starts is not None:
        return _attend_lengths(queries, keys, values, documents.starts)
    return functional.scaled_dot_product_attention(
        queries,
        keys,
        values,
        attn_mask=None if documents is None else documents.mask,
        is_causal=documents is None,
        enable_gqa=keys.shape[1] < queries.shape[1],
    )


def _attend_lengths(queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
    """Return the same from the kernel of variable lengths, to which all instances are one row of documents."""
    from torch.nn.attention.varlen import varlen_attn  # there is none on a CPU

    batch, num_heads, length, _ = queries.shape
    copies = num_heads // keys.shape[1]  # PyTorch 2.11 does not group heads in this kernel
    if copies > 1:
        keys, values = keys.repeat_interleave(copies, dim=1), values.repeat_interleave(copies, dim=1)
    query_rows, key_rows, value_rows = (heads.transpose(1, 2).flatten(0, 1) for heads in (queries, keys, values))
    attended = varlen_attn(query_rows, key_rows, value_rows, starts, starts, length, length, window_size=(-1, 0))
    assert isinstance(attended, Tensor)  # a pair only where more is asked for
    instances: Tensor = attended.unflatten(0, (batch, length))
    return instances.transpose(1, 2)


def attention_kernels(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Return a context in which a GPU tries the kernels of attention in the order of their speed."""
    return sdpa_kernel(_KERNELS, set_priority=True) if device.type == "cuda" else contextlib.nullcontext()


def rotary_tables(length: int, head_dim: int, theta: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of the rotary positions [0, length), float32, shape (length, head_dim) each.

    The first and the second half of a head turn together: Hugging Face's layout, not the interleaved one.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.int64, device=device).float() / head_dim
    angles = torch.outer(torch.arange(length, device=device).float(), 1.0 / theta**exponents)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return heads (B, H, T, D) turned by their positions, computed in float32; same shape and dtype."""
    first, second = heads.chunk(2, dim=-1)
    return (heads * cos + torch.cat((-second, first), dim=-1) * sin).to(heads.dtype)
