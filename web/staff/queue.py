"""The queue: what goes to whom and when, before it leaves; hold an hour's messages, or take one out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, Connection
from starlette.responses import Response

from models.enums import NETWORK_NAMES, NETWORKS, Channel
from models.quantities import counted
from models.staff import AuditEntry, Right
from tasks.desk.bounded import Count
from tasks.desk.holds import NotWaiting, count_notices, hold_messages, stop_message, undo_stop
from tasks.desk.queue import (
    ANSWER,
    HOUR,
    POST,
    ChannelPace,
    QueueHour,
    WaitingMessage,
    find_waiting,
    hour_filter,
    load_hours,
    load_pace,
    load_waiting,
)
from tasks.desk.staff_words import channel_word, zone_name
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address, run_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import count_words, sentence, undo_act
from web.staff.posts import SOON
from web.staff.runs import HOLD
from web.staff.undo import UNDO
from web.staff.visit import Refused, Visit

STOP = "message_stopped"
"""Kind of entries of the log."""
NOW_WORDS = "now"
"""In an address, the hour of what may leave at once."""
TRIAL = "They are a trial: no customer gets them until an operator goes live."
GONE = "It does not wait any more: it has left, or somebody took it out of the queue."


@dataclass(frozen=True, slots=True)
class HourRow:
    """An hour in which messages may leave."""

    when: str
    messages: str
    url: str
    hold: str
    hold_words: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message that waits."""

    when: str
    machine: str
    who: str
    address: str
    order: str
    order_url: str
    channel: str
    subject: str
    why: str
    read: str
    stop: str


