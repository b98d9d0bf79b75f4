"""What templates show: texts in the customer's language, and addresses."""

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """A chip's colour and shape."""

    GOOD = "good"
    WAIT = "wait"
    BAD = "bad"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Chip:
    """A state in a word or two."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """A day or a moment, for people and for machines."""

    text: str
    machine: str


@dataclass(frozen=True, slots=True)
class Fact:
    """The panel with the answer that the reader came for."""

    label: str
    value: Stamp
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice that is offered."""

    act: str
    url: str
    title: str
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A choice that was made."""

    url: str
    text: str
    at: Stamp
    chip: Chip


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a parcel."""

    name: str
    url: str | None
    chip: Chip | None
    texts: tuple[str, ...]
    category: Anchor | None


@dataclass(frozen=True, slots=True)
class ParcelBlock:
    """Items that come together. A title without text is left out."""

    title: str
    items: tuple[ItemRow, ...]
    tracking: tuple[Anchor, ...]
    """Without an address where the carrier's page is not known."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message that was sent, or an answer to it."""

    url: str
    subject: str
    """A text has none: its channel stands there."""
    note: str
    """The channel, or where an answer stands."""
    at: Stamp


@dataclass(frozen=True, slots=True)
class OrderView:
    """The order page."""

    title: str
    order_line: str
    fact: Fact | None
    rows: tuple[ChoiceRow, ...]
    note: str
    """What silence means, or why nothing can be changed; empty: neither."""
    answers: tuple[AnswerRow, ...]
    parcels_title: str
    parcels: tuple[ParcelBlock, ...]
    history_title: str
    history: tuple[MessageRow, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One of several radios."""

    key: str
    title: str
    hints: tuple[str, ...]
    image: str | None = None


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Items under a heading; without a heading they stand alone."""

    title: str
    items: tuple[tuple[str, str], ...]
    """Name and a text under it."""


@dataclass(frozen=True, slots=True)
class ActView:
    """The page that asks before a choice is recorded."""

    act: str
    title: str
    fact: Fact | None
    groups: tuple[ItemGroup, ...]
    legend: str
    options: tuple[Option, ...]
    """One option is stated, several are radios."""
    texts: tuple[str, ...]
    button: str
    keep: str
    action: str
    form: str
    """The signed form token."""
    problem: str = ""
    """What is wrong with the form as it was sent."""


@dataclass(frozen=True, slots=True)
class DoneView:
    """The page about a choice that was made."""

    title: str
    rows: tuple[tuple[str, Stamp], ...]
    code: str
    next_text: str
    chip: Chip
    undo_text: str
    undo_action: str
    """Empty: it cannot be taken back."""
    undo_form: str
    why: str
    """The reason that the customer gave."""
    why_action: str
    """Empty: no reason is asked for."""
    why_form: str


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A page that says what could not be done, and what can be done next."""

    title: str
    texts: tuple[str, ...]
    rows: tuple[ChoiceRow, ...] = ()
    answer: AnswerRow | None = None
    button: Anchor | None = None


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as it was sent."""

    title: str
    sent: str
    frame: str
    """Address of the mail; empty for a text."""
    text: str


@dataclass(frozen=True, slots=True)
class LinkForm:
    """The page that sends a new link, with what was typed and what is wrong with it."""

    title: str
    action: str
    order: str = ""
    mail: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    """Field and sentence."""

    def problem(self, field: str) -> str:
        """Return what is wrong with a field; empty: nothing."""
        return dict(self.problems).get(field, "")


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around every page."""

    lang: str
    shop: str
    home: str
    logo: str | None
    logo_dark: str | None
    style: str
    brand: str
    script: str
    languages: tuple[tuple[str, Anchor], ...]
    """Those that the page is not in, each with its name in HTML."""
    legal: tuple[str, ...]
    footer: tuple[Anchor, ...]
    mail: str
    phone: str | None
    hours: str | None
    help: str | None
    order: Anchor | None = None
    """The way back to the order page; None on the page itself, and without a link."""
