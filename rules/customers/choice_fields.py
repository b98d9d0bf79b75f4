"""Give a choice as plain fields: the same in a webhook event, the JSON API and an export. No name and no address."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from models.customers import Choice
from models.quantities import plain

CUSTOMER, STAFF = "customer", "staff"


def choice_fields(choice: Choice) -> dict[str, Any]:
    """Return a choice as JSON values: amounts and quantities as texts, moments in UTC, None where nothing is known."""
    return {
        "id": choice.id,
        "order": choice.order_id,
        "number": choice.number,
        "act": str(choice.act),
        "state": str(choice.state),
        "made_at": utc_text(choice.made_at),
        "made_by": CUSTOMER if choice.made_by == CUSTOMER else STAFF,
        "lines": list(choice.lines),
        "product": choice.product.id if choice.product else None,
        "quantity": None if choice.quantity is None else plain(choice.quantity),
        "expected_on": day_text(choice.expected_on),
        "refund": amount_text(choice.refund),
        "price_difference": amount_text(choice.price_difference),
        "currency": choice.currency,
        "offer": choice.discount.offer_id if choice.discount else None,
        "notice": choice.notice_id,
        "reserved_until": utc_text(choice.reserved_until),
        "undo_until": utc_text(choice.undo_until),
        "changed_at": utc_text(choice.changed_at),
    }


def amount_text(amount: Decimal | None) -> str | None:
    """Return an amount in plain digits with at least two decimals, as `129.00`; None for None."""
    if amount is None:
        return None
    digits = f"{amount:f}"
    return f"{amount:.2f}" if len(digits.partition(".")[2]) < 2 else digits


def utc_text(moment: datetime | None) -> str | None:
    """Return a moment in UTC, as `2025-11-24T13:03:00Z`; None for None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day_text(day: date | None) -> str | None:
    """Return a day as `2025-11-24`; None for None."""
    return None if day is None else day.isoformat()
