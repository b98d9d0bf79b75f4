"""Save the policy as a new version, use an earlier one again, approve one that waits, or send it back."""

from collections.abc import Callable

from sqlalchemy import Connection
from starlette.responses import Response

from app.shop_edits import ShopEdits
from models.errors import ForewarnError
from models.staff import AuditEntry, Right
from models.versions import Area, Author, Files, Version, VersionState
from tasks.db.sql import AdvisoryLock, lock
from tasks.staff.audit import AlreadyDone, AlreadyUndone, mark_undone, record
from tasks.versions.history import newest
from tasks.versions.record import ChangedOutside, SavedMeanwhile, adopt, digest_of, propose, use_again
from tasks.versions.review import approve, send_back
from web.staff.addresses import desk_address
from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.policy.changes import changes_between
from web.staff.policy.pages import (
    FILE,
    NOT_HERE,
    POLICY,
    SUBJECT,
    message_names,
    policy_now,
    see_changes,
)
from web.staff.policy.reading import read_draft
from web.staff.undo import UNDO, UNDO_RIGHTS
from web.staff.visit import Refused, Visit

SAVED = "policy_saved"
MAX_NUMBER_DIGITS = 9
LOOK_AGAIN = ((desk_address(POLICY), "See the policy as it is now"),)


def save(visit: Visit, form: Form) -> Response:
    """Save what the form has as a new version; where the policy asks for it, a second person approves it first."""
    now = policy_now(visit)
    draft = read_draft(form, now.policy, now.text, message_names(visit, now.policy))
    if draft is None:
        return see_changes(visit, form)
    changes = changes_between(now.policy, draft.policy)
    before = {one.words: one.before for one in changes}
    after = {one.words: one.after for one in changes}

    def work(connection: Connection, author: Author, on_disk: Files) -> Version:
        return propose(
            connection,
            Area.POLICY,
            SUBJECT,
            {FILE: draft.text},
            act=author,
            note=form.text("why"),
            based_on=_based_on(connection),
            needs_second=now.policy.approval.policy,
            on_disk=on_disk,
        )

    return _done(visit, form, work, "", before=before, after=after)


def save_again(visit: Visit, form: Form) -> Response:
    """Make a new version of an earlier one."""
    now, number = policy_now(visit), _number(visit)

    def work(connection: Connection, author: Author, on_disk: Files) -> Version:
        return use_again(
            connection,
            Area.POLICY,
            SUBJECT,
            number,
            act=author,
            note=form.text("why"),
            based_on=_based_on(connection),
            needs_second=now.policy.approval.policy,
            on_disk=on_disk,
        )

    return _done(visit, form, work, f", which is version {number} again")


def approve_version(visit: Visit, form: Form) -> Response:
    """Bring a version that waits into use."""
    number = _number(visit)

    def work(connection: Connection, author: Author, on_disk: Files) -> Version:
        current = adopt(connection, Area.POLICY, SUBJECT, on_disk, author.at)
        return approve(
            connection, Area.POLICY, SUBJECT, number, act=author, compared_with=current.number, on_disk=on_disk
        )

    return _done(visit, form, work, "", verb="approved")


def send_version_back(visit: Visit, form: Form) -> Response:
    """Send a version that waits back to its author."""
    number = _number(visit)
    with visit.writing() as connection:
        try:
            act = _author(visit)
            version = send_back(connection, Area.POLICY, SUBJECT, number, act=act, reply=form.text("why"))
        except ForewarnError as error:
            raise Refused(sentence(str(error)), links=LOOK_AGAIN) from error
        entry = record(
            connection,
            **visit.act(form),
            kind="policy_sent_back",
            subject_kind=POLICY,
            subject=SUBJECT,
            what=f"sent version {version.number} of the policy back to {version.author}",
            why=form.text("why"),
        )
    return visit.done(desk_address(POLICY, "versions", str(number)), entry)


Work = Callable[[Connection, Author, Files], Version]


