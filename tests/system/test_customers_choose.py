"""Customers who choose, from the mail to the shop's systems: the real command serves, and a real browser clicks."""

import json
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from cli.demo_site import use_local_links
from sources.sample import sample_day, write_sample
from tests.support.browser import lacking, opened
from tests.support.commands import run_command
from tests.support.serving import get, serving
from tests.support.terminals import free_port, until
from tests.support.webhooks import HEADERS, SECRET

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")]

ACTS = ("wait", "ship", "swap", "cancel", "offer")
ASKED = {
    "wait": "Wait for your order",
    "ship": "Send what is ready now",
    "swap": "Swap it for one in stock",
    "cancel": "Cancel and get your money back",
    "offer": "Your discount for the wait",
}


@dataclass
class Shop:
    """A shop whose customers have just been told, and its systems that hear of their choices."""

    folder: Path
    url: str
    hooks: str
    received: list[dict] = field(default_factory=list)

    def forewarn(self, *arguments: str):
        settings = {"FOREWARN_SHOP": "shop", "FOREWARN_HOME": str(self.folder)}
        webhook = {"FOREWARN_WEBHOOK_URL": f"{self.hooks}/hooks", "FOREWARN_WEBHOOK_SECRET": SECRET}
        done = run_command(self.folder, *arguments, **settings, **webhook)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mails(self):
        return [json.loads(file.read_text()) for file in sorted(self.folder.glob("var/*/outbox/email/*/*.json"))]

    def links(self, act):
        """Return the addresses behind the buttons of mails, by order; their pages are asked for in English."""
        found = {}
        for mail in self.mails():
            order = re.search(r"\b1\d{3}\b", mail["subject"])
            if order and (link := re.search(rf'"({self.url}/o/[\w-]{{22}}/{act})"', mail["html"])):
                found[order[0]] = f"{link[1]}?lang=en"
        return found

    def choices(self):
        return json.loads(self.forewarn("choices", "list", "--all", "--json"))["choices"]


async def _hear(request):
    body = await request.body()
    headers = {name: request.headers.get(name, "") for name in HEADERS}
    request.app.state.received.append(Webhook(SECRET).verify(body.decode(), headers))
    return Response(status_code=204)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choosing")
    systems = Starlette(routes=[Route("/hooks", _hear, methods=["POST"])])
    systems.state.received = []
    port = free_port()
    write_sample(folder / "shop", orders=400, seed=7, as_of=sample_day(datetime.now(UTC)))
    use_local_links(folder / "shop", port)
    with serving(systems) as hooks:
        shop = Shop(folder, f"http://127.0.0.1:{port}", hooks, systems.state.received)
        shop.forewarn("run", "--import")
        command = [Path(sys.executable).with_name("forewarn"), "serve", "--port", str(port), "--shop", folder / "shop"]
        settings = {
            "FOREWARN_HOME": str(folder),
            "FOREWARN_WEBHOOK_URL": f"{hooks}/hooks",
            "FOREWARN_WEBHOOK_SECRET": SECRET,
        }
        with subprocess.Popen(command, cwd=folder, env=settings) as server:  # noqa: S603 - our own command
            try:
                until(lambda: _answers(port), "the order pages answer")
                yield shop
            finally:
                server.terminate()


def _answers(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def browser():
    with opened() as driver:
        driver.set_window_size(360, 740)
        yield driver


def heading(browser):
    return browser.find_element(By.TAG_NAME, "h1").text


def confirm(browser):
    if radios := browser.find_elements(By.CSS_SELECTOR, "input[type=radio]"):
        radios[0].click()
    browser.find_element(By.CSS_SELECTOR, "button.main").click()


def test_every_link_in_the_mails_leads_somewhere(shop):
    links = {link for mail in shop.mails() for link in re.findall(rf'href="({shop.url}/o/[^"]+)"', mail["html"])}
    assert len(links) > 20
    assert {link: get(link).status for link in links if get(link).status != 200} == {}


def test_each_button_of_a_mail_leads_to_its_question_and_the_answer_reaches_the_shops_systems(shop, browser):
    chosen = {}
    for act in ACTS:
        order, link = next((order, link) for order, link in shop.links(act).items() if order not in chosen)
        browser.get(link)
        assert heading(browser) == ASKED[act]
        confirm(browser)
        assert "/answers/1" in browser.current_url, browser.page_source
        chosen[order] = act
    choices = {choice["order"]: choice for choice in shop.choices()}
    assert {order: choice["act"] for order, choice in choices.items()} == chosen

    shop.forewarn("deliver")
    assert {event["data"]["order"]: event["data"]["act"] for event in shop.received} == chosen
    told = [mail["text"] for mail in shop.mails() if mail["category"] in ("choice_received", "discount_code")]
    assert all(any(order in text for text in told) for order in chosen)

    shop.forewarn("choices", "export", "choices.csv")
    exported = (shop.folder / "choices.csv").read_text()
    assert all(order in exported for order, act in chosen.items() if choices[order]["state"] == "requested")
    assert "consistent" in shop.forewarn("check", "ledger")


def test_what_is_chosen_in_one_tab_is_told_in_the_other(shop, browser):
    order, link = list(shop.links("cancel").items())[-1]
    browser.get(link)
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(link.replace("/cancel", "/wait"))
    confirm(browser)
    assert "/answers/1" in browser.current_url
    browser.close()
    browser.switch_to.window(first)
    confirm(browser)
    assert "already answered" in browser.find_element(By.TAG_NAME, "main").text
    acts = [choice["act"] for choice in shop.choices() if choice["order"] == order]
    assert acts == ["wait"]
    browser.get(link.replace("/cancel", ""))
    assert browser.find_elements(By.PARTIAL_LINK_TEXT, "Cancel and get your money back")


def test_an_answer_is_taken_back_and_the_back_button_finds_it(shop, browser):
    order, link = list(shop.links("cancel").items())[-2]
    browser.get(link)
    confirm(browser)
    browser.find_element(By.XPATH, "//button[contains(., 'Undo') or contains(., 'Take')]").click()
    assert "You took this back" in browser.find_element(By.TAG_NAME, "main").text
    browser.back()
    browser.back()
    assert [choice["state"] for choice in shop.choices() if choice["order"] == order] == ["undone"]
    shop.forewarn("deliver")
    kinds = [event["type"] for event in shop.received if event["data"]["order"] == order]
    assert kinds == ["choice.requested", "choice.undone"]


def test_cancelling_is_found_on_the_first_screen_of_a_phone(shop, browser):
    browser.set_window_size(360, 740)
    browser.get(next(iter(shop.links("cancel").values())).replace("/cancel", ""))
    rows = browser.find_elements(By.CSS_SELECTOR, ".choices a")
    sizes = {(row.size["width"], row.value_of_css_property("font-size")) for row in rows}
    assert any("Cancel" in row.text for row in rows)
    assert len(sizes) == 1, "every choice looks the same"
