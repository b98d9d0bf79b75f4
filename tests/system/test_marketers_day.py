"""A marketer's day: a post from its draft to five networks, once on each whatever happens, and a number of the policy.

`forewarn serve` serves the desk. `forewarn deliver` is a process of its own for each hour of the day: its clock is
ahead of this machine's, and the clocks of the networks go with it.
"""

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from sqlalchemy import func, insert, select

from app.composition import open_app
from flows.late_orders import run_late_orders
from models.enums import NETWORK_NAMES, NETWORKS, State
from models.staff import Role
from tasks.tables import LIVE_CHANNELS, NOTICES, OUTBOX
from tests.support.browser import axe_violations, lacking, opened
from tests.support.desk import PASSWORD
from tests.support.desk_person import DeskPerson
from tests.support.networks import BY_CHANNEL, Mishap, serve_network
from tests.support.paths import ROOT
from tests.support.provider import Answer
from tests.support.served_shop import environment, served_shop
from tests.support.terminals import until

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

MARA, JAN = "mara@lamps.example.com", "jan@lamps.example.com"
ZONE = ZoneInfo("Europe/Berlin")  # the sample shop's
TEN = datetime.combine(datetime.now(ZONE).date() + timedelta(1), time(10), ZONE)
POLICY = """
[posts]
second_person = true
"""
FOR_ALL, FOR_X = "Our supplier is late, and we are sorry. We tell you before you ask.", "Late, and sorry."
EVERYWHERE = {str(network): [FOR_ALL] for network in NETWORKS}
SHOWN_ON_PICTURE = "A basket of folded linen"
SALE = "We are open on Saturday."
REFUSES = {"error": {"message": "(#100) No links to this page", "type": "OAuthException", "code": 100}}
AT_ANOTHER_HOUR = """
import sys
from datetime import UTC, date, datetime, timedelta
import app.clock
ahead = timedelta(seconds=float(sys.argv.pop()))
def clock_ahead(zone, as_of, **_):
    shop = app.clock.ZoneInfo(zone)
    now = lambda: datetime.now(UTC) + ahead
    return app.clock.Clock(shop, now().astimezone(shop).date(), now, now())
app.clock.make_clock = clock_ahead
from cli.main import main
main()
"""
MOST_TABS = 60


class Day:
    """The shop, its networks, and what time the deliver run and the networks have."""

    def __init__(self, place):
        self.place, self.ahead, self.product = place, timedelta(), ""
        self.networks = {one: network(self.now) for one, network in BY_CHANNEL.items()}

    def now(self):
        return datetime.now(UTC) + self.ahead

    def posts(self):
        return {one: [post.text for post in network.posts] for one, network in self.networks.items()}

    @property
    def settings(self):
        return {name: value for one in self.networks.values() for name, value in one.settings().items()}

    def begin_delivery(self, at):
        """Begin `forewarn deliver` as it is done at an hour."""
        self.ahead = at - datetime.now(UTC)
        command = [sys.executable, "-c", AT_ANOTHER_HOUR, "deliver", str(self.ahead.total_seconds())]
        env = environment(self.place, self.settings) | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=self.place, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603

    def deliver(self, at):
        """Do all that `forewarn deliver` does at an hour; return what it says."""
        with self.begin_delivery(at) as run:
            return run.communicate(timeout=120)[0].decode()


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    with ExitStack() as opened_networks:
        made = Day(tmp_path_factory.mktemp("day"))
        for network in made.networks.values():
            opened_networks.enter_context(serve_network(network))
        yield made


@pytest.fixture(scope="module")
def shop(day):
    # Without a schedule the next run is now.
    (day.place / "prefect.yaml").write_text("deployments: []\n")
    with served_shop(day.place, orders=400, policy=POLICY, settings=day.settings) as served:
        for name, mail in (("Mara", MARA), ("Jan", JAN)):
            served.add_person(name, mail, Role.MARKETING)
        live = [{"channel": one, "live_at": datetime.now(UTC), "who": "Ana"} for one in NETWORKS]
        with served.app.context.engine.begin() as connection:
            connection.execute(insert(LIVE_CHANNELS), live)
        yield served


@pytest.fixture(scope="module")
def person(shop):
    with opened() as driver:
        driver.set_window_size(1280, 1400)
        yield DeskPerson(driver, shop.url)


def check(person):
    """Look at a page on a phone and on a wide screen: nothing is cut off, and axe finds nothing."""
    for width in (320, 1280):
        size = {"width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width == 320}
        person.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert person.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), width
        assert axe_violations(person.driver) == [], f"{person.driver.current_url} at {width}"


def previewed(person, *words):
    person.driver.switch_to.frame("preview")
    person.see(*words)
    person.driver.switch_to.default_content()


def tab_to(person, words):
    """Press Tab until what has these words has the focus; return it."""
    for _ in range(MOST_TABS):
        focused = person.driver.switch_to.active_element
        if focused.text.startswith(words):
            return focused
        focused.send_keys(Keys.TAB)
    raise AssertionError(f"'{words}' is not reached by Tab")


