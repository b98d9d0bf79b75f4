"""Read the expected date that the ledger has for a line."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from models.date_basis import basis_from_data
from models.inventory import DateSource, ExpectedDate
from tasks.tables import EXPECTED_DATES

_FIELDS = ("source", "expected_on", "why", "earliest_on", "latest_on", "probability", "basis")
DATE_COLUMNS = [
    EXPECTED_DATES.c.id.label("stored_id"),
    EXPECTED_DATES.c.in_stock.label("stored_in_stock"),
    *(EXPECTED_DATES.c[name].label(f"stored_{name}") for name in _FIELDS),
]
"""The columns that `stored_date` reads; needs EXPECTED_DATES joined."""


@dataclass(frozen=True, slots=True)
class StoredDate:
    """A line's expected date in the ledger, with the id of its row."""

    id: int
    expected: ExpectedDate
    in_stock: bool


def stored_date(row: Row[Any]) -> StoredDate | None:
    """Return a line's expected date, of a row with DATE_COLUMNS; None where the ledger has none."""
    if row.stored_id is None:
        return None
    values = {name: getattr(row, f"stored_{name}") for name in _FIELDS}
    values |= {"source": DateSource(values["source"]), "basis": basis_from_data(values["basis"])}
    return StoredDate(row.stored_id, ExpectedDate(**values), bool(row.stored_in_stock))