def _done(
    visit: Visit,
    form: Form,
    work: Work,
    addition: str,
    *,
    verb: str = "",
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> Response:
    """Save by `work` in one transaction with the entry of the log, and say what was done."""
    edits = _edits(visit)
    try:
        with edits.saving(visit.context.engine) as saving:
            connection = saving.connection
            lock(connection, AdvisoryLock.VERSIONS)  # what the file says is read while nobody else saves
            on_disk = edits.read([FILE])
            _check_seen(connection, form, on_disk)
            before_number = adopt(connection, Area.POLICY, SUBJECT, on_disk, visit.now).number
            version = work(connection, _author(visit), on_disk)
            waits = version.state == VersionState.WAITS
            said = verb or ("asked for approval of" if waits else "saved")
            entry = record(
                connection,
                **visit.act(form),
                kind="policy_asked" if waits else SAVED,
                subject_kind=POLICY,
                subject=SUBJECT,
                what=f"{said} version {version.number} of the policy{addition}",
                why=form.text("why"),
                before={"version": before_number, **(before or {})},
                after={"version": version.number, **(after or {})},
            )
            if not waits:
                saving.write(version.files)
    except AlreadyDone:
        raise
    except ForewarnError as error:
        raise Refused(sentence(str(error)), links=LOOK_AGAIN) from error
    return visit.done(desk_address(POLICY, "versions"), entry)


def _edits(visit: Visit) -> ShopEdits:
    edits = visit.desk.services.edits
    if edits is None or edits.refusal:
        raise Refused(edits.refusal if edits else NOT_HERE)
    return edits


def _number(visit: Visit) -> int:
    number = visit.path("which")
    if not number.isascii() or not number.isdigit() or len(number) > MAX_NUMBER_DIGITS:
        raise Refused("There is no such version of the policy.", links=LOOK_AGAIN)
    return int(number)


def _author(visit: Visit) -> Author:
    return Author(visit.person.name, visit.person.id, visit.now)


def _check_seen(connection: Connection, form: Form, on_disk: Files) -> None:
    """Raise SavedMeanwhile or ChangedOutside where the policy is not the one that the form was made from."""
    latest = newest(connection, Area.POLICY, SUBJECT)
    if latest is not None and str(latest.number) != form.text("base"):
        raise SavedMeanwhile(latest)
    if digest_of(on_disk) != form.text("digest"):
        raise ChangedOutside


def _based_on(connection: Connection) -> int:
    latest = newest(connection, Area.POLICY, SUBJECT)
    return latest.number if latest else 0


def undo_saving(visit: Visit, entry: AuditEntry, form: Form) -> int:
    """Use the version again that was in use before an act, if nothing was saved since."""
    edits = _edits(visit)
    if policy_now(visit).policy.approval.policy:
        raise Refused("A second person approves the policy here: use the earlier version again, and ask for approval.")
    try:
        with edits.saving(visit.context.engine) as saving:
            connection = saving.connection
            lock(connection, AdvisoryLock.VERSIONS)
            version = use_again(
                connection,
                Area.POLICY,
                SUBJECT,
                int(entry.before["version"]),
                act=_author(visit),
                note=form.text("why"),
                based_on=int(entry.after["version"]),
                needs_second=False,
                on_disk=edits.read([FILE]),
            )
            number = record(
                connection,
                **visit.act(form),
                kind=f"{SAVED}_undone",
                subject_kind=POLICY,
                subject=SUBJECT,
                what=f"undid version {entry.after['version']} of the policy by version {version.number}",
                why=form.text("why"),
                undoes=entry.id,
            )
            mark_undone(connection, entry.id, number)
            saving.write(version.files)
    except (AlreadyDone, AlreadyUndone):
        raise
    except ForewarnError as error:
        raise Refused(f"This cannot be undone any more: {sentence(str(error))}", links=LOOK_AGAIN) from error
    return number


UNDO[SAVED] = undo_saving
UNDO_RIGHTS[SAVED] = Right.PUBLISH
