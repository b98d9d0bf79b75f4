"""Write the tables of template variables into docs/marketing.md: `python -m cli.reference.template_variables`."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from app.safe_text import markdown_table
from models.quantities import Quantity
from templates.rendering.template_fields import FIELDS
from templates.rendering.variables import GROUPS
from templates.rendering.view_models import View

PAGE = Path("docs/marketing.md")
BEGIN = (
    "<!-- Written by `python -m cli.reference.template_variables` up to the end mark; a test holds it to that. -->\n"
)
END = "<!-- End of the written part. -->\n"

_KINDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    Decimal: "number",
    Quantity: "number",
    date: "date",
    datetime: "date and time",
}


def variable_tables() -> str:
    """Return a table of variables for each kind of template, then one of fields for each kind of value."""
    return BEGIN + "\n" + "\n".join(_tables()) + "\n" + END


def with_tables(page: str) -> str:
    """Return a page with new tables between the marks. Raises ValueError if a mark is missing."""
    before, after = page.index(BEGIN), page.index(END) + len(END)
    return page[:before] + variable_tables() + page[after:]


def _tables() -> Iterator[str]:
    for group in GROUPS:
        hints = get_type_hints(group, include_extras=True)
        yield f"### {cleandoc(group.__doc__ or '').removesuffix('.')}\n"
        yield markdown_table(("variable", "kind", "meaning"), (_row(name, hint) for name, hint in hints.items()))
    yield "### Fields of values\n"
    yield "Write a field after its value: `order.id`, `shop.help.email`, or `item.product.name` in a loop over items.\n"
    for view in FIELDS:
        if issubclass(view, View):
            hints = get_type_hints(view, include_extras=True)
            yield f"#### {_noun(view)}\n\n{cleandoc(view.__doc__ or '')}\n"
            yield markdown_table(("field", "kind", "meaning"), (_row(name, hint) for name, hint in hints.items()))


def _row(name: str, hint: Any) -> tuple[str, str, str]:
    meaning = ""
    if get_origin(hint) is Annotated:
        hint, meaning = get_args(hint)
    return f"`{name}`", _kind(hint), meaning


def _kind(hint: Any) -> str:
    if hint in _KINDS:
        return _KINDS[hint]
    if get_origin(hint) is tuple:
        return f"list of {_plural(get_args(hint)[0])}"
    if isinstance(hint, UnionType):
        return f"{_kind(next(kind for kind in get_args(hint) if kind is not type(None)))}, or empty"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"[{_noun(hint)}](#{_noun(hint)})"
    return "text" if isinstance(hint, type) and issubclass(hint, str) else "object"


def _noun(view: type) -> str:
    return view.__name__.removesuffix("View").lower()


def _plural(view: type) -> str:
    return f"{_KINDS[view]}s" if view in _KINDS else f"[{_noun(view)}s](#{_noun(view)})"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