def test_a_draft_is_edited_and_shown_as_each_network_will_show_it(person, day):
    person.sign_in(MARA, PASSWORD).press("Late products").see("people")
    day.product = person.driver.find_element(By.CSS_SELECTOR, "main table th a").text
    person.press(day.product).press("Draft a post").press("Draft the post").see(
        "You drafted a post", "Waits for approval"
    )
    person.press("Change it").see("Text for all networks")
    person.type(FOR_ALL, "Text for all networks").press("Different text for X").type(FOR_X, "Text for X")
    picture = day.place / "linen.png"
    Image.new("RGB", (800, 600), "linen").save(picture)
    person.press("Picture (optional)").driver.find_element(By.ID, "picture").send_keys(str(picture))
    person.type(f"{TEN:%Y-%m-%d}", "Day").type("10:00", "Time")
    person.press("Ask Jan to approve").see("Say what the picture shows")
    check(person)
    person.driver.find_element(By.ID, "picture").send_keys(str(picture))
    person.type(SHOWN_ON_PICTURE, "What the picture shows").press("Update preview")
    previewed(
        person, f"X {len(FOR_X)} of 280", f"Facebook {len(FOR_ALL)} of 63,206", f"LinkedIn {len(FOR_ALL)} of 3,000"
    )
    person.press("Ask Jan to approve").see("Waits for approval", "Jan can.")


def test_the_author_does_not_approve_it_and_a_second_person_does_by_keyboard(person, day):
    assert not person.offers("Approve")
    person.press("Posts").press("Write a post").type(SALE, "Text for all networks")
    person.type(f"{TEN:%Y-%m-%d}", "Day").type("10:00", "Time").press("Ask Jan to approve").see("Jan can.")
    person.sign_in(JAN, PASSWORD).press("Posts").see("To approve (2)")
    tab_to(person, day.product).send_keys(Keys.ENTER)
    person.see("Text for X")
    check(person)
    tab_to(person, f"Approve for {TEN:%A}").send_keys(Keys.ENTER)
    person.see("You approved the post", f"Approved for {TEN:%a} 10:00")
    person.press("Posts").press(SALE).press(f"Approve for {TEN:%A}", begins=True).see("You approved the post")


def test_a_post_is_withdrawn_before_its_hour_and_undone_and_withdrawn(person):
    for last in (False, True):
        person.press("Withdraw").type("it rains", "Why").press("Withdraw the post").see("Withdrawn: It rains.")
        if not last:
            person.press("Undo").press("Undo it").see(f"Approved for {TEN:%a} 10:00")


def test_calendar_and_queue_say_what_goes_out(person):
    person.driver.get(f"{person.url}/desk/posts?week={TEN:%G-W%V}")
    person.see("10:00", f"Approved for {TEN:%a} 10:00", "X, Facebook, Bluesky, Mastodon and LinkedIn")
    check(person)
    person.press("Queue").see("10:00 to 11:00", *(f"1 post on {name}" for name in NETWORK_NAMES.values()))
    check(person)


def test_it_is_published_at_its_hour_once_on_each_network_though_the_run_is_killed(person, day):
    day.deliver(TEN - timedelta(minutes=1))
    assert not any(day.posts().values()), "nothing before its hour"
    silent = [Mishap.SILENT_BEFORE, Mishap.SILENT_BEFORE, *[Mishap.SILENT_AFTER] * 3]
    for network, mishap in zip(day.networks.values(), silent, strict=True):
        network.mishaps = [mishap]
    with day.begin_delivery(TEN) as run:
        until(lambda: not any(network.mishaps for network in day.networks.values()), "each network is asked")
        run.kill()
    assert [len(posts) for posts in day.posts().values()] == [0, 0, 1, 1, 1]
    day.networks["facebook"].mishaps = [Answer(400, REFUSES)]
    said = day.deliver(TEN + timedelta(hours=2))
    assert day.posts() == EVERYWHERE | {"x": [FOR_X], "facebook": []}, said


def test_a_network_that_refused_is_tried_again_and_nothing_is_there_twice(person, day):
    person.driver.get(f"{person.url}/desk/posts?week={TEN:%G-W%V}")
    person.press(day.product, "main a", begins=True).see("Failed on Facebook", "No links to this page")
    check(person)
    person.press("Try again on Facebook").see("it is looked first whether it is there")
    said = day.deliver(TEN + timedelta(hours=4))
    assert day.posts() == EVERYWHERE | {"x": [FOR_X]}, said
    day.deliver(TEN + timedelta(days=1))
    assert [len(posts) for posts in day.posts().values()] == [1] * 5
    described = [network.posts[0].picture.description for network in day.networks.values()]
    assert described == [SHOWN_ON_PICTURE] * 5
    person.driver.refresh()
    person.see("Published").sees_not("Failed on")
    check(person)


def test_the_next_run_tells_as_many_as_the_page_of_the_policy_said(person, shop, day):
    person.press("Policy").see("See what changes")
    days = person.driver.find_element(By.NAME, "bucket.1.from_days")
    days.clear()
    days.send_keys("2")
    person.press("See what changes").see("Orders whose customer is told")
    check(person)
    cells = person.driver.find_elements(By.CSS_SELECTOR, "table.effect tbody tr:first-child td")
    now, then = (int(cell.text.replace(",", "")) for cell in cells[:2])
    assert then > now
    person.type("tell earlier", "Why").press("Save as version 2").see("You saved version 2 of the policy.")
    with open_app(day.place / "shop") as app:
        asyncio.run(run_late_orders(app, None))
        with app.context.engine.begin() as connection:
            notices = select(func.count(NOTICES.c.order_id.distinct())).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
            told = connection.execute(notices.where(OUTBOX.c.state != State.SKIPPED)).scalar_one()
    assert told == then
