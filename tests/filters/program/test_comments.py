"""Comments of every language."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from filters.program.comments import MEASURES, leading_comments, measure_comments
from filters.program.languages import language_of, syntax_indices
from filters.program.syntaxes import SYNTAX_NAMES
from tests.filters.program.files import bundled_files, pieces
from tests.filters.texts import AWKWARD, column


def comment_characters(ending: str, *texts: str) -> list[int]:
    """Return the characters of comments of files with one ending."""
    syntaxes = np.full(len(texts), syntax_indices()[language_of(ending)], np.int64)
    found = measure_comments(column(texts), syntaxes, np.ones(len(texts), np.int64))
    assert list(found) == [measure.name for measure in MEASURES]
    return [round(each) for each in found["comment_fraction"]]


CASES = [
    ("c", "a // b\nc", "// b"),
    ("c", "a /* b\n * c */ d", "/* b\n * c */"),
    ("c", "/* a", "/* a"),
    ("c", "/* /* a */ b */", "/* /* a */"),
    ("c", 'x = "/* no // no \\" */"; // é', "// é"),
    ("c", "x = '\"'; // a", "// a"),
    ("c", "x = 'a\n// b", "// b"),
    ("c", "a / b /c", ""),
    ("cpp", "x = 1'000'000; // a", "// a"),
    ("cpp", 'x = R"x( " )" // no )x"; // a', "// a"),
    ("css", "a { b: url(//c) } /* d */", "/* d */"),
    ("go", 'x := `a // b\n" // c` // d', "// d"),
    ("js", "x = /[/*]'/g; // a", "// a"),
    ("js", "x = a / b / c; // d", "// d"),
    ("js", 'return /"/.test(x) // a', "// a"),
    ("ts", "x = `// ${a}\n // b`; /* c */", "/* c */"),
    ("rs", "fn f<'a>(x: &'a str) {} // a", "// a"),
    ("rs", "x = '\"'; y = '\\''; z = 'é'; // a", "// a"),
    ("rs", "/* a /* b */ c */ d", "/* a /* b */ c */"),
    ("rs", 'x = r#"a " // b"#; // c', "// c"),
    ("rs", 'x = "a\n// b"; // c', "// c"),
    ("java", 'x = """a\n// b"""; // c', "// c"),
    ("java", 'x = ""; // a', "// a"),
    ("kt", "/* a /* b */ c */ d", "/* a /* b */ c */"),
    ("php", "x = 'a\n# b'; # c\n// d", "# c// d"),
    ("sh", "#!/bin/sh\nx=${y#z} # a", "#!/bin/sh# a"),
    ("sh", "echo 'a\n# b' \\# \"c # d\" # e", "# e"),
    ("sh", "cat <<'EOF'\n# it's\nEOF\n# a", "# a"),
    ("sh", "cat <<-EOF\n\t# a\n\tEOF\n# b", "# b"),
    ("sh", "cat <<< x # a", "# a"),
    ("sh", "cat << EOF\n# a", "# a"),
    ("sh", "it's # a", "# a"),
    ("rb", 'x = "#{y}" # a\n=begin\nb\n=end c\nd', "# a=begin\nb\n=end c"),
    ("pl", "$#x # a\n\n=head1 b\n\n=cut\nc", "# a=head1 b\n\n=cut"),
    ("yaml", "a: b#c # d", "# d"),
    ("toml", 'a = "# b" # c', "# c"),
    ("jl", "#= a #= b =# =# c # d", "#= a #= b =# =## d"),
    ("ps1", "<# a #> b # c", "<# a #># c"),
    ("sql", "select 'it''s -- a' -- b\n/* c */", "-- b/* c */"),
    ("lua", "x = [[ -- a ]] -- b\n--[==[ c ]] ]==] d --[ e", "-- b--[==[ c ]] ]==]--[ e"),
    ("hs", 'x = "--" -- a\n{- b {- c -} -} d', "-- a{- b {- c -} -}"),
    ("ml", 'x (* a "b" (* c *) *) d', '(* a "b" (* c *) *)'),
    ("pas", "x { a } y (* b *) z // c", "{ a }(* b *)// c"),
    ("lisp", '"a ; b" #\\; c ; d\n#| e |#', "; d#| e |#"),
    ("asm", "mov a, ';' ; b", "; b"),
    ("ini", "a = b ; c\n ; d", "; d"),
    ("tex", "50\\% a % b", "% b"),
    ("erl", '$% x "%" % a', "% a"),
    ("f90", "x = '!' ! a", "! a"),
    ("vb", "x = \"'\" ' a", "' a"),
    ("bat", "rem a\necho rem b\n:: c", "rem a:: c"),
    ("1", '.\\" a\nb', '.\\" a'),
    ("wat", "(; a (; b ;) ;) c ;; d", "(; a (; b ;) ;);; d"),
    ("html", "<p>// a</p><!-- b -- > --><i>", "<!-- b -- > -->"),
    ("ex", '"""\n# a\n""" # b', "# b"),
    ("nix", "x = 1; # a\n/* b */", "# a/* b */"),
    ("zig", 'x = "//"; // a', "// a"),
    ("vhd", 'x <= "--"; -- a', "-- a"),
    ("dart", "x = '''// a'''; // b", "// b"),
    ("py", "x = '# a' # b", "# b"),
    ("json", "// a", ""),
    ("unknown", "// a", ""),
]


