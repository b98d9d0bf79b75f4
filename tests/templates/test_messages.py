import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from models.config.shop import ShopConfig
from models.decisions import Contact, Plan
from models.enums import Channel, PostKind, Promise
from models.messages import Message
from models.orders import LastNotice, NoticeLine, ProductFacts
from templates.rendering import samples, sms
from templates.rendering import social as posts
from templates.rendering.environment import BUILT_IN, TemplateError
from templates.rendering.formats import match_locale
from templates.rendering.messages import Renderer
from templates.rendering.template_sets import MESSAGES, POSTS

SHOP = ShopConfig.model_validate(
    {
        "name": "Alder & Pine",
        "zone": "Europe/Berlin",
        "locale": "en",
        "country": "US",
        "currency": "USD",
        "sender": {"name": "Alder & Pine", "email": "orders@alder.example.com"},
        "help": {"email": "help@alder.example.com", "phone": "+1 202 555 0100", "hours": "Mon-Fri 9-17"},
        "links": {
            "home": "https://alder.example.com",
            "order": "https://alder.example.com/orders/{order}",
            "product": "https://alder.example.com/p/{product}",
            "category": "https://alder.example.com/c/{category}",
        },
    }
)
EVERY_REMEDY_IN = ("en", "pt_BR")
"""The languages that are tried with every remedy. The others are tried with one: it is the words that differ."""


def chosen_samples(message: str, locale: str) -> list[tuple[str, Plan]]:
    every = list(samples.sample_plans(message, locale))
    return every if locale in EVERY_REMEDY_IN else [pair for pair in every if pair[0].endswith("· future")]


EVERY = [
    pytest.param(plan, id=f"{locale} {title}")
    for message in MESSAGES
    for locale in samples.LOCALES
    for title, plan in chosen_samples(message, locale)
]
CANCEL = {"en": "cancel", "pt_BR": "cancelar", "de": "stornieren", "es": "cancelar", "fr": "annuler"}
PROMOTES = {
    "en": ("off", "free", "code"),
    "pt_BR": ("desconto", "grátis", "código"),
    "de": ("rabatt", "kostenlos", "gratis", "code"),
    "es": ("descuento", "gratis", "gratuito", "código"),
    "fr": ("réduction", "offert", "gratuit", "code"),
}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SHOP)


def sample(ending: str, message: str = "long", locale: str = "en") -> Plan:
    return next(plan for title, plan in samples.sample_plans(message, locale) if title.endswith(ending))


def named(plan: Plan, name: str) -> Plan:
    """Return the plan with its late lines' products renamed."""
    late = tuple(
        replace(late_line, line=replace(late_line.line, product=replace(late_line.line.product, name=name)))
        for late_line in plan.delay.late
    )
    return replace(plan, delay=replace(plan.delay, late=late))


def asked_in(plan: Plan, locale: str | None) -> Plan:
    order = plan.delay.order
    return replace(
        plan, delay=replace(plan.delay, order=replace(order, customer=replace(order.customer, locale=locale)))
    )


def mail(renderer: Renderer, plan: Plan) -> Message:
    return renderer.render_message(plan, Contact(Channel.EMAIL, "maya@example.com"), id="n-1")


def text(renderer: Renderer, plan: Plan) -> str:
    return renderer.render_message(plan, Contact(Channel.SMS, "+12025550142"), id="n-1").text


@pytest.mark.parametrize("plan", EVERY)
def test_every_mail_names_the_order_each_late_line_the_way_to_the_order_and_to_the_shop(renderer, plan):
    written = mail(renderer, plan)
    assert plan.delay.order.id in written.subject
    for part in (written.text, written.html):
        assert "https://alder.example.com/orders/10427" in part
        assert "help@alder.example.com" in part
        assert "https://alder.example.com/p/p-1" in part
        for late in plan.delay.late:
            assert late.line.product.name in part
        for line in plan.delay.on_time:
            assert line.product.name in part


