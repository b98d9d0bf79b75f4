import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.rendering.sms import (
    BASIC,
    EXTENSION,
    SmsEncoding,
    SmsSize,
    count_segments,
    drop_accents_if_cheaper,
    plain_punctuation,
)

GSM7, UCS2 = SmsEncoding.GSM7, SmsEncoding.UCS2


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("", SmsSize(GSM7, 0, 1)),
        ("a" * 160, SmsSize(GSM7, 160, 1)),
        ("a" * 161, SmsSize(GSM7, 161, 2)),
        ("a" * 306, SmsSize(GSM7, 306, 2)),
        ("a" * 307, SmsSize(GSM7, 307, 3)),
        ("€" * 80, SmsSize(GSM7, 160, 1)),
        ("€" * 81, SmsSize(GSM7, 162, 2)),
        ("ã" * 70, SmsSize(UCS2, 70, 1)),
        ("ã" * 71, SmsSize(UCS2, 71, 2)),
        ("ã" * 134, SmsSize(UCS2, 134, 2)),
        ("ã" * 135, SmsSize(UCS2, 135, 3)),
        ("😀" * 35, SmsSize(UCS2, 70, 1)),
        ("😀" * 36, SmsSize(UCS2, 72, 2)),
        ("é" * 160, SmsSize(GSM7, 160, 1)),
        ("ç", SmsSize(UCS2, 1, 1)),
    ],
)
def test_a_text_is_counted_as_the_networks_bill_it(text, cost):
    assert count_segments(text) == cost


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 152 + "€" + "a" * 152, 3),  # 306 septets, two parts by division; the escape will not straddle
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 151 + "€" + "a" * 153, 2),
        ("ã" * 66 + "😀" + "ã" * 65, 2),
        ("ã" * 66 + "😀" + "ã" * 66, 3),  # 134 units, which would be two parts if a pair could be split
    ],
)
def test_no_escape_and_no_surrogate_pair_straddles_two_parts(text, count):
    assert count_segments(text).parts == count


def test_the_alphabet_has_the_127_characters_that_the_standard_gives_it_and_ten_more():
    assert len(BASIC) == 127  # the 128th place is the escape itself
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    ("text", "cheap"),
    [
        ("it’s “late” – sorry…", 'it\'s "late" - sorry...'),
        ("150 × 250 cm, R$\u00a010", "150 x 250 cm, R$ 10"),
        ("e\u0301", "é"),
        ("Café ñandú", "Café ñandú"),
        ("zero\u200bwidth", "zerowidth"),
    ],
)
def test_typographic_characters_give_way_to_plain_ones_of_the_same_meaning(text, cheap):
    assert plain_punctuation(text) == cheap


@given(st.text())
def test_making_a_text_plain_twice_changes_nothing_more(text):
    assert plain_punctuation(plain_punctuation(text)) == plain_punctuation(text)


@given(st.text(alphabet=sorted(BASIC | EXTENSION)), st.sampled_from(sorted(BASIC)))
def test_one_more_character_never_costs_fewer_parts(text, more):
    assert count_segments(text + more).parts >= count_segments(text).parts


LONG = " x" * 40
"""Makes a text of more than 70 characters, which takes a second part as soon as it is UCS-2."""


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("São João, ação e coração, Conceição", "Sao Joao, açao".replace("ç", "c") + " e coracao, Conceicao"),
        ("Café ñandú Ç à ü", "Café ñandu Ç à ü"),
        ("Łódź, Kraków, żółć", "Lodz, Krakow, zolc"),
        ("Őrült tükörfúrógép", "Orült tükörfurogép"),
        ("Příliš žluťoučký kůň", "Prilis zlutouck\u00fd kun".replace("\u00fd", "y")),
        ("İstanbul'da ışık, ağaç", "Istanbul'da isik, agac"),
        ("Șosea în București", "Sosea in Bucuresti"),
        ("Đà Nẵng đường phố", "Dà Nang duong pho"),
        ("Þór og Æðey", "Thor og Ædey"),
        ("cœur, Noël, garçon", "coeur, Noel, garcon"),
        ("1ª e 2º", "1a e 2o"),
    ],
)
def test_letters_lose_only_the_accents_that_gsm_7_lacks_and_only_where_it_saves_parts(text, shortened):
    assert drop_accents_if_cheaper(text + LONG) == shortened + LONG
    assert count_segments(shortened + LONG) == SmsSize(GSM7, len(shortened + LONG), 1)
    assert drop_accents_if_cheaper(text) == text  # one part either way


@pytest.mark.parametrize(
    "text", ["Магазин São João", "東京 São João", "São João 🎉", "Ελλάδα ção", "https://a.example/pão São João"]
)
def test_a_text_that_must_be_ucs_2_anyway_keeps_everything(text):
    assert drop_accents_if_cheaper(text + LONG) == text + LONG


@given(st.text())
def test_the_cheapest_text_never_costs_more_parts_and_never_grows_shorter_for_nothing(text):
    shortened = drop_accents_if_cheaper(text)
    assert shortened == text or (
        count_segments(shortened).encoding is GSM7 and count_segments(shortened).parts < count_segments(text).parts
    )
