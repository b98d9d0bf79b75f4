"""Make the strict Jinja environment, and describe a template's error in one sentence."""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    select_autoescape,
)
from jinja2 import TemplateError as JinjaTemplateError

from models.errors import ForewarnError
from templates.rendering.brand import palettes_of
from templates.rendering.colour_literals import sets_palette
from templates.rendering.compiled import compiled_templates
from templates.rendering.formats import FILTERS
from templates.rendering.sandbox import Sandbox
from templates.rendering.template_fields import suggest
from templates.rendering.variables import VARIABLE_NAMES

BUILT_IN = Path(__file__).parents[1] / "messages"
EXTENSIONS = (".txt", ".html")
GALLERY = "layout/gallery.html"
TEMPLATE_FAULTS = (
    *(JinjaTemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    *(RecursionError, MemoryError, AssertionError),
)
"""Exceptions that a wrong template raises: Jinja's own, those of filters, and those of endless loops."""
INCLUDES_ITSELF = "includes itself: a file cannot extend the built-in file of the same name"


class TemplateError(ForewarnError):
    """Raised when a template cannot be rendered; names file, line, what is wrong, and the order if there is one."""

    def __init__(self, file: str, line: int | None, what: str, order: str | None = None) -> None:
        place = f"{file}, line {line}" if line else file
        printable_order = order if order is None or order.isprintable() else ascii(order)
        super().__init__(f"{place}: {what}" + (f" (order {printable_order})" if printable_order else ""))
        self.file, self.line, self.what, self.order = file, line, what, order


class _Utf8Loader(FileSystemLoader):
    """Reads UTF-8 files, with or without a byte order mark."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            file = str(Path(self.searchpath[0]) / template)
            what = f"is not UTF-8: {error.reason} at byte {error.start}; save it as UTF-8"
            raise TemplateSyntaxError(what, line, template, file) from error


def make_environment(own: Path | None = None, accent: str | None = None, compiled: Path | None = None) -> Environment:
    """Return the sandbox; a file in the shop's folder `own` replaces the built-in file of the same name.

    `accent` is the shop's colour of links and buttons. Compiled templates are kept in the folder `compiled`, where one
    is given.
    """
    folders = [own, BUILT_IN] if own else [BUILT_IN]
    palettes, has_fixed_palettes = palettes_of(accent), not sets_palette(own)
    jinja = Sandbox(
        loader=ChoiceLoader([_Utf8Loader(folder, encoding="utf-8-sig") for folder in folders]),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        bytecode_cache=compiled_templates(compiled, accent) if has_fixed_palettes else None,
        fixed_palettes=palettes if has_fixed_palettes else None,
    )
    jinja.filters.update(FILTERS)
    jinja.globals.update(palettes)
    return jinja


@contextmanager
def template_errors(name: str, order: str | None = None) -> Iterator[None]:
    """Turn the exceptions of a wrong template into a TemplateError with file and line."""
    try:
        yield
    except TEMPLATE_FAULTS as error:
        file, line = _locate(error)
        raise TemplateError(file or name, line, _describe(error), order) from error


def _locate(error: BaseException) -> tuple[str | None, int | None]:
    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name, error.lineno or None
    frames = _template_frames(error)
    if isinstance(error, RecursionError):
        return next(((f.filename, f.lineno) for f in frames if frames.count(f) > 1), (None, None))
    return (frames[-1].filename, frames[-1].lineno) if frames else (getattr(error, "file", None), None)


def _template_frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(EXTENSIONS)]


def _describe(error: BaseException) -> str:
    message = str(error)
    match error:
        case TemplateNotFound():
            return f"there is no template {error.name!r}"
        case UndefinedError() if undefined := re.fullmatch(r"'(\w+)' is undefined", message):
            return message + suggest(undefined[1], VARIABLE_NAMES)
        case TemplateSyntaxError():
            return str(error.message)
        case RecursionError():
            templates = [frame for frame in _template_frames(error) if frame.name == "top-level template code"]
            return INCLUDES_ITSELF if len(templates) > 1 else "a macro or block calls itself endlessly"
        case MemoryError():
            return "needs too much memory"
        case ZeroDivisionError():
            return "divides by zero"
        case KeyError():
            return f"there is no {message}"
    return message or "cannot be rendered"
