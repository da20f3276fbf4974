"""The specs that ship: sound, planned from a listing without a network, and with the papers' numbers."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest

from mixes.spec.demands import estimated_wants
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import Bound
from mixes.typed_yaml.canonical import canonical_json, without_late
from pipelines import hub, listing
from pipelines.plan import Plan, make_plan
from pipelines.request import read_spec
from pipelines.settings import rules_of
from pipelines.storage import StoredFile

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "mixes").glob("*.yaml"))
DOLMINO = {"dolmino_50b": 50, "dolmino_100b": 100, "dolmino_300b": 300}

POOL = {  # tokens, OLMo 2's table 5
    "dclm": 752e9,
    "flan": 17.0e9,
    "stackexchange": 1.26e9,
    "pes2o": 58.6e9,
    "wiki": 3.7e9,
    "math": 10.7e9,
}
MIX_PERCENT = {  # table 13
    50: {"dclm": "47.2", "flan": "16.6", "stackexchange": "2.45", "pes2o": "5.85", "wiki": "7.11", "math": "20.8"},
    100: {"dclm": "50.2", "flan": "16.7", "stackexchange": "2.47", "pes2o": "9.52", "wiki": "3.57", "math": "17.5"},
    300: {"dclm": "51.9", "flan": "11.3", "stackexchange": "1.68", "pes2o": "19.4", "wiki": "4.86", "math": "10.8"},
}
SOURCE_PERCENT = {  # table 13
    50: {"dclm": 3.23, "flan": 50, "stackexchange": 100, "pes2o": 5.15, "wiki": 100, "math": 100},
    100: {"dclm": 6.85, "flan": 100, "stackexchange": 200, "pes2o": 16.7, "wiki": 100, "math": 200},
    300: {"dclm": 20.78, "flan": 200, "stackexchange": 400, "pes2o": 100, "wiki": 400, "math": 400},
}
OLMO_MIX = {  # tokens, table 4
    "dclm": 3.71e12,
    "starcoder": 83.0e9,
    "pes2o": 58.6e9,
    "arxiv": 20.8e9,
    "open_web_math": 12.2e9,
    "algebraic_stack": 11.8e9,
    "wiki": 3.7e9,
}
KEPT_OF_DCLM = 752e9 / 3.71e12  # tables 5 and 4
DCLM_SHARDS = 1_400  # here; the Hub has 27,938


def _hub() -> Iterator[tuple[str, int]]:
    """Yield names and sizes as the Hub's pages show them; where they show none, names of the same form."""
    dclm = "hf://datasets/mlfoundations/dclm-baseline-1.0"
    for number in range(DCLM_SHARDS):
        folder = f"global-shard_{number % 10 + 1:02}_of_10/local-shard_{number // 10 % 10}_of_10"
        yield f"{dclm}/{folder}/shard_{number // 100:08}_processed.jsonl.zstd", 215_000_000
    dolmino, olmo = "hf://datasets/allenai/dolmino-mix-1124/data", "hf://datasets/allenai/olmo-mix-1124/data"
    for number in range(209):
        yield f"{dolmino}/flan/tulu_flan-{number:04}.json.gz", 150_000_000
    for number in range(26):
        yield f"{dolmino}/pes2o/pes2o-{number:04}.json.gz", 5_000_000_000
        yield f"{olmo}/pes2o/pes2o-{number:04}.json.gz", 5_000_000_000
        yield f"{dolmino}/stackexchange/stackexchange-{number:04}.json.gz", 100_000_000
    for root in (dolmino, olmo):
        yield f"{root}/wiki/wiki-0000.json.gz", 4_260_000_000
        yield f"{root}/wiki/wiki-0001.json.gz", 2_220_000_000
    for name in (
        "codesearchnet-owmfilter/a.jsonl.gz",
        "dolmino_math_synth/gsm_mind/clean_stop/a.jsonl",
        "gsm8k/main/train/a.jsonl.zst",
        "mathcoder2-synthmath/ajibawa-2023/a.jsonl",
        "metamath-owmfilter/a.jsonl.gz",
        "tinyGSM-MIND/2students/a.jsonl.gz",
        "tulu_math/personahub_math_v5_regen_149960/a.jsonl",
    ):
        yield f"{dolmino}/math/{name}", 10_000_000
    for name in ("starcoder", "arxiv", "open-web-math", "algebraic-stack"):
        yield f"{olmo}/{name}/{name}-0000.json.gz", 1_270_000_000


