"""Find text that must not reach a customer: scripts, which mail programs drop, and placeholders.

Only a template's own text is searched. Values are escaped when they are rendered.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

BROWSER_PAGES = ("layout/storefront.html", "layout/gallery.html")
"""Pages for a browser, which may have scripts."""

_ACTIVE_CONTENT = {
    "a script: mail programs drop it, and filters refuse the mail": r"<\s*script\b",
    "a frame: mail programs drop it": r"<\s*(?:iframe|frame|frameset|object|embed|applet)\b",
    "a form: mail programs drop it or warn about it": r"<\s*form\b",
    "a javascript: link: mail programs drop it, and filters refuse the mail": r"(?:java|vb)script\s*:",
    "an event handler (onclick= and the like): mail programs drop it": (
        r"(?:^|[\s\"'/])on(?:abort|animation|blur|change|click|context|copy|cut|dblclick|drag|drop|error|focus|input|key"
        r"|load|message|mouse|paste|pointer|reset|resize|scroll|select|submit|toggle|touch|transition|unload|wheel)\w*\s*="
    ),
}
_ACTIVE_PATTERNS = {
    what: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for what, pattern in _ACTIVE_CONTENT.items()
}

_PLACEHOLDERS = r"\b(?:lorem\s+ipsum|dolor\s+sit\s+amet|x{3,}|fixme|placeholder\s+text|insert\s+text\s+here)\b"
_PLACEHOLDER = re.compile(_PLACEHOLDERS, re.IGNORECASE)
_TODO = re.compile(r"\b(?:TODO|TBD)\b")
_TODO_IN_ROMANCE = re.compile(r"\bTODO\s*:|\bTBD\b")
"""In Spanish, Portuguese, Catalan and Galician `todo` is a word, which means all."""
_ROMANCE = frozenset({"ca", "es", "gl", "pt"})
_PLACEHOLDERS_BY_LANGUAGE = {
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


def find_mistakes(tree: nodes.Template, name: str) -> Iterator[Mistake]:
    """Yield the mistakes in a parsed template's text; its name tells the language and the file type."""
    patterns = list(_patterns(name))
    for line, text in own_texts(tree):
        for what, pattern in patterns:
            for match in pattern.finditer(text):
                sentence = what.format(found=" ".join(match[0].split()))
                start = match.start() + len(match[0]) - len(match[0].lstrip())
                yield Mistake(line + text.count("\n", 0, start), sentence)


def _patterns(name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    if name.endswith(".html") and name not in BROWSER_PAGES:
        yield from ((f"contains {what}", pattern) for what, pattern in _ACTIVE_PATTERNS.items())
    language = name.split(".")[-2].split("_")[0] if name.count(".") > 1 else ""
    sentence = "contains the placeholder {found!r}"
    yield sentence, _PLACEHOLDER
    yield sentence, _TODO_IN_ROMANCE if language in _ROMANCE else _TODO
    if language in _PLACEHOLDERS_BY_LANGUAGE:
        yield sentence, re.compile(_PLACEHOLDERS_BY_LANGUAGE[language], re.IGNORECASE)


def own_texts(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield the pieces of a parsed template's own text, each with its line."""
    for data in tree.find_all(nodes.TemplateData):
        yield data.lineno, data.data
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, str):
            yield const.lineno, const.value
