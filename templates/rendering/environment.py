"""The one strict Jinja environment, and what a template did wrong in one sentence."""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    select_autoescape,
)
from jinja2.bccache import Bucket

from models.errors import ForewarnError
from templates.rendering.formats import FILTERS
from templates.rendering.palette import DARK, LIGHT
from templates.rendering.sandbox import Sandbox
from templates.rendering.template_fields import nearest

OURS = Path(__file__).parents[1] / "messages"
KINDS = (".txt", ".html")
GALLERY = "layout/gallery.html"
FAULTS = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    *(RecursionError, MemoryError, AssertionError),
)
"""What a wrong template raises: Jinja's own, a filter that was given what it cannot write, and what never ends."""
INCLUDES_ITSELF = "includes itself; a file cannot build on the built-in one of its own name"

GIVEN = {
    "always": ("shop", "lang", "locale"),
    "notice": (
        *("customer", "order", "late", "on_time", "ships", "expected_on", "some_dated", "told_part", "today"),
        *("sooner", "most"),
        *("told_before", "told_date", "substitutes", "discount", "offer", "ready", "parcels"),
    ),
    "body": ("subject",),
    "sms": ("item",),
    "post": ("product", "days", "expected_on", "left"),
    "purchase": ("vendor", "request", "asked_on", "lines", "pieces", "direct", "reminds"),
    "storefront": ("state", "expected_on", "latest_on", "left", "set_on", "valid_until"),
    "page": ("title", "text", "date", "after", "product", "valid_until", "schema", "script"),
}
NAMES = frozenset(name for names in GIVEN.values() for name in names)
"""Every name that some template may use."""


class BadWords(ForewarnError):
    """A template that cannot be rendered; names file, line, what is wrong, and the order where there is one."""

    def __init__(self, file: str, line: int | None, what: str, order: str | None = None) -> None:
        place = f"{file}, line {line}" if line else file
        named = order if order is None or order.isprintable() else ascii(order)
        super().__init__(f"{place}: {what}" + (f" (order {named})" if named else ""))
        self.file, self.line, self.what, self.order = file, line, what, order


class _Files(FileSystemLoader):
    """Reads UTF-8, with or without the mark that Notepad puts in front."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            file = str(Path(self.searchpath[0]) / template)
            what = f"is not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8"
            raise TemplateSyntaxError(what, line, template, file) from error


class _CompiledTemplates(BytecodeCache):
    """The code of templates, by their file, for every environment of this process; a changed file is compiled again."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledTemplates()


def environment(own: Path | None = None) -> Environment:
    """Return the sandbox; a file in the shop's folder wins over ours of the same name."""
    folders = [own, OURS] if own else [OURS]
    made = Sandbox(
        loader=ChoiceLoader([_Files(folder, encoding="utf-8-sig") for folder in folders]),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        bytecode_cache=_COMPILED,
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


def _place(error: BaseException) -> tuple[str | None, int | None]:
    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name, error.lineno or None
    frames = _frames(error)
    if isinstance(error, RecursionError):
        return next(((f.filename, f.lineno) for f in frames if frames.count(f) > 1), (None, None))
    return (frames[-1].filename, frames[-1].lineno) if frames else (getattr(error, "file", None), None)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(KINDS)]


def _what(error: BaseException) -> str:
    said = str(error)
    match error:
        case TemplateNotFound():
            return f"there is no template {error.name!r}"
        case UndefinedError() if named := re.fullmatch(r"'(\w+)' is undefined", said):
            return said + nearest(named[1], NAMES)
        case TemplateSyntaxError():
            return str(error.message)
        case RecursionError():
            top = [frame for frame in _frames(error) if frame.name == "top-level template code"]
            return INCLUDES_ITSELF if len(top) > 1 else "a macro or block calls itself without an end"
        case MemoryError():
            return "takes more memory than there is"
        case ZeroDivisionError():
            return "divides by zero"
        case KeyError():
            return f"there is no {said}"
    return said or "cannot be rendered"
