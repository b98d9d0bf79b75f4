"""Trials of two wordings of one message: which of them a customer reads, and what is measured."""

from dataclasses import dataclass
from enum import StrEnum


class Letter(StrEnum):
    """One of the two wordings of a trial."""

    A = "A"
    """The message as it is."""
    B = "B"
    """The second wording."""


class Outcome(StrEnum):
    """What a trial measures of a customer who was told, chosen before it begins."""

    WAITED = "waited"
    """The customer chose to wait."""
    CANCELLED = "cancelled"
    """The customer cancelled or withdrew, wholly or in part."""
    ANSWERED = "answered"
    """The customer chose anything."""
    REDEEMED = "redeemed"
    """A discount code that came with the message was redeemed."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The wording that a customer reads in a trial."""

    experiment: str
    """The trial's name in the policy."""
    letter: Letter
    folder: str
    """The template folder of the second wording, for both letters."""

    @property
    def own_folder(self) -> str:
        """Return the folder whose parts replace the message's own; empty for the first wording."""
        return self.folder if self.letter is Letter.B else ""