@pytest.mark.parametrize(("year", "date_text"), [(2026, "by June 18."), (2027, "by June 18, 2027.")])
def test_a_day_of_another_year_is_never_told_without_its_year(renderer, year, date_text):
    plan = sample("known · none")
    assert date_text in text(renderer, replace(plan, delay=replace(plan.delay, expected_on=date(year, 6, 18))))


@pytest.mark.parametrize("plan", EVERY)
def test_every_text_fits_two_parts_holds_the_order_its_link_and_no_code(renderer, plan):
    sms_text = text(renderer, plan)
    assert sms.count_segments(sms_text).encoding is sms.SmsEncoding.GSM7
    assert sms.count_segments(sms_text).parts <= 2
    assert "10427" in sms_text
    assert sms_text.endswith("https://alder.example.com/orders/10427")
    assert "SORRY" not in sms_text


@pytest.mark.parametrize("locale", samples.LOCALES)
def test_the_text_of_a_worse_bucket_does_not_read_like_the_one_before(renderer, locale):
    plan = sample("known · none", locale=locale)
    texts = [text(renderer, replace(plan, message=words)) for words in ("short", "week", "fortnight", "long")]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("plan", EVERY)
def test_the_way_to_cancel_is_in_every_mail_and_no_subject_promotes(renderer, plan):
    written = mail(renderer, plan)
    assert CANCEL[written.locale] in written.text
    assert CANCEL[written.locale] in written.html
    assert not any(word in written.subject.lower() for word in ("%", *PROMOTES[written.locale]))


@pytest.mark.parametrize(
    ("message", "locale", "known", "unknown"),
    [
        ("week", "en", "June 9, 2026", "no new date yet"),
        ("week", "pt_BR", "9 de junho de 2026", "ainda sem nova data"),
        ("week", "de", "bis zum 9. Juni 2026", "noch kein neuer Termin"),
        ("week", "es", "a más tardar el 9 de junio de 2026", "todavía sin nueva fecha"),
        ("week", "fr", "au plus tard le 9 juin 2026", "pas encore de nouvelle date"),
        ("late_again", "en", "June 21, 2026", "no new date yet"),
        ("late_again", "pt_BR", "21 de junho de 2026", "ainda sem nova data"),
        ("late_again", "de", "21. Juni 2026", "noch kein neuer Termin"),
        ("late_again", "es", "21 de junio de 2026", "todavía sin nueva fecha"),
        ("late_again", "fr", "21 juin 2026", "pas encore de nouvelle date"),
    ],
)
def test_a_date_is_written_as_the_customer_writes_it_or_said_to_be_unknown(renderer, message, locale, known, unknown):
    assert known in mail(renderer, sample("date known · none", message, locale)).text
    without = mail(renderer, sample("date unknown · none", message, locale)).text
    assert unknown in without
    assert known not in without


def test_a_renewed_notice_says_that_the_date_told_before_is_not_kept(renderer):
    plan = sample("date known · none", "late_again")
    for part in (mail(renderer, plan).text, mail(renderer, plan).html):
        assert "May 31, 2026" in part
        assert "cannot keep that date" in part


@pytest.mark.parametrize(
    ("locale", "there", "sooner"),
    [
        ("en", "now in stock", "sooner"),
        ("pt_BR", "em estoque", "antes"),
        ("de", "jetzt auf Lager", "früher"),
        ("es", "en stock", "antes"),
        ("fr", "désormais en stock", "plus tôt"),
    ],
)
def test_good_news_says_whether_the_goods_are_there_or_come_sooner(renderer, locale, there, sooner):
    ready = mail(renderer, sample("goods there · none", "good_news", locale))
    earlier = mail(renderer, sample("earlier date · none", "good_news", locale))
    for part in ("text", "html"):
        assert there in getattr(ready, part)
        assert sooner not in getattr(ready, part)
        assert sooner in getattr(earlier, part)


