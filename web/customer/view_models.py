"""What templates show: one value for each kind of page."""

from dataclasses import dataclass

from web.customer.view_parts import (
    Anchor,
    AnswerRow,
    Chip,
    ChoiceRow,
    Fact,
    ItemGroup,
    MessageRow,
    Option,
    ParcelBlock,
    Stamp,
)


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
    stop_texts: Anchor | None = None
    """The page that stops texts; None where the customer got none about this order."""


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
