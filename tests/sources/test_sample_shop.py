import tracemalloc
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email

from models.config.shop import read_shop
from models.enums import Promise
from models.orders import LineFacts, ProductFacts
from models.policy.policy import Policy
from models.tables.shop import Customer, Inbound, Order, OrderLine, Product, Stock, Vendor
from rules.offers.substitutes import Candidate, SubstituteIndex
from sources.sample import sample_day, write_sample

AS_OF = date(2026, 11, 23)
TABLES = {
    "customers": Customer,
    "products": Product,
    "orders": Order,
    "lines": OrderLine,
    "stock": Stock,
    "inbound": Inbound,
    "vendors": Vendor,
}


def read(folder):
    """Every table as the shop's own SELECTs give it."""
    shop = read_shop(folder)
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{shop.data}'")
        tables = {}
        for name in TABLES:
            found = connection.execute((shop.selects / f"{name}.sql").read_text())
            columns = [column[0] for column in found.description]
            tables[name] = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        return tables


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, as_of=AS_OF)
    return read(folder)


def lines_of(shop, order):
    return [line for line in shop["lines"] if line["order_id"] == order]


def is_open(line):
    kept = (line["delivered_at"],) if line["promise"] == "deliver" else (line["shipped_at"], line["delivered_at"])
    return not any((*kept, line["cancelled_at"]))


def known(line):
    return line["expected_on"] is not None and line["expected_on"] >= AS_OF


def days_late(line):
    return ((line["expected_on"] if known(line) else AS_OF) - line["promised_on"]).days if is_open(line) else 0


def late_lines(shop):
    cancelled = {order["id"] for order in shop["orders"] if order["cancelled_at"]}
    return [line for line in shop["lines"] if line["order_id"] not in cancelled and days_late(line) > 0]


def late_orders(shop):
    """The latest line of each late order."""
    return {line["order_id"]: line for line in sorted(late_lines(shop), key=days_late)}


def bucket(days):
    return next(one.name for one in reversed(Policy().bucket) if days >= one.from_days)


def test_every_row_is_one_that_the_contract_takes(shop):
    for name, model in TABLES.items():
        assert shop[name], name
        for row in shop[name]:
            assert set(row) <= set(model.model_fields), name
            model.model_validate(row)


def test_rows_point_at_rows_that_are_there(shop):
    ids = {name: {row["id"] for row in shop[name]} for name in ("customers", "products", "orders", "vendors")}
    for name in ids:
        assert len(ids[name]) == len(shop[name]), name
    assert {order["customer_id"] for order in shop["orders"]} <= ids["customers"]
    assert {line["order_id"] for line in shop["lines"]} == ids["orders"]
    assert {line["product_id"] for line in shop["lines"]} <= ids["products"]
    assert {stock["product_id"] for stock in shop["stock"]} == ids["products"]
    assert {inbound["product_id"] for inbound in shop["inbound"]} <= ids["products"]
    assert {inbound["vendor_id"] for inbound in shop["inbound"]} == ids["vendors"]


def test_orders_are_numbered_as_they_came_and_hold_one_to_four_different_products(shop):
    assert [order["id"] for order in shop["orders"]] == [str(1001 + nth) for nth in range(400)]
    assert all(earlier["placed_at"] <= later["placed_at"] for earlier, later in pairwise(shop["orders"]))
    for order in shop["orders"]:
        lines = lines_of(shop, order["id"])
        assert [line["number"] for line in lines] == [str(nth + 1) for nth in range(len(lines))]
        assert 1 <= len({line["product_id"] for line in lines}) == len(lines) <= 4


@pytest.mark.parametrize("size", [1, 20, 400])
def test_nothing_happens_to_an_order_before_it_was_placed_or_after_the_day(tmp_path, size):
    write_sample(tmp_path, orders=size, as_of=AS_OF)
    shop = read(tmp_path)
    midnight = datetime.combine(AS_OF + timedelta(days=1), datetime.min.time())
    for order in shop["orders"]:
        for row in (order, *lines_of(shop, order["id"])):
            for event in ("shipped_at", "delivered_at", "cancelled_at"):
                assert row.get(event) is None or order["placed_at"] < row[event] < midnight, row
        assert all(line["promised_on"] > order["placed_at"].date() for line in lines_of(shop, order["id"]))
    assert all(line["delivered_at"] is None or line["shipped_at"] < line["delivered_at"] for line in shop["lines"])


