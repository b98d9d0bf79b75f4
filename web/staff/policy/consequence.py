"""What a changed policy does at the next run, in words: the table beside the policy in use."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from models.enums import DIRECT, GOOD_CHANGES, ChangeKind, Channel
from models.policy.policy import Policy
from models.quantities import counted
from rules.delays.working_days import Calendar
from tasks.context import Context
from tasks.desk.staff_words import channel_word
from tasks.policy.effect import PolicyEffect, RunEffect, compare_policies
from tasks.policy.later import DAYS_AHEAD
from tasks.runs.records import LATE_ORDERS
from web.staff.addresses import desk_address, order_address
from web.staff.bucket_words import days_late_words
from web.staff.list_parts import listed_words, sentence
from web.staff.policy.changes import Change
from web.staff.policy.sentences import NOT_IN_FIGURES, OPERATORS_OWN
from web.staff.visit import Visit

SHOWN_ORDERS = 50
ACTS_BY_DATES = ("allocation", "forecast", "shipments", "purchasing", "replenishment")


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table."""

    name: str
    now: str
    then: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class OrderLinks:
    """Orders that are told at another time, as links."""

    title: str
    links: tuple[tuple[str, str], ...]
    more: str


@dataclass(frozen=True, slots=True)
class Consequence:
    """What the page says about a changed policy."""

    lead: str
    figures: tuple[Figure, ...]
    orders: tuple[OrderLinks, ...]
    notes: tuple[str, ...]
    no_price: str
    """Which messages have no price, so that their cost is not in the table; empty: each has one."""
    price_at: str
    """Where the first missing price is set."""


def look_ahead(visit: Visit, policy: Policy, changed: Policy) -> PolicyEffect:
    """Work out what the next run does by each policy. Nothing is written.

    What is learnt says how many orders end late by the days of the policy in use; the next run learns it again.
    """
    at = next_run(visit)
    warning = changed.warning.model_copy(update={"late_days": policy.warning.late_days})
    changed = changed.model_copy(update={"warning": warning})
    now = _context_of(visit.context, policy, at)
    is_today = now.as_of == visit.today
    return compare_policies(now, _context_of(visit.context, changed, at), check_data=is_today)


def next_run(visit: Visit) -> datetime:
    """Return when late orders are looked for next by the schedule; now where there is none."""
    start = visit.start_of(LATE_ORDERS)
    return start.next_at if start else visit.now


def _context_of(context: Context, policy: Policy, at: datetime) -> Context:
    day = at.astimezone(context.zone).date()
    return replace(context, policy=policy, calendar=Calendar(policy.days), as_of=day, started_at=at, run_id="")


def consequence(
    visit: Visit, policies: tuple[Policy, Policy], effect: PolicyEffect, changes: Sequence[Change]
) -> Consequence:
    """Put the effect of a change into words."""
    now, then = effect.now, effect.changed
    at = next_run(visit)
    is_today = at.astimezone(visit.context.zone).date() == visit.today
    when = f"today at {visit.moment(at)}" if is_today else visit.full_moment(at)
    unpriced = [channel for channel in DIRECT if not policies[1].costs.price_of(channel)]
    return Consequence(
        lead=f"At the next run, {when}, {_lead(now, then, about=effect.is_sample)}",
        figures=tuple(_figures(policies, effect, visit.context.shop.currency)),
        orders=tuple(_order_links(effect)),
        notes=tuple(_notes(effect, changes)),
        no_price=_no_price(unpriced),
        price_at=f"{desk_address('policy')}#costs.{unpriced[0]}" if unpriced else "",
    )


def _lead(now: RunEffect, then: RunEffect, *, about: bool) -> str:
    some = "about " if about else ""
    if (now.told, now.messages, now.discounts, bool(now.breaches)) == (
        then.told,
        then.messages,
        then.discounts,
        bool(then.breaches),
    ):
        return f"nothing changes: {some}{_customers(then.told)} told."
    instead = "as now" if now.told == then.told else f"instead of {now.told:,}"
    return f"{some}{_customers(then.told)} told {instead}{_money_words(now, then)}."


def _customers(told: int) -> str:
    return "1 customer would be" if told == 1 else f"{told:,} customers would be"


def _money_words(now: RunEffect, then: RunEffect) -> str:
    parts = []
    for currency, difference in _differences(now.discounts, then.discounts).items():
        parts.append(f"at most {money(abs(difference), currency)} {'more' if difference > 0 else 'less'}")
    return f", {listed_words(parts)}" if parts else ""


def _differences(now: Mapping[str, Decimal], then: Mapping[str, Decimal]) -> dict[str, Decimal]:
    both = {currency: then.get(currency, Decimal(0)) - now.get(currency, Decimal(0)) for currency in {*now, *then}}
    return {currency: both[currency] for currency in sorted(both) if both[currency]}


def money(amount: Decimal, currency: str) -> str:
    """Return an amount, as `1,250 EUR`; the space does not break."""
    text = f"{amount:,.2f}".removesuffix(".00")
    return f"{text}\N{NO-BREAK SPACE}{currency}"


def _moneys(amounts: Mapping[str, Decimal], currency: str) -> str:
    """Return amounts in words; none is 0 in the shop's currency."""
    return ", ".join(money(amount, of) for of, amount in sorted(amounts.items())) or money(Decimal(0), currency)


def _no_price(unpriced: Sequence[Channel]) -> str:
    """Say which messages have no price."""
    if not unpriced:
        return ""
    of = " or ".join(f"a {channel_word(channel)}" for channel in unpriced)
    return f"No price of {of} is set, so their cost is not shown."


