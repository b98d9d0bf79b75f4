"""Refuse messages that are empty, or larger than providers and mail programs accept."""

import re
from collections.abc import Sequence

from jinja2 import Template

from templates.rendering.environment import TemplateError

MAX_SUBJECT = 250
"""The most characters of a subject: a product's whole name and some words."""
SHOWN_SUBJECT = 78
"""Characters of a subject that a mail program shows; RFC 5322, 2.1.1, recommends lines no longer."""
MAX_BODY_BYTES = 500_000
"""The most bytes of a body. An order of hundreds of lines needs many, and its customer must be told."""
SHOWN_BODY_BYTES = 100_000
"""Bytes of a body that Gmail shows completely; it cuts mails off at 102 kB."""

_INVISIBLE_HTML = re.compile(
    r"<(style|title|script)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|&nbsp;|&zwnj;|&#847;", re.DOTALL | re.IGNORECASE
)
_CERTAINLY_VISIBLE = 4_000
"""HTML with more characters has visible text: the layout alone has some."""


def check_mail(templates: Sequence[Template], subject: str, text: str, html: str, order: str | None = None) -> None:
    """Raise TemplateError for a mail with an empty part, a subject that is too long, or a body that is too big."""
    subject_template, *body_templates = templates
    _check_not_empty(subject_template, subject, order)
    if (length := len(subject)) > MAX_SUBJECT:
        what = f"the subject has {length} characters; the limit is {MAX_SUBJECT}"
        raise TemplateError(str(subject_template.filename), None, what, order)
    for template, body in zip(body_templates, (text, html), strict=True):
        is_certainly_visible = body is text or len(body) > _CERTAINLY_VISIBLE
        _check_not_empty(template, body if is_certainly_visible else _INVISIBLE_HTML.sub("", body), order)
        if (size := utf8_size(body)) > MAX_BODY_BYTES:
            what = f"the body has {size:,} bytes; the limit is {MAX_BODY_BYTES:,}"
            raise TemplateError(str(template.filename), None, what, order)


def check_text(template: Template, text: str, order: str | None = None) -> None:
    """Raise TemplateError for a text, a post or a notice that is empty."""
    _check_not_empty(template, text, order)


def utf8_size(body: str) -> int:
    """Return the bytes of a body in UTF-8; for a short body an upper bound, which is faster."""
    upper_bound = 4 * len(body)
    return upper_bound if upper_bound <= SHOWN_BODY_BYTES else len(body.encode())


def _check_not_empty(template: Template, text: str, order: str | None) -> None:
    if not text or text.isspace():
        raise TemplateError(str(template.filename), None, "renders to nothing, so the message would be empty", order)
