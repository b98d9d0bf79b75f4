"""Files in a shop's folder of words that no message is made of, and messages that lack some."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from templates.rendering.environment import OURS
from templates.rendering.formats import known
from templates.rendering.lint import Problem
from templates.rendering.messages import PARTS, POSTS
from templates.rendering.purchasing import PURCHASE, PURCHASE_PARTS
from templates.rendering.storefront import STOREFRONT, STOREFRONT_PARTS
from templates.rendering.template_fields import nearest

_PARTS = {name for names in PARTS.values() for name in names if name != "post.txt"}
OWN_PARTS: dict[str, set[str]] = {
    **{folder: {"post.txt"} for folder in POSTS.values()},
    STOREFRONT: set(STOREFRONT_PARTS),
    PURCHASE: set(PURCHASE_PARTS),
}
"""The parts of what is neither mail nor text to a customer, by folder."""
_NAME = re.compile(r"(?P<part>[^.]+)\.(?P<locale>[^.]+)\.(?P<kind>[^.]+)")


def misnamed(own: Path, folders: Iterable[str]) -> Iterator[Problem]:
    """Yield the files that no message is made of."""
    ours = {str(path.relative_to(OURS)) for path in OURS.rglob("*.*") if path.suffix in (".txt", ".html")}
    for file in sorted(path for path in own.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = file.relative_to(own)
        if str(name) in ours or file.suffix == ".md" or name.parts[0] == "layout":
            continue
        if what := _wrong_name(name, {*folders, *OWN_PARTS}):
            yield Problem(str(file), None, what)


def _wrong_name(name: Path, folders: set[str]) -> str | None:
    if len(name.parts) != 2:
        return "a part lies in its message's folder, as week/subject.en.txt"
    folder, file = name.parts
    if folder not in folders:
        return f"no message is named {folder!r}{nearest(folder, folders)}"
    parts = OWN_PARTS.get(folder, _PARTS)
    fields = _NAME.fullmatch(file)
    part = f"{fields['part']}.{fields['kind']}" if fields else file
    if fields is None or part not in parts:
        return f"no part is named so{nearest(part, parts)}; {', '.join(sorted(parts))} with a locale, as subject.en.txt"
    if (locale := known(fields["locale"])) is None or str(locale) != fields["locale"]:
        return f"{fields['locale']!r} is no locale; one such as 'en' or 'pt_BR' is right"
    return None


def halves(own: Path) -> Iterator[Problem]:
    """Yield the languages in which a message lacks parts, so that it is never used."""
    names = {str(path.relative_to(folder)) for folder in (own, OURS) for path in folder.rglob("*.*")}
    for file in sorted(own.glob("*/*.*")):
        if not (fields := _NAME.fullmatch(file.name)):
            continue
        part, folder = f"{fields['part']}.{fields['kind']}", file.parent.name
        every = {STOREFRONT: (STOREFRONT_PARTS,), PURCHASE: (PURCHASE_PARTS,)}.get(folder, tuple(PARTS.values()))
        siblings = next((parts for parts in every if part in parts), ())
        wanted = [sibling.replace(".", f".{fields['locale']}.") for sibling in siblings]
        lacking = [name for name in wanted if f"{folder}/{name}" not in names]
        if lacking:
            yield Problem(str(file), None, f"is never used without {', '.join(lacking)} beside it")
