"""The people who can try the demo's desk: of customer service and of marketing, with a password that all know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.staff import Role
from tasks.context import Context
from tasks.staff.accounts import add_person, find_account, set_password
from tasks.staff.audit import MACHINE, record
from tasks.staff.passwords import hash_password

PASSWORD = "late orders, told early"  # noqa: S105 - of made-up data, served to this machine alone


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who signs in to the demo's desk."""

    name: str
    mail: str
    role: Role
    about: str


PEOPLE = (
    DemoPerson("Robin Demo", "agent@example.com", Role.SERVICE, "customer service"),
    DemoPerson("Mara Demo", "marketing@example.com", Role.MARKETING, "marketing"),
    DemoPerson("Jan Demo", "approver@example.com", Role.MARKETING, "marketing, the second person"),
)


def add_demo_people(context: Context, now: datetime, people: Sequence[DemoPerson] = PEOPLE) -> None:
    """Let these people sign in, with the password of the demo, whatever it was changed to before."""
    password_hash = hash_password(PASSWORD)
    with context.engine.begin() as connection:
        for one in people:
            account = find_account(connection, one.mail)
            person = (
                account.person
                if account
                else add_person(connection, one.name, one.mail, frozenset({one.role}), now, MACHINE)
            )
            if account is None:
                what = f"invited {one.name} with the role {one.role}"
                record(
                    connection, at=now, who=MACHINE, kind="invite", what=what, subject_kind="person", subject=person.id
                )
            set_password(connection, person.id, password_hash)
