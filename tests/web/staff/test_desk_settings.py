"""Settings on the desk: a brand is tried, keys are made and revoked, and the webhook is tested and told again."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from models.webhooks import WebhookKind
from tasks.customers.webhook_events import queue_webhook_event
from tasks.db.sql import read_only
from tasks.staff.audit import entries
from tasks.tables import OUTBOX
from tests.support.desk import desk_app, desk_client, forms_of
from tests.support.order_pages import made_choice
from tests.support.web_client import WebClient
from web.api.lazy import lazy_api_mount
from web.staff.desk import Services

BRAND = "/desk/settings/brand"


@pytest.fixture
def admin(driver):
    return desk_client(driver.context, "admin")


def said(context):
    with read_only(context.engine) as connection:
        return [entry.what for entry in entries(connection)]


def test_a_key_is_shown_once_opens_the_api_and_is_revoked(driver, admin):
    api = WebClient(Starlette(routes=[lazy_api_mount(driver.context, (), lambda: driver.context.started_at)]))
    assert api.get("/api/v1/choices").status == 404
    form = admin.form("/desk/settings/keys/new")
    made = admin.send(form, {"name": "Zendesk"})
    key = made.html.split('copied">')[1].split("<")[0]
    assert len(key) > 40
    assert api.get("/api/v1/choices", Authorization=f"Bearer {key}").status == 200
    assert api.get("/api/v1/choices", Authorization=f"Bearer {key}x").status == 401
    assert admin.send(form, {"name": "Zendesk"}).html.count(key) == 1, "a double click shows the same key"
    listed = admin.get("/desk/settings/keys")
    assert key not in listed.html
    assert listed.text.count("Zendesk") == 2
    revoke = next(a["href"] for a in _links(listed) if a["href"].endswith("/revoke"))
    form = admin.form(revoke)
    done = admin.follow(admin.send(form, {"why": "moved"}))
    assert "You revoked the key of the API for Zendesk." in done.text
    assert api.get("/api/v1/choices", Authorization=f"Bearer {key}").status == 404
    assert admin.send(form, {"why": "moved"}).status == 303
    assert admin.get(revoke).status == 409
    assert said(driver.context) == ["revoked the key of the API for Zendesk", "made a key of the API for Zendesk"]


def _links(page):
    return [a for a in page.tags("a") if "href" in a]


def test_a_key_needs_a_name_and_keys_of_the_settings_are_listed_by_their_end(driver):
    app = desk_app(driver.context, services=Services(settings_keys=("0001",)))
    admin = desk_client(driver.context, "admin", app=app)
    assert admin.post("/desk/settings/keys/new", {"name": " "}).status == 422
    assert "ends in 0001" in admin.get("/desk/settings/keys").text
    assert admin.get("/desk/settings/keys/unknown/revoke").status == 404


def test_a_colour_is_tried_and_the_lines_for_the_file_are_given(admin):
    page = admin.get(BRAND + "?accent=%23ffd400")
    assert page.status == 200
    assert "By day, links are darker than your colour (#826c00)" in page.text
    assert 'accent = "#ffd400"' in page.text
    frames = [frame["src"] for frame in page.tags("iframe")]
    assert len(frames) == 6
    for address in frames:
        look = admin.get(address)
        assert look.status == 200
        assert "frame-ancestors 'self'" in look.headers["content-security-policy"]


def test_an_order_page_is_shown_in_the_colours_of_the_night_whatever_the_browser_prefers(admin):
    look = admin.get(f"{BRAND}/look/order?accent=%23ffd400&scheme=dark")
    styles = [link["href"] for link in look.tags("link")]
    assert [admin.get(address).status for address in styles] == [200, 200]
    assert "@media all" in admin.get(styles[0]).html
    assert "prefers-color-scheme" not in admin.get(styles[1]).html
    light = admin.get(f"{BRAND}/look/order?accent=%23ffd400&scheme=light")
    assert "@media not all" in admin.get(light.tags("link")[0]["href"]).html


@pytest.mark.parametrize(("field", "value"), [("accent", "yellow"), ("logo", "ftp://shop.example.com/logo.png")])
def test_what_cannot_be_a_brand_is_said_at_its_field(admin, field, value):
    page = admin.get(f"{BRAND}?{field}={value}")
    assert page.status == 422
    assert "Error: Brand" in page.html
    assert page.tags("iframe") == []


@pytest.mark.parametrize(
    "path", ["/look/order?accent=red", "/look/nothing", "/files/zzz/dark/ui.css", "/files/0a5a8a/dark/x"]
)
def test_nothing_else_is_shown(admin, path):
    assert admin.get(BRAND + path).status == 404


def test_a_test_of_the_webhook_says_what_became_of_it(driver):
    services = Services(webhook_host="shop.example.com", send_test=lambda: "took it")
    admin = desk_client(driver.context, "admin", app=desk_app(driver.context, services=services))
    done = admin.follow(admin.post("/desk/settings/webhook/test"))
    assert "You sent a test to the webhook, and it took it." in done.text


def test_without_a_webhook_there_is_nothing_to_test(admin):
    assert "No webhook is set." in admin.get("/desk/settings/webhook").text
    assert admin.get("/desk/settings/webhook/test").status == 409


def test_an_event_that_was_given_up_is_sent_again(driver):
    context = replace(driver.context, has_webhook=True)
    with context.engine.begin() as connection:
        event = queue_webhook_event(context, connection, made_choice(), WebhookKind.REQUESTED, context.started_at)
    admin = desk_client(context, "admin")
    assert "A customer chose" in admin.get("/desk/settings/webhook").text
    again = f"/desk/settings/webhook/{event}/again"
    assert admin.post(again).status == 409, "it waits already"
    with context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == event).values(state="rejected"))
    assert forms_of(admin.get(again))
    done = admin.follow(admin.post(again))
    assert f"You sent event {event[:8]} to the webhook again." in done.text
    assert "Waits" in done.text
