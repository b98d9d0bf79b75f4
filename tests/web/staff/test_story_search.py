"""Orders on the desk are found by what somebody spells on the phone, page by page, each look-up by an index."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from models.enums import State
from models.orders import ProductFacts
from models.search_keys import folded, phone_key
from tasks.db.sql import is_sqlite, read_only
from tasks.desk.order_list import select_bucket, select_messages
from tasks.desk.order_search import find_products, search, select_by_key, select_product_orders
from tasks.privacy.erase import erase_person
from tasks.tables import CUSTOMER_SEARCH, OUTBOX, PRODUCT_WORDS
from tests.support.builders import ANNA, line
from tests.support.desk import desk_client
from tests.support.shop_driver import noon

MUELLER = replace(ANNA, id="c2", name="Jürgen Müller", email="J.Mueller@Example.com", phone="0151 12345678")
SOSA = replace(ANNA, id="c3", name="María José Nuñez Sosa", email="maria@example.com", phone="+34 600 111 222")
DUVET = ProductFacts("p9", "Washed Linen Duvet Cover Sand", "bedding")


@pytest.fixture
def shop(imported_shop):
    """Return a shop with three customers, of whom two are late."""
    imported_shop.enter_order("1041", line(promised=-9, expected=5))
    imported_shop.enter_order("A/7", line(promised=20), customer=MUELLER)
    imported_shop.enter_order("1099", line(promised=-20, product=DUVET), customer=SOSA)
    imported_shop.import_facts()
    return imported_shop


def find(shop, words, after=None):
    with read_only(shop.context.engine) as connection:
        return search(shop.context, connection, words, after)


def desk(shop, *roles):
    return desk_client(shop.context, *(roles or ("read",)), now=noon(0))


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("Müller", "A/7"),
        ("mueller", "A/7"),
        ("MULLER", "A/7"),
        ("jurgen mu", "A/7"),
        ("Müller Jürgen", "A/7"),
        ("sosa", "1099"),
        ("Maria Jose", "1099"),
        ("j.mueller@example.com", "A/7"),
        ("maria@", "1099"),
        ("+49 151 12345678", "A/7"),
        ("0151 12345678", "A/7"),
        ("0049 151 12345678", "A/7"),
        ("345678", "A/7"),
        ("600 111 222", "1099"),
    ],
)
def test_an_order_is_found_by_name_mail_and_phone(shop, words, order):
    assert find(shop, words).orders == (order,)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("Muler", ("muller",)),
        ("Mullre", ("muller",)),
        ("Jürgen Möller", ("muller",)),
        ("Muellerr", ("muller",)),
        ("Sossa", ("sosa",)),
        ("Maller Sofa", ("muller", "sosa")),
        ("Mul", ()),
        ("Meier", ()),
        ("12345", ()),
        ("Müller", ()),
    ],
)
def test_a_misspelt_name_finds_those_that_one_slip_makes_of_it(shop, words, near):
    assert find(shop, words).near == near


def test_a_search_that_finds_nothing_offers_near_names_and_says_how_to_search(shop):
    page = desk(shop).get("/desk/orders?q=Muler")
    assert "Did you mean" in page.text
    assert [tag["href"] for tag in page.tags("a") if "q=muller" in tag["href"]] == ["/desk/orders?q=muller"]
    assert "Search by order number, name, mail address, phone or product" in page.text


@pytest.mark.parametrize("words", ["1041", "#1041", " 1041 ", "a/7"])
def test_a_number_leads_straight_to_its_story(shop, words):
    page = desk(shop).get(f"/desk/orders?q={words.replace('#', '%23').replace(' ', '+')}")
    assert page.status == 303
    assert page.location in ("/desk/orders/1041", "/desk/orders/A%2F7")


def test_an_order_with_a_slash_has_its_story(shop):
    assert "Order A/7" in desk(shop).get("/desk/orders/A%2F7").text


def test_a_product_is_found_by_any_of_its_words_and_leads_to_its_orders(shop):
    page = desk(shop).get("/desk/orders?q=linen+duv")
    assert "Washed Linen Duvet Cover Sand" in page.text
    orders = desk(shop).get("/desk/orders?product=p9")
    assert "1099" in orders.text
    assert "1041" not in orders.text


def test_an_unknown_order_names_the_last_import(shop):
    page = desk(shop).get("/desk/orders?q=1401")
    assert "No order 1401 here. The last import was" in page.text
    assert "No order matches 'Withfield'." in desk(shop).get("/desk/orders?q=Withfield").text


def test_a_row_says_why_in_a_few_words_and_masks_the_address(shop):
    shop.run_day()
    page = desk(shop).get("/desk/orders")
    assert "Told by mail on 15 June" in page.text
    assert "a…@example.com" in page.text
    assert "anna@example.com" not in page.html
    assert page.text.index("1099") < page.text.index("1041") < page.text.index("A/7")


def test_filters_show_the_policys_ranges_with_their_counts(shop):
    shop.run_day()
    page = desk(shop).get("/desk/orders")
    assert "8 to 14 days late (1)" in page.text
    assert "15 days late or more (1)" in page.text
    late = desk(shop).get("/desk/orders?late=fortnight")
    assert ">1041</a>" in late.html
    assert ">1099</a>" not in late.html
    assert "There is no such late here" in desk(shop).get("/desk/orders?late=nonsense").text


@pytest.mark.parametrize(
    ("state", "name"), [(State.HELD, "held"), (State.QUEUED, "waiting"), (State.IN_DOUBT, "in_doubt")]
)
def test_orders_are_filtered_by_the_state_of_their_message(shop, state, name):
    shop.evaluate()
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=state))
    page = desk(shop).get(f"/desk/orders?state={name}")
    assert ">1041</a>" in page.html
    assert ">A/7</a>" not in page.html


def test_orders_are_filtered_by_vendor(shop):
    shop.put("vendors", id="v1", name="Harbour Looms")
    shop.put("products", id="p9", name=DUVET.name, vendor_id="v1")
    shop.run_day()
    page = desk(shop).get("/desk/orders?vendor=v1")
    assert ">1099</a>" in page.html
    assert ">1041</a>" not in page.html


def test_pages_go_on_where_the_last_one_ended(shop):
    for n in range(120):
        shop.enter_order(f"{2000 + n}", line(promised=20), customer=ANNA)
    shop.import_facts()
    seen, after = [], None
    while True:
        found = find(shop, "Keller", after)
        seen += found.orders
        after = found.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 121
    first = desk(shop).get("/desk/orders?q=Keller")
    following = next(part.partition('"')[0] for part in first.html.split('href="') if "after=" in part)
    second = desk(shop).get(following.replace("&amp;", "&"))
    assert "Back to the first" in second.text
    assert second.html.count('scope="row"') == 50


def test_a_wrong_page_is_the_first_one(shop):
    shop.run_day()
    assert desk(shop).get("/desk/orders?after=nonsense").status == 200
    assert desk(shop).get("/desk/orders?state=held&after=WyJhIiwiYiIsImMiXQ").status == 200


def test_a_changed_name_is_found_and_the_old_one_not(shop):
    shop.put("customers", id="c2", name="Jürgen Schmidt")
    assert find(shop, "schmidt").orders == ("A/7",)
    assert find(shop, "muller").orders == ()
    shop.put("products", id="p9", name="Cotton Sheet")
    with read_only(shop.context.engine) as connection:
        assert find_products(connection, "linen") == ()
        assert [one.name for one in find_products(connection, "sheet")] == ["Cotton Sheet"]


def test_an_erased_customer_is_found_by_nothing(shop):
    context = replace(shop.context, erasure_key=b"e" * 32)
    with context.engine.begin() as connection:
        erase_person(context, connection, "c2", "ana")
    assert find(shop, "muller").orders == ()
    with read_only(context.engine) as connection:
        keys = connection.execute(select(CUSTOMER_SEARCH.c.customer_id)).scalars().all()
    assert sorted(keys) == ["c1", "c3"]


def test_keys_are_folded():
    assert folded("  Łukasz  GROẞ-Ødegård ") == "lukasz gross odegard"
    assert phone_key("+49 (0)151-1") == "11510" + "94"


def plan(context, query, table=""):
    """Return the database's plan of a query, with a table that is large enough for indexes.

    On PostgreSQL the primary key of `table` is out of the way: of a few rows, it may seem as good as any index.
    """
    with context.engine.connect() as connection:
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        if is_sqlite(connection):
            return " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
        # Without these a table of a few rows is read whole and sorted, whatever its indexes are good for.
        for step in ("seqscan", "bitmapscan", "sort"):
            connection.execute(text(f"SET enable_{step} = off"))
        if table:
            # Taken back with the transaction.
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE"))
        return " ".join(row[0] for row in connection.execute(text(f"EXPLAIN {compiled}")))


@pytest.mark.parametrize("name", ["name", "family", "mail", "phone"])
def test_each_key_is_looked_up_by_its_index(shop, name):
    found = plan(shop.context, select_by_key(name, "abc", None))
    assert f"ix_customer_search_{name}" in found
    assert "ix_orders_customer_id" in found


def test_lists_are_read_by_an_index_in_its_order(shop):
    sorted_anew = ("USE TEMP B-TREE", "Sort")
    for query, table, index in (
        (select_bucket("week", "1"), "watch", "ix_watch_bucket"),
        (select_product_orders("p9", "1"), "order_line", "ix_order_line_product"),
        (select_messages(State.HELD, None), "outbox", "ix_outbox_due"),
    ):
        found = plan(shop.context, query, table)
        assert index in found, found
        assert not any(words in found for words in sorted_anew), found


def test_words_of_products_are_looked_up_by_their_index(shop):
    found = plan(
        shop.context, select(PRODUCT_WORDS.c.product_id).where(PRODUCT_WORDS.c.word >= "a", PRODUCT_WORDS.c.word < "b")
    )
    assert "product_word" in found
    assert "SCAN product_word" not in found
