"""Escape text from outside the program, so that it cannot control a terminal or a page that shows it."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

CONTROL_CHARACTERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of control, format and separator characters and of lone surrogates."""
_UNUSUAL = re.compile(r"[^\n\t -~]")
_MARKUP = re.compile(r"[\\`*\[\]<>|~]")


def escape_control(text: str) -> str:
    r"""Return the text with control characters written out, as `\u001b`; line breaks and tabs stay."""
    return _UNUSUAL.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if unicodedata.category(character) in CONTROL_CHARACTERS else character


def markdown_cell(text: str) -> str:
    """Return the text for a cell of a markdown table, with markup and HTML escaped."""
    return _MARKUP.sub(r"\\\g<0>", escape_control(" ".join(text.split())))


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table; text from outside goes through `markdown_cell` first."""
    lines = (columns, ("---",) * len(columns), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
