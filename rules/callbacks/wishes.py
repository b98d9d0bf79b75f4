"""Read what a person who answers a text wants: an end of the texts, texts again, help, or something for staff."""

import re
import unicodedata
from collections.abc import Mapping

from models.callbacks import Wish
from rules.callbacks.opt_out_words import HELP, START, STOP


def _plain(text: str) -> str:
    """Return a text in lower case without accents, with one space between words and plain apostrophes."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).split())


def _words(by_language: Mapping[str, str]) -> frozenset[str]:
    return frozenset(_plain(word) for words in by_language.values() for word in words.split())


STOP_WORDS, START_WORDS, HELP_WORDS = _words(STOP), _words(START), _words(HELP)
STOP_PHRASES = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(stop|stopp|arret)( au| sms| pub)? ?\d{5}$",  # as marketing in France asks for: STOP 36179
        r"\b(please|pls|just) stop\b(?! by)",
        r"\bstop (please|pls|texting|messaging|sending|sms|contacting|bothering|spamming|these|those|all)\b",
        r"\b(don'?t|do not|never|quit|cease) (text|message|contact|sms|write|write to|call)(?! the| my| him| her)",
        r"\b(don'?t|do not|never) send( me| us)?( any)?( more)? (texts?|messages?|sms)\b",
        r"\bno more (texts?|messages?|sms)\b",
        r"\b(opt|opting|opted) (me )?out\b|\bunsubscribe\b|\btake me off\b|\bremove (me\b|my number)",
        r"\bleave me alone\b",
        r"\bkeine (weiteren |weitere )?(sms|nachricht|nachrichten|benachrichtigung\w*)\b",
        r"\b(nicht|nie) (mehr|wieder) (schreiben|kontaktieren|anschreiben|benachrichtigen)\b",
        r"\b(hort|horen sie) (bitte )?auf\b|\bbitte (aufhoren|abmelden|stopp\w*|stop)\b|\bmich abmelden\b",
        r"\bnummer (\w+ )?(loschen|entfernen)\b|\bloschen sie meine nummer\b",
        r"\bne (m'|me )(envoyez|ecrivez|contactez) (plus|pas)\b|\bne plus (m'|me )\w+|\bplus de (sms|messages?)\b",
        r"\b(arretez|cessez) (de |d'|les )|\bdesabonne\w*|\bdesinscri\w*",
        r"\bno (me )?(envi\w+|mand\w+|escrib\w+|contact\w+) mas\b|\bno (mas|quiero) (mensajes|sms)\b",
        r"\bdejen? de (enviar|mandar|escribir)|\bdarme de baja\b",
        r"\bnao (me )?(envi\w+|mand\w+|escrev\w+) mais\b|\bnao quero (mais )?(receber|mensagens|sms)\b",
        r"\bpar(e|em) de (enviar|mandar|me|escrever)\b|\bdescadastr\w+",
        r"\bnon (mi )?(invi\w+|mand\w+|scriv\w+|contatt\w+) piu\b|\bbasta (sms|messaggi)\b",
        r"\bgeen (sms|berichten) meer\b|\bniet meer (berichten|sms'en)\b|\buitschrijven\b",
    )
)
"""Plain wishes within a longer text. A wish to cancel the order is none of them: staff read it."""


def read_wish(opt_out_type: str, text: str) -> Wish:
    """Return what a person wants; `opt_out_type` is what the provider has read, empty where it read nothing."""
    if opt_out_type in ("STOP", "START", "HELP"):
        return Wish(opt_out_type.lower())
    plain = _plain(text)
    whole = plain.strip(" .!?,;:'\"()*_-")
    for words, wish in ((STOP_WORDS, Wish.STOP), (START_WORDS, Wish.START), (HELP_WORDS, Wish.HELP)):
        if whole in words:
            return wish
    return Wish.STOP if any(phrase.search(plain) for phrase in STOP_PHRASES) else Wish.OTHER
