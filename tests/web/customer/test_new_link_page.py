"""The page that sends a new link: it never says whether order and address belong together."""

import pytest
from starlette.applications import Starlette

from tests.support.order_pages import MemoryOrders, memory_routes
from tests.support.web_client import WebClient

RIGHT = {"order": "1041", "mail": "nora@shop.example.com"}


class Shop:
    def __init__(self):
        self.orders = MemoryOrders()
        self.client = WebClient(Starlette(routes=memory_routes(self.orders)))

    def ask(self, **typed):
        return self.client.post("/o/link", RIGHT | typed)


@pytest.fixture
def shop():
    return Shop()


def test_the_form_asks_for_two_things_and_explains_them_to_a_browser(shop):
    fields = {tag["name"]: tag for tag in shop.client.get("/o/link").tags("input")}
    assert set(fields) == {"order", "mail"}
    assert (fields["mail"]["type"], fields["mail"]["autocomplete"]) == ("email", "email")


def test_the_answer_is_the_same_for_everybody(shop):
    answer = shop.ask()
    assert (answer.status, answer.location) == (303, "/o/link/sent")
    assert "If the two belong together, a new link is in your inbox" in shop.client.get(answer.location).text
    assert shop.orders.new_links == [("1041", "nora@shop.example.com")]


def test_spaces_and_a_number_sign_are_no_mistake(shop):
    shop.ask(order=" #1041 ", mail=" nora@shop.example.com ")
    assert shop.orders.new_links == [("1041", "nora@shop.example.com")]


@pytest.mark.parametrize(
    ("typed", "title", "problems"),
    [
        ({"order": ""}, "One thing needs another look", ["Enter your order number."]),
        ({"mail": "nora@"}, "One thing needs another look", ["Enter an e-mail address, such as name@example.com."]),
        (
            {"order": "", "mail": ""},
            "Two things need another look",
            ["Enter your order number.", "Enter an e-mail address, such as name@example.com."],
        ),
    ],
)
def test_what_is_missing_is_said_above_and_at_the_field_and_what_was_typed_is_kept(shop, typed, title, problems):
    answer = shop.ask(**typed)
    assert answer.status == 422
    assert title in answer.text
    assert [problem for problem in problems if answer.text.count(problem) != 2] == []
    assert answer.form.fields == RIGHT | typed
    described = [tag["aria-describedby"] for tag in answer.tags("input") if tag.get("aria-invalid") == "true"]
    assert described == [f"{name}-problem" for name in typed]
    assert shop.orders.new_links == []


def test_one_address_may_ask_ten_times_an_hour(shop):
    assert {shop.ask().status for _ in range(10)} == {303}
    answer = shop.ask()
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert len(shop.orders.new_links) == 10


def test_the_page_is_in_the_language_of_the_browser(shop):
    page = shop.client.get("/o/link", Accept_Language="pt-BR")
    assert "Receber um novo link do pedido" in page.text
    assert {"href": "/o/link?lang=en", "lang": "en", "hreflang": "en"} in page.tags("a")
