"""The values of the policy as people read and type them: percentages, amounts by currency, hours, choices."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any

from models.enums import Channel

HUNDRED = Decimal(100)
HOURS_OF = (Channel.SMS, Channel.EMAIL)
"""Channels with quiet hours, in the order of their sentence."""
EVERY, MAX_WORD = "any", 100
LANGUAGE = re.compile(r"([a-z]{2,3}(?:_[A-Z]{2})?|any)\s*:\s*(.+)", re.DOTALL)
"""Words of one language, after its code."""
QUOTED = re.compile(r'"((?:[^"]|"")*)"')
"""A word that has a sign which parts words: as it is, with each quotation mark twice."""
WORD_GROUP = re.compile(rf'(?:{QUOTED.pattern}|[^;\n"])+')
LISTED_WORD = re.compile(rf'(?:{QUOTED.pattern}|[^,"])+')
WORDS_WANTED = (
    "Enter words with commas between them, such as Acme, cheap; de: billig*. "
    'Words that have a comma or a colon stand in quotation marks, as "sorry, but".'
)
AMOUNT = re.compile(r"([A-Za-z]{3})\s*([0-9]+(?:\.[0-9]+)?)")


class BadValue(ValueError):
    """Raised for a text that is no value of its kind; the sentence says what to enter."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is shown and read. A value with several fields has a text for each."""

    show: Callable[[Any], Sequence[str]]
    read: Callable[[Sequence[str]], Any]
    """Raises BadValue. It gets no empty text unless its sentence is optional."""
    fields: tuple[str, ...] = ("",)
    """What is added to the path, for the name of each field."""
    labels: tuple[str, ...] = ()
    """The name of each field, where there are several."""
    type: str = "text"
    inputmode: str = ""
    width: str = "short"
    options: tuple[tuple[str, str], ...] = ()
    """Values and their words, of a select."""
    empty: Any = None
    """The value of an empty field."""


def number_text(value: Decimal | float | int) -> str:
    """Return a number without zeros that say nothing."""
    return f"{Decimal(str(value)).normalize():f}"


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text.replace("\N{NO-BREAK SPACE}", ""))
    except InvalidOperation as error:
        raise BadValue("Enter a number, such as 2.5.") from error
    if not value.is_finite() or abs(value) > Decimal(10**12):
        raise BadValue("Enter a number, such as 2.5.")
    return value


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII):
        raise BadValue("Enter a whole number.")
    return int(text)


def _amounts_text(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{currency} {number_text(amount)}" for currency, amount in amounts.items())


def _amounts(text: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in re.split(r"[,;\n]", text))):
        match = AMOUNT.fullmatch(part)
        if match is None or match[1].upper() in found:
            raise BadValue("Enter each currency once with its amount, such as EUR 10, USD 12.50.")
        found[match[1].upper()] = Decimal(match[2])
    return found


def _words_text(words: Mapping[str, Sequence[str]]) -> str:
    """Return words by language as `Acme, cheap; de: billig*`: those of every language first, without a code."""
    groups = sorted(words.items(), key=lambda group: group[0] != EVERY)
    return "; ".join(
        ("" if language == EVERY else f"{language}: ") + ", ".join(map(_word_text, each)) for language, each in groups
    )


def _word_text(word: str) -> str:
    quoted = word.replace('"', '""')
    return f'"{quoted}"' if re.search(r'[,;:"\n]', word) else word


def _words(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if '"' in QUOTED.sub("", text):
        raise BadValue("Close each quotation mark.")
    for group in filter(None, (each[0].strip() for each in WORD_GROUP.finditer(text))):
        named = LANGUAGE.fullmatch(group)
        language, listed = (named[1], named[2]) if named else (EVERY, group)
        words = [_word(word) for each in LISTED_WORD.finditer(listed) if (word := each[0].strip())]
        if language in found or not all(words) or not words or max(map(len, words)) > MAX_WORD:
            raise BadValue(WORDS_WANTED)
        found[language] = words
    return found


def _word(text: str) -> str:
    if quoted := QUOTED.fullmatch(text):
        return quoted[1].replace('""', '"').strip()
    if ":" in text or '"' in text:
        raise BadValue(WORDS_WANTED)
    return text


def _hours_texts(quiet: Mapping[Channel, Any]) -> list[str]:
    texts = []
    for channel in HOURS_OF:
        hours = quiet.get(channel)
        texts += [f"{hours.begins:%H:%M}", f"{hours.ends:%H:%M}"] if hours else ["", ""]
    return texts


def _hours(texts: Sequence[str]) -> dict[str, dict[str, time]]:
    found = {}
    for n, channel in enumerate(HOURS_OF):
        begins, ends = texts[2 * n : 2 * n + 2]
        if not begins and not ends:
            continue
        try:
            hours = {"begins": time.fromisoformat(begins), "ends": time.fromisoformat(ends)}
        except ValueError as error:
            raise BadValue("Enter both times of a pair, such as 21:00 and 08:00, or leave both empty.") from error
        if hours["begins"] == hours["ends"]:
            raise BadValue("The two times are the same, so that nothing could ever be sent.")
        found[channel.value] = hours
    return found


def choice(options: Mapping[str, str]) -> Kind:
    """Return the kind of a value that is one of a few."""

    def read(texts: Sequence[str]) -> str:
        if texts[0] not in options:
            raise BadValue("Choose one of these.")
        return texts[0]

    return Kind(lambda value: [str(value)], read, options=tuple(options.items()))


_SWITCH = choice({"yes": "yes", "no": "no"})
_FALLBACK = choice(
    {
        "email sms": "a mail, or else a text",
        "sms email": "a text, or else a mail",
        "email": "a mail",
        "sms": "a text",
        "": "nothing",
    }
)
_CHANNELS = choice({"email": "mail", "sms": "text", "email sms": "mail and text"})
COUNT = Kind(lambda value: [str(value)], lambda texts: _whole(texts[0]), inputmode="numeric")
TIMES = Kind(lambda value: [number_text(value)], lambda texts: float(_number(texts[0])), inputmode="decimal")
SHARE = Kind(
    lambda value: [number_text(Decimal(str(value)) * HUNDRED)],
    lambda texts: _number(texts[0]) / HUNDRED,
    inputmode="decimal",
)
"""A share, such as 0.3, as 30 per cent."""
PERCENT = Kind(
    lambda value: ["" if value is None else number_text(value)], lambda texts: _number(texts[0]), inputmode="decimal"
)
AMOUNTS = Kind(lambda value: [_amounts_text(value)], lambda texts: _amounts(texts[0]), width="wide", empty={})
WORDS = Kind(lambda value: [_words_text(value)], lambda texts: _words(texts[0]), width="wide", empty={})
SWITCH = Kind(
    lambda value: ["yes" if value else "no"], lambda texts: _SWITCH.read(texts) == "yes", options=_SWITCH.options
)
TEXT = Kind(lambda value: [value or ""], lambda texts: texts[0].upper())
FALLBACK = Kind(
    lambda value: [" ".join(value)],
    lambda texts: _FALLBACK.read(texts).split(),
    options=_FALLBACK.options,
)
CHANNELS = Kind(
    lambda value: [" ".join(one for one in ("email", "sms") if one in value)],
    lambda texts: _CHANNELS.read(texts).split(),
    options=_CHANNELS.options,
)
HOURS = Kind(
    _hours_texts,
    _hours,
    fields=(".sms.begins", ".sms.ends", ".email.begins", ".email.ends"),
    labels=("No texts from", "No texts until", "No mails from", "No mails until"),
    empty={},
)
