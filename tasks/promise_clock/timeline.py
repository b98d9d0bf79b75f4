"""The history of an order's promise in plain sentences: promised, told, answered, sent, refunded, and what is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from models.enums import Promise
from models.promise_clock import NO_CHANGE, AnswerKind, ClockAnswer, ClockNotice, ClockState, Statement
from rules.promise_clock.sentences import standing_sentence
from rules.promise_clock.silence import silence_of
from tasks.promise_clock.facts import LineClock

WORDS = {Promise.SHIP: "to ship", Promise.DELIVER: "to arrive"}
ANSWERS = {
    AnswerKind.CANCEL: "The customer cancelled",
    AnswerKind.WITHDRAW: "The customer withdrew from the contract",
    AnswerKind.END: "The customer ended the contract",
}
SILENCE_OVER = (ClockState.DONE, ClockState.CLOSED, ClockState.CANCELLED, ClockState.EXEMPT)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What happened to a line on a day."""

    line: str
    on: date
    what: str


def line_timeline(clock: LineClock, today: date) -> list[TimelineEntry]:
    """Return what happened to a line by a day, in order, and at last where it stands."""
    number = clock.line.number
    happened = sorted((entry for entry in _happened(clock) if entry[0] <= today), key=lambda each: each[0])
    entries = [TimelineEntry(number, on, what) for on, what in happened]
    return [*entries, TimelineEntry(number, today, _now(clock, today))]


def silence_words(clock: LineClock) -> str:
    """Return what the customer's silence means; empty where there is nothing to answer yet, or nothing any more."""
    if clock.standing.state in SILENCE_OVER:
        return ""
    silence = silence_of(clock.standing) if clock.rules.option_notice else NO_CHANGE
    if silence is None:
        return ""
    if silence.meaning is Statement.NOTHING:
        return "Silence changes nothing."
    if silence.meaning is Statement.CONSENTS:
        return f"Without an answer the customer agrees to {silence.by}."
    return f"Without an answer it is cancelled after {silence.by}."


def _now(clock: LineClock, today: date) -> str:
    sentence = standing_sentence(clock.standing, clock.rules, today)
    return " ".join(filter(None, (sentence, silence_words(clock))))


def _happened(clock: LineClock) -> Iterator[tuple[date, str]]:
    facts, verb = clock.facts, WORDS[clock.rules.performance]
    promised = f"promised {verb} by {clock.due_on}"
    by_law = f"no date promised: the law of {clock.country} asks for it by {clock.due_on}"
    yield facts.received_on, f"Ordered, {promised if clock.stated else by_law}."
    if facts.payment_good_on is not None and facts.payment_good_on > facts.received_on:
        yield facts.payment_good_on, "Paid: the clock counts from this day."
    yield from ((notice.given_on, _told(notice, verb)) for notice in facts.notices)
    ended = {answer.on for answer in facts.answers if answer.kind is AnswerKind.END}
    for answer in facts.answers:
        if answer.kind is not AnswerKind.CANCEL or answer.on not in ended:  # staff cancel what a letter ended
            yield answer.on, _answered(answer, verb)
    for on, what in (
        (facts.shipped_on, "All of it had left."),
        (facts.delivered_on, "All of it had arrived."),
        (facts.gave_up_on, "The shop cancelled it."),
        (facts.refunded_on, "The money went back."),
    ):
        if on is not None:
            yield on, what


def _told(notice: ClockNotice, verb: str) -> str:
    said = f"expected {verb} by {notice.revised_on}" if notice.revised_on else "no date can be given"
    if not notice.delivered:
        return f"A notice ({said}) did not reach the customer: it was not given."
    if not notice.adequate:
        why = "" if notice.revised_on else ": without a date, also the reason"
        return f"Told: {said}. The notice does not say all that the law asks for{why}. So it does not count."
    return f"Told: {said}."


def _answered(answer: ClockAnswer, verb: str) -> str:
    match answer.kind:
        case AnswerKind.CONSENT:
            until = f"until it is expected {verb}, {answer.until}" if answer.until else "without a date"
            return f"The customer agreed to wait {until}."
        case AnswerKind.EXTRA_TIME:
            return f"The customer set a further period until {answer.until}."
        case _:
            return f"{ANSWERS[answer.kind]}."
