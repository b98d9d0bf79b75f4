import re

import pytest
from babel import Locale
from pydantic import ValidationError

from models.config.shop import read_shop
from models.config.text_senders import sender_for
from models.errors import BadShop
from models.fields import COUNTRIES
from models.policy.policy import Policy
from tests.support.shop_driver import SHOP_TOML


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shop.toml").write_text(SHOP_TOML)
    return tmp_path


def test_a_folder_without_policy_has_the_default_one(folder):
    assert read_shop(folder).policy == Policy()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("[days]\ncount = 'lunar'", "days.count: Input should be 'calendar' or 'working' (found 'lunar')"),
        ("[days]\ncountry = 'XX'", "days: country 'XX' has no holiday calendar; an ISO code such as 'US' is right"),
        ("[contakt]\nslip_days = 1", "contakt: there is no such key; did you mean contact?"),
        ("[contact]\nminimum_gap = 2", "contact.minimum_gap: there is no such key; did you mean minimum_gap_days?"),
        ("[contact]\nmissing = 2", "minimum_gap_days, offer_needs_consent, quiet, say_stop, slip_days are right"),
        ("[[bucket]]\nname = 'a'\nfrom_day = 4", "bucket.0.from_day: there is no such key; did you mean from_days?"),
        (
            "[contact.quiet.sms]\nbegin = 08:00:00",
            "contact.quiet.sms.begin: there is no such key; did you mean begins?",
        ),
        ("[contact]\nminimum_gap_days = -1", "contact.minimum_gap_days: Input should be greater than or equal to 0"),
        ("[[bucket]]\nname = 'a'\nfrom_days = 4\n[[bucket]]\nname = 'b'\nfrom_days = 4", "bucket 'b' begins at day 4"),
        ("[[bucket]]\nname = 'closed'\nfrom_days = 4", "bucket.0.name: 'closed' is reserved"),
        ("[[bucket]]\nname = 'a'\nfrom_days = 4\nchannels = ['x']", "bucket.0.channels: 'x' is public"),
        ("[[bucket]]\nname = 'a'\nfrom_days = 0", "bucket.0.from_days: Input should be greater than or equal to 1"),
        ("[future_discount]\npercent = 10", "future_discount: percent needs up_to"),
        ("[future_discount]\npercent = 110\nup_to = {EUR = 1}", "future_discount.percent: a percent is above 0"),
        ("[budget]\nper_run = {euro = 5}", "budget.per_run"),
        ("[substitutes]\nprice_from = 2.0", "substitutes: price_from is above price_to"),
        ("[contact.quiet.sms]\nbegins = 08:00:00\nends = 08:00:00", "begins and ends are the same time"),
        ("[contact]\noffer_needs_consent = ['XX']", "contact.offer_needs_consent.0: no country has this ISO code"),
        ("[allocation.transit]\nXX = 3", "no country has this ISO code; one such as 'DE' is right (found 'XX')"),
        ("[allocation]\ncountry = 'ZZ'", "allocation.country: no country has this ISO code"),
        ("[future_discount]\nvalid_days = 3651", "valid_days: Input should be less than or equal to 3650"),
        (
            "[shipments]\nparcel_cost = {EUR = 1e20}",
            "parcel_cost.EUR: Input should be less than or equal to 1000000000",
        ),
        ("[days\n", "not valid TOML"),
    ],
)
def test_an_invalid_policy_is_one_sentence_that_names_the_key(folder, policy, said):
    (folder / "policy.toml").write_text(policy)
    with pytest.raises(BadShop) as caught:
        read_shop(folder)
    sentence = str(caught.value)
    assert said in sentence
    assert "policy.toml" in sentence
    assert "\n" not in sentence


