"""One click stops marketing mails: RFC 8058, and a page for people."""

import json

import pytest
from starlette.applications import Starlette

from rules.customers.unsubscribe_tokens import open_address, seal_address
from tests.support.order_pages import KEY, NOW, SHOP, memory_site
from tests.support.paths import ROOT
from tests.support.web_client import WebClient
from web.callbacks.unsubscribe import unsubscribe_routes

VECTORS_FILE = ROOT.parent / "shared/data/promise-clock/vectors.json"
CASES = json.loads(VECTORS_FILE.read_text())["one_click_unsubscribe"] if VECTORS_FILE.is_file() else []
ADDRESS = "anna@example.com"
TOKEN = seal_address(KEY, ADDRESS)
FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


class Subscribers:
    """Keeps who wants no marketing mails, and shows the pages."""

    def __init__(self):
        self.stopped = set()
        routes = unsubscribe_routes(memory_site(SHOP), KEY, self._stop, lambda: NOW)
        self._client = WebClient(Starlette(routes=routes))

    def _stop(self, address, now):
        self.stopped.add(address)

    def ask(self, method, token=TOKEN, body="", headers=FORM, query=""):
        return self._client.ask(method, f"/u/{token}{query}", body.encode() or None, headers)


@pytest.fixture
def subscribers():
    return Subscribers()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_cases_of_the_reference_get_their_verdict(subscribers, case):
    token = "unknown" if case["path"].endswith("unknown") else TOKEN
    for _ in range(2 if case["id"] == "UN-08" else 1):
        page = subscribers.ask(case["method"], token, case["body"], {"content-type": case["content_type"]})
    is_stopped = "unsubscribe" in case["expected"] or case["expected"] == "never a redirect"
    assert (page.status, subscribers.stopped) == (200, {ADDRESS} if is_stopped else set())
    assert bool(page.html and page.form.action) if "show" in case["expected"] else True


@pytest.mark.parametrize(
    ("body", "headers", "stopped"),
    [
        ("List-Unsubscribe=One-Click", FORM, True),
        ("List-Unsubscribe=ONE-CLICK", FORM, True),
        (MULTIPART, {"content-type": "multipart/form-data; boundary=x"}, True),
        ("confirm=1", FORM, True),
        ("confirm=0", FORM, False),
        ("List-Unsubscribe=", FORM, False),
        ("", FORM, False),
        ("List-Unsubscribe=One-Click", {"content-type": "text/plain"}, False),
        ("--x\r\nbroken", {"content-type": "multipart/form-data; boundary=x"}, False),
        ("&".join(["a=1"] * 11), FORM, False),
    ],
)
def test_only_the_announced_field_or_our_button_stops_marketing(subscribers, body, headers, stopped):
    page = subscribers.ask("POST", body=body, headers=headers)
    assert (page.status, subscribers.stopped) == (200, {ADDRESS} if stopped else set())
    assert bool(page.forms) is not stopped


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_to_open_the_link_changes_nothing(subscribers, method):
    assert subscribers.ask(method).status == 200
    assert subscribers.stopped == set()


def test_a_person_unsubscribes_by_the_button(subscribers):
    page = subscribers.ask("GET")
    assert "Stop offers by e-mail?" in page.text
    done = subscribers._client.post(page.form.action, page.form.fields)
    assert "You get no more offers by e-mail" in done.text
    assert subscribers.stopped == {ADDRESS}


def test_the_page_speaks_the_language_that_its_address_asks_for(subscribers):
    page = subscribers.ask("GET", query="?lang=pt-BR")
    assert "Cancelar inscrição" in page.text
    assert page.form.action.endswith("?lang=pt_BR")


@pytest.mark.parametrize(
    "token", ["unknown", TOKEN[:-1], TOKEN[1:], "é", "a" * 513, seal_address(b"another key of 16+", ADDRESS)]
)
def test_a_wrong_token_shows_the_same_pages_and_changes_nothing(subscribers, token):
    asked, posted = subscribers.ask("GET", token), subscribers.ask("POST", token, "confirm=1")
    assert (asked.status, posted.status) == (200, 200)
    assert posted.text == subscribers.ask("POST", TOKEN, "confirm=1").text
    assert subscribers.stopped == {ADDRESS}


def test_a_long_body_is_refused(subscribers):
    assert subscribers.ask("POST", body="a" * 16_385).status == 413


def test_a_page_with_a_token_is_not_kept_and_names_it_to_nobody(subscribers):
    headers = subscribers.ask("GET").headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("address", [ADDRESS, "josé@example.com", "a" * 300 + "@example.com"])
def test_a_token_holds_its_address_and_nobody_can_read_it(address):
    token = seal_address(KEY, address)
    assert open_address(KEY, token) == address
    assert (token == seal_address(KEY, address), address.partition("@")[0] in token) == (True, False)


def test_a_token_is_not_made_with_a_key_that_could_be_guessed():
    with pytest.raises(ValueError, match="16 bytes"):
        seal_address(b"short", ADDRESS)
