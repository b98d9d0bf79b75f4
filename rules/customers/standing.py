"""Which choices stand, what they close, and which of them a later choice replaces."""

from collections.abc import Collection, Iterable, Sequence, Set
from datetime import date, datetime

from models.customers import CLOSES_LINES, ENDS_CONTRACT, STANDING, Act, Choice, ChoiceState

AT_ONCE = (Act.WAIT, Act.OFFER)
"""Acts after which the shop has nothing to do."""


def standing(choices: Iterable[Choice], *acts: Act) -> list[Choice]:
    """Return the choices of these acts that stand, in their order."""
    return [choice for choice in choices if choice.act in acts and choice.state in STANDING]


def closing_choices(choices: Iterable[Choice]) -> dict[str, Choice]:
    """Return by line number the choices that stand and after which the line is not owed any more."""
    return {number: choice for choice in standing(choices, *CLOSES_LINES) for number in choice.lines}


def cancelled_by(choices: Iterable[Choice]) -> dict[str, Choice]:
    """Return by line number the cancellations and withdrawals that stand."""
    return {number: choice for number, choice in closing_choices(choices).items() if choice.act in ENDS_CONTRACT}


def fixed_lines(choices: Iterable[Choice]) -> set[str]:
    """Return the lines that no choice can change: cancelled ones, and those whose swap the shop has made."""
    closing = closing_choices(choices)
    return {number for number, choice in closing.items() if not is_open_swap(choice)}


def is_open_swap(choice: Choice) -> bool:
    """Return whether a choice is a swap that the shop has not made yet: it can still be cancelled."""
    return choice.act is Act.SWAP and choice.state is ChoiceState.REQUESTED


def awaits(choices: Iterable[Choice], expected_on: date | None) -> bool:
    """Return whether the customer has agreed to wait for this date; None: without one."""
    return any(choice.expected_on == expected_on for choice in standing(choices, Act.WAIT))


def replaced_by(act: Act, lines: Collection[str], choices: Sequence[Choice]) -> list[Choice]:
    """Return the standing choices that a new one replaces.

    A new date to wait for replaces the earlier one. A line that is cancelled or swapped is neither waited for nor sent
    on its own any more, and a swap that the shop has not made is replaced by the cancellation of its line.
    """
    if act is Act.WAIT:
        return standing(choices, Act.WAIT)
    if act not in CLOSES_LINES:
        return []
    closed = closing_choices(choices).keys() | set(lines)
    return [choice for choice in standing(choices, Act.WAIT, Act.SHIP, Act.SWAP) if _is_replaced(choice, closed, lines)]


def _is_replaced(choice: Choice, closed: Set[str], lines: Collection[str]) -> bool:
    if choice.act is Act.SWAP:
        return is_open_swap(choice) and set(choice.lines) <= set(lines)
    is_pending = choice.act is Act.WAIT or choice.state is ChoiceState.REQUESTED
    return is_pending and set(choice.lines) <= closed


def first_state(act: Act) -> ChoiceState:
    """Return the state of a choice that was just made: done where the shop has nothing to do."""
    return ChoiceState.DONE if act in AT_ONCE else ChoiceState.REQUESTED


def may_be_undone(choice: Choice, now: datetime) -> bool:
    """Return whether the customer can still take a choice back."""
    return choice.state in STANDING and choice.undo_until is not None and now < choice.undo_until
