"""Every endpoint of the JSON API with requests that a machine makes from its description, good and bad ones."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Config, GenerationMode
from schemathesis.checks import not_a_server_error

from models.orders import ProductFacts
from tasks.db.sql import read_only
from tasks.reporting.check_ledger import check_ledger
from tests.support.api_client import KEY, ApiClient, served, with_pages
from tests.support.builders import line
from tests.support.clocks import MovedClock
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import ShopDriver, customer, noon, open_context
from web.api.application import PREFIX

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
ORDERS = ("late", "part", "no date", "on time", "packed", "sent", "arrived", "cancelled", "unpaid", "a/b ä%2F", "short")
ENDPOINTS = (
    "GET /orders/{order_id}",
    "GET /orders/{order_id}/story",
    "POST /orders/{order_id}/choices",
    "POST /orders/{order_id}/choices/{number}/undo",
    "GET /choices",
    "POST /choices/{choice_id}/done",
    "POST /choices/{choice_id}/refused",
    "POST /orders/{order_id}/links",
    "DELETE /orders/{order_id}/links",
)
"""In the order in which they are asked: what follows finds the choices that were made."""
ABOUT = {"done": ("part", "no date", "unpaid"), "refused": ("late", "on time", "short")}
"""Orders whose choices an endpoint closes, so that it leaves some to the other one."""
EXAMPLES = 30


def with_orders(driver):
    """Place orders in every state, and tell their customers."""
    late = {"promised": -9, "expected": 4}
    lines = {
        "part": (line("1", **late), line("2", promised=6)),
        "no date": (line(promised=-9),),
        "on time": (line(promised=6),),
        "short": (line(promised=-2, expected=1, quantity=3),),
    }
    for number, order in enumerate(ORDERS):
        driver.order(order, *lines.get(order, (line(**late),)), customer=customer(f"c{number}"))
    driver.stock(FERN, 3)
    driver.run_day()
    driver.change("packed", packed=1)
    driver.change("sent", shipped_at=noon(0))
    driver.change("arrived", shipped_at=noon(-1), delivered_at=noon(0))
    driver.change("cancelled", cancelled_at=noon(0))
    driver.run_day(1)


class TickingClock(MovedClock):
    """A clock that moves with each look, by a moment or by hours."""

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    opened = open_context(sqlite_ledger(tmp_path_factory.mktemp("api") / "ledger.db"))
    driver = ShopDriver(with_pages(opened))
    with_orders(driver)
    yield driver.context
    opened.engine.dispose()


@pytest.fixture(scope="module")
def url(context):
    with serving(served(context, TickingClock(noon(1)))) as address:
        yield address


@pytest.fixture(scope="module")
def schema(url):
    right = ["2xx", "401", "404", "409", "410"]
    checks = {"positive_data_acceptance": {"expected-statuses": right}}
    config = Config.from_dict({"auth": {"openapi": {"HTTPBearer": {"bearer": KEY}}}, "checks": checks})
    return schemathesis.openapi.from_url(f"{url}{PREFIX}/openapi.json", config=config)


@pytest.fixture(scope="module")
def client(url):
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as http:
        yield ApiClient(http)


def test_the_endpoints_below_are_all_there_are(schema):
    assert {result.ok().label for result in schema.get_all_operations()} == set(ENDPOINTS)


def a_form(client, order, pick):
    """Return the body of a choice that an order offers; None where it offers none."""
    shown = client.get(f"/orders/{quote(order, safe='')}").json()
    offered = shown["open"]
    named = {act: [offered[act]] if offered[act] else [] for act in ("wait", "ship", "offer")}
    named |= {"swap": offered["swaps"], "cancel": offered["cancels"]}
    forms = [(act, each) for act, options in named.items() for each in options]
    if not forms:
        return None
    act, option = forms[pick % len(forms)]
    return {"act": act, "option": option["option"], "stated": option["stated"], "version": shown["version"]}


def a_number(client, order, pick):
    """Return the number of a choice that waits for the shop; one is made where there is none, if it is offered."""
    path = f"/orders/{quote(order, safe='')}"
    if form := a_form(client, order, pick):
        client.post(f"{path}/choices", form, Idempotency_Key=f"{form['version']}")
    choices = client.get(path).json()["choices"]
    return next((choice["number"] for choice in choices if choice["state"] == "requested"), pick)


def make_true(case, client, order, pick):
    """Let a request be about an order and choices that there may be."""
    number = a_number(client, order, pick) if case.path_parameters.keys() & {"choice_id", "number"} else pick
    true = {"order_id": order, "choice_id": f"{order}-C{number}", "number": number}
    case.path_parameters = {name: true[name] for name in case.path_parameters}
    if case.operation.label == "POST /orders/{order_id}/choices":
        case.body = a_form(client, order, pick) or case.body


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_request_is_answered_otherwise_than_described(schema, client, endpoint, mode):
    method, path = endpoint.split(" ", 1)
    answered, orders = set(), ABOUT.get(path.rpartition("/")[2], ORDERS)

    @given(schema[path][method].as_strategy(generation_mode=mode), st.sampled_from((None, *orders)), st.integers(1, 4))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def ask(case, order, pick):
        if mode is GenerationMode.POSITIVE:
            case.query.pop("after", None)  # only a place in the list is right, which no description can say
            if order is not None:
                make_true(case, client, order, pick)
        response = case.call()
        answered.add(response.status_code)
        case.validate_response(response, additional_checks=[not_a_server_error])

    ask()
    assert mode is not GenerationMode.POSITIVE or any(status < 300 for status in answered)


def test_nothing_inconsistent_is_in_the_ledger_afterwards(context):
    with read_only(context.engine) as connection:
        assert list(check_ledger(connection)) == []
