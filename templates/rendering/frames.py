"""The frames that mails share, as something to edit: their files, and a message that shows each."""

import re
from collections.abc import Mapping

from templates.rendering.environment import BUILT_IN
from templates.rendering.template_sets import part_file

FOLDER = "layout"
FRAME, LETTER, REPLY = "all-mails", "delay-mails", "answer-mails"
"""Names of the frames on the desk; no folder of a message can have them."""
FILES: Mapping[str, tuple[str, ...]] = {
    FRAME: ("mail.html", "parts.html"),
    LETTER: ("letter.html", "letter.txt", "more.html", "more.txt"),
    REPLY: ("answer.html", "answer.txt", "choice.html", "choice.txt"),
}
SHOWN_AS: Mapping[str, str] = {FRAME: "week", LETTER: "week", REPLY: "choice_received"}
"""The message in which a frame is looked at, and whose names it may use."""
NO_LANGUAGE = "en"
"""Stands for the language of the frame around all mails, which has no words."""
_BLOCK = re.compile(r"\{%[-+]?\s*block\s+(\w+)")


def template_file(message: str, part: str, language: str) -> str:
    """Return the file of a message's or a frame's part in the folder of templates."""
    if message == FRAME:
        return f"{FOLDER}/{part}"
    return part_file(FOLDER if message in FILES else message, part, language)


def lost_blocks(message: str, part: str, used: str | None, draft: str) -> list[str]:
    """Return the blocks that a draft of a frame has no more: mails would leave out what they say there.

    `used` is the part as mails have it, None for a new one.
    """
    known = set(_BLOCK.findall((BUILT_IN / template_file(message, part, "en")).read_text(encoding="utf-8")))
    needed = known if used is None else known.intersection(_BLOCK.findall(used))
    return sorted(needed.difference(_BLOCK.findall(draft)))
