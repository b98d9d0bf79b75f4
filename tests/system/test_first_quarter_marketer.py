"""A marketer's first quarter of an hour, followed word by word in a browser, on the demo as it is served."""

import pytest

from tests.support.browser import lacking, opened
from tests.support.first_quarter import assert_every_step_in_order, follow, served_demo
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGE = ROOT / "docs" / "first-quarter-marketer.md"


def test_a_new_marketer_can_follow_each_step_of_the_page(tmp_path, shared_folder):
    assert_every_step_in_order(PAGE)
    with served_demo(PAGE, tmp_path, shared_folder) as (url, said), opened() as driver:
        assert "marketing@example.com" in said
        assert "approver@example.com" in said
        follow(PAGE, url, driver, whole=True)
    (test,) = [mail for mail in tmp_path.rglob("*.eml") if "[Test]" in mail.read_text()]
    assert "marketing@example.com" in test.read_text()
