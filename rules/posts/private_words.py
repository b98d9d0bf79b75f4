"""What in a post could be a customer's name, address, number or order; the shop's records say whether it is."""

import re
from dataclasses import dataclass

from models.search_keys import folded, is_phone, mail_key, phone_key

MAX_NAME_WORDS = 4
MIN_ORDER_CHARS = 4
MIN_NUMBER_DIGITS = 7
_MAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d[\d\s()./-]{5,}\d")
_TOKEN = re.compile(r"[^\s,;:!?()\"“”„]+")
_SENTENCE = re.compile(r"[.!?:;,\n]+(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Suspects:
    """What could be a customer's; each as it is written, by the key under which the records have it."""

    names: dict[str, str]
    mails: dict[str, str]
    phones: dict[str, str]
    orders: dict[str, str]


def find_suspects(text: str, harmless: tuple[str, ...] = ()) -> Suspects:
    """Return what of a text could be a customer's; `harmless` are names of the shop and of its product."""
    mails = {mail_key(found): found for found in _MAIL.findall(text)}
    rest = _LINK.sub(" ", _MAIL.sub(" ", text))
    for name in sorted(filter(None, harmless), key=len, reverse=True):
        rest = re.sub(re.escape(name), " . ", rest, flags=re.IGNORECASE)
    numbers = (found.strip() for found in _NUMBER.findall(rest))
    phones = {
        phone_key(found): found
        for found in numbers
        if is_phone(found) and sum(one.isdigit() for one in found) >= MIN_NUMBER_DIGITS
    }
    tokens = (token.strip(".'#").strip() for token in _TOKEN.findall(rest))
    orders = {token: token for token in tokens if len(token) >= MIN_ORDER_CHARS and any(map(str.isdigit, token))}
    return Suspects(_names(rest), mails, phones, orders)


def _names(text: str) -> dict[str, str]:
    """Return each run of two to four words within a sentence that begin with a capital letter, by its key."""
    found = {}
    for part in _SENTENCE.split(text):
        words = part.split()
        for first in range(len(words)):
            for length in range(2, MAX_NAME_WORDS + 1):
                run = words[first : first + length]
                if len(run) == length and run[0][:1].isupper() and run[-1][:1].isupper():
                    found[folded(" ".join(run))] = " ".join(run)
    found.pop("", None)
    return found
