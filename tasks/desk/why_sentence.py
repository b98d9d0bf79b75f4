"""Say in a few sentences what the customer of an order was told, why or why not, and what happens next.

The desk's story, its side panel, the JSON API and `forewarn explain` all say it by `why_sentence`. "Was told" is said
only of a message that a provider took for a real customer: not of one that is held, in doubt, came back, or was a
trial.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from models.enums import ChangeKind, Channel, SkipReason, State
from tasks.desk.staff_words import (
    channel_word,
    clock_time,
    days_words,
    long_day,
    short_date,
    skip_words,
    zone_name,
)

REACHED_STATES = (State.SENT, State.DELIVERED)
WAITING_STATES = (State.QUEUED, State.SENDING, State.HELD)
OVER = (SkipReason.SUPERSEDED, SkipReason.CHANGED)
"""Reasons of a message that another one, or nothing, replaces: they explain no silence."""
DUE = {
    ChangeKind.FIRST: "the customer does not know of the delay",
    ChangeKind.WORSE: "the delay is longer than the one told",
    ChangeKind.SLIPPED: "the date told has moved",
    ChangeKind.PASSED: "the date told has passed",
    ChangeKind.ANOTHER: "a further item is late",
    ChangeKind.READY: "what was late is here",
    ChangeKind.EARLIER: "it comes sooner than told",
    ChangeKind.DATED: "a date is known now",
    ChangeKind.WARNING: "it is likely to be late",
    ChangeKind.IN_TIME: "it comes as promised after all",
}


@dataclass(frozen=True, slots=True)
class WhyMessage:
    """One message about the order, and what it says."""

    revision: int
    channel: str
    state: State
    at: datetime | None
    """When it left, or may have; where it did not, when that was decided."""
    not_before: datetime
    zone: str
    """Where its reader is, as far as it is known."""
    change: ChangeKind = ChangeKind.FIRST
    days: int = 0
    expected_on: date | None = None
    what: str = "the order"
    reason: str = ""
    trial: bool = False
    void: str = ""
    """Why it will not leave although it waits, as `the number is on the do-not-write list`; empty where it may."""

    @property
    def reached(self) -> bool:
        """Return whether a provider took it for a customer."""
        return self.state in REACHED_STATES and not self.trial


@dataclass(frozen=True, slots=True)
class WhyFacts:
    """What decides what is said about an order."""

    customer: str
    now: datetime
    zone: ZoneInfo
    messages: tuple[WhyMessage, ...] = ()
    """The oldest first."""
    ended: str = ""
    """How the order ended, as `was cancelled on 20 November`; empty while something of it is open."""
    part: str = ""
    """What of an open order is over without having left, as `Duvet Cover Sand was cancelled on 20 November.`"""
    future_on: date | None = None
    """The day on which an order is placed that is still to come."""
    unpaid: bool = False
    late: bool = False
    days: int = 0
    first_days: int | None = None
    """From how many days late on the shop writes; None: to nobody."""
    below_first: bool = False
    """Whether the order is late, and the policy says not to write yet."""
    estimated: bool = False
    """Whether it is only an estimate that the order will be late, and its promise has not passed."""
    outlook: str = ""
    """How likely it is to be late, and from when on that is told; empty where nothing can be said."""
    left_out: bool = False
    """Whether staff left this delay untold when the shop went live."""
    due: ChangeKind | None = None
    """What a message would be written about now."""
    skips: tuple[tuple[str, str], ...] = ()
    """Where that message could not be sent by any channel: each channel with its reason."""
    since: str = ""
    """Since when nothing is sent to the address and who asked for it, as ` since 3 May: asked by phone (Mara)`."""
    gap_until: date | None = None
    """Until when no further message is sent, because the last one is recent."""
    held_because: str = ""
    """Why the run of a held message waits."""
    hold: str = ""
    """Who holds this order's messages, since when and why, as `Mara held this order on 24 November: ...`."""
    next_check_on: date | None = None
    max_age_hours: int = 72

    @property
    def today(self) -> date:
        """Return the shop's day."""
        return self.now.astimezone(self.zone).date()


def why_sentence(facts: WhyFacts) -> str:
    """Return what is said about an order, in two to four sentences that can be read out on the phone."""
    told = _last_told(facts)
    after = _latest(facts, told[0].revision if told else 0)
    if facts.ended:
        said = [f"The order {facts.ended}.", *([_told(facts, told)] if told else [])]
        return " ".join([*said, *_doubts(facts, after), "Nothing more is due."])
    parts = [_told(facts, told)] if told else []
    parts += _since_then(facts, told, after) if told else _untold(facts, after)
    said = [facts.part, facts.outlook, f"{facts.hold}." if facts.hold else ""]
    return " ".join([*parts, *filter(None, said), *_next(facts, after)])


