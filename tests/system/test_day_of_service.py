"""A day of customer service: the ten jobs of an agent, in a browser, on the desk as `forewarn serve` serves it."""

from datetime import timedelta

import pytest
from selenium.webdriver.common.by import By
from sqlalchemy import select

from tasks.db.sql import read_only
from tasks.guardrails.undo_review import GRACE
from tasks.tables import ORDERS, OUTBOX, WATCHES
from tests.support.browser import lacking, opened
from tests.support.busy_desk import Broken
from tests.support.desk import PASSWORD
from tests.support.desk_person import DeskPerson
from tests.support.served_shop import served_shop

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Serve a shop on a busy morning: some are told, some messages are in doubt, and the rest of a run is held."""
    with served_shop(tmp_path_factory.mktemp("service")) as served:
        served.evaluate(limit=8)
        served.deliver(after=timedelta(seconds=1))
        yield served


@pytest.fixture(scope="module")
def mara(shop):
    shop.add_person("Mara Lind", "mara@lamps.example.com", "service")
    with opened() as driver:
        yield DeskPerson(driver, shop.url).sign_in("mara@lamps.example.com", PASSWORD)


def test_try(shop, mara):
    print(mara.sees())
    print([(m.channel, m.to, m.subject) for m in shop.transport.taken])
    mara.search("whitf").see("Nora Whitfield")
    print(mara.sees())
    mara.press("1041")
    print(mara.see("What happened").sees())
    mara.driver.get(shop.url + "/desk/orders?late=")
    print(mara.sees())
    assert 0
