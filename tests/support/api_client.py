"""The JSON API over a test's ledger, mounted as `forewarn serve` mounts it, and a client that has a key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
from starlette.applications import Starlette

from models.config.shop import OrderPages
from tests.support.clocks import MovedClock
from tests.support.serving import serving
from tests.support.shop_driver import noon
from web.api.application import PREFIX, api_mount

KEY, OTHER_KEY = "planted-api-key-of-the-shop-0001", "planted-api-key-of-the-shop-0002"
PAGES = OrderPages(url="https://orders.lamps.example.com")


def served(context, clock=None, keys=(OTHER_KEY, KEY)):
    """Return the server's application with the API mounted."""
    return Starlette(routes=[api_mount(context, keys, clock or MovedClock(noon(0)))])


def with_pages(context):
    return replace(
        context, shop=context.shop.model_copy(update={"order_pages": PAGES}), link_key=b"k" * 32, has_webhook=True
    )


class ApiClient:
    """Calls the API as a shop's system does."""

    def __init__(self, http):
        self.http = http

    def get(self, path, **params):
        return self.http.get(f"{PREFIX}{path}", params=params)

    def post(self, path, body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(f"{PREFIX}{path}", json=body, headers=named)

    def delete(self, path):
        return self.http.delete(f"{PREFIX}{path}")

    def choose(self, order, act, option="", key="form-1", changed=None):
        """Choose what an order offers, as its page shows it now; `changed` changes the request."""
        shown = self.get(f"/orders/{order}").json()
        offered = shown["open"]
        of_act = {"swap": offered["swaps"], "cancel": offered["cancels"]}.get(act) or [offered[act]]
        stated = next(each["stated"] for each in of_act if each["option"] == option)
        body = {"act": act, "option": option, "version": shown["version"], "stated": stated} | (changed or {})
        return self.post(f"/orders/{order}/choices", body, Idempotency_Key=key)


@contextmanager
def calling(context, clock=None, key=KEY, **options) -> Iterator[ApiClient]:
    """Serve the API, and give a client of it; without a key if that is None."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with serving(served(context, clock, **options)) as url, httpx.Client(base_url=url, headers=headers) as http:
        yield ApiClient(http)
