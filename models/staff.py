"""Who works on the desk: their roles, what each role may do, and the entries of the audit log."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a person was given to do."""

    READ = "read"
    SERVICE = "service"
    MARKETING = "marketing"
    ADMIN = "admin"


class Right(StrEnum):
    """What a page or an act needs."""

    SEE = "see"
    ACT = "act"
    PUBLISH = "publish"
    ADMINISTER = "administer"
    OWN = "own"
    """Of any signed-in person, also without a role: their own account."""


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.READ: frozenset({Right.SEE}),
    Role.SERVICE: frozenset({Right.SEE, Right.ACT}),
    Role.MARKETING: frozenset({Right.SEE, Right.PUBLISH}),
    Role.ADMIN: frozenset({Right.SEE, Right.ACT, Right.PUBLISH, Right.ADMINISTER}),
}


class Scheme(StrEnum):
    """The colours that a person chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who may sign in to the desk."""

    id: str
    name: str
    mail: str
    roles: frozenset[Role]
    scheme: str = Scheme.SYSTEM

    def may(self, right: Right) -> bool:
        """Return whether one of the person's roles gives a right."""
        return right is Right.OWN or any(right in RIGHTS[role] for role in self.roles)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act in the audit log."""

    id: int
    at: datetime
    who: str
    """The person's name at that time; `Forewarn` for an act of a machine."""
    person_id: str | None
    kind: str
    subject_kind: str
    """`order`, `run`, `person`, `message`, `product`, `request`, `post`, `settings`, ..."""
    subject: str
    what: str
    """The sentence after the name, in past tense: `set the expected date of order 1041 to 18 December`."""
    why: str
    before: dict[str, Any]
    after: dict[str, Any]
    form_id: str | None
    """Of the form that was sent; a form sent twice is one act."""
    undone_by: int | None
    undoes: int | None
