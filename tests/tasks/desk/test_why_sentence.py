"""The sentence about an order, in every case: read out on the phone, it must be true."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.enums import ChangeKind, SkipReason, State
from tasks.desk.why_sentence import WhyFacts, WhyMessage, why_sentence

NOW = datetime(2025, 11, 24, 13, 3, tzinfo=UTC)
NOON = datetime(2025, 11, 24, 11, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CHECK = date(2025, 11, 30)
FACTS = WhyFacts("Nora Whitfield", NOW, BERLIN, late=True, days=20, first_days=4, next_check_on=CHECK)
SENT = WhyMessage(
    1,
    "email",
    State.DELIVERED,
    NOON,
    NOON,
    "America/New_York",
    days=20,
    expected_on=date(2025, 12, 16),
    what="Duvet Cover Sand",
)
TEXT = replace(SENT, channel="sms")
TOLD = (
    "Nora Whitfield was told on Monday, 24 November at 12:00 by mail that Duvet Cover Sand is now expected by "
    "16 December, 20 days later than promised."
)
NOTHING_MORE = "Nothing more is due unless the date changes; the next check is on 30 November."


def about(*messages, **changes):
    return why_sentence(replace(FACTS, messages=messages, **changes))


def failed(state, **changes):
    return replace(SENT, state=state, **changes)


CASES = {
    "told by mail": (about(SENT), f"{TOLD} {NOTHING_MORE}"),
    "sent and not confirmed": (about(failed(State.SENT)), f"{TOLD} {NOTHING_MORE}"),
    "told by two channels": (about(SENT, TEXT), f"{TOLD.replace('by mail', 'by mail and text')} {NOTHING_MORE}"),
    "part of it was cancelled since": (
        about(SENT, part="Fern was cancelled on 24 November."),
        f"{TOLD} Fern was cancelled on 24 November. {NOTHING_MORE}",
    ),
    "part of it was cancelled, and nobody was told": (
        about(late=False, days=0, part="2 of 3 items were cancelled."),
        "Nobody was told: nothing is late. 2 of 3 items were cancelled. The next check is on 30 November.",
    ),
    "a text waits for its hour": (
        about(SENT, replace(TEXT, state=State.QUEUED, not_before=datetime(2025, 11, 24, 13, 30, tzinfo=UTC))),
        f"{TOLD} A text waits until 08:30 (New York).",
    ),
    "a text waits for tomorrow": (
        about(replace(TEXT, state=State.QUEUED, not_before=datetime(2025, 11, 25, 13, tzinfo=UTC))),
        "Nobody was told: a text waits until 08:00 (New York) on Tuesday, 25 November.",
    ),
    "a mail waits its turn": (
        about(failed(State.QUEUED)),
        "Nobody was told: a mail waits to be sent.",
    ),
    "a text waits for a number that was stopped since": (
        about(SENT, replace(TEXT, state=State.QUEUED, void="the number is on the do-not-write list")),
        f"{TOLD} A text was written and will not leave, because the number is on the do-not-write list. {NOTHING_MORE}",
    ),
    "what a held mail is about is over": (
        about(failed(State.HELD, void="nothing that it is about is owed any more"), held_because="31 % of open orders"),
        (
            "Nobody was told: a mail was written and will not leave, because nothing that it is about is owed any "
            f"more. {NOTHING_MORE}"
        ),
    ),
    "a mail is leaving": (about(failed(State.SENDING)), "Nobody was told: a mail is being sent right now."),
    "held": (
        about(failed(State.HELD), held_because="31 % of open orders"),
        "Nobody was told: a mail waits, because its run is held until somebody releases it (31 % of open orders).",
    ),
    "a mail and a text are held": (
        about(failed(State.HELD), replace(TEXT, state=State.HELD)),
        "Nobody was told: a mail and a text wait, because their run is held until somebody releases it.",
    ),
    "cancelled by the customer": (
        about(SENT, ended="was cancelled by the customer"),
        f"The order was cancelled by the customer. {TOLD} Nothing more is due.",
    ),
    "a newer one is held": (
        about(SENT, failed(State.HELD, revision=2)),
        f"{TOLD} A newer mail waits, because its run is held until somebody releases it.",
    ),
    "in doubt": (
        about(replace(TEXT, state=State.IN_DOUBT, at=datetime(2025, 11, 24, 10, 42, tzinfo=UTC))),
        "We do not know whether the text of 11:42 left. Do not promise that Nora Whitfield has it.",
    ),
    "told, and a text in doubt": (
        about(SENT, replace(TEXT, state=State.IN_DOUBT, at=NOON - timedelta(days=1))),
        f"{TOLD} We do not know whether the text of 23 November left. Do not promise that Nora Whitfield has it.",
    ),
    "came back": (
        about(failed(State.BOUNCED)),
        (
            "Nobody was told: the mail of 12:00 came back, because the address does not work. "
            f"Nora Whitfield does not know. {NOTHING_MORE}"
        ),
    ),
    "came back, and a text reached": (
        about(failed(State.BOUNCED), TEXT),
        (
            f"{TOLD.replace('by mail', 'by text')} The mail of 12:00 came back, because the address does not work. "
            f"{NOTHING_MORE}"
        ),
    ),
    "refused": (
        about(failed(State.REJECTED, reason="550 no such user.")),
        (
            'Nobody was told: the mail of 12:00 was refused by the provider ("550 no such user"). '
            f"Nora Whitfield does not know. {NOTHING_MORE}"
        ),
    ),
    "a trial": (
        about(failed(State.SENT, trial=True)),
        f"Nobody was told: the mail of 12:00 was a trial: it was kept here and not sent. {NOTHING_MORE}",
    ),
    "a trial, and a message is due": (
        about(failed(State.SENT, trial=True), due=ChangeKind.FIRST),
        (
            "Nobody was told: the mail of 12:00 was a trial: it was kept here and not sent. "
            "A message follows when the shop goes live."
        ),
    ),
    "two days late": (
        about(days=2, below_first=True),
        f"Nobody was told: the order is 2 days late, and the shop writes from 4 days on. {NOTHING_MORE}",
    ),
    "a shop that writes to nobody": (
        about(days=2, below_first=True, first_days=None),
        f"Nobody was told: the order is 2 days late, and the shop writes about no delay. {NOTHING_MORE}",
    ),
    "left out at the start": (
        about(left_out=True),
        f"Nobody was told: this delay was left out on purpose when the shop went live. {NOTHING_MORE}",
    ),
    "due": (
        about(due=ChangeKind.FIRST),
        (
            "Nobody was told: the order is 20 days late, and the next run has not decided about it yet. "
            "A message is due at the next run, because the customer does not know of the delay."
        ),
    ),
    "told, and the date moved": (
        about(SENT, due=ChangeKind.SLIPPED),
        f"{TOLD} A message is due at the next run, because the date told has moved.",
    ),
    "told a moment ago": (
        about(SENT, gap_until=date(2025, 11, 26)),
        f"{TOLD} The next message is possible on 26 November.",
    ),
    "held by a person": (
        about(SENT, hold="Mara holds this order since 24 November: she rang"),
        f"{TOLD} Mara holds this order since 24 November: she rang. {NOTHING_MORE}",
    ),
    "no date": (
        about(replace(SENT, expected_on=None)),
        (
            "Nora Whitfield was told on Monday, 24 November at 12:00 by mail that there is no new date yet for "
            f"Duvet Cover Sand. {NOTHING_MORE}"
        ),
    ),
    "good news": (
        about(replace(SENT, change=ChangeKind.READY, what="2 items")),
        "Nora Whitfield was told on Monday, 24 November at 12:00 by mail that 2 items are here and can leave soon. "
        + NOTHING_MORE,
    ),
    "cancelled": (
        about(SENT, ended="was cancelled on 20 November"),
        f"The order was cancelled on 20 November. {TOLD} Nothing more is due.",
    ),
    "arrived": (about(ended="has arrived"), "The order has arrived. Nothing more is due."),
    "on time": (
        about(late=False, days=0),
        "Nobody was told: nothing is late. The next check is on 30 November.",
    ),
    "unpaid": (
        about(unpaid=True, late=False),
        "Nobody was told: the order waits for its payment, so nothing of it is late.",
    ),
    "replaced before it left": (
        about(failed(State.SKIPPED, reason=SkipReason.SUPERSEDED), late=True, due=ChangeKind.FIRST),
        (
            "Nobody was told: the order is 20 days late, and the next run has not decided about it yet. "
            "A message is due at the next run, because the customer does not know of the delay."
        ),
    ),
    "due, and no way to send it": (
        about(due=ChangeKind.FIRST, skips=(("email", SkipReason.OPTED_OUT),)),
        "Nobody was told: Nora Whitfield wants no messages about orders. Tell them when they call. " + NOTHING_MORE,
    ),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_the_sentence_says_what_was_told_and_why(said, expected):
    assert said == expected


@pytest.mark.parametrize("reason", SkipReason)
def test_each_reason_for_silence_is_a_sentence_without_a_word_of_the_code(reason):
    said = about(failed(State.SKIPPED, reason=reason), since=" since 3 May: asked by phone (Mara)")
    assert "Nobody was told: " in said
    assert "_" not in said
    assert "{" not in said


@pytest.mark.parametrize("state", [state for state in State if state not in (State.SENT, State.DELIVERED)])
def test_a_message_that_did_not_arrive_told_nobody(state):
    assert "Whitfield was told" not in about(failed(state))


@pytest.mark.parametrize("state", State)
def test_a_trial_told_nobody(state):
    assert "Whitfield was told" not in about(failed(state, trial=True))
