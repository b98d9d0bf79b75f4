"""`forewarn serve` offers the JSON API to whoever has a key, and only where there are keys."""

import pytest
from pydantic import SecretStr

from app.composition import isolated_settings, open_app
from models.config.settings import GivenSettings
from models.errors import ForewarnError
from tests.support.api_client import KEY
from tests.support.serving import get, serving
from tests.support.shop_driver import SHOP_TOML, noon
from web.service import build_service


@pytest.fixture
def service(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.toml").write_text(SHOP_TOML)

    def answer(path, keys, **headers):
        given = {"api_keys": keys and SecretStr(keys)}
        settings = GivenSettings(shop=tmp_path / "shop", home=tmp_path, **given)
        with (
            isolated_settings(settings),
            open_app() as app,
            serving(build_service(app, lambda: noon(0))) as url,
        ):
            return get(f"{url}{path}", **headers)

    return answer


def test_the_api_is_there_with_a_key(service):
    assert service("/api/v1/choices", KEY, Authorization=f"Bearer {KEY}").body == b'{"choices":[],"next":null}'
    assert service("/api/v1/choices", KEY).status == 401
    assert service("/stock.json", KEY).status == 200


def test_without_keys_there_is_no_api(service):
    assert service("/api/v1/openapi.json", None).status == 404


def test_a_short_key_stops_the_service(service):
    with pytest.raises(ForewarnError, match="FOREWARN_API_KEYS"):
        service("/stock.json", "short")
