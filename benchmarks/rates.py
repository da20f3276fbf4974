"""What a byte of text costs at each station: the figures of `MEASURED` in `pipelines/estimating/rates.py`.

    OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 python benchmarks/rates.py SPEC --data DIR
    python benchmarks/rates.py mixes/smoke.yaml --quick      a fifth of each source; a first look

The stations run on all data of the spec in this process, and on a tenth of it first: the difference is what matching
takes, without Beam's own start. Give it some 50 MB of text of every kind. Figures are appended to
benchmarks/history.jsonl.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

from benchmarks.common.record import ROOT, keep_record
from pipelines.estimating import copying
from pipelines.estimating.rates import Rates
from pipelines.estimating.trial import Trial, try_sources
from pipelines.options import parse_options
from pipelines.plan import make_plan
from pipelines.request import make_build_settings, read_spec


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each rate and return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", help="a mix spec")
    parser.add_argument("--quick", action="store_true", help="a fifth of each source; for a look, not for the record")
    parser.add_argument("--data", metavar="DIR", type=Path, default=ROOT / "data", help="what {data} stands for")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    copying.MAX_SHARDS, copying.MAX_SHARD_BYTES = 1 << 30, 1 << 50
    share = 0.2 if arguments.quick else 1.0
    part, whole = (_try(arguments.spec, str(arguments.data), each) for each in (share / 10, share))
    figures = _figures(part, whole)
    for name, figure in figures.items():
        print(f"{name}={figure:.2g}" if isinstance(figure, float) else f"{name}={figure:,}")
    if not arguments.quick:
        keep_record("rates", figures, arguments.json)
    return 0


def _figures(part: Trial, whole: Trial) -> dict[str, float | int]:
    text = _sampled_bytes(whole)
    figures: dict[str, float | int] = {}
    for field in fields(Rates):
        if field.name not in ("match", "origin"):
            weights = [source.results.kept.bytes for source in whole.sources] if field.name == "tokenize" else text
            values = [getattr(rates, field.name) for rates in whole.rates]
            figures[field.name] = sum(a * b for a, b in zip(values, weights, strict=True)) / sum(weights)
    between = whole.between_seconds - part.between_seconds
    figures["match"] = between * 1e6 / (sum(text) - sum(_sampled_bytes(part)))
    figures["text_bytes"] = sum(text)
    figures["documents"] = sum(source.results.read.documents for source in whole.sources)
    return figures


def _try(spec: str, data: str, share: float) -> Trial:
    options = parse_options([spec, "--data", data])
    bound = read_spec(spec, data)
    plan = make_plan(bound, data)
    with tempfile.TemporaryDirectory() as folder:
        return try_sources(
            bound,
            plan,
            data,
            share,
            folder,
            lambda small, output: make_build_settings(replace(options, output=output), small),
        )


def _sampled_bytes(trial: Trial) -> list[int]:
    return [sum(shard.sampled_bytes for shard in source.shards) for source in trial.sources]


if __name__ == "__main__":
    sys.exit(main())
