"""Count the pieces of each open line, from its own columns and from its parcels, while a source is read."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.orders import LineKey
from models.quantities import Quantity
from sources.contract import LineRow, ShipmentRow


@dataclass(frozen=True, slots=True)
class _Line:
    quantity: Quantity
    cancelled: Quantity
    returned: Quantity
    shipped: Quantity
    is_promised_delivered: bool


@dataclass(slots=True)
class PieceCounts:
    """The ordered, cancelled, shipped, delivered and returned pieces of lines that are not closed as a whole."""

    lines: dict[LineKey, _Line] = field(default_factory=dict)
    shipped: dict[LineKey, Quantity] = field(default_factory=lambda: defaultdict(int))
    delivered: dict[LineKey, Quantity] = field(default_factory=lambda: defaultdict(int))

    def add_line(self, row: LineRow) -> None:
        """Add the pieces of a line."""
        is_promised_delivered = row.promise == "deliver"
        line = _Line(row.quantity, row.cancelled, row.returned, row.shipped, is_promised_delivered)
        self.lines[row.order_id, row.number] = line

    def add_parcel(self, row: ShipmentRow, *, shipped: bool, delivered: bool) -> None:
        """Add the pieces of a line in a parcel that has been shipped or delivered."""
        key = row.order_id, row.number
        self.shipped[key] += row.quantity if shipped else 0
        self.delivered[key] += row.quantity if delivered else 0

    def open_lines(self) -> set[LineKey]:
        """Return the lines with pieces that are still owed."""
        return {key for key, line in self.lines.items() if self._fulfilled(key, line) < line.quantity - line.cancelled}

    def excess(self) -> Iterator[tuple[LineKey, Quantity]]:
        """Yield lines with more pieces shipped, returned and cancelled than ordered, and how many more."""
        for key, line in self.lines.items():
            excess = line.cancelled + max(line.returned, line.shipped, self.shipped.get(key, 0)) - line.quantity
            if excess > 0:
                yield key, excess

    def _fulfilled(self, key: LineKey, line: _Line) -> Quantity:
        """Return the pieces for which the promise is kept: delivered, or shipped for a promise to ship."""
        if line.is_promised_delivered:
            return max(line.returned, self.delivered.get(key, 0))
        return max(line.returned, line.shipped, self.shipped.get(key, 0))
