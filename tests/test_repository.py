"""What holds for the repository as a whole: the package list, sizes, names of this or that machine."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("filters", "mixes", "pages", "pipelines", "trainer")
FOLDERS = (*PACKAGES, ".ci", "benchmarks", "data", "docker", "docs", "tests")
MAX_FILE_BYTES = 2_000_000
IGNORED = {".git", "__pycache__", ".DS_Store"}

MODULE_OF = {
    "backports-zstd": "backports",
    "google-auth": "google",
    "google-re2": "re2",
    "pyyaml": "yaml",
}
"""The module that a distribution gives, where its name is another."""
BY_TORCH = {"tensorboard"}  # imported by torch.utils.tensorboard
TOOLS = {"build"}  # run, not imported
RUNNING = ("classifier", "gcp", "s3", "train", "wandb")  # extras that are needed when something is run
NEWER_THAN_THIS_PYTHON = {"_typeshed", "compression"}  # types only; the standard library from 3.14 on
MACHINE_PATH = re.compile(r"(?<![\w./:}])/(?:work|root|home/\w+|Users/\w+)/")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.|download\.pytorch")


def files() -> Iterator[Path]:
    """Yield the files that belong to the repository; nothing that a run or a tool left behind."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name not in IGNORED)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not IGNORED & set(path.parts):
                yield path


FILES = sorted(files())
TEXTS = [path for path in FILES if path.parent.parent != ROOT / "data" and path.suffix not in {".npz", ".gz", ".zst"}]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_package_list_names_every_folder_with_modules() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert sorted(CONFIG["tool"]["setuptools"]["packages"]) == sorted(names)


def test_every_package_has_an_init_module() -> None:
    for name in CONFIG["tool"]["setuptools"]["packages"]:
        assert (ROOT / name.replace(".", "/") / "__init__.py").is_file(), name


def test_a_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns(*IGNORED))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "wheel"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").iterdir()
    wanted = {path.relative_to(ROOT).as_posix() for path in FILES if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert not wanted - set(zipfile.ZipFile(wheel).namelist())


def test_console_scripts_name_functions_that_exist() -> None:
    for target in CONFIG["project"]["scripts"].values():
        module, _, function = target.partition(":")
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_direct_dependency_is_pinned_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {normalized(line.partition("==")[0]) for line in lines if "==" in line}
    project = CONFIG["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    assert not {normalized(requirement) for requirement in wanted} - pinned


def test_the_constraints_are_sorted_and_hold_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+(; python_version < \"3\.\d+\")?", pin) for pin in pins)
    assert pins == sorted(pins, key=lambda pin: pin.lower().encode())


def test_the_packages_import_what_is_declared_and_nothing_else() -> None:
    project = CONFIG["project"]
    extras = project["optional-dependencies"]
    used = (*project["dependencies"], *(name for extra in RUNNING for name in extras[extra]))
    declared = {normalized(name) for name in used}
    modules = {MODULE_OF.get(name, name.replace("-", "_")) for name in declared}
    paths = [path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]
    imported = {module for path in paths for module in imports_of(path)}
    assert imported - sys.stdlib_module_names - {*PACKAGES, *NEWER_THAN_THIS_PYTHON} == modules - BY_TORCH - TOOLS


def imports_of(path: Path) -> set[str]:
    """Return the top-level modules that a file imports when it runs, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_file_is_larger_than_two_megabytes() -> None:
    assert not [(path, path.stat().st_size) for path in FILES if path.stat().st_size > MAX_FILE_BYTES]


def test_no_file_names_a_path_of_a_machine_or_a_registry() -> None:
    texts = {path.relative_to(ROOT): path.read_bytes().decode("latin-1") for path in TEXTS}
    assert not [path for path, text in texts.items() if MACHINE_PATH.search(text) or REGISTRY.search(text)]


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_has_the_flags_of_all_benchmarks_and_says_how_to_run_it(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    flags = {ast.literal_eval(call.args[0]) for call in calls if call.func.attr == "add_argument"}  # type: ignore[attr-defined]
    assert {"--quick", "--json"} <= flags
    assert f"python benchmarks/{path.name}" in (ast.get_docstring(tree) or "")


def test_every_module_says_what_it_is_about() -> None:
    modules = {path: path.read_text("utf-8") for path in TEXTS if path.suffix == ".py"}
    assert not [path for path, text in modules.items() if text and not ast.get_docstring(ast.parse(text))]


def test_the_worker_image_copies_every_package_and_files_that_exist() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert {*PACKAGES, "pyproject.toml", "constraints.txt"} <= copied
    assert not [name for name in copied if not (ROOT / name).exists()]
    words = {line.partition(" ")[0] for line in lines if line and not line.startswith("#")}
    assert words == {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "ENTRYPOINT"}


def normalized(requirement: str) -> str:
    """Return the name of a requirement as registries compare it: `PyYAML>=6` and `pyyaml` are one."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name.group()).lower()