def test_good_news_for_a_part_of_the_order_calls_no_other_part_ready(renderer):
    plan = sample("goods there · none", "good_news")
    late = (plan.delay.late[0], replace(plan.delay.late[1], line=replace(plan.delay.late[1].line, ready=False)))
    written = mail(renderer, replace(plan, delay=replace(plan.delay, late=late), parcels=()))
    assert written.subject == "Good news: part of it is now in stock, leaving soon (order 10427)"
    assert written.text.count("in stock, set aside for you, expected") == 1
    assert "part of what you were waiting for in your order 10427 is now in stock" in written.text


def test_an_order_in_two_parcels_is_told_what_comes_first_and_what_is_still_to_come(renderer):
    written = mail(renderer, sample("date known · none", "fortnight"))
    for part in (written.text, written.html):
        first, later = part.split("Parcel 2 of 2")
        assert "Stoneware mug" in first.partition("Parcel 1 of 2, shipping by June 2, 2026")[2]
        assert ", shipping by June 14, 2026" in later
        assert "Oak bread board" in later
        assert "Should still be on time" not in part


def test_an_order_in_one_parcel_is_told_of_none(renderer):
    written = mail(renderer, sample("date known · none", "long"))
    assert "parcel" not in written.text
    assert "Should still be on time" in written.text


@pytest.mark.parametrize(
    ("locale", "whole", "part", "subject"),
    [
        ("en", "a date that we cannot keep", "all of it", "no date yet for part of it"),
        ("pt_BR", "não queremos prometer", "todos os itens", "parte ainda sem data"),
        ("de", "keinen Termin nennen, den wir nicht halten", "Wann alle Artikel", "ein Teil noch ohne Termin"),
        ("es", "una fecha que no podamos cumplir", "todos los artículos", "una parte todavía sin fecha"),
        ("fr", "une date que nous ne pourrions pas tenir", "tous les articles", "une partie encore sans date"),
    ],
)
def test_where_one_late_line_has_a_date_no_mail_says_that_there_is_none(renderer, locale, whole, part, subject):
    plan = sample("date unknown · none", "long", locale)
    (late,) = plan.delay.late
    dated = replace(late, expected_on=date(2026, 12, 2))
    some = replace(plan, delay=replace(plan.delay, late=(late, dated)))
    for body in (mail(renderer, some).text, mail(renderer, some).html):
        assert (whole in body, part in body, "2026" in body) == (False, True, True)
    assert (whole in mail(renderer, plan).text, subject in mail(renderer, some).subject) == (True, True)


@pytest.mark.parametrize(("dates", "which"), [((2, None), "part of your order"), ((2, 2), "your order")])
def test_a_renewed_notice_speaks_of_the_part_that_was_dated(renderer, dates, which):
    plan = sample("date known · none", "late_again")
    days = (day and date(2026, 6, day) for day in dates)
    lines = tuple(NoticeLine(str(n), date(2026, 6, 1), day, "week") for n, day in enumerate(days, 1))
    order = replace(plan.delay.order, told=LastNotice(1, date(2026, 6, 1), lines))
    written = mail(renderer, replace(plan, delay=replace(plan.delay, order=order, on_time=())))
    assert f"We told you to expect {which} 10427 by" in written.text


@pytest.mark.parametrize("told", [None, "without a date"])
def test_a_renewed_notice_can_be_written_when_no_date_was_told(renderer, told):
    plan = sample("date unknown · none", "late_again")
    if told is None:
        plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, told=None)))
    assert "keep that date" not in mail(renderer, plan).text


@pytest.mark.parametrize(
    ("remedy", "locale", "sentence"),
    [
        ("date known · shipping", "en", "free shipping on your next order, worth up to $20.00"),
        ("date known · shipping amount", "en", "$10.00 off shipping"),
        ("date known · future", "en", "10% off your next order, up to $20.00"),
        ("date known · future amount", "en", "$10.00 off your next order"),
        ("date known · future", "pt_BR", "10% de desconto na sua próxima compra, até R$\u00a020,00"),
        ("date known · future", "de", "10\u00a0% Rabatt auf Ihre nächste Bestellung, höchstens 20,00\u00a0€"),
        ("date known · future", "es", "10\u00a0% de descuento en su próximo pedido, hasta 20,00\u00a0€"),
        (
            "date known · future",
            "fr",
            "10\u00a0% de réduction sur votre prochaine commande, dans la limite de 20,00\u00a0€",
        ),
        ("date known · substitute", "en", "https://alder.example.com/p/p-4"),
    ],
)
def test_a_remedy_is_said_with_its_worth(renderer, remedy, locale, sentence):
    assert sentence in mail(renderer, sample(remedy, locale=locale)).text