def test_one_order_in_ten_is_late_in_every_bucket_with_and_without_a_date(shop):
    late = late_orders(shop)
    assert 38 <= len(late) <= 42
    found = Counter((bucket(days_late(line)), known(line)) for line in late.values())
    assert set(found) == {(one.name, sure) for one in Policy().bucket for sure in (True, False)}
    assert min(found.values()) >= 2


def test_dates_are_unknown_because_nobody_said_one_or_because_it_has_passed(shop):
    unknown = [line["expected_on"] for line in late_orders(shop).values() if not known(line)]
    assert None in unknown
    assert any(unknown)


def test_orders_are_in_every_state(shop):
    states = Counter(
        "cancelled" if order["cancelled_at"] else "open" if any(map(is_open, lines_of(shop, order["id"]))) else "done"
        for order in shop["orders"]
    )
    assert states["open"] > states["done"] > states["cancelled"] > 3
    assert any(line["shipped_at"] and is_open(line) for line in shop["lines"])
    assert any(line["shipped_at"] and not line["delivered_at"] and not is_open(line) for line in shop["lines"])
    assert any(line["cancelled_at"] for line in shop["lines"])
    late = late_orders(shop)
    beside = [line for order in late for line in lines_of(shop, order) if is_open(line) and days_late(line) <= 0]
    assert len(beside) > 10


def test_customers_live_in_several_countries_and_can_mostly_be_reached(shop):
    customers = shop["customers"]
    assert {row["country"] for row in customers} == {"DE", "US", "GB", "FR", "BR", "PT", "SE"}
    assert {row["locale"] for row in customers} >= {"de_DE", "en_US", "en_GB", "pt_BR", "pt_PT"}
    assert len({row["name"] for row in customers}) == len(customers)
    assert len({row["email"] for row in customers if row["email"]}) == len([row for row in customers if row["email"]])
    for field in ("sms_consent", "marketing_consent"):
        assert 0.2 < sum(row[field] for row in customers) / len(customers) < 0.8
    assert {row["prefers"] for row in customers} == {None, "email", "sms"}
    assert any(row["zone"] is None for row in customers)
    for row in customers:
        assert row["zone"] is None or ZoneInfo(row["zone"])
        assert row["email"] is None or row["email"].endswith(("example.com", "example.org", "example.net"))
        if row["phone"]:
            assert phonenumbers.is_valid_number_for_region(
                phonenumbers.parse(row["phone"], row["country"]), row["country"]
            ), row


def test_among_those_awaiting_a_late_order_are_all_who_cannot_be_written_to(shop):
    late = late_orders(shop)
    customers = {row["id"]: row for row in shop["customers"]}
    awaiting = {
        order["customer_id"]: bucket(days_late(late[order["id"]])) for order in shop["orders"] if order["id"] in late
    }
    told = [customers[customer] for customer, delay in awaiting.items() if delay != "short"]
    assert any(row["opted_out"] for row in told)
    assert any(row["email"] is None and row["phone"] is None for row in told)
    bad = [row["email"] for row in told if row["email"] and "@" not in row["email"]]
    assert bad
    with pytest.raises(EmailNotValidError):
        validate_email(bad[0], check_deliverability=False)


def shelf_of(shop):
    free = Counter()
    for row in shop["stock"]:
        free[row["product_id"]] += row["on_hand"] - row["allocated"]
    products = {row["id"]: ProductFacts(*(row[name] for name in ProductFacts.__slots__)) for row in shop["products"]}
    return products, SubstituteIndex(Candidate(products[id_], count) for id_, count in free.items() if count > 0)


