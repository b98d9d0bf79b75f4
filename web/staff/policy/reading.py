"""Read the form of the policy: what was typed, what is wrong with it, and the policy as it would be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from models.enums import Channel, RemedyKind
from models.policy.policy import Bucket, Policy
from tasks.policy.document import change_policy, policy_data
from web.staff.forms import Form
from web.staff.policy.contradictions import contradictions
from web.staff.policy.problems import add_problems
from web.staff.policy.sentences import DAYS_LATE, SENTENCES, Sentence
from web.staff.policy.trials import read_trials, trial_fields
from web.staff.policy.values import BadValue

MAX_ROWS = 20
ROWS = "rows"
NEW_ROW = "days_{days}"
"""The name of a new row of the table of days late, which only reports show."""
WHOLE_SECTIONS = ("shipping_discount", "future_discount")
"""Sections whose keys count only together: a part of one in the file replaces all of its default."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The policy as it would be, and the text of its file."""

    policy: Policy
    text: str


def value_at(policy: Policy, path: str) -> Any:
    """Return a value of the policy by its place."""
    value: Any = policy
    for part in path.split("."):
        value = getattr(value, part)
    return value


def field_names(sentence: Sentence) -> list[str]:
    """Return the names of a sentence's fields."""
    return [f"{sentence.path}{ending}" for ending in sentence.kind.fields]


def fields_of(policy: Policy) -> dict[str, list[str]]:
    """Return what the fields of the form hold for a policy."""
    fields: dict[str, list[str]] = {ROWS: [str(len(policy.bucket))], **trial_fields(policy)}
    for sentence in SENTENCES.values():
        for name, text in zip(field_names(sentence), sentence.kind.show(value_at(policy, sentence.path)), strict=True):
            fields[name] = [text]
    for n, bucket in enumerate(policy.bucket):
        fields |= {
            row_field(n, "name"): [bucket.name],
            row_field(n, "from_days"): [str(bucket.from_days)],
            row_field(n, "notify"): ["yes"] if bucket.notify else [],
            row_field(n, "channels"): list(bucket.channels),
            row_field(n, "remedies"): list(bucket.remedies),
            row_field(n, "message"): [bucket.words],
        }
    return fields


def row_field(row: int, key: str) -> str:
    """Return the name of a field in a row of the table of days late."""
    return f"{DAYS_LATE}.{row}.{key}"


def row_count(form: Form) -> int:
    """Return how many rows of the table the form has, without the empty one at its end."""
    text = form.text(ROWS)
    return min(int(text), MAX_ROWS) if text.isascii() and text.isdigit() else 0


def read_draft(form: Form, policy: Policy, text: str, messages: Sequence[str]) -> Draft | None:
    """Return the policy as the form has it; None where something is wrong, which is then said at its field.

    `text` is the file as it is, and `messages` are those that a row of the table may send.
    """
    changes = dict(_changes(form, policy))
    rows = _rows(form, policy, messages)
    buckets = [row.data for row in rows]
    new_text = _write(text, policy, changes, buckets, read_trials(form, policy))
    data = policy_data(new_text)
    try:
        draft = Draft(Policy.model_validate(data), new_text)
    except ValidationError as error:
        add_problems(form, error, [row.number for row in rows])
        return None
    if not form.errors:
        before = contradictions(policy)
        for path, sentence in contradictions(draft.policy).items():
            if before.get(path) != sentence:
                form.wrong(path, sentence)
    return None if form.errors else draft


def _changes(form: Form, policy: Policy) -> Iterator[tuple[str, Any]]:
    """Yield each value that is another one now, by its place."""
    for sentence in SENTENCES.values():
        names = field_names(sentence)
        present = value_at(policy, sentence.path)
        shown = list(sentence.kind.show(present))
        typed = [form.lines(name, text) for name, text in zip(names, shown, strict=True)]
        if typed == shown:
            continue
        if not sentence.optional and not all(typed):
            form.wrong(names[0], "Enter a value.")
            continue
        try:
            value = sentence.kind.read(typed) if any(typed) else sentence.kind.empty
        except BadValue as error:
            form.wrong(names[0], str(error))
            continue
        if value != present:
            yield sentence.path, value


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    data: dict[str, Any]


