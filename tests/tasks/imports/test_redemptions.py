"""Codes that were used, as the shop's export names them."""

from decimal import Decimal

import pytest

from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.load import import_table
from tasks.reporting.result_days import count_results
from tasks.reporting.result_schedule import result_days_to_count
from tasks.tables import OFFERS, REDEMPTIONS
from tests.support.builders import day, line
from tests.support.imports import StarterShop
from tests.support.shop_driver import noon


@pytest.fixture
def shop(imported_shop):
    """Return a shop whose late order 1041 was given a code."""
    imported_shop.order("1041", line(promised=-20))
    imported_shop.run_day()
    return imported_shop


def code_of(shop):
    (offer,) = [row for row in shop.rows(OFFERS) if row["code"]]
    return offer["code"]


def redeem(shop, code, order="2001", on=3, **facts):
    shop.system.put("redemptions", code=code, order_id=order, redeemed_at=f"{day(on)} 12:00", **facts)


def take_in(shop):
    rejected = []
    stats = import_table(shop.context.engine, shop.source, "redemptions", day(4), reject=rejected.append)
    return stats, [(one.file, one.line, one.column, one.value, one.reason) for one in rejected]


def test_each_use_of_a_code_is_a_row_whatever_its_case_currency_and_day(shop):
    code = code_of(shop)
    redeem(shop, code.lower(), amount="7.50")
    redeem(shop, code, "2002", on=400, amount="8.00", currency="usd")
    stats, rejected = take_in(shop)
    assert (stats.read, stats.inserted, rejected) == (2, 2, [])
    rows = shop.rows(REDEMPTIONS)
    assert {(row["code"], row["order_id"], row["amount"], row["currency"]) for row in rows} == {
        (code, "2001", Decimal("7.50"), None),
        (code, "2002", Decimal("8.00"), "USD"),
    }


def test_a_later_export_corrects_a_use_and_takes_none_away(shop):
    redeem(shop, code_of(shop), amount="7.50")
    redeem(shop, code_of(shop), "2002")
    take_in(shop)
    shop.system.drop("redemptions", code_of(shop), "2002")
    redeem(shop, code_of(shop), amount="6.00")
    assert take_in(shop)[0].updated == 1
    assert take_in(shop)[0].unchanged == 1
    assert {row["order_id"]: row["amount"] for row in shop.rows(REDEMPTIONS)} == {"2001": Decimal("6.00"), "2002": None}


def test_codes_that_forewarn_did_not_give_are_counted_and_named(shop):
    redeem(shop, "SUMMER10")
    redeem(shop, code_of(shop))
    stats, rejected = take_in(shop)
    assert (stats.read, stats.rejected, stats.inserted) == (2, 1, 1)
    assert rejected == [
        ("redemptions.csv", 2, "code", "SUMMER10", "not a code that Forewarn gave; leave other codes out")
    ]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("amount", "1,50", "digits, a point for the decimals"),
        ("currency", "euro", "three letters"),
        ("redeemed_at", "soon", "2026-11-30"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(shop, column, value, says):
    redeem(shop, code_of(shop))
    shop.system.put("redemptions", code=code_of(shop), order_id="2001", **{column: value})
    _, ((file, number, wrong, shown, reason),) = take_in(shop)
    assert (file, number, wrong, shown) == ("redemptions.csv", 2, column, value)
    assert says in reason


def test_a_use_has_the_day_counted_again_on_which_the_code_was_given(shop):
    count_results(shop.context, [day(0), day(30)], noon(30))
    assert day(0) not in result_days_to_count(shop.context, day(30), 1)
    redeem(shop, code_of(shop))
    take_in(shop)
    assert result_days_to_count(shop.context, day(30), 1) == [day(0), day(29), day(30)]


def test_the_starter_folder_has_an_empty_example(tmp_path, ledger):
    folder = tmp_path / "shop"
    write_starter(folder)
    engine = connect(ledger)
    migrate(engine)
    shop = StarterShop(folder, engine, tmp_path / "rejects.csv")
    assert shop.take_in()["redemptions"].read == 0
    with (folder / "data" / "redemptions.csv").open("a") as file:
        file.write("WAIT-7KTM-4XTR-9CHP,2001,2026-01-14 10:00:00,5.00,EUR\nSUMMER10,2002,2026-01-14 10:00:00,,\n")
    assert shop.take_in()["redemptions"].rejected == 1
    assert shop.refused() == [("redemptions", "2", "code", "not a code that Forewarn gave; leave other codes out")]
    engine.dispose()
