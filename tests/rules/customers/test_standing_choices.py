from dataclasses import replace
from datetime import timedelta

import pytest

from models.customers import Act, ChoiceState
from rules.customers.standing import awaits, cancelled_by, closing_choices, fixed_lines, may_be_undone, replaced_by
from tests.support.builders import day
from tests.support.choosing import MADE_AT, choice

WAIT = choice(Act.WAIT, "1", "2", state=ChoiceState.DONE, expected_on=day(3))
SWAP = choice(Act.SWAP, "1", number=2)
SHIP = choice(Act.SHIP, "3", number=3)
CANCEL = choice(Act.CANCEL, "2", number=4)
OFFER = choice(Act.OFFER, state=ChoiceState.DONE, number=5)


@pytest.mark.parametrize(
    ("act", "lines", "made", "replaced"),
    [
        (Act.WAIT, "12", [WAIT], [WAIT]),
        (Act.WAIT, "12", [replace(WAIT, state=ChoiceState.UNDONE)], []),
        (Act.WAIT, "1", [SHIP, OFFER, CANCEL], []),
        (Act.CANCEL, "1", [WAIT], []),
        (Act.CANCEL, "12", [WAIT], [WAIT]),
        (Act.CANCEL, "123", [WAIT], [WAIT]),
        (Act.CANCEL, "1", [WAIT, CANCEL], [WAIT]),
        (Act.SWAP, "1", [WAIT, CANCEL], [WAIT]),
        (Act.CANCEL, "1", [SWAP], [SWAP]),
        (Act.CANCEL, "2", [SWAP], []),
        (Act.CANCEL, "1", [replace(SWAP, state=ChoiceState.DONE)], []),
        (Act.SWAP, "2", [SWAP], []),
        (Act.CANCEL, "3", [SHIP], [SHIP]),
        (Act.CANCEL, "3", [replace(SHIP, state=ChoiceState.DONE)], []),
        (Act.CANCEL, "123", [OFFER], []),
        (Act.SHIP, "3", [WAIT, SHIP], []),
        (Act.OFFER, "", [WAIT, SHIP, OFFER], []),
    ],
)
def test_a_choice_replaces_what_cannot_hold_beside_it(act, lines, made, replaced):
    assert replaced_by(act, list(lines), made) == replaced


@pytest.mark.parametrize(
    ("state", "closes"),
    [
        (ChoiceState.REQUESTED, True),
        (ChoiceState.DONE, True),
        (ChoiceState.REPLACED, False),
        (ChoiceState.UNDONE, False),
        (ChoiceState.REFUSED, False),
    ],
)
def test_only_a_choice_that_stands_closes_its_lines(state, closes):
    choices = [replace(CANCEL, state=state), replace(SWAP, state=state), WAIT, SHIP]
    assert set(closing_choices(choices)) == ({"1", "2"} if closes else set())
    assert set(cancelled_by(choices)) == ({"2"} if closes else set())


def test_a_swap_can_be_cancelled_until_the_shop_has_made_it():
    assert fixed_lines([SWAP, CANCEL]) == {"2"}
    assert fixed_lines([replace(SWAP, state=ChoiceState.DONE), CANCEL]) == {"1", "2"}


def test_a_customer_waits_for_the_very_date():
    assert awaits([WAIT], day(3))
    assert not awaits([WAIT], day(4))
    assert not awaits([WAIT], None)
    assert awaits([replace(WAIT, expected_on=None)], None)
    assert not awaits([replace(WAIT, state=ChoiceState.UNDONE)], day(3))


@pytest.mark.parametrize(
    ("seconds", "facts", "possible"),
    [
        (-1, {}, True),
        (0, {}, False),
        (1, {}, False),
        (-1, {"undo_until": None}, False),
        (-1, {"state": ChoiceState.REFUSED}, False),
        (-1, {"state": ChoiceState.UNDONE}, False),
        (-1, {"state": ChoiceState.REPLACED}, False),
    ],
)
def test_a_choice_can_be_taken_back_until_the_minute_that_was_said(seconds, facts, possible):
    made = replace(CANCEL, **{"undo_until": MADE_AT + timedelta(hours=1)} | facts)
    assert may_be_undone(made, MADE_AT + timedelta(hours=1, seconds=seconds)) is possible