SECTIONS = [name for name, field in Policy.model_fields.items() if hasattr(field.annotation, "model_fields")]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section in SECTIONS
        for key, field in Policy.model_fields[section].annotation.model_fields.items()
        if field.annotation is int
    ],
)
def test_no_whole_number_of_the_policy_may_be_beyond_what_calendars_and_ledgers_hold(section, key):
    with pytest.raises(ValidationError, match="less than or equal to"):
        Policy.model_validate({section: {key: 10**8}})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Europe/Berlin", "Berlin", "zone: no time zone of that name; one such as 'Europe/Berlin' is right"),
        ('country = "DE"', 'country = "Germany"', "country: no country has this ISO code; one such as 'DE' is right"),
        ('country = "DE"', 'country = "EU"', "country: no country has this ISO code; one such as 'DE' is right"),
        ("hello@lamps.example.com", "hello", "sender.email: "),
        ("orders/{order}", "orders/{number}", "links.order: {number} is not known here; {order} is right"),
        ('home = "https://', 'home = "', "links.home: a link begins with https://"),
        ('name = "Lamps & Co"\nzone', "zone", "name: Field required"),
        *(
            ("[help]", f"[sender.sms]\n{line}\n[help]", said)
            for line, said in (
                ('US = "Lantern"', "sender.sms: US = 'Lantern': networks of US take no name as a sender"),
                ('GB = "Lantern & Loom"', "sender.sms.GB: a number as '+4915112345678', the SID of a messaging"),
                ('GB = "123456"', "is right (found '123456')"),
                ('GB = "Lantern "', "is right (found 'Lantern ')"),
                ('DE = "+49 151 12345678"', "sender.sms.DE: a number as '+4915112345678'"),
                ('DE = "4915112345678"', "sender.sms.DE: a number as '+4915112345678'"),
                ('Germany = "+4915112345678"', "no country has this ISO code"),
            )
        ),
    ],
)
def test_an_invalid_shop_is_one_sentence_that_names_the_key(folder, old, new, said):
    (folder / "shop.toml").write_text(SHOP_TOML.replace(old, new, 1))
    with pytest.raises(BadShop) as caught:
        read_shop(folder)
    assert said in str(caught.value)
    assert "shop.toml" in str(caught.value)


def test_texts_have_a_sender_for_each_country_and_one_for_the_others(folder):
    table = '[sender.sms]\ndefault = "Lantern"\nuk = "Lamps & Co"\nUS = "+12025550143"\n[help]'
    (folder / "shop.toml").write_text(SHOP_TOML.replace("[help]", table, 1))
    senders = read_shop(folder).shop.sender.sms
    wanted = {"GB": "Lamps & Co", "US": "+12025550143", "FR": "Lantern"}
    assert {country: sender_for(senders, country) for country in wanted} == wanted


def test_a_name_is_no_default_sender_of_a_shop_whose_country_takes_none(folder):
    shop = SHOP_TOML.replace('country = "DE"', 'country = "US"', 1)
    (folder / "shop.toml").write_text(shop.replace("[help]", '[sender.sms]\ndefault = "Lantern"\n[help]', 1))
    with pytest.raises(BadShop, match=r"sender: sms.default = 'Lantern': networks of US take no name"):
        read_shop(folder)


def test_a_folder_that_is_no_shop_says_how_to_make_one(tmp_path):
    with pytest.raises(BadShop, match="forewarn shop init"):
        read_shop(tmp_path / "nowhere")


def test_another_number_in_the_policy_is_another_policy(folder):
    before = read_shop(folder).policy.digest
    (folder / "policy.toml").write_text("[contact]\nslip_days = 2")
    assert read_shop(folder).policy.digest != before


def test_a_country_of_the_shop_and_its_policy_is_read_as_in_the_data(folder):
    shop = folder / "shop.toml"
    shop.write_text(shop.read_text().replace('country = "DE"', 'country = "uk"'))
    (folder / "policy.toml").write_text("[contact]\noffer_needs_consent = ['UK', 'EL']\n[allocation.transit]\nUK = 3\n")
    found = read_shop(folder)
    assert found.shop.country == "GB"
    assert found.policy.contact.offer_needs_consent == ("GB", "GR")
    assert found.policy.allocation.transit == {"GB": 3}


def test_the_countries_are_those_of_cldr_that_addresses_have():
    territories = {code for code in Locale("en").territories if re.fullmatch("[A-Z]{2}", code)}
    assert territories - COUNTRIES == {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
    assert territories >= COUNTRIES
