"""Load an order as it is now: as its shop has it, and without what its customer has cancelled or swapped."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from models.customers import Choice
from models.decisions import LateLine
from models.errors import ForewarnError
from models.orders import LineFacts, OrderFacts
from models.policy.promise_clock import CountryRules
from rules.customers.changeable import pieces_to_send
from rules.delays.delays import last_expected_date, late_line, open_lines
from tasks.context import Context
from tasks.customers.sent_messages import load_last_notice
from tasks.orders.choices import close_lines, closed_lines, load_choices
from tasks.orders.queries import get_order_as_sold
from tasks.promise_clock.countries import law_of


@dataclass(frozen=True, slots=True)
class OrderNow:
    """An order on one day, as far as its page needs it."""

    sold: OrderFacts
    """As the shop has it."""
    owed: OrderFacts
    """Without what its customer has cancelled or swapped."""
    late: tuple[LateLine, ...]
    choices: tuple[Choice, ...]
    last_notice: tuple[str, str] | None
    """The id and the change of the last notice that has left to its customer."""
    as_of: date
    rules: CountryRules
    """What the law of the country that it goes to says about late orders."""

    @property
    def to_send(self) -> tuple[LineFacts, ...]:
        """Return the open lines of which pieces are still to leave."""
        lines = open_lines(self.owed, self.as_of)
        return tuple(line for line in lines if pieces_to_send(line, self.as_of))

    @property
    def expected_on(self) -> date | None:
        """Return when the last late line is expected; None: not known, or nothing is late."""
        return last_expected_date(self.late) if self.late else None


def load_order_now(context: Context, connection: Connection, order_id: str, as_of: date) -> OrderNow:
    """Return an order with its late lines and the choices made; raises ForewarnError where it is unknown."""
    watched = get_order_as_sold(context, connection, order_id)
    if watched is None:
        raise ForewarnError(f"no order {order_id!r} is known: `forewarn import` imports new orders")
    choices = load_choices(connection, order_id)
    owed = close_lines(watched, closed_lines(choices), as_of).order
    open_now = () if owed.unpaid else open_lines(owed, as_of)
    late = tuple(late for line in open_now if (late := late_line(line, as_of, context.calendar)))
    last_notice = load_last_notice(connection, order_id, watched.order.customer)
    rules = law_of(context, watched.order).rules
    return OrderNow(watched.order, owed, late, choices, last_notice, as_of, rules)
