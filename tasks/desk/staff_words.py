"""What staff read on the desk instead of the names that the code has for states, reasons and changes."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from models.enums import NETWORKS, ChangeKind, Channel, RemedyKind, SkipReason, State

CHANNELS = {Channel.EMAIL: "mail", Channel.SMS: "text", **dict.fromkeys(NETWORKS, "post")}
STATE_CHIPS = {
    State.HELD: ("bad", "Held: waits for approval"),
    State.QUEUED: ("calm", "Waiting to be sent"),
    State.SENDING: ("calm", "Being sent"),
    State.SENT: ("said", "Sent, not confirmed yet"),
    State.DELIVERED: ("good", "Delivered"),
    State.BOUNCED: ("bad", "Came back"),
    State.SKIPPED: ("calm", "Not sent"),
    State.REJECTED: ("bad", "Refused by the provider"),
    State.IN_DOUBT: ("wait", "May or may not have left"),
}
"""By state of a message: the shape of its chip, and its words."""
TRIAL_CHIP = ("calm", "Trial: kept here, not sent")
SKIPPED = {
    SkipReason.NO_ADDRESS: "There is no {address}. Call, or add it in the shop; the next import sends it.",
    SkipReason.BAD_ADDRESS: "The {address} in the shop cannot be one. Correct it in the shop.",
    SkipReason.NOT_MOBILE: "The number is a landline, which gets no texts. Another way.",
    SkipReason.OPTED_OUT: "{customer} wants no messages about orders. Tell them when they call.",
    SkipReason.SUPPRESSED: "We must not write to this address{since}. Another way, or undo it if they agree.",
    SkipReason.NO_CONSENT: "A text was the only way, and there is no consent to texts.",
    SkipReason.NO_HOUR: "The number may be in zones with no common daytime hour. Another way.",
    SkipReason.RENDER_FAILED: "The message could not be written for this channel. The templates need a look.",
    SkipReason.SHIPPED: "It left before the message did. Nothing to do.",
    SkipReason.CANCELLED: "It was cancelled before the message left. Nothing to do.",
    SkipReason.CHANGED: "The facts changed before the message left. Nothing to do.",
    SkipReason.SUPERSEDED: "A newer message took its place. Nothing to do.",
    SkipReason.DROPPED: "It was decided not to send that run. It comes up again when something changes.",
    SkipReason.TOO_OLD: "It waited longer than {hours} hours. The order is checked again at the next run.",
    SkipReason.TRIAL: "The trial ended before it was sent. A new message follows.",
}
"""Why a message is not sent, and what to do; `{address}`, `{customer}`, `{since}` and `{hours}` are filled in."""
ADDRESSES = {Channel.EMAIL: "mail address", Channel.SMS: "mobile number"}
CHANGES = {
    ChangeKind.FIRST: "First message about this delay",
    ChangeKind.WORSE: "Later than before",
    ChangeKind.SLIPPED: "The date told moved",
    ChangeKind.PASSED: "The date told has passed",
    ChangeKind.ANOTHER: "A further item is late",
    ChangeKind.READY: "Good news: it is here",
    ChangeKind.EARLIER: "Good news: it comes sooner",
    ChangeKind.DATED: "A date is known now",
    ChangeKind.WARNING: "Warned: it may be late",
    ChangeKind.IN_TIME: "Good news: on time after all",
}
OFFERS = {
    RemedyKind.HANDLING_DATE: "Shows a later shipping day",
    RemedyKind.SUBSTITUTE: "Swap offered",
    RemedyKind.SHIPPING_DISCOUNT: "Shipping refunded on the next order",
    RemedyKind.FUTURE_DISCOUNT: "Discount on the next order",
}
DATE_SOURCES = {
    "staff": "staff said so",
    "carrier": "the carrier says so",
    "vendor": "the vendor answered",
    "stock": "it is in stock",
    "inbound": "from a delivery, with this vendor's usual lateness",
    "forecast": "nothing is on its way: the usual lead time",
    "shop": "the shop's system says so",
}
"""Who says when something comes."""


def long_day(day: date, today: date) -> str:
    """Return a day as Monday, 24 November; with its year when that is another one."""
    return f"{day:%A}, {short_date(day, today)}"


def short_date(day: date, today: date) -> str:
    """Return a date as 16 December; with its year when that is another one."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {day:%B}{year}"


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of a moment as 14:03."""
    return f"{at.astimezone(zone):%H:%M}"


def zone_name(zone: str) -> str:
    """Return a zone by its place, as New York."""
    return zone.rpartition("/")[2].replace("_", " ")


def channel_word(channel: str) -> str:
    """Return what staff call a channel's messages."""
    return CHANNELS.get(Channel(channel), channel) if channel in set(Channel) else channel


def days_words(days: int) -> str:
    """Return a number of days."""
    return "1 day" if days == 1 else f"{days:,} days"


def skip_words(reason: str, channel: str, customer: str, since: str = "", hours: int = 72) -> str:
    """Return why a message is not sent, and what to do."""
    if reason not in set(SkipReason):
        return reason
    address = ADDRESSES.get(Channel(channel), "address")
    return SKIPPED[SkipReason(reason)].format(address=address, customer=customer, since=since, hours=hours)


def days_range(first: int, following: int | None) -> str:
    """Return a range of days late, as 4 to 7 days late, or 15 days late or more."""
    if following is None:
        return f"{days_words(first)} late or more"
    last = following - 1
    return f"{days_words(first)} late" if last == first else f"{first} to {last} days late"
