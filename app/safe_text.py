"""Text from outside as staff see it: what would steer a terminal or a page is shown instead of obeyed."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

CONTROL_CHARACTERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what acts instead of standing there: escape sequences, directions, zero widths, halves."""
_UNUSUAL = re.compile(r"[^\n\t -~]")
_MARKUP = re.compile(r"[\\`*\[\]<>|~]")


def escape_control(text: str) -> str:
    r"""Return the text with control characters written out, as `\u001b`; lines and tabs stay."""
    return _UNUSUAL.sub(lambda odd: _escape(odd[0]), text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if unicodedata.category(character) in CONTROL_CHARACTERS else character


def markdown_cell(text: str) -> str:
    """Return the text as one cell of a markdown table, in which it is neither markup nor HTML."""
    return _MARKUP.sub(r"\\\g<0>", escape_control(" ".join(text.split())))


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table; text from outside goes through `markdown_cell` first."""
    lines = (columns, ("---",) * len(columns), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
