"""What a run of measurements is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Thing = TypeVar("Thing")
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A folder to work in, the sizes to measure, whether it must be quick, and the commit to compare with."""

    folder: Path
    sizes: Sequence[int]
    quick: bool = False
    against: str | None = None

    @property
    def rounds(self) -> int:
        """Return how often each thing is measured; medians are reported."""
        return 1 if self.quick else ROUNDS


def in_turn(things: Sequence[Thing], turn: int) -> Sequence[Thing]:
    """Return the things, beginning with another in each round: the machine may slow down within one."""
    first = turn % len(things)
    return [*things[first:], *things[:first]]
