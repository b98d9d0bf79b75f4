"""Take the texts that name a person out of a longer text, and tell whose a text is."""

import re
from collections.abc import Iterable

GONE = "[erased]"
SHORTEST_PART = 3
"""Characters: shorter parts of a name are in too many other words."""


def scrub(text: str, contacts: Iterable[str], words: Iterable[str] = ()) -> str:
    """Return a text without addresses, and without words and the parts of words, such as a first name."""
    parts = {part for word in words for part in (word, *word.split()) if len(part) >= SHORTEST_PART}
    patterns = [re.escape(one) for one in _longest_first(contacts)]
    patterns += [rf"(?<!\w){re.escape(one)}(?!\w)" for one in _longest_first(parts)]
    return re.sub("|".join(patterns), GONE, text, flags=re.IGNORECASE) if patterns else text


def is_of_person(text: str, contacts: Iterable[str], words: Iterable[str]) -> bool:
    """Return whether a text has an address of a person, or is one of their words and nothing else.

    A longer text with a name or a street in it may be a namesake's or a neighbour's.
    """
    if text.strip().casefold() in {word.strip().casefold() for word in words}:
        return True
    either = "|".join(re.escape(one) for one in _longest_first(contacts))
    return bool(either) and re.search(rf"(?<![\w.+%-])(?:{either})(?![\w-]|\.\w)", text, re.IGNORECASE) is not None


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text}, key=len, reverse=True)