@pytest.mark.parametrize("remedy", ["date known · shipping", "date known · future", "date known · future amount"])
def test_a_discount_is_said_with_its_code_and_expiry_in_both_mails(renderer, remedy):
    written = mail(renderer, sample(remedy))
    for part in (written.text, written.html):
        assert "SORRY-7KQ4-M2XN" in part
        assert "July 31, 2026" in part


def test_where_an_offer_needs_consent_the_mail_only_links_to_the_order_page(renderer):
    written = mail(renderer, sample("date known · on page"))
    assert "We have an offer for you. See it on your order page" in written.text
    for part in (written.text, written.html):
        assert "SORRY-7KQ4-M2XN" not in part
        assert "off your next order" not in part


NAMES = [
    ("{{ 7*7 }}", "{{ 7*7 }}"),
    ("{% raw %}", "{% raw %}"),
    ("Mug\r\nBcc: all@example.com", "Mug Bcc: all@example.com"),
    ("Mug\u202egpj.exe", "Muggpj.exe"),
    ("M\u200bug\u2028now", "Mug now"),
    ("  Mug\t blue ", "Mug blue"),
    ("Mug \ud800", "Mug"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_products_name_stays_a_name_whatever_is_in_it(renderer, name, shown):
    written = mail(renderer, named(sample("date unknown · none"), name))
    assert f"- {shown}\n" in written.text
    assert shown in written.html
    written.html.encode()
    assert "49" not in written.text


def test_markup_in_names_is_text_in_the_html_mail(renderer):
    plan = named(sample("date unknown · none"), '<img src=x onerror="x()"> & Co')
    assert "<img src=x" not in mail(renderer, plan).html
    assert "&lt;img src=x onerror=&#34;x()&#34;&gt; &amp; Co" in mail(renderer, plan).html
    assert '<img src=x onerror="x()"> & Co' in mail(renderer, plan).text


def test_an_order_number_never_breaks_the_subject_line(renderer):
    plan = sample("date known · none")
    order = replace(plan.delay.order, id="10\r\nBcc: all@example.com")
    subject = mail(renderer, replace(plan, delay=replace(plan.delay, order=order))).subject
    assert subject.endswith(" (order 10 Bcc: all@example.com)")
    assert "\n" not in subject
    assert "\r" not in subject


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://a.example/"><script>', "https://a.example/ b\nc", ""])
def test_an_address_that_is_no_web_address_is_never_linked(renderer, url):
    plan = sample("date unknown · none")
    late = plan.delay.late[0]
    product = ProductFacts("p-1", "Mug", url=url)
    plan = replace(plan, delay=replace(plan.delay, late=(replace(late, line=replace(late.line, product=product)),)))
    html = mail(renderer, plan).html
    assert "javascript:" not in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Mug", sms.SmsEncoding.GSM7),
        ("Mug " * 100, sms.SmsEncoding.GSM7),
        ("x" * 400, sms.SmsEncoding.GSM7),
        ("Fogão de indução", sms.SmsEncoding.GSM7),
    ],
)
def test_a_products_name_is_shortened_before_a_text_loses_its_link_or_date(renderer, name, encoding):
    plan = named(sample("date known · none", "week"), name)
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, url="https://a.example/o/10427")))
    sms_text = text(renderer, plan)
    assert sms.count_segments(sms_text).parts <= 2
    assert sms.count_segments(sms_text).encoding is encoding
    assert sms_text.endswith("https://a.example/o/10427")
    assert "June 9" in sms_text
    assert name.strip()[:3] in sms_text


