"""The clock of a country whose law asks for an option notice: wait, or cancel and get the money back (16 CFR 435)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from models.policy.promise_clock import CountryRules
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice, ClockState, Duty, Standing
from rules.promise_clock.refunds import Holidays, refund_standing

ENDING = (AnswerKind.CANCEL, AnswerKind.END, AnswerKind.WITHDRAW)


@dataclass(frozen=True, slots=True)
class _Clock:
    """The date in force, what silence means, and since when the order counts as cancelled."""

    first_date: date
    limit: date | None
    """The last good day; None for an open delay."""
    state: ClockState = ClockState.RUNNING
    cancelled_on: date | None = None
    by_customer: bool = False

    def lapsed(self, day: date) -> bool:
        """Return whether the date in force ended before a day."""
        return self.limit is not None and day > self.limit


def stand_with_notices(facts: ClockFacts, rules: CountryRules, due: date, today: date, holidays: Holidays) -> Standing:
    """Return where a line stands that is not exempt, refunded or given up; `due` is the first applicable time."""
    clock = _Clock(first_date=due, limit=due)
    for event in _events(facts):
        if clock.cancelled_on is not None:
            break
        clock = _after(clock, event, facts, rules)
    if clock.cancelled_on is None and clock.lapsed(facts.shipped_on or today):
        clock = replace(clock, cancelled_on=clock.limit)
    if clock.cancelled_on is not None:
        return _cancelled(clock, facts, rules, today, holidays)
    return Standing(ClockState.DONE) if facts.shipped_on is not None else _running(clock, facts)


def _events(facts: ClockFacts) -> Iterator[ClockNotice | ClockAnswer]:
    """Yield the notices that count, and the answers, in the order of their days; a notice is before its answer."""
    notices = [(notice.given_on, 0, number, notice) for number, notice in enumerate(facts.notices) if notice.counts]
    answers = [(answer.on, 1, number, answer) for number, answer in enumerate(facts.answers)]
    events: list[tuple[date, int, int, ClockNotice | ClockAnswer]] = [*notices, *answers]
    yield from (event for *_, event in sorted(events, key=lambda each: each[:3]))


def _after(clock: _Clock, event: ClockNotice | ClockAnswer, facts: ClockFacts, rules: CountryRules) -> _Clock:
    on = event.given_on if isinstance(event, ClockNotice) else event.on
    if facts.shipped_on is not None and on > facts.shipped_on:
        return clock
    if clock.lapsed(on):
        return replace(clock, cancelled_on=clock.limit)
    if isinstance(event, ClockNotice):
        return _after_notice(clock, event, rules)
    if event.kind in ENDING:
        return replace(clock, cancelled_on=on, by_customer=True)
    if event.kind is AnswerKind.CONSENT and clock.state is not ClockState.RUNNING:
        state = ClockState.OPEN_ENDED if event.until is None else ClockState.EXTENDED
        return replace(clock, state=state, limit=event.until)
    return clock


def _after_notice(clock: _Clock, notice: ClockNotice, rules: CountryRules) -> _Clock:
    if clock.state is ClockState.OPEN_ENDED:
        return clock
    if clock.state is not ClockState.RUNNING:  # a renewed notice: silence never agrees to it
        return replace(clock, state=ClockState.SILENCE_CANCELS)
    within = rules.silence_consents_within
    last = clock.first_date + timedelta(days=within) if within is not None else None
    if last is not None and notice.revised_on is not None and notice.revised_on <= last:
        return replace(clock, state=ClockState.SILENCE_CONSENTS, limit=notice.revised_on)
    limit = clock.first_date + timedelta(days=rules.answer_grace_days)
    return replace(clock, state=ClockState.SILENCE_CANCELS, limit=limit)


def _cancelled(clock: _Clock, facts: ClockFacts, rules: CountryRules, today: date, holidays: Holidays) -> Standing:
    if facts.shipped_on is not None:  # the law says nothing about goods that left all the same
        state = ClockState.CANCELLED if clock.by_customer else ClockState.DONE
        return Standing(state, Duty.STAFF_REVIEW)
    assert clock.cancelled_on is not None  # noqa: S101 - the caller looked
    return refund_standing(clock.cancelled_on, facts, rules, today, holidays)


def _running(clock: _Clock, facts: ClockFacts) -> Standing:
    match clock.state:
        case ClockState.OPEN_ENDED:
            return Standing(clock.state, Duty.KEEP_OPEN)
        case ClockState.SILENCE_CANCELS:
            return Standing(clock.state, Duty.PERFORM_OR_GET_CONSENT, clock.limit)
    if facts.cannot_meet:
        is_first = clock.state is ClockState.RUNNING
        duty = Duty.GIVE_OPTION_NOTICE if is_first else Duty.GIVE_RENEWED_NOTICE
        return Standing(ClockState.NOTICE_DUE, duty, clock.limit)
    return Standing(clock.state, Duty.PERFORM, clock.limit)