def _last_told(facts: WhyFacts) -> list[WhyMessage]:
    """Return the messages of the last revision that reached the customer, by whichever channels."""
    reached = [message for message in facts.messages if message.reached]
    last = max((message.revision for message in reached), default=0)
    return [message for message in reached if message.revision == last]


def _latest(facts: WhyFacts, revision: int) -> list[WhyMessage]:
    """Return the messages of the latest revision that did not reach the customer, if it is not before this one."""
    last = max((message.revision for message in facts.messages), default=0)
    return [one for one in facts.messages if one.revision == last and one.revision >= revision and not one.reached]


def _told(facts: WhyFacts, told: list[WhyMessage]) -> str:
    first = min(told, key=lambda one: one.at or facts.now)
    words = " and ".join(dict.fromkeys(channel_word(one.channel) for one in told))
    return f"{facts.customer} was told {_moment(facts, first.at)} by {words} that {_said(facts, first)}."


def _moment(facts: WhyFacts, at: datetime | None) -> str:
    if at is None:
        return "at a time that is not known"
    day = at.astimezone(facts.zone).date()
    return f"on {long_day(day, facts.today)} at {clock_time(at, facts.zone)}"


def _said(facts: WhyFacts, message: WhyMessage) -> str:
    """Return what a message says, as a clause."""
    verb = "are" if message.what[:1].isdigit() else "is"
    if message.change is ChangeKind.WARNING:
        return f"{message.what} may come later than promised"
    if message.change is ChangeKind.IN_TIME:
        return f"{message.what} {'come' if verb == 'are' else 'comes'} as promised after all"
    if message.change is ChangeKind.READY:
        return f"{message.what} {verb} here and can leave soon"
    if message.expected_on is None:
        return f"there is no new date yet for {message.what}"
    by = f"{message.what} {verb} now expected by {short_date(message.expected_on, facts.today)}"
    if message.change is ChangeKind.EARLIER:
        return f"{by}, sooner than told before"
    return f"{by}, {days_words(message.days)} later than promised" if message.days else by


def _doubts(facts: WhyFacts, messages: list[WhyMessage]) -> list[str]:
    return [_outcome(facts, one) for one in messages if one.state is State.IN_DOUBT]


def _since_then(facts: WhyFacts, told: list[WhyMessage], after: list[WhyMessage]) -> list[str]:
    """Return what became of the messages beside and after the one that reached the customer."""
    same = told[0].revision
    said = []
    for message in after:
        if message.state is State.SKIPPED and (message.reason in OVER or message.revision == same):
            continue
        newer = message.revision > same
        said.append(_outcome(facts, message, newer=newer, knows=not newer))
    return said


def _untold(facts: WhyFacts, latest: list[WhyMessage]) -> list[str]:
    explaining = [one for one in latest if not (one.state is State.SKIPPED and one.reason in OVER)]
    doubtful = [one for one in explaining if one.state is State.IN_DOUBT]
    if doubtful:
        return [_outcome(facts, one) for one in explaining]
    if len(explaining) > 1 and all(one.state is State.HELD and not one.void for one in explaining):
        return ["Nobody was told: " + _all_held(facts, explaining)]
    if explaining:
        return ["Nobody was told:" + _as_reason(_outcome(facts, explaining[0])), *_rest(facts, explaining[1:])]
    return ["Nobody was told: " + _nothing_recorded(facts)]


def _all_held(facts: WhyFacts, messages: list[WhyMessage]) -> str:
    words = " and ".join(f"a {channel_word(one.channel)}" for one in messages)
    why = f" ({facts.held_because})" if facts.held_because else ""
    return f"{words} wait, because their run is held until somebody releases it{why}."


def _rest(facts: WhyFacts, messages: list[WhyMessage]) -> list[str]:
    return [_outcome(facts, one) for one in messages if one.state is not State.SKIPPED]


def _as_reason(sentence: str) -> str:
    """Return a sentence as it stands after a colon: its first word small, unless it is a name."""
    lowered = ("A ", "The ", "There ", "We ", "It ")
    return " " + (sentence[0].lower() + sentence[1:] if sentence.startswith(lowered) else sentence)


