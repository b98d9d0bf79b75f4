"""Read what a person who answers a text wants: an end of the texts, texts again, help, or something for staff."""

import re
import unicodedata

from models.callbacks import Wish


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


STOP_WORDS = _words(
    "stop stopall unsubscribe end quit cancel revoke optout opt-out",
    "stopp abmelden abbestellen aufhoren ende",
    "arret arreter desabonner desinscrire desinscription",
    "alto baja parar cancelar detener sair pare cancele descadastrar remover",
    "annulla cancella disiscrivimi stoppen afmelden uitschrijven",
    "avsluta avregistrera avslutt avmeld afmeld lopeta koniec rezygnuje wypisz zrusit odhlasit",
    "стоп отписаться 停止 退订 配信停止",
)
"""Words that end the texts if they are the whole text: Twilio's own ones, and those of other languages."""
START_WORDS = _words("start unstop yes subscribe iniciar comenzar commencer demarrer anmelden inizia starten")
HELP_WORDS = _words("help info hilfe aide ayuda ajuda aiuto hulp")
STOP_PHRASES = tuple(
    re.compile(pattern)
    for pattern in (
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


def _plain(text: str) -> str:
    """Return a text in lower case without accents, with one space between words and plain apostrophes."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).split())