def test_one_part_without_the_products_name_goes_before_two_parts_with_it(renderer):
    plan = named(sample("date known · none", "week"), "茶碗" * 3)
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, url="https://a.example/o/10427")))
    sms_text = text(renderer, plan)
    assert "茶" not in sms_text
    assert (sms.count_segments(sms_text).encoding, sms.count_segments(sms_text).parts) == (sms.SmsEncoding.GSM7, 1)
    long = named(plan, "Reading chair made of alder and walnut, with a footstool")
    sms_text = text(renderer, long)
    assert "(Reading chair made" in sms_text
    assert sms.count_segments(sms_text).parts == 1


def test_a_text_that_takes_two_parts_anyway_names_the_product_whole(renderer):
    plan = named(sample("date known · none", "week"), "Fogão de indução")
    url = f"https://a.example/{'o' * 100}"
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, url=url)))
    sms_text = text(renderer, plan)
    assert "(Fogao de inducao)" in sms_text
    assert sms_text.endswith(url)
    assert sms.count_segments(sms_text).parts == 2


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("locale", samples.LOCALES)
def test_a_shops_name_with_accents_that_gsm_7_lacks_costs_no_part(message, locale):
    names = ("Cafés São João", "Cafés Sao Joao")
    renderers = [Renderer(SHOP.model_copy(update={"name": name})) for name in names]
    for _, plan in chosen_samples(message, locale):
        accented, plain = (text(renderer, plan) for renderer in renderers)
        assert sms.count_segments(accented) == sms.count_segments(plain)
        assert accented.startswith("Cafés S")


def test_a_text_says_the_shops_short_name_and_a_mail_its_whole_one():
    shop = SHOP.model_copy(update={"name": "Empório das Lâmpadas São João", "sms_name": "Emporio"})
    plan = sample("date known · none", "week")
    assert text(Renderer(shop), plan).startswith("Emporio: sorry, order")
    assert "Empório das Lâmpadas São João" in mail(Renderer(shop), plan).text


def test_a_name_that_leaves_no_room_is_left_out_of_a_text(renderer):
    shop = SHOP.model_copy(
        update={"links": SHOP.links.model_copy(update={"order": f"https://alder.example.com/{'o' * 60}/{{order}}"})}
    )
    plan = named(sample("date known · none", "week"), "Fogão")
    assert "Fogão" not in (sms_text := text(Renderer(shop), plan))
    assert sms.count_segments(sms_text).encoding is sms.SmsEncoding.GSM7


def test_an_order_link_that_cannot_fit_gives_way_to_the_shops_own_and_then_to_its_home():
    plan = sample("date known · none", "week")
    plan = replace(
        plan, delay=replace(plan.delay, order=replace(plan.delay.order, url=f"https://a.example/{'o' * 300}"))
    )
    assert text(Renderer(SHOP), plan).endswith(SHOP.links.order.replace("{order}", "10427"))
    links = SHOP.links.model_copy(update={"order": f"https://alder.example.com/{'o' * 300}/{{order}}"})
    assert text(Renderer(SHOP.model_copy(update={"links": links})), plan).endswith(f" {SHOP.links.home}")


def test_a_text_that_cannot_fit_is_refused_with_template_and_order(renderer):
    far = f"https://alder.example.com/{'o' * 300}"
    shop = SHOP.model_copy(update={"links": SHOP.links.model_copy(update={"order": f"{far}/{{order}}", "home": far})})
    with pytest.raises(TemplateError, match=r"sms\.en\.txt: the text needs more than 2 parts.*order 10427"):
        text(Renderer(shop), sample("date known · none"))


@pytest.mark.parametrize(
    ("name", "named"),
    [("Mug", "Mug"), ("Long name " * 40, "Long name"), ("茶碗" * 200, "茶碗"), ("@nike Mug", "nike Mug")],
)
def test_a_post_fits_names_the_product_links_to_it_and_mentions_nobody(renderer, name, named):
    for _, about in samples.sample_posts("en"):
        post = renderer.render_post(replace(about, product=replace(about.product, name=name)), id="p-1")
        assert named in post.text
        assert post.text.endswith("https://alder.example.com/p/p-1")
        assert posts.weight(post.text) <= 280
        assert "@" not in post.text
        assert (post.channel, post.to, post.category) == (Channel.X, "", POSTS[about.kind])


