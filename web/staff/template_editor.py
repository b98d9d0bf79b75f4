"""Edit a message's words in one language: check, look at, test on oneself, and save as a new version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import Response

from app.shop_edits import CannotWrite, ShopEdits
from models.staff import Right
from models.versions import Area, VersionState
from tasks.versions.record import ChangedOutside, NothingChanged, SavedMeanwhile, propose
from templates.rendering import frames
from templates.rendering.drafts import DraftProblem, Words, check_draft, languages_of
from templates.rendering.environment import TemplateError
from templates.rendering.previews import cases_of
from templates.rendering.usable_names import usable_names
from web.staff import template_preview, template_trial
from web.staff.addresses import desk_address
from web.staff.forms import NEW, Form
from web.staff.list_parts import sentence
from web.staff.mail_twins import unlike_parts
from web.staff.template_preview import own_folder, rendered, words_of
from web.staff.template_sentences import (
    CODE,
    SENTENCES,
    SentencePart,
    as_code,
    mode_of,
    parts_as_sentences,
    sides_differ,
)
from web.staff.template_standing import (
    author_of,
    difference_address,
    draft_of,
    log,
    look_at,
    plain,
    put_in_use,
    state_words,
    wait_words,
)
from web.staff.template_starts import languages_shown, other_languages, start_of, wordings_of
from web.staff.template_words import ROWS, Measured, field_of, full_title, part_name
from web.staff.visit import Visit

MAX_PART_CHARS = 30_000
BUILT_IN_WORDS = "Forewarn's own words."
NO_FILES = "The desk does not know the folder of this shop, so nothing can be changed here."


@dataclass(frozen=True, slots=True)
class PartField:
    """A part of a message in the form."""

    name: str
    title: str
    text: str
    rows: int
    size: Measured | None
    hint: str
    """Whose words it has."""
    problems: tuple[str, ...]
    sentences: SentencePart | None = None
    """The part as sentences, where it is not shown as code."""


def show(visit: Visit, form: Form = NEW, problems: list[DraftProblem] | None = None, sent: str = "") -> Response:
    """Return the editor of a message in a language."""
    language = form.text("lang") or visit.query("lang")
    words = words_of(visit, language)
    if words is None:
        return visit.not_found("There is no such message, or no such language.")
    standing = look_at(visit, words)
    start = start_of(visit, words, standing)
    texts = draft_of(form, words, standing.files) if form.fields else start.texts
    mode = mode_of(form, visit.query("as") or (CODE if words.message == frames.FRAME else ""))
    warnings = [each for each in problems or [] if each.is_warning]
    edits = visit.desk.services.edits
    refusal = NO_FILES if edits is None else edits.refusal
    is_known = bool(words.first) or words.language in languages_of(words.message, own_folder(visit))
    following = standing.newest.number + 1 if standing.newest else 1
    return visit.page(
        "desk/template.html",
        title=full_title(words, visit.context.policy),
        form=form,
        parts=_fields(visit, words, form, texts, problems or [], mode),
        mode=mode,
        has_sentences=words.message != frames.FRAME,
        words=words,
        state=state_words(visit, standing) if is_known else "",
        is_waiting=standing.waits is not None,
        wait_words=wait_words(standing),
        wait_address=difference_address(words, standing),
        refusal=refusal,
        may_edit=not refusal and visit.person.may(Right.PUBLISH),
        needs_second=visit.context.policy.approval.words,
        following=following,
        based_on=form.text("based_on") or (standing.newest.number if standing.newest else 0),
        warnings=[f"{part_name(each.part)}: {each.sentence}" for each in warnings],
        languages=languages_shown(visit, words),
        other_languages=other_languages(visit, words),
        wordings=wordings_of(visit, words),
        start_words="" if form.fields else start.words,
        is_unsaved=bool(form.fields or start.words),
        cases=tuple(cases_of(words.sent_as, visit.context.shop).items()),
        look=template_preview.look_of(
            {name: form.text(name) for name in ("case", "width", "dark", "images")},
            cases_of(words.sent_as, visit.context.shop),
        ),
        names=usable_names(words.sent_as, visit.context.shop, words.language),
        can_test=template_trial.can_test(visit, words),
        test_to=visit.person.mail,
        keeps_mails=visit.desk.services.keeps_mails,
        sent=sent,
        preview=desk_address("templates", words.message, "preview", lang=words.language, version=visit.query("from")),
        versions=desk_address("templates", words.message, "versions", lang=words.language),
        action=visit.here,
        back=desk_address("templates"),
    )


def act(visit: Visit, form: Form) -> Response:
    """Save a draft, show it, or send it to the person who writes it."""
    words = words_of(visit, form.text("lang"))
    if words is None:
        return visit.not_found("There is no such message, or no such language.")
    edits = visit.desk.services.edits
    if edits is None or edits.refusal:
        return visit.conflict(edits.refusal if edits else NO_FILES)
    if _has_long_part(words, form, "base_") or _has_long_part(words, form := as_code(visit, words, form)):
        return show(visit, form)
    draft = draft_of(form, words, edits.read(words.files))
    match form.text("do"):
        case "preview":
            return template_preview.show_draft(visit, form, words, draft)
        case "as_code" | "as_sentences":
            return show(visit, form)
        case "test" if not form.errors:
            return show(visit, form, sent=template_trial.send(visit, form, words, draft))
        case _:
            return _save(visit, form, words, draft, edits)


def _has_long_part(words: Words, form: Form, before: str = "") -> bool:
    """Return whether a part is too long, which the form then says."""
    given = {part: plain(form.fields.get(before + field_of(part), [""])[0]) for part in words.parts}
    too_long = [part for part, text in given.items() if len(text) > MAX_PART_CHARS]
    for part in too_long:
        form.wrong(field_of(part), f"{part_name(part)}: at most {MAX_PART_CHARS:,} characters are possible.")
    return bool(too_long)


def _save(visit: Visit, form: Form, words: Words, draft: Mapping[str, str | None], edits: ShopEdits) -> Response:
    problems = check_draft(visit.context.shop, visit.context.policy, own_folder(visit), words, draft)
    if form.text("as") != SENTENCES or sides_differ(visit, words, form):
        problems += unlike_parts(words, edits.read(words.files), draft)
    for each in problems:
        if not each.is_warning:
            form.wrong(field_of(each.part), f"{part_name(each.part)}: {_said(each, form.text('as'))}")
    if not form.errors and any(each.is_warning for each in problems) and form.text("sure") != "yes":
        form.wrong("sure", "Read the warnings, and tick that you are sure.")
    if form.errors:
        return show(visit, form, problems)
    try:
        return _store(visit, form, words, draft, edits)
    except NothingChanged as error:
        form.wrong(field_of(words.parts[0]), f"Nothing was changed: version {error.same.number} says the same.")
    except SavedMeanwhile as error:
        said = f"{error.by.author} saved version {error.by.number} meanwhile. Compare it with yours, and save again."
        form = _with_base(form, error.by.number)
        form.wrong(field_of(words.parts[0]), said)
    except ChangedOutside:
        standing = look_at(visit, words)
        form = _with_base(form, standing.newest.number if standing.newest else 0)
        said = "The files were changed outside the desk meanwhile. Compare them with yours, and save again."
        form.wrong(field_of(words.parts[0]), said)
    except CannotWrite as error:
        form.wrong(field_of(words.parts[0]), sentence(str(error)))
    return show(visit, form, problems)


def _with_base(form: Form, number: int) -> Form:
    return replace(form, fields={**form.fields, "based_on": [str(number)]})


def _store(visit: Visit, form: Form, words: Words, draft: Mapping[str, str | None], edits: ShopEdits) -> Response:
    needs_second, note = visit.context.policy.approval.words, form.text("note")
    with edits.saving(visit.context.engine) as saving:
        made = propose(
            saving.connection,
            Area.WORDS,
            words.subject,
            draft,
            act=author_of(visit),
            note=note,
            based_on=form.whole("based_on") or 0,
            needs_second=needs_second,
            on_disk=edits.read(words.files),
        )
        entry = log(visit, form, saving.connection, words, made, note)
        if made.state is VersionState.IN_USE:
            put_in_use(saving, visit, words, made)
    return visit.done(desk_address("templates", words.message, lang=words.language), entry)


def _fields(
    visit: Visit,
    words: Words,
    form: Form,
    texts: Mapping[str, str | None],
    problems: list[DraftProblem],
    mode: str,
) -> list[PartField]:
    sizes: Mapping[str, Measured] = {}
    try:
        seen = rendered(visit, words, texts, next(iter(cases_of(words.sent_as, visit.context.shop))))
        sizes = template_preview.measured(visit, seen)
    except TemplateError:
        pass  # the check says what is wrong
    shown = {
        part: plain(own if (own := texts.get(words.file(part))) is not None else words.built_in(part) or "")
        for part in words.parts
    }
    sentences = parts_as_sentences(visit, words, form, shown) if mode == SENTENCES else {}
    return [
        PartField(
            name=field_of(part),
            title=part_name(part),
            text=shown[part],
            rows=ROWS.get(part, 2),
            size=sizes.get(part),
            hint=_hint(words, part, texts.get(words.file(part))),
            problems=tuple(_said(each, mode) for each in problems if each.part == part and not each.is_warning),
            sentences=sentences.get(part),
        )
        for part in words.parts
    ]


def _said(problem: DraftProblem, mode: str) -> str:
    """Return what is wrong; sentences have no lines that a number could find."""
    said = re.sub(r"^Line \d+: ", "", problem.sentence) if mode == SENTENCES else problem.sentence
    return said[:1].upper() + said[1:]


def _hint(words: Words, part: str, own: str | None) -> str:
    has_stand_in = words.built_in(part) is not None
    if own is None:
        return "Not written yet." if not has_stand_in else "As wording A has it." if words.first else BUILT_IN_WORDS
    if not has_stand_in:
        return ""
    return f"Your own words. Empty it to have {'wording A' if words.first else 'Forewarn'}'s again."
