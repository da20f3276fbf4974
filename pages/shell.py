"""What all pages have around their content: one style, and a policy that lets nothing be loaded or run."""

from collections.abc import Iterable
from importlib.resources import files

from pages.markup import Child, Markup, element, foreign, page, shorten, stylesheet

# A page may use its own style and nothing else: whatever a text in it holds, nothing is loaded or run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def whole_page(title: str, *content: Markup, style: str = "") -> str:
    """Return a page as one HTML file that needs nothing but itself; it can always be encoded as UTF-8.

    Args:
        title: shown by the browser, shortened.
        content: of the page.
        style: our own rules for what this page alone has, after those of all pages.
    """
    css = files("pages").joinpath("style.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", shorten(title, 100)),
        stylesheet(css + style),
    )
    return page(head, element("body", element("main", *content)))


def masthead(
    kind: str, name: str, facts: Iterable[tuple[str, Child]], figures: Iterable[tuple[str, Child, Child]], *more: Markup
) -> Markup:
    """Return the head of a page: what it is about, a line of facts, and the figures that matter most.

    Args:
        kind: of thing, such as `Training run`.
        name: of this one, from outside.
        facts: what and its value.
        figures: what, how much, and a detail.
        more: below them.
    """
    told = (element("div", element("dt", what), element("dd", fact)) for what, fact in facts)
    shown = (
        element("div", element("dt", what), element("dd", number), element("dd", detail, class_="quiet"))
        for what, number, detail in figures
    )
    return element(
        "header",
        element("p", kind, class_="kicker"),
        element("h1", foreign(name)),
        element("dl", *told, class_="facts"),
        element("dl", *shown, class_="figures"),
        *more,
    )
