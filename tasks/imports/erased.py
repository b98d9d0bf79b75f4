"""Leave out what names customers who were erased, as long as the shop's own system has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from models.errors import ForewarnError
from rules.contact.keyed_hash import erased_id, key_check
from sources.contract import CustomerRow, Fact, OrderRow, ShipmentRow
from sources.reader import Source
from sources.rows import AcceptedRow, RejectedRow, Row, Validator
from tasks.db.sql import in_list, read_only
from tasks.tables import ERASED_CUSTOMERS, ORDERS

CUSTOMER_COLUMNS = {"customers": "id", "orders": "customer_id"}
"""The column that names the customer, by table."""
NAMING_ORDERS = ("shipments",)
"""Tables that name the recipient, and the customer only by the order."""
LEFT_OUT = "a row of an erased customer; its values are left out here"


class ErasedMeanwhile(ForewarnError):
    """Raised when a customer was erased during the import."""


@dataclass(frozen=True, slots=True)
class WithoutErased(Source):
    """A source whose rows of erased customers have no name, no address and another id."""

    engine: Engine
    key: bytes
    erased: frozenset[str]

    def validator(self, table: str) -> Validator:
        """Return the function that accepts or rejects a row of a table."""
        validate = Source.validator(self, table)
        if table in NAMING_ORDERS:
            return self._by_order(validate)
        return self._by_customer(validate, CUSTOMER_COLUMNS[table]) if table in CUSTOMER_COLUMNS else validate

    def _by_customer(self, validate: Validator, column: str) -> Validator:
        def validate_without(row: Row) -> AcceptedRow | RejectedRow:
            read = validate(row)
            given = getattr(read.fact, column) if isinstance(read, AcceptedRow) else str(row.values.get(column))
            key = erased_id(self.key, given)
            return _anonymous(read, key) if key in self.erased else read

        return validate_without

    def _by_order(self, validate: Validator) -> Validator:
        with read_only(self.engine) as connection:
            of_erased = select(ORDERS.c.id).where(in_list(connection, ORDERS.c.customer_id, self.erased))
            orders = set(connection.execute(of_erased).scalars())

        def validate_without(row: Row) -> AcceptedRow | RejectedRow:
            read = validate(row)
            return _anonymous(read, "") if str(row.values.get("order_id")) in orders else read

        return validate_without


def without_erased(engine: Engine, source: Source, key: bytes) -> Source:
    """Return a source without what names erased customers; the same one where nobody was erased.

    Raises ForewarnError where the key is not the one that they were erased with.
    """
    with read_only(engine) as connection:
        erased = dict(connection.execute(select(ERASED_CUSTOMERS.c.customer_id, ERASED_CUSTOMERS.c.key_check)).all())
    if not erased:
        return source
    _check_key(erased, key)
    return WithoutErased(source.shop, source.selects, source.connector, engine, key, frozenset(erased))


def check_nobody_erased(connection: Connection, source: Source) -> None:
    """Raise ErasedMeanwhile where a customer was erased since the source was opened: rows may have been read before."""
    known = len(source.erased) if isinstance(source, WithoutErased) else 0
    if connection.execute(select(func.count()).select_from(ERASED_CUSTOMERS)).scalar_one() != known:
        raise ErasedMeanwhile("a customer was erased during this import; nothing more is written: import again")


def _check_key(erased: Mapping[str, str], key: bytes) -> None:
    if not key or set(erased.values()) != {key_check(key)}:
        raise ForewarnError(
            "customers were erased from this ledger with another secret: without it they would be written to again. "
            "Set FOREWARN_ERASURE_SECRET, or put `erasure-secret` back into the state folder"
        )


def _anonymous(read: AcceptedRow | RejectedRow, key: str) -> AcceptedRow | RejectedRow:
    if isinstance(read, RejectedRow):
        return RejectedRow(read.table, read.file, read.line, read.column, "", LEFT_OUT, read.order)
    return read._replace(fact=_without_person(read.fact, key))


def _without_person(fact: Fact, key: str) -> Fact:
    changes: dict[str, Any] = {}
    if isinstance(fact, CustomerRow):
        return CustomerRow.model_construct(id=key, country=fact.country, opted_out=True)
    if isinstance(fact, OrderRow):
        changes = {"customer_id": key, **dict.fromkeys(("recipient", "street", "postcode", "city", "url"))}
    elif isinstance(fact, ShipmentRow):
        changes = dict.fromkeys(("tracking_number", "tracking_url"))
    return fact.model_copy(update=changes)