HUB = {uri: StoredFile(uri=uri, size=size, version="1") for uri, size in _hub()}


def _find(pattern: str) -> list[StoredFile]:
    if pattern.startswith("hf://"):
        return [file for uri, file in HUB.items() if hub._matches(uri.split("/"), pattern.split("/"))]
    paths = sorted(ROOT.glob(str(Path(pattern).relative_to(ROOT))))
    return [StoredFile(uri=str(path), size=path.stat().st_size, version="1") for path in paths if path.is_file()]


@pytest.fixture(scope="module")
def bounds() -> dict[str, Bound[MixSpec]]:
    return {name: read_spec(str(ROOT / f"mixes/{name}.yaml"), "data") for name in SHIPPED}


@pytest.fixture(scope="module")
def plans(bounds: dict[str, Bound[MixSpec]]) -> Iterator[dict[str, Plan]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "find", _find)
        yield {name: make_plan(bound, str(ROOT / "data")) for name, bound in bounds.items()}


def _wanted(spec: MixSpec) -> list[int]:
    """Return the tokens wanted of each source, if all have more than enough."""
    num_sources = len(spec.sources)
    return [sum(tokens) for _, tokens in estimated_wants(spec, [10**15] * num_sources, [None] * num_sources)]


def _table(name: str) -> list[list[str]]:
    """Return the cells of the table in a spec's first comment, without its head."""
    lines = (ROOT / f"mixes/{name}.yaml").read_text("utf-8").splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith("#   source "))
    rows = takewhile(lambda line: line.startswith("#   "), lines[begin + 1 :])
    return [re.split(r"\s{2,}", line[4:]) for line in rows]


def test_the_mixes_of_the_papers_ship() -> None:
    assert {*DOLMINO, "olmo_mix_1124", "dolmino_mini", "microanneal", "smoke"} == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_spec_is_sound_and_has_its_file_s_name(name: str, bounds: dict[str, Bound[MixSpec]]) -> None:
    assert bounds[name].value.name == name
    assert all(source.rules == () or rules_of(bounds[name].value, source) for source in bounds[name].value.sources)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_spec_is_planned_from_a_listing(name: str, plans: dict[str, Plan]) -> None:
    assert all(source.num_shards > 0 for source in plans[name].sources)


@pytest.mark.parametrize("name", [*DOLMINO, "dolmino_mini", "microanneal"])
def test_the_table_of_a_spec_is_what_its_budget_gives(name: str, bounds: dict[str, Bound[MixSpec]]) -> None:
    spec = bounds[name].value
    wanted = _wanted(spec)
    assert sum(wanted) == spec.tokens
    rows = _table(name)
    assert [row[0] for row in rows] == [source.name for source in spec.sources]
    for row, source, tokens in zip(rows, spec.sources, wanted, strict=True):
        percent, shown = (row[2], row[3]) if name in DOLMINO else (row[1], row[2])
        assert source.proportion is not None
        assert (percent, shown) == (f"{source.proportion * 100:.4g} %", f"{tokens:,}")


@pytest.mark.parametrize(("name", "billions"), DOLMINO.items())
def test_a_dolmino_mix_has_the_proportions_of_the_paper(
    name: str, billions: int, bounds: dict[str, Bound[MixSpec]]
) -> None:
    spec = bounds[name].value
    assert spec.tokens == billions * 10**9
    for source in spec.sources:
        assert source.proportion is not None
        percent = MIX_PERCENT[billions][source.name]
        digits = len(percent.partition(".")[2])
        assert f"{source.proportion * 100:.{digits}f}" == percent


@pytest.mark.parametrize(("name", "billions"), DOLMINO.items())
def test_a_dolmino_table_agrees_with_the_paper_s_pool(
    name: str, billions: int, bounds: dict[str, Bound[MixSpec]]
) -> None:
    for row, source in zip(_table(name), bounds[name].value.sources, strict=True):
        _, pool, _, tokens, epochs, paper = row
        assert float(pool.removesuffix("B")) * 1e9 == POOL[source.name]
        seen = int(tokens.replace(",", "")) / POOL[source.name]
        assert epochs == f"{seen:.3g}"
        assert seen <= source.max_epochs
        assert paper == f"{SOURCE_PERCENT[billions][source.name]:g} %"


