"""The versions of a message's words: list, difference, approval by a second person, and an earlier one again."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from models.staff import Right
from models.versions import BY_FILES, Area, Version, VersionState
from tasks.versions.history import in_use, version, versions
from templates.rendering.drafts import Words
from web.staff.addresses import desk_address
from web.staff.forms import NEW, Form
from web.staff.list_parts import sentence
from web.staff.template_preview import words_of
from web.staff.template_standing import look_at
from web.staff.template_words import full_title, part_name
from web.staff.visit import Visit
from web.staff.word_differences import Line, mark_words

STATES = {
    VersionState.WAITS: ("wait", "Waits for approval"),
    VersionState.IN_USE: ("good", "In use"),
    VersionState.REPLACED: ("calm", "Replaced"),
    VersionState.SENT_BACK: ("bad", "Sent back"),
}
PAGE = 50
NO_MESSAGE = "There is no such message, or no such language."


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the list."""

    number: int
    url: str
    chip: tuple[str, str]
    who: str
    when: str
    note: str
    compare: str
    """The address of the comparison with the version before; empty for the first."""
    again: str
    """The address of the comparison with the words in use, which asks whether to use it again; empty: it cannot be."""


@dataclass(frozen=True, slots=True)
class PartDifference:
    """What differs in a part; each line with its sign: `+`, `-`, or a blank, and in pieces."""

    title: str
    lines: tuple[tuple[str, Line], ...]


def show_list(visit: Visit) -> Response:
    """Return the versions of a message in a language."""
    words = words_of(visit, visit.query("lang"))
    if words is None:
        return visit.not_found(NO_MESSAGE)
    standing, before = look_at(visit, words), number_in(visit.query("before"))
    with visit.reading() as connection:
        found = versions(connection, Area.WORDS, words.subject, before=before, limit=PAGE + 1)
    following = found[PAGE - 1].number if len(found) > PAGE else None
    return visit.page(
        "desk/template_versions.html",
        title=f"Versions: {full_title(words, visit.context.policy)}",
        rows=[_row(visit, words, one, standing.used) for one in found[:PAGE]],
        words=words,
        back=desk_address("templates", words.message, lang=words.language),
        next=versions_address(words, before=following) if following else "",
        first=versions_address(words) if before else "",
    )


def may_edit(visit: Visit) -> bool:
    """Return whether the person may change words here."""
    edits = visit.desk.services.edits
    return edits is not None and not edits.refusal and visit.person.may(Right.PUBLISH)


def versions_address(words: Words, **query: int | None) -> str:
    """Return the address of the versions of a message in a language."""
    return desk_address("templates", words.message, "versions", lang=words.language, **query)


def _span(words: Words, span: str) -> str:
    return desk_address("templates", words.message, "versions", span, lang=words.language)


def number_in(text: str) -> int | None:
    """Return the number of a version in a text; None for another text."""
    return int(text) if re.fullmatch(r"\d{1,8}", text, re.ASCII) else None


def _row(visit: Visit, words: Words, one: Version, used: Version | None) -> VersionRow:
    decided = ""
    if one.approver:
        verb = "sent back by" if one.state is VersionState.SENT_BACK else "approved by"
        decided = f", {verb} {one.approver}"
    other = used.number if used and used.number != one.number else one.number - 1
    span = f"{min(other, one.number)}..{max(other, one.number)}" if other > 0 else str(one.number)
    return VersionRow(
        number=one.number,
        url=_span(words, span),
        chip=STATES[one.state],
        who=f"{_author(one)}{decided}",
        when=visit.full_moment(one.at),
        note="; ".join(filter(None, (one.note, one.reply))),
        compare=_span(words, f"{one.number - 1}..{one.number}") if one.number > 1 else "",
        again=_span(words, f"{used.number}..{one.number}" if used else str(one.number))
        if may_edit(visit) and _is_earlier(one)
        else "",
    )


def _is_earlier(one: Version) -> bool:
    return one.state in (VersionState.REPLACED, VersionState.SENT_BACK)


def _author(one: Version) -> str:
    return "The shop's files" if one.author == BY_FILES else one.author


def show_difference(visit: Visit, form: Form = NEW, words: Words | None = None, span: str = "") -> Response:
    """Return what differs between two versions, with both rendered below."""
    words = words or words_of(visit, visit.query("lang"))
    first, _, second = (span or visit.path("span")).partition("..")
    numbers = [number for number in (number_in(first), number_in(second or first)) if number is not None]
    if words is None or len(numbers) != 2:
        return visit.not_found(NO_MESSAGE)
    newest = look_at(visit, words).newest
    with visit.reading() as connection:
        old, new = (version(connection, Area.WORDS, words.subject, number) for number in numbers)
        used = in_use(connection, Area.WORDS, words.subject)
    if old is None or new is None:
        return visit.not_found(f"There is no version {numbers[0] if old is None else numbers[1]}.")
    waits, is_own = new.state is VersionState.WAITS, new.is_by(visit.person.id)
    single = old.number == new.number
    is_offered = may_edit(visit) and _is_earlier(new) and (used is None or old.number == used.number)
    return visit.page(
        "desk/template_difference.html",
        title=f"Version {new.number}" if single else f"Version {old.number} and version {new.number}",
        form=form,
        about=full_title(words, visit.context.policy),
        facts=[(f"Version {one.number}", _facts(visit, one)) for one in ((new,) if single else (old, new))],
        chip=STATES[new.state],
        differences=[] if single else differences(words, old, new),
        is_single=single,
        previews=[
            (
                f"Version {one.number}",
                desk_address("templates", words.message, "preview", lang=words.language, version=one.number),
            )
            for one in ((new,) if single else (old, new))
        ],
        number=new.number,
        words=words,
        compared_with=used.number if used else 0,
        can_decide=waits and may_edit(visit) and not is_own,
        is_own=waits and is_own,
        approve=desk_address("templates", words.message, "approve"),
        send_back=desk_address("templates", words.message, "send-back"),
        edit=desk_address("templates", words.message, lang=words.language, **{"from": new.number}),
        may_edit=may_edit(visit),
        again=desk_address("templates", words.message, "again") if is_offered else "",
        newest=newest.number if newest else 0,
        needs_second=visit.context.policy.approval.words,
        versions=versions_address(words),
    )


def _facts(visit: Visit, one: Version) -> str:
    decided = ""
    if one.approver and one.approved_at:
        verb = "Sent back" if one.state is VersionState.SENT_BACK else "Approved"
        decided = f" {verb} by {one.approver}, {visit.full_moment(one.approved_at)}."
    notes = " ".join(sentence(text) for text in (one.note, one.reply) if text)
    return f"{_author(one)}, {visit.full_moment(one.at)}.{decided} {notes}".strip()


def differences(words: Words, old: Version, new: Version) -> list[PartDifference]:
    """Return what differs between two versions, part by part."""
    found = []
    for part in words.parts:
        before, after = (_text(words, part, one.files) for one in (old, new))
        if before != after:
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
            shown = [(line[0], line[1:]) if line[0] in "+- " else (" ", "...") for line in list(lines)[2:]]
            passages = mark_words(shown[1:] if shown[:1] == [(" ", "...")] else shown)
            found.append(PartDifference(part_name(part), tuple(passages)))
    return found


def _text(words: Words, part: str, files: Mapping[str, str | None]) -> str:
    own = files.get(words.file(part))
    return own if own is not None else words.built_in(part) or ""
