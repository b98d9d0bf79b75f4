"""Escape what a template writes into HTML.

Jinja makes a `Markup` of every piece that it writes. But pieces are only ever joined, and what they make is marked as a
whole: a piece without special characters needs no mark of its own.
"""

import re
from typing import Any

from markupsafe import Markup, escape

from templates.rendering.template_fields import check_printable

_find_special = re.compile("[&<>'\"]").search


def escape_piece(value: Any) -> str:
    """Return what `markupsafe.escape` makes of a value; raises TypeError for what cannot be printed."""
    kind = type(value)
    if kind is Markup or (kind is str and _find_special(value) is None):
        piece: str = value
        return piece
    return escape(check_printable(value))
