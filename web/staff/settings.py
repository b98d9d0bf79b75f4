"""Settings that an admin sees on the desk: the brand to try, keys of the API, and the webhook."""

from collections.abc import Sequence

from starlette.responses import Response

from models.enums import State
from models.errors import ForewarnError
from models.staff import Right
from tasks.customers.webhook_review import list_webhook_events, queue_again
from tasks.staff.audit import record
from tasks.staff.keys import ApiKey, list_keys, load_key, make_key, revoke_key
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.visit import Refused, Visit

MAX_NAME_CHARS = 60
MOST_EVENTS = 20
KEYS, WEBHOOK = ("settings", "keys"), ("settings", "webhook")
EVENT_WORDS = {
    "choice.requested": "A customer chose",
    "choice.undone": "A customer took a choice back",
    "choice.replaced": "A later choice took its place",
    "choice.done": "The shop did it",
    "choice.refused": "The shop refused it",
}
STATE_CHIPS = {
    State.QUEUED: ("calm", "Waits"),
    State.SENDING: ("calm", "Being sent"),
    State.SENT: ("good", "Taken"),
    State.REJECTED: ("bad", "Given up"),
    State.SKIPPED: ("calm", "Dropped"),
}


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of the settings."""
    admin = Right.ADMINISTER
    return [
        StaffRoute("/settings", admin, show_settings),
        StaffRoute("/settings/keys", admin, show_keys),
        StaffRoute("/settings/keys/new", admin, ask_key, create_key, repeats=True),
        StaffRoute("/settings/keys/{key}/revoke", admin, ask_revoke, revoke),
        StaffRoute("/settings/webhook", admin, show_webhook),
        StaffRoute("/settings/webhook/test", admin, ask_test, send_test),
        StaffRoute("/settings/webhook/{event}/again", admin, ask_again, send_again),
    ]


def show_settings(visit: Visit) -> Response:
    """Return what can be set, and where the rest is."""
    company = visit.desk.services.company
    links = [
        (
            desk_address("settings", "brand"),
            "Brand",
            "Try a colour, a logo or the legal footer.",
        ),
        (desk_address(*KEYS), "Keys of the API", "For ticket systems and your own order pages."),
        (desk_address(*WEBHOOK), "Webhook", "What your systems were told of customers' choices."),
    ]
    rows = [
        ("Shop", visit.context.shop.name),
        ("Time zone", visit.context.shop.zone),
        ("Sign-in", f"Mail and password, or {company.name}" if company else "Mail and password"),
    ]
    return visit.page("desk/settings.html", title="Settings", sections=links, rows=rows)


def show_keys(visit: Visit) -> Response:
    """Return the keys of the API."""
    with visit.reading() as connection:
        keys = list_keys(connection)
    return visit.page(
        "desk/keys.html",
        title="Keys of the API",
        rows=[_key_row(visit, key) for key in keys],
        fixed=visit.desk.services.settings_keys,
        new_url=desk_address(*KEYS, "new"),
        back=desk_address("settings"),
    )


def ask_key(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks what a new key is for."""
    back = desk_address(*KEYS)
    return visit.page("desk/key_new.html", title="Make a key", form=form, action=visit.here, back=back)


def create_key(visit: Visit, form: Form) -> Response:
    """Make a key, and show it once."""
    key = f"fw_{visit.signer.secret(form.id)}"
    if form.done is None:
        name = form.needed("name", "Enter what the key is for.")
        if len(name) > MAX_NAME_CHARS:
            form.wrong("name", f"At most {MAX_NAME_CHARS} characters.")
        if form.errors:
            return ask_key(visit, form)
        with visit.writing() as connection:
            key_id = make_key(connection, name, key, visit.now, visit.person.name)
            record(
                connection,
                **visit.act(form),
                kind="key_made",
                subject_kind="key",
                subject=key_id,
                what=f"made a key of the API for {name}",
            )
    return visit.page("desk/key_made.html", title="Your new key", key=key, back=desk_address(*KEYS))


