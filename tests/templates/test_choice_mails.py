from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.config.shop import OrderPages
from models.customers import LINK_PLACEHOLDER, Act, ChoiceState, DiscountOption
from models.orders import ProductFacts
from templates.rendering.answer_samples import sample_answers
from templates.rendering.check import find_problems
from templates.rendering.choice_mails import CHOICE_MAILS, MAX_ITEMS, choice_page_url, choice_variables
from templates.rendering.customer_mails import NEW_LINK, STAFF_NOTE, answer_variables
from templates.rendering.messages import Renderer
from templates.rendering.samples import LOCALES
from tests.support.builders import day
from tests.support.choosing import choice
from tests.support.shop_driver import SHOP

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.example.com")})
FERN = ProductFacts("fern", "Fern & Co", "lamps", Decimal(46))
HOUR = datetime(2026, 6, 15, 11, tzinfo=UTC)
CHOICES = {
    "wait": choice(Act.WAIT, "1", expected_on=day(4), undo_until=HOUR),
    "wait undated": choice(Act.WAIT, "1", undo_until=HOUR),
    "ship": choice(Act.SHIP, "1", undo_until=HOUR),
    "swap": choice(Act.SWAP, "1", product=FERN, quantity=1, price_difference=Decimal(0), reserved_until=HOUR),
    "swap, dearer": choice(Act.SWAP, "1", product=FERN, price_difference=Decimal(9), reserved_until=HOUR),
    "swap, cheaper": choice(Act.SWAP, "1", product=FERN, price_difference=Decimal(-6), reserved_until=HOUR),
    "swap, unknown": choice(Act.SWAP, "1", product=FERN, reserved_until=HOUR),
    "cancel": choice(Act.CANCEL, "1", refund=Decimal(129), undo_until=HOUR),
    "cancel, unpaid": choice(Act.CANCEL, "1", refund=Decimal(0)),
    "cancel, unknown": choice(Act.CANCEL, "1"),
}
SAID = {
    "wait": ("June 19, 2026", "19 de junho de 2026", "bis 19. Juni 2026", "el 19 de junio de 2026", "le 19 juin 2026"),
    "wait undated": (
        "No new date yet",
        "Ainda sem nova data",
        "noch nicht bekannt",
        "por confirmar",
        "pas encore connue",
    ),
    "ship": (
        "no extra cost",
        "sem custo extra",
        "ohne zusätzliche Kosten",
        "sin coste adicional",
        "sans frais supplémentaires",
    ),
    "swap": (
        "You pay nothing more",
        "não paga nada a mais",
        "Sie zahlen nichts dazu",
        "No paga nada más",
        "rien à payer en plus",
    ),
    "swap, dearer": (
        "€9.00 more. We ask you before",
        "9,00 a mais. Perguntamos antes",
        "9,00 € mehr. Wir fragen Sie, bevor",
        "9,00 € más. Le preguntaremos antes",
        "9,00 € de plus. Nous vous demandons votre accord",
    ),
    "swap, cheaper": (
        "get €6.00 back",
        "recebe €\xa06,00 de volta",
        "Sie erhalten 6,00 € zurück",
        "Le devolvemos 6,00 €",
        "Nous vous rendons 6,00 €",
    ),
    "swap, unknown": (
        "If the price differs, we ask you first",
        "Se o preço for diferente",
        "Falls der Preis abweicht",
        "Si el precio es distinto",
        "Si le prix est différent",
    ),
    "cancel": ("€129.00", "129,00", "129,00 €", "129,00 €", "129,00 €"),
    "cancel, unpaid": (
        "will confirm it",
        "vamos confirmar",
        "wir bestätigen es Ihnen",
        "se la confirmaremos",
        "nous vous la confirmerons",
    ),
    "cancel, unknown": (
        "We write to you how much",
        "Escrevemos para você com o valor",
        "Wir schreiben Ihnen, wie viel",
        "Le escribiremos para indicarle el importe",
        "Nous vous écrirons pour vous indiquer le montant",
    ),
}
LANGUAGES = LOCALES


def mail(made, kind="choice_received", locale="en", *, shop=PAGES, items=("Lamp 1",), customer="Anna", order_url=None):
    url = choice_page_url(shop, "1041", order_url)
    variables = answer_variables(customer, "1041", date(2026, 4, 16), url, day(0))
    return Renderer(shop).answers.render(kind, locale, variables, **choice_variables(made, items, shop, 14))


@pytest.mark.parametrize(("refund", "paid"), [(Decimal(129), True), (None, True), (Decimal(0), False)])
@pytest.mark.parametrize(
    ("language", "promises", "nothing"),
    [
        ("en", ("refund is on its way", "You get the money by"), "There is nothing to pay back."),
        ("pt_BR", ("reembolso está a caminho", "O dinheiro volta"), "Não há valor a devolver."),
        ("de", ("Ihre Erstattung ist unterwegs", "Sie erhalten das Geld"), "Es ist nichts zu erstatten."),
        ("es", ("su reembolso está en camino", "Recibirá el dinero"), "No hay nada que devolver."),
        ("fr", ("votre remboursement est en cours", "Vous recevrez l’argent"), "Il n’y a rien à rembourser."),
    ],
)
def test_who_has_not_paid_is_promised_no_money(refund, paid, language, promises, nothing):
    made = mail(choice(Act.CANCEL, "1", refund=refund), "choice_done", language)
    for body in (made.text, made.html):
        assert [promise in body for promise in promises] == [paid, paid]
        assert (nothing in body) is not paid


