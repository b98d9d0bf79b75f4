"""The numbers of a period on the desk: each with what it is out of, as a page and as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from models.customers import Act
from models.enums import Channel, RemedyKind
from models.numbers import BucketNumbers, ChannelReach, Numbers, Share
from models.policy.policy import Policy
from models.quantities import counted
from models.staff import Right
from tasks.csv_files import csv_text
from tasks.db.counters import count_orders_by_bucket
from tasks.desk.numbers import load_daily, load_numbers
from web.staff.addresses import desk_address
from web.staff.bucket_words import days_late_words, late_orders
from web.staff.desk import Desk, StaffRoute
from web.staff.periods import asked_period, counted_days
from web.staff.result_words import share_words
from web.staff.visit import Visit

DEFAULT_DAYS = 28
PERIODS = (("Last 7 days", 7), ("Last 28 days", 28), ("Last 90 days", 90))
CHANNEL_WORDS = {Channel.EMAIL: "Mail", Channel.SMS: "Text"}
ACT_WORDS = {
    Act.WAIT: "wait",
    Act.SHIP: "ship what is ready",
    Act.SWAP: "swap",
    Act.CANCEL: "cancel",
    Act.OFFER: "take the discount",
    Act.WITHDRAW: "withdraw",
}
OFFER_WORDS = {
    RemedyKind.SUBSTITUTE: "a swap",
    RemedyKind.SHIPPING_DISCOUNT: "free shipping next time",
    RemedyKind.FUTURE_DISCOUNT: "a discount next time",
}
COLUMNS = ("day", "number", "of", "which", "value")


@dataclass(frozen=True, slots=True)
class FactView:
    """One number that matters, and what it says."""

    label: str
    value: str
    text: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class BucketRow:
    """What happened to orders so many days late."""

    name: str
    told: str
    in_time: str
    answers: str
    offers: str
    kept: str


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What became of the messages of a channel."""

    name: str
    sent: str
    delivered: str
    came_back: str
    refused: str
    not_sent: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages about numbers."""
    return [StaffRoute("/numbers", Right.SEE, show), StaffRoute("/numbers/days.csv", Right.SEE, download)]


def show(visit: Visit) -> Response:
    """Return the numbers of a period."""
    first, last, form = asked_period(visit, DEFAULT_DAYS)
    with visit.reading() as connection:
        numbers = load_numbers(visit.context.policy, connection, first, last)
        now = late_orders(count_orders_by_bucket(connection))
    policy = visit.context.policy
    return visit.page(
        "desk/numbers.html",
        title="Numbers",
        form=form,
        heading=f"Numbers, {visit.day(first)} to {visit.day(last)}",
        first=first.isoformat(),
        last=last.isoformat(),
        periods=[(name, desk_address("numbers", **_last_days(visit.today, days))) for name, days in PERIODS],
        counted=visit.full_moment(numbers.counted_at) if numbers.counted_at else "",
        days=counted_days(numbers.days, numbers.first, numbers.last),
        facts=_facts(numbers, now),
        buckets=[_bucket_row(policy, one) for one in numbers.buckets],
        channels=[_channel_row(one) for one in numbers.channels],
        costs=_costs(numbers),
        file=desk_address("numbers", "days.csv", **{"from": first.isoformat(), "to": last.isoformat()}),
    )


def download(visit: Visit) -> Response:
    """Return the numbers of each day of a period as CSV."""
    first, last, _ = asked_period(visit, DEFAULT_DAYS)
    with visit.reading() as connection:
        daily = load_daily(connection, first, last)
    headers = {"Content-Disposition": f'attachment; filename="numbers-{first}-{last}.csv"'}
    return Response(csv_text(COLUMNS, daily), media_type="text/csv; charset=utf-8", headers=headers)


def _last_days(today: date, days: int) -> dict[str, str]:
    return {"from": (today - timedelta(days=days - 1)).isoformat(), "to": today.isoformat()}


def share(one: Share) -> str:
    """Return a number with what it is out of, and the percentage where there are enough cases."""
    return share_words(one.count, one.of)


def _facts(numbers: Numbers, now: Share) -> list[FactView]:
    in_time, kept = numbers.in_time, numbers.kept
    return [
        FactView("Orders late now", share(now), "of all open orders"),
        FactView("Told in time", share(in_time), "orders whose customer was told before the promised day"),
        FactView(
            "Told twice",
            f"{numbers.twice:,}",
            "messages that repeat the one before, which must be 0",
            is_bad=numbers.twice > 0,
        ),
        FactView("Orders kept", share(kept), "orders whose customer answered and did not cancel"),
    ]


def _bucket_row(policy: Policy, one: BucketNumbers) -> BucketRow:
    return BucketRow(
        days_late_words(policy, one.bucket),
        f"{one.told:,}",
        share(Share(one.in_time, one.told)),
        _parts(one.answers, ACT_WORDS),
        _parts(one.offers, OFFER_WORDS),
        share(Share(one.kept, one.answered)),
    )


def _parts(counts: dict[str, int], words: Mapping[Any, str]) -> str:
    said = [f"{counts[kind]:,} {text}" for kind, text in words.items() if counts.get(kind)]
    return ", ".join(said) or "none"


def _channel_row(one: ChannelReach) -> ChannelRow:
    return ChannelRow(
        CHANNEL_WORDS[Channel(one.channel)],
        share(Share(one.sent, one.total)),
        share(Share(one.delivered, one.sent)),
        share(Share(one.came_back, one.sent)),
        share(Share(one.refused, one.total)),
        share(Share(one.not_sent, one.total)),
    )


def _costs(numbers: Numbers) -> list[tuple[str, str]]:
    messages = _money(numbers.message_cost) or ("none were sent" if not numbers.unpriced else "not set")
    if numbers.message_cost and numbers.unpriced:
        messages += f", without {counted(numbers.unpriced, 'message')} whose price is not set"
    elif numbers.unpriced:
        messages += f": {counted(numbers.unpriced, 'message')} sent; the policy's [costs] sets what one costs"
    return [
        ("Messages", messages),
        ("Discounts given", _money(numbers.offer_value) or "none"),
    ]


def _money(amounts: dict[str, Decimal]) -> str:
    return " and ".join(f"{amount:,.2f}\u00a0{currency}" for currency, amount in sorted(amounts.items()))
