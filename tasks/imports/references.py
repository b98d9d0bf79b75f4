"""Reject rows whose references are unknown or ambiguous."""

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select, update

from sources.contract import REFERENCES, OrderRow, RedemptionRow
from sources.deduplicate import DeduplicatedReader
from sources.reader import ORDER_COLUMNS
from sources.rows import AcceptedRow, RejectedRow
from tasks.db.sql import in_list
from tasks.imports.fact_rows import TABLES
from tasks.imports.session import ImportSession, Reject
from tasks.orders.due import mark_orders_due
from tasks.tables import CUSTOMERS, OFFERS, ORDERS


def reject_unknown_references(
    connection: Connection, table: str, rows: Sequence[AcceptedRow], reject: Reject
) -> Sequence[AcceptedRow]:
    """Return the rows whose references are in the ledger, from this import or an earlier one. Reject the others."""
    for (referencing, column), target in REFERENCES.items():
        if referencing != table:
            continue
        ids = TABLES[target].c.id
        referenced = {getattr(row.fact, column) for row in rows}
        known = set(connection.execute(select(ids).where(in_list(connection, ids, referenced))).scalars())
        for row in rows:
            if getattr(row.fact, column) not in known:
                reject(_rejected(table, row, column, f"not among the {target}; use the id of one of them"))
        rows = [row for row in rows if getattr(row.fact, column) in known]
    return rows


def reject_unknown_codes(connection: Connection, rows: Sequence[AcceptedRow], reject: Reject) -> Sequence[AcceptedRow]:
    """Return the redemptions whose code was given to a customer. Reject the others."""
    codes = {row.fact.code for row in rows if isinstance(row.fact, RedemptionRow)}
    given = set(connection.execute(select(OFFERS.c.code).where(in_list(connection, OFFERS.c.code, codes))).scalars())
    accepted = []
    for row in rows:
        if isinstance(row.fact, RedemptionRow) and row.fact.code not in given:
            reject(_rejected("redemptions", row, "code", "not a code that Forewarn gave; leave other codes out"))
        else:
            accepted.append(row)
    return accepted


def reject_ambiguous_customers(
    session: ImportSession, rows: Sequence[AcceptedRow], reject: Reject
) -> Sequence[AcceptedRow]:
    """Return the orders whose customer is one person. Reject those whose customer has rows with several addresses."""
    if "customers" not in session.readers:
        return rows
    customers = {row.fact.customer_id for row in rows if isinstance(row.fact, OrderRow)}
    places = session.readers["customers"].ambiguous_addresses((customer,) for customer in customers)
    accepted = []
    for row in rows:
        if isinstance(row.fact, OrderRow) and (where := places.get((row.fact.customer_id,))):
            reason = f"its rows name different addresses ({where}); the order waits until one customer has one address"
            reject(_rejected("orders", row, "customer_id", reason))
        else:
            accepted.append(row)
    return accepted


def clear_ambiguous_addresses(session: ImportSession, reader: DeduplicatedReader) -> None:
    """Clear the stored addresses of customers whose rows name several, so that nobody else is told about an order."""
    has_address = or_(CUSTOMERS.c.email.is_not(None), CUSTOMERS.c.phone.is_not(None))
    for keys in reader.contradicted_keys(session.batch):
        with session.write() as connection:
            ambiguous_ids = [key[0] for key in reader.ambiguous_addresses(keys)]
            ambiguous = in_list(connection, CUSTOMERS.c.id, ambiguous_ids)
            customers = update(CUSTOMERS).where(ambiguous, has_address).values(email=None, phone=None)
            cleared = {tuple(row) for row in connection.execute(customers.returning(CUSTOMERS.c.id))}
            # Their orders are rejected until they have one address, so each import must look at them.
            of_customers = in_list(connection, ORDERS.c.customer_id, ambiguous_ids)
            has_digest = ORDERS.c.source_digest.is_not(None)
            connection.execute(update(ORDERS).where(of_customers, has_digest).values(source_digest=None))
            mark_orders_due(connection, "customers", set(), cleared, session.day.as_of, session.day.end)


def _rejected(table: str, row: AcceptedRow, column: str, reason: str) -> RejectedRow:
    order = str(getattr(row.fact, ORDER_COLUMNS[table])) if table in ORDER_COLUMNS else ""
    return RejectedRow(table, row.file, row.line, column, str(getattr(row.fact, column)), reason, order)
