"""Comments of Python against Python's own tokenizer and parser."""

import ast
import io
import tokenize
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.program.python_comments import count_python_comments
from tests.filters.program.files import bundled_files, pieces
from tests.filters.texts import column

_BODIES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def count(text: str) -> int:
    return int(count_python_comments(column([text]), np.array([True]))[0])


def defined(text: str) -> int | None:
    """Return the characters of comments and docstrings as Python finds them; None where it cannot read the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that a string should not have
            tree = ast.parse(text)
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, ValueError, tokenize.TokenError):
        return None
    total = sum(len(each.string) for each in tokens if each.type == tokenize.COMMENT)
    for node in ast.walk(tree):
        if isinstance(node, _BODIES) and ast.get_docstring(node, clean=False) is not None:
            total += len(ast.get_source_segment(text, node.body[0]) or "")
    return total


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0),
        ("# a", 3),
        ("x = 1  # a\r\n", 3),
        ('"""é"""\n', 7),
        ('"a"', 3),
        ('\ufeff"a"\n', 3),
        ('x = "# no"\n', 0),
        ("'it''s' # yes\n", 5),
        ('f"a"\n', 0),
        ('b"a"\n', 0),
        ('r"a"\n', 4),
        ('def f():\n    """a\n    # b\n    """\n    "c"\n', 20),
        ('class A:  # b\n\n    # c\n    "d"\n', 9),
        ("async def f():\n  'a'\n", 3),
        ('if x:\n    "a"\n', 0),
        ('def f(x="a"):\n    return x[:]\n"b"\n', 0),
        ('def f(\n    x,\n):\n    "a"\n', 3),
        ('def f() -> "a":\n    "b"; x = 1\n', 3),
        ('def f():\n    "a" + "b"\n', 0),
        ("x = \\\n# a\n", 3),
        ('define = 1\nclassy:\n"a"\n', 0),
        ('x = "\\\\" # a\n', 3),
        ('x = "a # b\ny = 1 # c\n', 3),
        ('x = """a # b', 0),
    ],
)
def test_comments_of_known_texts(text: str, characters: int) -> None:
    assert count(text) == characters


def test_other_files_have_none() -> None:
    assert count_python_comments(column(["# a", "# b"]), np.array([False, True])).tolist() == [0, 3]


def test_bundled_files_have_the_comments_that_python_finds() -> None:
    texts = [text for path, text in bundled_files() if path.endswith(".py")]
    wanted = [defined(text) for text in texts]
    found = count_python_comments(column(texts), np.ones(len(texts), np.bool_)).tolist()
    assert sum(each is not None for each in wanted) > 100
    assert [each for each, other in zip(found, wanted, strict=True) if other is not None] == [
        each for each in wanted if each is not None
    ]


_STATEMENTS = (
    "# a\n",
    "x = 1  # b\n",
    '"c"\n',
    "\n",
    "'''d\n# e'''\n",
    "x = '# f'\n",
    'b"g"\n',
    'r"h"; x = 1\n',
    'f(\n  "i",  # j\n)\n',
    "x = \\\n 'k'\n",
    '"l" + "m"\n',
    "def f():\n    'n'\n",
    'async def f(\n  x=":",\n):\n\n    """o\n    """  # p\n',
    'def f():\n    f"q"\n',
    'class A:\n    # r\n    "s"\n    def f(self):\n        "t"\n    "u"\n',
    'if x:\n    "v"\n',
    "for x in y[:]:\n    'w'\n",
    "def f(): return x[1:]\n",
)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(_STATEMENTS), max_size=12).map("".join))
def test_comments_of_statements_are_those_that_python_finds(text: str) -> None:
    assert defined(text) is not None
    assert count(text) == defined(text)


@settings(max_examples=200)
@given(pieces("#", '"', "'", '"""', "'''", "\\", "def f():\n  ", "class A:\n  ", "(", ")", "r", ":", ";"))
def test_no_text_has_more_comment_than_characters(text: str) -> None:
    assert 0 <= count(text) <= len(text)