@dataclass(frozen=True, slots=True)
class Hour:
    """The hour of a channel that an address names."""

    channel: Channel
    begin: datetime | None


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of the queue."""
    UNDO[STOP] = _undo_stop
    return [
        StaffRoute("/queue", Right.SEE, show),
        StaffRoute("/queue/{channel}/{hour}/hold", Right.ACT, ask_hold, hold),
        StaffRoute("/queue/{message}/stop", Right.ACT, ask_stop, stop),
    ]


def show(visit: Visit) -> Response:
    """Return the queue: by hour, and message by message."""
    hour = _hour(visit, visit.query("channel"), visit.query("hour"))
    place = read_cursor(visit.query("after"), datetime, str)
    with visit.reading() as connection:
        hours = load_hours(visit.context, connection, visit.now)
        paces = load_pace(connection, visit.context.policy.sending, hours, visit.now)
        page = load_waiting(
            connection,
            visit.now,
            channel=hour.channel if hour else None,
            begin=hour.begin if hour else None,
            in_hour=hour is not None,
            place=place,
        )
    stopped = {pace.channel: pace for pace in paces if pace.stopped_since}
    here = {"channel": hour.channel, "hour": visit.query("hour")} if hour else {}
    following = desk_address("queue", **here, after=write_cursor(*page.rows[-1].place)) if page.more else ""
    title = f"{_when(visit, hour.begin)}: {_plural(hour.channel)}" if hour else "All messages, the next first"
    return visit.page(
        "desk/queue.html",
        title="Queue",
        paces=[_pace_words(visit, pace) for pace in paces if _is_told(pace)],
        hours=[_hour_row(visit, one) for one in hours],
        rows=[_row(visit, row, stopped) for row in page.rows],
        rows_title=title,
        all_url=desk_address("queue") if hour or place else "",
        may_act=visit.person.may(Right.ACT),
        soon=SOON,
        next=following,
        first=desk_address("queue", **here) if place else "",
    )


def _hour(visit: Visit, channel: str, hour: str) -> Hour | None:
    """Return the hour that an address names; None where it names none."""
    if channel not in set(Channel):
        return None
    if hour == NOW_WORDS:
        return Hour(Channel(channel), None)
    try:
        begin = datetime.fromisoformat(hour)
    except ValueError:
        return None
    return Hour(Channel(channel), begin.astimezone(visit.context.zone)) if begin.tzinfo else None


def _plural(channel: str) -> str:
    return f"{channel_word(channel)}s{_where(channel)}"


def _where(channel: str) -> str:
    """Return on which network, as ` on X`; nothing for what goes to one person."""
    return f" on {NETWORK_NAMES[Channel(channel)]}" if channel in NETWORK_NAMES else ""


def _hour_name(begin: datetime | None) -> str:
    return NOW_WORDS if begin is None else begin.isoformat(timespec="minutes")


def _when(visit: Visit, begin: datetime | None) -> str:
    if begin is None:
        return "Now"
    end = (begin + HOUR).astimezone(visit.context.zone)
    day = "" if begin.date() == visit.today else f"{visit.day(begin.date())}, "
    return f"{day}{begin:%H:%M} to {end:%H:%M}"


def _hour_row(visit: Visit, hour: QueueHour) -> HourRow:
    name = _hour_name(hour.begin)
    may_hold = visit.person.may(Right.ACT) and hour.channel not in NETWORKS
    number = f"{counted(hour.messages, channel_word(hour.channel))}{_where(hour.channel)}"
    return HourRow(
        when=_when(visit, hour.begin),
        messages=number,
        url=desk_address("queue", channel=hour.channel, hour=name),
        hold=desk_address("queue", hour.channel, name, "hold") if may_hold else "",
        hold_words=f"Hold these {hour.messages:,}" if hour.messages != 1 else "Hold it",
    )


def _is_told(pace: ChannelPace) -> bool:
    """Return whether the pace says more than the hours below it do."""
    return pace.channel not in NETWORKS or pace.stopped_since is not None or pace.next_try is not None


def _pace_words(visit: Visit, pace: ChannelPace) -> str:
    waiting = f"{count_words(Count(pace.waiting, pace.more), channel_word(pace.channel))}{_where(pace.channel)}"
    verb = "waits" if pace.waiting == 1 and not pace.more else "wait"
    if pace.stopped_since is not None:
        again = f" One is tried at {visit.moment(pace.next_try)}." if pace.next_try else ""
        return f"{waiting} {verb}. Stopped since {visit.moment(pace.stopped_since)}: {sentence(pace.reason)}{again}"
    limit = f", at most {pace.per_second:g} a second" if pace.per_second else ""
    paused = f" The provider asked for a pause until {visit.moment(pace.next_try)}." if pace.next_try else ""
    trial = "" if pace.is_live or pace.channel in NETWORKS else f" {TRIAL}"
    if not pace.in_an_hour:
        return f"{waiting} {verb}. The first leaves at {visit.moment(pace.first_at)}{limit}.{paused}{trial}"
    return f"{waiting} {verb}; in an hour at this rate {pace.in_an_hour:,} will have left{limit}.{paused}{trial}"


def _row(visit: Visit, row: WaitingMessage, stopped: dict[str, ChannelPace]) -> MessageRow:
    return MessageRow(
        when="now" if row.not_before <= visit.now else visit.moment(row.not_before),
        machine=row.not_before.isoformat(),
        who=row.customer,
        address=row.address,
        order=row.order_id,
        order_url=order_address(row.order_id) if row.order_id else "",
        channel=f"{channel_word(row.channel).capitalize()}{_where(row.channel)}",
        subject=row.subject if len(row.subject) <= 120 else f"{row.subject[:119]}…",
        why=_why(visit, row, stopped),
        read=desk_address("messages", row.id),
        stop=desk_address("queue", row.id, "stop") if row.kind != ANSWER else "",
    )


def _why(visit: Visit, row: WaitingMessage, stopped: dict[str, ChannelPace]) -> str:
    if row.channel in stopped and row.not_before <= visit.now:
        return f"{channel_word(row.channel).capitalize()}s are stopped"
    if row.attempts:
        return f"Tried {counted(row.attempts, 'time')}: {sentence(row.reason)}"
    if row.not_before <= visit.now:
        return "Leaves with the next that are sent"
    if row.released_by:
        return f"{row.released_by} released it, and can undo that until then"
    if row.kind == POST:
        return "Approved for then"
    if row.kind == ANSWER:
        return "Answers what the customer did"
    return f"Quiet hours{_in_zone(visit, row)}"


def _in_zone(visit: Visit, row: WaitingMessage) -> str:
    """Return the hour where the customer lives, where that is not the shop's zone."""
    try:
        zone = ZoneInfo(row.zone) if row.zone else visit.context.zone
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    local = row.not_before.astimezone(zone)
    same = local.utcoffset() == row.not_before.astimezone(visit.context.zone).utcoffset()
    return "" if same else f": {local:%H:%M} there ({zone_name(row.zone)})"


