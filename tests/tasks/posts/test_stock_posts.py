from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from models.enums import PostKind, State
from models.inventory import StockStatus
from models.orders import ProductFacts
from tasks.posts.compose import compose_stock_posts
from tasks.posts.review import review_post
from tasks.tables import AVAILABILITIES, STOCK_LEVELS
from tests.support.builders import day
from tests.support.shop_driver import noon

LAMP = ProductFacts("p1", "Reading lamp", "lamps", Decimal(40))


def at(context, n=0):
    return context.with_run("r", day(n), noon(n))


def shelf(driver, *, state=StockStatus.IN_STOCK, left=20, waited=0, hours=1, sells=1.0):
    """Put a product on the shelf that came back some hours ago."""
    with driver.context.engine.begin() as connection:
        driver._product(connection, LAMP)
        connection.execute(
            insert(AVAILABILITIES).values(
                product_id=LAMP.id, state=state, free_quantity=left, waiting=0, waited=waited,
                since=noon(0) - timedelta(hours=hours), set_at=noon(0),
            )
        )  # fmt: skip
        connection.execute(
            insert(STOCK_LEVELS).values(
                product_id=LAMP.id, safety_stock=0, reorder_point=0, order_quantity=0, available=left,
                demand_a_day=sells, demand_sd=0, lead_days=1, lead_sd=0, method="smooth", why="", set_at=noon(0),
            )
        )  # fmt: skip
    return driver


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({"waited": 5}, [PostKind.BACK]),
        ({"waited": 4}, []),
        ({"waited": 5, "hours": 25}, []),
        ({"waited": 5, "state": StockStatus.BACKORDER}, []),
        ({"left": 5}, [PostKind.LOW]),
        ({"left": 6}, []),
        ({"left": 5, "sells": 0}, []),
        ({"left": 5, "state": StockStatus.OUT_OF_STOCK}, []),
        ({"left": 5, "waited": 5}, [PostKind.BACK]),
    ],
)
def test_a_product_is_worth_a_post_when_it_is_back_after_many_waited_or_nearly_gone(driver, given, kinds):
    posts = compose_stock_posts(at(shelf(driver, **given).context))
    assert [post["kind"] for post in posts] == kinds
    assert [post["state"] for post in driver.posts] == ["waits"] * len(kinds)
    assert driver.post_messages == []


def test_each_kind_of_post_is_written_once_a_week(driver):
    shelf(driver, left=3)
    assert [len(compose_stock_posts(at(driver.context, n))) for n in (0, 1, 7)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("given", "then", "sent"),
    [
        ({"left": 3}, {}, 1),
        ({"left": 3}, {"free_quantity": 2}, 0),
        ({"left": 3}, {"free_quantity": 0, "state": StockStatus.OUT_OF_STOCK}, 0),
        ({"waited": 9}, {"free_quantity": 4}, 1),
        ({"waited": 9}, {"free_quantity": 0, "state": StockStatus.BACKORDER}, 0),
    ],
)
def test_an_approved_post_that_is_not_true_any_more_does_not_leave(driver, given, then, sent):
    (post,) = compose_stock_posts(at(shelf(driver, **given).context))
    review_post(at(driver.context), post["id"], State.QUEUED, "mara")
    if then:
        with driver.context.engine.begin() as connection:
            connection.execute(update(AVAILABILITIES).values(**then))
    driver.deliver()
    assert len(driver.transport.taken) == sent
    assert driver.post_messages[0]["state"] == (State.SENT if sent else State.SKIPPED)
