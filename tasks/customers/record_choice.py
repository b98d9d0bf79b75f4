"""Record what a customer chooses: computed again from the ledger, in one transaction, once for each form."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from models.customers import Act, Choice, ChoiceState, OrderPage
from models.webhooks import WebhookKind
from rules.customers.choice_details import ChoiceDetails, choice_details, is_taken, undo_until
from rules.customers.standing import first_state, replaced_by, standing
from rules.customers.statements import statement_digest
from rules.ids import choice_id
from tasks.context import Context
from tasks.customers.acknowledgement import RECEIVED, send_acknowledgement
from tasks.customers.choice_errors import (
    ChoiceConflict,
    ChoiceNotPossible,
    NotOffered,
    StatementChanged,
    SubstituteGone,
    TooLate,
)
from tasks.customers.choice_rows import announce, change_choice, get_choice, lock_order
from tasks.customers.effects import apply_effects
from tasks.customers.order_page import load_order_page
from tasks.db.sql import insert
from tasks.orders.choices import choice_from_row, select_choices
from tasks.tables import CUSTOMER_CHOICES

__all__ = [
    "ChoiceConflict",
    "ChoiceNotPossible",
    "ChoiceRequest",
    "NotOffered",
    "StatementChanged",
    "SubstituteGone",
    "TooLate",
    "record_choice",
    "save_choice",
]

CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class ChoiceRequest:
    """A choice as a form, a program or staff ask for it. Only what is offered now is done, whatever they say."""

    order_id: str
    act: Act
    form_id: str
    """Identifies the form: one that is sent twice is one choice."""
    version: int
    """`OrderPage.version` as the form was shown."""
    option: str = ""
    """The key of a CancelOption or SwapOption."""
    made_by: str = CUSTOMER
    link_id: str | None = None
    stated: str = ""
    """`statement_digest` of what the form said; empty: it is not compared."""


def record_choice(context: Context, request: ChoiceRequest, now: datetime) -> Choice:
    """Record a choice with its effects, and mail its customer; a form that is recorded already returns its choice.

    Raises ChoiceConflict where another choice was made since the form was shown, and a ChoiceNotPossible (TooLate,
    SubstituteGone, StatementChanged or NotOffered) where it is not what would be done now.
    """
    with context.engine.begin() as connection:
        return save_choice(context, connection, request, now)


def save_choice(context: Context, connection: Connection, request: ChoiceRequest, now: datetime) -> Choice:
    """Do what `record_choice` does, in the caller's transaction."""
    as_of = now.astimezone(context.zone).date()
    context = context.with_run(context.run_id, as_of, now)
    lock_order(connection, request.order_id)
    if (made := _made_by_form(connection, request)) is not None:
        return made
    page = load_order_page(context, connection, request.order_id, as_of, now)
    details = _checked(page, request)
    choice = _insert(context, connection, request, page, details)
    for replaced in replaced_by(choice.act, choice.lines, page.choices):
        gone = change_choice(connection, replaced, ChoiceState.REPLACED, now, choice.id)
        announce(context, connection, gone, WebhookKind.REPLACED, choice.made_by, f"by {choice.id}")
    apply_effects(context, connection, choice)
    kind = WebhookKind.REQUESTED if choice.state is ChoiceState.REQUESTED else WebhookKind.DONE
    announce(context, connection, choice, kind, choice.made_by, made=True)
    send_acknowledgement(context, connection, page, choice, RECEIVED, request.link_id)
    return choice


def _made_by_form(connection: Connection, request: ChoiceRequest) -> Choice | None:
    query = select_choices().where(
        CUSTOMER_CHOICES.c.form_id == request.form_id, CUSTOMER_CHOICES.c.order_id == request.order_id
    )
    row = connection.execute(query).first()
    return None if row is None else choice_from_row(row)


def _checked(page: OrderPage, request: ChoiceRequest) -> ChoiceDetails:
    """Return what a choice is about. Raises what `record_choice` raises."""
    if page.version != request.version and page.choices:
        standing_choices = standing(page.choices, *Act)
        raise ChoiceConflict(standing_choices[0]) if standing_choices else StatementChanged(page)
    details = choice_details(page, request.act, request.option)
    if details is None:
        raise _refusal(page, request)
    stated = (statement_digest(page, request.act, request.option), statement_digest(page, request.act))
    if request.stated and request.stated not in stated:
        raise StatementChanged(page)
    return details


def _refusal(page: OrderPage, request: ChoiceRequest) -> ChoiceNotPossible:
    """Return why a page does not offer a choice."""
    line = request.option.partition(":")[0] if request.act is Act.SWAP else request.option
    if request.act in (Act.SWAP, Act.CANCEL) and (page.open.too_late or is_taken(page, line)):
        return TooLate(page)
    items = {item.number: item.status for parcel in page.parcels for item in parcel.items}
    if request.act is Act.SWAP and items.get(line) in ("open", "ready"):
        return SubstituteGone(page)
    return NotOffered(page)


def _insert(
    context: Context, connection: Connection, request: ChoiceRequest, page: OrderPage, details: ChoiceDetails
) -> Choice:
    """Insert a choice; raises NotOffered where its form was made for another order."""
    number, now, policy = page.version + 1, context.started_at, context.policy.order_page
    reserved_until = now + timedelta(hours=policy.reserve_hours) if request.act is Act.SWAP else None
    row: dict[str, Any] = {
        "id": choice_id(request.order_id, number),
        "order_id": request.order_id,
        "number": number,
        "form_id": request.form_id,
        "act": request.act,
        "state": first_state(request.act),
        "made_at": now,
        "made_by": request.made_by,
        "link_id": request.link_id,
        "notice_id": page.notice_id,
        "lines": list(details.lines),
        "product_id": details.product.id if details.product else None,
        "quantity": details.quantity,
        "reserved_until": reserved_until,
        "expected_on": details.expected_on,
        "refund": details.refund,
        "refunds_shipping": details.refunds_shipping,
        "price_difference": details.price_difference,
        "currency": page.currency,
        "offer_id": details.discount.offer_id if details.discount else None,
        "undo_until": undo_until(request.act, now, policy),
        "why": "",
    }
    new = insert(connection, CUSTOMER_CHOICES).values(row).on_conflict_do_nothing()
    if connection.execute(new.returning(CUSTOMER_CHOICES.c.id)).scalar() is None:
        raise NotOffered(page)
    return get_choice(connection, row["id"])
