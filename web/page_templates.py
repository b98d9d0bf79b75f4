"""Render pages: their layout is ours, their words are a shop's, and every text is escaped."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


@cache
def page_environment() -> Environment:
    """Return the environment of the pages' templates."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    jinja.filters["tel"] = dialled
    return jinja


def render_page(template: str, **values: Any) -> str:
    """Return a page."""
    return page_environment().get_template(template).render(values)


def dialled(phone: str) -> str:
    """Return a phone number as a `tel:` address has it."""
    return re.sub(r"[^\d+]", "", phone)