@pytest.mark.parametrize("case", CHOICES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_choice_is_acknowledged_with_its_own_words_in_text_and_html(case, language):
    made = mail(CHOICES[case], locale=language)
    said = SAID[case][LANGUAGES.index(language)]
    for body in (made.text, made.html):
        assert said.replace("\xa0", " ") in body.replace("\xa0", " ").replace("&nbsp;", " ").replace("&#39;", "'")
        assert "1041-C1" in body
        assert f"https://orders.example.com/o/{LINK_PLACEHOLDER}" in body
        assert "Lamp 1" in body
    assert "1041" in made.subject
    assert made.language == language


@pytest.mark.parametrize("kind", [kind for kind in CHOICE_MAILS if kind != "discount_code"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_change_of_every_choice_has_words(kind, language):
    subjects = {mail(made, kind, language).subject for made in CHOICES.values()}
    assert len(subjects) == (1 if kind == "choice_done" else 4)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"kind": "future_discount", "percent": Decimal(10)}, "10% off your next order, up to €20.00"),
        ({"kind": "future_discount", "amount": Decimal(5)}, "€5.00 off your next order"),
        (
            {"kind": "shipping_discount", "percent": Decimal(100)},
            "free shipping on your next order, worth up to €20.00",
        ),
        ({"kind": "shipping_discount", "percent": Decimal(50)}, "50% off shipping on your next order, up to €20.00"),
        ({"kind": "shipping_discount", "amount": Decimal(5)}, "€5.00 off shipping on your next order"),
    ],
)
def test_a_discount_comes_with_its_code_and_its_terms(terms, said):
    values = {"percent": None, "amount": None} | terms
    discount = DiscountOption("o1", code="WAIT-1234", value=Decimal(20), expires_on=day(60), **values)
    made = choice(Act.OFFER, state=ChoiceState.DONE, discount=discount)
    for body in (mail(made, "discount_code").text, mail(made, "discount_code").html):
        assert said in body
        assert "WAIT-1234" in body
    for language in LANGUAGES[1:]:
        assert "WAIT-1234" in mail(made, "discount_code", language).text


def test_moments_are_in_the_shops_zone():
    made = mail(CHOICES["cancel"])
    assert "June 15, 2026, 12:00 (Europe/Berlin)" in made.text
    assert "until June 15, 2026, 13:00" in made.text


def test_the_refund_comes_by_the_day_that_the_policy_says():
    assert "by 29 June 2026 at the latest" in mail(CHOICES["cancel"], locale="en_GB").text


def test_without_an_hour_to_undo_the_mail_offers_none():
    assert "take this back" in mail(CHOICES["cancel"]).text
    assert "take this back" not in mail(replace(CHOICES["cancel"], undo_until=None)).text


def test_a_long_order_names_its_first_items():
    made = mail(CHOICES["cancel"], items=tuple(f"Lamp {n}" for n in range(MAX_ITEMS + 2)))
    assert f"Lamp {MAX_ITEMS - 1} and 2 more items" in made.text
    assert f"Lamp {MAX_ITEMS}," not in made.text


def test_names_are_escaped_and_a_customer_named_like_an_address_is_not_greeted():
    made = mail(CHOICES["swap"], items=("<b>Lamp</b>",), customer="www.example.org")
    assert "<b>Lamp" not in made.html
    assert "Fern &amp; Co" in made.html
    assert "www.example.org" not in made.text


@pytest.mark.parametrize(
    ("shop", "order_url", "link"),
    [
        (SHOP, None, "https://lamps.example.com/orders/1041"),
        (SHOP, "https://lamps.example.com/mine/7", "https://lamps.example.com/mine/7"),
        (PAGES, "https://lamps.example.com/mine/7", "https://lamps.example.com/mine/7"),
        (PAGES, None, f"https://orders.example.com/o/{LINK_PLACEHOLDER}"),
    ],
)
def test_the_mail_links_to_the_page_that_messages_about_the_order_link_to(shop, order_url, link):
    assert link in mail(CHOICES["wait"], shop=shop, order_url=order_url).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_that_answers_a_customer_has_samples(language):
    samples = list(sample_answers(SHOP, language))
    assert {sample.kind for sample in samples} == {NEW_LINK, STAFF_NOTE, *CHOICE_MAILS}
    renderer = Renderer(SHOP).answers
    assert len({sample.render(renderer).text for sample in samples}) == len(samples)


def test_a_mistake_in_a_shops_own_answer_is_found_before_a_customer_gets_it(tmp_path):
    (tmp_path / "choice_received").mkdir()
    (tmp_path / "choice_received" / "body.en.txt").write_text("You get {{ answer.refundd|money(answer.currency) }}")
    (problem, *_) = find_problems(SHOP, tmp_path, only="choice_received")
    assert "refundd" in problem.what
