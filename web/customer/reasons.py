"""Say why an order is late."""

from models.customers import DelayReason
from templates.rendering.page_words import PageWords


def reason_text(words: PageWords, reason: DelayReason | None) -> str:
    """Return one sentence with the reason, or that it is not known yet."""
    clause = reason.texts.get(words.language) if reason else None
    return words.say("reason", reason=clause) if clause else words.say("reason_unknown")
