"""What every response has to say to browsers, caches and search engines; limits, errors and logs."""

import logging
import re

import pytest
from starlette.applications import Starlette

from tests.support.order_pages import TOKEN, MemoryOrders, memory_routes, memory_site
from tests.support.web_client import FORM, WebClient
from web.customer.form_bodies import MAX_BODY_BYTES
from web.security import PAGE_HEADERS, TokensCut, cut_tokens

PATH = f"/o/{TOKEN}"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class FailingOrders(MemoryOrders):
    """Fails as a database would that is gone."""

    def load(self, order_id, now):
        raise ConnectionError("the ledger is gone")


@pytest.fixture
def client():
    return WebClient(Starlette(routes=memory_routes(MemoryOrders())))


def failing():
    return WebClient(Starlette(routes=memory_routes(FailingOrders())))


def test_every_response_has_the_headers_whatever_it_is(client):
    answers = {
        "page": client.get(PATH),
        "head": client.ask("HEAD", PATH),
        "form": client.get(f"{PATH}/cancel"),
        "unknown": client.get("/o/unknown"),
        "unknown page": client.get(f"{PATH}/a/b/c"),
        "wrong method": client.ask("DELETE", PATH),
        "bad form": client.post(f"{PATH}/wait", {}),
        "no length": client.ask("POST", f"{PATH}/wait"),
        "redirect": client.post("/o/link", {"order": "1", "mail": "a@b.example.com"}),
        "nothing typed": client.post("/o/link", {}),
        "fault": failing().get(PATH),
    }
    statuses = {name: answer.status for name, answer in answers.items()}
    assert statuses == {
        "page": 200,
        "head": 200,
        "form": 200,
        "unknown": 404,
        "unknown page": 404,
        "wrong method": 405,
        "bad form": 403,
        "no length": 403,
        "redirect": 303,
        "nothing typed": 422,
        "fault": 500,
    }
    for name, answer in answers.items():
        given = {header: answer.headers.get(header) for header in PAGE_HEADERS}
        assert given == PAGE_HEADERS, name
        assert answer.headers["content-security-policy"] == POLICY, name
        assert "set-cookie" not in answer.headers


def test_a_page_needs_nothing_that_its_policy_forbids(client):
    for path in ("", "/cancel", "/swap", "/messages/1"):
        page = client.get(PATH + path)
        assert page.status == 200
        assert not page.tags("style")
        assert not [tag for tag in page.tags("script") if not tag.get("src", "").startswith("/ui.js?v=")]
        every = [tag for name in ("a", "p", "div", "form", "input", "button", "img", "body") for tag in page.tags(name)]
        assert not [tag for tag in every if "style" in tag or any(name.startswith("on") for name in tag)]


def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(client):
    (frame,) = client.get(f"{PATH}/messages/1").tags("iframe")
    assert "allow-scripts" not in frame["sandbox"]
    assert "allow-same-origin" not in frame["sandbox"]
    assert frame["title"]
    mail = client.get(frame["src"])
    policy = mail.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "Your order is late." in mail.html


def test_a_text_is_shown_as_it_was_sent_and_has_no_mail(client):
    page = client.get(f"{PATH}/messages/2")
    assert "Lantern & Loom: your order 1041 is late." in page.text
    assert page.tags("iframe") == []
    assert client.get(f"{PATH}/messages/2/mail").status == 404


@pytest.mark.parametrize("path", ["/messages/3", "/messages/0/mail", "/answers/1", "/nothing", "/answers/x"])
def test_what_the_order_does_not_have_is_not_found(client, path):
    assert client.get(PATH + path).status == 404


@pytest.mark.parametrize("path", [f"{PATH}/", f"{PATH}/cancel/", "/o/link/"])
def test_no_address_is_redirected_to_the_host_and_scheme_that_a_request_names(client, path):
    answer = client.get(path, Host="elsewhere.example.com")
    assert (answer.status, answer.location) == (404, "")


