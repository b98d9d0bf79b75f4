"""The clock of a country where silence means nothing: late, a further period, and the right to end the contract."""

from datetime import date, timedelta

from models.policy.promise_clock import CountryRules
from models.promise_clock import AnswerKind, ClockFacts, ClockState, Duty, Standing
from rules.promise_clock.known_facts import known_by
from rules.promise_clock.refunds import Holidays, next_working_day, refund_standing


def stand_without_notices(
    facts: ClockFacts, rules: CountryRules, due: date, today: date, holidays: Holidays
) -> Standing:
    """Return where a line stands that is not exempt, refunded or given up; `due` is the date first in force."""
    due_now = _agreed_date(facts, due)
    ended = _ending(facts, rules, due, today, holidays)
    if ended is not None:
        return ended
    if facts.delivered_on is not None:
        last = withdrawal_ends_on(facts.delivered_on, rules, holidays)
        is_open = last is not None and today <= last and has_withdrawal(facts.exclusion, rules)
        return Standing(ClockState.DONE, Duty.HONOUR_WITHDRAWAL, last) if is_open else Standing(ClockState.DONE)
    if today <= due_now:
        duty = Duty.TELL_CUSTOMER if facts.cannot_meet else Duty.PERFORM
        return Standing(ClockState.EXTENDED if due_now > due else ClockState.RUNNING, duty, due_now)
    return _late(facts, rules, due_now, today, stated=facts.promised_on is not None or due_now > due)


def has_withdrawal(exclusion: str | None, rules: CountryRules) -> bool:
    """Return whether there is a right to withdraw from a kind of sale."""
    return bool(rules.withdrawal_days) and exclusion not in rules.withdrawal_exclusions


def withdrawal_ends_on(delivered_on: date, rules: CountryRules, holidays: Holidays) -> date | None:
    """Return the last day of the right to withdraw; None where the country has none."""
    if not rules.withdrawal_days:
        return None
    last = delivered_on + timedelta(days=rules.withdrawal_days)
    return next_working_day(last, holidays) if rules.withdrawal_rolls else last


def _agreed_date(facts: ClockFacts, due: date) -> date:
    """Return the date in force: the latest one that the customer agreed to, or the first one."""
    consents = (answer.until for answer in facts.answers if answer.kind is AnswerKind.CONSENT)
    return max([due, *(until for until in consents if until is not None)])


def _ending(facts: ClockFacts, rules: CountryRules, due: date, today: date, holidays: Holidays) -> Standing | None:
    """Return the standing that the customer's ending or withdrawal made; None where there is none that counts."""
    too_early = None
    for answer in sorted(facts.answers, key=lambda each: each.on):
        withdraws = answer.kind is AnswerKind.CANCEL and has_withdrawal(facts.exclusion, rules)
        if answer.kind is AnswerKind.WITHDRAW or withdraws:
            if _may_withdraw(answer.on, facts, rules, holidays):
                days = rules.withdrawal_refund_days
                return refund_standing(answer.on, facts, rules, today, holidays, days)
        elif answer.kind in (AnswerKind.END, AnswerKind.CANCEL) and not _is_delivered(facts, answer.on):
            # What the customer agreed to afterwards does not undo an ending that counted.
            before = known_by(facts, answer.on)
            due_then = _agreed_date(before, due)
            stated = facts.promised_on is not None or due_then > due
            if _may_end(before, rules, due_then, answer.on, stated=stated):
                return refund_standing(answer.on, facts, rules, today, holidays)
            state = ClockState.LATE if answer.on > due_then else ClockState.RUNNING
            too_early = Standing(state, Duty.STAFF_REVIEW)
    return too_early


def _is_delivered(facts: ClockFacts, on: date) -> bool:
    return facts.delivered_on is not None and facts.delivered_on <= on


def _may_withdraw(on: date, facts: ClockFacts, rules: CountryRules, holidays: Holidays) -> bool:
    if not has_withdrawal(facts.exclusion, rules):
        return False
    if facts.delivered_on is None or on < facts.delivered_on:
        return True
    last = withdrawal_ends_on(facts.delivered_on, rules, holidays)
    return last is not None and on <= last


def _may_end(facts: ClockFacts, rules: CountryRules, due: date, today: date, *, stated: bool) -> bool:
    return today > due and _late(facts, rules, due, today, stated=stated).state is ClockState.MAY_END


def _late(facts: ClockFacts, rules: CountryRules, due: date, today: date, *, stated: bool) -> Standing:
    """Return the standing of a line that was not delivered by its date."""
    may_end = Standing(ClockState.MAY_END, Duty.ACCEPT_ENDING)
    if facts.essential and rules.essential_ends_at_once:
        return may_end
    days = rules.end_after_days if stated else rules.end_after_days_no_date
    if days is not None:
        last = due + timedelta(days=days)
        return may_end if today > last else Standing(ClockState.LATE, Duty.TELL_CUSTOMER, last)
    periods = [answer.until for answer in facts.answers if answer.kind is AnswerKind.EXTRA_TIME and answer.until]
    if rules.extra_period and periods:
        until = max(periods)
        return Standing(ClockState.EXTRA_TIME, Duty.PERFORM, until) if today <= until else may_end
    return Standing(ClockState.LATE, Duty.TELL_CUSTOMER)
