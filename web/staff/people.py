"""Who may sign in: invite a person, change their roles, make a link for a new password, and remove them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection
from starlette.responses import Response

from models.errors import ForewarnError
from models.staff import Person, Right, Role
from tasks.staff.accounts import (
    Account,
    add_person,
    change_roles,
    find_account,
    list_accounts,
    load_account,
    remove_person,
)
from tasks.staff.audit import record
from tasks.staff.links import make_link
from tasks.staff.sessions import end_sessions
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.invitations import mail_link
from web.staff.visit import Refused, Visit

MAX_NAME_CHARS = 80
MIN_ADMINS = 2
WHAT_ROLES_DO = {
    Role.READ: "See the desk: orders, stories and numbers, with addresses masked.",
    Role.SERVICE: "Also show addresses, and act on orders, messages, held runs and vendors.",
    Role.MARKETING: "Write and approve posts, change words and the policy.",
    Role.ADMIN: "All of this, and people, keys, webhooks and the whole log.",
}
WHAT_RIGHTS_DO = {
    Right.SEE: "see the desk",
    Right.ACT: "act on orders, messages, held runs and vendors, and show addresses",
    Right.PUBLISH: "write and approve posts, change words and the policy",
    Right.ADMINISTER: "invite and remove people, make keys, change settings and read the whole log",
}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A row of the list of people."""

    url: str
    name: str
    mail: str
    roles: str
    seen: str
    kind: str
    """How the person signs in."""
    is_me: bool


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages about people."""
    return [
        StaffRoute("/people", Right.ADMINISTER, show_people),
        StaffRoute("/people/invite", Right.ADMINISTER, ask_invite, invite, repeats=True),
        StaffRoute("/people/{person}", Right.ADMINISTER, show_person),
        StaffRoute("/people/{person}/roles", Right.ADMINISTER, ask_roles, set_roles),
        StaffRoute("/people/{person}/link", Right.ADMINISTER, ask_link, send_link, repeats=True),
        StaffRoute("/people/{person}/remove", Right.ADMINISTER, ask_removal, remove),
    ]


def show_people(visit: Visit) -> Response:
    """Return the list of people."""
    with visit.reading() as connection:
        accounts = list_accounts(connection)
    rows = [_row(visit, account) for account in accounts]
    admins = sum(account.is_admin for account in accounts)
    warning = "" if admins >= MIN_ADMINS else "There is only one admin. Invite a second one, who can help you back in."
    invite_url = desk_address("people", "invite")
    return visit.page("desk/people.html", title="People", rows=rows, warning=warning, invite_url=invite_url)


def ask_invite(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whom to invite."""
    return visit.page(
        "desk/people_invite.html",
        title="Invite a person",
        form=form,
        action=visit.here,
        back=desk_address("people"),
        roles=_role_options(),
    )


def invite(visit: Visit, form: Form) -> Response:
    """Invite a person, and show the link once."""
    token = visit.signer.secret(form.id)
    if form.done is not None:
        return _show_link(visit, form.done.subject, token)
    name, mail, roles = form.needed("name", "Enter a name."), form.text("mail").lower(), _chosen(form)
    if len(name) > MAX_NAME_CHARS:
        form.wrong("name", f"A name has {MAX_NAME_CHARS} characters at most.")
    if problem := _mail_problem(visit, mail):
        form.wrong("mail", problem)
    if not roles:
        form.wrong("roles", "Choose at least one role.")
    if form.errors:
        return ask_invite(visit, form)
    with visit.writing() as connection:
        person = add_person(connection, name, mail, roles, visit.now, visit.person.name)
        make_link(connection, person.id, token, visit.now)
        record(
            connection,
            **visit.act(form),
            kind="invite",
            subject_kind="person",
            subject=person.id,
            what=f"invited {name} as {role_words(roles)}",
            after={"roles": sorted(roles)},
        )
    return _show_link(visit, person.id, token, is_new=True)


