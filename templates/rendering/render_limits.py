"""How much a template may write and reckon, and for how long.

Signals end nothing on a worker's thread. So loops, macros and blocks count their turns, and look at the clock of their
own thread now and then: a busy machine makes no render too slow.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from math import prod
from time import thread_time
from typing import Any

from jinja2.exceptions import TemplateRuntimeError

SECONDS = 2.0
"""Time on the processor that one part of a message may take; ours take a thousandth of it."""
CHARACTERS = 1_000_000
"""Characters of any text that a template makes: twice the longest mail."""
ITEMS = 10_000
"""Items of a list that a template makes, and steps of a range."""
BITS = 1_000
"""Length of a whole number that a template reckons with."""

_WORK = 10_000_000
_TURNS = 64
_UNPLAIN = re.compile(r"\d{4,}|%[^a-zA-Z%]*\*|\{[^{}]*\{")


class RenderLimit(TemplateRuntimeError):
    """A template that would take too long, or write too much; `file` is the one that was rendered."""

    file: str | None = None


class TooSlow(RenderLimit):
    """A template whose time is up."""


@dataclass(slots=True)
class _Running:
    until: float
    turns: int = 0


_running: ContextVar[_Running | None] = ContextVar("_running", default=None)


@contextmanager
def in_time() -> Iterator[None]:
    """Give a render its time, which begins now."""
    token = _running.set(_Running(thread_time() + SECONDS))
    try:
        yield
    finally:
        _running.reset(token)


def turn() -> None:
    """Count one turn of a loop, a macro or a block; raises TooSlow where the time is up."""
    running = _running.get()
    if running is None:
        return
    running.turns += 1
    if not running.turns % _TURNS and thread_time() > running.until:
        raise TooSlow(f"takes longer than {SECONDS:g} seconds: does a loop or a macro repeat too often?")


def sized(characters: int) -> None:
    """Raise RenderLimit where a text is too long."""
    if characters > CHARACTERS:
        raise RenderLimit(f"writes more than {CHARACTERS:,} characters")


def checked(value: Any) -> Any:
    """Return a value that is not too much; raises RenderLimit."""
    if isinstance(value, str):
        sized(len(value))
    elif isinstance(value, list | tuple):
        _counted(len(value))
    elif isinstance(value, int):
        bits(value.bit_length())
    return value


def bits(length: int) -> None:
    """Raise RenderLimit where a whole number is too long."""
    if length > BITS:
        raise RenderLimit(f"reckons with a number of more than {BITS} bits")


def repeated(value: Any, times: Any) -> None:
    """Raise RenderLimit where a text or a list would be repeated too often."""
    if isinstance(value, str) and isinstance(times, int):
        sized(len(value) * times)
    elif isinstance(value, list | tuple) and isinstance(times, int):
        _counted(len(value) * times)


def worked(given: Any, arguments: tuple[Any, ...]) -> None:
    """Raise RenderLimit where a filter or method may write too much, by how big is what it was given."""
    if prod((_size(given), max(map(_size, arguments), default=1))) > _WORK or any(
        isinstance(one, int) and one > CHARACTERS for one in arguments
    ):
        raise RenderLimit(f"writes more than {CHARACTERS:,} characters")


def plainly(form: str) -> None:
    """Raise RenderLimit where a format asks for a great width, or for one that only its values tell."""
    if _UNPLAIN.search(form):
        raise RenderLimit("formats with a width of more than three digits, or with one that is not written out")


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that says RenderLimit before it writes too much."""
    at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def held(*args: Any, **kwargs: Any) -> Any:
        given = args[at] if len(args) > at else ""
        worked(given, (*args[at + 1 :], *kwargs.values()))
        return checked(function(*args, **kwargs))

    return held


def short_range(*steps: int) -> range:
    """Return the numbers, as far as they are not too many; raises RenderLimit."""
    numbers = range(*steps)
    _counted(len(numbers) if abs(numbers.stop - numbers.start) < 2**62 else ITEMS + 1)
    return numbers


def _counted(items: int) -> None:
    if items > ITEMS:
        raise RenderLimit(f"makes a list of more than {ITEMS:,} items")


def _size(value: Any) -> int:
    if isinstance(value, int):
        return max(1, abs(value))
    if hasattr(value, "__len__"):
        return max(1, len(value))
    return ITEMS if hasattr(value, "__next__") else 1
