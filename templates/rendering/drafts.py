"""Drafts of a message's words in one language: which files they are, checked and rendered before they are saved."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from models.config.shop import ShopConfig
from models.enums import Channel
from models.errors import BadShop
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from templates.rendering import frames
from templates.rendering.check import find_problems
from templates.rendering.choice_mails import CHOICE_MAILS
from templates.rendering.customer_mails import NEW_LINK, STAFF_NOTE
from templates.rendering.environment import BUILT_IN
from templates.rendering.formats import parse_locale
from templates.rendering.frames import template_file
from templates.rendering.lint import WARNING, Problem
from templates.rendering.purchasing import PURCHASE
from templates.rendering.samples import available_languages
from templates.rendering.storefront import STOREFRONT, STOREFRONT_LINKS, STOREFRONT_PARTS
from templates.rendering.template_sets import MESSAGES, PARTS, POSTS
from templates.rendering.untranslated import Untranslated, find_untranslated

FOLDER = "templates"
MAIL_PARTS = ("subject.txt", "body.html", "body.txt")
ANSWERS = (*CHOICE_MAILS, NEW_LINK, STAFF_NOTE)
_PARTS_BY_FOLDER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(POSTS.values(), ("post.txt",)),
    **dict.fromkeys(ANSWERS, MAIL_PARTS),
    PURCHASE: ("subject.txt", "body.txt"),
    STOREFRONT: (*STOREFRONT_PARTS, *STOREFRONT_LINKS),
}
_FILE = re.compile(r"(?P<part>[a-z]+)\.(?P<language>\w+)\.(?P<kind>txt|html)")
_FIELD = re.compile(r"\b([a-z_][\w.\[\]]*)\.")
_NO_FIELD = re.compile(r"(.+) has no attribute '(\w+)'(?:: write the variable's name alone)?(.*)")


@dataclass(frozen=True, slots=True)
class Words:
    """A message in one language."""

    message: str
    language: str
    first: str = ""
    """The message whose second wording this is; empty for a message itself."""
    own: Path | None = field(default=None, compare=False)
    """The folder of the shop's own templates, where the first wording may be."""

    @property
    def sent_as(self) -> str:
        """Return the message that customers get in these words."""
        return self.first or self.message

    @property
    def subject(self) -> str:
        """Return what its versions are filed under, as `week/en`."""
        return f"{self.message}/{self.language}"

    @property
    def parts(self) -> tuple[str, ...]:
        """Return its parts, as `subject.txt`, in the order in which they are read."""
        return parts_of(self.sent_as)

    def file(self, part: str) -> str:
        """Return a part's file, relative to the shop's folder."""
        return f"{FOLDER}/{template_file(self.message, part, self.language)}"

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files of all parts."""
        return tuple(map(self.file, self.parts))

    def built_in(self, part: str) -> str | None:
        """Return the words that count where the shop writes none here; None where there are none.

        They are Forewarn's own, and for a second wording those of the first.
        """
        folders = filter(None, (self.own if self.first else None, BUILT_IN))
        paths = (folder / template_file(self.sent_as, part, self.language) for folder in folders)
        return next((path.read_text(encoding="utf-8") for path in paths if path.is_file()), None)


def parts_of(message: str) -> tuple[str, ...]:
    """Return the parts of a message, as `subject.txt`."""
    if message in frames.FILES:
        return frames.FILES[message]
    return _PARTS_BY_FOLDER.get(message, (*MAIL_PARTS, *PARTS[Channel.SMS]))


def all_messages(policy: Policy) -> tuple[str, ...]:
    """Return the folder of each message that a shop of this policy has, its own ones too."""
    return tuple(dict.fromkeys((*(bucket.words for bucket in policy.bucket), *MESSAGES, *_PARTS_BY_FOLDER)))


def second_wordings(policy: Policy) -> dict[str, ExperimentPolicy]:
    """Return the trials of a policy by the folder of their second wording; of several, the one that begins last."""
    return {one.wording: one for one in sorted(policy.experiment, key=lambda one: one.begins)}


def languages_of(message: str, own: Path | None) -> dict[str, tuple[str, ...]]:
    """Return the languages of a message, each with the parts that it lacks."""
    if message == frames.FRAME:
        return {frames.NO_LANGUAGE: ()}
    found: dict[str, set[str]] = {}
    parts, is_frame = parts_of(message), message in frames.FILES
    for folder in filter(None, (own, BUILT_IN)):
        for path in (folder / (frames.FOLDER if is_frame else message)).glob("*.*.*"):
            if (name := _FILE.fullmatch(path.name)) and parse_locale(name["language"]):
                part = f"{name['part']}.{name['kind']}"
                if part in parts or not is_frame:
                    found.setdefault(name["language"], set()).add(part)
    needed = [part for part in parts if part not in STOREFRONT_LINKS]
    if message not in MESSAGES and not any("sms.txt" in parts for parts in found.values()):
        needed = [part for part in needed if part != "sms.txt"]
    return {language: tuple(part for part in needed if part not in found[language]) for language in sorted(found)}


def untranslated_in(message: str, language: str, own: Path | None) -> list[Untranslated]:
    """Return the parts of an added language that still stand in another one."""
    paths = [own / template_file(message, part, language) for part in parts_of(message)] if own else []
    paths = [path for path in paths if path.is_file()]
    return [found for path in paths if own and (found := find_untranslated(own, path))]


@contextmanager
def draft_folder(own: Path | None, texts: Mapping[str, str | None]) -> Iterator[Path]:
    """Make a copy of a shop's own templates with a draft in it, for as long as it is looked at.

    `texts` are by file, relative to the shop's folder; None: the shop has no such file.
    """
    with TemporaryDirectory(prefix="forewarn-draft-") as folder:
        copy = Path(folder) / FOLDER
        if own is not None and own.is_dir():
            shutil.copytree(own, copy)
        for name, text in texts.items():
            path = Path(folder) / name
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        copy.mkdir(exist_ok=True)
        yield copy


@dataclass(frozen=True, slots=True)
class DraftProblem:
    """What is wrong with a draft: in which part, in a sentence; of another file, the sentence names it."""

    part: str
    sentence: str
    is_warning: bool


def check_draft(
    shop: ShopConfig, policy: Policy, own: Path | None, words: Words, texts: Mapping[str, str | None]
) -> list[DraftProblem]:
    """Return what is wrong with a draft, as `forewarn templates check` finds it."""
    with draft_folder(own, texts) as folder:
        try:
            found = _problems(shop, policy, folder, words)
        except BadShop as error:
            return [DraftProblem(words.parts[0], f"{str(error).capitalize()}.", is_warning=False)]
        problems = list(dict.fromkeys(_explained(problem, words, folder, texts) for problem in found))
    if problems and words.message in frames.FILES:
        # What is wrong with the words in use, or with other files, is no fault of the draft.
        used = {words.file(part): _used(own, words, part) for part in words.parts}
        with draft_folder(own, {name: used[name] for name, text in texts.items() if text is not None}) as folder:
            before = {_kind(_explained(each, words, folder, used)) for each in _problems(shop, policy, folder, words)}
        problems = [each for each in problems if _kind(each) not in before]
    return [*problems, *_lost_blocks(own, words, texts)]


def _lost_blocks(own: Path | None, words: Words, texts: Mapping[str, str | None]) -> Iterator[DraftProblem]:
    """Yield the places of a frame that mails fill and that a draft has no more."""
    for part in words.parts if words.message in frames.FILES else ():
        if (text := texts.get(words.file(part))) is not None:
            for block in frames.lost_blocks(words.message, part, _used(own, words, part), text):
                said = f"Keep `{{% block {block} %}}`: without it, mails leave out what they say there."
                yield DraftProblem(part, said, is_warning=False)


def _used(own: Path | None, words: Words, part: str) -> str | None:
    """Return a part's text as messages have it: the shop's own, else Forewarn's."""
    path = own.parent / words.file(part) if own else None
    return path.read_text(encoding="utf-8") if path and path.is_file() else words.built_in(part)


