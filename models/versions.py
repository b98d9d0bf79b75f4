"""Versions of what a shop edits on the desk: the words of its messages, and its policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Files = Mapping[str, str | None]
"""Texts by file, relative to the shop's folder; None: the shop has no such file, and the built-in one counts."""
BY_FILES = "files"
"""The author of a version that was not saved on the desk, but changed in the shop's folder."""


class Area(StrEnum):
    """What is edited."""

    WORDS = "words"
    POLICY = "policy"


class VersionState(StrEnum):
    """The state of a version."""

    WAITS = "waits"
    """A second person must approve it."""
    IN_USE = "in_use"
    REPLACED = "replaced"
    SENT_BACK = "sent_back"


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and when."""

    name: str
    person_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a subject; numbers count from 1 for each subject."""

    id: int
    area: str
    subject: str
    number: int
    state: VersionState
    files: Files
    digest: str
    author: str
    author_id: str | None
    at: datetime
    note: str
    approver: str | None
    """Who approved it or sent it back; None for nobody so far."""
    approver_id: str | None
    approved_at: datetime | None
    """Since when it was in use, or was sent back; None while it waits."""
    reply: str
    """The note of the person who sent it back."""
    based_on: int | None

    def is_by(self, person_id: str | None) -> bool:
        """Return whether a person wrote this version: their own approval does not count."""
        return self.author_id is not None and self.author_id == person_id
