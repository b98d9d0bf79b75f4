"""Decide for a page of orders what to say, on which channels and with which remedy."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from models.decisions import Assessment, Contact, Discount, Plan
from models.enums import WITHOUT_OFFER, RemedyKind
from rules.contact.consent import may_carry_offer
from rules.contact.contact import choose_contacts, contacts_for, held_back, without_suppressed
from rules.delays.assess import assess_order, bucket_of, is_reachable
from rules.experiments.assign import wording_for
from rules.offers.remedies import discount_for, substitutes_for_delay
from tasks.context import Context
from tasks.early_warning.outlook import with_outlook
from tasks.notices.marketing import find_objections
from tasks.notices.notes import load_notes
from tasks.notices.silence import load_legal_words
from tasks.notices.suppressions import suppressed_addresses
from tasks.offers.budget import DiscountBudget
from tasks.offers.records import draw_code, load_open_discounts
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.shipments.remaining import remaining_parcels


@dataclass(frozen=True, slots=True)
class OrderDecision:
    """An order as it was read, and what was decided about it."""

    watched: WatchedOrder
    assessment: Assessment
    new_discount: bool = False
    """Whether the plan gives its discount for the first time; False where it repeats one given before."""

    @property
    def plan(self) -> Plan | None:
        """Return what to say to the customer; None where there is nothing to say."""
        return self.assessment.plan

    def with_plan(self, plan: Plan | None) -> "OrderDecision":
        """Return the decision with another plan."""
        if plan is self.plan:
            return self
        return OrderDecision(self.watched, replace(self.assessment, plan=plan), self.new_discount)


def decide_orders(
    context: Context,
    connection: Connection,
    orders: Sequence[WatchedOrder],
    substitute_stock: SubstituteStock,
    budget: DiscountBudget,
    limit: int | None = None,
    confirmed: Container[str] = (),
) -> list[OrderDecision]:
    """Assess a page of orders, and complete each plan with its contacts, parcels and remedy.

    Orders whose plans exceed `limit` get no plan: they stay due, and their assessment is `limited`. Nor do those in
    `confirmed`, because an unsent notice says what is to be said.
    """
    orders = with_outlook(context, connection, orders)
    assessed = [(watched, _assess(context, watched, watched.order.id in confirmed)) for watched in orders]
    assessed = list(_apply_limit(assessed, limit))
    plans = [assessment.plan for _, assessment in assessed if assessment.plan is not None]
    planned = [plan.delay.order.id for plan in plans]
    contacts = _load_contacts(context, connection, plans)
    open_discounts = load_open_discounts(connection, planned)
    parcels = remaining_parcels(context, connection, planned, context.as_of)
    legal_words = load_legal_words(context, connection, plans)
    objected = _find_objections(context, connection, contacts)
    notes = load_notes(connection, planned)
    substitute_stock.load_categories(context, connection, _categories(context, plans), context.as_of)
    decisions = []
    for watched, assessment in assessed:
        if assessment.plan is None:
            decisions.append(OrderDecision(watched, assessment))
            continue
        usable = contacts[watched.order.id]
        chosen = choose_contacts(watched.order.customer, usable)
        note = notes.get(watched.order.id)
        goes_along = note is not None and note.fits(assessment.plan.revision)
        remedy, is_new = _remedy(context, assessment.plan, chosen, substitute_stock, open_discounts, budget)
        plan = replace(
            assessment.plan,
            contacts=chosen,
            held_back=held_back(usable, chosen),
            parcels=parcels.get(watched.order.id, ()),
            silence=legal_words[watched.order.id].silence,
            rights=legal_words[watched.order.id].rights,
            wording=wording_for(
                context.policy.experiment, assessment.plan.message, watched.order.customer.id, context.as_of
            ),
            note=note.text if note and goes_along else "",
            note_id=note.id if note and goes_along else None,
            show_offer=may_carry_offer(
                watched.order.customer,
                context.policy,
                context.shop.country,
                objected=watched.order.id in objected,
            ),
            **remedy,
        )
        decisions.append(OrderDecision(watched, replace(assessment, plan=plan), is_new))
    return decisions


def _assess(context: Context, watched: WatchedOrder, confirmed: bool) -> Assessment:  # noqa: FBT001 - called once
    assessment = assess_order(watched.order, context.as_of, context.policy, context.calendar)
    if assessment.held:
        # It stays due: the run after its release tells what there is to tell then.
        return replace(assessment, next_check_on=watched.next_check_on)
    return replace(assessment, plan=None) if confirmed else assessment


def _apply_limit(
    assessed: Iterable[tuple[WatchedOrder, Assessment]], limit: int | None
) -> Iterator[tuple[WatchedOrder, Assessment]]:
    """Take the plan from each assessment beyond the limit, and leave its order due; its bucket is recorded."""
    plans = 0
    for watched, assessment in assessed:
        if assessment.plan is None or limit is None or plans < limit:
            plans += assessment.plan is not None
            yield watched, assessment
        else:
            yield watched, replace(assessment, plan=None, limited=True, next_check_on=watched.next_check_on)


def _load_contacts(
    context: Context, connection: Connection, plans: Sequence[Plan]
) -> Mapping[str, tuple[Contact, ...]]:
    """Return the contacts of each plan's customer by order id; suppressed addresses are marked as skipped."""
    by_order = {
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
    addresses = {contact.address for contacts in by_order.values() for contact in contacts if contact.address}
    suppressed = suppressed_addresses(connection, addresses, context.erasure_key)
    return {order: without_suppressed(contacts, suppressed) for order, contacts in by_order.items()}


def _find_objections(context: Context, connection: Connection, contacts: Mapping[str, tuple[Contact, ...]]) -> set[str]:
    """Return the orders whose customers want no offers at an address of theirs."""
    by_order = {order: {one.address for one in found if one.address} for order, found in contacts.items()}
    addresses = find_objections(context, connection, set().union(*by_order.values()))
    return {order for order, found in by_order.items() if found & addresses}


def _categories(context: Context, plans: Iterable[Plan]) -> Iterable[str | None]:
    """Yield the product categories in which the plans may offer substitutes."""
    for plan in plans:
        if plan.change not in WITHOUT_OFFER and RemedyKind.SUBSTITUTE in bucket_of(plan, context.policy).remedies:
            yield from (late.line.product.category for late in plan.delay.late)


def _remedy(
    context: Context,
    plan: Plan,
    contacts: tuple[Contact, ...],
    substitute_stock: SubstituteStock,
    open_discounts: Mapping[tuple[str, str], Discount],
    budget: DiscountBudget,
) -> tuple[dict[str, Any], bool]:
    """Return a plan's substitutes, or else its discount within the budget, and whether the discount is new."""
    if not is_reachable(contacts) or plan.change in WITHOUT_OFFER:
        return {}, False
    bucket = bucket_of(plan, context.policy)
    substitutes = substitutes_for_delay(
        plan.delay,
        bucket,
        context.policy,
        substitute_stock.index,
        substitute_stock.late_products,
        context.shop.currency,
    )
    if substitutes:
        return {"substitutes": substitutes}, False
    discount = discount_for(plan.delay, bucket, context.policy)
    if discount is None:
        return {}, False
    open_discount = open_discounts.get((plan.delay.order.id, discount.kind))
    if open_discount is not None:
        is_valid = open_discount.expires_on >= plan.delay.as_of
        return ({"discount": open_discount} if is_valid else {}), False
    if not budget.reserve(discount):
        return {}, False
    return {"discount": replace(discount, code=draw_code())}, True
