"""What passes through a door in: a row as found, a row accepted, a row refused."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sources.contract import Fact


def location_of(file: str, line: int | None) -> str:
    """Say where a row stands, as people look for it."""
    return file if line is None else f"{file}, line {line}"


class Row(NamedTuple):
    """A row as the shop's SELECT yields it; `line` is None where `file` says which row of which SELECT it is."""

    values: dict[str, Any]
    file: str
    line: int | None


class AcceptedRow(NamedTuple):
    """A row that keeps the contract."""

    fact: Fact
    file: str
    line: int | None

    @property
    def place(self) -> str:
        """Say where the row stands."""
        return location_of(self.file, self.line)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not taken in, and why."""

    table: str
    file: str
    line: int | None
    column: str
    value: str
    reason: str
    order: str = field(default="", repr=False, compare=False)
    """The order that an order or a line says it is of; blank where nobody knows."""

    @property
    def place(self) -> str:
        """Say where the row stands."""
        return location_of(self.file, self.line)

    def __str__(self) -> str:
        found = f"{self.column} {self.value!r}" if self.column else repr(self.value)
        return f"{self.place}: {found}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ExcludedRows:
    """Rows that the shop's SELECTs leave out on purpose: why, and how many."""

    reason: str
    count: int
