"""Posts from the draft to the network: written, approved by a second person, at their hour, withdrawn, tried again."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image, ImageOps
from sqlalchemy import insert, select, update

from channels.transport import OutcomeUnknown, PermanentFailure
from models.enums import Channel, PostKind, PostState, SkipReason, State
from models.messages import Receipt
from models.orders import ProductFacts
from models.policy.messaging import PostPolicy
from models.policy.policy import Policy
from models.policy.words import WordPolicy
from models.posts import PostWords, Writer
from models.search_keys import customer_keys
from tasks.db.sql import read_only
from tasks.delivery.due import is_delivery_due
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tasks.going_live.rollout import set_live
from tasks.posts.approval import (
    OwnApproval,
    approve_post,
    ask_for_approval,
    reopen_post,
    restore_post,
    send_back,
    try_again,
    withdraw_post,
)
from tasks.posts.checks import PostProblems, checked_post, find_problems
from tasks.posts.drafts import edit_post, load_picture, write_post
from tasks.posts.pictures import BadPicture, redraw_picture
from tasks.posts.rows import PostChanged
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import CUSTOMER_SEARCH, OUTBOX, POSTS
from tests.support.builders import day, line
from tests.support.delivery import deliver_all
from tests.support.shop_driver import FakeTransport, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "what people decide; posts are stored, marked and sent on both databases by a few"
)

MARA, JAN = Writer("Mara", "m"), Writer("Jan", "j")
LAMP = ProductFacts("p1", "Reading Lamp", "lamps")
X, BLUESKY = Channel.X, Channel.BLUESKY
WORDS = PostWords("We are open on Saturday.", (X, BLUESKY))


@pytest.fixture
def shop(driver, with_policy):
    with_policy(Policy(posts=PostPolicy(second_person=True)))
    return driver


def at(shop, n=0, **later):
    return shop.context.with_run("", day(n), noon(n) + timedelta(**later))


def do(shop, act, *given, n=0, **later):
    """Do something to a post in a transaction at a moment."""
    context = at(shop, n, **later)
    with context.engine.begin() as connection:
        return act(context, connection, *given)


def approved(shop, words=WORDS, *given):
    key = do(shop, write_post, words, MARA, *given)
    do(shop, ask_for_approval, key, MARA)
    do(shop, approve_post, key, JAN)
    return key


async def deliver(shop, when, answer=None, transport=None):
    """Deliver on X and Bluesky at a moment; return what was taken, by network."""
    transport = transport or FakeTransport(answer)
    holder = LeaseHolder(f"run {when}", timedelta(minutes=10))
    worker = DeliveryWorker(holder, {X: transport, BLUESKY: transport}, 1, lambda: when)
    context = shop.context.with_run("", when.date(), when)
    await reconcile_in_doubt(context, worker)
    await deliver_all(context, worker)
    with read_only(context.engine) as connection:
        assert check_ledger(connection) == []
    return {message.channel: message for message in transport.taken}


def states(shop):
    return {row["network"]: row["state"] for row in shop.post_messages}


@pytest.mark.both_databases
async def test_a_draft_is_in_no_outbox_and_leaves_at_its_hour_with_the_text_of_each_network(shop):
    words = PostWords("The same for all", (X, BLUESKY), {BLUESKY: "For Bluesky"}, publish_at=noon(1))
    key = do(shop, write_post, words, MARA)
    assert shop.rows(OUTBOX) == []
    do(shop, ask_for_approval, key, MARA)
    assert shop.rows(OUTBOX) == []
    do(shop, approve_post, key, JAN)
    assert await deliver(shop, noon(1) - timedelta(seconds=1)) == {}
    for moment, is_due in ((noon(1) - timedelta(seconds=1), False), (noon(1), True)):
        with read_only(shop.context.engine) as connection:
            assert is_delivery_due(connection, moment, [X, BLUESKY], shop.context.policy.in_doubt) is is_due
    taken = await deliver(shop, noon(1))
    assert {network: message.text for network, message in taken.items()} == {
        X: "The same for all",
        BLUESKY: "For Bluesky",
    }
    assert await deliver(shop, noon(2)) == {}
    (post,) = shop.posts
    assert (post["state"], post["author"], post["approver"]) == (PostState.APPROVED, "Mara", "Jan")


@pytest.mark.parametrize("writer", [MARA, Writer("Mara"), Writer(" mara ")])
def test_whoever_wrote_a_post_does_not_approve_it(shop, writer):
    key = do(shop, write_post, WORDS, MARA)
    do(shop, ask_for_approval, key, MARA)
    with pytest.raises(OwnApproval):
        do(shop, approve_post, key, writer)
    assert shop.rows(OUTBOX) == []


def test_whoever_changed_a_post_last_does_not_approve_it_and_a_change_needs_a_new_approval(shop):
    key = do(shop, write_post, WORDS, MARA)
    do(shop, ask_for_approval, key, MARA)
    do(shop, edit_post, key, replace(WORDS, text="Changed"), JAN)
    assert shop.posts[0]["state"] == PostState.DRAFT
    with pytest.raises(PostChanged, match="it is a draft by now"):
        do(shop, approve_post, key, MARA)
    do(shop, ask_for_approval, key, JAN)
    with pytest.raises(OwnApproval):
        do(shop, approve_post, key, JAN)
    do(shop, approve_post, key, MARA)


def test_one_person_is_enough_where_the_policy_does_not_ask_for_two(driver):
    key = do(driver, write_post, WORDS, MARA)
    do(driver, ask_for_approval, key, MARA)
    do(driver, approve_post, key, MARA)
    assert set(states(driver).values()) == {State.QUEUED}


@pytest.mark.both_databases
def test_who_approves_approves_what_they_saw(shop):
    key = do(shop, write_post, WORDS, MARA)
    do(shop, ask_for_approval, key, MARA)
    seen = shop.posts[0]["version"]
    do(shop, edit_post, key, replace(WORDS, text="Changed"), MARA)
    do(shop, ask_for_approval, key, MARA)
    with pytest.raises(PostChanged, match="Mara changed it meanwhile"):
        do(shop, approve_post, key, JAN, seen)


def test_a_post_that_is_sent_back_is_a_draft_with_a_note(shop):
    key = do(shop, write_post, WORDS, MARA)
    do(shop, ask_for_approval, key, MARA)
    do(shop, send_back, key, JAN, "the day is missing")
    assert (shop.posts[0]["state"], shop.posts[0]["note"]) == (PostState.DRAFT, "the day is missing")
    do(shop, ask_for_approval, key, MARA)
    assert shop.posts[0]["note"] == ""


@pytest.mark.both_databases
@pytest.mark.parametrize("state", [PostState.DRAFT, PostState.WAITS, PostState.APPROVED])
async def test_a_withdrawal_is_undone_and_all_is_as_before(shop, state):
    words = replace(WORDS, publish_at=noon(1))
    key = do(shop, write_post, words, MARA)
    if state is not PostState.DRAFT:
        do(shop, ask_for_approval, key, MARA)
    if state is PostState.APPROVED:
        do(shop, approve_post, key, JAN)
    assert do(shop, withdraw_post, key, JAN, "not now", hours=1) is state
    assert State.QUEUED not in states(shop).values()
    do(shop, restore_post, key, JAN, state, noon(0) + timedelta(hours=1), hours=2)
    assert shop.posts[0]["state"] == state
    assert set(await deliver(shop, noon(1))) == ({X, BLUESKY} if state is PostState.APPROVED else set())


@pytest.mark.both_databases
async def test_what_has_left_stays_and_the_rest_is_withdrawn(shop):
    key = approved(shop)
    await deliver(shop, noon(0), lambda m: PermanentFailure("no") if m.channel == X else None)
    with pytest.raises(PostChanged, match="it has left already"):
        do(shop, withdraw_post, key, MARA)
    other = approved(shop)
    with shop.context.engine.begin() as connection:
        ids = {row["network"]: row["id"] for row in shop.post_messages if row["post_id"] == other}
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == ids[BLUESKY]).values(not_before=noon(1)))
    await deliver(shop, noon(0) + timedelta(minutes=1))
    do(shop, withdraw_post, other, MARA, hours=1)
    assert {row["network"]: row["state"] for row in shop.post_messages if row["post_id"] == other} == {
        X: State.SENT,
        BLUESKY: State.SKIPPED,
    }


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State.IN_DOUBT, "it may be there already, and nobody knows yet"),
        (State.SENDING, "it is being published at this moment"),
    ],
)
def test_a_post_whose_place_is_not_known_is_not_called_gone(shop, state, says):
    key = approved(shop)
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=state, sending_at=noon(0)))
    with pytest.raises(PostChanged, match=says):
        do(shop, withdraw_post, key, MARA)


@pytest.mark.both_databases
async def test_an_approved_post_becomes_a_draft_again_and_leaves_as_it_is_approved_then(shop):
    key = approved(shop)
    do(shop, reopen_post, key, MARA)
    assert shop.rows(OUTBOX) == []
    do(shop, edit_post, key, PostWords("Another text", (X,)), MARA)
    do(shop, ask_for_approval, key, MARA)
    do(shop, approve_post, key, JAN)
    taken = await deliver(shop, noon(0) + timedelta(minutes=1))
    assert {network: message.text for network, message in taken.items()} == {X: "Another text"}
    with pytest.raises(PostChanged, match="has left already"):
        do(shop, reopen_post, key, MARA)


class Records(FakeTransport):
    """A network that refuses a post, and may have it all the same."""

    def __init__(self, receipt=None):
        super().__init__()
        self.receipt, self.asked = receipt, []

    async def lookup(self, message, since):
        self.asked.append(message.id)
        return self.receipt


@pytest.mark.both_databases
async def test_a_network_that_failed_is_asked_whether_it_has_the_post_and_then_gets_it_once(shop):
    key = approved(shop, PostWords("We are open.", (X,)))
    await deliver(shop, noon(0), lambda _: PermanentFailure("X answered 403"))
    assert states(shop) == {X: State.REJECTED}
    with pytest.raises(PostChanged):
        do(shop, try_again, key, BLUESKY, MARA)
    do(shop, try_again, key, X, MARA, hours=1)
    with pytest.raises(PostChanged, match="already"):
        do(shop, try_again, key, X, MARA, hours=1)
    records = Records()
    taken = await deliver(shop, noon(0) + timedelta(hours=1, minutes=1), transport=records)
    assert (len(records.asked), set(taken)) == (1, {X})
    assert states(shop) == {X: State.SENT}


async def test_a_network_that_failed_and_has_the_post_does_not_get_it_again(shop):
    key = approved(shop, PostWords("We are open.", (X,)))
    await deliver(shop, noon(0), lambda _: PermanentFailure("X answered 403"))
    do(shop, try_again, key, X, MARA, hours=1)
    records = Records(Receipt("17"))
    assert await deliver(shop, noon(0) + timedelta(hours=1, minutes=1), transport=records) == {}
    assert states(shop) == {X: State.SENT}


@pytest.mark.parametrize(
    ("kind", "product", "late", "sent"),
    [
        (PostKind.LATE, LAMP, True, True),
        (PostKind.LATE, LAMP, False, False),
        (PostKind.OWN, LAMP, False, True),
        (PostKind.OWN, None, False, True),
        (PostKind.BACK, LAMP, False, False),
    ],
)
async def test_what_a_person_wrote_leaves_while_it_is_so(shop, kind, product, late, sent):
    shop.order("1", line(promised=-9, product=LAMP), customer=customer("c1"))
    if kind is PostKind.BACK:
        # It is checked when it is approved, too: it was back then.
        key = do(shop, write_post, WORDS, MARA, LAMP.id, PostKind.OWN)
    else:
        key = do(shop, write_post, WORDS, MARA, product and product.id, kind)
    do(shop, ask_for_approval, key, MARA)
    do(shop, approve_post, key, JAN)
    if kind is PostKind.BACK:
        with shop.context.engine.begin() as connection:
            connection.execute(update(POSTS).values(kind=PostKind.BACK))
    if not late:
        shop.change("1", shipped_at=noon(0))
    taken = await deliver(shop, noon(0) + timedelta(minutes=1))
    assert bool(taken) is sent
    assert {row["reason"] for row in shop.post_messages} == ({None} if sent else {SkipReason.CHANGED})


async def test_a_post_that_could_not_leave_for_days_is_withdrawn(shop):
    approved(shop)
    assert await deliver(shop, noon(4)) == {}
    assert {row["reason"] for row in shop.post_messages} == {SkipReason.TOO_OLD}


def problems(shop, text, **words):
    key = do(shop, write_post, PostWords(text, **({"networks": (X,)} | words)), MARA)
    with read_only(shop.context.engine) as connection:
        row = connection.execute(select(POSTS).where(POSTS.c.id == key)).one()
        return [(one.text, one.blocks) for one in find_problems(at(shop), connection, checked_post(row))]


def test_a_post_with_a_customers_data_is_not_approved(shop):
    shop.order("A-1041", customer=customer("c1", phone="+4915112345678"))
    keys = customer_keys("Nora Whitfield", "nora@example.com", "+4915112345678")
    row = {name: getattr(keys, name) for name in ("name", "family", "mail", "phone")}
    with shop.context.engine.begin() as connection:
        connection.execute(insert(CUSTOMER_SEARCH).values(customer_id="c1", **row))
    found = problems(shop, "Sorry, NORA Whitfield: order A-1041, nora@example.com, 0151 1234 5678")
    assert sorted(text.split("”")[0].strip("“") for text, _ in found) == [
        "0151 1234 5678",
        "A-1041",
        "NORA Whitfield",
        "nora@example.com",
    ]
    assert all(blocks for _, blocks in found)
    key = do(shop, write_post, PostWords("Sorry, Nora Whitfield", (X,)), MARA)
    with pytest.raises(PostProblems, match="the name of a customer"):
        do(shop, ask_for_approval, key, MARA)
    assert {post["state"] for post in shop.posts} == {PostState.DRAFT}


def test_what_is_wrong_with_a_post_is_named(shop, with_policy):
    with_policy(Policy(words=WordPolicy(built_in=False, forbidden={"any": ("cheap",)})))
    assert problems(shop, "A cheap lamp") == [("'cheap' may not be used.", True)]
    assert problems(shop, "We are open", networks=()) == [("Choose a network.", True)]
    assert problems(shop, "n" * 294) == [("14 too many for X.", True)]
    long = "n" * 320
    assert problems(shop, long, networks=(X, BLUESKY)) == [("40 too many for X.", True)]
    assert problems(shop, long, networks=(X, BLUESKY), texts={X: "short"}) == [("20 too many for Bluesky.", True)]


def picture(size=(4000, 3000), kind="PNG", mode="RGBA"):
    drawn = io.BytesIO()
    Image.new(mode, size, (200, 20, 20, 90) if mode == "RGBA" else 40).save(drawn, kind)
    return drawn.getvalue()


@pytest.mark.both_databases
async def test_a_picture_is_drawn_anew_and_goes_with_the_post(shop):
    redrawn = redraw_picture(picture(), "a red lamp")
    with Image.open(io.BytesIO(redrawn.content)) as seen:
        assert (seen.format, seen.size, seen.mode) == ("JPEG", (1600, 1200), "RGB")
    key = approved(shop, replace(WORDS, picture=redrawn))
    taken = await deliver(shop, noon(0) + timedelta(minutes=1))
    assert taken[X].picture == redrawn
    with read_only(shop.context.engine) as connection:
        assert load_picture(connection, key) == redrawn


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture((20, 20))[:40],
        picture((8000, 6000), "PNG", "1"),
        picture((20, 20), "BMP", "L"),
        b"\xff\xd8\xff" + b"\0" * 100,
    ],
    ids=["empty", "svg", "cut", "too many pixels", "bmp", "no jpeg"],
)
def test_a_file_that_is_no_picture_or_too_large_a_one_is_refused(content):
    with pytest.raises(BadPicture, match="40 megapixels is right"):
        redraw_picture(content, "a lamp")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_as_it_was_taken(orientation):
    drawn, exif = Image.new("RGB", (40, 30), "white"), Image.Exif()
    drawn.paste("black", (0, 0, 20, 15))
    exif[0x0112] = orientation
    taken = io.BytesIO()
    drawn.save(taken, "PNG", exif=exif)
    with Image.open(taken) as opened:
        shown = ImageOps.exif_transpose(opened)
    with Image.open(io.BytesIO(redraw_picture(taken.getvalue(), "a lamp").content)) as redrawn:
        assert redrawn.size == shown.size
        assert not redrawn.getexif()
        corners = [(5, 5), (shown.width - 6, 5), (5, shown.height - 6), (shown.width - 6, shown.height - 6)]
        assert [redrawn.getpixel(at)[0] > 128 for at in corners] == [shown.getpixel(at)[0] > 128 for at in corners]


def test_a_picture_is_drawn_whatever_its_camera_added():
    exif, taken = Image.Exif(), io.BytesIO()
    exif[0x0112], exif[0x8825] = 6, {1: "N", 2: (1.0, 2.0, 3.0)}
    Image.new("RGB", (40, 30), "red").save(taken, "JPEG", exif=exif)
    odd = bytearray(taken.getvalue())
    odd[68] = 1
    with Image.open(io.BytesIO(redraw_picture(bytes(odd), "a lamp").content)) as redrawn:
        assert redrawn.size == (30, 40)


async def test_a_post_that_left_in_a_trial_waits_for_approval_when_its_network_goes_live(shop):
    approved(shop)
    await deliver(shop, noon(0))
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(trial=True))
    set_live(at(shop, hours=1), [BLUESKY], "Ana")
    assert shop.posts[0]["state"] == PostState.WAITS
    assert states(shop) == {X: State.SENT}
    do(shop, approve_post, shop.posts[0]["id"], JAN, hours=2)
    assert set(await deliver(shop, noon(0) + timedelta(hours=3))) == {BLUESKY}


async def test_a_withdrawn_post_does_not_leave_on_a_network_that_turns_out_not_to_have_it(shop):
    key = approved(shop)
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.channel == BLUESKY).values(not_before=noon(1)))
    await deliver(shop, noon(0) + timedelta(minutes=1), lambda _: OutcomeUnknown("no answer"))
    assert states(shop) == {X: State.IN_DOUBT, BLUESKY: State.QUEUED}
    do(shop, withdraw_post, key, MARA, hours=1)
    records = Records()
    assert await deliver(shop, noon(1), transport=records) == {}
    assert len(records.asked) == 1
    assert states(shop) == {X: State.SKIPPED, BLUESKY: State.SKIPPED}
    # Undone, all of it leaves.
    do(shop, restore_post, key, JAN, PostState.APPROVED, noon(0) + timedelta(hours=1), n=1, hours=1)
    assert set(await deliver(shop, noon(1) + timedelta(hours=2))) == {X, BLUESKY}


async def test_what_is_still_to_come_of_a_post_of_the_trial_waits_with_it_and_leaves_as_approved_again(shop):
    key = approved(shop)
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.channel == BLUESKY).values(not_before=noon(1)))
    await deliver(shop, noon(0) + timedelta(minutes=1))
    with shop.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.state == State.SENT).values(trial=True))
    set_live(at(shop, hours=1), [X], "Jan")
    do(shop, edit_post, key, replace(WORDS, text="Changed"), MARA, hours=2)
    assert await deliver(shop, noon(1)) == {}
    do(shop, ask_for_approval, key, MARA, n=1, hours=1)
    do(shop, approve_post, key, JAN, n=1, hours=1)
    taken = await deliver(shop, noon(1) + timedelta(hours=2))
    assert {network: message.text for network, message in taken.items()} == {X: "Changed", BLUESKY: "Changed"}


async def test_a_post_that_was_scheduled_in_the_trial_is_not_published_before_it_is_approved_again(shop):
    key = approved(shop, replace(WORDS, publish_at=noon(1)))
    set_live(at(shop, hours=1), [X], "Ana")
    assert await deliver(shop, noon(1)) == {}
    do(shop, approve_post, key, JAN, n=1, hours=1)
    # It is live already: what is approved since stays so.
    set_live(at(shop, n=1, hours=1), [X], "Ana")
    assert set(await deliver(shop, noon(1) + timedelta(hours=1, minutes=1))) == {X, BLUESKY}
