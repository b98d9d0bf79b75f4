"""What a customer can cancel of an order, and what they get back for it."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from models.customers import CancelOption
from models.orders import LineFacts, OrderFacts
from rules.customers.changeable import has_left, is_cancelled, pieces_to_send

LATE, ALL = "late", "all"
CENT = Decimal("0.01")


def cancel_options(
    order: OrderFacts,
    changeable: Sequence[LineFacts],
    late: Set[str],
    cancelled: Set[str],
    as_of: date,
    *,
    fee_refunded: bool = False,
) -> tuple[CancelOption, ...]:
    """Return what can be cancelled: the late lines together, single lines with the late ones first, and all of it.

    `late` and `cancelled` are numbers of lines; the cancelled ones are those of earlier choices. Options of the same
    lines are one: the whole order where it is that, or else the late lines. `fee_refunded`: an earlier choice that
    stands has paid back the shipping fee.
    """
    if not changeable:
        return ()
    late_lines = [line for line in changeable if line.number in late]
    single = [[line] for line in (*late_lines, *(line for line in changeable if line.number not in late))]
    whole_order = _is_whole_order(order, {line.number for line in changeable} | cancelled, as_of)
    named: list[tuple[str, Sequence[LineFacts]]] = [(LATE, late_lines)] if late_lines else []
    named += [(key_of_line(line.number), [line]) for (line,) in single]
    named.append((ALL, changeable))
    fee = None if fee_refunded or order.unpaid else order.shipping_fee
    return tuple(
        _option(key, lines, order, as_of, fee, whole_order=whole_order and len(lines) == len(changeable))
        for key, lines in _distinct(named, whole_order=whole_order)
    )


def key_of_line(number: str) -> str:
    """Return the key of the option to cancel one line: its number, unless that is the key of another option."""
    return f"line {number}" if number in (LATE, ALL) else number


def refund_for_line(order: OrderFacts, line: LineFacts, as_of: date) -> Decimal | None:
    """Return what the customer gets back for the pieces of a line that have not left; None without a price."""
    if order.unpaid:
        return Decimal(0)
    if line.price is None:
        return None
    return (line.price * pieces_to_send(line, as_of)).quantize(CENT, ROUND_HALF_UP)


def _distinct(
    named: Iterable[tuple[str, Sequence[LineFacts]]], *, whole_order: bool
) -> list[tuple[str, Sequence[LineFacts]]]:
    """Return the options without those that mean the same lines, in the same order."""
    by_lines: dict[frozenset[str], str] = {}
    options = list(named)
    for key, lines in options:
        chosen = frozenset(line.number for line in lines)
        if chosen not in by_lines or (key == ALL and whole_order):
            by_lines[chosen] = key
    kept: Mapping[str, frozenset[str]] = {key: lines for lines, key in by_lines.items()}
    return [(key, lines) for key, lines in options if kept.get(key) == frozenset(line.number for line in lines)]


def _is_whole_order(order: OrderFacts, gone: Set[str], as_of: date) -> bool:
    """Return whether nothing of an order is left without the lines `gone`, and nothing of it has been sent."""
    rest = (line for line in order.lines if line.number not in gone)
    return all(is_cancelled(line, as_of) for line in rest) and not has_left(order.lines, as_of)


def _option(
    key: str,
    lines: Sequence[LineFacts],
    order: OrderFacts,
    as_of: date,
    shipping_fee: Decimal | None,
    *,
    whole_order: bool,
) -> CancelOption:
    refunds = [refund_for_line(order, line, as_of) for line in lines]
    refund = None if None in refunds else sum((one for one in refunds if one is not None), Decimal(0))
    fee = shipping_fee if whole_order else None
    return CancelOption(
        key=key,
        lines=tuple(line.number for line in lines),
        names=tuple(line.product.name for line in lines),
        refund=refund if refund is None or not fee else refund + fee,
        includes_shipping=bool(fee),
        whole_order=whole_order,
    )
