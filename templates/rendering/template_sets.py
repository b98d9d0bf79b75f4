"""Find the templates of a message, and choose the language to render it in.

A message is a folder, and each part of it a file: `week/subject.en.txt`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jinja2 import Environment, Template

from models.config.shop import ShopConfig
from models.enums import NETWORKS, Channel, PostKind
from templates.rendering.environment import TemplateError, template_errors
from templates.rendering.formats import match_locale, parse_locale
from templates.rendering.shop_views import shop_view
from templates.rendering.variables import CommonVariables
from templates.rendering.view_models import ShopView

MESSAGES = ("short", "week", "fortnight", "long", "late_again", "new_date", "good_news", "may_be_late")
POSTS = {PostKind.LATE: "post", PostKind.BACK: "back_in_stock", PostKind.LOW: "low_stock"}
"""The folder of each kind of post."""
PARTS = {
    Channel.EMAIL: ("subject.txt", "body.txt", "body.html"),
    Channel.SMS: ("sms.txt",),
    **dict.fromkeys(NETWORKS, ("post.txt",)),
}
"""The files that a channel's message is made of, without their language."""

_TEMPLATE_FILE = re.compile(r"(?P<message>[a-z]\w*)/(?P<part>[a-z]+)\.(?P<language>\w+)\.(?P<kind>txt|html)")


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """The templates of one message and channel in one language.

    `locale` formats numbers and dates. `missing_languages` were asked for and have no templates.
    """

    templates: tuple[Template, ...]
    language: str
    locale: str
    missing_languages: tuple[str, ...]
    shop: ShopView
    config: ShopConfig

    @property
    def common_variables(self) -> CommonVariables:
        """Return the variables that every template has."""
        return {"shop": self.shop, "lang": self.language.replace("_", "-"), "locale": self.locale}


class TemplateCatalog:
    """All templates of a shop, built-in ones included."""

    def __init__(self, shop: ShopConfig, jinja: Environment) -> None:
        self._shop, self._jinja = shop, jinja
        self._languages = _languages_by_part(jinja.list_templates())
        self._chosen: dict[tuple[str, Channel, str | None, str], TemplateSet] = {}

    def languages(self, message: str, channel: Channel) -> set[str]:
        """Return the languages in which a message has every part."""
        return set.intersection(*(self._languages.get((message, part), set()) for part in PARTS[channel]))

    def choose(self, message: str, channel: Channel, language: str | None, wording: str = "") -> TemplateSet:
        """Return the templates in the language asked for, else in the shop's, else in English.

        A language that lacks a part is not used: a mail in two languages helps nobody. Parts that the folder `wording`
        has in that language replace the message's own. Raises TemplateError where no language has every part.
        """
        key = message, channel, language, wording
        if key not in self._chosen:
            self._chosen[key] = self._choose(message, channel, language, wording)
        return self._chosen[key]

    def languages_of_any_part(self, folder: str, channel: Channel) -> set[str]:
        """Return the languages in which a folder has some part of a channel's message."""
        return set().union(*(self._languages.get((folder, part), set()) for part in PARTS[channel]))

    def missing_shop_language(self, messages: Iterable[str]) -> str:
        """Return one sentence on the mails that lack the shop's own language; empty if none does.

        `messages` are those that the policy names beside the built-in ones.
        """
        available = {message: self.languages(message, Channel.EMAIL) for message in (*MESSAGES, *messages)}
        locale = self._shop.locale
        lacking = [message for message, known in available.items() if known and not match_locale(locale, known)]
        if not lacking:
            return ""
        files = ", ".join(part_file(lacking[0], part, locale) for part in PARTS[Channel.EMAIL])
        others = f", and the same files in {', '.join(lacking[1:])}" if lacking[1:] else ""
        choices = ", ".join(sorted(available[lacking[0]]))
        return f"shop.toml: locale {locale!r} has no templates: add {files}{others}, or set locale to one of {choices}"

    def _choose(self, message: str, channel: Channel, language: str | None, wording: str) -> TemplateSet:
        available = self.languages(message, channel)
        missing: list[str] = []
        for wanted in dict.fromkeys(filter(None, (language, self._shop.locale, "en"))):
            if found := match_locale(wanted, available):
                folders = {part: self._folder_of(part, found, message, wording) for part in PARTS[channel]}
                templates = tuple(self._load(part_file(folder, part, found)) for part, folder in folders.items())
                view = shop_view(self._shop, found)
                return TemplateSet(templates, found, str(parse_locale(wanted)), tuple(missing), view, self._shop)
            missing.append(wanted)
        needed = ", ".join(part_file(message, part, "en") for part in PARTS[channel])
        raise TemplateError(message, None, f"has no templates; add {needed}")

    def _folder_of(self, part: str, language: str, message: str, wording: str) -> str:
        return wording if language in self._languages.get((wording, part), ()) else message

    def _load(self, file: str) -> Template:
        with template_errors(file):
            return self._jinja.get_template(file)


def part_file(message: str, part: str, language: str) -> str:
    """Return the file of a message's part, as `week/subject.en.txt` for `subject.txt`."""
    name, _, kind = part.partition(".")
    return f"{message}/{name}.{language}.{kind}"


def _languages_by_part(files: Iterable[str]) -> dict[tuple[str, str], set[str]]:
    languages: dict[tuple[str, str], set[str]] = {}
    for file in filter(None, map(_TEMPLATE_FILE.fullmatch, files)):
        languages.setdefault((file["message"], f"{file['part']}.{file['kind']}"), set()).add(file["language"])
    return languages
