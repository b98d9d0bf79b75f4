"""A person's own account: password, colours, where they are signed in, and what they did."""

from collections.abc import Sequence

from starlette.responses import Response

from models.staff import Right, Scheme
from tasks.staff.accounts import load_account, set_password, set_scheme
from tasks.staff.audit import entries, record
from tasks.staff.links import drop_links
from tasks.staff.passwords import fits, hash_password, password_problem
from tasks.staff.sessions import end_sessions, list_sessions
from tasks.staff.tries import count_try, forget_tries
from web.customer.visits import address_of
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute, TooManyTries
from web.staff.forms import NEW, Form
from web.staff.log import log_days
from web.staff.people import role_words
from web.staff.visit import Visit

SCHEMES = (
    (Scheme.SYSTEM.value, "System", "As your device: light by day, dark by night, if it does that."),
    (Scheme.LIGHT.value, "Light", ""),
    (Scheme.DARK.value, "Dark", ""),
)
MOST_ACTS = 10


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of the own account."""
    return [
        StaffRoute("/account", Right.OWN, show_account),
        StaffRoute("/account/password", Right.OWN, ask_password, change_password),
        StaffRoute("/account/colours", Right.OWN, ask_colours, choose_colours),
        StaffRoute("/account/sessions", Right.OWN, None, end_others),
    ]


def show_account(visit: Visit) -> Response:
    """Return the own account."""
    with visit.reading() as connection:
        sessions = list_sessions(connection, visit.person.id, visit.now)
        acts = entries(connection, who=visit.person.id, limit=MOST_ACTS)
        account = load_account(connection, visit.person.id)
    has_password = account is not None and account.password_hash is not None
    rows = [("Mail", visit.person.mail), ("Roles", role_words(visit.person.roles))]
    return visit.page(
        "desk/account.html",
        title="Your account",
        heading=visit.person.name,
        rows=rows,
        password_url=desk_address("account", "password") if has_password else "",
        colours_url=desk_address("account", "colours"),
        colours=next(label for value, label, _ in SCHEMES if value == visit.person.scheme),
        sessions=[
            (each.browser, visit.moment(each.seen_at), visit.moment(each.started_at), each.id == visit.session_id)
            for each in sessions
        ],
        end_action=desk_address("account", "sessions") if len(sessions) > 1 else "",
        days=log_days(visit, acts),
        log_url=desk_address("log", who=visit.person.id),
    )


def ask_password(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks for the old and the new password."""
    back = desk_address("account")
    return visit.page(
        "desk/account_password.html", title="Change your password", form=form, action=visit.here, back=back
    )


def change_password(visit: Visit, form: Form) -> Response:
    """Change the own password, and end the person's other sessions."""
    mail, address = visit.person.mail, address_of(visit.request)
    tried = count_try(visit.context.engine, mail, address, visit.now)
    if tried.free_at is not None:
        seconds = max(1, round((tried.free_at - visit.now).total_seconds()))
        raise TooManyTries(seconds, visit.desk.wait_sentence(seconds))
    with visit.reading() as connection:
        account = load_account(connection, visit.person.id)
    if not fits(form.password("old"), account.password_hash if account else None):
        form.wrong("old", "This is not your password.")
    else:
        forget_tries(visit.context.engine, mail, address, tried)
    if problem := password_problem(form.password("new")):
        form.wrong("new", problem)
    if form.errors:
        return ask_password(visit, form)
    password_hash = hash_password(form.password("new"))
    with visit.writing() as connection:
        set_password(connection, visit.person.id, password_hash)
        # Whoever found a link of theirs could set another one.
        drop_links(connection, visit.person.id)
        end_sessions(connection, visit.person.id, but=visit.session_id)
        entry = record(
            connection,
            **visit.act(form),
            kind="password",
            subject_kind="person",
            subject=visit.person.id,
            what="changed your own password",
        )
    return visit.done(desk_address("account"), entry)


def ask_colours(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks for light or dark colours."""
    return visit.page(
        "desk/account_colours.html",
        title="Choose your colours",
        form=form,
        action=visit.here,
        back=desk_address("account"),
        schemes=SCHEMES,
        chosen=[visit.person.scheme],
    )


def choose_colours(visit: Visit, form: Form) -> Response:
    """Store which colours a person wants."""
    if form.text("scheme") not in list(Scheme):
        form.wrong("scheme", "Choose one of the three.")
        return ask_colours(visit, form)
    with visit.writing() as connection:
        set_scheme(connection, visit.person.id, Scheme(form.text("scheme")))
    return visit.see(desk_address("account"))


def end_others(visit: Visit, form: Form) -> Response:
    """Sign the person out everywhere else."""
    with visit.writing() as connection:
        ended = end_sessions(connection, visit.person.id, but=visit.session_id)
        entry = record(
            connection,
            **visit.act(form),
            kind="sign_out",
            subject_kind="person",
            subject=visit.person.id,
            what=f"signed out in {ended} other {'browser' if ended == 1 else 'browsers'}",
        )
    return visit.done(desk_address("account"), entry)