def show_person(visit: Visit) -> Response:
    """Return a person's page: their roles, to be changed, and what else can be done."""
    account = _find(visit)
    if account is None:
        return _missing(visit)
    person = account.person
    base = ("people", person.id)
    return visit.page(
        "desk/person.html",
        title=person.name,
        row=_row(visit, account),
        invited=f"{visit.full_moment(account.created_at)}, by {account.created_by}",
        action=desk_address(*base, "roles"),
        roles=_role_options(),
        chosen=sorted(person.roles),
        link_url=desk_address(*base, "link"),
        remove_url="" if person.id == visit.person.id else desk_address(*base, "remove"),
        log_url=desk_address("log", who=person.id),
        back=desk_address("people"),
    )


def ask_roles(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that says what a change of roles gives and takes."""
    account = _find(visit)
    if account is None:
        return _missing(visit)
    wanted = _roles(visit.request.query_params.getlist("roles")) if form is NEW else _chosen(form)
    back = desk_address("people", account.person.id)
    if wanted == account.person.roles:
        raise Refused(f"{account.person.name} has these roles already.", links=[(back, "Back")])
    before, after = _rights(account.person.roles), _rights(wanted)
    return visit.page(
        "desk/person_roles.html",
        title=f"Change the roles of {account.person.name}",
        form=form,
        action=visit.here,
        back=back,
        roles=[role.value for role in Role if role in wanted],
        old=role_words(account.person.roles),
        new=role_words(wanted),
        gained=[WHAT_RIGHTS_DO[right] for right in WHAT_RIGHTS_DO if right in after - before],
        lost=[WHAT_RIGHTS_DO[right] for right in WHAT_RIGHTS_DO if right in before - after],
    )


def set_roles(visit: Visit, form: Form) -> Response:
    """Change a person's roles, and end their sessions."""
    account, roles = _find(visit), _chosen(form)
    if account is None:
        return _missing(visit)
    person = account.person
    _check_not_oneself(visit, person, loses=Role.ADMIN not in roles)
    with visit.writing() as connection:
        before = _or_refuse(lambda: change_roles(connection, person.id, roles))
        end_sessions(connection, person.id, but=visit.session_id)
        entry = record(
            connection,
            **visit.act(form),
            kind="roles",
            subject_kind="person",
            subject=person.id,
            what=f"changed the roles of {person.name} from {role_words(before.person.roles)} to {role_words(roles)}",
            why=form.text("why"),
            before={"roles": sorted(before.person.roles)},
            after={"roles": sorted(roles)},
        )
    return visit.done(desk_address("people", person.id), entry)


def ask_link(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to make a link for a new password."""
    account = _find(visit)
    if account is None:
        return _missing(visit)
    return visit.page(
        "desk/person_link.html",
        title=f"Make a link for {account.person.name}",
        form=form,
        action=visit.here,
        back=desk_address("people", account.person.id),
        name=account.person.name,
        is_new=not account.can_sign_in,
    )


def send_link(visit: Visit, form: Form) -> Response:
    """Make a link for a new password, and show it once."""
    account, token = _find(visit), visit.signer.secret(form.id)
    if account is None:
        return _missing(visit)
    if form.done is None:
        with visit.writing() as connection:
            make_link(connection, account.person.id, token, visit.now)
            record(
                connection,
                **visit.act(form),
                kind="password_link",
                subject_kind="person",
                subject=account.person.id,
                what=f"made a link with which {account.person.name} sets a password",
            )
        return _show_link(visit, account.person.id, token, is_new=not account.can_sign_in)
    return _show_link(visit, account.person.id, token)


def ask_removal(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to remove a person."""
    account = _find(visit)
    if account is None:
        return _missing(visit)
    _check_not_oneself(visit, account.person, loses=True)
    return visit.page(
        "desk/person_remove.html",
        title=f"Remove {account.person.name}",
        form=form,
        action=visit.here,
        back=desk_address("people", account.person.id),
        name=account.person.name,
    )


def remove(visit: Visit, form: Form) -> Response:
    """Remove a person, and end their sessions."""
    account = _find(visit)
    if account is None:
        return _missing(visit)
    person = account.person
    _check_not_oneself(visit, person, loses=True)
    with visit.writing() as connection:
        _or_refuse(lambda: remove_person(connection, person.id, visit.now))
        end_sessions(connection, person.id)
        entry = record(
            connection,
            **visit.act(form),
            kind="remove",
            subject_kind="person",
            subject=person.id,
            what=f"removed {person.name} from the desk",
            why=form.text("why"),
            before={"roles": sorted(person.roles)},
        )
    return visit.done(desk_address("people"), entry)


def role_words(roles: frozenset[Role]) -> str:
    """Return roles in words: `service and marketing`."""
    names = [role.value for role in Role if role in roles]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "no role"


def _row(visit: Visit, account: Account) -> PersonRow:
    person = account.person
    kind = "Company sign-in" if account.subject else "Password" if account.password_hash else "Invited, not yet here"
    seen = visit.moment(account.seen_at) if account.seen_at else "Never"
    address = desk_address("people", person.id)
    return PersonRow(address, person.name, person.mail, role_words(person.roles), seen, kind, person == visit.person)


def _role_options() -> list[tuple[str, str, str]]:
    return [(role.value, role.value.capitalize(), text) for role, text in WHAT_ROLES_DO.items()]


def _roles(given: Sequence[str]) -> frozenset[Role]:
    return frozenset(role for role in Role if role in given)


def _chosen(form: Form) -> frozenset[Role]:
    return _roles(form.all("roles"))


def _rights(roles: frozenset[Role]) -> frozenset[Right]:
    probe = Person("", "", "", roles)
    return frozenset(right for right in WHAT_RIGHTS_DO if probe.may(right))


def _mail_problem(visit: Visit, mail: str) -> str:
    try:
        validate_email(mail, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return "Enter a mail address, such as mara@shop.example.com."
    with visit.reading() as connection:
        taken = find_account(connection, mail)
    return f"{taken.person.name} has this mail address." if taken else ""


def _find(visit: Visit) -> Account | None:
    with visit.reading() as connection:
        return _load(connection, visit)


def _load(connection: Connection, visit: Visit) -> Account | None:
    return load_account(connection, visit.path("person"))


def _missing(visit: Visit) -> Response:
    return visit.not_found("This person is not on the desk, or was removed.")


def _check_not_oneself(visit: Visit, person: Person, *, loses: bool) -> None:
    if loses and person.id == visit.person.id:
        back = [(desk_address("people", person.id), "Back")]
        raise Refused("You cannot remove yourself, or give up the role admin. Ask another admin.", links=back)


def _or_refuse(act: Callable[[], Account]) -> Account:
    try:
        return act()
    except ForewarnError as error:
        text = str(error)
        raise Refused(
            f"{text[0].upper()}{text[1:]}. Nothing was changed.", links=[(desk_address("people"), "People")]
        ) from error


def _show_link(visit: Visit, person_id: str, token: str, *, is_new: bool | None = None) -> Response:
    """Show a link once, and mail it where `is_new` says for whom: a new person, or one with an account."""
    with visit.reading() as connection:
        account = load_account(connection, person_id)
    if account is None:
        return _missing(visit)
    link = visit.origin + desk_address("password", token)
    was_mailed, mailed = (False, "") if is_new is None else mail_link(visit, account.person, link, is_new=is_new)
    return visit.page(
        "desk/person_link_made.html",
        title=f"A link for {account.person.name}",
        name=account.person.name,
        mail=account.person.mail,
        link=link,
        mailed=mailed,
        was_mailed=was_mailed,
        back=desk_address("people"),
    )
