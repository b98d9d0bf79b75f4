"""Why something is late, as the shop's data or its staff say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_CODE_LENGTH = 40
OTHER, UNKNOWN = "other", "unknown"
"""Two codes without words: a reason that only its own texts name, and one that nobody knows yet."""


class ReasonScope(StrEnum):
    """What a delay's reason is about, the most exact first: the first one that has a reason gives it."""

    LINE = "line"
    INBOUND = "inbound"
    PRODUCT = "product"
    VENDOR = "vendor"


SCOPE_NAMES = {
    ReasonScope.LINE: "order line",
    ReasonScope.INBOUND: "delivery",
    ReasonScope.PRODUCT: "product",
    ReasonScope.VENDOR: "vendor",
}
"""How staff read a scope."""


@dataclass(frozen=True, slots=True)
class DelayReason:
    """Why a line is late: a code from the list, and the shop's own words by language, if any."""

    code: str
    texts: Mapping[str, str] = field(default_factory=dict)
    scope: ReasonScope | None = None
    """What it was given for; None: not known."""


def reason_code(text: str) -> str | None:
    """Return a text as a reason's code, as `supplier_late` for "Supplier late"; None without a letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:MAX_CODE_LENGTH].rstrip("_") or None
