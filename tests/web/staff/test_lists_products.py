"""Late products on the desk: the list, a date for all orders, a reason, a post."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from models.enums import PostState
from models.orders import ProductFacts
from models.policy.policy import Policy
from tasks.db.counters import set_counter
from tasks.db.sql import read_only
from tasks.desk.late_products import LateProducts
from tasks.inventory.overrides import set_override
from tasks.tables import (
    AUDIT_ENTRIES,
    DELAY_REASONS,
    EXPECTED_DATES,
    INBOUNDS,
    OUTBOX,
    POSTS,
    PRODUCTS,
    VENDORS,
)
from tests.support.builders import day, line
from tests.support.desk import desk_client
from tests.support.shop_driver import customer, noon

LAMP = ProductFacts("P1", "Lamp", "lamps")
OTHER = replace(LAMP, id="P/2", name="Rug")


def place(driver, count=3, product=LAMP, promised=-9, first=0, expected=None):
    for n in range(first, first + count):
        row = line(promised=promised, product=product, expected=expected)
        driver.order(f"{product.id}-{n}", row, customer=customer(f"c{n}"), placed=-30)


def entries(driver):
    with read_only(driver.context.engine) as connection:
        return connection.execute(select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id)).all()


def dates(driver):
    return {row["order_id"]: row["expected_on"] for row in driver.rows(EXPECTED_DATES) if row["ended_at"] is None}


@pytest.fixture
def agent(driver):
    return desk_client(driver.context, "service", "marketing", now=noon(0), name="Mara")


def test_a_shop_without_late_products_learns_when_one_shows(agent):
    assert "No product is late." in agent.get("/desk/products").text


def test_the_list_says_how_many_wait_how_late_until_when_and_what_comes(driver, agent):
    place(driver, 2, expected=5)
    place(driver, 1, promised=-20, first=2)
    place(driver, 1, OTHER)
    with driver.context.engine.begin() as connection:
        connection.execute(insert(VENDORS).values(id="V1", name="Harbour Looms"))
        connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == LAMP.id).values(vendor_id="V1", category="Lamps"))
        connection.execute(
            insert(INBOUNDS).values(id="D503", product_id=LAMP.id, vendor_id="V1", quantity=12, expected_on=day(4))
        )
    page = agent.get("/desk/products")
    assert page.text.index(LAMP.name) < page.text.index("Rug")
    assert "3 orders (3 people)" in page.text
    assert "14 days in the middle, 20 at worst" in page.text
    assert "Sat 20 Jun; no date for 1 order" in page.text
    assert "12 pieces, Fri 19 Jun (D503)" in page.text
    assert "Rug" not in agent.get("/desk/products?vendor=V1").text
    assert "Rug" not in agent.get("/desk/products?category=Lamps").text
    assert "No late product is of that vendor." in agent.get("/desk/products?vendor=nobody").text


def test_a_product_whose_id_has_a_slash_has_a_page(driver, agent):
    place(driver, 1, OTHER)
    assert "1 order (1 person)" in agent.get("/desk/products/P%2F2").text
    assert agent.get("/desk/products/unknown").status == 404


def test_a_date_for_all_orders_counts_first_who_gets_a_message(driver, agent):
    place(driver)
    asked = agent.get(f"/desk/products/{LAMP.id}/date?day={day(5)}")
    assert "3 orders are then expected by Sat 20 Jun." in asked.text
    assert "3 people of 3 get a message about it" in asked.text
    driver.run_day(0)
    told = agent.get(f"/desk/products/{LAMP.id}/date?day={day(0)}")
    assert "of 3" in told.text


@pytest.mark.parametrize(("given", "said"), [("2026-02-31", "Enter a date"), ("2020-01-01", "This day has passed.")])
def test_a_day_that_is_none_or_has_passed_is_refused_in_words(driver, agent, given, said):
    place(driver, 1)
    page = agent.get(f"/desk/products/{LAMP.id}/date?day={given}")
    assert page.status == 422
    assert said in page.text


def test_a_date_for_all_orders_is_set_and_taken_back(driver, agent):
    place(driver)
    path = f"/desk/products/{LAMP.id}/date"
    form = agent.form(f"{path}?day={day(5)}", path)
    assert agent.send(form).status == 422
    done = agent.send(agent.form(f"{path}?day={day(5)}", path), {"why": "the vendor rang"})
    assert f"You set the expected date of {LAMP.name} to Sat 20 Jun for 3 orders." in agent.follow(done).text
    assert set(dates(driver).values()) == {day(5)}
    assert len(dates(driver)) == 3
    entry = entries(driver)[-1]
    assert (entry.kind, entry.why) == ("product_dated", "the vendor rang")
    assert agent.post(f"/desk/log/{entry.id}/undo").status == 303
    assert day(5) not in dates(driver).values()


def test_a_date_that_staff_had_set_before_comes_back_with_undo(driver, agent):
    place(driver, 2)
    path = f"/desk/products/{LAMP.id}/date"
    for ahead in (5, 8):
        agent.send(agent.form(f"{path}?day={day(ahead)}", path), {"why": "the vendor rang"})
    assert set(dates(driver).values()) == {day(8)}
    agent.post(f"/desk/log/{entries(driver)[-1].id}/undo")
    assert set(dates(driver).values()) == {day(5)}


def test_undo_leaves_a_date_that_somebody_set_since(driver, agent):
    place(driver, 2)
    path = f"/desk/products/{LAMP.id}/date"
    agent.send(agent.form(f"{path}?day={day(5)}", path), {"why": "the vendor rang"})
    wide = entries(driver)[-1].id
    set_override(driver.context, "P1-0", "1", day(8), "Jan")
    assert agent.post(f"/desk/log/{wide}/undo").status == 303
    assert dates(driver)["P1-0"] == day(8)
    assert dates(driver).get("P1-1") != day(5)
    agent.send(agent.form(f"{path}?day={day(6)}", path), {"why": "the vendor rang"})
    wide = entries(driver)[-1].id
    for number in (0, 1):
        set_override(driver.context, f"P1-{number}", "1", day(9), "Jan")
    refused = agent.post(f"/desk/log/{wide}/undo")
    assert refused.status == 409
    assert "changed again since" in refused.text
    assert set(dates(driver).values()) == {day(9)}


def test_a_date_form_sent_twice_sets_it_once(driver, agent):
    place(driver, 1)
    path = f"/desk/products/{LAMP.id}/date"
    form = agent.form(f"{path}?day={day(5)}", path)
    assert agent.send(form, {"why": "rang"}).status == agent.send(form, {"why": "rang"}).status == 303
    assert len(entries(driver)) == 1


def test_a_reason_is_given_replaced_and_taken_back(driver, agent):
    place(driver, 1)
    path = f"/desk/products/{LAMP.id}/reason"
    assert "Choose the reason." in agent.post(path).text
    assert "Write the reason" in agent.post(path, {"code": "other"}).text
    code = next(value for value in agent.form(path).options["code"] if value not in ("other", "unknown"))
    done = agent.post(path, {"code": code})
    assert f"You gave the reason why {LAMP.name} is late" in agent.follow(done).text
    agent.post(path, {"code": "other", "words": "a storm closed the harbour"})
    assert "A storm closed the harbour." in agent.get(f"/desk/products/{LAMP.id}").text
    first, second = entries(driver)
    refused = agent.post(f"/desk/log/{first.id}/undo")
    assert refused.status == 409
    assert agent.post(f"/desk/log/{second.id}/undo").status == 303
    assert [row["code"] for row in driver.rows(DELAY_REASONS)] == [code]
    assert agent.post(f"/desk/log/{first.id}/undo").status == 303
    assert driver.rows(DELAY_REASONS) == []


def test_a_post_is_drafted_waits_for_approval_and_is_withdrawn_by_undo(driver, agent):
    terms = Policy().posts
    place(driver, terms.orders)
    path = f"/desk/products/{LAMP.id}/post"
    done = agent.post(path)
    page = agent.follow(done)
    assert "it waits for approval" in page.text
    assert "Waits for approval" in page.text
    assert driver.rows(OUTBOX) == []
    assert agent.get(path).location == done.location.partition("?")[0]
    assert agent.post(f"/desk/log/{entries(driver)[-1].id}/undo").status == 303
    assert [row["state"] for row in driver.posts] == [PostState.WITHDRAWN]


def test_a_post_about_too_few_orders_is_written_by_a_person(driver, agent):
    place(driver, 1)
    page = agent.follow(agent.get(f"/desk/products/{LAMP.id}/post"))
    assert "Write a post" in page.text
    assert agent.form(f"/desk/posts/new?product={LAMP.id}&about=late", "/desk/posts/new").fields["product"] == ["Lamp"]
    assert driver.rows(POSTS) == []


def test_who_only_reads_sees_no_act(driver):
    place(driver, 1)
    reader = desk_client(driver.context, "read", now=noon(0))
    page = reader.get(f"/desk/products/{LAMP.id}")
    assert "Set a date" not in page.text
    assert reader.get(f"/desk/products/{LAMP.id}/date").status == 403


def test_many_late_orders_are_counted_beside_the_request(driver):
    place(driver, 2)
    with driver.context.engine.begin() as connection:
        set_counter(connection, "orders:week", 2_000)
    waiting = []
    late = LateProducts(waiting.append)
    first = late.load(driver.context)
    assert (first.products, first.counted_at, first.is_counting) == ((), None, True)
    assert late.load(driver.context).is_counting
    assert len(waiting) == 1
    waiting.pop()()
    counted = late.load(driver.context)
    assert (len(counted.products), counted.is_counting) == (1, False)
    later = replace(driver.context, started_at=driver.context.started_at + timedelta(minutes=11))
    stale = late.load(later)
    assert (len(stale.products), stale.is_counting, len(waiting)) == (1, True, 1)


def test_the_list_is_paged(driver, agent):
    for n in range(52):
        place(driver, 1, replace(LAMP, id=f"P{n:03}", name=f"Lamp {n}"))
    first = agent.get("/desk/products")
    (following,) = [tag["href"] for tag in first.tags("a") if "after=" in tag.get("href", "")]
    assert agent.get(following).text.count("1 order (1 person)") == 2
