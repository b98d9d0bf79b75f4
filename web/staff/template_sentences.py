"""A message's parts as plain sentences in a form, and the sentences of a sent form as the code that they stand for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from models.quantities import counted
from templates.rendering.drafts import Words
from templates.rendering.sentences.document import Document, Sentence, document_of
from templates.rendering.sentences.parts import UnknownPlaceholder
from templates.rendering.sentences.reading import Unreadable
from templates.rendering.usable_names import usable_names
from web.staff.forms import Form
from web.staff.mail_twins import MAIL, PLAIN
from web.staff.template_standing import printable
from web.staff.template_words import field_of, part_name
from web.staff.visit import Visit

SENTENCES, CODE = "sentences", "code"
MOST_SENTENCES = 120
"""Of a part: a longer one is edited as code."""
LINE_CHARS = 46
"""About as many stand in a line of the field, so that its height fits."""
MOST_ROWS = 12
NAMES_SHOWN = 8
SUMMARY_CHARS = 90
NO_WORDS = "It has no words of its own: all come from the frame that messages share."


@dataclass(frozen=True, slots=True)
class SentenceField:
    """A field with sentences."""

    name: str
    label: str
    is_named_by_part: bool
    """Whether the label says no more than the heading above."""
    text: str
    rows: int
    depth: int
    problem: str
    is_changed: bool = False
    """Whether it was typed in and is not saved."""


@dataclass(frozen=True, slots=True)
class SentenceGroup:
    """A sentence, and the words that its braces may become."""

    sentence: SentenceField
    alternatives: tuple[SentenceField, ...]
    summary: str
    """What stands for the alternatives while they are folded."""
    is_open: bool


@dataclass(frozen=True, slots=True)
class SentencePart:
    """A part of a message as sentences."""

    base: str
    """The source that the sentences were read from."""
    groups: tuple[SentenceGroup, ...]
    locked: str
    """Why it can only be edited as code; empty: it is shown."""
    shared: int
    """How many of its sentences are those of the mail, and change with them."""


def mode_of(form: Form, asked: str) -> str:
    """Return how the editor shows the words: as sentences, unless code is asked for."""
    wanted = form.text("do").removeprefix("as_") if form.text("do").startswith("as_") else form.text("as") or asked
    has_wrong = form.text("as") == SENTENCES and any("-" in each.name for each in form.errors)
    return CODE if wanted == CODE and not has_wrong else SENTENCES


def parts_as_sentences(visit: Visit, words: Words, form: Form, texts: Mapping[str, str]) -> dict[str, SentencePart]:
    """Return each part as sentences: as they were typed, or as the texts have them."""
    bases = {part: _base(form, part, texts[part]) for part in words.parts}
    documents = _documents(visit, words, bases)
    twins = _twins(documents)
    return {part: _part(form, part, bases[part], documents[part], twins.get(part, {})) for part in words.parts}


def as_code(visit: Visit, words: Words, form: Form) -> Form:
    """Return a form of sentences as one of code; what no sentence can have is an error of the form."""
    if form.text("as") != SENTENCES:
        return form
    bases = {part: _base(form, part, "") for part in words.parts if _has_base(form, part)}
    documents = _documents(visit, words, bases)
    twins = _twins(documents)
    fields = dict(form.fields)
    for part, document in documents.items():
        text = bases[part]
        if isinstance(document, Document):
            text = _written(form, part, document, twins.get(part, {}), text)
        fields[field_of(part)] = [text]
    return replace(form, fields=fields)


def sides_differ(visit: Visit, words: Words, form: Form) -> bool:
    """Return whether a sentence was changed that the mail and its plain text each say in their own words."""
    bases = {part: _base(form, part, "") for part in (MAIL, PLAIN) if _has_base(form, part)}
    documents = _documents(visit, words, bases)
    mail, text = documents.get(MAIL), documents.get(PLAIN)
    if not isinstance(mail, Document) or not isinstance(text, Document):
        return True
    shared = _twins(documents)[PLAIN]
    for part, document, other in ((MAIL, mail, text), (PLAIN, text, mail)):
        places = {_place(each) for each in other.sentences}
        twinned = set(shared.values()) if part == MAIL else set(shared)
        for each in document.sentences:
            given = _given(form, _name(part, each))
            is_changed = given is not None and given.strip() != each.text
            if is_changed and each.id not in twinned and _place(each) in places:
                return True
    return False


def _has_base(form: Form, part: str) -> bool:
    return f"base_{field_of(part)}" in form.fields


def _base(form: Form, part: str, text: str) -> str:
    given = _given(form, f"base_{field_of(part)}") if form.text("as") == SENTENCES else None
    return text if given is None else given


def _given(form: Form, name: str) -> str | None:
    given = form.fields.get(name)
    return printable(given[0]) if given else None


def _documents(visit: Visit, words: Words, bases: Mapping[str, str]) -> dict[str, Document | str]:
    names = usable_names(words.sent_as, visit.context.shop, words.language)
    roots = frozenset(root[0] for each in names if (root := re.match(r"\w+", each.name)))
    found: dict[str, Document | str] = {}
    for part, base in bases.items():
        try:
            document = document_of(base, is_html=part.endswith(".html"), roots=roots)
        except Unreadable as error:
            found[part] = f"It is written so that only its code can be edited: {error}."
        else:
            too_many = len(document.sentences) > MOST_SENTENCES
            found[part] = "It is too long to be shown as sentences: edit it as code." if too_many else document
    return found


def _twins(documents: Mapping[str, Document | str]) -> dict[str, dict[str, str]]:
    """Return the sentences of the plain text that the mail has too: by their ids, those of the mail."""
    found: dict[str, dict[str, str]] = {}
    for part, text in documents.items():
        mail = documents.get(_mail_of(part))
        if part.endswith(".txt") and isinstance(mail, Document) and isinstance(text, Document):
            known = {(each.about, each.text): each.id for each in reversed(mail.sentences)}
            same = {each.id: known[key] for each in text.sentences if (key := (each.about, each.text)) in known}
            found[part] = same
    return found


def _mail_of(part: str) -> str:
    """Return the part of the mail of which a part is the plain text, as `body.html` of `body.txt`."""
    return f"{part.rpartition('.')[0]}.html"


def _part(form: Form, part: str, base: str, document: Document | str, twins: Mapping[str, str]) -> SentencePart:
    if isinstance(document, str):
        return SentencePart(base, (), document, 0)
    fields = [_field(form, part, each) for each in document.sentences if each.id not in twins]
    return SentencePart(base, tuple(_grouped(fields)), "" if document.sentences else NO_WORDS, len(twins))


def _grouped(fields: Sequence[SentenceField]) -> Iterator[SentenceGroup]:
    """Yield each sentence with those that stand within it; they are folded until one of them is typed in."""
    starts = [place for place, one in enumerate(fields) if not one.depth or place == 0]
    for start, end in pairwise([*starts, len(fields)]):
        first, *within = fields[start:end]
        summary, is_open = "", any(one.problem or one.is_changed for one in within)
        if within:
            shown = " / ".join(" ".join(one.text.split()) for one in within)
            shown = shown if len(shown) <= SUMMARY_CHARS else f"{shown[:SUMMARY_CHARS].rstrip(' /')} …"
            summary = f"{counted(len(within), 'alternative')}: {shown}"
        yield SentenceGroup(first, tuple(within), summary, is_open)


def _field(form: Form, part: str, sentence: Sentence) -> SentenceField:
    name = _name(part, sentence)
    given = _given(form, name) if form.text("as") == SENTENCES else None
    text = sentence.text if given is None else given
    rows = sum(1 + len(line) // LINE_CHARS for line in text.split("\n"))
    about = sentence.about[:1].upper() + sentence.about[1:]
    label, is_changed = about or part_name(part), text.strip() != sentence.text.strip()
    problem = form.error(name)
    return SentenceField(name, label, not about, text, min(rows, MOST_ROWS), sentence.depth, problem, is_changed)


def _written(form: Form, part: str, document: Document, twins: Mapping[str, str], base: str) -> str:
    given: dict[str, str] = {}
    for each in document.sentences:
        typed = _given(form, _name(part, each))
        if typed is None and each.id in twins:
            typed = _given(form, f"{field_of(_mail_of(part))}-{twins[each.id]}")
        if typed is not None:
            given[each.id] = typed
    try:
        return document.write(given)
    except UnknownPlaceholder as error:
        twin = twins.get(error.field)
        name = f"{field_of(_mail_of(part))}-{twin}" if twin else f"{field_of(part)}-{error.field}"
        form.wrong(name, f"{part_name(part)}: {_said(error)}")
        return base


def _said(error: UnknownPlaceholder) -> str:
    if not error.known:
        return "These words cannot have braces."
    shown = [f"{{{name}}}" for name in error.known if not name.startswith("end of ")][:NAMES_SHOWN]
    return f"There is no {error.name} here. In braces stand {', '.join(shown)}."


def _name(part: str, sentence: Sentence) -> str:
    return f"{field_of(part)}-{sentence.id}"


def _place(sentence: Sentence) -> str:
    return sentence.about.partition(",")[0]
