"""Commands about the people who may sign in to the desk."""

import getpass
import sys
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from app.composition import App, open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models.errors import ForewarnError
from models.staff import Role
from tasks.db.sql import read_only
from tasks.staff.accounts import Account

staff = typer.Typer(no_args_is_help=True, help="The people who may sign in to the desk.")
Mail = Annotated[str, typer.Argument(help="the person's mail address")]
LOCAL = "http://127.0.0.1:8080"


@staff.command()
def init(
    who: Who,
    shop: Shop = None,
    name: Annotated[str, typer.Option(help="the admin's name \\[default: asked for]")] = "",
    mail: Annotated[str, typer.Option(help="the admin's mail address \\[default: asked for]")] = "",
    *,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="read the password from the first line of the input")
    ] = False,
    json: Json = False,
) -> None:
    """Make the first admin of the desk; an admin invites everybody else there."""
    from tasks.staff.accounts import add_person, set_password
    from tasks.staff.passwords import hash_password

    with open_app(shop, create=CreateLedger.ANYWHERE) as app:
        with read_only(app.context.engine) as connection:
            _check_first(connection)
        name, mail = _asked(name, "Name"), _checked_mail(_asked(mail, "Mail address"))
        password_hash = hash_password(_password(from_stdin=password_stdin))
        now = now_of(app).started_at
        with app.context.engine.begin() as connection:
            _check_first(connection)
            person = add_person(connection, name, mail, frozenset({Role.ADMIN}), now, who)
            set_password(connection, person.id, password_hash)
            _record(connection, now, who, "invite", person.id, f"made {name} the first admin")
        address = _desk(app)
    if json:
        printing.print_json({"person": {"id": person.id, "name": name, "mail": mail, "roles": ["admin"]}})
        return
    printing.out.print(f"{name} is an admin. `forewarn serve`, then sign in at {address}", markup=False)


@staff.command("list")
def list_them(shop: Shop = None, *, json: Json = False) -> None:
    """Show who may sign in."""
    from tasks.staff.accounts import list_accounts

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        rows = [_row(account) for account in list_accounts(connection)]
    if json:
        printing.print_json({"people": rows})
        return
    printing.print_table(rows, nothing="No one can sign in yet: `forewarn staff init` makes the first admin.")


@staff.command()
def reset(mail: Mail, who: Who, shop: Shop = None, *, json: Json = False) -> None:
    """Make a link with which a person sets a new password; it is shown only now, and works once within three days."""
    from tasks.staff.links import make_link, new_token

    with open_app(shop, create=CreateLedger.NEVER) as app:
        now, token = now_of(app).started_at, new_token()
        with app.context.engine.begin() as connection:
            person = _find(connection, mail).person
            ends_at = make_link(connection, person.id, token, now)
            what = f"made a link with which {person.name} sets a password"
            _record(connection, now, who, "password_link", person.id, what)
        url = f"{_desk(app)}/password/{token}"
    if json:
        printing.print_json({"url": url, "ends_at": ends_at})
        return
    printing.out.print(url, markup=False)


@staff.command()
def remove(
    mail: Mail, who: Who, shop: Shop = None, why: Annotated[str, typer.Option(help="reason; kept in the log")] = ""
) -> None:
    """Remove a person: they are signed out at once. What they did stays in the log."""
    from tasks.staff.accounts import remove_person
    from tasks.staff.sessions import end_sessions

    with open_app(shop, create=CreateLedger.NEVER) as app:
        now = now_of(app).started_at
        with app.context.engine.begin() as connection:
            person = remove_person(connection, _find(connection, mail).person.id, now).person
            end_sessions(connection, person.id)
            _record(connection, now, who, "remove", person.id, f"removed {person.name} from the desk", why)
    printing.out.print(f"{person.name} was removed.", markup=False)


def _row(account: Account) -> dict[str, object]:
    person = account.person
    roles = ", ".join(role for role in Role if role in person.roles)
    kind = "company" if account.subject else "password" if account.password_hash else "invited"
    return {"name": person.name, "mail": person.mail, "roles": roles, "sign_in": kind, "seen_at": account.seen_at}


def _check_first(connection: Connection) -> None:
    from tasks.staff.accounts import list_accounts

    admins = [account.person.name for account in list_accounts(connection) if account.is_admin]
    if admins:
        raise ForewarnError(
            f"{admins[0]} is an admin already and can invite others on the desk; `forewarn staff reset` makes a link "
            "for a forgotten password"
        )


def _find(connection: Connection, mail: str) -> Account:
    from tasks.staff.accounts import find_account

    account = find_account(connection, mail)
    if account is None:
        raise ForewarnError(
            f"nobody on the desk has the mail address {mail!r}; `forewarn staff list` shows who has one"
        )
    return account


def _asked(given: str, label: str) -> str:
    text = given.strip() or (input(f"{label}: ").strip() if sys.stdin.isatty() else "")
    if not text:
        option = "--name" if label == "Name" else "--mail"
        raise ForewarnError(f"{option} is missing; without a terminal nothing is asked for")
    return text


def _checked_mail(mail: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(mail, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ForewarnError(f"{mail!r} cannot be a mail address; one such as mara@shop.example.com is right") from error
    return mail.lower()


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ForewarnError("there is no terminal to ask for the password; `--password-stdin` reads it from the input")
    password = getpass.getpass("Password, 12 characters or more: ")
    if getpass.getpass("The same again: ") != password:
        raise ForewarnError("the two passwords differ; nothing was changed")
    return password


def _record(
    connection: Connection, now: datetime, who: str, kind: str, person_id: str, what: str, why: str = ""
) -> None:
    from tasks.staff.audit import record

    record(connection, at=now, who=who, kind=kind, subject_kind="person", subject=person_id, what=what, why=why)


def _desk(app: App) -> str:
    return f"{app.settings.desk_url or LOCAL}/desk"