@pytest.mark.parametrize(("name", "billions"), DOLMINO.items())
def test_the_paper_s_parts_of_the_pool_give_its_proportions(
    name: str, billions: int, bounds: dict[str, Bound[MixSpec]]
) -> None:
    parts = {source: SOURCE_PERCENT[billions][source] / 100 * POOL[source] for source in POOL}
    others = {source.name: source.proportion or 0.0 for source in bounds[name].value.sources}
    if billions > 50:  # the mix % of math is the rule: its source % is another number of tokens
        del parts["math"], others["math"]
    for source, tokens in parts.items():
        # 1.5 %: the pool's figures have two or three digits, 3.7B of wiki are 3.66B
        assert tokens / sum(parts.values()) == pytest.approx(others[source] / sum(others.values()), rel=0.015)


def test_the_pretraining_mix_has_the_tokens_of_the_paper(bounds: dict[str, Bound[MixSpec]]) -> None:
    spec = bounds["olmo_mix_1124"].value
    assert {source.name: source.epochs for source in spec.sources} == dict.fromkeys(OLMO_MIX, 1.0)
    total = sum(OLMO_MIX.values())
    assert _table("olmo_mix_1124") == [
        [name, f"{tokens / total * 100:.4g} %", f"{int(tokens):,}"] for name, tokens in OLMO_MIX.items()
    ]


def test_the_dolmino_mixes_share_one_pool_of_parts(bounds: dict[str, Bound[MixSpec]], plans: dict[str, Plan]) -> None:
    assert len({canonical_json(without_late(bounds[name].value)) for name in DOLMINO}) == 1
    assert len({plans[name].units for name in DOLMINO}) == 1


def test_a_smaller_sample_of_shards_makes_units_that_the_larger_has_too(bounds: dict[str, Bound[MixSpec]]) -> None:
    bound = bounds["dolmino_50b"]
    dclm, *others = bound.value.sources
    alone = replace(bound.value, sources=(replace(dclm, sample=replace(dclm.sample, shards=0.04)), *others))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "find", _find)
        names = [{unit.name for unit in make_plan(each, "data").units} for each in (replace(bound, value=alone), bound)]
    assert names[0] < names[1]


def test_the_sample_of_dclm_holds_what_the_largest_mix_wants(plans: dict[str, Plan]) -> None:
    dclm = plans["dolmino_300b"].sources[0]
    assert dclm.num_shards / DCLM_SHARDS == pytest.approx(0.25, abs=0.03)
    assert 0.25 * OLMO_MIX["dclm"] * KEPT_OF_DCLM > 1.15 * dclm.wanted_tokens


@pytest.mark.parametrize("name", [*DOLMINO, "olmo_mix_1124"])
def test_the_filters_are_those_of_the_paper(name: str, bounds: dict[str, Bound[MixSpec]]) -> None:
    spec = bounds[name].value
    rules = {source.name: {rule.measure: rule for rule in rules_of(spec, source)} for source in spec.sources}
    assert spec.repeated_ngrams is not None
    assert (spec.repeated_ngrams.max_period, spec.repeated_ngrams.min_repeats) == (13, 32)
    if name == "olmo_mix_1124":
        assert rules["starcoder"]["top_word_fraction"].max == 0.3
        assert rules["starcoder"]["top_two_words_fraction"].max == 0.5
    else:
        assert (rules["dclm"]["oh_eli5"].min, rules["dclm"]["fineweb_edu"].min) == (0.03311014, 2)
        assert rules["flan"]["evaluation_overlap"].max == math.nextafter(0.1, 0)  # 10 % is dropped already


def test_the_documentation_has_the_tokens_of_the_dolmino_mixes(bounds: dict[str, Bound[MixSpec]]) -> None:
    text = (ROOT / "docs/mixes.md").read_text("utf-8")
    wanted = [_wanted(bounds[name].value) for name in DOLMINO]
    for name, pool, *tokens in zip(POOL, POOL.values(), *wanted, strict=True):
        billions = [f"{each / 1e9:.10g} ({each / pool:.3f})" for each in tokens]
        assert f"| {' | '.join([name, f'{pool / 1e9:g}', *billions])} |" in text
