"""What a written message must be to leave: not empty, and of a size that providers and mail programs take."""

import re
from collections.abc import Sequence

from jinja2 import Template

from templates.rendering.environment import BadWords

SUBJECT = 250
"""Characters of a subject that leaves: a product's whole name and some words."""
SUBJECT_SHOWN = 78
"""Characters of a subject that a mail program shows; RFC 5322, 2.1.1, asks for lines no longer."""
BODY = 500_000
"""Bytes of a body that leaves. An order of hundreds of lines is long by itself, and its customer must be told."""
BODY_SHOWN = 100_000
"""Bytes of a body that Gmail shows whole: it cuts at 102 kB."""

_UNSEEN = re.compile(
    r"<(style|title|script)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|&nbsp;|&zwnj;|&#847;", re.DOTALL | re.IGNORECASE
)
_ENOUGH = 4_000
"""Characters of HTML that need no closer look: the layout alone has more, and says something."""


def email(templates: Sequence[Template], subject: str, text: str, html: str, order: str | None = None) -> None:
    """Raise BadWords for a mail with an empty part, a subject that is too long, or a body that is too big."""
    first, *bodies = templates
    _said(first, subject, order)
    if (long := len(subject)) > SUBJECT:
        raise BadWords(str(first.filename), None, f"the subject has {long} characters, {SUBJECT} at most", order)
    for template, body in zip(bodies, (text, html), strict=True):
        _said(template, body if body is text or len(body) > _ENOUGH else _UNSEEN.sub("", body), order)
        if (size := weight(body)) > BODY:
            raise BadWords(str(template.filename), None, f"the body takes {size:,} bytes, {BODY:,} at most", order)


def line(template: Template, text: str, order: str | None = None) -> None:
    """Raise BadWords for a text, a post or a notice that is empty."""
    _said(template, text, order)


def weight(body: str) -> int:
    """Return the bytes of a body in UTF-8; for a short one the most they can be."""
    most = 4 * len(body)
    return most if most <= BODY_SHOWN else len(body.encode())


def _said(template: Template, text: str, order: str | None) -> None:
    if not text or text.isspace():
        raise BadWords(str(template.filename), None, "renders to nothing: the message would be empty", order)