def _outcome(facts: WhyFacts, message: WhyMessage, *, newer: bool = False, knows: bool = False) -> str:
    """Return what became of a message that did not reach the customer; `knows`: another one with its words did."""
    ignorant = "" if knows else f" {facts.customer} does not know{' of it' if newer else ''}."
    word = channel_word(message.channel)
    article = f"A newer {word}" if newer else f"A {word}"
    the = f"The {word} of {_short_moment(facts, message.at)}"
    match message.state:
        case State.QUEUED | State.HELD if message.void:
            return f"{article} was written and will not leave, because {message.void}."
        case State.HELD:
            why = f" ({facts.held_because})" if facts.held_because else ""
            return f"{article} waits, because its run is held until somebody releases it{why}."
        case State.QUEUED:
            return f"{article} waits{_until(facts, message)}."
        case State.SENDING:
            return f"{article} is being sent right now."
        case State.IN_DOUBT:
            left = f"We do not know whether the {word} of {_short_moment(facts, message.at)} left."
            return f"{left} Do not promise that {facts.customer} has it."
        case State.BOUNCED:
            return f"{the} came back, because the {_address(message)} does not work.{ignorant}"
        case State.REJECTED:
            quoted = f' ("{message.reason.rstrip(".")}")' if message.reason else ""
            return f"{the} was refused by the provider{quoted}.{ignorant}"
        case State.SKIPPED:
            return skip_words(message.reason, message.channel, facts.customer, facts.since, facts.max_age_hours)
        case _:
            return f"{the} was a trial: it was kept here and not sent."


def _address(message: WhyMessage) -> str:
    return "address" if message.channel == Channel.EMAIL else "number"


def _short_moment(facts: WhyFacts, at: datetime | None) -> str:
    """Return a moment: the time alone today, else with its day."""
    if at is None:
        return "this delay"
    day = at.astimezone(facts.zone).date()
    return clock_time(at, facts.zone) if day == facts.today else f"{short_date(day, facts.today)}"


def _until(facts: WhyFacts, message: WhyMessage) -> str:
    if message.not_before <= facts.now:
        return " to be sent"
    zone = ZoneInfo(message.zone)
    day = message.not_before.astimezone(zone).date()
    other = f" on {long_day(day, facts.today)}" if day != facts.now.astimezone(zone).date() else ""
    place = f" ({zone_name(message.zone)})" if message.zone != facts.zone.key else ""
    return f" until {clock_time(message.not_before, zone)}{place}{other}"


def _nothing_recorded(facts: WhyFacts) -> str:
    if facts.future_on is not None:
        return f"the order is dated {short_date(facts.future_on, facts.today)}, a day to come."
    if facts.unpaid:
        return "the order waits for its payment, so nothing of it is late."
    if facts.left_out:
        return "this delay was left out on purpose when the shop went live."
    if facts.below_first:
        late = f"the order is {days_words(facts.days)} late" if facts.days else "the order is not a full day late"
        if facts.first_days is None:
            return f"{late}, and the shop writes about no delay."
        return f"{late}, and the shop writes from {days_words(facts.first_days)} on."
    if facts.estimated:
        return f"that it will be {days_words(facts.days)} late is only an estimate, and its promise has not passed."
    if facts.due is not None and facts.skips:
        channel, reason = facts.skips[0]
        return _as_reason(skip_words(reason, channel, facts.customer, facts.since, facts.max_age_hours)).strip()
    late = "the order may be late" if facts.due is ChangeKind.WARNING else f"the order is {days_words(facts.days)} late"
    if facts.due is not None and facts.hold:
        return f"{late}, and it is held."
    if facts.due is not None:
        return f"{late}, and the next run has not decided about it yet."
    return "nothing is late."


def _next(facts: WhyFacts, after: list[WhyMessage]) -> list[str]:
    """Return what happens next, and when."""
    if any((one.state in WAITING_STATES and not one.void) or one.state is State.IN_DOUBT for one in after):
        return []
    check = f"the next check is on {short_date(facts.next_check_on, facts.today)}" if facts.next_check_on else ""
    if facts.gap_until is not None:
        return [f"The next message is possible on {short_date(facts.gap_until, facts.today)}."]
    if facts.due is not None and facts.hold:
        return ["What there is to tell leaves at the run after its release."]
    if facts.due is not None and not facts.skips and any(one.trial for one in after):
        return ["A message follows when the shop goes live."]
    if facts.due is not None and not facts.skips:
        return [f"A message is due at the next run, because {DUE[facts.due]}."]
    if facts.unpaid or facts.future_on is not None:
        return []
    if facts.late or facts.messages:
        return [f"Nothing more is due unless the date changes{'; ' + check if check else ''}."]
    return [f"{check[0].upper()}{check[1:]}."] if check else []
