"""Cancel lines for a customer who said so to staff."""

from collections.abc import Sequence
from uuid import uuid4

from models.customers import Act
from tasks.context import Context
from tasks.customers.choice_errors import ChoiceConflict, ChoiceNotPossible
from tasks.customers.order_page import load_order_page
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.sql import read_only


def cancel_lines(context: Context, order: str, lines: Sequence[str], who: str) -> list[str]:
    """Cancel lines, as their customer could on the order page; return those that cannot be cancelled any more.

    The customer gets the receipt, and no further notice about these lines.
    """
    left = set(lines)
    while left:
        with read_only(context.engine) as connection:
            page = load_order_page(context, connection, order, context.as_of, context.started_at)
        options = [one for one in page.open.cancels if set(one.lines) <= left]
        if not options:
            break
        option = max(options, key=lambda one: len(one.lines))
        request = ChoiceRequest(order, Act.CANCEL, str(uuid4()), page.version, option.key, made_by=who)
        try:
            record_choice(context, request, context.started_at)
        except (ChoiceConflict, ChoiceNotPossible):
            break
        left -= set(option.lines)
    return sorted(left)
