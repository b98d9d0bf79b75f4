"""The people who may sign in to the desk."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from models.errors import ForewarnError
from models.staff import Person, Role, Scheme
from tasks.tables import STAFF_PERSONS


@dataclass(frozen=True, slots=True)
class Account:
    """A person with what only the sign-in and the page of people need."""

    person: Person
    password_hash: str | None
    subject: str | None
    created_at: datetime
    created_by: str
    seen_at: datetime | None

    @property
    def can_sign_in(self) -> bool:
        """Return whether the invitation was taken."""
        return self.password_hash is not None or self.subject is not None

    @property
    def is_admin(self) -> bool:
        """Return whether the person is an admin who can sign in."""
        return Role.ADMIN in self.person.roles and self.can_sign_in


def add_person(connection: Connection, name: str, mail: str, roles: frozenset[Role], now: datetime, by: str) -> Person:
    """Add a person without a password. Raises ForewarnError where the mail address has an account."""
    mail = mail.strip().lower()
    if find_account(connection, mail) is not None:
        raise ForewarnError(f"{mail} has an account already")
    person = Person(secrets.token_hex(8), name.strip(), mail, roles)
    row = {
        "id": person.id,
        "name": person.name,
        "mail": mail,
        "roles": roles_text(roles),
        "scheme": Scheme.SYSTEM.value,
        "created_at": now,
        "created_by": by,
    }
    connection.execute(insert(STAFF_PERSONS).values(row))
    return person


def find_account(connection: Connection, mail: str) -> Account | None:
    """Return the account of a mail address; None for an unknown one."""
    return _first(connection, STAFF_PERSONS.c.mail == mail.strip().lower())


def load_account(connection: Connection, person_id: str) -> Account | None:
    """Return the account of a person; None for one who was removed."""
    return _first(connection, STAFF_PERSONS.c.id == person_id)


def list_accounts(connection: Connection) -> list[Account]:
    """Return everybody who may sign in, by name."""
    rows = connection.execute(_accounts().order_by(STAFF_PERSONS.c.name, STAFF_PERSONS.c.id)).all()
    return [_account(row) for row in rows]


def set_password(connection: Connection, person_id: str, password_hash: str) -> None:
    """Set the hash of a person's password."""
    _set(connection, person_id, password_hash=password_hash)


def set_scheme(connection: Connection, person_id: str, scheme: Scheme) -> None:
    """Set the colours that a person chose."""
    _set(connection, person_id, scheme=scheme.value)


def change_roles(connection: Connection, person_id: str, roles: frozenset[Role]) -> Account:
    """Set a person's roles; return the account as it was. Raises ForewarnError for the last admin."""
    account = _lock_accounts(connection, person_id)
    if Role.ADMIN not in roles:
        _check_not_last(connection, account)
    _set(connection, person_id, roles=roles_text(roles))
    return account


def remove_person(connection: Connection, person_id: str, now: datetime) -> Account:
    """Remove a person; their name stays in the log. Raises ForewarnError for the last admin.

    Their mail address may be invited again, to a new account.
    """
    account = _lock_accounts(connection, person_id)
    _check_not_last(connection, account)
    gone = {"mail": f"removed:{person_id}", "password_hash": None, "subject": None, "roles": "", "removed_at": now}
    _set(connection, person_id, **gone)
    return account


def _lock_accounts(connection: Connection, person_id: str) -> Account:
    # All of them: of two admins who remove each other at once, one has to stay.
    connection.execute(_accounts().with_for_update()).all()
    account = load_account(connection, person_id)
    if account is None:
        raise ForewarnError("this person was removed")
    return account


def _check_not_last(connection: Connection, account: Account) -> None:
    others = [one for one in list_accounts(connection) if one.is_admin and one.person.id != account.person.id]
    if account.is_admin and not others:
        raise ForewarnError(f"{account.person.name} is the last admin who can sign in")


def set_subject(connection: Connection, person_id: str, subject: str) -> None:
    """Remember who a person is at the company's sign-in."""
    _set(connection, person_id, subject=subject)


def find_subject(connection: Connection, subject: str) -> Account | None:
    """Return the account of somebody who came by the company's sign-in before."""
    return _first(connection, STAFF_PERSONS.c.subject == subject)


def names_of_all(connection: Connection) -> list[tuple[str, str]]:
    """Return id and name of everybody who could ever sign in, by name."""
    columns = (STAFF_PERSONS.c.id, STAFF_PERSONS.c.name)
    return [(row.id, row.name) for row in connection.execute(select(*columns).order_by(STAFF_PERSONS.c.name))]


def _set(connection: Connection, person_id: str, **values: object) -> None:
    connection.execute(update(STAFF_PERSONS).where(STAFF_PERSONS.c.id == person_id).values(values))


def roles_text(roles: frozenset[Role]) -> str:
    """Return roles as they are stored."""
    return ",".join(role for role in Role if role in roles)


def _first(connection: Connection, which: ColumnElement[bool]) -> Account | None:
    row = connection.execute(_accounts().where(which)).first()
    return None if row is None else _account(row)


def _accounts() -> Select[Any]:
    return select(STAFF_PERSONS).where(STAFF_PERSONS.c.removed_at.is_(None))


def person_of(row: Row[Any]) -> Person:
    """Return the person in a row of the table."""
    roles = frozenset(Role(role) for role in row.roles.split(",") if role)
    return Person(row.id, row.name, row.mail, roles, row.scheme)


def _account(row: Row[Any]) -> Account:
    values = {name: getattr(row, name) for name in ("password_hash", "subject", "created_at", "created_by", "seen_at")}
    return Account(person_of(row), **values)
