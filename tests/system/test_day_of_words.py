"""A day of somebody who writes: words are changed, tested, compared and rolled back, and customers read them."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By

from app.composition import open_app
from models.staff import Role
from tests.support.browser import axe_violations, lacking, opened
from tests.support.desk import PASSWORD
from tests.support.desk_person import DeskPerson
from tests.support.served_shop import served_shop

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

MARA, JAN = "mara@lamps.example.com", "jan@lamps.example.com"
NEW = 'Sorry, order {{ order.id }} is late: {{ late|length|plural(one="one item", other="some items") }}'
SHOWN = ("Sorry, order 10427 is late: some items",)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="module")
def shop(place):
    with served_shop(place, orders=120) as served:
        for name, mail in (("Mara", MARA), ("Jan", JAN)):
            served.add_person(name, mail, Role.MARKETING)
        yield served


@pytest.fixture(scope="module")
def person(shop):
    with opened() as driver:
        driver.set_window_size(1280, 1400)
        yield DeskPerson(driver, shop.url)


def edit(person, subject):
    person.press("Templates").see("Good news").press("15 days late or more").see("15 days late or more, English")
    person.press("Edit as code").see("This is the code of the message.")
    field = person.driver.find_element(By.ID, "subject_txt")
    field.clear()
    field.send_keys(subject)


def in_frame(person, words):
    frame = person.driver.find_element(By.NAME, "preview")
    person.driver.switch_to.frame(frame)
    person.see(*words)
    person.driver.switch_to.default_content()


@contextmanager
def later(shop, place):
    """Return the shop as a process sees it that begins now: with the words as they are now."""
    with open_app(place / "shop") as app:
        yield replace(shop, app=app)


def subjects(mails):
    return [mail.subject for mail in mails if mail.subject.startswith(("Long delay: ", "Sorry, "))]


def test_a_word_is_changed_and_the_customers_read_it(shop, person, place):
    shop.evaluate()
    person.sign_in(MARA, PASSWORD)
    edit(person, "Sorry {{ customer.name }}")
    person.press("Check and save as version 2").see("Subject: Line 1: there is no `customer.name`. Write `customer`.")
    assert axe_violations(person.driver) == []
    edit(person, NEW)
    in_frame(person, SHOWN)  # it follows while she writes
    person.press("Send a test to me").see("Kept here, not sent: ")
    (test,) = [file for file in place.rglob("outbox/**/*.eml") if "[Test] Sorry, order" in file.read_text()]
    assert f"<{MARA}>" in test.read_text()
    person.press("Check and save as version 2").see("You saved version 2", "in use since")
    assert (place / "shop" / "templates" / "long" / "subject.en.txt").read_text() == f"{NEW}\n"
    with later(shop, place) as now:
        assert subjects(now.deliver()) == []  # what waited does not leave in the old words
        now.evaluate()
        told = subjects(now.deliver())
    assert told
    assert all(one.startswith("Sorry, order") for one in told)


def test_versions_are_compared_and_a_second_person_approves_going_back(shop, person, place):
    with (place / "shop" / "policy.toml").open("a") as policy:
        policy.write("\n[approval]\nwords = true\n")
    person.press("Earlier versions").press("Version 2").see("Version 1 and version 2", "Sorry, order")
    assert axe_violations(person.driver) == []
    person.press("All versions").press("Use version 1 again").see("Version 2 and version 1")
    person.press("Use version 1 again, as version 3").see("it waits for a second person")
    person.sign_in(JAN, PASSWORD).press("Templates").see("1 change waits for a second person.")
    person.press("English: changed by Mara, waits for a second person").press("All versions")
    person.press("Version 3").see("Your decision").press("Approve version 3").see("You approved version 3")
    assert not (place / "shop" / "templates" / "long" / "subject.en.txt").exists()
