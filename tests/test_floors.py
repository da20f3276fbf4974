"""Reads the imports of every module: the floors between packages and the levels inside them."""

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("filters", "mixes", "pages", "pipelines", "trainer")
ENTRY_MODULES = (
    "mixes.diff",
    "mixes.export",
    "mixes.show",
    "mixes.verify",
    "pipelines.build_mix",
    "pipelines.explain",
    "pipelines.forget",
    "pipelines.train_quality",
    "trainer.anneal",
    "trainer.evaluate",
    "trainer.export",
    "trainer.generate",
    "trainer.microanneal",
    "trainer.report",
    "trainer.run",
    "trainer.soup",
)

NOT_FOR = {
    "filters": {"mixes", "pages", "pipelines", "trainer", "apache_beam"},
    "mixes": {"filters", "pipelines", "trainer", "apache_beam", "torch"},
    "pages": {"filters", "mixes", "pipelines", "trainer", "apache_beam", "torch"},
    "pipelines": {"trainer", "torch"},
    "trainer": {"filters", "pipelines", "apache_beam"},
}
"""What a package must not import: the floors of docs/architecture.md."""

SLOW = {"transformers", "tensorboard", "wandb"}
"""What only functions import, so that `--help`, `--dry-run` and workers that need none of it start fast."""

SLOW_IN = {"filters": {"torch"}}
"""The same for one package: model classifiers need torch, and few builds use any."""

LEVELS: dict[str, tuple[str, ...]] = {
    "filters": (
        "blocks columns kernels phrases rules",
        "batches rule_sets utf8",
        "definitions edits",
        "settings",
        "duplicates privacy provenance text",
        "classifiers contamination formula",
        "program variants",
        "editors measures own_measures",
        "documentation warm_up",
    ),
    "filters.classifiers": (
        "fasttext_file fasttext_subwords naming preparation",
        "fasttext_rows fields transformer",
        "fasttext_model fasttext_training",
        "fasttext_label language paragraphs",
    ),
    "filters.contamination": (
        "evaluations words",
        "index",
        "answer_index overlap",
        "answers",
        "group",
    ),
    "filters.duplicates": (
        "folding",
        "normalize paragraphs shingles substrings",
        "candidates components jaccard minhash survivors",
    ),
    "filters.formula": ("delimiters", "signals"),
    "filters.privacy": (
        "emails ip_addresses phones",
        "personal_data",
    ),
    "filters.program": (
        "contents credentials encoded markup python_comments syntaxes",
        "languages literals",
        "comments",
        "limits notices",
        "group",
    ),
    "filters.provenance": (
        "canonical hashed_set licences lists names",
        "public_suffixes",
        "urls",
    ),
    "filters.text": (
        "characters newlines",
        "letter_case masks",
        "segments",
        "bad_words c4_lines compression counts damage fineweb madlad ngrams quality refinedweb_lines repetition runs",
        "c4 refinedweb",
        "c4_edits group",
    ),
    "filters.variants": (
        "english_tables lines ngrams",
        "dolma english repeated_ngrams",
        "datatrove",
    ),
    "mixes": (
        "demand errors hashing kernels progress token_ids",
        "command",
        "files lock permutation records repeats shortage splits token_bytes tokenizer_file typed_yaml upsampling",
        "budget ledger manifest parts",
        "cut mix_files segments verification",
        "comparing held_out stores token_stream",
        "opening spec stream_documents",
        "schema",
        "exporting showing",
        "diff export show verify",
    ),
    "mixes.comparing": ("documents facts", "comparison", "telling"),
    "mixes.exporting": (
        "notes target",
        "datatrove hugging_face megatron olmo_core",
    ),
    "mixes.showing": ("places", "documents", "words", "page terminal"),
    "mixes.stores": ("addresses cache", "ranges", "files"),
    "mixes.spec": (
        "places",
        "dedupe fim rule_items sampling sections",
        "amounts",
        "source",
        "mix",
        "demands known_names licences",
    ),
    "mixes.typed_yaml": ("fields", "checks nodes", "canonical scalars", "binding"),
    "pages": (
        "markup",
        "figures shell tables terminal",
    ),
    "pipelines": (
        "web",
        "hub",
        "documents garbage lock options progress report spill storage",
        "earlier encoding forgotten readers stored_records",
        "listing quality",
        "plan",
        "settings",
        "stations tools",
        "connecting explaining pool repeating request summary",
        "matching settled",
        "splitting",
        "graph",
        "estimating forgetting workers",
        "build_mix explain train_quality",
        "forget warm_up",
    ),
    "pipelines.encoding": (
        "definition",
        "added cutting strings",
        "backends",
        "proof",
        "encoder",
        "fim",
    ),
    "pipelines.estimating": (
        "budgeting copying rates",
        "trial",
        "forecast",
        "tables",
    ),
    "pipelines.explaining": (
        "explanation tables",
        "built differences pages records spelling",
        "fates limits originals places",
        "likeness telling",
    ),
    "pipelines.forgetting": (
        "search work",
        "clusters keys proof touched",
        "plan",
        "telling",
    ),
    "pipelines.quality": ("figures labelled", "card"),
    "pipelines.readers": (
        "byte_reader json_values pages settings thrift",
        "decompression json_scan parquet_layout stored",
        "batches http_messages warc",
        "archives jsonl parquet text",
        "shards",
    ),
    "pipelines.report": (
        "data",
        "charts head reasons samples",
        "budget comparison flow rules spread",
        "page",
    ),
    "pipelines.stations": (
        "digests fingerprints unit_tokens",
        "components firsts publish texts",
        "match measure paragraphs scan substrings",
        "measured sign",
        "judge reading",
        "bands part_writer ranks rule_report verify",
        "cut lost tokens",
        "account",
        "verdicts",
        "repeats samples splits",
        "results",
        "shown",
        "assemble",
    ),
    "trainer": (
        "arguments figures mix_order models schedule stopping tensor_files",
        "command loader ranks spec",
        "checkpoint optimizer run_data sharding",
        "published saving watching",
        "evaluation updates",
        "generation resume",
        "plan",
        "loop",
        "stages",
        "stage_command",
        "anneal evaluate export generate microanneal report run soup",
    ),
    "trainer.evaluation": (
        "arguments encoding json_lines progress requests sums",
        "opening questions scoring",
        "formats texts",
        "tasks",
        "results",
        "suite",
        "periodic reached tables",
        "standalone",
    ),
    "trainer.stages": (
        "comparison souping",
        "telling",
        "annealing",
    ),
    "trainer.watching": (
        "devices lines spikes",
        "boards curves run_facts",
        "charts steps",
        "metrics page",
    ),
    "trainer.published": ("card weights", "folder"),
    "trainer.models": (
        "documents head norm past presets",
        "attention swiglu",
        "decoder",
        "hugging_face",
    ),
}
"""The modules and packages in each package, lowest level first: one imports only from levels below its own.

Modules of one level are siblings and do not know each other. A package's `__init__` stands above its own modules.
"""


