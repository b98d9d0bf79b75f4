"""Which keys the JSON API accepts, and what the doctor says of them."""

import pytest
from pydantic import SecretStr

from app.api_keys import api_keys
from app.composition import isolated_settings
from app.health.doctor import examine
from models.config.settings import GivenSettings
from models.errors import ForewarnError
from tests.support.shop_driver import SHOP_TOML

KEY = "planted-api-key-of-the-shop-0001"


def keys_of(text):
    return api_keys(GivenSettings(api_keys=None if text is None else SecretStr(text)))


def test_keys_are_separated_by_commas():
    assert keys_of(None) == ()
    assert keys_of(KEY) == (KEY,)
    assert keys_of(f" {KEY}, {KEY[:-1]}2 ") == (KEY, f"{KEY[:-1]}2")


@pytest.mark.parametrize(
    "text", ["", KEY[:-1], f"{KEY},", f"{KEY},planted-short", f"planted {KEY}", f"{KEY}ä", f"{KEY}\n\n{KEY}"]
)
def test_a_key_that_could_be_guessed_or_not_be_sent_is_refused_and_not_shown(text):
    with pytest.raises(ForewarnError, match="FOREWARN_API_KEYS: key") as raised:
        keys_of(text)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    ("hosts", "mark", "found"),
    [(None, None, ""), ("https://a.example", "ok", "framed by 1 site"), ("http://a.example", "wrong", "is no site")],
)
def test_the_doctor_says_whether_the_panel_may_be_framed(tmp_path, hosts, mark, found):
    (tmp_path / "shop.toml").write_text(SHOP_TOML)
    with isolated_settings(GivenSettings(shop=tmp_path, home=tmp_path, panel_hosts=hosts)):
        checks = {check.what: check for check in examine(None, providers=False)}
    assert (checks["panel"].mark if "panel" in checks else None) == mark
    assert mark is None or found in checks["panel"].found


@pytest.mark.parametrize(
    ("keys", "mark", "found"),
    [(None, None, ""), (f"{KEY},{KEY}2", "ok", "accepts 2 keys"), ("short", "wrong", "key 1 of 1")],
)
def test_the_doctor_says_whether_the_keys_are_right(tmp_path, keys, mark, found):
    (tmp_path / "shop.toml").write_text(SHOP_TOML)
    settings = GivenSettings(shop=tmp_path, home=tmp_path, api_keys=keys and SecretStr(keys))
    with isolated_settings(settings):
        checks = {check.what: check for check in examine(None, providers=False)}
    assert (checks["api"].mark if "api" in checks else None) == mark
    assert mark is None or found in checks["api"].found