def _rows(form: Form, policy: Policy, messages: Sequence[str]) -> list[_Row]:
    """Return the rows of the table of days late in order; what is wrong in a row is said at its fields."""
    rows = []
    for n in range(row_count(form) + 1):
        from_days = row_field(n, "from_days")
        if form.all(row_field(n, "remove")) or (not form.text(from_days) and not form.text(row_field(n, "name"))):
            continue
        days = form.whole(from_days)
        if days is None:
            if not form.error(from_days):
                form.wrong(from_days, "Enter from how many days late on, or remove the row.")
            continue
        rows.append(_Row(n, _row(form, n, days, policy, messages)))
    rows.sort(key=lambda row: row.data["from_days"])
    seen: dict[int, int] = {}
    for row in rows:
        days = row.data["from_days"]
        if days in seen:
            form.wrong(row_field(row.number, "from_days"), f"Two rows begin at {days} days late. Change or remove one.")
        seen[days] = row.number
    if not rows and not form.errors:
        form.wrong(row_field(0, "from_days"), "Keep at least one row.")
    return rows


def _row(form: Form, n: int, days: int, policy: Policy, messages: Sequence[str]) -> dict[str, Any]:
    known = {bucket.name: bucket for bucket in policy.bucket}
    name = form.text(row_field(n, "name"))
    present = known.get(name)
    if present is None:
        name = NEW_ROW.format(days=days)
        while name in known:
            name = f"{name}_new"
    channels = [one for one in form.all(row_field(n, "channels")) if one in (Channel.EMAIL, Channel.SMS)]
    remedies = [one for one in form.all(row_field(n, "remedies")) if one in set(RemedyKind)]
    message = form.text(row_field(n, "message")) or (present.words if present else messages[0])
    if not channels:
        form.wrong(row_field(n, "channels"), "Choose mail, text or both.")
    if message not in messages:
        form.wrong(row_field(n, "message"), "Choose one of these messages.")
    values = {
        "name": name,
        "from_days": days,
        "notify": bool(form.all(row_field(n, "notify"))),
        "message": message,
        "remedies": _in_order(remedies, present.remedies if present else ()),
        "channels": _in_order(channels, present.channels if present else ()),
    }
    return {key: value for key, value in values.items() if not _is_default(key, value, name, present)}


def _in_order(chosen: Sequence[str], present: Sequence[str]) -> list[str]:
    """Return the chosen ones in the order that they have now; others follow."""
    kept = [str(one) for one in present if one in chosen]
    return kept + [one for one in chosen if one not in kept]


def _is_default(key: str, value: Any, name: str, present: Bucket | None) -> bool:
    """Return whether a key need not be written: it has its default now, and had it before."""
    if key in ("name", "from_days"):
        return False
    default = name if key == "message" else Bucket.model_fields[key].default
    before = (present.words if key == "message" else getattr(present, key)) if present else default
    plain = [str(one) for one in default] if isinstance(default, tuple) else default
    was = [str(one) for one in before] if isinstance(before, tuple) else before
    return bool(value == plain == was)


def _write(
    text: str,
    policy: Policy,
    changes: Mapping[str, Any],
    buckets: list[dict[str, Any]],
    trials: list[dict[str, Any]] | None,
) -> str:
    """Return the file with the changed values; the others, and a table without a change, stay as they are."""
    written = policy_data(text)
    whole: dict[str, Any] = {}
    for section in WHOLE_SECTIONS:
        if section not in written and any(path.startswith(f"{section}.") for path in changes):
            whole |= {f"{section}.{key}": value for key, value in _values(getattr(policy, section)).items()}
    now = [_data_of(bucket) for bucket in policy.bucket]
    then = [_data_of_row(bucket) for bucket in buckets]
    return change_policy(text, whole | dict(changes), None if then == now else buckets, trials)


def _values(section: BaseModel) -> dict[str, Any]:
    return {key: value for key in type(section).model_fields if (value := getattr(section, key)) not in (None, {})}


def _data_of(bucket: Bucket) -> dict[str, Any]:
    return {
        "name": bucket.name,
        "from_days": bucket.from_days,
        "notify": bucket.notify,
        "message": bucket.words,
        "remedies": [str(one) for one in bucket.remedies],
        "channels": [str(one) for one in bucket.channels],
    }


def _data_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"notify": True, "message": row["name"], "remedies": [], "channels": [str(Channel.EMAIL)]}
    return defaults | dict(row)