def _kind(problem: DraftProblem) -> tuple[str, str]:
    """Return what tells a problem apart wherever it stands."""
    return problem.part, re.sub(r"\bline \d+: ", "", problem.sentence, flags=re.IGNORECASE).lower()


def _problems(shop: ShopConfig, policy: Policy, folder: Path, words: Words) -> list[Problem]:
    """Return what is wrong with a message, or with any message in a frame."""
    is_frame = words.message in frames.FILES
    is_general = is_frame and (words.message == frames.FRAME or words.language not in available_languages(folder))
    return find_problems(
        shop,
        folder,
        [bucket.words for bucket in policy.bucket],
        policy.experiment,
        only=None if is_frame else words.message,
        language=None if is_general else words.language,
        words=policy.words,
    )


def _explained(problem: Problem, words: Words, folder: Path, texts: Mapping[str, str | None]) -> DraftProblem:
    path = Path(problem.file)
    name = str(path.relative_to(folder.parent)) if path.is_relative_to(folder) else problem.file
    part = next((part for part in words.parts if words.file(part) == name), "")
    lines = (texts.get(name) or "").splitlines()
    line = lines[problem.line - 1] if problem.line and problem.line <= len(lines) else ""
    what = _said(problem.what, line)
    place = f"Line {problem.line}: " if problem.line else ""
    sentence = f"{place}{what}" if part else f"{name}, {place.lower()}{what}"
    sentence = sentence[0].upper() + sentence[1:] + ("" if sentence.endswith((".", "?")) else ".")
    return DraftProblem(part or words.parts[0], sentence, is_warning=problem.level == WARNING)


def _said(what: str, line: str) -> str:
    """Return what is wrong with names as `there is no `customer.name`; write `customer``."""
    if found := re.fullmatch(r"'(\w+)' is undefined(?:; did you mean '(\w+)'\?)?", what):
        return f"there is no `{found[1]}`" + (f". Did you mean `{found[2]}`?" if found[2] else "")
    if (found := _NO_FIELD.fullmatch(what)) and (owner := re.search(rf"([a-z_][\w.\[\]]*)\.{found[2]}\b", line)):
        if "write the variable's name alone" in what:
            return f"there is no `{owner[1]}.{found[2]}`. Write `{owner[1]}`"
        near = re.search(r"did you mean '(\w+)'", what)
        hint = f". Did you mean `{owner[1]}.{near[1]}`?" if near else found[3]
        return f"there is no `{owner[1]}.{found[2]}`{hint}"
    return what
