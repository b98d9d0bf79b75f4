"""The one strict Jinja environment, and what a template did wrong in one sentence."""

import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    select_autoescape,
)

from models.errors import ForewarnError
from templates import facts
from templates.formats import FILTERS
from templates.palette import DARK, LIGHT

OURS = Path(__file__).parent
KINDS = (".txt", ".html")
GALLERY = "layout/gallery.html"
FAULTS = (TemplateNotFound, TemplateSyntaxError, UndefinedError, TypeError, ValueError, ArithmeticError, LookupError)
"""What a wrong template raises: Jinja's own, and a filter that was given what it cannot write."""

GIVEN = {
    "always": ("shop", "lang", "locale"),
    "notice": (
        *("customer", "order", "late", "on_time", "ships", "expected_on", "some_dated", "told_part", "today"),
        *("told_before", "told_date", "substitutes", "discount", "offer", "ready", "parcels"),
    ),
    "body": ("subject",),
    "sms": ("item",),
    "post": ("product", "days", "expected_on", "left"),
    "purchase": ("vendor", "request", "asked_on", "lines", "pieces", "direct", "reminds"),
    "storefront": ("state", "expected_on", "latest_on", "left", "set_on", "valid_until"),
    "page": ("title", "text", "date", "after", "product", "valid_until", "schema", "script"),
}
_KINDS = (facts.Product, facts.Item, facts.Order, facts.Instead, facts.Packed, facts.Sent)
_FIELDS = {name for kind in _KINDS for name in kind.__slots__}
NAMES = frozenset({name for names in GIVEN.values() for name in names} | _FIELDS)
"""Every name that some template may use."""


class BadWords(ForewarnError):
    """A template that cannot be rendered; names file, line, what is wrong, and the order where there is one."""

    def __init__(self, file: str, line: int | None, what: str, order: str | None = None) -> None:
        place = f"{file}, line {line}" if line else file
        named = order if order is None or order.isprintable() else ascii(order)
        super().__init__(f"{place}: {what}" + (f" (order {named})" if named else ""))
        self.file, self.line, self.what, self.order = file, line, what, order


def environment(own: Path | None = None) -> Environment:
    """Return the environment; a file in the shop's folder wins over ours of the same name."""
    folders = [own, OURS] if own else [OURS]
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters.update(FILTERS)
    made.globals.update(light=LIGHT, dark=DARK)
    return made


@contextmanager
def faults_named(name: str, order: str | None = None) -> Iterator[None]:
    """Turn what goes wrong in a template into BadWords that says where."""
    try:
        yield
    except FAULTS as error:
        file, line = _place(error)
        raise BadWords(file or name, line, _what(error), order) from error


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean ...?` where a name looks like a known one, else nothing."""
    near = get_close_matches(name, sorted(names), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _place(error: BaseException) -> tuple[str | None, int | None]:
    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name, error.lineno
    frames = (frame for frame in reversed(traceback.extract_tb(error.__traceback__)))
    return next(((f.filename, f.lineno) for f in frames if f.filename.endswith(KINDS)), (None, None))


def _what(error: BaseException) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name!r}"
    said = str(error)
    if isinstance(error, UndefinedError):
        named = re.findall(r"'(\w+)'", said)
        return said + (nearest(named[-1], NAMES) if named else "")
    return said if isinstance(error, TemplateSyntaxError) else f"{type(error).__name__}: {said}"
