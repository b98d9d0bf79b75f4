"""Decide about a page of orders: the rules, given what they need from the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from models.decisions import Assessment, Contact, Discount, Plan
from models.enums import WITHOUT_OFFER, RemedyKind
from rules.contact.contact import choose_contacts, contacts_for, held_back, without_suppressed
from rules.delays.evaluate import assess_order, bucket_of, is_reachable, shows_offer
from rules.offers.remedies import discount_for, substitutes_for_delay
from tasks.context import Context
from tasks.notices.suppressions import suppressed_addresses
from tasks.offers import records as offers
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.queries import WatchedOrder
from tasks.shipments.remaining import remaining_parcels


@dataclass(frozen=True, slots=True)
class OrderDecision:
    """An order as it was read, and what was decided of it."""

    watched: WatchedOrder
    verdict: Assessment
    new_discount: bool = False
    """Whether the plan's discount is given now, rather than said again."""

    @property
    def plan(self) -> Plan | None:
        """Return what is to be said, if anything."""
        return self.verdict.plan


def decide_orders(
    context: Context,
    connection: Connection,
    page: Sequence[WatchedOrder],
    shelves: SubstituteStock,
    purse: DiscountBudget,
    limit: int | None = None,
) -> list[OrderDecision]:
    """Judge a page of orders, and complete each plan with its contacts and remedies.

    Of orders whose plans go beyond `limit` nothing is said: they stay due, and count among `limited`.
    """
    judged = [(one, assess_order(one.order, context.as_of, context.policy, context.calendar)) for one in page]
    judged = list(_apply_limit(judged, limit))
    plans = [verdict.plan for _, verdict in judged if verdict.plan is not None]
    contacts = _contacts(context, connection, plans)
    before = offers.load_open_discounts(connection, [plan.delay.order.id for plan in plans])
    parcels = remaining_parcels(context, connection, [plan.delay.order.id for plan in plans], context.as_of)
    shelves.stock(context, connection, _categories(context, plans), context.as_of)
    decided = []
    for one, verdict in judged:
        if verdict.plan is None:
            decided.append(OrderDecision(one, verdict))
            continue
        found = contacts[one.order.id]
        used = choose_contacts(one.order.customer, found)
        plan = replace(verdict.plan, contacts=used, held_back=held_back(found, used))
        plan = replace(plan, parcels=parcels.get(one.order.id, ()))
        plan, new = _with_remedy(context, plan, shelves, before, purse)
        decided.append(OrderDecision(one, replace(verdict, plan=plan), new))
    return decided


def _apply_limit(
    judged: Iterable[tuple[WatchedOrder, Assessment]], limit: int | None
) -> Iterator[tuple[WatchedOrder, Assessment]]:
    """Leave the orders beyond a limit as they are, but for the bucket they stand in: they are due again."""
    told = 0
    for one, verdict in judged:
        if verdict.plan is None or limit is None or told < limit:
            told += verdict.plan is not None
            yield one, verdict
        else:
            yield one, replace(verdict, plan=None, limited=True, next_check_on=one.next_check_on)


def _contacts(context: Context, connection: Connection, plans: Sequence[Plan]) -> Mapping[str, tuple[Contact, ...]]:
    found = {
        plan.delay.order.id: contacts_for(
            plan.delay.order.customer,
            bucket_of(plan, context.policy),
            context.policy,
            context.started_at,
            country=context.shop.country,
            zone=context.shop.zone,
        )
        for plan in plans
    }
    addresses = {one.address for contacts in found.values() for one in contacts if one.address is not None}
    suppressed = suppressed_addresses(connection, addresses)
    return {order: without_suppressed(contacts, suppressed) for order, contacts in found.items()}


def _categories(context: Context, plans: Iterable[Plan]) -> Iterable[str | None]:
    for plan in plans:
        if plan.change not in WITHOUT_OFFER and RemedyKind.SUBSTITUTE in bucket_of(plan, context.policy).remedies:
            yield from (one.line.product.category for one in plan.delay.late)


def _with_remedy(
    context: Context,
    plan: Plan,
    shelves: SubstituteStock,
    before: Mapping[tuple[str, str], Discount],
    purse: DiscountBudget,
) -> tuple[Plan, bool]:
    """Add the substitutes of a plan, or else its discount; say whether the discount is a new one."""
    if not is_reachable(plan.contacts) or plan.change in WITHOUT_OFFER:
        return plan, False
    bucket = bucket_of(plan, context.policy)
    plan = replace(plan, show_offer=shows_offer(plan, context.policy, context.shop.country))
    shelf, late = shelves.shelf, shelves.late
    if found := substitutes_for_delay(plan.delay, bucket, context.policy, shelf, late, context.shop.currency):
        return replace(plan, substitutes=found), False
    discount = discount_for(plan.delay, bucket, context.policy)
    if discount is None:
        return plan, False
    given = before.get((plan.delay.order.id, discount.kind))
    if given is not None:
        return (replace(plan, discount=given) if given.expires_on >= plan.delay.as_of else plan), False
    if not purse.take(discount):
        return plan, False
    return replace(plan, discount=replace(discount, code=offers.draw_code())), True
