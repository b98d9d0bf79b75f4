"""The mails that answer a customer's act."""

from datetime import date

import pytest

from templates.rendering.customer_mails import NEW_LINK, answer_variables
from templates.rendering.messages import Renderer
from templates.rendering.samples import LOCALES
from tests.support.order_pages import SHOP

URL = "https://orders.shop.example.com/o/order-link-placeholder"


def rendered(locale, shop=SHOP):
    variables = answer_variables("Nora", "1041", date(2025, 10, 14), URL, date(2025, 11, 24))
    return Renderer(shop).answers.render(NEW_LINK, locale, variables)


@pytest.mark.parametrize(
    ("locale", "language", "subject", "hello"),
    [
        ("en_GB", "en", "Your new link to order 1041", "Hello Nora,"),
        ("pt_BR", "pt_BR", "Seu novo link para o pedido 1041", "Olá, Nora!"),
        ("de_AT", "de", "Ihr neuer Link zu Bestellung 1041", "Guten Tag Nora,"),
        ("es_MX", "es", "Su enlace nuevo al pedido 1041", "Hola, Nora:"),
        ("fr_BE", "fr", "Votre nouveau lien vers la commande 1041", "Bonjour Nora,"),
        (None, "en", "Your new link to order 1041", "Hello Nora,"),
    ],
)
def test_a_new_link_is_mailed_in_the_customers_language(locale, language, subject, hello):
    mail = rendered(locale)
    assert (mail.language, mail.subject) == (language, subject)
    assert hello in mail.text
    assert hello in mail.html


@pytest.mark.parametrize("locale", LOCALES)
def test_both_bodies_hold_the_link_and_the_shops_legal_footer(locale):
    mail = rendered(locale)
    for body in (mail.text, mail.html):
        assert body.count(URL) >= 1
        assert "HRB 123456" in body
        assert SHOP.brand.privacy_url in body


def test_a_shop_without_a_legal_footer_sends_the_same_mail_without_it():
    plain = SHOP.model_copy(update={"brand": type(SHOP.brand)()})
    assert "HRB" not in rendered("en", plain).text
    assert URL in rendered("en", plain).html
