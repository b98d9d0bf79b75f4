"""An agent's first quarter of an hour, followed word by word in a browser, on the demo as it is served."""

import pytest

from tests.support.browser import lacking, opened
from tests.support.first_quarter import assert_every_step_in_order, follow, served_demo, steps
from tests.support.paths import ROOT
from tests.support.serving import get

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGE = ROOT / "docs" / "first-quarter-agent.md"


@pytest.fixture(scope="module")
def served(tmp_path_factory, shared_folder):
    with served_demo(PAGE, tmp_path_factory.mktemp("agent"), shared_folder) as demo:
        yield demo


def test_a_new_agent_can_follow_each_step_of_the_page(served):
    with opened() as driver:
        follow(PAGE, served[0], driver)


def test_the_demo_prints_the_desks_address_and_what_to_sign_in_with(served):
    url, said = served
    assert f"The desk of customer service and marketing: {url}/desk" in said
    for words in ("agent@example.com", "late orders, told early"):
        assert words in said
        assert words in steps(PAGE)[0][1]
    front = get(f"{url}/").body.decode()
    assert 'href="/desk"' in front


def test_the_page_has_every_step_in_order():
    assert_every_step_in_order(PAGE)