def ask_revoke(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to revoke a key."""
    key = _find_key(visit)
    if key is None:
        return visit.not_found("There is no such key.")
    if key.revoked_at is not None:
        raise _revoked(visit, key)
    back = desk_address(*KEYS)
    title = f"Revoke the key for {key.name}"
    return visit.page("desk/key_revoke.html", title=title, form=form, action=visit.here, back=back, name=key.name)


def revoke(visit: Visit, form: Form) -> Response:
    """Revoke a key."""
    key = _find_key(visit)
    if key is None:
        return visit.not_found("There is no such key.")
    with visit.writing() as connection:
        if not revoke_key(connection, key.id, visit.now, visit.person.name):
            raise _revoked(visit, load_key(connection, key.id) or key)
        entry = record(
            connection,
            **visit.act(form),
            kind="key_revoked",
            subject_kind="key",
            subject=key.id,
            what=f"revoked the key of the API for {key.name}",
            why=form.text("why"),
        )
    return visit.done(desk_address(*KEYS), entry)


def show_webhook(visit: Visit) -> Response:
    """Return the last events, and what became of each."""
    return visit.page(
        "desk/webhook.html",
        title="Webhook",
        host=visit.desk.services.webhook_host,
        rows=[_event_row(visit, event) for event in list_webhook_events(visit.context, MOST_EVENTS)],
        test_url=desk_address(*WEBHOOK, "test"),
        back=desk_address("settings"),
    )


def ask_test(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to send a test."""
    host = visit.desk.services.webhook_host
    if visit.desk.services.send_test is None:
        raise Refused("No webhook is set: FOREWARN_WEBHOOK_URL is the address that is told of choices.")
    back = desk_address(*WEBHOOK)
    return visit.page("desk/webhook_test.html", title="Send a test", form=form, action=visit.here, back=back, host=host)


def send_test(visit: Visit, form: Form) -> Response:
    """Send a test event at once, and say what became of it."""
    send = visit.desk.services.send_test
    if send is None:
        raise Refused("No webhook is set: FOREWARN_WEBHOOK_URL is the address that is told of choices.")
    outcome = send()
    with visit.writing() as connection:
        entry = record(
            connection,
            **visit.act(form),
            kind="webhook_test",
            subject_kind="webhook",
            subject=visit.desk.services.webhook_host,
            what=f"sent a test to the webhook, and it {outcome}",
        )
    return visit.done(desk_address(*WEBHOOK), entry)


def ask_again(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to send an event again."""
    title, back = "Send this event again", desk_address(*WEBHOOK)
    event = visit.path("event")
    return visit.page("desk/webhook_again.html", title=title, form=form, action=visit.here, back=back, event=event)


def send_again(visit: Visit, form: Form) -> Response:
    """Queue an event again."""
    back = desk_address(*WEBHOOK)
    if not visit.context.has_webhook:
        raise Refused("No webhook is set: FOREWARN_WEBHOOK_URL is the address that is told of choices.")
    try:
        with visit.writing() as connection:
            (event,) = queue_again(connection, [visit.path("event")], visit.now, visit.person.name)
            entry = record(
                connection,
                **visit.act(form),
                kind="webhook_again",
                subject_kind="webhook",
                subject=event,
                what=f"sent event {event[:8]} to the webhook again",
                why=form.text("why"),
            )
    except (ForewarnError, ValueError) as error:
        raise Refused("This event waits to be sent, or does not exist.", links=[(back, "The webhook")]) from error
    return visit.done(back, entry)


def _find_key(visit: Visit) -> ApiKey | None:
    with visit.reading() as connection:
        return load_key(connection, visit.path("key"))


def _revoked(visit: Visit, key: ApiKey) -> Refused:
    when = visit.full_moment(key.revoked_at) if key.revoked_at else "before"
    return Refused(f"{key.revoked_by} revoked this key, {when}.", links=[(desk_address(*KEYS), "Keys of the API")])


def _key_row(visit: Visit, key: ApiKey) -> dict[str, str]:
    is_used = key.revoked_at is None
    return {
        "name": key.name,
        "made": f"{visit.full_moment(key.created_at)}, by {key.created_by}",
        "revoked": f"Revoked {visit.full_moment(key.revoked_at)}, by {key.revoked_by}" if key.revoked_at else "",
        "url": desk_address(*KEYS, key.id, "revoke") if is_used else "",
    }


def _event_row(visit: Visit, event: dict[str, object]) -> dict[str, object]:
    state, next_at, created = State(str(event["state"])), event["next_try_at"], event["created_at"]
    kind, word = STATE_CHIPS.get(state, ("wait", "May or may not have arrived"))
    has_failed = state is State.QUEUED and bool(event["tries"])
    if has_failed:
        kind, word = "wait", "Not taken yet"
    can_repeat = has_failed or state not in (State.QUEUED, State.SENDING)
    return {
        "id": str(event["event"])[:8],
        "what": EVENT_WORDS.get(str(event["type"]), str(event["type"])),
        "choice": event["choice"],
        "at": visit.moment(created),  # type: ignore[arg-type]
        "kind": kind,
        "word": word,
        "tries": event["tries"],
        "reason": str(event["reason"] or ""),
        "next": visit.moment(next_at) if next_at else "",  # type: ignore[arg-type]
        "url": desk_address(*WEBHOOK, str(event["event"]), "again") if can_repeat else "",
    }
