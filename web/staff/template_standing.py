"""How a message's words stand: in the files, in the versions, and in a form that is being filled in."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from app.shop_edits import Saving
from models.versions import BY_FILES, Area, Author, Version, VersionState
from tasks.orders.due import recheck_message
from tasks.staff.audit import record
from tasks.versions.history import in_use, newest, waiting
from tasks.versions.record import adopt, is_as_recorded
from templates.rendering import frames
from templates.rendering.drafts import Words, all_messages
from web.staff.addresses import desk_address
from web.staff.forms import Form
from web.staff.template_words import field_of, quoted_title
from web.staff.visit import Visit

SAVED, PROPOSED = "words_saved", "words_proposed"
"""Kinds of entries of the log."""
KEPT = "\n\t\u200c\u200d\u00ad\u00a0\u2009\u202f"
"""Signs that Python calls not printable and words need: joiners, soft hyphens, and the narrow spaces of French."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in use, what waits, and what is the newest version."""

    used: Version | None
    waits: Version | None
    newest: Version | None
    files: Mapping[str, str | None]
    """As the shop's folder has them."""


def put_in_use(saving: Saving, visit: Visit, words: Words, made: Version) -> None:
    """Write the files of a version, and have what waits in the old words checked again before it leaves."""
    is_frame = words.message in frames.FILES
    for message in all_messages(visit.context.policy) if is_frame else [words.sent_as]:
        recheck_message(saving.connection, message)
    saving.write(made.files)
    visit.desk.services.words_changed()


def log(visit: Visit, form: Form, connection: Connection, words: Words, made: Version, why: str) -> int:
    """Record in the log that a version was saved, or proposed."""
    what = quoted_title(words, visit.context.policy)
    is_used = made.state is VersionState.IN_USE
    return record(
        connection,
        **visit.act(form),
        kind=SAVED if is_used else PROPOSED,
        subject_kind="template",
        subject=words.message,
        what=f"saved version {made.number} of {what}"
        if is_used
        else f"proposed version {made.number} of {what}; it waits for a second person",
        why=why,
        after={"version": made.number, "language": words.language},
    )


def author_of(visit: Visit) -> Author:
    """Return who acts."""
    return Author(visit.person.name, visit.person.id, visit.now)


def look_at(visit: Visit, words: Words) -> Standing:
    """Return how a message stands; what was changed outside the desk is recorded as a version made by the files."""
    edits = visit.desk.services.edits
    files = edits.read(words.files) if edits else dict.fromkeys(words.files)
    with visit.reading() as connection:
        is_known = is_as_recorded(connection, Area.WORDS, words.subject, files)
    if not is_known and edits and not edits.refusal:
        with visit.writing() as connection:
            adopt(connection, Area.WORDS, words.subject, edits.read(words.files), visit.now)
    with visit.reading() as connection:
        found = (Area.WORDS, words.subject)
        return Standing(in_use(connection, *found), waiting(connection, *found), newest(connection, *found), files)


def draft_of(form: Form, words: Words, files: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the texts that were typed, by file; None where Forewarn's own words count.

    A part that was not touched stays as it is, byte for byte.
    """
    draft: dict[str, str | None] = {}
    for part in words.parts:
        name, given = words.file(part), typed(form, part).strip()
        own, built_in = files.get(name), words.built_in(part)
        now = own if own is not None else built_in
        if now is not None and given == printable(now).strip():
            draft[name] = own
        else:
            draft[name] = None if not given or (built_in and given == built_in.strip()) else f"{given}\n"
    return draft


def typed(form: Form, part: str) -> str:
    """Return what was typed for a part, as it can be stored."""
    return printable(form.fields.get(field_of(part), [""])[0])


def printable(given: str) -> str:
    """Return a text that was typed, as it can be stored."""
    return "".join(each for each in plain(given) if each.isprintable() or each in KEPT)


def plain(text: str) -> str:
    """Return a text with the line ends of Unix."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "ignore").decode()


def state_words(visit: Visit, standing: Standing) -> str:
    """Say which version is in use, since when and by whom."""
    used = standing.used
    if used is None:
        return "As the shop's files have it."
    if used.author == BY_FILES:
        return f"Version {used.number}, as the shop's files had it on {visit.full_moment(used.at)}."
    approved = f", approved by {used.approver}" if used.approver else ""
    since = visit.full_moment(used.approved_at or used.at)
    return f"Version {used.number}, in use since {since} ({used.author}{approved})."


def wait_words(standing: Standing) -> str:
    """Say what waits for a second person; empty: nothing."""
    waits = standing.waits
    return "" if waits is None else f"Version {waits.number} by {waits.author} waits for a second person."


def difference_address(words: Words, standing: Standing) -> str:
    """Return the address of what differs in the version that waits; empty: none waits."""
    if standing.waits is None:
        return ""
    first = standing.used.number if standing.used else standing.waits.number
    return desk_address(
        "templates", words.message, "versions", f"{first}..{standing.waits.number}", lang=words.language
    )
