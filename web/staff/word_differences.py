"""Mark the words that changed within lines that differ."""

import difflib
import re
from collections.abc import Sequence
from itertools import groupby

Line = tuple[tuple[str, bool], ...]
"""A line in pieces, each with whether it changed."""
WORDS = re.compile(r"\w+|\s|[^\w\s]")
MOST_WORDS = 3_000
"""Of a passage; in a longer one no words are marked, as it would take too long to compare them."""
LEAST_ALIKE = 0.4
"""Two passages with less in common have other words altogether, and no words are marked."""


def mark_words(lines: Sequence[tuple[str, str]]) -> list[tuple[str, Line]]:
    """Return the lines of a comparison, each after its sign, with the words that changed in a passage marked."""
    marked: list[tuple[str, Line]] = []
    for differs, passage in groupby(lines, key=lambda line: line[0] in ("+", "-")):
        found = list(passage)
        if not differs:
            marked += [(sign, ((text, False),)) for sign, text in found]
            continue
        before, after = ("\n".join(text for each, text in found if each == sign) for sign in "-+")
        for sign, pieces in zip("-+", _compared(before, after), strict=True):
            if any(each == sign for each, _ in found):
                marked += [(sign, line) for line in _lines(pieces)]
    return marked


def _compared(before: str, after: str) -> tuple[Line, Line]:
    """Return two passages in pieces, those marked that the other one does not have."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    whole = ((before, False),), ((after, False),)
    if max(len(old), len(new)) > MOST_WORDS:
        return whole
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return whole
    steps = matcher.get_opcodes()
    return (
        tuple(("".join(old[start:end]), tag != "equal") for tag, start, end, _, _ in steps),
        tuple(("".join(new[start:end]), tag != "equal") for tag, _, _, start, end in steps),
    )


def _lines(pieces: Line) -> list[Line]:
    """Return a passage line by line."""
    lines: list[list[tuple[str, bool]]] = [[]]
    for text, changed in pieces:
        first, *others = text.split("\n")
        lines[-1].append((first, changed))
        lines += [[(each, changed)] for each in others]
    return [tuple((text, changed) for text, changed in line if text) for line in lines]
