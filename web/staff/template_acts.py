"""Acts on the versions of a message's words: approve, send back, and use an earlier one again."""

from starlette.responses import Response

from app.shop_edits import CannotWrite, ShopEdits
from models.errors import ForewarnError
from models.versions import Area, VersionState
from tasks.staff.audit import record
from tasks.versions.history import version
from tasks.versions.record import ChangedOutside, NothingChanged, SavedMeanwhile, use_again
from tasks.versions.review import NotWaiting, OwnVersion, approve, send_back
from templates.rendering.drafts import Words, check_draft
from web.staff.addresses import desk_address
from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.template_editor import NO_FILES
from web.staff.template_preview import own_folder, words_of
from web.staff.template_standing import author_of, log, put_in_use
from web.staff.template_versions import NO_MESSAGE, number_in, show_difference, versions_address
from web.staff.template_words import part_name, quoted_title
from web.staff.visit import Refused, Visit

APPROVED, SENT_BACK = "words_approved", "words_sent_back"
"""Kinds of entries of the log."""


def use_version_again(visit: Visit, form: Form) -> Response:
    """Use an earlier version again, as a new version."""
    words, edits, number = _asked(visit, form)
    _check(visit, words, number)
    needs_second = visit.context.policy.approval.words
    try:
        with edits.saving(visit.context.engine) as saving:
            made = use_again(
                saving.connection,
                Area.WORDS,
                words.subject,
                number,
                act=author_of(visit),
                note=form.text("note"),
                based_on=form.whole("based_on") or 0,
                needs_second=needs_second,
                on_disk=edits.read(words.files),
            )
            entry = log(visit, form, saving.connection, words, made, f"version {number} again")
            if made.state is VersionState.IN_USE:
                put_in_use(saving, visit, words, made)
    except (SavedMeanwhile, ChangedOutside, NothingChanged, CannotWrite) as error:
        raise _refused(words, error) from error
    return visit.done(versions_address(words), entry)


def approve_version(visit: Visit, form: Form) -> Response:
    """Bring a version that waits into use."""
    words, edits, number = _asked(visit, form)
    _check(visit, words, number)
    try:
        with edits.saving(visit.context.engine) as saving:
            made = approve(
                saving.connection,
                Area.WORDS,
                words.subject,
                number,
                act=author_of(visit),
                compared_with=form.whole("compared_with") or 0,
                on_disk=edits.read(words.files),
            )
            entry = record(
                saving.connection,
                **visit.act(form),
                kind=APPROVED,
                subject_kind="template",
                subject=words.message,
                what=f"approved version {number} of {quoted_title(words, visit.context.policy)} by {made.author}",
                after={"version": number, "language": words.language},
            )
            put_in_use(saving, visit, words, made)
    except (OwnVersion, NotWaiting, SavedMeanwhile, ChangedOutside, CannotWrite) as error:
        raise _refused(words, error) from error
    return visit.done(desk_address("templates", words.message, lang=words.language), entry)


def send_version_back(visit: Visit, form: Form) -> Response:
    """Send a version that waits back to its author, with a note."""
    words, _, number = _asked(visit, form)
    reply = form.needed("reply", "Say what should be different.")
    if form.errors:
        return show_difference(visit, form, words, f"{form.text('compared_with')}..{number}")
    try:
        with visit.writing() as connection:
            made = send_back(connection, Area.WORDS, words.subject, number, act=author_of(visit), reply=reply)
            entry = record(
                connection,
                **visit.act(form),
                kind=SENT_BACK,
                subject_kind="template",
                subject=words.message,
                what=f"sent version {number} of {quoted_title(words, visit.context.policy)} back to {made.author}",
                why=reply,
                after={"version": number, "language": words.language},
            )
    except NotWaiting as error:
        raise _refused(words, error) from error
    return visit.done(versions_address(words), entry)


def _asked(visit: Visit, form: Form) -> tuple[Words, ShopEdits, int]:
    words, edits, number = words_of(visit, form.text("lang")), visit.desk.services.edits, number_in(form.text("number"))
    if words is None or number is None:
        raise Refused(NO_MESSAGE)
    if edits is None or edits.refusal:
        raise Refused(edits.refusal if edits else NO_FILES)
    return words, edits, number


def _check(visit: Visit, words: Words, number: int) -> None:
    """Raise Refused for a version of which no message can be made any more: names and forbidden words change."""
    with visit.reading() as connection:
        found = version(connection, Area.WORDS, words.subject, number)
    if found is None:
        raise Refused(f"There is no version {number}.", links=_see_versions(words))
    problems = check_draft(visit.context.shop, visit.context.policy, own_folder(visit), words, found.files)
    if wrong := [f"{part_name(each.part)}: {each.sentence}" for each in problems if not each.is_warning]:
        raise Refused(f"Version {number} cannot be used any more. {' '.join(wrong)}", links=_see_versions(words))


def _see_versions(words: Words) -> tuple[tuple[str, str], ...]:
    return ((versions_address(words), "See the versions"),)


def _refused(words: Words, error: ForewarnError) -> Refused:
    return Refused(sentence(str(error)), links=_see_versions(words))
