"""The parts of pages: texts in the customer's language, and addresses."""

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
