"""The side panel of ticket systems and the story as JSON: one sentence, masked, to read only, for whoever has a key."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette

from app.panel_keys import panel_hosts
from models.config.settings import Settings
from models.errors import ForewarnError
from tasks.db.sql import read_only
from tasks.desk.why import explain_why
from tests.support.api_client import calling, with_pages
from tests.support.builders import ANNA, line
from tests.support.clocks import MovedClock
from tests.support.serving import serving
from tests.support.shop_driver import noon, renderer_of, with_renderer
from web.panel.access import PanelKeys, new_token
from web.panel.site import panel_routes
from web.security import cut_tokens

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)

KEY, SECRET = "planted-bearer-key-of-the-panel-1", "planted-secret-of-the-ticket-app-1"
HOST = "https://lamps.zendesk.com"
RSA = rsa.generate_private_key(65537, 2048)
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def told(driver):
    context = with_pages(driver.context)
    driver.context = with_renderer(context, renderer_of(context.shop))
    driver.order("1041", line(promised=-9, expected=5))
    driver.run_day()
    return driver


class Opened:
    """A panel that is served, and a client of it."""

    def __init__(self, context, signer=SECRET, audience=""):
        self.clock = MovedClock(noon(0))
        keys = PanelKeys((KEY,), signer, audience=audience)
        self.app = Starlette(routes=panel_routes(context, keys, (HOST,), self.clock, "https://desk.example.com"))

    def __enter__(self):
        self._serving = serving(self.app)
        self.http = httpx.Client(base_url=self._serving.__enter__())
        return self

    def __exit__(self, *error):
        self.http.close()
        self._serving.__exit__(*error)

    def get(self, path, **params):
        return self.http.get(path, params=params, headers={"Authorization": f"Bearer {KEY}"})

    def signed_post(self, path, token):
        return self.http.post(path, data={"token": token})


def signed(key=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"exp": int(noon(0).timestamp()) + 300, "aud": "the app"} | claims, key, algorithm)


@pytest.mark.both_databases
def test_the_panel_says_the_same_sentence_as_explain_and_the_api(told):
    with read_only(told.context.engine) as connection:
        sentence = explain_why(told.context, connection, "1041")
    assert sentence.startswith("Anna Keller was told on Monday, 15 June at 12:00 by mail")
    with Opened(told.context) as panel:
        page = panel.get("/panel/orders/1041")
    assert page.status_code == 200
    assert sentence in page.text
    with calling(told.context) as api:
        story = api.get("/orders/1041/story").json()
    assert story["sentence"] == sentence
    assert story["links"]["desk"] == "/desk/orders/1041"
    assert story["messages"][0]["to"] == "a…@example.com"
    assert story["lines"][0]["days_late"] == 14
    assert story["can"].startswith("The customer can wait")
    assert ANNA.email not in str(story)


def test_the_story_is_described_and_an_unknown_order_refused(told):
    with calling(told.context) as api:
        schema = api.get("/openapi.json").json()
        assert "/orders/{order_id}/story" in schema["paths"]
        assert api.get("/orders/nothing/story").status_code == 404


def test_only_the_configured_sites_may_frame_it(told):
    with Opened(told.context) as panel:
        headers = panel.get("/panel/orders/1041").headers
    policy = headers["content-security-policy"]
    assert f"frame-ancestors {HOST}" in policy
    assert "form-action 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_it_only_reads_and_acts_open_the_desk_in_a_tab_of_its_own(told):
    with Opened(told.context) as panel:
        page = panel.get("/panel/orders/1041").text
    assert "<form" not in page
    assert 'href="https://desk.example.com/desk/orders/1041/answer" target="_blank" rel="noopener"' in page
    assert ANNA.email not in page


@pytest.mark.both_databases
def test_a_mail_address_shows_its_order_or_all_of_them_late_ones_first(imported_shop):
    shop = imported_shop
    shop.enter_order("1", line(promised=9))
    shop.enter_order("2", line(promised=-9))
    shop.import_facts()
    with Opened(shop.context) as panel:
        page = panel.get("/panel", mail="ANNA@example.com").text
        assert "2 orders" in page
        assert page.index(">2</a>") < page.index(">1</a>")
        unknown = panel.get("/panel", mail="nobody@example.com")
    assert unknown.status_code == 404
    assert "No order of n…@example.com here." in unknown.text


@pytest.mark.parametrize(
    ("signer", "key", "algorithm"), [(SECRET, SECRET, "HS256"), (PUBLIC, RSA, "RS256")], ids=["secret", "public key"]
)
def test_a_signed_post_opens_it_for_a_quarter_of_an_hour(told, signer, key, algorithm):
    with Opened(told.context, signer, "the app") as panel:
        answer = panel.signed_post("/panel/orders/1041?origin=x", signed(key, algorithm))
        assert answer.status_code == 303
        address = answer.headers["location"]
        assert address.startswith("/panel/orders/1041?origin=x&token=")
        assert panel.http.get(address).status_code == 200
        panel.clock.now += timedelta(minutes=14)
        assert panel.http.get(address).status_code == 200
        panel.clock.now += timedelta(minutes=2)
        assert panel.http.get(address).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        signed("another-secret-of-thirty-two-chars"),
        signed(exp=int(noon(0).timestamp()) - 120),
        signed(aud="another app"),
        jwt.encode({"aud": "the app"}, SECRET, "HS256"),
        jwt.encode({"aud": "the app", "exp": int(noon(0).timestamp()) + 300}, None, "none"),
    ],
    ids=["none", "nonsense", "wrong key", "over", "for another", "without end", "unsigned"],
)
def test_a_post_that_was_not_signed_for_us_opens_nothing(told, token):
    with Opened(told.context, audience="the app") as panel:
        assert panel.signed_post("/panel/orders/1041", token).status_code == 401


def test_a_public_key_is_no_shared_secret(told):
    forged = f"{signed('x' * 32)}".split(".")
    with Opened(told.context, PUBLIC) as panel:
        assert panel.signed_post("/panel/orders/1041", ".".join(forged)).status_code == 401


def test_who_knows_the_public_key_makes_no_token_of_ours(told):
    app = Starlette(routes=panel_routes(told.context, PanelKeys(signer=PUBLIC), (), lambda: noon(0)))
    forged = new_token(PanelKeys(signer=PUBLIC), noon(0))
    with serving(app) as url:
        assert httpx.get(f"{url}/panel/orders/1041", params={"token": forged}).status_code == 401


def test_without_key_or_token_nothing_is_shown(told):
    with Opened(told.context) as panel:
        for path in ("/panel/orders/1041", "/panel?mail=anna@example.com", "/panel/orders/1041?token=x"):
            answer = panel.http.get(path)
            assert answer.status_code == 401
            assert "Keller" not in answer.text
        assert panel.http.post("/panel/token").status_code == 401
        token = panel.http.post("/panel/token", headers={"Authorization": f"Bearer {KEY}"}).json()["token"]
        assert panel.http.get(f"/panel/orders/1041?{urlencode({'token': token})}").status_code == 200


def test_tokens_are_cut_from_logs():
    assert cut_tokens("GET /panel/orders/1?mail=a&token=abc.def HTTP") == "GET /panel/orders/1?mail=a&token=... HTTP"


def test_sites_that_may_frame_it_are_https_or_on_this_machine():
    assert panel_hosts(Settings(panel_hosts=f"{HOST}, https://*.gorgias.com")) == (HOST, "https://*.gorgias.com")
    assert panel_hosts(Settings(panel_hosts="http://127.0.0.1:9000")) == ("http://127.0.0.1:9000",)
    for wrong in ("https://a.example; script-src *", "http://a.example", "http://localhost.a.example"):
        with pytest.raises(ForewarnError, match="is no site"):
            panel_hosts(Settings(panel_hosts=wrong))


@pytest.mark.both_databases
def test_a_key_made_on_the_desk_opens_it_and_without_keys_nothing_does(told):
    for keys, status in ((PanelKeys(is_known=lambda key: key == "made"), 200), (PanelKeys(), 401)):
        app = Starlette(routes=panel_routes(told.context, keys, (), lambda: noon(0)))
        with serving(app) as url:
            answer = httpx.get(f"{url}/panel/orders/1041", headers={"Authorization": "Bearer made"})
        assert answer.status_code == status
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_an_order_with_a_slash_has_a_panel(driver):
    driver.order("A/7", line(promised=-9))
    with Opened(replace(driver.context)) as panel:
        assert panel.get("/panel/orders/A%2F7").status_code == 200
