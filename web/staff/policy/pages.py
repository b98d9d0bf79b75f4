"""The pages of the policy: its numbers as a form, what a change does at the next run, and saving it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from models.config.shop import sentence
from models.enums import Channel
from models.errors import BadShop
from models.policy.policy import Policy
from models.staff import Right
from models.versions import BY_FILES, Area, Version
from tasks.policy.document import policy_data
from tasks.versions.history import newest, waiting
from tasks.versions.record import digest_of
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import TOKEN, Form
from web.staff.policy.changes import changes_between, counted_changes
from web.staff.policy.consequence import consequence, look_ahead
from web.staff.policy.form_view import chapter_views, operators_values, plain_chapters, row_views
from web.staff.policy.reading import Draft, fields_of, read_draft
from web.staff.policy.trials import trial_rows
from web.staff.visit import Refused, Visit

POLICY = "policy"
FILE = "policy.toml"
SUBJECT = "policy"
NOT_HERE = "The policy is read from the shop's folder by `forewarn serve` alone."
MESSAGES = ("short", "week", "fortnight", "long")
"""The built-in messages about a delay."""
_BUILT_IN = frozenset(("late_again", "good_news", "new_date", "may_be_late", *MESSAGES))
NOT_KEPT = (TOKEN, "step", "why", "base", "digest")
"""Fields of the forms that are not the policy's."""


@dataclass(frozen=True, slots=True)
class PolicyNow:
    """The policy in use, the text of its file, and which version that is."""

    policy: Policy
    text: str
    digest: str
    latest: Version | None
    waits: Version | None
    refusal: str
    """Why it cannot be saved here; empty: it can."""


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the form; versions are in `web.staff.policy.versions`."""
    return [StaffRoute("/policy", Right.SEE, show_policy, see_changes, Right.PUBLISH)]


def policy_now(visit: Visit) -> PolicyNow:
    """Read the policy as the shop's file has it. Raises Refused for a file that is wrong."""
    edits = visit.desk.services.edits
    text = (edits.read([FILE])[FILE] or "") if edits else ""
    policy = read_text(text) if edits else visit.context.policy
    with visit.reading() as connection:
        latest, waits = (find(connection, Area.POLICY, SUBJECT) for find in (newest, waiting))
    refusal = edits.refusal if edits else NOT_HERE
    return PolicyNow(policy, text, digest_of({FILE: text}), latest, waits, refusal)


def read_text(text: str) -> Policy:
    """Read a text of policy.toml. Raises Refused, which says what is wrong with it."""
    try:
        return Policy.model_validate(policy_data(text))
    except ValidationError as error:
        raise Refused(f"{FILE} cannot be used: {sentence(error, Policy)}") from error
    except BadShop as error:
        raise Refused(str(error)) from error


def show_policy(visit: Visit) -> Response:
    """Return the form with the numbers in use."""
    now = policy_now(visit)
    if not visit.person.may(Right.PUBLISH):
        return visit.page(
            "desk/policy_read.html",
            title="Policy",
            chapters=plain_chapters(now.policy),
            versions=desk_address(POLICY, "versions"),
        )
    return _form_page(visit, now, Form("", fields_of(now.policy)))


def _form_page(visit: Visit, now: PolicyNow, form: Form) -> Response:
    messages = message_names(visit, now.policy)
    waits = now.waits
    return visit.page(
        "desk/policy.html",
        title="Policy",
        form=form,
        action=desk_address(POLICY),
        rows=row_views(form, now.policy, messages),
        chapters=chapter_views(form),
        trials=trial_rows(form, now.policy),
        operators=tuple(operators_values(now.policy)),
        refusal=now.refusal,
        version=f"Version {now.latest.number}" if now.latest else "",
        waits=f"Version {waits.number} by {waits.author} waits for a second person." if waits else "",
        waits_at=desk_address(POLICY, "versions", str(waits.number)) if waits else "",
        versions=desk_address(POLICY, "versions"),
        base=str(now.latest.number if now.latest else 0),
        digest=now.digest,
    )


def message_names(visit: Visit, policy: Policy) -> tuple[str, ...]:
    """Return the messages that a row of the table may send: ours, those in use, and the shop's own."""
    renderer, locale = visit.context.renderer, visit.context.shop.locale
    folder = visit.desk.services.own_templates
    own = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder and folder.is_dir() else []
    used = [bucket.words for bucket in policy.bucket]
    others = [name for name in own if name not in _BUILT_IN and renderer.has_language(name, Channel.EMAIL, locale)]
    return tuple(dict.fromkeys((*MESSAGES, *used, *others)))


def see_changes(visit: Visit, form: Form) -> Response:
    """Show what the changed policy does at the next run; nothing is written."""
    now = policy_now(visit)
    _check_base(now, form)
    draft = read_draft(form, now.policy, now.text, message_names(visit, now.policy))
    if draft is None or form.text("step") == "edit":
        return _form_page(visit, now, form)
    if draft.policy == now.policy:
        form.wrong("content", "Nothing is changed yet. Change a number, and look again.")
        return _form_page(visit, now, form)
    return effect_page(visit, now, draft, kept=kept_fields(form), form=form)


def _check_base(now: PolicyNow, form: Form) -> None:
    """Raise Refused where the policy changed since the form was made: its other fields would change it back."""
    if form.text("digest") in ("", now.digest):
        return
    latest = now.latest
    is_newer = latest is not None and str(latest.number) != form.text("base") and latest.author != BY_FILES
    by = f"by {latest.author}" if latest and is_newer else "in the shop's folder"
    link = (desk_address(POLICY), "See the policy as it is now")
    raise Refused(
        f"The policy was changed meanwhile, {by}. Make your change in the policy as it is now.", links=(link,)
    )


def kept_fields(form: Form) -> tuple[tuple[str, str], ...]:
    """Return what was typed, as hidden fields of the next form."""
    return tuple((name, value) for name, values in form.fields.items() if name not in NOT_KEPT for value in values)


def effect_page(
    visit: Visit,
    now: PolicyNow,
    draft: Draft,
    *,
    kept: Sequence[tuple[str, str]] = (),
    form: Form,
    title: str = "",
    save_at: str = "",
    button: str = "",
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return the page that says what a policy would do in place of the one in use."""
    changes = changes_between(now.policy, draft.policy)
    effect = look_ahead(visit, now.policy, draft.policy)
    number = (now.latest.number if now.latest else 1) + 1
    needs_second = now.policy.approval.policy
    values: dict[str, Any] = {
        "changes": changes,
        "effect": consequence(visit, (now.policy, draft.policy), effect, changes),
        "kept": kept,
        "action": desk_address(POLICY),
        "save_at": save_at or desk_address(POLICY, "save"),
        "button": button or (f"Ask for approval of version {number}" if needs_second else f"Save as version {number}"),
        "needs_second": needs_second,
        "refusal": now.refusal,
        "lines": _lines(now.text, draft.text) if now.refusal else "",
        "back": desk_address(POLICY),
        "base": str(now.latest.number if now.latest else 0),
        "digest": now.digest,
        "own": "",
        "send_back_at": "",
    }
    return visit.page(
        "desk/policy_effect.html", title=title or counted_changes(changes), form=form, **(values | dict(more or {}))
    )


def _lines(before: str, after: str) -> str:
    """Return the lines of the file that change, as - and +."""
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
