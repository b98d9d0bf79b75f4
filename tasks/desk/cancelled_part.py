"""Say which part of an open order is over without having left: cancelled, swapped or withdrawn from."""

from datetime import date

from models.orders import LineFacts, OrderFacts
from models.quantities import plain
from tasks.desk.staff_words import short_date

CANCELLED = "cancelled"


def cancelled_part(order: OrderFacts, today: date) -> str:
    """Return a sentence such as `Duvet Cover Sand was cancelled on 20 November.`; empty where nothing of it is."""
    found = [(line, how) for line in order.lines if (how := _how(line, today))]
    if not found:
        return ""
    how = found[0][1] if len({each for _, each in found}) == 1 else CANCELLED
    if len(found) > 1:
        return f"{len(found)} of {len(order.lines)} items were {how}."
    line = found[0][0]
    name, gone, whole = line.product.name, plain(line.cancelled), plain(line.quantity)
    if 0 < line.cancelled < line.quantity:
        return f"{gone} of {whole} {name} {'was' if line.cancelled == 1 else 'were'} {how}."
    return f"{name} was {how}."


def _how(line: LineFacts, today: date) -> str:
    """Return how a line, or some of its pieces, ended without leaving; empty where it did not."""
    if line.cancelled_on is not None and line.cancelled_on <= today:
        return f"{CANCELLED} on {short_date(line.cancelled_on, today)}"
    ended = (line.ended or "").partition(" (")[0]
    if ended.endswith("by the customer") and (line.closed or line.cancelled):
        return ended
    return CANCELLED if line.cancelled > 0 else ""
