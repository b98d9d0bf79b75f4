"""Which keys the JSON API accepts."""

import pytest
from pydantic import SecretStr

from app.api_keys import api_keys
from models.config.settings import GivenSettings
from models.errors import ForewarnError

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
