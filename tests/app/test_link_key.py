"""The secret behind the links to order pages: made once, and kept for as long as a message with a link may wait."""

import pytest
from pydantic import SecretStr

from app.link_key import FILE, link_key
from models.config.settings import GivenSettings
from models.config.shop import ShopFolder
from models.policy.policy import Policy
from tests.support.order_pages import SHOP

WITHOUT_PAGES = SHOP.model_copy(update={"order_pages": None})


@pytest.fixture
def key_of(tmp_path):
    """Return a function that returns the secret of a shop by its shop.toml."""

    def read(shop, **settings):
        return link_key(GivenSettings(home=tmp_path, **settings), ShopFolder(tmp_path / "shop", shop, Policy()))

    return read


def test_the_secret_is_made_once(key_of):
    made = key_of(SHOP)
    assert len(made) >= 32
    assert key_of(SHOP) == made


def test_a_shop_without_order_pages_gets_no_secret(key_of, tmp_path):
    assert key_of(WITHOUT_PAGES) == b""
    assert list(tmp_path.rglob(FILE)) == []


def test_a_shop_that_takes_its_order_pages_away_keeps_the_secret_for_messages_that_still_wait(key_of):
    made = key_of(SHOP)
    assert key_of(WITHOUT_PAGES) == made


def test_the_setting_comes_first(key_of):
    key_of(SHOP)
    assert key_of(SHOP, link_secret=SecretStr("s" * 32)) == b"s" * 32
