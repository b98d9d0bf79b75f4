"""The form of the policy as the template shows it: sentences in pieces, rows of days late, the operator's values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.enums import RemedyKind
from models.policy.policy import Policy
from tasks.desk.staff_words import OFFERS
from web.staff.bucket_words import days_late_words
from web.staff.forms import Form
from web.staff.policy.changes import in_words, plain, row_words, shown
from web.staff.policy.reading import field_names, row_count, row_field, value_at
from web.staff.policy.sentences import CHAPTERS, OPERATORS_OWN, Sentence
from web.staff.policy.trials import trial_words

HIDDEN_VALUES = ("promise_clock",)
"""What is too much to show: the law of each country has a page of its own in the docs."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values of a select or of checkboxes."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field inside a sentence, with the words after it."""

    name: str
    value: str
    after: str
    label: str
    """Empty: the sentence is its label."""
    type: str
    inputmode: str
    width: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence with its fields."""

    id: str
    begin: str
    fields: tuple[Field, ...]
    hint: str
    error: str


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the table of days late."""

    number: int
    title: str
    name: str
    from_days: str
    notify: bool
    channels: tuple[Option, ...]
    remedies: tuple[Option, ...]
    messages: tuple[Option, ...]
    errors: Mapping[str, str]
    is_new: bool


@dataclass(frozen=True, slots=True)
class ChapterView:
    """A chapter of the form."""

    title: str
    about: str
    sentences: tuple[SentenceView, ...]


def chapter_views(form: Form) -> tuple[ChapterView, ...]:
    """Return the chapters with what the form has."""
    default = Policy()
    return tuple(
        ChapterView(chapter.title, chapter.about, tuple(_view(one, form, default) for one in chapter.sentences))
        for chapter in CHAPTERS
    )


def _view(sentence: Sentence, form: Form, default: Policy) -> SentenceView:
    names, kind = field_names(sentence), sentence.kind
    begin, *after = sentence.text.split("[]")
    labels = kind.labels or ("",) * len(names)
    fields = tuple(
        Field(
            name,
            form.lines(name),
            words,
            label,
            "select" if kind.options else kind.type,
            kind.inputmode,
            kind.width,
            tuple(Option(value, text, form.text(name) == value) for value, text in kind.options),
        )
        for name, words, label in zip(names, after, labels, strict=True)
    )
    usual = f"default {shown(sentence, value_at(default, sentence.path))}"
    hint = "; ".join(filter(None, (usual, sentence.note)))
    error = next((text for name in names if (text := form.error(name))), "")
    return SentenceView(names[0], begin, fields, hint, error)


def row_views(form: Form, policy: Policy, messages: Sequence[str]) -> tuple[RowView, ...]:
    """Return the rows that the form has, and an empty one."""
    count = row_count(form)
    return tuple(_row(form, n, policy, messages, is_new=n == count) for n in range(count + 1))


def _row(form: Form, n: int, policy: Policy, messages: Sequence[str], *, is_new: bool) -> RowView:
    def chosen(key: str, options: Mapping[str, str]) -> tuple[Option, ...]:
        given = form.all(row_field(n, key))
        return tuple(Option(value, text, value in given) for value, text in options.items())

    touched = bool(form.text(row_field(n, "from_days")))
    name = form.text(row_field(n, "name"))
    known = {bucket.name for bucket in policy.bucket}
    title = days_late_words(policy, name) if name in known else "Another row"
    keys = ("from_days", "channels", "remedies", "message")
    return RowView(
        number=n,
        title=f"{title[:1].upper()}{title[1:]}",
        name=name,
        from_days=form.text(row_field(n, "from_days")),
        notify=bool(form.all(row_field(n, "notify"))) or (is_new and not touched),
        channels=chosen("channels", {"email": "mail", "sms": "text"}),
        remedies=chosen("remedies", {kind: OFFERS[kind] for kind in RemedyKind}),
        messages=chosen("message", message_words(policy, messages)),
        errors={key: form.error(row_field(n, key)) for key in keys},
        is_new=is_new,
    )


def message_words(policy: Policy, messages: Sequence[str]) -> dict[str, str]:
    """Return the messages of a row with what staff read: the days late for which each is sent now."""
    used: dict[str, str] = {}
    for bucket in policy.bucket:
        used.setdefault(bucket.words, f"as for {days_late_words(policy, bucket.name)}")
    return {message: used.get(message, f'"{message}"') for message in messages}


def plain_chapters(policy: Policy) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the policy in sentences, for people who may not change it."""
    chapters = [(one.title, [_plain(sentence, policy) for sentence in one.sentences]) for one in CHAPTERS]
    rows = [f"{days_late_words(policy, one.name)}: {row_words(one)}" for one in policy.bucket]
    title, sentences = chapters[0]
    chapters[0] = (title, [*(f"{row[:1].upper()}{row[1:]}" for row in rows), *sentences])
    trials = [f"{one.name}: {trial_words(one, policy)}" for one in policy.experiment]
    chapters.append(("Trials of two wordings", trials or ["None."]))
    return tuple((title, tuple(sentences)) for title, sentences in chapters)


def _plain(sentence: Sentence, policy: Policy) -> str:
    value = value_at(policy, sentence.path)
    words = in_words(sentence, value)
    return f"{words}: {shown(sentence, value)}" if len(sentence.kind.fields) > 1 else words


def operators_values(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Yield what the operator sets: what it is about, its place in policy.toml, and its value."""
    for path, about in OPERATORS_OWN.items():
        if path in HIDDEN_VALUES:
            yield about, f"[{path}]", "see the page of the promise clock in the docs"
            continue
        value = value_at(policy, path)
        keys = getattr(type(value), "model_fields", None)
        if keys is None:
            yield about, path, plain(value)
            continue
        for key in keys:
            yield about, f"{path}.{key}", plain(getattr(value, key))
