"""The words of messages: what there is in which language, who changed it last, and what waits for a second person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

from models.quantities import counted
from models.staff import Right
from models.versions import BY_FILES, Area, Version
from tasks.versions.history import all_in_use, all_waiting
from templates.rendering import frames
from templates.rendering.drafts import all_messages, languages_of, parts_of, second_wordings, untranslated_in
from templates.rendering.formats import language_name
from templates.rendering.frames import template_file
from web.staff import template_acts, template_editor, template_preview, template_versions
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.list_parts import listed_words
from web.staff.template_words import grouped, language_title, title_of
from web.staff.visit import Visit


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A message in one language."""

    url: str
    name: str
    lack: tuple[str, str] | None
    """What it lacks: the kind of its chip, and its words."""


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A message in the list."""

    url: str
    title: str
    folder: str
    is_second: bool
    """Whether it is the second wording of the message above it."""
    languages: tuple[LanguageLink, ...]
    last: str
    waits: tuple[tuple[str, str], ...]
    """Addresses and words of what waits for a second person."""


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of templates."""
    edit, see = Right.PUBLISH, Right.SEE
    return [
        StaffRoute("/templates", see, show),
        StaffRoute("/templates/{message}", see, template_editor.show, template_editor.act, edit),
        StaffRoute("/templates/{message}/preview", see, template_preview.show),
        StaffRoute("/templates/{message}/versions", see, template_versions.show_list),
        StaffRoute("/templates/{message}/versions/{span}", see, template_versions.show_difference),
        StaffRoute("/templates/{message}/again", edit, None, template_acts.use_version_again),
        StaffRoute("/templates/{message}/approve", edit, None, template_acts.approve_version),
        StaffRoute("/templates/{message}/send-back", edit, None, template_acts.send_version_back),
    ]


def show(visit: Visit) -> Response:
    """Return the messages of the shop."""
    policy, edits = visit.context.policy, visit.desk.services.edits
    own = edits.folder / "templates" if edits else None
    with visit.reading() as connection:
        used, waiting = all_in_use(connection, Area.WORDS), all_waiting(connection, Area.WORDS)
    groups = [
        (group, [_row(visit, message, own, used, waiting) for message in messages])
        for group, messages in grouped(policy).items()
        if messages
    ]
    known = {*all_messages(policy), *second_wordings(policy), *frames.FILES}
    to_approve = sum(subject.partition("/")[0] in known for subject in waiting)
    return visit.page(
        "desk/templates.html",
        title="Templates",
        groups=groups,
        refusal=edits.refusal if edits else "",
        waits=to_approve,
    )


def _row(
    visit: Visit, message: str, own: Path | None, used: dict[str, Version], waiting: dict[str, Version]
) -> TemplateRow:
    second = second_wordings(visit.context.policy).get(message)
    languages = languages_of(second.message if second else message, own)
    shops = visit.context.shop.locale
    first = shops if shops in languages else next(iter(languages), "en")
    last = max(
        (one for key, one in used.items() if _is_of(key, message) and one.author != BY_FILES), default=None, key=_at
    )
    return TemplateRow(
        url=desk_address("templates", message, lang=first),
        title=title_of(message, visit.context.policy),
        folder=frames.FOLDER if message in frames.FILES else message,
        is_second=second is not None,
        languages=tuple(
            LanguageLink(
                desk_address("templates", message, lang=one),
                language_title(message, one),
                _as_first(own, message, one) if second else _missing(missing) or _foreign(message, one, own),
            )
            for one, missing in languages.items()
        ),
        last=_last(visit, last) if last else _unchanged(own, message, is_second=second is not None),
        waits=tuple(
            (
                desk_address("templates", message, "versions", str(one.number), lang=key.partition("/")[2]),
                f"{language_title(message, key.partition('/')[2])}: changed by {one.author}, waits for a second person",
            )
            for key, one in waiting.items()
            if _is_of(key, message)
        ),
    )


def _is_of(subject: str, message: str) -> bool:
    return subject.partition("/")[0] == message


def _is_own(own: Path | None, message: str) -> bool:
    if own is None or message not in frames.FILES:
        return own is not None and any((own / message).glob("*.*"))
    written = (template_file(message, part, one) for one in languages_of(message, own) for part in parts_of(message))
    return any((own / file).is_file() for file in written)


def _at(version: Version) -> float:
    return version.at.timestamp()


def _unchanged(own: Path | None, message: str, *, is_second: bool) -> str:
    if _is_own(own, message):
        return "As in the files"
    return "Not written yet: customers read wording A" if is_second else "As Forewarn has it"


def _missing(parts: tuple[str, ...]) -> tuple[str, str] | None:
    return ("wait", f"{counted(len(parts), 'part')} missing") if parts else None


def _foreign(message: str, language: str, own: Path | None) -> tuple[str, str] | None:
    found = untranslated_in(message, language, own)
    if not found:
        return None
    others = listed_words(list(dict.fromkeys(language_name(each.language) for each in found)))
    return "wait", f"{counted(len(found), 'part')} with words in {others}"


def _as_first(own: Path | None, wording: str, language: str) -> tuple[str, str] | None:
    has_parts = own is not None and any((own / wording).glob(f"*.{language}.*"))
    return None if has_parts else ("calm", "as wording A")


def _last(visit: Visit, version: Version) -> str:
    language = language_name(version.subject.partition("/")[2])
    return f"{language}: version {version.number} by {version.author}, {visit.moment(version.at)}"
