"""Trials of two wordings in the form of the policy: a row for each, and an empty one for the next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from models.experiments import Outcome
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import GOOD_NEWS, LATE_AGAIN, MAY_BE_LATE, NEW_DATE, Policy
from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.policy.sentences import TRIAL
from web.staff.policy.values import HUNDRED, number_text
from web.staff.template_words import title_of

TRIALS = "trials"
"""The field with the number of rows."""
MAX_TRIALS = 20
HALF = "50"
OUTCOMES = {
    Outcome.WAITED: "chose to wait",
    Outcome.CANCELLED: "cancelled",
    Outcome.ANSWERED: "answered at all",
    Outcome.REDEEMED: "redeemed a code",
}
KEYS = ("name", "message", "share", "begins", "ends", "outcome")


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial in the form."""

    number: int
    title: str
    values: Mapping[str, str]
    messages: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[str, str], ...]
    errors: Mapping[str, str]
    is_new: bool


def trial_field(row: int, key: str) -> str:
    """Return the name of a field in a row."""
    return f"{TRIAL}.{row}.{key}"


def trial_fields(policy: Policy) -> dict[str, list[str]]:
    """Return what the fields hold for a policy."""
    fields = {TRIALS: [str(len(policy.experiment))]}
    for n, one in enumerate(policy.experiment):
        shown = {
            "name": one.name,
            "message": one.message,
            "share": number_text(Decimal(str(one.share)) * HUNDRED),
            "begins": f"{one.begins}",
            "ends": f"{one.ends}",
            "outcome": one.outcome,
        }
        fields |= {trial_field(n, key): [value] for key, value in shown.items()}
    return fields


def trial_rows(form: Form, policy: Policy) -> tuple[TrialRow, ...]:
    """Return the rows that the form has, and an empty one."""
    count = _count(form)
    messages = {message: title_of(message, policy) for message in _messages(policy)}
    return tuple(_row(form, n, messages, is_new=n == count) for n in range(count + 1))


def _row(form: Form, n: int, messages: Mapping[str, str], *, is_new: bool) -> TrialRow:
    values = {key: form.text(trial_field(n, key)) for key in KEYS}
    return TrialRow(
        number=n,
        title="A new trial" if is_new else values["name"] or "A trial",
        values=values | {"share": values["share"] or HALF},
        messages=tuple(messages.items()),
        outcomes=tuple((outcome.value, words) for outcome, words in OUTCOMES.items()),
        errors={key: form.error(trial_field(n, key)) for key in KEYS},
        is_new=is_new,
    )


def _count(form: Form) -> int:
    text = form.text(TRIALS)
    return min(int(text), MAX_TRIALS) if text.isascii() and text.isdigit() else 0


def _messages(policy: Policy) -> tuple[str, ...]:
    """Return the messages that a trial can be about."""
    told = [bucket.words for bucket in policy.bucket if bucket.notify]
    tried = [one.message for one in policy.experiment]
    return tuple(dict.fromkeys((*told, LATE_AGAIN, NEW_DATE, GOOD_NEWS, MAY_BE_LATE, *tried)))


def read_trials(form: Form, policy: Policy) -> list[dict[str, Any]] | None:
    """Return all trials as the file has them; None where none was changed. What is wrong is said at its field."""
    if not form.text(TRIALS):
        return None
    found: list[tuple[int, ExperimentPolicy]] = []
    for n in range(_count(form) + 1):
        if form.all(trial_field(n, "remove")) or not any(
            form.text(trial_field(n, key)) for key in ("name", "begins", "ends")
        ):
            continue
        if trial := _trial(form, n, policy, [one.wording for _, one in found]):
            _check(form, n, trial, [one for _, one in found])
            found.append((n, trial))
    trials = [one for _, one in found]
    return None if form.errors or trials == list(policy.experiment) else [_data(one) for one in trials]


def _trial(form: Form, n: int, policy: Policy, taken: Sequence[str]) -> ExperimentPolicy | None:
    name, message = form.text(trial_field(n, "name")), form.text(trial_field(n, "message"))
    present = policy.experiment[n] if n < len(policy.experiment) else None
    days = {key: form.day(trial_field(n, key)) for key in ("begins", "ends")}
    if not name:
        form.wrong(trial_field(n, "name"), "Enter a name, such as “shorter subject”.")
    if message not in _messages(policy):
        form.wrong(trial_field(n, "message"), "Choose one of these messages.")
    for key, day in days.items():
        if day is None and not form.error(trial_field(n, key)):
            form.wrong(trial_field(n, key), "Enter a date.")
    share = form.whole(trial_field(n, "share")) if form.text(trial_field(n, "share")) else 50
    if share is not None and not 0 < share < HUNDRED:
        form.wrong(trial_field(n, "share"), "Enter a number from 1 to 99.")
    if any(form.error(trial_field(n, key)) for key in KEYS):
        return None
    same = present if present is not None and present.message == message else None
    values = {
        "name": name,
        "message": message,
        "wording": same.wording if same else _folder(message, policy, taken),
        "share": share / 100 if share is not None else None,
        "outcome": form.text(trial_field(n, "outcome")) or Outcome.WAITED,
        **days,
    }
    try:
        return ExperimentPolicy.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "ends"
        said = "The last day is before the first one." if key == "ends" else sentence(first["msg"])
        form.wrong(trial_field(n, key if key in KEYS else "name"), said)
        return None


def _folder(message: str, policy: Policy, taken: Sequence[str]) -> str:
    """Return a folder for a second wording that nothing else uses: `week_b`, then `week_c`."""
    used = {*taken, *_messages(policy), *(bucket.words for bucket in policy.bucket)}
    used |= {one.wording for one in policy.experiment}
    letters = (f"{message}_{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
    return next((folder for folder in letters if folder not in used), f"{message}_b{len(used)}")


def _check(form: Form, n: int, trial: ExperimentPolicy, others: Sequence[ExperimentPolicy]) -> None:
    for other in others:
        if trial.name == other.name:
            form.wrong(trial_field(n, "name"), "Another trial has this name. The split depends on it: choose another.")
        elif trial.overlaps(other):
            said = f"The trial “{other.name}” is about the same message on these days: one would spoil the other."
            form.wrong(trial_field(n, "begins"), said)


def _data(trial: ExperimentPolicy) -> dict[str, Any]:
    return trial.model_dump() | {"outcome": trial.outcome.value}


def trial_words(trial: ExperimentPolicy, policy: Policy) -> str:
    """Return a trial in words."""
    share = number_text(Decimal(str(trial.share)) * HUNDRED)
    return (
        f"{title_of(trial.message, policy)}: {share} in 100 customers read wording B, from {trial.begins} to "
        f"{trial.ends}; counted is who {OUTCOMES[trial.outcome]}"
    )


def changed_trials(before: Policy, after: Policy) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each trial that differs, what it was, and what it is then."""
    old, new = ({one.name: one for one in policy.experiment} for policy in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            was, then = (
                trial_words(found[name], policy) if name in found else "no such trial"
                for found, policy in ((old, before), (new, after))
            )
            yield f"The trial “{name}”", was, then
