"""Write one page for a browser that shows messages as their readers will see them."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.enums import Channel
from models.messages import Message
from templates.rendering import sms, social
from templates.rendering.environment import BUILT_IN, GALLERY

_PREHEADER = re.compile(r'<div class="preheader"[^>]*>(.*?)</div>', re.DOTALL)
_FILLER = re.compile("[\u034f\u200c\u00a0\\s]+")


@dataclass(slots=True)
class GalleryEntry:
    """The parts of one titled message."""

    title: str
    locale: str
    category: str
    mail: Message | None = None
    text: Message | None = None
    post: Message | None = None

    @property
    def preheader(self) -> str:
        """Return the text that a list of mails shows after the subject, at most 120 characters."""
        preheader = _PREHEADER.search(self.mail.html) if self.mail else None
        shown = html.unescape(preheader[1]) if preheader else self.mail.text if self.mail else ""
        return _FILLER.sub(" ", shown).strip()[:120]

    @property
    def count(self) -> sms.SmsSize:
        """Return the size of the text, in units and parts."""
        return sms.count_segments(self.text.text if self.text else "")

    @property
    def weight(self) -> int:
        """Return the characters of the post as X counts them."""
        return social.weight(self.post.text) if self.post else 0


def write_gallery(entries: Iterable[tuple[str, Message]], folder: Path) -> Path:
    """Write `index.html` into the folder and return its path; groups messages of one title and locale."""
    gallery: dict[tuple[str, str], GalleryEntry] = {}
    for title, message in entries:
        entry = gallery.setdefault((title, message.locale), GalleryEntry(title, message.locale, message.category))
        match message.channel:
            case Channel.EMAIL:
                entry.mail = message
            case Channel.SMS:
                entry.text = message
            case _:
                entry.post = message
    # The gallery is a built-in template, and messages may be of any size: it needs no sandbox.
    jinja = Environment(
        loader=FileSystemLoader(BUILT_IN),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = jinja.get_template(GALLERY).render(
        entries=tuple(gallery.values()),
        locales=sorted({entry.locale for entry in gallery.values()}),
        categories=tuple(dict.fromkeys(entry.category for entry in gallery.values())),
        max_weight=social.MAX_WEIGHT,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "index.html"
    file.write_text(page, encoding="utf-8")
    return file
