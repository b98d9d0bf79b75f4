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

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.safe_text import markdown_table
from cli.reference import clock_rules
from models.config.settings import Settings, TransportKind
from models.enums import Channel, SmtpTls
from models.fields import Amounts, DaysByCountry, DaysByMethod
from models.policy.experiments import ExperimentPolicy
from models.policy.messaging import QuietHours
from models.policy.policy import Bucket, Policy
from models.policy.promise_clock import CountryRules, PromiseClockPolicy
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
    SmtpTls: "`starttls`, `tls` or `none`",
    TransportKind: "transport",
    Channel: "`email` or `sms`",
}
"""For a wrong transport or channel, the error names those that are possible."""
MAPPINGS: tuple[tuple[Any, str], ...] = (
    (Amounts, "amounts by currency"),
    (DaysByCountry, "days by country"),
    (DaysByMethod, "days by shipping method"),
    (Counts, "numbers by name"),
    (dict[str, Counts], "by table, numbers by name"),
    (dict[str, str], "texts by name"),
    (dict[Channel, QuietHours], "`{ begins, ends }` by channel"),
)
TRIALS = "a-trial-of-two-wordings"
WRITTEN = "<!-- Written by `python -m cli.reference.config_pages {name} > docs/{name}.md`; a test holds it to that. -->"

POLICY = """\
The numbers that the business may change are in `policy.toml` of the shop's folder. A key that is left out has the
default below. Every command stops at an unknown key or an impossible value, with one sentence that names the key.

To preview a change before it takes effect, for today or for a past day:

* *Policy* on the desk shows what the next run would do by changed numbers, and saves them as a version with its
  author: [marketing.md](marketing.md#change-the-policy).
* `forewarn run --dry-run`, also with `--as-of DATE`, shows who would be notified, and writes nothing.
* The next run detects the change, and evaluates every open order once, unless only `[retention]`, `[order_page]`,
  `[costs]`, `[approval]`, `[words]`, `[promise_clock]` or `[[experiment]]` changed.
* In Prefect the same keys are a form: start `late-orders` by *Custom run* to try another policy for one run.

Amounts by currency are written `{ EUR = 10, USD = 12 }`; a currency that is not listed has none.
"""
REPORT = """\
`forewarn run --json` and `forewarn deliver --json` print one JSON object, with every key below in it. The exit code is
3 if `held` says why the run waits for a person, else 1 if `problems` or `down` say what went wrong, else 3 if messages
wait for `forewarn go-live` (`not_live`), else 0.

Buckets are those of the [policy](policy.md). [customer-service.md](customer-service.md) explains each reason in
`skipped` and what to do about it.
"""
SETTINGS = """\
Settings differ from one machine to the next. Each is read from the environment, or else from the file `.env` in the
folder where the command runs. Options of the command line, such as `--shop`, take precedence. `forewarn doctor` names
missing settings, and never shows a secret. Secrets belong here only: not in the shop's folder, and not in Prefect's
parameters. Every command stops at a name that begins with `FOREWARN_` and is not listed here, and suggests the most
similar one; names that Kubernetes sets for a service called `forewarn` are ignored. `forewarn demo` reads no settings.

What the business may change is in [policy.md](policy.md). Prefect's own settings, above all `PREFECT_API_URL`, are
in [operate.md](operate.md): if it is set, Prefect records the runs of `forewarn run`.
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
            yield "If `policy.toml` lists no bucket, these are used; if it lists any, only those.\n"
            yield markdown_table(("name", "from_days", "notify", "channels", "remedies"), map(_bucket, policy.bucket))
            continue
        if section == "experiment":
            yield f"## [[experiment]]\n\n{ExperimentPolicy.__doc__} See [marketing.md](marketing.md#{TRIALS}).\n"
            yield markdown_table(("key", "kind", "default", "meaning"), _keys(ExperimentPolicy, None))
            continue
        model: type[BaseModel] = field.annotation  # type: ignore[assignment]
        yield f"## [{section}]\n\n{model.__doc__}\n"
        if section == "promise_clock":
            yield clock_rules.ABOUT
            yield markdown_table(("key", "kind", "default", "meaning"), _clock_keys(policy.promise_clock))
            yield from clock_rules.country_values()
            continue
        yield markdown_table(("key", "kind", "default", "meaning"), _keys(model, getattr(policy, section)))


def _clock_keys(clock: PromiseClockPolicy) -> Iterator[tuple[str, ...]]:
    """Yield the section's own keys, and those of a country in place of the table of countries."""
    yield from (row for row in _keys(PromiseClockPolicy, clock) if row[0] != "`country`")
    yield from ((f"`country.XX.{name[1:]}", *rest) for name, *rest in _keys(CountryRules, None))


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
    if Gt in bounds and Lt in bounds:
        return f" above {bounds[Gt].gt} and below {bounds[Lt].lt}"
    if Gt in bounds:
        return f" above {bounds[Gt].gt}{most}"
    return f", {bounds[Ge].ge} or more" if Ge in bounds else most


def _named(annotation: Any) -> str:
    if annotation in KINDS:
        return KINDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{one}`" for one in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"`{{ {', '.join(annotation.model_fields)} }}`"
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
