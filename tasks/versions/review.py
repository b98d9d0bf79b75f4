"""Approve a version that waits for a second person, or send it back."""

from sqlalchemy import Connection, update

from models.errors import ForewarnError
from models.versions import Author, Files, Version, VersionState
from tasks.db.sql import AdvisoryLock, lock
from tasks.tables import SHOP_VERSIONS
from tasks.versions.history import in_use, version
from tasks.versions.record import ChangedOutside, SavedMeanwhile, digest_of, replace


class OwnVersion(ForewarnError):
    """Raised where somebody approves what they wrote themselves."""

    def __init__(self) -> None:
        super().__init__("a second person must approve it: you wrote this version yourself")


class NotWaiting(ForewarnError):
    """Raised for a version that does not wait any more, or never did; `now` is the version as it is."""

    def __init__(self, now: Version) -> None:
        super().__init__(f"version {now.number} does not wait for approval")
        self.now = now


def approve(
    connection: Connection, area: str, subject: str, number: int, *, act: Author, compared_with: int, on_disk: Files
) -> Version:
    """Bring a version that waits into use; its files are to be written at the end of this transaction.

    `compared_with` is the version in use that the person saw. Raises OwnVersion, NotWaiting, SavedMeanwhile or
    ChangedOutside.
    """
    found = _waiting(connection, area, subject, number)
    if found.is_by(act.person_id):
        raise OwnVersion
    current = in_use(connection, area, subject)
    if current is None or current.digest != digest_of(on_disk):
        raise ChangedOutside
    if current.number != compared_with:
        raise SavedMeanwhile(current)
    replace(connection, area, subject, VersionState.IN_USE)
    return _decide(connection, found, VersionState.IN_USE, act, "")


def send_back(connection: Connection, area: str, subject: str, number: int, *, act: Author, reply: str) -> Version:
    """Send a version that waits back to its author, with a note. Raises NotWaiting."""
    return _decide(connection, _waiting(connection, area, subject, number), VersionState.SENT_BACK, act, reply)


def _waiting(connection: Connection, area: str, subject: str, number: int) -> Version:
    lock(connection, AdvisoryLock.VERSIONS)
    found = version(connection, area, subject, number)
    if found is None:
        raise ForewarnError(f"there is no version {number}")
    if found.state != VersionState.WAITS:
        raise NotWaiting(found)
    return found


def _decide(connection: Connection, found: Version, state: VersionState, act: Author, reply: str) -> Version:
    decided = {
        "state": state,
        "approver": act.name,
        "approver_id": act.person_id,
        "approved_at": act.at,
        "reply": reply,
    }
    connection.execute(update(SHOP_VERSIONS).where(SHOP_VERSIONS.c.id == found.id).values(decided))
    now = version(connection, found.area, found.subject, found.number)
    return now or found
