"""Binding: values of every type, every refusal with its exact words and place, and no surprise from any bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import SpecError
from mixes.typed_yaml.binding import Bound, bind_file, bind_text, nearest
from mixes.typed_yaml.fields import SettingError, about
from mixes.typed_yaml.nodes import MAX_LENGTH


class Size(StrEnum):
    """A choice."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Both may be left out."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMeasure:
    """Told by `measure`."""

    measure: str
    low: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BySet:
    """Told by `rules`; takes any other key."""

    rules: str
    limits: Mapping[str, Limits] = field(default_factory=dict, metadata=about("changed limits", rest=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """Checks its fields together."""

    rate: float = field(default=0.1, metadata=about("learning rate", above=0, at_most=1))
    warmup_steps: int = field(default=0, metadata=about("steps", at_least=0))
    decay_steps: int = field(default=10, metadata=about("steps", at_least=1))

    def __post_init__(self) -> None:
        if self.warmup_steps > self.decay_steps:
            raise SettingError(
                "warmup_steps", f"found {self.warmup_steps}, wanted at most decay_steps {self.decay_steps}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every kind of field that settings may have."""

    steps: int = field(metadata=about("steps", at_least=1))
    name: str = field(default="run", metadata=about("name", pattern="[a-z]+", form="lower-case letters"))
    size: Size = Size.SMALL
    backend: Literal["gloo", "nccl"] | None = None
    compiled: bool = False
    files: tuple[str, ...] = field(default=("a",), metadata=about("files", min_items=1, single=True))
    betas: tuple[float, ...] = (0.9, 0.95)
    optimizer: Optimizer = field(default_factory=Optimizer)
    named: Mapping[str, int] = field(default_factory=dict, metadata=about("numbers", pattern="[a-z]+"))
    rules: str | tuple[ByMeasure | BySet, ...] = ()


def bound(text: str) -> Bound[Config]:
    return bind_text(Config, text, "a.yaml")


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as error:
        bound(text)
    return str(error.value)


def test_what_a_file_leaves_out_has_its_default() -> None:
    assert bound("steps: 5").value == Config(steps=5)


def test_every_kind_of_field_is_bound() -> None:
    value = bound(
        """
steps: 1_000
name: long
size: large
backend: gloo
compiled: true
files: [x, y]
betas: [0.9, 1]
optimizer: {rate: 3e-4, warmup_steps: 2}
named: {a: 1, b: 2}
rules:
  - {measure: words, low: 1}
  - {rules: gopher, words: {low: 1, high: null}, lines: {high: 2}}
"""
    ).value
    assert value == Config(
        steps=1000,
        name="long",
        size=Size.LARGE,
        backend="gloo",
        compiled=True,
        files=("x", "y"),
        betas=(0.9, 1.0),
        optimizer=Optimizer(rate=0.0003, warmup_steps=2),
        named={"a": 1, "b": 2},
        rules=(
            ByMeasure(measure="words", low=1.0),
            BySet(rules="gopher", limits={"words": Limits(low=1.0), "lines": Limits(high=2.0)}),
        ),
    )
    assert isinstance(value.betas[1], float)


def test_a_lone_item_stands_for_a_list_only_where_the_field_says_so() -> None:
    assert bound("steps: 5\nfiles: x").value.files == ("x",)
    assert refusal("steps: 5\nbetas: 1") == "a.yaml:2:8: betas: found 1, wanted a list"


def test_a_union_takes_either_form() -> None:
    assert bound("steps: 5\nrules: web").value.rules == "web"
    assert bound("steps: 5\nrules: []").value.rules == ()


def test_json_is_yaml_too() -> None:
    assert bound('{"steps": 5, "files": ["x"], "compiled": true, "backend": null}').value == Config(
        steps=5, files=("x",), compiled=True
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 5\nstep: 6", "a.yaml:2:1: unknown key 'step'; did you mean 'steps'?"),
        (
            "steps: 5\noptimizer: {speed: 6}",
            "a.yaml:2:13: optimizer: unknown key 'speed'; known: decay_steps, rate, warmup_steps",
        ),
        ("steps: 5\nname: a\nsteps: 6", "a.yaml:3:1: key 'steps' found again; it stands in line 1 already"),
        ("steps: 5\nnamed:\n  a: 1\n  a: 2", "a.yaml:4:3: named: key 'a' found again; it stands in line 3 already"),
        ("name: a", "a.yaml:1:1: key 'steps' is missing, wanted a whole number of at least 1"),
        ("- steps", "a.yaml:1:1: found a list, wanted a mapping"),
        ("steps", "a.yaml:1:1: found 'steps', wanted a mapping"),
        ("steps: [5]", "a.yaml:1:8: steps: found a list, wanted a whole number of at least 1"),
        ("steps: 0", "a.yaml:1:8: steps: found 0, wanted a whole number of at least 1"),
        (
            "steps: 5e10",
            (
                "a.yaml:1:8: steps: found '5e10', wanted a whole number of at least 1; "
                "5e10 is no whole number in YAML; write 50_000_000_000"
            ),
        ),
        ("steps: true", "a.yaml:1:8: steps: found true, wanted a whole number of at least 1"),
        (
            "steps:",
            (
                "a.yaml:1:7: steps: found nothing, wanted a whole number of at least 1; "
                "write a value, or leave the key out"
            ),
        ),
        (
            "steps: 5\nname: no",
            (
                "a.yaml:2:7: name: found no (which YAML reads as false), wanted lower-case letters; "
                'write it in quotes: "no"'
            ),
        ),
        ("steps: 5\nname: A1", "a.yaml:2:7: name: found 'A1', wanted lower-case letters"),
        ("steps: 5\nsize: larg", "a.yaml:2:7: size: found 'larg', wanted one of small, large; did you mean 'large'?"),
        ("steps: 5\nbackend: mpi", "a.yaml:2:10: backend: found 'mpi', wanted one of gloo, nccl or null"),
        (
            "steps: 5\ncompiled: on",
            "a.yaml:2:11: compiled: found on (which YAML reads as true), wanted true or false; write true",
        ),
        ("steps: 5\nfiles: []", "a.yaml:2:8: files: found a list of 0, wanted text or a list of 1 or more"),
        ("steps: 5\nfiles: {a: 1}", "a.yaml:2:8: files: found a mapping, wanted text or a list of 1 or more"),
        ("steps: 5\nfiles: [a, 1]", 'a.yaml:2:12: files[1]: found 1, wanted text; write it in quotes: "1"'),
        ("steps: 5\nbetas:\n- 0.9\n- x", "a.yaml:4:3: betas[1]: found 'x', wanted a number"),
        ("steps: 5\noptimizer: {rate: 0}", "a.yaml:2:19: optimizer.rate: found 0, wanted a number in (0, 1]"),
        ("steps: 5\noptimizer: null", "a.yaml:2:12: optimizer: found null, wanted a mapping"),
        ("steps: 5\nnamed: {A: 1}", "a.yaml:2:9: named: found 'A' as a key, wanted text of the form [a-z]+"),
        (
            "steps: 5\nnamed: {no: 1}",
            'a.yaml:2:9: named: found no (which YAML reads as false) as a key, wanted text; write it in quotes: "no"',
        ),
        ("steps: 5\n? [a]\n: 1", "a.yaml:2:3: found a list as a key, wanted text"),
        (
            "steps: 5\nnamed: {<<: {a: 1}}",
            "a.yaml:2:9: named: merge key << found; write the keys out where they are wanted",
        ),
        ("steps: 5\nrules: [{low: 1}]", "a.yaml:2:9: rules[0]: keys 'measure' and 'rules' missing, wanted one of them"),
        (
            "steps: 5\nrules: [{measure: a, rules: b}]",
            "a.yaml:2:9: rules[0]: keys 'measure' and 'rules' found, wanted one of them",
        ),
        (
            "steps: 5\nrules: [{rules: a, words: {lo: 1}}]",
            "a.yaml:2:28: rules[0].words: unknown key 'lo'; did you mean 'low'?",
        ),
        ("steps: 5\nrules: [a]", "a.yaml:2:9: rules[0]: found 'a', wanted a mapping"),
        (
            "steps: 5\noptimizer:\n  decay_steps: 3\n  warmup_steps: 4",
            "a.yaml:4:17: optimizer.warmup_steps: found 4, wanted at most decay_steps 3",
        ),
    ],
)
def test_each_refusal_names_place_key_found_and_wanted(text: str, message: str) -> None:
    assert refusal(text) == message


def test_all_problems_of_a_file_are_reported_at_once_in_its_order() -> None:
    assert refusal("nam: a\nbetas: [x, 1, y]\noptimizer: {rate: 2}") == (
        "a.yaml:1:1: unknown key 'nam'; did you mean 'name'?\n"
        "a.yaml:1:1: key 'steps' is missing, wanted a whole number of at least 1\n"
        "a.yaml:2:9: betas[0]: found 'x', wanted a number\n"
        "a.yaml:2:15: betas[2]: found 'y', wanted a number\n"
        "a.yaml:3:19: optimizer.rate: found 2, wanted a number in (0, 1]"
    )


def test_a_bound_value_reports_later_problems_at_their_places() -> None:
    config = bound("steps: 5\nfiles:\n  - x\n  - y\n")
    assert str(config.error(("files", 1), "no such file")) == "a.yaml:4:5: files[1]: no such file"
    assert str(config.error((), "cannot work")) == "a.yaml:1:1: cannot work"
    both = config.errors([(("files", 1), "second"), (("steps",), "first")])
    assert str(both) == "a.yaml:1:8: steps: first\na.yaml:4:5: files[1]: second"


def test_a_key_left_out_has_the_place_of_the_mapping_it_would_stand_in() -> None:
    config = bound("steps: 5\noptimizer:\n  rate: 0.5\n")
    assert str(config.error(("optimizer", "decay_steps"), "too few")) == "a.yaml:3:3: optimizer.decay_steps: too few"
    assert str(config.error(("named", "a"), "too few")) == "a.yaml:1:1: named.a: too few"


def test_a_file_is_bound_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("# é\nsteps: 5\n", encoding="utf-8")
    assert bind_file(Config, path).value == Config(steps=5)
    path.write_text("# é\nsteps: 0\n", encoding="utf-8")
    with pytest.raises(SpecError) as error:
        bind_file(Config, str(path))
    assert str(error.value) == f"{path}:2:8: steps: found 0, wanted a whole number of at least 1"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbfsteps: 5\r\nname: a\r\n")
    assert bind_file(Config, path).value == Config(steps=5, name="a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"steps: 5\nname: a\xff", ":2:8: byte 0xff found, wanted UTF-8"),
        (b"", ":1:1: nothing found, wanted a mapping"),
        (b"\x00", ":1:1: character U+0000 found, which YAML does not allow"),
        (
            b"#" * (MAX_LENGTH + 1),
            ": longer than 1,048,576 bytes; settings are short, is this the right file?",
        ),
    ],
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as error:
        bind_file(Config, path)
    assert str(error.value) == f"{path}{message}"


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "absent.yaml", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (Path("a\0b"), "embedded null byte"),
    ]:
        with pytest.raises(SpecError) as error:
            bind_file(Config, path)
        assert str(error.value) == f"{path}: {reason}; wanted a YAML file"


def test_the_nearest_known_word_is_named() -> None:
    assert nearest("max_epoch", ["max_epochs", "name"]) == "; did you mean 'max_epochs'?"
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"
    assert nearest("zzz", []) == "; known: none"
    assert nearest("zzz", map(str, range(12)), "see there") == "; known: 0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9"
    assert nearest("zzz", map(str, range(13)), "see there") == "; see there"
    assert nearest("12.", map(str, range(13)), "see there") == "; did you mean '12'?"
    assert nearest("max_epochs" * 100_000, ["max_epochs"]) == "; known: max_epochs"


KEYS = st.sampled_from(
    ["steps", "name", "files", "betas", "optimizer", "rate", "named", "rules", "measure", "x", "<<", "no"]
)
SCALARS = st.sampled_from(
    ["5", "0", "-1", "no", "null", "''", "abc", "5e10", "1:30", ".nan", "~", "2024-01-01", "=", "&a", "*a", ""]
)
LINES = st.builds(lambda indent, key, value: f"{'  ' * indent}{key}: {value}", st.integers(0, 3), KEYS, SCALARS)


@settings(max_examples=400)
@given(
    st.binary(max_size=80)
    | st.lists(LINES | SCALARS.map("- {}".format), max_size=8).map(lambda x: "\n".join(x).encode())
)
def test_any_bytes_bind_or_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    message, value = str(path), None
    try:
        value = bind_file(Config, path).value
    except SpecError as error:
        message = str(error)
    assert message.startswith(str(path))
    assert value is None or value.steps >= 1


def test_names_that_hold_a_word_are_listed_where_none_is_near() -> None:
    known = ["c4_code", "c4_paper", "fineweb_quality", "fineweb_english", "c4_fineweb"]
    assert nearest("c4", known) == "; did you mean one of c4_code, c4_fineweb, c4_paper?"
    assert nearest("fineweb", known) == "; did you mean one of c4_fineweb, fineweb_english, fineweb_quality?"
    assert nearest("c4_cod", known) == "; did you mean 'c4_code'?"
