"""Is a run as this shop's runs are? Its figures against the limits of the policy's brake."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from models.policy.policy import Policy

HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """A limit that was passed."""

    name: str
    """The policy's key."""
    allowed: float
    found: float
    sentence: str
    """What customer service reads."""


@dataclass(frozen=True, slots=True)
class DataStats:
    """What a run knows of the shop's facts before it decides."""

    orders: int | None
    """Orders that the source yielded; None where none was asked."""
    before: int
    """Orders that it yielded when it was last taken as right; nought where that is not known."""
    known: int
    """Orders in the ledger; may be counted no further than the policy's `at_least`."""
    hours: float | None
    """Since the newest order was placed, or a person vouched for the facts; None where there is no order."""
    gone: int = 0
    """Lines that the source names no more, since its facts were last taken as right."""
    open_lines: int = 0
    """Lines still open."""


@dataclass(frozen=True, slots=True)
class RunStats:
    """What a run would tell, beside what the shop usually does."""

    told: int
    """Orders whose customers the run would tell."""
    open: int
    today: int
    """Orders told by earlier runs of the day."""
    usual: float | None
    """Orders told on a usual day; None while too few days were lived to say."""
    wanted: Mapping[str, Decimal]
    """What the discounts that the run meant to give cost, refused ones among them, by currency."""
    supervised: bool = False
    """Whether staff want to see every run's notices before they leave."""


def data_breaches(intake: DataStats, policy: Policy) -> tuple[LimitBreach, ...]:
    """Return the limits that the shop's facts pass: too few orders, too many gone lines, or too old."""
    return (*_too_few_orders(intake, policy), *_empty_data(intake, policy), *_stale_data(intake, policy))


def _too_few_orders(intake: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    share, orders = policy.guardrails.min_order_share, intake.orders
    if not share or orders is None:
        return
    if orders == 0 and (intake.before or intake.known):
        yield LimitBreach("min_order_share", 1, 0, "the source yielded no order at all")
    elif orders < share * intake.before and intake.before >= policy.guardrails.min_orders:
        sentence = (
            f"the source yielded {orders:,} orders, and {intake.before:,} before; {share:.0%} of that are expected"
        )
        yield LimitBreach("min_order_share", share * intake.before, orders, sentence)


def _empty_data(intake: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    most, before = policy.guardrails.max_gone_share, intake.gone + intake.open_lines
    share = intake.gone / max(before, 1)
    if most < 1 and share > most and intake.gone >= policy.guardrails.min_orders:
        sentence = (
            f"{intake.gone:,} of {before:,} open lines are gone from the source: {share:.0%}; {most:.0%} are allowed"
        )
        yield LimitBreach("max_gone_share", most, share, sentence)


def _stale_data(intake: DataStats, policy: Policy) -> Iterator[LimitBreach]:
    most, hours = policy.guardrails.max_data_age_hours, intake.hours
    if most and hours is not None and hours > most and intake.known >= policy.guardrails.min_orders:
        sentence = f"the newest order was placed {_span(hours)} before the run; {_span(most)} are allowed"
        yield LimitBreach("max_data_age_hours", most, hours, sentence)


def _span(hours: float) -> str:
    """Return hours as people say them: in days from two days on."""
    if hours < 2 * HOURS_A_DAY:
        return f"{hours:,.0f} hours"
    return f"{hours / HOURS_A_DAY:,.1f}".removesuffix(".0") + " days"


def run_breaches(load: RunStats, policy: Policy) -> tuple[LimitBreach, ...]:
    """Return the limits that a run's notices and offers pass."""
    return (*_supervised(load), *_share(load, policy), *_above_median(load, policy), *_offers(load, policy))


def _supervised(load: RunStats) -> Iterator[LimitBreach]:
    if load.supervised and load.told:
        sentence = f"{load.told:,} orders would be told, and supervision is on: `forewarn supervision off` ends it"
        yield LimitBreach("supervision", 0, load.told, sentence)


def _share(load: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    most, share = policy.guardrails.max_late_share, load.told / max(load.open, 1)
    if most < 1 and share > most and load.told >= policy.guardrails.min_orders:
        sentence = (
            f"{load.told:,} of {load.open:,} open orders would be told at once: {share:.0%}; {most:.0%} are allowed"
        )
        yield LimitBreach("max_late_share", most, share, sentence)


def _above_median(load: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    times, day = policy.guardrails.max_times_median, load.today + load.told
    if not times or load.usual is None or not load.told or day < policy.guardrails.min_orders:
        return
    if day > times * load.usual:
        sentence = f"{day:,} orders would be told in a day, and {load.usual:g} usually are; {times:g} times as many may"
        yield LimitBreach("max_times_median", times * load.usual, day, sentence)


def _offers(load: RunStats, policy: Policy) -> Iterator[LimitBreach]:
    times = policy.guardrails.max_discount_multiple
    for currency, wanted in sorted(load.wanted.items()):
        most = Decimal(str(times)) * policy.budget.per_run.get(currency, Decimal(0))
        if 0 < most < wanted:
            sentence = (
                f"the run's discounts would cost {wanted:,.2f} {currency}, were there no caps; "
                f"{most:,.2f} are allowed, {times:g} times the cap of a run"
            )
            yield LimitBreach("max_discount_multiple", float(most), float(wanted), sentence)