def _message_cost(policy: Policy, run: RunEffect) -> dict[str, Decimal]:
    """Return what the messages of a run cost at the policy's prices, by currency."""
    cost: dict[str, Decimal] = {}
    for channel in DIRECT:
        for currency, price in policy.costs.price_of(channel).items():
            cost[currency] = cost.get(currency, Decimal(0)) + price * run.messages[channel]
    return cost


def _figures(policies: tuple[Policy, Policy], effect: PolicyEffect, currency: str) -> Iterator[Figure]:
    now, then = effect.now, effect.changed
    yield Figure("Orders whose customer is told", f"{now.told:,}", f"{then.told:,}", _told_note(policies, now, then))
    yield Figure("Messages: mails / texts", _messages(now), _messages(then))
    if any(policy.costs.price_of(channel) for policy in policies for channel in DIRECT):
        costs = (_message_cost(policy, run) for policy, run in zip(policies, (now, then), strict=True))
        yield Figure("Cost of these messages", *(_moneys(cost, currency) for cost in costs))
    yield Figure(
        "Discounts, at most",
        _moneys(now.discounts, currency),
        _moneys(then.discounts, currency),
        _discount_note(policies[1], now, then),
    )
    yield Figure("Would the run wait for a person?", _waits(now), _waits(then), _why_it_waits(now, then))
    earlier, later, never = (len(ids) * effect.orders.every for ids in (effect.earlier, effect.later, effect.never))
    yield Figure("Orders told earlier / later / never because of this", "", f"{earlier:,} / {later:,} / {never:,}")


def _messages(run: RunEffect) -> str:
    return " / ".join(f"{run.messages[channel]:,}" for channel in (Channel.EMAIL, Channel.SMS))


def _told_note(policies: tuple[Policy, Policy], now: RunEffect, then: RunEffect) -> str:
    """Return by how much the number changes, by days late."""
    if not now.told_by_bucket and not then.told_by_bucket:
        return ""
    more: Counter[tuple[str, str]] = Counter()
    for of in {**now.told_by_bucket, **then.told_by_bucket}:
        before, after = (_told_words(policy, of) for policy in policies)
        more[after, "" if before == after else before] += then.told_by_bucket.get(of, 0) - now.told_by_bucket.get(of, 0)
    return "; ".join(_more_words(n, *words) for words, n in more.items() if n)


def _more_words(n: int, words: str, before: str) -> str:
    """Return a difference, as `13 more: 2 to 7 days late (today: 4 to 7 days late)`."""
    return f"{abs(n):,} {'more' if n > 0 else 'fewer'}: {words}" + (f" (today: {before})" if before else "")


def _told_words(policy: Policy, bucket: str) -> str:
    if bucket == ChangeKind.WARNING:
        return "warned that it may be late"
    return "good news" if bucket in GOOD_CHANGES else days_late_words(policy, bucket)


def _discount_note(policy: Policy, now: RunEffect, then: RunEffect) -> str:
    parts = [f"{_signed(n)} {currency}" for currency, n in _differences(now.discounts, then.discounts).items()]
    for currency in sorted({*now.discounts, *then.discounts}):
        if cap := policy.budget.per_month.get(currency):
            left = then.left_in_month.get(currency, Decimal(0))
            parts.append(f"the month's {money(cap, currency)} has {money(left, currency)} left before this run")
    if then.over_budget:
        discounts = counted(then.over_budget, "discount")
        parts.append(f"{discounts} {'is' if then.over_budget == 1 else 'are'} not given, because the amount is used up")
    return "; ".join(parts)


def _signed(amount: Decimal) -> str:
    return f"{amount:+,.2f}".removesuffix(".00")


def _waits(run: RunEffect) -> str:
    return "yes" if run.breaches else "no"


def _why_it_waits(now: RunEffect, then: RunEffect) -> str:
    run = then if then.breaches else now
    said = " ".join(sentence(breach.sentence) for breach in run.breaches)
    return said if then.breaches or not said else f"Without the change: {said}"


def _order_links(effect: PolicyEffect) -> Iterator[OrderLinks]:
    for title, ids in (
        ("told at the next run only with this change", effect.earlier),
        ("told later because of this", effect.later),
        (f"not told in the next {DAYS_AHEAD} days because of this", effect.never),
    ):
        if not ids:
            continue
        number = f"{counted(len(ids), 'order')} of the sample" if effect.is_sample else counted(len(ids), "order")
        links = tuple((order, order_address(order)) for order in ids[:SHOWN_ORDERS])
        more = f"And {len(ids) - SHOWN_ORDERS:,} more." if len(ids) > SHOWN_ORDERS else ""
        yield OrderLinks(f"{number} {title}", links, more)


def _notes(effect: PolicyEffect, changes: Sequence[Change]) -> Iterator[str]:
    if effect.is_sample:
        orders = effect.orders
        yield (
            f"Worked out on a sample of {len(orders.ids):,} of the {orders.of:,} orders to look at, chosen by their "
            f"numbers, always the same ones; the figures are {orders.every} times those of the sample."
        )
    yield "The figures are for the orders as they are now. Data that the run reads from the shop first may change them."
    hidden = {words for change in changes if (words := _not_in_figures(change.path))}
    if hidden:
        yield f"These figures do not show what changes about {listed_words(sorted(hidden))}."


def _not_in_figures(path: str) -> str:
    section = path.partition(".")[0]
    if section in ACTS_BY_DATES:
        return OPERATORS_OWN[section][:1].lower() + OPERATORS_OWN[section][1:]
    return NOT_IN_FIGURES.get(path, NOT_IN_FIGURES.get(section, ""))
