"""What holds for every line, in every country, on every day."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice, ClockState
from rules.promise_clock.clock import stand

POLICY = PromiseClockPolicy()
PLACED = date(2027, 5, 3)
LAST = 120


def no_holidays(_day):
    return False


countries = st.sampled_from(sorted(POLICY.country)).map(POLICY.country.__getitem__)
days = st.integers(0, LAST).map(lambda count: PLACED + timedelta(days=count))
later = st.none() | days
notices = st.builds(ClockNotice, days, later, st.booleans(), st.booleans())
answers = st.builds(ClockAnswer, st.sampled_from(AnswerKind), days, later)


@st.composite
def histories(draw, *, unsent=False):
    """Draw the facts of a line. `unsent`: nothing of it left or arrived, and no money went back."""
    gone = st.none() if unsent else later
    return ClockFacts(
        received_on=PLACED,
        payment_good_on=draw(later),
        promised_on=draw(later),
        cannot_meet=draw(st.booleans()),
        essential=draw(st.booleans()),
        notices=tuple(draw(st.lists(notices, max_size=4))),
        answers=tuple(draw(st.lists(answers, max_size=4))),
        shipped_on=draw(gone),
        delivered_on=draw(gone),
        gave_up_on=draw(later),
        refunded_on=draw(gone),
    )


def until(facts, today):
    """Return the facts without what happens after a day."""
    happened = {
        name: value if (value := getattr(facts, name)) is not None and value <= today else None
        for name in ("payment_good_on", "shipped_on", "delivered_on", "gave_up_on", "refunded_on")
    }
    return replace(
        facts,
        notices=tuple(each for each in facts.notices if each.given_on <= today),
        answers=tuple(each for each in facts.answers if each.on <= today),
        **happened,
    )


@given(histories(), countries, days)
def test_nothing_that_happens_after_a_day_changes_where_a_line_stood_on_it(facts, rules, today):
    assert stand(facts, rules, today, no_holidays) == stand(until(facts, today), rules, today, no_holidays)


@given(histories(), countries, days)
def test_a_refund_ends_everything(facts, rules, today):
    refunded = replace(facts, refunded_on=today)
    assert stand(refunded, rules, today, no_holidays).state is ClockState.CLOSED


@given(histories(unsent=True), countries)
def test_the_money_is_never_due_before_the_right_to_it_vested(facts, rules):
    for number in range(LAST + 31):
        today = PLACED + timedelta(days=number)
        found = stand(facts, rules, today, no_holidays)
        if found.state is ClockState.CANCELLED:
            # The right vests by an event of this day, or at the end of the day before.
            assert found.deadline is None or found.deadline >= today - timedelta(days=1)
            return


@given(histories(unsent=True), countries, days, days)
def test_a_line_that_counts_as_cancelled_stays_so_until_it_is_refunded(facts, rules, one, other):
    first, second = sorted((one, other))
    if stand(facts, rules, first, no_holidays).state is ClockState.CANCELLED:
        assert stand(facts, rules, second, no_holidays).state is ClockState.CANCELLED


@given(histories(), countries, days)
def test_only_the_united_states_law_lets_silence_answer(facts, rules, today):
    found = stand(facts, rules, today, no_holidays).state
    by_silence = (ClockState.NOTICE_DUE, ClockState.SILENCE_CONSENTS, ClockState.SILENCE_CANCELS)
    assert rules.option_notice or found not in by_silence
