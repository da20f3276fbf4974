"""Where the documents of an instance lie, for attention that does not cross them.

A document ends with its EOS, so the token after an EOS is the first that cannot see it. Rotary positions are not begun
again at each document, as in OLMo-core: attention depends on the distance of two tokens alone, so the logits of a
document are those that it has alone, up to rounding.

B = instances, T = tokens of each, N = documents of all of them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

_LEAST_STARTS = 64


class Documents(NamedTuple):
    """What attention needs to stay inside documents; one of the two is there.

    Attributes:
        mask: True where a query may see a key, shape (B, 1, T, T), bool; the reference, for any device and dtype.
        starts: where documents begin in the B * T tokens, and B * T, shape (N + 1,), int32, the last repeated up to a
            power of two so that compiled blocks see few shapes; for the kernel of variable lengths.
    """

    mask: Tensor | None
    starts: Tensor | None


def documents_of(numbers: Tensor, device: torch.device, dtype: torch.dtype) -> Documents:
    """Return the documents of a micro-batch.

    Args:
        numbers: of the document that each token belongs to, rising within an instance, shape (B, T), on the CPU.
        device: where attention runs.
        dtype: that it runs in; PyTorch's kernel of variable lengths wants a GPU and bfloat16.
    """
    if device.type != "cpu" and dtype == torch.bfloat16:
        return Documents(mask=None, starts=document_starts(numbers).to(device, non_blocking=True))
    numbers = numbers.to(device)
    same = numbers.unsqueeze(2) == numbers.unsqueeze(1)
    return Documents(mask=same.tril().unsqueeze(1), starts=None)


def document_starts(numbers: Tensor) -> Tensor:
    """Return `Documents.starts` of the numbers of documents (B, T)."""
    begins = torch.ones_like(numbers, dtype=torch.bool)
    begins[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
    starts = begins.flatten().nonzero().squeeze(1)
    size = max(_LEAST_STARTS, 1 << (len(starts)).bit_length())
    return torch.cat((starts, starts.new_full((size - len(starts),), numbers.numel()))).to(torch.int32)