def modules() -> dict[str, Path]:
    """Return every module of ours by its dotted name; a package's own name stands for its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of each import in a tree; `from package import module` counts as that module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield node.lineno, name if name in MODULES else node.module or ""


@functools.cache
def parse(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"))


def level_of(package: str, name: str) -> int:
    """Return the level that a module stands on, or the package that holds it, inside `package`."""
    inside = name.removeprefix(package).lstrip(".").split(".")[0]
    if not inside:
        return len(LEVELS[package])
    for level, names in enumerate(LEVELS[package]):
        if inside in names.split():
            return level
    pytest.fail(f"{package}.{inside}: not in LEVELS of tests/test_floors.py; add it above everything that it imports")


def common_package(first: str, second: str) -> str:
    """Return the innermost package that holds both modules: `a.b` for `a.b.c` and `a.b.d.e`."""
    package = first if MODULES[first].name == "__init__.py" else first.rpartition(".")[0]
    while not f"{second}.".startswith(f"{package}."):
        package = package.rpartition(".")[0]
    return package


def is_above(name: str, imported: str) -> bool:
    """Return whether `name` stands on a higher level than the module it imports from its own top package."""
    package = common_package(name, imported)
    return level_of(package, name) > level_of(package, imported)


def test_a_module_imports_nothing_from_a_floor_it_must_not_know() -> None:
    assert not [
        f"{MODULES[name]}:{line}: imports {module}"
        for name in MODULES
        for line, module in imports_of(parse(name))
        if module.split(".")[0] in NOT_FOR[name.split(".", maxsplit=1)[0]]
    ]


def test_a_module_imports_only_from_levels_below_its_own() -> None:
    assert not [
        f"{MODULES[name]}:{line}: imports {module}"
        for name in MODULES
        for line, module in imports_of(parse(name))
        if module in MODULES and module.split(".")[0] == name.split(".", maxsplit=1)[0] and not is_above(name, module)
    ]


@pytest.mark.parametrize("package", LEVELS)
def test_the_levels_name_each_module_once_and_only_modules_that_exist(package: str) -> None:
    named = [f"{package}.{name}" for names in LEVELS[package] for name in names.split()]
    assert sorted(named) == sorted({name for name in MODULES if name.rpartition(".")[0] == package})


def test_imports_are_absolute() -> None:
    assert not [
        f"{MODULES[name]}:{node.lineno}"
        for name in MODULES
        for node in ast.walk(parse(name))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_no_module_has_the_name_of_a_standard_module() -> None:
    # `python trainer/run.py` puts the folder of the script first on the path: a `queue.py` there would shadow queue.
    assert not [name for name in MODULES if name.rpartition(".")[2] in sys.stdlib_module_names]


def test_slow_libraries_are_not_imported_with_the_module() -> None:
    assert not [
        f"{MODULES[name]}:{line}: imports {module}"
        for name in MODULES
        for node in parse(name).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line, module in imports_of(node)
        if module.split(".")[0] in SLOW | SLOW_IN.get(name.split(".", maxsplit=1)[0], set())
    ]


@pytest.mark.parametrize("name", ENTRY_MODULES)
def test_an_entry_module_defines_no_class(name: str) -> None:
    # A DoFn defined in `__main__` would be pickled by value instead of being imported by the worker.
    assert not [node.name for node in ast.walk(parse(name)) if isinstance(node, ast.ClassDef)]
