import tomllib
from datetime import date

import pytest

from cli.reference import source_pages as manual
from models.config.shop import read_shop
from models.errors import BadShop
from models.policy.policy import Policy
from sources.check import check
from sources.reader import open_source
from sources.starter_folder import write_starter
from tests.support.paths import ROOT

LAWS = {"promise_clock": {"country"}}
"""What is no choice of a shop: the policy's page lists it."""


def test_a_new_shop_is_clean_and_shows_a_late_order(tmp_path):
    shop = tmp_path / "shop"
    written = write_starter(shop)
    assert {"shop.toml", "policy.toml", "sources/orders.sql", "data/lines.csv", "templates/README.md"} <= {
        path.as_posix() for path in written
    }
    with open_source(read_shop(shop)) as source:
        report = check(source, date(2026, 1, 15))
    assert report.findings == {}
    assert report.rows == {"customers": 2, "products": 3, "orders": 3, "lines": 4, "stock": 3, "redemptions": 0}
    assert (report.open_orders, report.late_orders) == (3, 3)


@pytest.mark.parametrize("today", [date(2026, 1, 15), date(2027, 3, 1)])
def test_a_new_shops_orders_are_of_the_days_before_it_was_made(tmp_path, today):
    write_starter(tmp_path, today)
    with open_source(read_shop(tmp_path)) as source:
        placed = [one.fact.placed_at.date() for one in source.read("orders")]
    assert [(today - day).days for day in placed] == [10, 9, 8]


def test_the_starters_policy_says_every_default(tmp_path):
    write_starter(tmp_path)
    assert read_shop(tmp_path).policy == Policy()
    said = tomllib.loads((tmp_path / "policy.toml").read_text(encoding="utf-8"))
    assert set(said) == set(Policy.model_fields) - {"experiment"}  # a list without a default, shown as a comment
    for name, table in said.items():
        if isinstance(table, dict):
            left_unsaid = {key for key, value in dict(getattr(Policy(), name)).items() if value and key not in table}
            assert left_unsaid == set(LAWS.get(name, ())), name


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadShop, match="is not empty; nothing was written"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_page_about_sources_says_what_the_code_does():
    assert (ROOT / "docs" / "sources.md").read_text(encoding="utf-8") == manual.page()
