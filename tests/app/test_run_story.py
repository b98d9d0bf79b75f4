"""What Prefect's page says of a run: its name, its final state and its sentences."""

from datetime import date

import pytest

from app.deployment_files import own_deployments
from app.desk_links import shop_key
from app.evaluation import shard_deployment
from app.prefect_page import _NoRoutine
from app.reports.counts import by_days
from app.reports.story import HELD, NOT_LIVE, delivery_story, evaluation_story, page_rows, short_reason
from models.config.shop import read_shop
from models.policy.policy import Policy
from models.run_report import Report
from sources.sample import write_sample
from tests.support.builders import POLICY

DAY = date(2025, 11, 24)
LATE = {"open": 322, "late": {"week": 9, "long": 23}, "changes": {"week": 9, "long": 2}}


def report(**values):
    return Report(as_of=DAY, **values)


@pytest.mark.parametrize(
    ("values", "name", "state"),
    [
        ({}, "late-orders 2025-11-24: 0 to tell", "Completed"),
        (LATE, "late-orders 2025-11-24: 11 to tell", "Completed"),
        (LATE | {"held": {"late": "too many"}}, "late-orders 2025-11-24: 11 held", HELD),
        ({"held": {"stale": "the data is old"}}, "late-orders 2025-11-24: held", HELD),
        (LATE | {"held": {"late": "x"}, "dry_run": True}, "late-orders 2025-11-24: 11 would be held", "Completed"),
        (LATE | {"problems": ["no words"]}, "late-orders 2025-11-24: 11 to tell, with problems", "Completed"),
    ],
)
def test_the_name_of_an_evaluation_ends_with_what_it_decided(values, name, state):
    story = evaluation_story("late-orders", report(**values), POLICY)
    assert (story.name, story.state) == (name, state)


def test_a_held_run_says_what_was_exceeded_and_that_nothing_leaves():
    story = evaluation_story("late-orders", report(**LATE, held={"late": "11 of 322 orders, over 3 %"}), POLICY)
    assert story.message == (
        "322 open orders, 32 of them late. 11 customers have to be told: 9 of a delay by 4 to 7 "
        "days, 2 of a delay by 15 days or more. 11 of 322 orders, over 3 %. "
        "Nothing of this run leaves until a person releases it."
    )
    assert story.tags == ("held",)
    assert "Held: 11 of 322 orders, over 3 %." in story.sentences


@pytest.mark.parametrize(
    ("values", "name", "state", "tags"),
    [
        ({}, "0 sent", "Completed", ()),
        (
            {"sent": {"email": 200, "sms": 14}, "in_doubt": 3, "waiting": 12, "rejected": {"550": 2}},
            "214 sent, 3 in doubt, 2 refused, 12 waiting",
            "Completed",
            ("in-doubt",),
        ),
        ({"sent": {"email": 4}, "trial": {"email": 4}}, "4 sent in a trial", "Completed", ("trial",)),
        ({"sent": {"email": 4}, "trial": {"email": 1}}, "4 sent, 1 of them in a trial", "Completed", ("trial",)),
        (
            {"down": {"email": "no"}, "waiting": 2},
            "0 sent, 2 waiting, email stopped",
            "Completed",
            ("channel-stopped",),
        ),
        ({"not_live": {"email": "run go-live"}, "waiting": 2}, "0 sent, 2 waiting", NOT_LIVE, ("not-live",)),
    ],
)
def test_the_name_of_a_delivery_ends_with_what_became_of_messages(values, name, state, tags):
    story = delivery_story("deliver", report(**values))
    assert (story.name, story.state, story.tags) == (f"deliver 2025-11-24: {name}", state, tags)


def test_a_trial_is_never_told_as_if_customers_had_been_told():
    message = delivery_story("deliver", report(sent={"email": 4}, trial={"email": 4})).message
    assert "this is a trial, no customer was told" in message


REASONS = {
    "20 days late (promised to deliver by 2025-11-26, now expected 2025-12-16), bucket long: first notice": (
        "20 days late, deliver by 26 Nov, now 16 Dec: first notice"
    ),
    "1 day late (promised to ship by 2025-11-26, no date known), bucket my-own: the date passed": (
        "1 day late, ship by 26 Nov, no date known: the date passed"
    ),
    "not late (promised to deliver by 2025-12-04, now expected 2025-11-26), bucket on_time: it is here": (
        "not late, deliver by 4 Dec, now 26 Nov: it is here"
    ),
    "written in another way": "written in another way",
}


@pytest.mark.parametrize("why", REASONS)
def test_a_reason_fits_the_page_and_names_no_bucket(why):
    assert short_reason(why) == REASONS[why]


def test_a_row_has_the_reason_and_the_channels_first():
    plan = {"order": "1", "channels": "email", "why": "because", "remedy": "none", "days late": 3, "bucket": "short"}
    assert list(page_rows([plan])[0]) == ["order", "why", "channels", "remedy", "days late"]


def test_good_news_counts_as_something_to_tell():
    story = evaluation_story("late-orders", report(changes={"week": 1, "on_time": 1}), POLICY)
    assert story.name.endswith(": 2 to tell")
    assert "1 of a delay by 4 to 7 days, 1 of good news" in story.message


def test_delays_are_named_by_their_days():
    assert by_days({"long": 2, "short": 1, "on_time": 9}, Policy()) == {"by 1 to 3 days": 1, "by 15 days or more": 2}


@pytest.mark.parametrize(
    ("mine", "shards"),
    [
        (None, "late-orders-shard"),
        ("late-orders", "late-orders-shard"),
        ("late-orders-north", "late-orders-shard-north"),
        ("by-hand", "late-orders-shard"),
    ],
)
def test_a_run_starts_the_shards_of_its_own_shop(mine, shards):
    assert shard_deployment(mine) == shards


def test_a_shop_without_an_id_is_told_from_others_by_its_name(tmp_path):
    write_sample(tmp_path / "shop", orders=10, seed=7, as_of=DAY)
    shop = read_shop(tmp_path / "shop").shop
    assert shop_key(shop) == "lantern-loom"
    assert shop_key(shop.model_copy(update={"id": None, "name": "Käthe & Söhne"})) == "kathe-sohne"


def test_a_shops_own_deployments_share_no_name_with_the_common_ones(tmp_path):
    write_sample(tmp_path / "shop", orders=10, seed=7, as_of=DAY)
    text = own_deployments(read_shop(tmp_path / "shop"))
    assert "name: late-orders-lantern-loom" in text
    assert "name: late-orders\n" not in text
    assert "name: forewarn-lantern-loom" in text
    assert "{{ $FOREWARN_HOME }}" in text
    assert text.count("- lantern-loom") == text.count("entrypoint:")


def test_only_the_routine_line_of_a_task_is_left_out(caplog):
    import logging

    made = [logging.LogRecord("x", logging.INFO, "", 1, text, (), None) for text in (
        "Finished in state Completed()", "Finished in state Failed('away')", "Order 1041: late"
    )]  # fmt: skip
    assert [_NoRoutine().filter(record) for record in made] == [False, True, True]
