"""The map of docs/training.md: the core of the trainer stays small enough to be read in an evening."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 1_700
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(source: str) -> int:
    """Return the lines that hold code: no docstring, no comment, not blank."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {line for token in tokens if token.type not in NO_CODE for line in range(token.start[0], token.end[0] + 1)}
    return len(code - docstrings)


def test_docstrings_comments_and_blank_lines_are_no_code() -> None:
    assert lines_of_code('"""Says\nmore."""\n\n# why\nx = (  # here\n    1\n)\n') == 3


def test_the_core_is_as_small_as_the_map_says() -> None:
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+\.py`(?:, )?)+) \| ([\d,]+) \|", page, re.MULTILINE)
    total = 0
    for modules, said in rows:
        names = re.findall(r"\w+\.py", modules)
        found = sum(lines_of_code((ROOT / "trainer" / name).read_text("utf-8")) for name in names)
        assert found == pytest.approx(int(said), rel=0.1), f"{modules}: {found} lines"
        total += found
    assert len(rows) == 7
    assert total <= MAX_LINES
