"""A shop's logo, colours and legal footer in its mails and on its product pages."""

import re
from html import escape

import pytest

from models.config.shop import Brand, OrderPages
from templates.rendering import samples
from templates.rendering.brand import contrast, palettes_of
from templates.rendering.environment import make_environment
from templates.rendering.messages import Renderer
from templates.rendering.palette import DARK, LIGHT
from tests.templates.test_mail_look import MAILS, seen
from tests.templates.test_messages import SHOP, mail

LOGO, LOGO_DARK = "https://lamps.example.com/logo.png", "https://lamps.example.com/logo-dark.png"
FOOTER = Brand(
    legal={"en": "Lamps & Co Ltd\nRegister 12345", "pt_BR": "Lamps & Co Ltda"},
    imprint_url={"en": "https://lamps.example.com/imprint", "pt_BR": "https://lamps.example.com/aviso"},
    privacy_url="https://lamps.example.com/privacy",
)


def branded(**brand):
    return SHOP.model_copy(update={"brand": Brand(**brand)})


def week(locale="en"):
    return next(plan for _, plan in samples.sample_plans("week", locale))


def page(shop, language="en"):
    return Renderer(shop).storefront.render_page(None, language, None, "")


def test_a_logo_of_fixed_height_that_says_the_name_takes_its_place():
    html = mail(Renderer(branded(logo=LOGO)), week()).html
    (logo,) = [picture for picture in seen(html, night=False).pictures if picture["src"] == LOGO]
    assert (logo["alt"], logo["height"]) == (SHOP.name, "40")
    head = re.sub("<[^>]*>", "", html.partition('<td class="pad line"')[2].partition("</td>")[0].partition(">")[2])
    assert not head.strip()


def test_a_mail_without_a_logo_begins_with_the_shops_name():
    html = mail(Renderer(SHOP), week()).html
    assert re.search(r'<td class="pad line"[^>]*>\s*<a [^>]*>' + re.escape(escape(SHOP.name)) + "</a>", html)


@pytest.mark.parametrize(("logo_dark", "shown_at_night"), [(None, [LOGO]), (LOGO_DARK, [LOGO_DARK])])
def test_a_logo_for_dark_screens_takes_the_others_place_at_night(logo_dark, shown_at_night):
    html = mail(Renderer(branded(logo=LOGO, logo_dark=logo_dark)), week()).html
    rules = seen(html, night=True).night
    logos = [picture for picture in seen(html, night=False).pictures if picture["alt"] == SHOP.name]
    assert [logo["src"] for logo in logos if "display:none" not in logo["style"]] == [LOGO]
    by_night = {logo["src"]: f"{rules.get(logo['class'], '')};{logo['style']}" for logo in logos}
    assert [url for url, style in by_night.items() if not style.startswith("display:none")] == shown_at_night
    if logo_dark is None:
        assert LIGHT.card in by_night[LOGO], "a dark logo would vanish on a dark card"


@pytest.mark.parametrize("accent", ["#ffd400", "#00a0e1", "#0b1f3a"])
@pytest.mark.parametrize("night", [False, True])
def test_an_accent_colours_links_and_buttons_and_all_text_still_stands_out(accent, night):
    palette = palettes_of(accent)["dark" if night else "light"]
    renderer = Renderer(branded(accent=accent))
    for plan in [parameter.values[0] for parameter in MAILS[::9]]:
        pairs = seen(mail(renderer, plan).html, night=night).pairs
        assert (palette.on_button, palette.button) in pairs
        assert (palette.link, palette.card) in pairs
        assert {pair: contrast(*pair) for pair in pairs if contrast(*pair) < 4.5} == {}


def test_shops_with_different_accents_keep_their_own_in_one_process(tmp_path):
    own = tmp_path / "other/note.en.txt"
    own.parent.mkdir()
    own.write_text("{% set dark = 1 %}")  # Colours are then looked up, not compiled in.
    shops = [branded(accent="#ffd400"), SHOP, branded(accent="#9a4a12")]
    compiled = [mail(Renderer(shop), week()).html for shop in shops]
    assert [mail(Renderer(shop, tmp_path), week()).html for shop in shops] == compiled
    assert len(set(compiled)) == len(shops)
    assert LIGHT.button in compiled[1]
    assert DARK.link in compiled[1]
    assert LIGHT.button not in compiled[0]


