"""What the editor of a message begins with, and the other languages and wordings that it leads to."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.versions import Area
from tasks.versions.history import version
from templates.rendering import frames
from templates.rendering.drafts import Words, languages_of, second_wordings
from templates.rendering.formats import language_name
from web.staff.addresses import desk_address
from web.staff.template_preview import own_folder
from web.staff.template_standing import Standing
from web.staff.template_words import language_title
from web.staff.visit import Visit

OFFERED = (
    *("bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "is", "it", "ja", "lt"),
    *("lv", "mt", "nb", "nl", "pl", "pt", "pt_BR", "ro", "sk", "sl", "sr", "sv", "tr", "uk"),
)
"""Languages that can be added with a click; an address may name any other one."""


@dataclass(frozen=True, slots=True)
class Start:
    """The texts that an editor begins with."""

    texts: Mapping[str, str | None]
    words: str = ""
    """What they are, where they are not those in use."""


def start_of(visit: Visit, words: Words, standing: Standing) -> Start:
    """Return the texts in use, or those that the address asks for: of a version, or of a second wording.

    A language that the message does not have yet begins with the shop's own.
    """
    number = visit.query("from")
    if number.isdecimal() and len(number) < 9:
        with visit.reading() as connection:
            found = version(connection, Area.WORDS, words.subject, int(number))
        if found is not None:
            return Start(found.files)
    if (trial := second_wordings(visit.context.policy).get(visit.query("wording"))) and trial.message == words.message:
        second = Words(trial.wording, words.language, words.message, own_folder(visit))
        said = f"These are the words of wording B of “{trial.name}”. Customers get them once you save them here."
        return Start(_copied(visit, second, words, standing), said)
    if not words.first and words.language not in languages_of(words.message, own_folder(visit)):
        return _translated(visit, words, standing)
    return Start(standing.files)


def _translated(visit: Visit, words: Words, standing: Standing) -> Start:
    known = languages_of(words.message, own_folder(visit))
    shops = visit.context.shop.locale
    language = shops if shops in known else next(iter(known), "")
    if not language:
        return Start(standing.files)
    said = (
        f"There are no words in {language_name(words.language)} yet. You begin with those in "
        f"{language_name(language)}: translate them, and save."
    )
    return Start(_copied(visit, Words(words.message, language), words, standing), said)


def _copied(visit: Visit, source: Words, words: Words, standing: Standing) -> dict[str, str | None]:
    """Return the words in use with those of another wording or language, where it has its own."""
    edits = visit.desk.services.edits
    files = edits.read(source.files) if edits else {}
    texts = dict(standing.files)
    for part in words.parts:
        own = files.get(source.file(part))
        if own is None and not source.first:
            own = source.built_in(part)
        if own is not None:
            texts[words.file(part)] = own
    return texts


def languages_shown(visit: Visit, words: Words) -> list[tuple[str, str]]:
    """Return the languages that a message has, and the one that is open."""
    found = dict.fromkeys((*languages_of(words.sent_as, own_folder(visit)), words.language))
    return [(one, language_title(words.message, one)) for one in found]


def other_languages(visit: Visit, words: Words) -> list[tuple[str, str]]:
    """Return the languages that a message can be written in and is not; none for a second wording."""
    known = {*languages_of(words.message, own_folder(visit)), words.language}
    others = [] if words.first or words.message == frames.FRAME else [one for one in OFFERED if one not in known]
    return sorted(((one, language_name(one)) for one in others), key=lambda each: each[1])


def wordings_of(visit: Visit, words: Words) -> list[tuple[str, str]]:
    """Return the addresses of a message's other wording in its trials, and what they are."""
    if words.first:
        trial = second_wordings(visit.context.policy)[words.message]
        first = desk_address("templates", words.first, lang=words.language)
        use = desk_address("templates", words.first, lang=words.language, wording=trial.wording)
        return [(first, "Wording A"), (use, "Use B for everybody")]
    return [
        (desk_address("templates", folder, lang=words.language), f"Wording B of “{trial.name}”")
        for folder, trial in second_wordings(visit.context.policy).items()
        if trial.message == words.message
    ]
