"""The versions of the policy: who changed what, two of them compared, and an earlier one used again."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from models.policy.policy import Policy
from models.staff import Right
from models.versions import BY_FILES, Area, Version, VersionState
from tasks.versions.history import PAGE, in_use, version, versions
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import Form
from web.staff.policy.changes import changes_between
from web.staff.policy.pages import FILE, POLICY, SUBJECT, effect_page, policy_now, read_text
from web.staff.policy.reading import Draft
from web.staff.policy.saving import MAX_NUMBER_DIGITS, approve_version, save, save_again, send_version_back
from web.staff.visit import Refused, Visit

STATES = {
    VersionState.WAITS: ("wait", "Waits for approval"),
    VersionState.IN_USE: ("good", "In use"),
    VersionState.REPLACED: ("calm", "Earlier"),
    VersionState.SENT_BACK: ("bad", "Sent back"),
}
CHANGED_BY_FILES = "changed in the shop's folder"
FOUND_FIRST = "as found in the shop's folder when the desk first looked"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the list."""

    number: int
    url: str
    kind: str
    state: str
    who: str
    at: str
    note: str
    compare: str
    """The address of the comparison with the version before; empty for the first."""


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of versions, and the acts on them."""
    one = "/policy/versions/{which}"
    return [
        StaffRoute("/policy/save", Right.PUBLISH, None, save),
        StaffRoute("/policy/versions", Right.SEE, show_versions),
        StaffRoute(one, Right.SEE, show_version, see_version, Right.PUBLISH),
        StaffRoute(f"{one}/use", Right.PUBLISH, None, save_again),
        StaffRoute(f"{one}/approve", Right.PUBLISH, None, approve_version),
        StaffRoute(f"{one}/send-back", Right.PUBLISH, None, send_version_back),
    ]


def show_versions(visit: Visit) -> Response:
    """Return the list of versions, the newest first."""
    after = visit.query("before")
    before = int(after) if after.isascii() and after.isdigit() and len(after) <= MAX_NUMBER_DIGITS else None
    with visit.reading() as connection:
        found = versions(connection, Area.POLICY, SUBJECT, before=before, limit=PAGE + 1)
    shown, more = found[:PAGE], found[PAGE:]
    here = desk_address(POLICY, "versions")
    return visit.page(
        "desk/policy_versions.html",
        title="Versions of the policy",
        rows=[_row(visit, one) for one in shown],
        next=desk_address(POLICY, "versions", before=shown[-1].number) if more else "",
        first=here if before else "",
        back=desk_address(POLICY),
    )


def _row(visit: Visit, found: Version) -> VersionRow:
    kind, state = STATES[found.state]
    previous = found.based_on
    pair = f"{previous}..{found.number}" if previous else ""
    return VersionRow(
        found.number,
        desk_address(POLICY, "versions", str(found.number)),
        kind,
        state,
        _who(found),
        visit.full_moment(found.at),
        found.note,
        desk_address(POLICY, "versions", pair) if pair else "",
    )


def _who(found: Version) -> str:
    who = found.author if found.author != BY_FILES else CHANGED_BY_FILES if found.based_on else FOUND_FIRST
    if found.approver and found.state != VersionState.SENT_BACK:
        return f"{who}, approved by {found.approver}"
    return who


def show_version(visit: Visit) -> Response:
    """Return a version beside the one in use; or two versions, named as `7..8`."""
    first, _, second = visit.path("which").partition("..")
    if second:
        return _compare(visit, _find(visit, first), _find(visit, second))
    found = _find(visit, first)
    with visit.reading() as connection:
        current = in_use(connection, Area.POLICY, SUBJECT)
    is_current = current is not None and current.number == found.number
    before = _find(visit, str(found.based_on)) if found.based_on else None
    compared = before if is_current or current is None else current
    kind, state = STATES[found.state]
    by = f"{_who(found)}, {visit.full_moment(found.at)}"
    is_other = not is_current and found.state != VersionState.WAITS
    heading = f"Compared with version {compared.number}" if compared else ""
    return visit.page(
        "desk/policy_version.html",
        title=f"Version {found.number} of the policy",
        kind=kind,
        state=state,
        about=by,
        note=found.note,
        reply=f"{found.approver}: {found.reply}" if found.reply else "",
        heading_of=heading,
        changes=_changes(compared, found) if compared else (),
        compared=compared is not None,
        action=visit.here,
        waits=found.state == VersionState.WAITS,
        button=f"See what using version {found.number} again does" if is_other else "",
        back=desk_address(POLICY, "versions"),
    )


def _compare(visit: Visit, first: Version, second: Version) -> Response:
    return visit.page(
        "desk/policy_version.html",
        title=f"Versions {first.number} and {second.number} of the policy",
        kind="",
        state="",
        about=f"Version {first.number}: {_who(first)}, {visit.full_moment(first.at)}. "
        f"Version {second.number}: {_who(second)}, {visit.full_moment(second.at)}.",
        note=second.note,
        reply="",
        heading_of=f"From version {first.number} to version {second.number}",
        changes=_changes(first, second),
        compared=True,
        action="",
        waits=False,
        button="",
        back=desk_address(POLICY, "versions"),
    )


def _changes(first: Version, second: Version) -> object:
    return changes_between(_policy_of(first), _policy_of(second))


def _policy_of(found: Version) -> Policy:
    return read_text(found.files.get(FILE) or "")


def _find(visit: Visit, number: str) -> Version:
    found = None
    if number.isascii() and number.isdigit() and len(number) <= MAX_NUMBER_DIGITS:
        with visit.reading() as connection:
            found = version(connection, Area.POLICY, SUBJECT, int(number))
    if found is None:
        raise Refused(
            "There is no such version of the policy.", links=((desk_address(POLICY, "versions"), "All versions"),)
        )
    return found


def see_version(visit: Visit, form: Form) -> Response:
    """Show what a version would do at the next run, and ask whether to use it; nothing is written."""
    found, now = _find(visit, visit.path("which")), policy_now(visit)
    policy = _policy_of(found)
    if policy == now.policy:
        raise Refused(f"Version {found.number} says the same as the policy in use.")
    here = desk_address(POLICY, "versions", str(found.number))
    draft = Draft(policy, found.files.get(FILE) or "")
    if found.state == VersionState.WAITS:
        is_own = found.is_by(visit.person.id)
        more = {
            "needs_second": False,
            "own": "You wrote this version: a second person approves it." if is_own else "",
            "send_back_at": f"{here}/send-back",
            "back": here,
        }
        button, title = f"Approve version {found.number}", f"Approve version {found.number}?"
        return effect_page(
            visit, now, draft, form=form, title=title, save_at=f"{here}/approve", button=button, more=more
        )
    number = (now.latest.number if now.latest else 1) + 1
    button = f"Use version {found.number} again, as version {number}"
    title = f"Use version {found.number} again?"
    return effect_page(
        visit, now, draft, form=form, title=title, save_at=f"{here}/use", button=button, more={"back": here}
    )
