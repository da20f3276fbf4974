"""The mixes of a run, open for reading: their sources, their batches in the order of the steps, their documents."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixes.errors import SpecError
from mixes.manifest import Manifest
from mixes.opening import BuiltMix, MixPlace, open_mix
from mixes.stream_documents import StreamDocument, documents_at
from mixes.token_stream import TokenStream
from trainer.loader import Batch, Loader
from trainer.mix_order import order_of
from trainer.ranks import Ranks
from trainer.spec import TrainSpec


class RunData:
    """What a run learns from.

    Args:
        mixes: opened, at least one.
        streams: of each, its tokens.
        spec: of the run; `data` says the order of several.
        ranks: all processes.

    Attributes:
        manifests: of its mixes.

    Raises:
        MixError: a mix is shorter than an instance.
        SpecError: they are not the mixes of the spec, or have different tokenizers.
    """

    def __init__(
        self, mixes: Sequence[BuiltMix], streams: Sequence[TokenStream], spec: TrainSpec, ranks: Ranks
    ) -> None:
        self.manifests = tuple(mix.manifest for mix in mixes)
        self._order = order_of([manifest.name for manifest in self.manifests], spec.data_steps, spec.num_steps)
        require_one_tokenizer(self.manifests)
        self._files = [mix.files for mix in mixes]
        self._streams = streams
        self._length = spec.sequence_length
        self._loaders = [
            Loader(
                stream,
                sequence_length=spec.sequence_length,
                global_batch=spec.global_batch,
                data_seed=spec.seed if spec.data_seed is None else spec.data_seed,
                mask_repeated_ngrams=spec.mask_repeated_ngrams,
                end_of_document=self.manifests[0].tokenizer.eos_id if spec.document_masking else None,
                rank=ranks.rank,
                world_size=ranks.world_size,
                pin=ranks.device.type == "cuda",
            )
            for stream in streams
        ]

    @property
    def source_names(self) -> list[str]:
        """Names of all sources as batches number them; where there are several mixes, `mix:source`."""
        many = len(self.manifests) > 1
        return [
            f"{manifest.name}:{source.name}" if many else source.name
            for manifest in self.manifests
            for source in manifest.sources
        ]

    def batch(self, step: int) -> Batch:
        """Return the batch of a step of the run, from 1; a pure function of mixes, settings and step.

        Raises:
            MixError: a part was cut or damaged since it was opened.
        """
        mix, step_of_mix = self._order.at(step)
        batch = self._loaders[mix].batch(step_of_mix)
        first_source = sum(len(manifest.sources) for manifest in self.manifests[:mix])
        return replace(batch, sources=batch.sources + np.int32(first_source))

    def announce(self, step: int) -> None:
        """Begin to fetch what the batch of a step will read, where that lies in a store; returns at once."""
        mix, step_of_mix = self._order.at(step)
        self._loaders[mix].announce(step_of_mix)

    def documents(self, step: int, instances: NDArray[np.int64]) -> list[list[StreamDocument]]:
        """Return the documents of each of some instances of a step.

        Raises:
            MixError: an index is absent or damaged.
        """
        mix, _ = self._order.at(step)
        starts = instances * self._length
        return documents_at(self._streams[mix], self.manifests[mix], self._files[mix], starts, self._length)


@contextlib.contextmanager
def open_data(mixes: Sequence[MixPlace], spec: TrainSpec, ranks: Ranks) -> Iterator[RunData]:
    """Give the data of a run.

    Args:
        mixes: folders of built mixes, at least one.
        spec: of the run; `data` says the order of several.
        ranks: all processes.

    Raises:
        MixError: a mix is absent, damaged or shorter than an instance.
        SpecError: they are not the mixes of the spec, or have different tokenizers.
    """
    opened = [open_mix(mix) for mix in mixes]
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(TokenStream(mix.manifest, mix.files)) for mix in opened]
        yield RunData(opened, streams, spec, ranks)


def require_one_tokenizer(manifests: Sequence[Manifest]) -> None:
    """Refuse mixes of different tokenizers.

    Raises:
        SpecError: they differ; the message names two.
    """
    first = manifests[0]
    for other in manifests[1:]:
        if other.tokenizer.digest != first.tokenizer.digest:
            raise SpecError(
                f"--mix: found the tokenizer {other.tokenizer.name} {other.tokenizer.digest[:12]} in {other.name} and "
                f"{first.tokenizer.name} {first.tokenizer.digest[:12]} in {first.name}; wanted mixes of one tokenizer"
            )
