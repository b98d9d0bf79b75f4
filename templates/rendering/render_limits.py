"""Limit the time, the output and the computations of a template.

A signal cannot stop a render on a worker thread. So loops, macros and blocks count their iterations, and check the
processor time of their own thread now and then: a short render never asks for it. A busy machine makes no render too
slow.
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

MAX_SECONDS = 2.0
"""Processor time for one part of a message; built-in templates need a thousandth of it."""
MAX_CHARACTERS = 1_000_000
"""Characters of any text that a template makes: twice the longest mail."""
MAX_ITEMS = 10_000
"""Items of a list that a template makes, and steps of a range."""
MAX_BITS = 1_000
"""Bits of a whole number that a template computes with."""

_MAX_WORK = 10_000_000
_ITERATIONS_PER_CLOCK_CHECK = 64
_RISKY_FORMAT = re.compile(r"\d{4,}|%[^a-zA-Z%]*\*|\{[^{}]*\{")


class RenderLimitExceeded(TemplateRuntimeError):
    """Raised when a template would take too long or write too much; `file` is the rendered template."""

    file: str | None = None


class RenderTimeout(RenderLimitExceeded):
    """Raised when a template takes longer than MAX_SECONDS."""


@dataclass(slots=True)
class _RunningRender:
    iterations: int = 0
    until: float | None = None


_running: ContextVar[_RunningRender | None] = ContextVar("_running", default=None)


@contextmanager
def time_limit() -> Iterator[None]:
    """Start the time limit of one render."""
    token = _running.set(_RunningRender())
    try:
        yield
    finally:
        _running.reset(token)


def count_iteration() -> None:
    """Count one iteration of a loop, a macro or a block; raises RenderTimeout after MAX_SECONDS."""
    running = _running.get()
    if running is None:
        return
    running.iterations += 1
    if not running.iterations % _ITERATIONS_PER_CLOCK_CHECK:
        _check_time(running)


def _check_time(running: _RunningRender) -> None:
    """Raise RenderTimeout for a render that has run for MAX_SECONDS since its first check."""
    now = thread_time()
    if running.until is None:
        running.until = now + MAX_SECONDS
    elif now > running.until:
        raise RenderTimeout(f"takes longer than {MAX_SECONDS:g} seconds: does a loop or a macro repeat too often?")


def check_length(characters: int) -> None:
    """Raise RenderLimitExceeded where a text is too long."""
    if characters > MAX_CHARACTERS:
        raise RenderLimitExceeded(f"writes more than {MAX_CHARACTERS:,} characters")


def check_value(value: Any) -> Any:
    """Return a value; raises RenderLimitExceeded if it is too large."""
    if isinstance(value, str):
        check_length(len(value))
    elif isinstance(value, list | tuple):
        _check_items(len(value))
    elif isinstance(value, int):
        check_bits(value.bit_length())
    return value


def check_bits(length: int) -> None:
    """Raise RenderLimitExceeded where a whole number is too long."""
    if length > MAX_BITS:
        raise RenderLimitExceeded(f"computes a number of more than {MAX_BITS} bits")


def check_repetition(value: Any, times: Any) -> None:
    """Raise RenderLimitExceeded where a text or a list would be repeated too often."""
    if isinstance(value, str) and isinstance(times, int):
        check_length(len(value) * times)
    elif isinstance(value, list | tuple) and isinstance(times, int):
        _check_items(len(value) * times)


def check_growth(value: Any, arguments: tuple[Any, ...]) -> None:
    """Raise RenderLimitExceeded if a filter or method may write too much, judged by the size of its arguments."""
    if prod((_size(value), max(map(_size, arguments), default=1))) > _MAX_WORK or any(
        isinstance(argument, int) and argument > MAX_CHARACTERS for argument in arguments
    ):
        raise RenderLimitExceeded(f"writes more than {MAX_CHARACTERS:,} characters")


def check_format(form: str) -> None:
    """Raise RenderLimitExceeded if a format has a large width, or one that comes from its values."""
    if _RISKY_FORMAT.search(form):
        raise RenderLimitExceeded("uses a format width of more than three digits, or one that comes from a value")


def limit_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that raises RenderLimitExceeded before it writes too much."""
    first = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def limited(*args: Any, **kwargs: Any) -> Any:
        value = args[first] if len(args) > first else ""
        check_growth(value, (*args[first + 1 :], *kwargs.values()))
        return check_value(function(*args, **kwargs))

    return limited


def limited_range(*steps: int) -> range:
    """Return a range; raises RenderLimitExceeded for more than MAX_ITEMS numbers."""
    numbers = range(*steps)
    _check_items(len(numbers) if abs(numbers.stop - numbers.start) < 2**62 else MAX_ITEMS + 1)
    return numbers


def _check_items(items: int) -> None:
    if items > MAX_ITEMS:
        raise RenderLimitExceeded(f"makes a list of more than {MAX_ITEMS:,} items")


def _size(value: Any) -> int:
    if isinstance(value, int):
        return max(1, abs(value))
    if hasattr(value, "__len__"):
        return max(1, len(value))
    return MAX_ITEMS if hasattr(value, "__next__") else 1
