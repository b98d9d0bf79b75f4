"""Count and page without reading more rows than a page needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

Row = TypeVar("Row")

PAGE = 50
"""Rows of a page."""
MOST = 10_000
"""Rows that a count reads at most; beyond, a page says `more than 10,000`."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of one page, and whether more follow."""

    rows: tuple[Row, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; `more` where there are more than were counted."""

    n: int
    more: bool = False

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return self.n > 0


def count_up_to(connection: Connection, which: Select[Any], most: int = MOST) -> Count:
    """Return how many rows a query has, counted up to `most`."""
    some = which.limit(most + 1).subquery()
    n = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Count(min(n, most), n > most)


def listed(rows: Sequence[Row], limit: int = PAGE) -> Listed[Row]:
    """Return a page of rows that were read with one more than fit."""
    return Listed(tuple(rows[:limit]), len(rows) > limit)


def after_filter(place: Sequence[Any] | None, *columns: Any) -> list[ColumnElement[bool]]:
    """Return the SQL of the rows behind a place in a list that is sorted by these columns; none for the first page."""
    return [] if place is None else [tuple_(*columns) > tuple_(*place)]
