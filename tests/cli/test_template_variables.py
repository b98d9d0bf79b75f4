"""The tables of template variables in docs/marketing.md are those of the code."""

import re

import pytest

from cli.reference.template_variables import variable_tables, with_tables
from templates.rendering.variables import VARIABLE_NAMES
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "marketing.md"


def test_the_page_for_marketing_lists_the_variables_that_templates_have():
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page), "run: python -m cli.reference.template_variables"


def test_every_variable_and_field_has_a_meaning():
    tables = variable_tables()
    assert not re.findall(r"^\|.*\|\s*\|$", tables, re.MULTILINE)
    assert set(re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE)) >= VARIABLE_NAMES


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="substring not found"):
        with_tables("# Marketing\n")