@pytest.mark.parametrize(("ending", "text", "comments"), CASES)
def test_comments_of_known_texts(ending: str, text: str, comments: str) -> None:
    assert comment_characters(ending, text) == [len(comments)]


def test_every_syntax_has_a_known_text() -> None:
    known = {syntax_indices()[language_of(ending)] for ending, _, _ in CASES}
    assert known - {-1} == set(range(len(SYNTAX_NAMES)))


_C = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?)|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))""", re.DOTALL
)
_SQL = re.compile(
    r"""(?P<string>"[^"\n]*"?|'[^']*')|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))""",
    re.DOTALL,
)
_MARKUP = re.compile(r"(?P<comment><!--.*?(?:-->|\Z))", re.DOTALL)


def defined(pattern: re.Pattern[str], text: str) -> int:
    return sum(len(found["comment"] or "") for found in pattern.finditer(text))


@settings(max_examples=300)
@given(pieces("/", "*", "//", "/*", "*/", '"', "'", "\\"))
def test_comments_of_c_are_their_definition(text: str) -> None:
    assert comment_characters("c", text) == [defined(_C, text)]


@settings(max_examples=300)
@given(pieces("-", "--", "/*", "*/", '"', "'"))
def test_comments_of_sql_are_their_definition(text: str) -> None:
    assert comment_characters("sql", text) == [defined(_SQL, text)]


@settings(max_examples=200)
@given(pieces("<", "!", "-", "--", ">", "<!--", "-->"))
def test_comments_of_markup_are_their_definition(text: str) -> None:
    assert comment_characters("html", text) == [defined(_MARKUP, text)]


def test_comments_of_bundled_files_of_c_are_their_definition() -> None:
    texts = [text for path, text in bundled_files() if path.endswith(".c")]
    assert comment_characters("c", *texts) == [defined(_C, text) for text in texts]
    assert len(texts) > 10


@settings(max_examples=100)
@given(pieces(*"#\"'`/*\\-=[]<>(){}%;!$|RrE~:", "<<EOF\n", "EOF", "[[", "]]", '"""', "{-", "--", "=begin", "=cut"))
def test_no_text_of_any_language_has_more_comment_than_characters(text: str) -> None:
    texts = column([text] * len(SYNTAX_NAMES))
    syntaxes = np.arange(len(SYNTAX_NAMES))
    found = measure_comments(texts, syntaxes, np.full(len(SYNTAX_NAMES), len(text)))["comment_fraction"]
    assert ((found >= 0) & (found <= 1)).all()
    spans = leading_comments(texts, syntaxes)
    assert ((spans[..., 0] >= 0) & (spans[..., 0] <= spans[..., 1]) & (spans[..., 1] <= len(text.encode()))).all()


@pytest.mark.parametrize(
    "character", ["'", '"', "/", "<", "[", "#", "`", "\\", "(", "{", 'R"', "<<a\n", "/[", "=\n", 'r#"']
)
def test_a_megabyte_of_one_opening_takes_no_time(character: str) -> None:
    texts = column([character * (1_000_000 // len(character))] * len(SYNTAX_NAMES))
    found = measure_comments(texts, np.arange(len(SYNTAX_NAMES)), np.full(len(SYNTAX_NAMES), 1_000_000))
    assert (found["comment_fraction"] <= 1).all()


def test_awkward_texts_are_measured() -> None:
    assert comment_characters("c", *AWKWARD)[AWKWARD.index("")] == 0


@pytest.mark.parametrize(
    ("ending", "text", "leading"),
    [
        ("c", "/* a */\n\n// b\n// c\nint d; // e", ["/* a */\n", "// b\n// c\n"]),
        ("c", "/* a\n\n */ /* b */\n", ["/* a\n\n */ /* b */\n"]),
        ("c", "int a; /* b */", []),
        ("c", "\n/* a */ int b;", ["/* a */"]),
        ("c", "// a\n\n// b\n\n// c\n\n// d\n\n// e", ["// a\n", "// b\n", "// c\n", "// d\n"]),
        ("py", "#!/usr/bin/python\n# a\n\n'b'", ["# a\n"]),
        ("py", "# a", ["# a"]),
        ("html", "<!-- a -->\n<html>", ["<!-- a -->\n"]),
        ("json", "// a\n{}", []),
        ("sh", "#!/bin/sh", []),
        ("c", "", []),
    ],
)
def test_leading_comments_of_known_texts(ending: str, text: str, leading: list[str]) -> None:
    syntaxes = np.array([syntax_indices()[language_of(ending)]], np.int64)
    (blocks,) = leading_comments(column([text]), syntaxes).tolist()
    assert [text[start:end] for start, end in blocks if end > start] == leading
