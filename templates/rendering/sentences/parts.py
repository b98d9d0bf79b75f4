"""What a source consists of once it is read: each part writes itself again, edited or as it was."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import ForewarnError

PLACEHOLDER = re.compile(r"\{([^{}]*)\}|[{}]")

MOST_FILLED = 2_000
"""Words in braces of a part, those within others too."""


class UnknownPlaceholder(ForewarnError):
    """Raised for a word in braces that a sentence cannot have."""

    def __init__(self, field: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no {name}")
        self.field, self.name, self.known = field, name, known


@dataclass(frozen=True, slots=True)
class Edit:
    """What was edited, and the names that may stand in braces."""

    given: Mapping[str, str]
    names: Mapping[str, "Filled"]
    is_html: bool
    inside: list[str] = field(default_factory=list)
    """The edited sentences that are being written: none may stand within itself."""
    filled: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A source that stays as it is."""

    source: str

    def write(self, _: Edit) -> str:
        """Return the source, edited."""
        return self.source


@dataclass(frozen=True, slots=True)
class Inner:
    """A string literal with words."""

    id: str
    literal: str
    text: str

    def write(self, edit: Edit) -> str:
        """Return the source, edited."""
        if self.id not in edit.given:
            return self.literal
        text, quote = edit.given[self.id].replace("\n", " "), self.literal[0]
        if brace := re.search(r"[{}]", text):
            raise UnknownPlaceholder(self.id, brace[0], ())
        before = self.text[: len(self.text) - len(self.text.lstrip())]
        after = self.text[len(self.text.rstrip()) :] if text else ""
        escaped = f"{before}{text}{after}".replace("\\", "\\\\").replace(quote, f"\\{quote}")
        return f"{quote}{escaped}{quote}"


@dataclass(frozen=True, slots=True)
class Group:
    """Several pieces of a source."""

    parts: "tuple[Part, ...]"

    def write(self, edit: Edit) -> str:
        """Return the source, edited."""
        return "".join(part.write(edit) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in braces in a sentence."""

    name: str
    inside: "Part"

    def write(self, edit: Edit) -> str:
        """Return the source, edited."""
        return self.inside.write(edit)


@dataclass(frozen=True, slots=True)
class Run:
    """A sentence, or several, with what is filled in."""

    id: str
    before: str
    parts: "tuple[Part, ...]"
    after: str

    def write(self, edit: Edit) -> str:
        """Return the source, edited."""
        inner = self._edited(edit) if self.id in edit.given else "".join(part.write(edit) for part in self.parts)
        return self.before + inner + self.after

    def _edited(self, edit: Edit) -> str:
        text, written, at = edit.given[self.id], "", 0
        for found in PLACEHOLDER.finditer(text):
            filled = edit.names.get(key_of(found[1] or ""))
            if filled is None or self.id in edit.inside or len(edit.filled) >= MOST_FILLED:
                raise UnknownPlaceholder(self.id, found[0], tuple(each.name for each in edit.names.values()))
            edit.filled.append(filled.name)
            edit.inside.append(self.id)
            written += _escaped(text[at : found.start()], edit) + filled.write(edit)
            edit.inside.pop()
            at = found.end()
        return written + _escaped(text[at:], edit)


Part = Fixed | Inner | Group | Filled | Run


def key_of(name: str) -> str:
    """Return a name as it is looked up: case and space do not count."""
    return " ".join(name.split()).casefold()


def even(text: str) -> str:
    """Return a text with the line ends of Unix and no space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _escaped(text: str, edit: Edit) -> str:
    if not edit.is_html:
        return text
    return re.sub(r"\n[ \t]*\n\s*", "<br>\n<br>\n", html.escape(text, quote=False))
