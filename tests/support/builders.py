"""Orders as tests speak of them: days are counted from DAY."""

from datetime import date, timedelta
from decimal import Decimal

from models.enums import Promise
from models.orders import CustomerFacts, LastNotice, LineFacts, NoticeLine, OrderFacts, ProductFacts
from models.policy.policy import Policy
from rules.delays.working_days import Calendar

DAY = date(2026, 6, 15)
POLICY = Policy()
CALENDAR = Calendar(POLICY.days)
ANNA = CustomerFacts("c1", "Anna Keller", email="anna@example.com", country="DE", locale="en", marketing_consent=True)


def day(n: int) -> date:
    """Return the day `n` days after DAY."""
    return DAY + timedelta(days=n)


def line(
    number: str = "1",
    *,
    promised: int = 0,
    expected: int | None = None,
    shipped: int | None = None,
    delivered: int | None = None,
    cancelled: int | None = None,
    promise: Promise = Promise.SHIP,
    quantity: int = 1,
    product: ProductFacts | None = None,
    ready: bool = False,
) -> LineFacts:
    return LineFacts(
        number=number,
        product=product or ProductFacts(f"p{number}", f"Lamp {number}", "lamps", Decimal(40)),
        quantity=quantity,
        promise=promise,
        promised_on=day(promised),
        price=Decimal(40),
        expected_on=_day(expected),
        shipped_on=_day(shipped),
        delivered_on=_day(delivered),
        cancelled_on=_day(cancelled),
        ready=ready,
    )


def _day(n: int | None) -> date | None:
    return None if n is None else day(n)


def order(
    *lines: LineFacts,
    told: LastNotice | None = None,
    customer: CustomerFacts = ANNA,
    currency: str = "EUR",
    shipping_fee: Decimal | None = None,
    cancelled: int | None = None,
    placed: int = -60,
) -> OrderFacts:
    return OrderFacts(
        id="1041",
        placed_on=day(placed),
        customer=customer,
        lines=lines or (line(),),
        currency=currency,
        shipping_fee=shipping_fee,
        cancelled_on=_day(cancelled),
        told=told,
        revision=told.revision if told else 0,
    )


def told(*lines: NoticeLine, on: int = -10, revision: int = 1) -> LastNotice:
    return LastNotice(revision, day(on), lines)


def heard(
    bucket: str, number: str = "1", *, promised: int, expected: int | None = None, ready: bool = False
) -> NoticeLine:
    """Return what was told of one late line."""
    return NoticeLine(number, day(promised), _day(expected), bucket, ready)
