"""Notice that only one of a mail's two texts was changed: both should say the same."""

import re
from collections.abc import Mapping

from templates.rendering.drafts import DraftProblem, Words
from web.staff.template_words import part_name

MAIL, PLAIN = "body.html", "body.txt"
TAG = re.compile(r"<[^<>]*>")


def unlike_parts(words: Words, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> list[DraftProblem]:
    """Return a warning where the mail says something new and its plain text does not, or the other way round."""
    if not {MAIL, PLAIN} <= set(words.parts):
        return []
    changed = [part for part in (MAIL, PLAIN) if _said(words, part, before) != _said(words, part, after)]
    if len(changed) != 1:
        return []
    (one,) = changed
    other = PLAIN if one == MAIL else MAIL
    said = f"You changed {part_name(one)} and not {part_name(other)}; both should say the same."
    return [DraftProblem(other, said, is_warning=True)]


def _said(words: Words, part: str, files: Mapping[str, str | None]) -> list[str]:
    """Return the words of a part without its markup, whose change is none of what it says."""
    own = files.get(words.file(part))
    text = own if own is not None else words.built_in(part) or ""
    return (TAG.sub(" ", text) if part == MAIL else text).split()
