"""What is recorded while a run delivers holds for all that has not left: opt-outs, suppressions, shipments, dates."""

import pytest

from models.enums import Channel
from models.policy.messaging import SendingPolicy
from models.policy.policy import Policy
from tasks.notices.suppressions import suppress
from tests.support.builders import day, line
from tests.support.clocks import MovedClock
from tests.support.shop_driver import FakeTransport, customer, noon

ORDERS = 12


def opt_out(shop, key):
    shop.customer(f"c{key}", opted_out=True)


def suppress_address(shop, key):
    with shop.context.engine.begin() as connection:
        suppress(connection, {f"c{key}@example.com": "asked"}, noon(0), "mara")


def ship(shop, key):
    shop.change(key, shipped_at=noon(-1))


def cancel(shop, key):
    shop.put("orders", id=key, cancelled_at=noon(-1))


def date_slips(shop, key):
    shop.change(key, expected_on=day(9))


def swap(shop, key):
    shop.change(key, product_id="other")


class BusyTransport(FakeTransport):
    """A transport whose requests take a second; during the third, the shop learns something about each other order."""

    def __init__(self, shop, clock, learn):
        super().__init__()
        self.shop, self.clock, self.learn = shop, clock, learn
        self.concerned = set()

    async def send(self, message):
        receipt = await super().send(message)
        self.clock.move(seconds=1)
        if len(self.taken) == 3:
            unsent = {str(n) for n in range(ORDERS)} - {order_of(one) for one in self.taken}
            self.concerned = set(sorted(unsent)[:3])
            for key in self.concerned:
                self.learn(self.shop, key)
        return receipt


def order_of(message):
    return message.to.removeprefix("c").removesuffix("@example.com")


@pytest.mark.parametrize(
    "learn", [opt_out, suppress_address, ship, cancel, date_slips, swap], ids=lambda learn: learn.__name__
)
@pytest.mark.parametrize("rate", [{}, {Channel.EMAIL: 1}], ids=["as fast as it goes", "one a second"])
def test_nothing_leaves_that_is_not_so_or_not_wanted_any_more(imported_shop, with_policy, learn, rate):
    shop = imported_shop
    shop.context = with_policy(Policy(sending=SendingPolicy(per_second=rate))).context
    shop.system.put("products", id="other", name="Other Lamp", category="lamps", price=40)
    for n in range(ORDERS):
        shop.order(f"{n}", line(promised=-9, expected=5), customer=customer(f"c{n}"))
    shop.evaluate()
    clock = MovedClock(noon(0))
    busy = BusyTransport(shop, clock, learn)
    shop.deliver(transport=busy, parallel=1, clock=clock)
    assert len(busy.concerned) == 3
    assert not busy.concerned & {order_of(message) for message in busy.taken}
    assert len(busy.taken) == ORDERS - 3


@pytest.mark.parametrize("parallel", [2, 4])
def test_beyond_the_requests_in_flight_nothing_leaves_after_an_opt_out(imported_shop, parallel):
    shop = imported_shop
    for n in range(ORDERS):
        shop.order(f"{n}", line(promised=-9, expected=5), customer=customer(f"c{n}"))
    shop.evaluate()
    clock = MovedClock(noon(0))

    def opt_out_all(shop, key):
        for n in range(ORDERS):
            shop.system.put("customers", id=f"c{n}", opted_out=True)
        shop.import_facts()

    busy = BusyTransport(shop, clock, opt_out_all)
    shop.deliver(transport=busy, parallel=parallel, clock=clock)
    assert 3 <= len(busy.taken) <= 3 + parallel - 1
