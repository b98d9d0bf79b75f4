"""Check the file names in a shop's template folder: names that nothing uses, and languages that lack parts."""

import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from models.enums import Channel
from templates.rendering import reason_words
from templates.rendering.choice_mails import CHOICE_MAILS
from templates.rendering.customer_mails import NEW_LINK, STAFF_NOTE
from templates.rendering.environment import BUILT_IN
from templates.rendering.formats import parse_locale
from templates.rendering.lint import Problem
from templates.rendering.page_words import FOLDER, WORDS
from templates.rendering.purchasing import PURCHASE, PURCHASE_PARTS
from templates.rendering.storefront import STOREFRONT, STOREFRONT_LINKS, STOREFRONT_PARTS
from templates.rendering.template_fields import suggest
from templates.rendering.template_sets import PARTS, POSTS

_MESSAGE_PARTS = {name for names in PARTS.values() for name in names if name != "post.txt"}
OWN_PARTS: dict[str, set[str]] = {
    **{folder: {"post.txt"} for folder in POSTS.values()},
    STOREFRONT: {*STOREFRONT_PARTS, *STOREFRONT_LINKS},
    PURCHASE: set(PURCHASE_PARTS),
    FOLDER: {WORDS},
    **{folder: set(PARTS[Channel.EMAIL]) for folder in (NEW_LINK, STAFF_NOTE, *CHOICE_MAILS)},
    reason_words.FOLDER: {WORDS},
}
"""The parts of posts, product pages, and mails to vendors or in answer to a customer, by folder."""
_FILE_NAME = re.compile(r"(?P<part>[^.]+)\.(?P<locale>[^.]+)\.(?P<kind>[^.]+)")


def find_misnamed_files(own: Path, folders: Iterable[str]) -> Iterator[Problem]:
    """Yield the files that no message uses."""
    built_in = {str(path.relative_to(BUILT_IN)) for path in BUILT_IN.rglob("*.*") if path.suffix in (".txt", ".html")}
    for file in sorted(path for path in own.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = file.relative_to(own)
        if str(name) in built_in or file.suffix == ".md" or name.parts[0] == "layout":
            continue
        if what := _name_problem(name, {*folders, *OWN_PARTS}):
            yield Problem(str(file), None, what)


def _name_problem(name: Path, folders: set[str]) -> str | None:
    if len(name.parts) != 2:
        return "belongs in the folder of its message, as week/subject.en.txt"
    folder, file = name.parts
    if folder not in folders:
        return f"no message is named {folder!r}{suggest(folder, folders)}"
    parts = OWN_PARTS.get(folder, _MESSAGE_PARTS)
    fields = _FILE_NAME.fullmatch(file)
    part = f"{fields['part']}.{fields['kind']}" if fields else file
    if fields is None or part not in parts:
        choices = ", ".join(sorted(parts))
        return f"is not a part of a message{suggest(part, parts)}; use {choices} with a locale, as subject.en.txt"
    if (locale := parse_locale(fields["locale"])) is None or str(locale) != fields["locale"]:
        return f"{fields['locale']!r} is not a locale; use one such as 'en' or 'pt_BR'"
    return None


def find_incomplete_languages(own: Path, wordings: Container[str] = ()) -> Iterator[Problem]:
    """Yield the files whose message lacks another part in the same language, so that they are never used.

    The folders `wordings` are left out: a second wording has the parts alone that differ.
    """
    names = {str(path.relative_to(folder)) for folder in (own, BUILT_IN) for path in folder.rglob("*.*")}
    for file in sorted(own.glob("*/*.*")):
        if not (fields := _FILE_NAME.fullmatch(file.name)) or file.parent.name in wordings:
            continue
        part, folder = f"{fields['part']}.{fields['kind']}", file.parent.name
        part_sets = {STOREFRONT: (STOREFRONT_PARTS,), PURCHASE: (PURCHASE_PARTS,)}.get(folder, tuple(PARTS.values()))
        siblings = next((parts for parts in part_sets if part in parts), ())
        needed = [sibling.replace(".", f".{fields['locale']}.") for sibling in siblings]
        lacking = [name for name in needed if f"{folder}/{name}" not in names]
        if lacking:
            yield Problem(str(file), None, f"is not used without {', '.join(lacking)} in the same folder")