@pytest.mark.parametrize("name", ["layout/mail.html", "layout/parts.html", "layout/storefront.html"])
def test_a_shops_colours_are_compiled_into_the_layouts(name):
    jinja = make_environment(accent="#ffd400")
    source, *_ = jinja.loader.get_source(jinja, name)
    code = jinja.compile(source, name, name, raw=True)
    assert "#826c00" in code or "#ffd400" in code
    assert "'light'" not in code


@pytest.mark.parametrize(
    ("locale", "legal", "imprint", "words"),
    [
        ("en", "Lamps &amp; Co Ltd", "https://lamps.example.com/imprint", ("Legal notice", "Privacy")),
        ("pt_BR", "Lamps &amp; Co Ltda", "https://lamps.example.com/aviso", ("Aviso legal", "Privacidade")),
        ("de", "Lamps &amp; Co Ltd", "https://lamps.example.com/imprint", ("Impressum", "Datenschutz")),
        ("es", "Lamps &amp; Co Ltd", "https://lamps.example.com/imprint", ("Aviso legal", "Privacidad")),
        ("fr", "Lamps &amp; Co Ltd", "https://lamps.example.com/imprint", ("Mentions légales", "Confidentialité")),
    ],
)
def test_mails_and_product_pages_end_with_the_legal_footer_in_their_language(locale, legal, imprint, words):
    shop = SHOP.model_copy(update={"brand": FOOTER})
    written = mail(Renderer(shop), week(locale))
    for html in (written.html, page(shop, locale)):
        assert re.search(rf">\s*{legal}\s*<", html)
        for url, label in zip((imprint, "https://lamps.example.com/privacy"), words, strict=True):
            assert re.search(rf'<a [^>]*href="{url}"[^>]*>{label}</a>', html)
    footer = written.text.partition("\n--\n")[2].replace("\xa0:", ":")
    assert FOOTER.legal.get(locale, FOOTER.legal["en"]) in footer
    assert f"{words[0]}: {imprint}\n{words[1]}: https://lamps.example.com/privacy" in footer


def test_a_line_break_of_the_legal_footer_is_one_in_html():
    assert "Lamps &amp; Co Ltd\n<br>Register 12345" in mail(Renderer(branded(legal=FOOTER.legal)), week()).html


def test_a_language_without_words_for_the_links_shows_their_addresses(tmp_path):
    for part, words in {"title": "Consegna", "text": "Non si sa.", "date": "Aggiornato"}.items():
        file = tmp_path / f"storefront/{part}.it.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(words)
    shop = SHOP.model_copy(update={"brand": FOOTER})
    html = Renderer(shop, tmp_path).storefront.render_page(None, "it", None, "")
    assert '<a href="https://lamps.example.com/privacy">https://lamps.example.com/privacy</a>' in html


def test_a_shop_without_a_legal_footer_shows_none():
    written = mail(Renderer(SHOP), week())
    assert "<footer" not in page(SHOP)
    assert written.text.splitlines()[-1].startswith("This message is about order")
    assert "Privacy" not in written.html


def test_a_product_page_shows_the_logo_and_its_dark_one():
    html = page(branded(logo=LOGO, logo_dark=LOGO_DARK, accent="#ffd400"))
    assert f'<source srcset="{LOGO_DARK}" media="(prefers-color-scheme:dark)">' in html
    assert f'<img src="{LOGO}" height="40" alt="{escape(SHOP.name)}">' in html
    assert "--link:#826c00" in html


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Get a new link to your order"),
        ("pt_BR", "Receber um novo link"),
        ("de", "Neuen Link zur Bestellung anfordern"),
        ("es", "Recibir un enlace nuevo"),
        ("fr", "Recevoir un nouveau lien"),
    ],
)
def test_a_shop_with_order_pages_says_in_every_mail_how_to_get_a_new_link(locale, words):
    shop = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com/")})
    written = mail(Renderer(shop), week(locale))
    assert re.search(rf'href="https://orders.lamps.example.com/o/link"[^>]*>{words}', written.html)
    assert "https://orders.lamps.example.com/o/link" in written.text
    assert words not in mail(Renderer(SHOP), week(locale)).text
