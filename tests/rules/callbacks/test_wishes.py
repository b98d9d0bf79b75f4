"""What a person wants who answers a text."""

import pytest

from models.callbacks import Wish
from rules.callbacks.opt_out_words import START as START_BY_LANGUAGE
from rules.callbacks.opt_out_words import STOP as STOP_BY_LANGUAGE
from rules.callbacks.wishes import HELP_WORDS, START_WORDS, STOP_WORDS, read_wish

STOP = [
    "STOP", "stop.", " Stop! ", "STOPALL", "Unsubscribe", "REVOKE", "OptOut", "opt-out", "CANCEL", "quit", "END",
    "Stopp", "PARAR", "Sair", "CANCELAR", "Arrêt", "ARRETER", "Aufhören", "baja", "afmelden", "стоп", "退订",
    "please stop", "Stop please", "PLEASE stop texting me!!", "don't text me", "Do not contact me again",
    "Never message me any more", "no more messages please", "I want to opt out", "unsubscribe me from this",
    "take me off your list", "Remove my number", "leave me alone", "don’t send me any more texts",
    "Bitte keine weiteren Nachrichten", "Bitte nicht mehr schreiben!", "Hören Sie auf mit den SMS",
    "Löschen Sie meine Nummer", "Ne m'envoyez plus de messages", "arrêtez de m'écrire", "plus de SMS svp",
    "No me envíen más mensajes", "dejen de escribir", "quiero darme de baja", "Não me mandem mais mensagens",
    "pare de me mandar sms", "Non mi scrivete più", "Geen berichten meer aub", "STOP 36179", "Stop au 36200",
    "STOP36111", "ARRET", "Abmeldung", "Désabonnement", "Basta!", "REMOVE", "TD", "הסר", "ΔΙΑΚΟΠΉ",
    "İPTAL", "수신거부", "إيقاف",
]  # fmt: skip
OTHER = [
    "", "?", "Thanks", "fine", "Please cancel my order", "cancel order 1041", "I want a refund",
    "Please stop by after six", "Do not send the order before Friday", "Don't call the neighbour",
    "Bitte auf den Balkon stellen", "Wann kommt es?", "ne pas envoyer avant lundi", "Can you stop the delivery?",
    "When does it stop raining", "Stop 5 of the bus", "Order 36179?", "Alta calidad, gracias",
    "Ja", "Sim", "Oui", "No me llegó el pedido", "não chegou",
]  # fmt: skip


@pytest.mark.parametrize("text", STOP)
def test_a_plain_wish_to_stop_is_one_in_any_language(text):
    assert read_wish("", text) is Wish.STOP


@pytest.mark.parametrize("language", sorted(STOP_BY_LANGUAGE))
def test_each_languages_words_end_texts_however_they_are_written(language):
    for word in STOP_BY_LANGUAGE[language].split():
        assert [read_wish("", text) for text in (word, word.upper(), f" {word.title()}. ")] == [Wish.STOP] * 3


@pytest.mark.parametrize("language", sorted(START_BY_LANGUAGE))
def test_each_languages_words_begin_texts_again(language):
    assert {read_wish("", word) for word in START_BY_LANGUAGE[language].split()} == {Wish.START}


def test_no_word_means_two_things():
    assert STOP_WORDS.isdisjoint(START_WORDS | HELP_WORDS)
    assert START_WORDS.isdisjoint(HELP_WORDS)


def test_twilios_own_words_mean_the_same_here():
    assert {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"} <= STOP_WORDS
    assert {"start", "yes", "unstop"} <= START_WORDS
    assert {"help", "info"} <= HELP_WORDS


@pytest.mark.parametrize("text", OTHER)
def test_a_text_about_the_order_is_for_staff_and_ends_no_texts(text):
    assert read_wish("", text) is Wish.OTHER


@pytest.mark.parametrize(
    ("read", "text", "wish"),
    [
        ("STOP", "Basta", Wish.STOP),
        ("START", "stop", Wish.START),
        ("HELP", "stop", Wish.HELP),
        ("OTHER", "stop", Wish.STOP),
        ("", "Start", Wish.START),
        ("", "UNSTOP", Wish.START),
        ("", "start the engine", Wish.OTHER),
        ("", "help", Wish.HELP),
        ("", "Hilfe!", Wish.HELP),
    ],
)
def test_what_the_provider_has_read_goes_before_the_words(read, text, wish):
    assert read_wish(read, text) is wish
