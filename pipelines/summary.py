"""What a build says at its end."""

import json
from collections import Counter
from collections.abc import Iterator

from mixes.ledger import Ledger
from mixes.ledger import parse as parse_ledger
from mixes.manifest import Manifest
from mixes.manifest import parse as parse_manifest
from pipelines.plan import format_bytes
from pipelines.settings import BuildSettings
from pipelines.storage import join, read_bytes


def tell_built(settings: BuildSettings) -> Iterator[str]:
    """Yield what a mix holds and where it lies, line by line, from its files."""
    folder = settings.uri("mixes", settings.spec.name)
    place = join(folder, "manifest.json")
    manifest = parse_manifest(read_bytes(place), place)
    yield from _sources(manifest)
    encoders = sorted({unit["encoder"] for unit in json.loads(read_bytes(join(folder, "units.json")))})
    ledger = join(folder, "ledger.json")
    failed = _failures(parse_ledger(read_bytes(ledger), ledger))
    if failed:
        yield from ("", f"not read: {failed}; the report names the shards")
    yield from ("", f"mix     {folder}", f"report  {join(folder, 'report.html')}", f"tokens  by {', '.join(encoders)}")


def _failures(ledger: Ledger) -> str:
    """Return how many records of all sources are no document, by reason; empty where there are none."""
    found: Counter[str] = Counter()
    for source in ledger.sources:
        found.update({reason: count.documents for reason, count in source.failed.items()})
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in found.most_common())
    return f"{found.total():,} records ({reasons})" if found else ""


def _sources(manifest: Manifest) -> Iterator[str]:
    has_repeats = any(source.tokens > source.available_tokens for source in manifest.sources)
    repeats = ", each counted as often as it is seen" if has_repeats else ""
    yield f"mix '{manifest.name}': {manifest.tokens:,} tokens of {manifest.documents:,} documents{repeats}"
    yield ""
    width = max(len(source.name) for source in manifest.sources)
    yield f"{'source':<{width}}  {'tokens':>15}  {'wanted':>15}  {'available':>15}  {'epochs':>7}  {'text':>9}"
    for source in manifest.sources:
        epochs = source.tokens / source.available_tokens if source.available_tokens else 0.0
        yield (
            f"{source.name:<{width}}  {source.tokens:>15,}  {source.wanted_tokens:>15,}  "
            f"{source.available_tokens:>15,}  {epochs:>7.2f}  {format_bytes(source.bytes):>9}"
        )
