"""Which lines of an order can still be changed, and what a line is once its customer has cancelled or swapped it."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date

from models.orders import LineFacts, OrderFacts
from models.quantities import Quantity
from rules.delays.delays import is_open, open_lines


def pieces_to_send(line: LineFacts, as_of: date) -> Quantity:
    """Return the pieces of a line that have not left by a day."""
    if line.cancelled_on is not None and line.cancelled_on <= as_of:
        return 0
    return max(0, line.ordered - line.sent(as_of))


def is_changeable(line: LineFacts, as_of: date) -> bool:
    """Return whether an open line can be cancelled or swapped: pieces are still to leave, and none is packed."""
    return is_open(line, as_of) and pieces_to_send(line, as_of) > 0 and not line.packed_by(as_of)


def changeable_lines(order: OrderFacts, as_of: date, without: Set[str] = frozenset()) -> tuple[LineFacts, ...]:
    """Return the open lines of an order that can be changed, except those `without`."""
    lines = (line for line in open_lines(order, as_of) if line.number not in without)
    return tuple(line for line in lines if is_changeable(line, as_of))


def is_cancelled(line: LineFacts, as_of: date) -> bool:
    """Return whether the shop has cancelled all of a line."""
    return (line.cancelled_on is not None and line.cancelled_on <= as_of) or not line.ordered


def without_unsent_pieces(line: LineFacts, why: str, as_of: date) -> LineFacts:
    """Return a line of which only what has left is owed, because its customer cancelled or swapped the rest."""
    cancelled = max(line.cancelled, line.quantity - line.sent(as_of))
    rest = replace(line, cancelled=cancelled, ended=line.ended or why)
    return rest if is_open(rest, as_of) else replace(rest, closed=True)


def has_left(lines: Sequence[LineFacts], as_of: date) -> bool:
    """Return whether any piece of the lines has left."""
    return any(line.sent(as_of) > 0 for line in lines)
