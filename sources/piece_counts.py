"""Count the pieces of each open line while a source is read, those of its lines and of its parcels."""

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
    to_deliver: bool


@dataclass(slots=True)
class PieceCounts:
    """Of each line that no moment closes, what was ordered and what became of it."""

    lines: dict[LineKey, _Line] = field(default_factory=dict)
    left: dict[LineKey, Quantity] = field(default_factory=lambda: defaultdict(int))
    delivered: dict[LineKey, Quantity] = field(default_factory=lambda: defaultdict(int))

    def line(self, row: LineRow) -> None:
        """Take in a line."""
        deliver = row.promise == "deliver"
        self.lines[row.order_id, row.number] = _Line(row.quantity, row.cancelled, row.returned, row.shipped, deliver)

    def parcel(self, row: ShipmentRow, *, left: bool, delivered: bool) -> None:
        """Take in a parcel of a line."""
        key = row.order_id, row.number
        self.left[key] += row.quantity if left else 0
        self.delivered[key] += row.quantity if delivered else 0

    def open(self) -> set[LineKey]:
        """Return the lines of which pieces are owed."""
        return {key for key, one in self.lines.items() if self._kept(key, one) < one.quantity - one.cancelled}

    def excess(self) -> Iterator[tuple[LineKey, Quantity]]:
        """Yield the lines of which more became something than was ordered, and how many pieces more."""
        for key, one in self.lines.items():
            over = one.cancelled + max(one.returned, one.shipped, self.left.get(key, 0)) - one.quantity
            if over > 0:
                yield key, over

    def _kept(self, key: LineKey, one: _Line) -> Quantity:
        if one.to_deliver:
            return max(one.returned, self.delivered.get(key, 0))
        return max(one.returned, one.shipped, self.left.get(key, 0))
