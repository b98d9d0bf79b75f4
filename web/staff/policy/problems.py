"""Say in plain words, at the right field, what pydantic finds wrong with a policy."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.policy.sentences import DAYS_LATE, SENTENCES, TRIAL
from web.staff.policy.values import HUNDRED, SHARE, number_text

LIMITS = {
    "greater_than_equal": ("ge", "Enter {limit} or more."),
    "greater_than": ("gt", "Enter more than {limit}."),
    "less_than_equal": ("le", "Enter {limit} or less."),
    "less_than": ("lt", "Enter less than {limit}."),
}
"""By pydantic's name of a problem: the name of its limit, and what to enter."""
ACROSS_FIELDS = (
    ("give either percent", "percent", "Give either a percentage or a fixed amount: fill in one, and empty the other."),
    ("percent needs up_to", "up_to", "Enter the most that the percentage may cost, such as EUR 20."),
    ("percent is above 0", "percent", "Enter a percentage above 0 and at most 100."),
    ("price_from is above", "price_from", "The lowest price is above the highest."),
    ("likely is above surely", "likely", "Enter no more here than for a warning at once."),
    ("last_day is above days_before", "last_day", "The last morning is before the first one: no warning is possible."),
    ("up_to_days is below late_days", "up_to_days", "A warning would say less than what it warns of. Enter more days."),
    ("holiday calendar", "country", "There are no public holidays of this country. Enter a code such as DE or US."),
    ("is not a subdivision", "subdivision", "This country has no such state or province. Enter a code such as BY."),
)
"""What a check over several keys of a section says, the key to which it belongs, and the sentence for people."""


def add_problems(form: Form, error: ValidationError, rows: Sequence[int]) -> None:
    """Add each problem to the form at its field; `rows` are the form's rows of the table of days late, in order."""
    in_rows = any(each.name.startswith(f"{DAYS_LATE}.") for each in form.errors)
    for problem in error.errors(include_url=False):
        if in_rows and problem["loc"] == (DAYS_LATE,):
            continue  # the rows say it themselves
        name, message = _named(problem, rows)
        if not form.error(name):
            form.wrong(name, message)


def _named(problem: Mapping[str, Any], rows: Sequence[int]) -> tuple[str, str]:
    place = [str(part) for part in problem["loc"]]
    said = str(problem["msg"]).removeprefix("Value error, ")
    if not place or place[0] == TRIAL:
        # The rows of trials are checked one by one: what is left is a message that a trial needs and no row has.
        return f"{TRIAL}.0.message", sentence(said)
    if place[0] == DAYS_LATE:
        if len(place) > 2 and place[1].isdigit() and int(place[1]) < len(rows):
            return f"{DAYS_LATE}.{rows[int(place[1])]}.{place[2]}", _limit(problem, share=False) or sentence(said)
        return f"{DAYS_LATE}.0.from_days", sentence(said)
    for text, key, words in ACROSS_FIELDS:
        if text in said:
            return _field(f"{place[0]}.{key}"), words
    path = ".".join(place)
    found = next((one for one in SENTENCES.values() if path == one.path or path.startswith(f"{one.path}.")), None)
    is_share = found is not None and found.kind is SHARE
    return _field(found.path if found else path), _limit(problem, share=is_share) or sentence(said)


def _field(path: str) -> str:
    known = SENTENCES.get(path)
    return f"{path}{known.kind.fields[0]}" if known else path


def _limit(problem: Mapping[str, Any], *, share: bool) -> str:
    if problem["type"] not in LIMITS:
        return ""
    key, words = LIMITS[problem["type"]]
    limit = Decimal(str(problem["ctx"][key]))
    return words.format(limit=number_text(limit * HUNDRED if share else limit))