def test_a_post_about_the_last_piece_says_one(renderer):
    low = [about for _, about in samples.sample_posts("en") if about.kind is PostKind.LOW]
    assert [renderer.render_post(about, id="p").text.splitlines()[0] for about in low] == [
        "Linen tablecloth, 150 × 250 cm: only 3 left.",
        "Linen tablecloth, 150 × 250 cm: only one left.",
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("en", "en"),
        ("en_GB", "en"),
        ("en-US", "en"),
        ("pt", "pt_BR"),
        ("pt_PT", "pt_BR"),
        ("pt-BR", "pt_BR"),
        ("it", None),
        ("", None),
        ("no such thing", None),
    ],
)
def test_a_language_is_matched_across_countries(asked, found):
    assert match_locale(asked, {"en", "pt_BR"}) == found


@pytest.mark.parametrize(
    ("asked", "shops", "written", "counted"),
    [
        ("pt_PT", "en", "pt_BR", {}),
        ("de_AT", "en", "de", {}),
        ("es_MX", "en", "es", {}),
        ("fr_CA", "en", "fr", {}),
        ("it", "pt_BR", "pt_BR", {"it (pt_BR was used)": 1}),
        ("it", "nl", "en", {"it (en was used)": 1, "nl (en was used)": 1}),
        (None, "pt_BR", "pt_BR", {}),
        ("??", "en", "en", {"?? (en was used)": 1}),
    ],
)
def test_a_missing_language_falls_back_to_the_shops_and_is_counted(asked, shops, written, counted):
    renderer = Renderer(SHOP.model_copy(update={"locale": shops}))
    assert mail(renderer, asked_in(sample("date known · none"), asked)).locale == written
    assert dict(renderer.fallbacks) == counted


def test_a_british_customer_reads_english_words_with_british_dates(renderer):
    assert "27 June 2026" in mail(renderer, asked_in(sample("date known · none"), "en_GB")).text


def test_one_day_and_several_are_told_apart(renderer):
    delay = next(delay for _, delay in samples.sample_posts("en"))
    assert "about 1 day late." in renderer.render_post(replace(delay, days=1), id="p").text
    assert "cerca de 9 dias de atraso." in renderer.render_post(delay, id="p", locale="pt_BR").text
    for locale, one, more in (
        ("de", "etwa 1 Tag Verspätung.", "etwa 9 Tage Verspätung."),
        ("es", "alrededor de 1 día de retraso.", "alrededor de 9 días de retraso."),
        ("fr", "environ 1\u00a0jour de retard.", "environ 9\u00a0jours de retard."),
    ):
        assert one in renderer.render_post(replace(delay, days=1), id="p", locale=locale).text
        assert more in renderer.render_post(delay, id="p", locale=locale).text


def test_french_writes_the_first_of_a_month_as_an_ordinal_and_a_space_before_a_colon(renderer):
    plan = sample("date known · none", "week", "fr")
    for day, said in (
        (date(2026, 7, 1), "le 1er juillet 2026."),
        (date(2026, 7, 11), "le 11 juillet 2026."),
    ):
        written = mail(renderer, replace(plan, delay=replace(plan.delay, expected_on=day)))
        assert said in written.text
        assert said.partition("le ")[2].removesuffix(" 2026.") in written.subject
    for message in MESSAGES:
        for _, plan in samples.sample_plans(message, "fr"):
            assert not re.search(r"[^\W\d] [:;?!»]|« ", mail(renderer, plan).text)
            assert "'" not in mail(renderer, plan).text


def test_a_message_carries_what_the_doors_need(renderer):
    plan = sample("date known · future", locale="pt_BR")
    written = mail(renderer, plan)
    assert (written.id, written.to, written.to_name) == ("n-1", "maya@example.com", "João Araújo")
    assert (written.category, written.locale, written.channel) == ("long", "pt_BR", Channel.EMAIL)


