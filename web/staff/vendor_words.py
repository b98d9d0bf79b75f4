"""What the desk says of purchase requests, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from models.enums import State
from models.purchasing import VendorChannel, VendorResponse
from models.quantities import counted, plain
from rules.contact.masking import mask_address
from tasks.desk.vendors import RequestDetail, RequestedLine, RequestGroup, RequestRow, VendorLatenessFact
from web.staff.addresses import order_address, request_address
from web.staff.visit import Visit

GROUP_WORDS = {
    RequestGroup.STOPPED: ("Not with the vendor", "A person decides whether these are sent."),
    RequestGroup.REFUSED: ("Refused", "The vendor cannot send a piece that a customer still waits for."),
    RequestGroup.OVERDUE: ("Overdue", "No answer in time. They were reminded once, or will be today."),
    RequestGroup.ASKED: ("Asked", "There is still time for an answer."),
    RequestGroup.ANSWERED: ("Answered", "The newest first."),
}
"""The heading of a group and a line under it."""
CHANNEL_WORDS = {
    VendorChannel.MAIL: "by mail",
    VendorChannel.FOLDER: "as a file in their folder",
    VendorChannel.SFTP: "as a file on their server",
    VendorChannel.HTTP: "to their system",
}
STATE_CHIPS = {
    State.HELD: ("bad", "Held"),
    State.QUEUED: ("calm", "Waits to be sent"),
    State.SENDING: ("calm", "Being sent"),
    State.REJECTED: ("bad", "Came back"),
    State.IN_DOUBT: ("wait", "May or may not have arrived"),
    State.SKIPPED: ("calm", "Not sent"),
}
GROUP_CHIPS = {
    RequestGroup.REFUSED: ("bad", "Refused"),
    RequestGroup.OVERDUE: ("wait", "No answer yet"),
    RequestGroup.ASKED: ("said", "Asked"),
    RequestGroup.ANSWERED: ("good", "Answered"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A state in a word or two."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class RequestLink:
    """A request in the list."""

    url: str
    vendor: str
    what: str
    """The state in a sentence."""
    asked: str
    lines: str
    promised: str


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of a request."""

    id: str
    url: str
    name: str
    product: str
    quantity: str
    chip: Chip
    note: str


