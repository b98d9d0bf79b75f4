"""What no customer should read: scripts that mail programs drop, and words that stand in for others.

All of it is written in a template's own text: what facts bring is escaped, and not looked at here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

PAGES = ("layout/storefront.html", "layout/gallery.html")
"""Pages for a browser, where a script is no mistake."""

_ACTIVE = {
    "a script: mail programs drop it, and filters refuse the mail": r"<\s*script\b",
    "a frame: mail programs drop it": r"<\s*(?:iframe|frame|frameset|object|embed|applet)\b",
    "a form: mail programs drop it or warn of it": r"<\s*form\b",
    "a javascript: link: mail programs drop it, and filters refuse the mail": r"(?:java|vb)script\s*:",
    "an event handler (onclick= and the like): mail programs drop it": (
        r"(?:^|[\s\"'/])on(?:abort|animation|blur|change|click|context|copy|cut|dblclick|drag|drop|error|focus|input|key"
        r"|load|message|mouse|paste|pointer|reset|resize|scroll|select|submit|toggle|touch|transition|unload|wheel)\w*\s*="
    ),
}
_ACTIVE_FOUND = {what: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for what, pattern in _ACTIVE.items()}

_STAND_INS = r"\b(?:lorem\s+ipsum|dolor\s+sit\s+amet|x{3,}|fixme|placeholder\s+text|insert\s+text\s+here)\b"
_STAND_IN = re.compile(_STAND_INS, re.IGNORECASE)
_TODO = re.compile(r"\b(?:TODO|TBD)\b")
_TODO_IN_ROMANCE = re.compile(r"\bTODO\s*:|\bTBD\b")
"""In Spanish, Portuguese, Catalan and Galician, `todo` is a word: all."""
_ROMANCE = frozenset({"ca", "es", "gl", "pt"})
_BY_LANGUAGE = {
    "de": r"\b(?:Platzhalter(?:text)?|Blindtext|Mustertext|hier\s+Text\s+einf(?:ü|ue)gen)\b",
    "es": r"\btexto\s+de\s+(?:ejemplo|relleno)\b",
    "fr": r"\b(?:texte\s+(?:d['’]exemple|factice)|[àa]\s+compl[ée]ter)\b",
    "it": r"\btesto\s+(?:segnaposto|di\s+esempio)\b",
    "nl": r"\b(?:voorbeeldtekst|tekst\s+invullen)\b",
    "pt": r"\b(?:texto\s+de\s+(?:exemplo|preenchimento)|inserir\s+texto\s+aqui)\b",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a template's own text, and its line."""

    line: int
    what: str


def mistakes(tree: nodes.Template, name: str) -> Iterator[Mistake]:
    """Yield what is wrong with the text of a parsed template; its name says its language and kind."""
    patterns = list(_patterns(name))
    for line, text in _texts(tree):
        for what, pattern in patterns:
            for found in pattern.finditer(text):
                said = what.format(found=" ".join(found[0].split()))
                yield Mistake(line + text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())), said)


def _patterns(name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    if name.endswith(".html") and name not in PAGES:
        yield from ((f"holds {what}", pattern) for what, pattern in _ACTIVE_FOUND.items())
    language = name.split(".")[-2].split("_")[0] if name.count(".") > 1 else ""
    said = "holds the placeholder {found!r}"
    yield said, _STAND_IN
    yield said, _TODO_IN_ROMANCE if language in _ROMANCE else _TODO
    if language in _BY_LANGUAGE:
        yield said, re.compile(_BY_LANGUAGE[language], re.IGNORECASE)


def _texts(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for data in tree.find_all(nodes.TemplateData):
        yield data.lineno, data.data
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, str):
            yield const.lineno, const.value
