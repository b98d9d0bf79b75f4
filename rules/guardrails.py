"""Compare a run's figures with the policy's `[guardrails]`: a run that breaches a limit is held for a person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from models.policy.policy import Policy

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """A limit of the policy that a run exceeds."""

    name: str
    """The policy's key."""
    limit: float
    value: float
    sentence: str
    """The explanation for customer service."""


@dataclass(frozen=True, slots=True)
class DataStats:
    """Figures of the imported data, known before the run evaluates any order."""

    imported_orders: int | None
    """Orders that the source had in this import; None when nothing was imported."""
    accepted_orders: int
    """Orders that it had when its data was last accepted; 0 when unknown."""
    known_orders: int
    """Orders in the ledger, counted up to the policy's `min_orders`."""
    age_hours: float | None
    """Hours since the newest order was placed, or since staff accepted the data; None without any order."""
    removed_lines: int = 0
    """Lines that disappeared from the source since its data was last accepted."""
    open_lines: int = 0


@dataclass(frozen=True, slots=True)
class RunStats:
    """Figures of a run's notices and offers, and the shop's usual figures."""

    told: int
    """Orders that the run has a notice for."""
    open_orders: int
    told_today: int
    """Orders told by earlier runs of the same day."""
    median_day: float | None
    """Orders told on the median day of the last weeks; None while there are too few days."""
    requested_discounts: Mapping[str, Decimal]
    """Cost of the discounts that the run would give without budgets, by currency."""
    supervised: bool = False
    """True while staff release every run's notices by hand."""


def data_breaches(stats: DataStats, policy: Policy) -> tuple[LimitBreach, ...]:
    """Return the limits that the imported data breaches: too few orders, too many removed lines, or too old."""
    return (*_too_few_orders(stats, policy), *_too_many_removed(stats, policy), *_stale_data(stats, policy))


def _too_few_orders(stats: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    share, orders = policy.guardrails.min_order_share, stats.imported_orders
    if not share or orders is None:
        return
    if orders == 0 and (stats.accepted_orders or stats.known_orders):
        yield LimitBreach("min_order_share", 1, 0, "the source yielded no order at all")
    elif orders < share * stats.accepted_orders and stats.accepted_orders >= policy.guardrails.min_orders:
        sentence = (
            f"the source yielded {orders:,} orders, and {stats.accepted_orders:,} before; "
            f"{share:.0%} of that are expected"
        )
        yield LimitBreach("min_order_share", share * stats.accepted_orders, orders, sentence)


def _too_many_removed(stats: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    max_share, total = policy.guardrails.max_gone_share, stats.removed_lines + stats.open_lines
    share = stats.removed_lines / max(total, 1)
    if max_share < 1 and share > max_share and stats.removed_lines >= policy.guardrails.min_orders:
        sentence = (
            f"{stats.removed_lines:,} of {total:,} open lines are gone from the source: "
            f"{share:.0%}; {max_share:.0%} are allowed"
        )
        yield LimitBreach("max_gone_share", max_share, share, sentence)


def _stale_data(stats: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    max_hours, hours = policy.guardrails.max_data_age_hours, stats.age_hours
    if max_hours and hours is not None and hours > max_hours and stats.known_orders >= policy.guardrails.min_orders:
        sentence = (
            f"the newest order was placed {_describe_hours(hours)} before the run; "
            f"{_describe_hours(max_hours)} are allowed"
        )
        yield LimitBreach("max_data_age_hours", max_hours, hours, sentence)


def _describe_hours(hours: float) -> str:
    """Return a number of hours in words: in days from two days on."""
    if hours < 2 * HOURS_PER_DAY:
        return f"{hours:,.0f} hours"
    return f"{hours / HOURS_PER_DAY:,.1f}".removesuffix(".0") + " days"


def run_breaches(stats: RunStats, policy: Policy) -> tuple[LimitBreach, ...]:
    """Return the limits that a run's notices and offers breach."""
    return (
        *_supervised(stats),
        *_too_many_told(stats, policy),
        *_above_median(stats, policy),
        *_too_many_discounts(stats, policy),
    )


def _supervised(stats: RunStats) -> Iterator[LimitBreach]:
    if stats.supervised and stats.told:
        sentence = f"{stats.told:,} orders would be told, and supervision is on: `forewarn supervision off` ends it"
        yield LimitBreach("supervision", 0, stats.told, sentence)


def _too_many_told(stats: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    max_share, share = policy.guardrails.max_late_share, stats.told / max(stats.open_orders, 1)
    if max_share < 1 and share > max_share and stats.told >= policy.guardrails.min_orders:
        sentence = (
            f"{stats.told:,} of {stats.open_orders:,} open orders would be told at once: "
            f"{share:.0%}; {max_share:.0%} are allowed"
        )
        yield LimitBreach("max_late_share", max_share, share, sentence)


def _above_median(stats: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    max_times, told = policy.guardrails.max_median_multiple, stats.told_today + stats.told
    if not max_times or stats.median_day is None or not stats.told or told < policy.guardrails.min_orders:
        return
    if told > max_times * stats.median_day:
        sentence = (
            f"{told:,} orders would be told in a day, and {stats.median_day:g} usually are; "
            f"{max_times:g} times as many may"
        )
        yield LimitBreach("max_median_multiple", max_times * stats.median_day, told, sentence)


def _too_many_discounts(stats: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    max_multiple = policy.guardrails.max_discount_multiple
    for currency, requested in sorted(stats.requested_discounts.items()):
        limit = Decimal(str(max_multiple)) * policy.budget.per_run.get(currency, Decimal(0))
        if 0 < limit < requested:
            sentence = (
                f"the run's discounts would cost {requested:,.2f} {currency}, were there no caps; "
                f"{limit:,.2f} are allowed, {max_multiple:g} times the cap of a run"
            )
            yield LimitBreach("max_discount_multiple", float(limit), float(requested), sentence)