def ask_hold(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether the messages of an hour are held."""
    hour = _hour(visit, visit.path("channel"), visit.path("hour"))
    if hour is None:
        return visit.not_found("There is no such hour in the queue.")
    with visit.reading() as connection:
        count = count_notices(connection, _which(visit, hour))
    if not count:
        raise Refused("None of these messages waits any more.", links=((desk_address("queue"), "See the queue"),))
    number = count_words(count, channel_word(hour.channel))
    when = "at once" if hour.begin is None else _when(visit, hour.begin)
    texts = (
        "They wait until somebody releases them or decides not to send them: the page of runs shows them.",
        f"They were to leave {when}.",
        "Mails that answer what a customer did leave all the same.",
    )
    return visit.page(
        "desk/ask.html",
        title=f"Hold {number}?",
        form=form,
        texts=texts,
        button=f"Hold {number}",
        action=visit.here,
        back=desk_address("queue"),
    )


def _which(visit: Visit, hour: Hour) -> ColumnElement[bool]:
    return hour_filter(hour.channel, hour.begin, visit.now)


def hold(visit: Visit, form: Form) -> Response:
    """Hold the messages of an hour: they become a run that waits for a person."""
    hour = _hour(visit, visit.path("channel"), visit.path("hour"))
    if hour is None:
        return visit.not_found("There is no such hour in the queue.")
    why = form.text("why")
    with visit.writing() as connection:
        try:
            held = hold_messages(visit.context, connection, _which(visit, hour), visit.person.name, why)
        except NotWaiting as error:
            raise Refused("None of these messages waits any more.") from error
        entry = record(
            connection,
            **visit.act(form),
            kind=HOLD,
            subject_kind="run",
            subject=held.run,
            what=f"held {counted(held.messages, channel_word(hour.channel))} before they left",
            why=why,
            after={"messages": held.messages},
        )
    return visit.done(run_address(held.run), entry)


def ask_stop(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether one message is not sent."""
    with visit.reading() as connection:
        message = find_waiting(connection, visit.path("message"))
    if message is None or message.kind == ANSWER:
        raise Refused(GONE, links=((desk_address("queue"), "See the queue"),))
    word = channel_word(message.channel)
    to = f"{message.customer} counts as not told by this {word}; it comes up again when a fact about the order changes."
    texts = ("The post is withdrawn." if message.kind == POST else to, "You can undo it until a newer message exists.")
    return visit.page(
        "desk/ask.html",
        title=f"Do not send this {word}{f' to {message.customer}' if message.kind != POST else ''}?",
        form=form,
        texts=texts,
        button=f"Do not send this {word}",
        action=visit.here,
        back=desk_address("queue"),
    )


def stop(visit: Visit, form: Form) -> Response:
    """Take one message out of the queue."""
    message_id, why = visit.path("message"), form.text("why")
    with visit.writing() as connection:
        message = find_waiting(connection, message_id)
        try:
            stop_message(visit.context, connection, message_id, visit.person.name, why)
        except NotWaiting as error:
            raise Refused(GONE, links=((desk_address("queue"), "See the queue"),)) from error
        order = message.order_id if message else ""
        word = channel_word(message.channel) if message else "message"
        entry = record(
            connection,
            **visit.act(form),
            kind=STOP,
            subject_kind="order" if order else "message",
            subject=order or message_id,
            what=f"decided not to send a {word}{f' about order {order}' if order else ''}",
            why=why,
            after={"message": message_id, "at": visit.now.isoformat()},
        )
    return visit.done(desk_address("queue"), entry)


def _undo_stop(visit: Visit, entry: AuditEntry, form: Form) -> int:
    stopped_at = datetime.fromisoformat(entry.after["at"])

    def work(connection: Connection) -> str:
        undo_stop(visit.context, connection, entry.after["message"], stopped_at, visit.person.name)
        return "let a message wait again that was not to be sent"

    return undo_act(visit, entry, form, work, (NotWaiting,))
