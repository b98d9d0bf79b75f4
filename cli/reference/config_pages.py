"""Write docs/policy.md, docs/report.md and docs/settings.md.

Called as `python -m cli.reference.config_pages policy > docs/policy.md`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.safe_text import markdown_table
from models.config.settings import Settings, TransportKind
from models.enums import Channel
from models.fields import Amounts, DaysByCountry, DaysByMethod
from models.policy.messaging import QuietHours
from models.policy.policy import Bucket, Policy
from models.run_report import Counts, Report

KINDS: dict[Any, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Decimal: "number",
    date: "date",
    time: "time of day",
    Path: "path",
    SecretStr: "secret",
    TransportKind: "door",
    Channel: "`email` or `sms`",
}
"""A door or a channel that does not fit is refused with the names of those that do."""
MAPPINGS: tuple[tuple[Any, str], ...] = (
    (Amounts, "amounts by currency"),
    (DaysByCountry, "days by country"),
    (DaysByMethod, "days by shipping method"),
    (Counts, "numbers by name"),
    (dict[str, Counts], "by table, numbers by name"),
    (dict[str, str], "texts by name"),
    (dict[Channel, QuietHours], "`{ begins, ends }` by channel"),
)
WRITTEN = "<!-- Written by `python -m cli.reference.config_pages {name} > docs/{name}.md`; a test holds it to that. -->"

POLICY = """\
The numbers that the business may change stand in `policy.toml` of the shop's folder. What it does not say keeps the
default below. A key that is not known here, or a value that cannot be, stops every command with one sentence that
names the key.

See first what a change would do, for today or for any day past, then let it out:

* `forewarn run --dry-run`, or with `--as-of DATE`, says who would be told, and writes nothing.
* The next run notices the change by itself, and looks at every open order once.
* In Prefect the same keys are a form: start `late-orders` by *Custom run* to try another policy for one run.

Amounts by currency are written `{ EUR = 10, USD = 12 }`; in a currency that is not listed there are none.
"""
REPORT = """\
`forewarn run --json` and `forewarn deliver --json` print one JSON object, with every key below in it. The command
exits with 0 where nothing went wrong, with 3 where `held` says why the run waits for a person, else with 1 where
`problems` or `down` say what did.

Buckets are those of the [policy](policy.md). What each reason in `skipped` means, and what to do about it, stands
in [customer-service.md](customer-service.md).
"""
SETTINGS = """\
What differs from one machine to the next. Each is read from the environment, or else from the file `.env` in the
folder where the command runs; what the command line gives, as `--shop`, goes before both. `forewarn doctor` names
what is missing, and never shows a secret. Secrets belong here and nowhere else: not in the shop's folder, not in
Prefect's parameters. A name that begins with `FOREWARN_` and is not listed here stops every command, which names the
setting that it is most like; what Kubernetes sets for a service called `forewarn` is passed over. `forewarn demo`
reads none of them.

What the business may change is in [policy.md](policy.md). Prefect's own settings, `PREFECT_API_URL` above all, are
in [operate.md](operate.md): with it set, runs of `forewarn run` are recorded there.
"""


def page(name: str) -> str:
    """Return the text of docs/NAME.md; raises KeyError for a page that is not written here."""
    title, about, tables = {
        "policy": ("Policy", POLICY, _policy),
        "report": ("Report", REPORT, _report),
        "settings": ("Settings", SETTINGS, _settings),
    }[name]
    return f"# {title}\n\n{WRITTEN.format(name=name)}\n\n{about}\n" + "\n".join(tables())


def _policy() -> Iterator[str]:
    policy = Policy()
    for section, field in Policy.model_fields.items():
        if section == "bucket":
            yield f"## [[bucket]]\n\n{Bucket.__doc__} It ends where the next one begins.\n"
            yield markdown_table(("key", "kind", "default", "meaning"), _keys(Bucket, None))
            yield "Where `policy.toml` lists no bucket, these are the shop's; where it lists any, those are all.\n"
            yield markdown_table(("name", "from_days", "notify", "channels", "remedies"), map(_bucket, policy.bucket))
            continue
        model: type[BaseModel] = field.annotation  # type: ignore[assignment]
        yield f"## [{section}]\n\n{model.__doc__}\n"
        yield markdown_table(("key", "kind", "default", "meaning"), _keys(model, getattr(policy, section)))


def _keys(model: type[BaseModel], value: BaseModel | None) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        default = "needed" if field.is_required() else _code(getattr(value, name) if value else field.default)
        yield f"`{name}`", _kind(field), default, field.description or field.annotation.__doc__ or ""


def _bucket(bucket: Bucket) -> tuple[str, ...]:
    return tuple(
        _code(value) for value in (bucket.name, bucket.from_days, bucket.notify, bucket.channels, bucket.remedies)
    )


def _report() -> Iterator[str]:
    rows = ((f"`{name}`", _kind(field), field.description or "") for name, field in Report.model_fields.items())
    yield markdown_table(("key", "kind", "meaning"), rows)


def _settings() -> Iterator[str]:
    rows = (
        (f"`FOREWARN_{name.upper()}`", _kind(field), _setting(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    yield markdown_table(("setting", "kind", "default", "meaning"), rows)


def _setting(value: object) -> str:
    return "" if value is None else f"`{value}`"


def _kind(field: FieldInfo) -> str:
    return _named(field.annotation) + _within({type(bound): bound for bound in field.metadata})


def _within(bounds: Mapping[type, Any]) -> str:
    if Le in bounds and Ge in bounds:
        return f", {bounds[Ge].ge} to {bounds[Le].le}"
    most = f", at most {bounds[Le].le}" if Le in bounds else ""
    if Gt in bounds:
        return f" above {bounds[Gt].gt}{most}"
    return f", {bounds[Ge].ge} or more" if Ge in bounds else most


def _named(annotation: Any) -> str:
    if annotation in KINDS:
        return KINDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{one}`" for one in annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return next((words for mapping, words in MAPPINGS if mapping == annotation), "object")
    if origin in (tuple, list):
        return f"list of {_named(inner[0])}"
    return _named(inner[0])


def _code(value: object) -> str:
    return "" if value is None else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    match value:
        case bool() | str():
            return json.dumps(value)
        case BaseModel():
            return _toml(dict(value))
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)


if __name__ == "__main__":
    print(page(sys.argv[1]), end="")
