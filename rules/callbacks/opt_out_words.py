"""The words that end texts, begin them again or ask for help where they are the whole text, by language.

Lower case, without accents. English has Twilio's own list (twilio.com/docs/messaging/tutorials/advanced-opt-out) and
that of North American networks (docs.aws.amazon.com/sms-voice, keywords-required), to which Canada adds ARRET. Twilio
blocks a number by its own words alone; all others are ours to hear.
"""

from collections.abc import Mapping

STOP: Mapping[str, str] = {
    "en": "stop stopall unsubscribe end quit cancel revoke optout opt-out remove td",
    "ar": "\u0625\u064a\u0642\u0627\u0641 \u0627\u064a\u0642\u0627\u0641 \u0627\u0644\u063a\u0627\u0621",
    "cs": "zrusit odhlasit",
    "da": "afmeld frameld",
    "de": "stopp abmelden abmeldung abbestellen aufhoren ende",
    "el": "διακοπη",
    "es": "alto baja parar cancelar detener no-mas",
    "fi": "lopeta",
    "fr": "arret arreter desabonner desabonnement desinscrire desinscription",
    "he": "\u05d4\u05e1\u05e8",
    "hu": "leiratkozom leiratkozas",
    "it": "annulla cancella basta disiscrivimi",
    "ja": "配信停止 停止",
    "ko": "수신거부",
    "nb": "avslutt avmeld",
    "nl": "stoppen afmelden uitschrijven",
    "pl": "koniec rezygnuje wypisz",
    "pt": "sair parar pare cancele cancelar descadastrar remover",
    "ro": "dezabonare",
    "ru": "стоп отписаться",
    "sv": "avsluta avregistrera sluta",
    "tr": "dur iptal ret",
    "zh": "停止 退订 退訂",
}
START: Mapping[str, str] = {
    "en": "start unstop yes subscribe resume optin opt-in",
    "de": "starten anmelden",
    "es": "iniciar comenzar alta",
    "fr": "commencer demarrer reprendre",
    "it": "inizia",
    "nl": "aanmelden",
    "pt": "iniciar voltar",
    "sv": "starta",
}
HELP: Mapping[str, str] = {
    "en": "help info",
    "de": "hilfe",
    "es": "ayuda",
    "fr": "aide",
    "it": "aiuto",
    "nl": "hulp",
    "pt": "ajuda",
}
