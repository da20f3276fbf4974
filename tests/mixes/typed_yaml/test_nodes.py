"""YAML as a closed language: what is refused, with which words and at which place."""

import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import SpecError
from mixes.typed_yaml.nodes import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_PROBLEMS,
    compose,
    end_of,
    found,
    position_of,
    shortened,
    spec_error,
)


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as error:
        compose(text, "a.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml:1:1: nothing found, wanted a mapping"),
        ("# only a comment\n", "a.yaml:2:1: nothing found, wanted a mapping"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: a second document begins here; a file holds one"),
        ("a: &x 1\n", "a.yaml:1:4: anchor &x found; write the value out where it is wanted"),
        ("a: 1\nb: [*x]\n", "a.yaml:2:5: alias *x found; write the value out"),
        ("a: !!python/name:os.system\n", "a.yaml:1:4: tag !!python/name:os.system found; write the value without it"),
        ("a: !!int 3\n", "a.yaml:1:4: tag !!int found; write the value without it"),
        ("a: !mine 3\n", "a.yaml:1:4: tag !mine found; write the value without it"),
        ("a: ! 3\n", "a.yaml:1:4: tag ! found; write the value without it"),
        ("a: b\x07\n", "a.yaml:1:5: character U+0007 found, which YAML does not allow"),
        ("a:\n  - \ud800\n", "a.yaml:2:5: character U+D800 found, which YAML does not allow"),
        (
            "a: 1\n\tb: 2\n",
            (
                "a.yaml:2:1: not YAML: while scanning for the next token, "
                "found character '\\t' that cannot start any token; indent with spaces, not with tabs"
            ),
        ),
        (
            "a: [1, 2\nb: 3\n",
            (
                "a.yaml:2:2: not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'; close the "
                "bracket that line 1 opens, and put commas between its items"
            ),
        ),
        (
            "a: [\n",
            (
                "a.yaml:2:1: not YAML: while parsing a flow node, expected the node content, but found '<stream end>'; "
                "close every bracket, and put a value between commas"
            ),
        ),
        (
            "a: {data}/web\n",
            (
                "a.yaml:1:10: not YAML: while parsing a block mapping, expected <block end>, but found '<scalar>'; "
                "put a value that begins with {, [ or a quote wholly in quotes, and indent keys alike"
            ),
        ),
        (
            "a: *.gz\n",
            (
                "a.yaml:1:5: not YAML: while scanning an alias, expected alphabetic or numeric character, but found "
                "'.'; put a value that begins with * in quotes"
            ),
        ),
        (
            "a: 1\nb: 'one\n",
            (
                "a.yaml:3:1: not YAML: while scanning a quoted scalar, found unexpected end of stream; close the quote "
                "that line 2 opens"
            ),
        ),
        (
            "a:5\nb: 1\n",
            (
                "a.yaml:2:2: not YAML: mapping values are not allowed here; put a value that holds ': ' in quotes, "
                "and indent keys alike"
            ),
        ),
        ('a: "\\UFFFFFFFF"\n', "a.yaml:1:7: not YAML: a number in an escape or a directive is out of range"),
        (
            f"%YAML 1.{'1' * 5000}\n---\na: 1\n",
            "a.yaml:1:9: not YAML: a number in an escape or a directive is out of range",
        ),
    ],
)
def test_what_settings_have_no_use_for_is_refused_at_its_place(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("text", ["[" * 10_000, "{a: " * 10_000, "- " * 10_000, "? " * 10_000])
def test_deep_nesting_is_refused_and_does_not_overflow_the_stack(text: str) -> None:
    assert refusal(text).endswith(f"more than {MAX_DEPTH} lists and mappings inside each other")


def test_nesting_up_to_the_limit_is_composed() -> None:
    assert compose("[" * (MAX_DEPTH - 1) + "a" + "]" * (MAX_DEPTH - 1), "a.yaml") is not None
    assert ":1:33: " in refusal("[" * MAX_DEPTH + "a" + "]" * MAX_DEPTH)


def test_a_text_beyond_the_limit_is_refused_unread() -> None:
    start = time.perf_counter()
    message = refusal("- a\n" * (MAX_LENGTH // 4 + 1))
    assert message == "a.yaml: longer than 1,048,576 characters; settings are short, is this the right file?"
    assert time.perf_counter() - start < 1


def test_more_values_than_settings_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixes.typed_yaml.nodes.MAX_NODES", 4)
    assert compose("[a, b, c]", "a.yaml") is not None
    message = "more than 4 values; settings are short, is this the right file?"
    assert refusal("[a, b, c, d]") == f"a.yaml:1:11: {message}"


def test_the_composed_node_knows_its_place() -> None:
    node = compose("\n\na: b\n", "a.yaml")
    assert position_of(node) == (3, 1)
    assert position_of(node.value[0][1]) == (3, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a: 1}", "a mapping"),
        ("[1]", "a list"),
        ("---", "nothing"),
        ("abc", "'abc'"),
        ("'12'", "'12'"),
        ("12", "12"),
        ("=", "'='"),
        ("no", "no (which YAML reads as false)"),
        ("On", "On (which YAML reads as true)"),
        ("True", "True"),
        ("2024-01-01", "2024-01-01 (which YAML reads as a date)"),
        ("~", "~"),
    ],
)
def test_what_was_found_is_said_in_words(text: str, words: str) -> None:
    assert found(compose(text, "a.yaml")) == words


def test_a_text_in_a_message_stays_on_one_line_and_short() -> None:
    assert shortened("a\nb") == "a\\nb"
    assert shortened("x" * 61) == "x" * 40 + "..." + "x" * 10
    assert shortened("x" * 60) == "x" * 60


def test_the_end_of_a_text_is_the_place_of_what_follows() -> None:
    assert end_of("") == (1, 1)
    assert end_of("ab") == (1, 3)
    assert end_of("ab\nc\n") == (3, 1)


def test_problems_are_listed_in_the_order_of_the_file_and_counted_when_many() -> None:
    few = spec_error("a.yaml", [((2, 1), ("b", 0, "c"), "second"), ((1, 7), (), "first")])
    assert str(few) == "a.yaml:1:7: first\na.yaml:2:1: b[0].c: second"
    lines = str(spec_error("a.yaml", [((line, 1), (), "x") for line in range(1, MAX_PROBLEMS + 1235)])).split("\n")
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == "a.yaml: and 1,234 more problems"


@settings(max_examples=300)
@given(
    st.text(alphabet=st.characters(codec=None), max_size=60)
    | st.text(alphabet="ab01:-[]{},&*!|>'\"%#? \n\t", max_size=60)
)
def test_any_text_is_composed_or_refused_with_a_place(text: str) -> None:
    message = ""
    try:
        assert isinstance(compose(text, "a.yaml"), yaml.Node)
    except SpecError as error:
        message = str(error)
    assert message.startswith("a.yaml:") or not message
