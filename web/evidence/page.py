"""The evidence of an order as one page that prints well, and needs nothing beside it."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale

from web.page_templates import page_environment

VERBS = {"ship": "ship", "deliver": "arrive"}
CHANNELS = {"email": "mail", "sms": "text message"}
ACTS = {
    "wait": "Agreed to wait",
    "ship": "Asked for what is ready",
    "swap": "Swapped for another product",
    "cancel": "Cancelled",
    "offer": "Took the discount",
    "withdraw": "Withdrew from the contract",
}
ISO_DAY = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")


def evidence_page(evidence: Mapping[str, Any]) -> str:
    """Return the page of what `load_evidence` returned."""
    zone = ZoneInfo(evidence["zone"])
    environment = page_environment().overlay()
    environment.filters = {
        **environment.filters,
        "day": shown_day,
        "country": country_name,
        "days": lambda text: ISO_DAY.sub(lambda found: shown_day(date.fromisoformat(found[1])), text),
        "moment": lambda at: f"{shown_day(at.astimezone(zone).date())}, {at.astimezone(zone):%H:%M}",
    }
    numbers = {notice["id"]: number for number, notice in enumerate(evidence["told"], 1)}
    words = {"verbs": VERBS, "channels": CHANNELS, "acts": ACTS, "numbers": numbers}
    return environment.get_template("evidence.html").render(**evidence, **words)


def shown_day(day: date | datetime) -> str:
    """Return a day as 2 June 2027."""
    return f"{day.day} {day:%B %Y}"


def country_name(code: str) -> str:
    """Return where an order goes in words, as Canada (QC) for CA-QC."""
    country, _, region = code.partition("-")
    name = Locale("en").territories.get(country, country)
    return f"{name} ({region})" if region else name
