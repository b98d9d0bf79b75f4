"""What customers have chosen for orders: load their choices, and close the lines that they cancelled or swapped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Row, Select, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.customers import CLOSES_LINES, STANDING, Act, Choice, ChoiceState, DiscountOption
from models.orders import LineKey, ProductFacts
from rules.customers.changeable import without_unsent_pieces
from rules.customers.standing import closing_choices
from tasks.db.sql import in_list
from tasks.orders.order_rows import PRODUCT_COLUMNS, WatchedOrder
from tasks.tables import CUSTOMER_CHOICES, OFFERS, ORDER_LINES, PRODUCTS

WORDS = {
    Act.CANCEL: "cancelled by the customer",
    Act.SWAP: "swapped by the customer",
    Act.WITHDRAW: "withdrawn from by the customer",
}
CHOICE_COLUMNS = ("id", "order_id", "number", "act", "state", "made_at", "made_by", "lines", "quantity", "expected_on")
MORE_COLUMNS = (
    "refund",
    "refunds_shipping",
    "price_difference",
    "currency",
    "reserved_until",
    "undo_until",
    "changed_at",
    "changed_by",
)
DISCOUNT_COLUMNS = ("kind", "code", "percent", "amount", "value", "expires_on")


class json_contains(FunctionElement[bool]):  # noqa: N801 - named as an SQL function
    """Whether a JSON array of texts contains a text."""

    inherit_cache = True
    type = Boolean()


@compiles(json_contains)
def _in_json(element: json_contains, compiler: Any, **how: Any) -> str:
    # Both parts are compiled SQL: values in them are parameters.
    array, text = (compiler.process(clause, **how) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_array_elements_text({array}) AS one(value) WHERE one.value = {text})"  # noqa: S608


@compiles(json_contains, "sqlite")
def _in_json_on_sqlite(element: json_contains, compiler: Any, **how: Any) -> str:
    array, text = (compiler.process(clause, **how) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({array}) AS one WHERE one.value = {text})"  # noqa: S608


def closing_filter() -> ColumnElement[bool]:
    """Return the SQL of a choice that stands and closes its lines."""
    return CUSTOMER_CHOICES.c.act.in_(CLOSES_LINES) & CUSTOMER_CHOICES.c.state.in_(STANDING)


def closed_by_choice_filter() -> ColumnElement[bool]:
    """Return the SQL of a line of ORDER_LINES that its customer has cancelled or swapped."""
    closing = select(CUSTOMER_CHOICES.c.id).where(
        CUSTOMER_CHOICES.c.order_id == ORDER_LINES.c.order_id,
        closing_filter(),
        json_contains(CUSTOMER_CHOICES.c.lines, ORDER_LINES.c.number),
    )
    return closing.correlate(ORDER_LINES).exists()


def load_closed_lines(connection: Connection, orders: Collection[str]) -> dict[LineKey, str]:
    """Return the lines of orders that their customers have cancelled or swapped, each with the words that say so."""
    columns = (CUSTOMER_CHOICES.c[name] for name in ("order_id", "id", "act", "lines"))
    query = select(*columns).where(in_list(connection, CUSTOMER_CHOICES.c.order_id, orders), closing_filter())
    rows = connection.execute(query.order_by(CUSTOMER_CHOICES.c.number)) if orders else ()
    return {(row.order_id, number): _words(row.act, row.id) for row in rows for number in row.lines}


def closed_lines(choices: Sequence[Choice]) -> dict[LineKey, str]:
    """Return the same of choices that are loaded."""
    closing = closing_choices(choices)
    return {(choice.order_id, number): _words(choice.act, choice.id) for number, choice in closing.items()}


def _words(act: str, choice_id: str) -> str:
    return f"{WORDS[Act(act)]} ({choice_id})"


def close_lines(watched: WatchedOrder, closed: Mapping[LineKey, str], as_of: date) -> WatchedOrder:
    """Return an order without the pieces that its customer has cancelled or swapped."""
    order = watched.order
    words = {line.number: closed[order.id, line.number] for line in order.lines if (order.id, line.number) in closed}
    if not words:
        return watched
    lines = tuple(
        without_unsent_pieces(line, words[line.number], as_of) if line.number in words else line for line in order.lines
    )
    return replace(watched, order=replace(order, lines=lines))


def load_choices(connection: Connection, order: str) -> tuple[Choice, ...]:
    """Return the choices that were made for an order, the newest first."""
    return tuple(map(choice_from_row, connection.execute(CHOICES_OF_ORDER, {"order": order})))


def select_choices() -> Select[Any]:
    """Return the SELECT of choices with the product and the discount that were chosen."""
    names = (*CHOICE_COLUMNS, *MORE_COLUMNS, "notice_id", "offer_id", "why")
    return (
        select(*(CUSTOMER_CHOICES.c[name].label(f"choice_{name}") for name in names))
        .add_columns(*(column.label(f"product_{column.name}") for column in PRODUCT_COLUMNS))
        .add_columns(CUSTOMER_CHOICES.c.product_id.label("chosen_product"))
        .add_columns(*(OFFERS.c[name].label(f"offer_{name}") for name in DISCOUNT_COLUMNS))
        .select_from(
            CUSTOMER_CHOICES.outerjoin(PRODUCTS, PRODUCTS.c.id == CUSTOMER_CHOICES.c.product_id).outerjoin(
                OFFERS, OFFERS.c.id == CUSTOMER_CHOICES.c.offer_id
            )
        )
    )


def choice_from_row(row: Row[Any]) -> Choice:
    """Return a choice from a row of `select_choices`."""
    values = {name: getattr(row, f"choice_{name}") for name in (*CHOICE_COLUMNS, *MORE_COLUMNS, "notice_id", "why")}
    values |= {"act": Act(row.choice_act), "state": ChoiceState(row.choice_state), "lines": tuple(row.choice_lines)}
    return Choice(**values, product=_product(row), discount=_discount(row))


def _product(row: Row[Any]) -> ProductFacts | None:
    if row.chosen_product is None:
        return None
    if row.product_name is None:
        return ProductFacts(row.chosen_product, row.chosen_product)
    return ProductFacts(*(getattr(row, f"product_{column.name}") for column in PRODUCT_COLUMNS))


def _discount(row: Row[Any]) -> DiscountOption | None:
    if row.choice_offer_id is None or row.offer_code is None:
        return None
    return DiscountOption(row.choice_offer_id, *(getattr(row, f"offer_{name}") for name in DISCOUNT_COLUMNS))


CHOICES_OF_ORDER = (
    select_choices().where(CUSTOMER_CHOICES.c.order_id == bindparam("order")).order_by(CUSTOMER_CHOICES.c.number.desc())
)
"""Put together once: for the few rows of one order, that takes longer than to read them."""
