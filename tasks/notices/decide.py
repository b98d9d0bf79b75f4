"""Decide about a page of orders: the rules, given what they need from the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from models.decisions import Contact, Discount, Plan, Verdict
from models.enums import OFFERLESS, RemedyKind
from rules.contact.contact import chosen, contacts_for, held_back, without_suppressed
from rules.delays.evaluate import bucket_of, judge, shows_offer, tells
from rules.offers.remedies import discount_for, substitutes_for_delay
from tasks.context import Desk
from tasks.notices.suppressions import suppressed_among
from tasks.offers import records as offers
from tasks.offers.budget import Purse
from tasks.offers.substitute_stock import Shelves
from tasks.orders.queries import Watched
from tasks.runs.records import Now
from tasks.shipments.remaining import parcels_of


@dataclass(frozen=True, slots=True)
class Decided:
    """An order as it was read, and what was decided of it."""

    watched: Watched
    verdict: Verdict
    new_discount: bool = False
    """Whether the plan's discount is given now, rather than said again."""

    @property
    def plan(self) -> Plan | None:
        """Return what is to be said, if anything."""
        return self.verdict.plan


def decide(
    desk: Desk,
    now: Now,
    connection: Connection,
    page: Sequence[Watched],
    shelves: Shelves,
    purse: Purse,
    limit: int | None = None,
) -> list[Decided]:
    """Judge a page of orders, and complete each plan with its contacts and remedies.

    Of orders whose plans go beyond `limit` nothing is said: they stay due, and count among `limited`.
    """
    judged = [(one, judge(one.order, now.as_of, desk.policy, desk.calendar)) for one in page]
    judged = list(_within(judged, limit))
    plans = [verdict.plan for _, verdict in judged if verdict.plan is not None]
    contacts = _contacts(desk, now, connection, plans)
    before = offers.given(connection, [plan.delay.order.id for plan in plans])
    parcels = parcels_of(desk, connection, [plan.delay.order.id for plan in plans], now.as_of)
    shelves.stock(desk, connection, _categories(desk, plans), now.as_of)
    decided = []
    for one, verdict in judged:
        if verdict.plan is None:
            decided.append(Decided(one, verdict))
            continue
        found = contacts[one.order.id]
        used = chosen(one.order.customer, found)
        plan = replace(verdict.plan, contacts=used, held_back=held_back(found, used))
        plan = replace(plan, parcels=parcels.get(one.order.id, ()))
        plan, new = _with_remedy(desk, plan, shelves, before, purse)
        decided.append(Decided(one, replace(verdict, plan=plan), new))
    return decided


def _within(judged: Iterable[tuple[Watched, Verdict]], limit: int | None) -> Iterator[tuple[Watched, Verdict]]:
    """Leave the orders beyond a limit as they are, but for the bucket they stand in: they are due again."""
    told = 0
    for one, verdict in judged:
        if verdict.plan is None or limit is None or told < limit:
            told += verdict.plan is not None
            yield one, verdict
        else:
            yield one, replace(verdict, plan=None, limited=True, look_again_on=one.look_again_on)


def _contacts(desk: Desk, now: Now, connection: Connection, plans: Sequence[Plan]) -> Mapping[str, tuple[Contact, ...]]:
    found = {
        plan.delay.order.id: contacts_for(
            plan.delay.order.customer,
            bucket_of(plan, desk.policy),
            desk.policy,
            now.moment,
            country=desk.shop.country,
            zone=desk.shop.zone,
        )
        for plan in plans
    }
    addresses = {one.address for contacts in found.values() for one in contacts if one.address is not None}
    suppressed = suppressed_among(connection, addresses)
    return {order: without_suppressed(contacts, suppressed) for order, contacts in found.items()}


def _categories(desk: Desk, plans: Iterable[Plan]) -> Iterable[str | None]:
    for plan in plans:
        if plan.news not in OFFERLESS and RemedyKind.SUBSTITUTE in bucket_of(plan, desk.policy).remedies:
            yield from (one.line.product.category for one in plan.delay.late)


def _with_remedy(
    desk: Desk, plan: Plan, shelves: Shelves, before: Mapping[tuple[str, str], Discount], purse: Purse
) -> tuple[Plan, bool]:
    """Add the substitutes of a plan, or else its discount; say whether the discount is a new one."""
    if not tells(plan.contacts) or plan.news in OFFERLESS:
        return plan, False
    bucket = bucket_of(plan, desk.policy)
    plan = replace(plan, show_offer=shows_offer(plan, desk.policy, desk.shop.country))
    shelf, late = shelves.shelf, shelves.late
    if found := substitutes_for_delay(plan.delay, bucket, desk.policy, shelf, late, desk.shop.currency):
        return replace(plan, substitutes=found), False
    discount = discount_for(plan.delay, bucket, desk.policy)
    if discount is None:
        return plan, False
    given = before.get((plan.delay.order.id, discount.kind))
    if given is not None:
        return (replace(plan, discount=given) if given.expires_on >= plan.delay.as_of else plan), False
    if not purse.take(discount):
        return plan, False
    return replace(plan, discount=replace(discount, code=offers.draw_code())), True
