"""What there is to say about an order at a moment, to a customer who knows what they received."""

from dataclasses import replace

from sqlalchemy import select

from models.decisions import Contact, Plan, Substitutes
from models.enums import RemedyKind
from models.messages import Message
from rules.contact.contact import contact_by, without_suppressed
from rules.delays.assess import bucket_of
from tasks.notices.decide import decide_orders
from tasks.notices.suppressions import suppressed_addresses
from tasks.offers.budget import DiscountBudget
from tasks.offers.records import load_open_discounts
from tasks.offers.substitute_stock import SubstituteStock
from tasks.tables import OFFERS
from templates.rendering.environment import TemplateError


def plan_now(context, connection, watched) -> Plan | None:
    """Return what a run would tell of an order now; an empty budget leaves only the discounts given before."""
    (decision,) = decide_orders(context, connection, [watched], SubstituteStock(), DiscountBudget({}))
    return decision.plan


def at_any_time(context):
    """Return a context whose policy has no minimum gap: it may be over by the time at which a message leaves."""
    contact = context.policy.contact.model_copy(update={"minimum_gap_days": 0})
    return replace(context, policy=context.policy.model_copy(update={"contact": contact}))


def contact_now(context, connection, customer, channel) -> Contact:
    shop = context.shop
    contact = contact_by(customer, channel, context.policy, context.started_at, shop.country, shop.zone)
    suppressed = suppressed_addresses(connection, {contact.address} - {None})
    return without_suppressed((contact,), suppressed)[0]


def render_now(context, plan, contact, key) -> Message | None:
    try:
        return context.renderer.render_message(plan, contact, id=key)
    except TemplateError:
        return None


def with_possible_remedies(context, connection, plan, revision) -> list[Plan]:
    """Return a plan as it would be made now, and with what its notice offered, where that can still be had.

    A remedy that has become possible since makes no notice untrue.
    """
    without = replace(plan, substitutes=(), discount=None)
    substitutes = _offered_substitutes(connection, plan, revision)
    kinds = bucket_of(plan, context.policy).remedies
    discounts = load_open_discounts(connection, [plan.delay.order.id])
    return [
        plan,
        *(replace(without, substitutes=kept) for kept in substitutes),
        *(
            replace(without, discount=discount)
            for (_, kind), discount in discounts.items()
            if kind in kinds and discount.expires_on >= plan.delay.as_of
        ),
        without,
    ]


def _offered_substitutes(connection, plan, revision) -> list[tuple[Substitutes, ...]]:
    """Return the substitutes that a notice offered, from the facts as they are now; none if one is not had any more."""
    query = select(OFFERS.c.line, OFFERS.c.products).where(
        OFFERS.c.order_id == plan.delay.order.id,
        OFFERS.c.kind == RemedyKind.SUBSTITUTE,
        OFFERS.c.revision == revision,
    )
    offered = dict(connection.execute(query).all())
    found = []
    for choice in plan.substitutes:
        had = {product.id: product for product in choice.products}
        keys = offered.get(choice.line.number, [])
        if keys and had.keys() >= set(keys):
            found.append(replace(choice, products=tuple(had[key] for key in keys)))
    return [tuple(found)] if offered and len(found) == len(offered) else []


def words(message):
    return message.subject, message.text, message.html, message.to_name, message.locale, message.category


def difference(message, fresh):
    """Return in a sentence how what left differs from what there is to say."""
    if fresh is None:
        return f"nothing is to be said, but {message.subject or message.text!r} left"
    for ours, theirs in zip(words(message), words(fresh), strict=True):
        left, now = ours.splitlines(), theirs.splitlines()
        if left != now:
            only_left, only_now = [line for line in left if line not in now], [line for line in now if line not in left]
            return f"left: {only_left[:4]}, so now: {only_now[:4]}"
    return "the same words"