@dataclass(frozen=True, slots=True)
class ActWords:
    """An act: its link, and its page."""

    name: str
    url: str
    link: str
    heading: str
    consequences: tuple[str, ...]
    button: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as its page shows it."""

    id: str
    url: str
    vendor: str
    chip: Chip
    sentence: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[LineView, ...]
    history: tuple[str, ...]
    acts: tuple[ActWords, ...]
    answerable: tuple[tuple[str, str, str], ...]
    """The lines that an answer may be about: id, label, and what is known."""
    unanswered: tuple[str, ...]

    def may(self, act: str) -> bool:
        """Return whether an act is possible now."""
        return any(one.name == act for one in self.acts)

    def act(self, name: str) -> ActWords:
        """Return the words of an act."""
        return next(one for one in self.acts if one.name == name)

    def why_not(self, act: str) -> str:
        """Return why an act is not possible."""
        return {
            "remind": "There is nothing to remind of: it was not sent, is answered, or a reminder is on its way.",
            "again": "There is nothing to ask again: no line was refused, and the request did not fail.",
            "have": "It is not in doubt whether this request arrived.",
            "answer": "No line of this request waits for an answer.",
        }[act]


def request_links(visit: Visit, rows: Sequence[RequestRow]) -> tuple[RequestLink, ...]:
    """Return requests as rows of the list."""
    return tuple(
        RequestLink(
            request_address(row.id),
            row.vendor,
            _row_sentence(visit, row),
            f"{visit.full_moment(row.sent_at or row.created_at)}, {CHANNEL_WORDS[row.channel]}",
            f"{row.answered} of {row.lines} answered",
            visit.day(row.promised_on) if row.promised_on else "",
        )
        for row in rows
    )


def _row_sentence(visit: Visit, row: RequestRow) -> str:
    if row.state in STATE_CHIPS:
        return STATE_CHIPS[row.state][1]
    if row.refused:
        return f"{counted(row.refused, 'line')} refused"
    if row.answered == row.lines:
        return "Every line is answered"
    if row.reminded_at:
        return f"No answer, even to the reminder of {visit.full_moment(row.reminded_at)}"
    return "No answer so far"


def request_view(visit: Visit, detail: RequestDetail) -> RequestView:
    """Return a request as its page shows it."""
    row = detail.row
    state = STATE_CHIPS.get(row.state) or GROUP_CHIPS.get(detail.group, ("calm", "Over"))
    answerable = [
        line for line in detail.asked_lines if line.response not in (VendorResponse.NOT_SENT, VendorResponse.ASK_AGAIN)
    ]
    return RequestView(
        row.id,
        request_address(row.id),
        row.vendor,
        Chip(*state),
        _sentence(visit, detail),
        tuple(_facts(visit, detail)),
        tuple(_line_view(visit, line) for line in detail.asked_lines),
        tuple(_history(visit, detail)),
        tuple(_acts(detail)),
        tuple((line.id, _line_label(line), _line_note(visit, line)) for line in answerable),
        tuple(line.id for line in answerable if line.response is None),
    )


def _sentence(visit: Visit, detail: RequestDetail) -> str:
    row, waiting = detail.row, len(detail.open_lines)
    reason = f": {detail.reason}" if detail.reason else ""
    if row.state == State.HELD:
        return (
            f"{row.vendor} was not asked yet: the run wanted more lines from vendors than the policy lets it ask for "
            "by itself. It waits until somebody says that it may be sent."
        )
    if row.state == State.REJECTED:
        return f"{row.vendor} was not asked: the request could not be delivered{reason}."
    if row.state == State.IN_DOUBT:
        return f"It is not known whether {row.vendor} has the request{reason}. Ring them before it is sent again."
    if row.state == State.SKIPPED:
        return f"{row.vendor} was not asked: the request was dropped, or nothing in it was needed any more."
    if row.sent_at is None:
        return f"The request to {row.vendor} waits to be sent by the next run."
    asked = f"{row.vendor} was asked on {visit.full_moment(row.sent_at)} {CHANNEL_WORDS[row.channel]}"
    refused = [line for line in detail.asked_lines if line.response == VendorResponse.REFUSED and line.is_wanted]
    if refused:
        return f"{asked} and refused {counted(len(refused), 'line')} that customers still wait for."
    if not waiting:
        promised = f", and promised the last of it for {visit.day(row.promised_on)}" if row.promised_on else ""
        return f"{asked} and has answered{promised}."
    if waiting == len(detail.asked_lines):
        return f"{asked} and has not answered yet."
    return f"{asked} and has not answered {counted(waiting, 'line')} of {len(detail.asked_lines)} yet."


def _facts(visit: Visit, detail: RequestDetail) -> Sequence[tuple[str, str]]:
    row = detail.row
    is_mailed = detail.email and row.channel == VendorChannel.MAIL
    return [
        ("Asked", visit.full_moment(row.sent_at) if row.sent_at else "not yet"),
        ("How", CHANNEL_WORDS[row.channel]),
        *([("To", mask_address(detail.email or ""))] if is_mailed else []),
        ("Answered", f"{row.answered} of {counted(row.lines, 'line')}"),
        ("Promised day", visit.day(row.promised_on) if row.promised_on else "none"),
        ("Usually", lateness_words(detail.lateness)),
    ]


def lateness_words(lateness: VendorLatenessFact | None) -> str:
    """Return how late a vendor usually is, as in `4 days late, of 36 deliveries`."""
    if lateness is None:
        return "not known: no delivery of theirs with a promised day has come yet"
    days = floor(lateness.days + 0.5)
    when = "on the promised day" if days == 0 else f"{counted(abs(days), 'day')} {'late' if days > 0 else 'early'}"
    if lateness.deliveries == 1:
        return f"not known: the one delivery so far came {when}"
    return f"{when}, of {counted(lateness.deliveries, 'delivery').replace('deliverys', 'deliveries')}"


def _history(visit: Visit, detail: RequestDetail) -> Sequence[str]:
    lines = [f"Decided on {visit.full_moment(detail.row.created_at)}."]
    if detail.row.sent_at:
        lines.append(f"Sent on {visit.full_moment(detail.row.sent_at)}.")
    for reminder in detail.reminders:
        if reminder.sent_at:
            lines.append(f"Reminded on {visit.full_moment(reminder.sent_at)}.")
        elif reminder.state == State.QUEUED:
            lines.append(f"A reminder of {visit.full_moment(reminder.created_at)} waits to be sent.")
        else:
            lines.append(f"The reminder of {visit.full_moment(reminder.created_at)} was not sent.")
    return lines


def _line_label(line: RequestedLine) -> str:
    return f"Order {line.order}, line {line.line}: {plain(line.quantity)} of {line.product}"


def _line_note(visit: Visit, line: RequestedLine) -> str:
    if line.response == VendorResponse.ACCEPTED:
        return f"Promised for {visit.day(line.promised_on)}" if line.promised_on else "No day was promised"
    if line.response in (VendorResponse.REFUSED, VendorResponse.TOO_LATE):
        return line.reason or ("They accepted it after the customer had cancelled. Tell them not to send it.")
    if not line.is_wanted:
        return "No longer needed"
    return "Goes straight to the customer" if line.drop_shipped else ""


LINE_CHIPS = {
    VendorResponse.ACCEPTED: Chip("good", "They send it"),
    VendorResponse.REFUSED: Chip("bad", "They cannot send it"),
    VendorResponse.TOO_LATE: Chip("wait", "Accepted too late"),
    VendorResponse.ASK_AGAIN: Chip("calm", "Asked again"),
    VendorResponse.NOT_SENT: Chip("calm", "Left out"),
    None: Chip("said", "No answer yet"),
}


def _line_view(visit: Visit, line: RequestedLine) -> LineView:
    return LineView(
        line.id,
        order_address(line.order),
        f"Order {line.order}, line {line.line}",
        line.product,
        plain(line.quantity),
        LINE_CHIPS[line.response],
        _line_note(visit, line),
    )


def _acts(detail: RequestDetail) -> Sequence[ActWords]:
    row, vendor = detail.row, detail.row.vendor
    acts = []

    def add(name: str, link: str, heading: str, consequences: Sequence[str], button: str) -> None:
        acts.append(ActWords(name, request_address(row.id, name), link, heading, tuple(consequences), button))

    if detail.may_answer:
        add("answer", "Record their answer", f"Record {vendor}'s answer", _ANSWER, "Record the answer")
    if detail.may_remind:
        lines = counted(len(detail.open_lines), "line")
        texts = (
            f"{vendor} gets a reminder of {lines} {CHANNEL_WORDS[row.channel]}, with the next run for vendors.",
            "You can undo it until then.",
        )
        add("remind", "Remind", f"Remind {vendor}", texts, "Send a reminder")
    if row.state == State.IN_DOUBT:
        texts = (
            "The request counts as sent from now on, and is not sent again.",
            "They are reminded when no answer comes.",
        )
        add("have", "They have it", f"{vendor} has the request", texts, "They have it")
    if detail.may_send_again:
        add("again", "Ask again", f"Ask {vendor} again", _again_words(detail), "Send the request")
    elif detail.reopenable:
        lines, are = counted(len(detail.reopenable), "line"), "is" if len(detail.reopenable) == 1 else "are"
        texts = (
            f"{lines} {are} asked for again by the next run, of the vendor that the product then has.",
            "You can undo it until then.",
        )
        add("again", "Ask again", f"Ask {vendor} again", texts, "Ask again")
    return acts


_ANSWER = (
    "The customers' dates follow from it: their orders are checked again at the next run.",
    "Whoever's date has moved is told.",
)


def _again_words(detail: RequestDetail) -> Sequence[str]:
    lines = f"{detail.row.vendor} is asked for {counted(len(detail.open_lines), 'line')} with the next run for vendors."
    if detail.row.state == State.IN_DOUBT:
        return lines, "If the first request did arrive, they have it twice. Ring them first."
    if detail.row.state == State.HELD:
        return lines, "You can undo it until then."
    return (lines,)
