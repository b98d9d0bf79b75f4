"""Work in batches: cut rows into lists, and say how far the work is."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

Progress = Callable[[str, int], None]
"""Called with what is counted and how many of it are done."""


def no_progress(what: str, done: int) -> None:
    """Say nothing of progress."""


def batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` rows, the last one shorter."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch
