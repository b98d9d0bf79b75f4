import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from app.clock import make_clock
from app.composition import open_app
from cli.main import command_line
from flows.deliver import run_deliver
from models.enums import Channel, State
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.policy.messaging import PostPolicy
from models.policy.policy import Policy
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.posts.compose import compose_delay_posts
from tasks.posts.review import review_post
from tasks.reporting import status
from templates.rendering.social import weight
from tests.support.at_once import run_at_once
from tests.support.builders import day, line
from tests.support.shop_driver import customer, noon

LAMP = ProductFacts("p1", "Reading lamp", "lamps", Decimal(40))


def late(driver, orders, *, promised=-9, expected=None):
    for key in range(orders):
        one = line(promised=promised, expected=expected, product=LAMP)
        driver.order(f"{promised}/{key}", one, customer=customer(f"c{key}"))
    return driver


def at(context, n=0):
    return context.with_run("r", day(n), noon(n))


@pytest.mark.parametrize(("orders", "posts"), [(4, 0), (5, 1)])
def test_a_product_late_in_enough_orders_is_worth_a_post(driver, orders, posts):
    assert len(compose_delay_posts(at(late(driver, orders).context))) == posts


@pytest.mark.parametrize(("promised", "posts"), [(-3, 0), (-4, 1)])
def test_only_orders_late_by_enough_days_count(driver, promised, posts):
    assert len(compose_delay_posts(at(late(driver, 5, promised=promised).context))) == posts


def test_a_product_has_at_most_one_post_a_week(driver):
    late(driver, 5)
    assert [len(compose_delay_posts(at(driver.context, n))) for n in (0, 1, 6, 7)] == [1, 0, 0, 1]
    assert sorted(post["week"] for post in driver.posts) == ["2026-W25", "2026-W26"]


@pytest.mark.parametrize(("length", "fits"), [(60, True), (280, False)])
def test_a_draft_fits_every_network_that_it_is_for_unless_its_link_alone_is_too_long(driver, length, fits):
    long = replace(LAMP, name="Reading lamp of brushed brass with " + "a shade of linen and " * 4)
    long = replace(long, url="https://shop.example/" + "a" * length)
    for key in range(5):
        driver.order(str(key), line(promised=-9, product=long), customer=customer(f"c{key}"))
    networks = (Channel.X, Channel.MASTODON, Channel.BLUESKY)
    (post,) = compose_delay_posts(replace(at(driver.context), open_networks=networks, connected_networks=networks))
    assert len(post["text"]) > 300
    assert set(post["texts"]) == ({"bluesky"} if fits else set())
    assert all(len(text) <= 300 and long.url in text for text in post["texts"].values())


def test_a_post_waits_until_somebody_approves_it_and_then_leaves_once(driver):
    (post,) = compose_delay_posts(at(late(driver, 5).context))
    assert driver.deliver().sent == {}
    review_post(at(driver.context), post["id"][:8], State.QUEUED, "mara")
    assert driver.deliver().sent == {"x": 1}
    assert driver.deliver().sent == {}
    with read_only(driver.context.engine) as connection:
        assert status.load_day(driver.context, connection, day(0)).sent == {"x": 1}
    (message,) = driver.transport.taken
    assert "Reading lamp" in message.text
    assert weight(message.text) <= 280


def test_a_post_that_is_approved_on_a_day_leaves_on_that_day(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    on = date(2025, 11, 24)
    write_sample(tmp_path / "shop", orders=400, seed=7, as_of=on)
    assert CliRunner().invoke(command_line, ["run", "--import", "--as-of", str(on)]).exit_code == 0
    with open_app() as app:
        post, *_ = compose_delay_posts(make_clock(app.folder.shop.zone, on).snapshot(app.context))
        run_at_once(run_deliver(app, on))
        said = CliRunner().invoke(
            command_line, ["posts", "approve", post["id"][:8], "--who", "mara", "--as-of", str(on)]
        )
        assert said.exit_code == 0
        assert run_at_once(run_deliver(app, on)).sent == {"x": 1}


def test_a_post_names_no_customer(driver):
    (post,) = compose_delay_posts(at(late(driver, 5).context))
    for private in ("Customer", "c0", "example.com/orders", "@"):
        assert private not in post["text"].replace("https://lamps.example.com", "")


def test_a_post_that_was_turned_down_never_leaves(driver):
    (post,) = compose_delay_posts(at(late(driver, 5).context))
    review_post(at(driver.context), post["id"], State.SKIPPED, "mara", "not now")
    assert driver.deliver().sent == {}
    with pytest.raises(ForewarnError, match="none of the posts"):
        review_post(at(driver.context), post["id"], State.QUEUED, "mara")
    assert (driver.posts[0]["state"], driver.posts[0]["note"]) == ("withdrawn", "not now")


def test_an_approved_post_whose_product_is_back_is_not_sent(driver):
    (post,) = compose_delay_posts(at(late(driver, 5).context))
    review_post(at(driver.context), post["id"], State.QUEUED, "mara")
    for key in range(5):
        driver.change(f"-9/{key}", shipped_at=noon(0))
    assert driver.deliver().skipped == {"changed": 1}
    assert driver.transport.taken == []


def test_an_approved_post_whose_date_has_moved_or_passed_is_not_sent(driver):
    (post,) = compose_delay_posts(at(late(driver, 5, expected=3).context))
    review_post(at(driver.context), post["id"], State.QUEUED, "mara")
    assert driver.deliver(4).skipped == {"changed": 1}


def test_the_date_of_a_post_is_that_of_the_last_order_and_unknown_where_one_is(driver, with_policy):
    with_policy(Policy(posts=PostPolicy(orders=2)))
    late(driver, 2, expected=5)
    late(driver, 1, promised=-8, expected=9)
    (post,) = compose_delay_posts(at(driver.context))
    assert post["orders"] == 3
    assert "June 24" in post["text"]


def test_a_post_is_written_scheduled_and_approved_by_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "shop", orders=20, seed=7, as_of=date(2025, 11, 24))
    with open_app():
        pass

    def say(*words):
        return CliRunner().invoke(command_line, ["posts", *words, "--who", "mara", "--as-of", "2025-11-24"])

    written = say("write", "We are open on Saturday.", "--network", "x")
    assert written.exit_code == 0, written.output
    key = written.output.split()[1]
    assert say("schedule", key, "2025-11-25 10:00").exit_code == 0
    assert say("approve", key).exit_code == 0
    late = say("write", "Too late", "--at", "2025-11-23 10:00")
    assert late.exit_code != 0
    assert "has passed" in str(late.exception or late.output)
    listed = CliRunner().invoke(command_line, ["posts", "list", "--all", "--json"])
    (post,) = json.loads(listed.output)["posts"]
    assert (post["state"], post["status"], post["text"]) == ("approved", "approved", "We are open on Saturday.")
    assert post["publish_at"].startswith("2025-11-25")