def substitutes(shop, line):
    products, shelf = shelf_of(shop)
    facts = LineFacts(
        line["number"],
        products[line["product_id"]],
        line["quantity"],
        Promise(line["promise"]),
        line["promised_on"],
        price=line["price"],
    )
    late = {row["product_id"] for row in late_lines(shop)}
    return shelf.substitutes_for(facts, Policy().substitutes, late_products=late)


@pytest.mark.parametrize("size", [41, 400, 2000])
def test_order_1041_is_a_fortnight_late_with_a_date_a_substitute_and_a_line_on_time(tmp_path, size):
    write_sample(tmp_path, orders=size, seed=size, as_of=AS_OF)
    shop = read(tmp_path)
    late, on_time = lines_of(shop, "1041")
    assert (days_late(late), known(late)) == (10, True)
    assert bucket(10) == "fortnight"
    assert days_late(on_time) == 0
    assert is_open(on_time)
    assert substitutes(shop, late)
    customer_id = next(order["customer_id"] for order in shop["orders"] if order["id"] == "1041")
    customer = next(row for row in shop["customers"] if row["id"] == customer_id)
    assert validate_email(customer["email"], check_deliverability=False)
    assert customer["sms_consent"]
    assert customer["marketing_consent"]
    assert not customer["opted_out"]


def test_some_late_lines_have_a_substitute_and_some_have_none(shop):
    found = Counter(bool(substitutes(shop, line)) for line in late_orders(shop).values())
    assert found[True] > found[False] > 0


def test_what_is_late_is_out_of_stock_and_expected_when_its_delivery_is(shop):
    on_hand = Counter()
    for row in shop["stock"]:
        on_hand[row["product_id"]] += row["on_hand"]
    due = {row["product_id"]: row["expected_on"] for row in shop["inbound"] if row["received_at"] is None}
    for line in late_lines(shop):
        assert on_hand[line["product_id"]] == 0
        assert not known(line) or line["expected_on"] == due[line["product_id"]]


def test_the_shop_has_its_name_its_table_and_prices_to_the_cent(shop, tmp_path):
    write_sample(tmp_path, orders=1, as_of=AS_OF)
    folder = read_shop(tmp_path)
    assert folder.shop.name == "Lantern & Loom"
    assert folder.policy == Policy()
    assert len({row["category"] for row in shop["products"]}) == 8
    assert all(isinstance(row["price"], Decimal) and row["price"] > 0 for row in shop["products"])


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_size_and_day_give_the_same_bytes_and_others_do_not(tmp_path):
    for name, seed, orders, as_of in (
        ("one", 7, 50, AS_OF),
        ("same", 7, 50, AS_OF),
        ("seed", 8, 50, AS_OF),
        ("size", 7, 51, AS_OF),
        ("day", 7, 50, AS_OF + timedelta(days=1)),
    ):
        write_sample(tmp_path / name, orders=orders, seed=seed, as_of=as_of)
    one = files(tmp_path / "one")
    assert files(tmp_path / "same") == one
    for name in ("seed", "size", "day"):
        assert files(tmp_path / name) != one, name


def test_written_again_over_itself_a_shop_is_made_anew_and_keeps_what_else_is_there(tmp_path):
    write_sample(tmp_path, orders=50, as_of=AS_OF)
    words = tmp_path / "templates" / "week" / "subject.txt"
    words.parent.mkdir(parents=True)
    words.write_text("Our own words")
    write_sample(tmp_path, orders=20, as_of=AS_OF)
    assert len(read(tmp_path)["orders"]) == 20
    assert words.read_text() == "Our own words"


def test_memory_does_not_grow_with_the_shop(tmp_path):
    def peak(orders):
        tracemalloc.start()
        write_sample(tmp_path / str(orders), orders=orders, as_of=AS_OF)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(5000) < 1.3 * peak(500)


@pytest.mark.parametrize(("at", "day"), [("2026-11-29T22:59:00+00:00", 29), ("2026-11-29T23:01:00+00:00", 30)])
def test_the_shops_day_is_that_of_its_own_zone(at, day):
    assert sample_day(datetime.fromisoformat(at)) == date(2026, 11, day)