def test_a_shops_own_file_wins_for_that_part_alone(tmp_path, renderer):
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "subject.en.txt").write_text("Order {{ order.id }}: news from us")
    plan = sample("date known · none")
    own, ours = mail(Renderer(SHOP, tmp_path), plan), mail(renderer, plan)
    assert own.subject == "Order 10427: news from us"
    assert own.text == ours.text


def test_a_message_of_the_shops_own_is_written_from_its_folder(tmp_path):
    (tmp_path / "very_late").mkdir()
    for part in ("subject.en.txt", "body.en.txt", "body.en.html"):
        (tmp_path / "very_late" / part).write_text("{{ order.id }} & {{ late[0].product.name }}")
    written = mail(Renderer(SHOP, tmp_path), replace(sample("date known · none"), message="very_late"))
    assert written.text == "10427 & Linen tablecloth, 150 × 250 cm"
    assert written.html == "10427 & Linen tablecloth, 150 × 250 cm"


def test_a_message_without_words_is_refused_and_says_which_files_it_wants(renderer):
    with pytest.raises(TemplateError, match=r"very_late: has no templates; add very_late/subject\.en\.txt"):
        mail(renderer, replace(sample("date known · none"), message="very_late"))


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("Hello\n{{ custmer }}", 2, "'custmer' is undefined; did you mean 'customer'"),
        (
            "{% for item in late %}\n\n{{ item.product.nmae }}{% endfor %}",
            3,
            "no attribute 'nmae'; did you mean 'name'",
        ),
        ("{{ customer }\n", 1, "unexpected '}'"),
        ("\n\n{% if %}", 3, "Expected an expression"),
        ("{{ order.id|nope }}", 1, "No filter named 'nope'"),
        ("{{ late|date }}", 1, "date needs a date, not a list"),
        ("{{ none|date }}", 1, "date needs a date, not no value (none)"),
        ('{% extends "layout/none.txt" %}', 1, "there is no template 'layout/none.txt'"),
    ],
)
def test_a_wrong_template_is_named_with_file_line_and_what_is_wrong(tmp_path, source, line, what):
    (tmp_path / "long").mkdir()
    file = tmp_path / "long" / "body.en.txt"
    file.write_text(source)
    with pytest.raises(TemplateError) as caught:
        mail(Renderer(SHOP, tmp_path), sample("date known · none"))
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert what in str(caught.value)


def test_an_unknown_name_is_refused_with_the_order_it_was_met_at(tmp_path):
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "sms.en.txt").write_text("{{ nobody }}")
    with pytest.raises(TemplateError, match=r"sms\.en\.txt, line 1: 'nobody' is undefined.* \(order 10427\)"):
        text(Renderer(SHOP, tmp_path), sample("date known · none"))


def test_every_part_is_there_in_every_language():
    parts = {file.relative_to(BUILT_IN) for file in BUILT_IN.rglob("*.*.*")}
    for locale in samples.LOCALES:
        mine = {part.parent / part.name.replace(f".{locale}.", ".en.") for part in parts if f".{locale}." in part.name}
        assert mine == {part for part in parts if ".en." in part.name}
        for message in MESSAGES:
            for part in (f"subject.{locale}.txt", f"body.{locale}.txt", f"body.{locale}.html", f"sms.{locale}.txt"):
                assert (BUILT_IN / message / part).is_file()
        assert (BUILT_IN / "post" / f"post.{locale}.txt").is_file()


def test_an_order_whose_lines_mix_promises_and_lack_pictures_is_still_written(renderer):
    plan = sample("date known · none")
    bare = replace(plan.delay.on_time[0], promise=Promise.SHIP, product=ProductFacts("p-9", "Spoon", price=Decimal(0)))
    order = replace(plan.delay.order, url="https://elsewhere.example/o/1", placed_on=date(2026, 1, 1) + timedelta(1))
    written = mail(renderer, replace(plan, delay=replace(plan.delay, order=order, on_time=(bare,))))
    assert "- 2 x Spoon" in written.text
    assert "https://elsewhere.example/o/1" in written.text
