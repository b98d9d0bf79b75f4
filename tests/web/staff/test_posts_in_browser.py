"""Posts in a real browser: a preview beside the form, a phone and a wide screen, and axe finds nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from models.enums import Channel
from models.policy.messaging import PostPolicy
from models.posts import PostWords, Writer
from tasks.posts.approval import approve_post, ask_for_approval
from tasks.posts.compose import compose_delay_posts
from tasks.posts.drafts import write_post
from tests.support.browser import BY_LOOK, axe_violations, lacking, opened
from tests.support.builders import day
from tests.support.busy_desk import make_busy
from tests.support.desk import desk_app, desk_client, sign_in_browser
from tests.support.ledgers import sqlite_ledger
from tests.support.serving import serving
from tests.support.shop_driver import noon, open_context

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

NETWORKS = (Channel.X, Channel.BLUESKY, Channel.MASTODON)
NOW = noon(0) + timedelta(minutes=10)
LONG = "Donaudampfschiffskapitänsdecke"


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """Serve a busy shop with posts in all states; return its address, its pages, and a browser signed in."""
    context = open_context(sqlite_ledger(tmp_path_factory.mktemp("posts") / "ledger.db"))
    driver = make_busy(context)
    policy = driver.context.policy.model_copy(update={"posts": PostPolicy(second_person=True)})
    context = replace(driver.context, policy=policy, open_networks=NETWORKS, connected_networks=NETWORKS)
    now, mara = context.with_run("r", day(0), NOW), Writer("Mara")
    compose_delay_posts(now)
    with context.engine.begin() as connection:
        draft = write_post(now, connection, PostWords(f"{LONG * 4} https://lamps.example.com", NETWORKS), mara, "P3")
        waits, approved = (
            write_post(now, connection, PostWords(text, NETWORKS, {}, noon(1)), mara) for text in ("Wait.", "A sale.")
        )
        for key in (waits, approved):
            ask_for_approval(now, connection, key, mara)
        approve_post(now, connection, approved, Writer("Jan"))
    pages = {
        "week": "/desk/posts",
        "new": "/desk/posts/new?product=P1&about=late",
        "draft": f"/desk/posts/{draft}",
        "waits": f"/desk/posts/{waits}",
        "approved": f"/desk/posts/{approved}",
        "withdraw": f"/desk/posts/{approved}/withdraw",
        "preview": f"/desk/posts/{draft}/preview",
    }
    app = desk_app(context, NOW)
    with serving(app) as url, opened() as browser:
        sign_in_browser(browser, url, desk_client(context, "marketing", now=NOW, name="Jan", app=app))
        yield url, pages, browser


@pytest.mark.parametrize("name", ["week", "new", "draft", "waits", "approved", "withdraw", "preview"])
def test_every_page_of_posts_fits_and_axe_finds_nothing(posts, name):
    url, pages, browser = posts
    look(browser, 320, "light")
    browser.get(url + pages[name])
    check(browser, name)
    for width, scheme in ((320, "dark"), (1280, "light"), (1280, "dark")):
        look(browser, width, scheme)
        check(browser, name, *BY_LOOK)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def look(browser, width, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == 320}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def check(browser, name, *rules):
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    # The preview on its own is sandboxed: no script runs in it, axe neither.
    if name != "preview":
        assert axe_violations(browser, *rules) == []


def test_the_preview_changes_beside_the_form_and_the_form_can_still_be_sent(posts):
    url, pages, browser = posts
    browser.get(url + pages["draft"])
    text = browser.find_element(By.ID, "text")
    text.clear()
    text.send_keys("Only tried out")
    browser.find_element(By.CSS_SELECTOR, "button[formtarget]").click()

    def previewed(_):
        browser.switch_to.default_content()
        browser.switch_to.frame("preview")
        found = browser.find_element(By.TAG_NAME, "body").text
        browser.switch_to.default_content()
        return "Only tried out" in found and "14 of 280 characters" in found

    # The preview may change while it is read: it follows what is typed, too.
    WebDriverWait(browser, 20, ignored_exceptions=[StaleElementReferenceException]).until(previewed)
    assert browser.current_url == url + pages["draft"]
    browser.find_element(By.CSS_SELECTOR, "button[value='save']").click()
    WebDriverWait(browser, 20).until(lambda _: "done=" in browser.current_url)
    assert "You changed the post" in browser.find_element(By.CSS_SELECTOR, ".notice").text
