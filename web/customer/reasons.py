"""Say why an order is late."""

from models.customers import DelayReason
from templates.rendering.page_words import PageWords


def reason_text(words: PageWords, reason: DelayReason | None) -> str:
    """Return one sentence with the reason, or that it is not known yet; empty where it has no words in the language."""
    clause = words.reasons.clause(reason, words.language)
    if clause is None:
        return words.say("reason_unknown")
    return words.say("reason", reason=clause) if clause else ""