def test_unknown_expired_and_revoked_links_get_the_same_page(client):
    first, second = client.get("/o/unknown"), client.get("/o/AAAAAAAAAAAAAAAAAAAAAA/cancel")
    assert first.html == second.html
    assert "This link no longer works" in first.text
    assert {"class": "button main", "href": "/o/link"} in first.tags("a")


def test_an_address_that_tries_many_links_has_to_wait_and_is_told_how_long(client):
    assert {client.get(f"/o/guess-{number}").status for number in range(30)} == {404}
    answer = client.get("/o/guess-30")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 600
    assert re.search(r"Too many tries Please try again in (\d|10) minutes?\.", answer.text)
    assert client.get(PATH).status == 429, "one that is guessed right must not be told apart"


def test_another_address_does_not_wait_with_it():
    app = Starlette(routes=memory_routes(MemoryOrders()))
    for number in range(31):
        WebClient(app, "192.0.2.1").get(f"/o/guess-{number}")
    assert WebClient(app, "192.0.2.1").get(PATH).status == 429
    assert WebClient(app, "192.0.2.2").get(PATH).status == 200


def test_the_addresses_of_one_household_count_as_one():
    app = Starlette(routes=memory_routes(MemoryOrders()))
    for number in range(31):
        WebClient(app, f"2001:db8:1:2::{number:x}").get(f"/o/guess-{number}")
    assert WebClient(app, "2001:db8:1:2::ffff").get(PATH).status == 429
    assert WebClient(app, "2001:db8:1:3::1").get(PATH).status == 200


def test_opening_the_right_link_often_is_no_guessing(client):
    assert {client.get(PATH).status for _ in range(40)} == {200}


def test_an_error_of_ours_says_so_without_its_cause():
    page = failing().get(PATH)
    assert "Something went wrong on our side" in page.text
    assert "ledger" not in page.html


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": str(MAX_BODY_BYTES + 1)}, 413),
        ({"Content-Length": "ten"}, 411),
    ],
)
def test_a_form_that_is_too_long_is_not_read(client, headers, status):
    assert client.ask("POST", f"{PATH}/wait", b"form=x", FORM | headers).status == status


@pytest.mark.parametrize(
    ("said", "cut"),
    [
        ("GET /o/AbC-dEf_1/cancel?lang=en HTTP/1.1", "GET /o/.../cancel?lang=en HTTP/1.1"),
        ("/o/AbC", "/o/..."),
        ("https://orders.example.com/o/AbC.", "https://orders.example.com/o/..."),
        ("GET /o/link HTTP/1.1", "GET /o/link HTTP/1.1"),
        ("GET /o/link/sent HTTP/1.1", "GET /o/link/sent HTTP/1.1"),
        ("GET /o/linking HTTP/1.1", "GET /o/... HTTP/1.1"),
        ("GET /stock.json HTTP/1.1", "GET /stock.json HTTP/1.1"),
    ],
)
def test_a_token_is_cut_from_a_log_line(said, cut):
    assert cut_tokens(said) == cut


def test_the_servers_log_never_has_a_token(caplog):
    record = logging.LogRecord("uvicorn.access", 20, "", 0, '%s - "%s %s"', ("1.2.3.4", "GET", "/o/AbC/wait"), None)
    assert TokensCut().filter(record)
    assert record.getMessage() == '1.2.3.4 - "GET /o/.../wait"'


def test_files_are_kept_for_ever_under_an_address_that_changes_with_their_content(client):
    page = client.get(PATH)
    for address in (page.tags("link")[0]["href"], page.tags("script")[0]["src"]):
        file = client.get(address)
        assert (file.status, file.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert file.headers["x-content-type-options"] == "nosniff"


def test_the_script_is_small():
    names = {file.name: len(file.content) for file in memory_site().files}
    assert names["ui.js"] < 8_000
    assert names["ui.css"] < 16_000
