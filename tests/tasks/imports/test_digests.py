import ast
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.rows import Row
from tasks.imports import digests
from tasks.imports.digests import CONVERSION, row_digests
from tests.support.shop_driver import SHOP

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.decimals(allow_nan=False) | st.dates()


def digest(values, table="stock", shop=SHOP, **place):
    return row_digests(table, shop)([Row.of(values | place, "stock.csv", 1)])[0][1]


@given(st.tuples(VALUES, VALUES), st.tuples(VALUES, VALUES))
def test_rows_have_one_digest_exactly_when_they_have_the_same_values_of_the_same_types(one, other):
    digests = [digest({"product_id": "P", "location": a, "on_hand": b}) for a, b in (one, other)]
    assert (digests[0] == digests[1]) == ([*map(repr, one)] == [*map(repr, other)])


@pytest.mark.parametrize("pair", list(combinations([1, "1", 1.0, True, Decimal(1), Decimal("1.0"), None, "None"], 2)))
def test_values_of_different_types_have_different_digests(pair):
    one, other = ({"product_id": "P", "location": "L", "on_hand": value} for value in pair)
    assert digest(one) != digest(other)


def test_a_day_is_no_moment_and_no_text():
    values = date(2026, 1, 5), datetime(2026, 1, 5), "2026-01-05"  # noqa: DTZ001 - as a database returns it
    assert len({digest({"product_id": "P", "location": "L", "on_hand": value}) for value in values}) == 3


def test_the_place_of_a_row_does_not_matter_and_its_columns_do():
    row = {"product_id": "P", "location": "L", "on_hand": "3"}
    assert digest(row) == digest(row, _file="other.csv", _line=9, _note="x")
    moved = {"product_id": "P", "on_hand": "L", "location": "3"}
    assert digest(row) != digest(moved)
    assert digest(row) != digest(row | {"allocated": None})


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_another_time_zone_of_the_shop_or_of_its_source_gives_another_digest(zone):
    row = {"product_id": "P", "location": "L", "on_hand": "3"}
    assert digest(row, shop=SHOP.model_copy(update={"zone": zone})) != digest(row)
    source = SHOP.source.model_copy(update={"zone": zone})
    assert digest(row, shop=SHOP.model_copy(update={"source": source})) != digest(row)


def test_a_key_is_the_text_of_its_columns():
    row = Row.of({"location": 7, "product_id": "P", "on_hand": 1}, "stock.csv", 1)
    assert row_digests("stock", SHOP)([row])[0][0] == ("P", "7")


def test_code_that_converts_values_in_another_way_gives_another_digest(tmp_path, monkeypatch):
    module = ModuleType("conversion")
    module.__file__ = str(tmp_path / "conversion.py")
    monkeypatch.setattr(digests, "CONVERSION", (module,))
    found = set()
    for code in ("ROUNDED = 2", "ROUNDED = 3"):
        Path(module.__file__).write_text(code)
        digests._conversion_version.cache_clear()
        found.add(digest({"product_id": "P", "location": "L", "on_hand": "3"}))
    digests._conversion_version.cache_clear()
    assert len(found) == 2


def imported_by(module):
    """Return our own modules that a module imports."""
    nodes = ast.walk(ast.parse(Path(module.__file__).read_text()))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {import_module(name) for name in names if name.partition(".")[0] in ("models", "sources")}


def test_all_code_that_validates_a_row_is_part_of_the_digest():
    seen, left = set(), {import_module("sources.contract")}
    while left:
        seen |= left
        left = {other for module in left for other in imported_by(module)} - seen
    assert len(seen) > 2
    assert seen <= {*CONVERSION}
