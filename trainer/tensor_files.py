"""Files of named tensors: safetensors written in one pass, and read back by rows. Nothing in them can be executed."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mixes.errors import CheckpointError

_DTYPE_NAMES = {torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.int64: "I64"}
_FIRST_ROW = "first_row:"  # in the metadata of a file: where a tensor's rows begin in the whole tensor
_MAX_DIGITS = 18


class TensorForm(NamedTuple):
    """What is known of a tensor before it is there."""

    dtype: torch.dtype
    shape: tuple[int, ...]


def write_tensors(handle: BinaryIO, tensors: Mapping[str, Tensor], first_rows: Mapping[str, int] | None = None) -> None:
    """Write tensors that lie on the CPU as one safetensors file.

    Args:
        handle: where to write; need not seek.
        tensors: contiguous, by name.
        first_rows: for a tensor that is a stretch of rows of a larger one, where it begins; 0 where a name is missing.
    """
    forms = {name: TensorForm(tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    write_pieces(handle, forms, tensors.values(), first_rows)


def write_pieces(
    handle: BinaryIO,
    forms: Mapping[str, TensorForm],
    pieces: Iterable[Tensor],
    first_rows: Mapping[str, int] | None = None,
) -> None:
    """Write tensors that come piece by piece, so that no more than one piece need be held.

    The library's own writer makes no digest while it writes; here the handle may, so nothing is read twice.

    Args:
        handle: where to write; need not seek.
        forms: of the tensors, by name.
        pieces: on the CPU and contiguous: the first rows of the first tensor, its next ones, and so on to the last.
        first_rows: as of `write_tensors`.
    """
    metadata = {"format": "pt"} | {_FIRST_ROW + name: str(row) for name, row in (first_rows or {}).items()}
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, (dtype, shape) in forms.items():
        end = offset + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": _DTYPE_NAMES[dtype], "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # data begin at a multiple of 8, for readers that map the file
    handle.write(len(encoded).to_bytes(8, "little") + encoded)
    for piece in pieces:
        offset -= handle.write(piece.reshape(-1).view(torch.uint8).numpy().data)
    assert offset == 0, "the pieces are not those of the forms"


class TensorFiles(AbstractContextManager["TensorFiles"]):
    """Reads tensors whose rows may be spread over several files; to be closed after use.

    Args:
        paths: safetensors files that `write_tensors` wrote.

    Raises:
        CheckpointError: a file cannot be read or is no safetensors file.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._folder = paths[0].parent
        self._pieces: dict[str, list[tuple[int, Any]]] = {}  # name -> (first row, rows still on disk), by row
        for path in paths:
            file = _opened(path)
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 - no mapping
                row = metadata.get(_FIRST_ROW + name, "0")
                if not row.isdecimal() or len(row) > _MAX_DIGITS:
                    raise CheckpointError(f"{path}: {name}: found {row!r:.80} in place of the number of its first row")
                self._pieces.setdefault(name, []).append((int(row), file.get_slice(name)))
        for pieces in self._pieces.values():
            pieces.sort(key=itemgetter(0))

    @property
    def names(self) -> list[str]:
        """Return the names of all tensors."""
        return list(self._pieces)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a whole tensor.

        Raises:
            CheckpointError: there is no such tensor.
        """
        if name not in self._pieces:
            raise CheckpointError(f"{self._folder}: found no tensor {name!r}; wanted one from this model")
        shapes = [piece.get_shape() for _, piece in self._pieces[name]]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:]) if shapes[0] else ()

    def read(self, name: str, first: int = 0, stop: int | None = None) -> Tensor:
        """Return rows [first, stop) of a tensor, or all of it; a tensor without axes is always whole.

        Raises:
            CheckpointError: there is no such tensor, or some of its rows are in no file.
        """
        shape, pieces = self.shape(name), self._pieces[name]
        if not shape:
            whole: Tensor = pieces[0][1][()]
            return whole
        stop = shape[0] if stop is None else stop
        rows, place = [pieces[0][1][0:0]], first
        for row, piece in pieces:
            end = min(stop, row + piece.get_shape()[0])
            if row <= place < end:
                rows.append(piece[place - row : end - row])
                place = end
        if place < stop:
            raise CheckpointError(f"{self._folder}: {name}: found rows up to {place:,}, wanted {stop:,}")
        return torch.cat(rows)

    def __exit__(self, *_: object) -> None:
        """Close all files."""
        self._pieces.clear()


def _opened(path: Path) -> Any:  # noqa: ANN401 - the library's own class has no types
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {error}; copy it again") from error
