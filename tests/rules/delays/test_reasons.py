"""Which reason a customer reads: the most exact one, and staff's before the source's."""

import pytest

from models.reasons import DelayReason, ReasonScope, reason_code
from rules.delays.reasons import Cause, resolve_reason

LINE, INBOUND, PRODUCT, VENDOR = ReasonScope
CAUSES = (Cause(LINE, "1041/1"), Cause(INBOUND, "D1"), Cause(PRODUCT, "p1"), Cause(VENDOR, "v1"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((LINE, INBOUND, PRODUCT, VENDOR), LINE),
        ((INBOUND, PRODUCT, VENDOR), INBOUND),
        ((PRODUCT, VENDOR), PRODUCT),
        ((VENDOR,), VENDOR),
    ],
)
def test_the_most_exact_reason_is_the_one_that_is_told(given, expected):
    by_staff = {(cause.scope, cause.subject): DelayReason(cause.scope) for cause in CAUSES if cause.scope in given}
    assert resolve_reason(CAUSES, by_staff) == DelayReason(expected, scope=expected)


def test_staff_know_better_than_the_source_about_the_same_thing():
    causes = (Cause(LINE, "1041/1", "customs"), Cause(PRODUCT, "p1"))
    assert resolve_reason(causes, {}) == DelayReason("customs", scope=LINE)
    assert resolve_reason(causes, {(PRODUCT, "p1"): DelayReason("strike")}).code == "customs"
    assert resolve_reason(causes, {(LINE, "1041/1"): DelayReason("strike")}).code == "strike"


def test_a_reason_for_something_else_is_no_reason():
    assert resolve_reason(CAUSES, {(PRODUCT, "v1"): DelayReason("strike")}) is None
    assert resolve_reason((), {}) is None


def test_staff_can_say_that_a_reason_is_not_known_after_all():
    known = {(VENDOR, "v1"): DelayReason("strike")}
    assert resolve_reason(CAUSES, known | {(LINE, "1041/1"): DelayReason("unknown")}) is None
    words = DelayReason("unknown", {"en": "we are still looking into it"})
    assert resolve_reason(CAUSES, known | {(LINE, "1041/1"): words}).texts == words.texts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("supplier_late", "supplier_late"),
        ("Supplier late", "supplier_late"),
        ("  Damaged in-transit! ", "damaged_in_transit"),
        ("?!", None),
        ("", None),
        ("x" * 50, "x" * 40),
    ],
)
def test_any_text_of_a_source_is_a_code_or_none(text, code):
    assert reason_code(text) == code
