"""Choose the reason of a line's delay: the most exact one, and staff's before the source's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from models.reasons import UNKNOWN, DelayReason, ReasonScope

ReasonKey = tuple[ReasonScope, str]
"""What a reason was given for, and its id; `ORDER/LINE` for an order line."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that a line's delay may be due to, with the reason's code in the source, if any."""

    scope: ReasonScope
    subject: str
    code: str | None = None


def line_subject(order: str, number: str) -> str:
    """Return the id of an order line among reasons."""
    return f"{order}/{number}"


def resolve_reason(causes: Iterable[Cause], by_staff: Mapping[ReasonKey, DelayReason]) -> DelayReason | None:
    """Return the reason of the first cause that has one; None where there is none, or where it says `unknown`."""
    for cause in causes:
        reason = by_staff.get((cause.scope, cause.subject)) or (DelayReason(cause.code) if cause.code else None)
        if reason is not None:
            return None if reason.code == UNKNOWN and not reason.texts else replace(reason, scope=cause.scope)
    return None
