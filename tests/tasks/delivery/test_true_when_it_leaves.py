"""What leaves is true on the day on which it leaves: what changed while it waited is told anew, or not at all."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from channels.transport import TemporaryFailure
from models.enums import Channel, SkipReason, State
from models.orders import ProductFacts
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import DiscountPolicy, Policy
from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.notices.notes import add_note, withdraw_note
from tasks.notices.suppressions import suppress
from tasks.orders.due import recheck_message
from tasks.runs.records import HELD
from tasks.tables import RUNS
from templates.rendering.messages import Renderer
from tests.support.builders import day, line
from tests.support.shop_driver import SHOP, FakeTransport, customer, noon, with_renderer
from tests.support.supply import LAMP, VASE
from tests.tasks.shipments.test_plan import allocate_and_plan

AMBER = ProductFacts("amber", "Amber Lamp", "lamps", Decimal(40))
AMBER_TWO = ProductFacts("amber2", "Amber Lamp Two", "lamps", Decimal(40))
CHAIR = ProductFacts("chair", "Blue Chair", "chairs", Decimal(80))
LATE = line("1", promised=-9, product=AMBER)
BOTH_WAYS = customer("c1", phone="+4915112345678", sms_consent=True)
SMALL = GuardrailPolicy(min_orders=3)
LATER = noon(0) + timedelta(hours=3)


def left(shop, on=0):
    """Deliver what waits, evaluate what is due again, and deliver that; return the messages that left, and when."""
    before = len(shop.transport.taken)
    first = shop.deliver(on)
    sent_at_once = len(shop.transport.taken) - before
    shop.run_day(on)
    return first, sent_at_once, shop.transport.taken[before:]


def put_line(shop, number, on=0, **facts):
    shop.put("lines", order_id="1041", number=number, on=on, **facts)


def two_lines(shop):
    shop.order("1041", LATE, line("2", promised=30, product=CHAIR, quantity=2))


def late_with_substitute(shop):
    shop.stock(AMBER_TWO, 5)
    shop.order("1041", LATE)


def sell_out(shop):
    """Leave the substitute out of the table of stock, which then names only another product."""
    shop.enter_stock(CHAIR, 1)
    shop.system.drop("stock", "amber2", "main")
    shop.import_facts()


def late_parcel(shop, tracking="T1"):
    shop.order("1041", replace(LATE, quantity=3))
    parcel = {"order_id": "1041", "number": "1", "id": "A", "quantity": 1, "shipped_at": noon(-2), "carrier": "DHL"}
    shop.put("shipments", **parcel, tracking_number=tracking)


def swap(shop):
    shop.system.put("products", id="chair", name="Blue Chair", category="chairs", price=40)
    put_line(shop, "1", product_id="chair")


CHANGES = {
    "the product was swapped": (
        lambda shop: shop.order("1041", LATE), swap, "Amber Lamp", "Blue Chair",
    ),
    "the product was renamed": (
        lambda shop: shop.order("1041", LATE),
        lambda shop: shop.put("products", id="amber", name="Amber Light"), "Amber Lamp", "Amber Light",
    ),
    "fewer pieces are wanted": (
        lambda shop: shop.order("1041", replace(LATE, quantity=3)),
        lambda shop: put_line(shop, "1", quantity=2), "3 x Amber Lamp", "2 x Amber Lamp",
    ),
    "fewer pieces are wanted of a line on time": (
        two_lines, lambda shop: put_line(shop, "2", quantity=3), "2 x Blue Chair", "3 x Blue Chair",
    ),
    "a line on time was cancelled": (
        two_lines, lambda shop: put_line(shop, "2", cancelled_at=noon(0) - timedelta(hours=1)), "Blue Chair", "Amber",
    ),
    "a line on time was shipped": (
        two_lines, lambda shop: put_line(shop, "2", shipped_at=noon(0) - timedelta(hours=1)), "Blue Chair", "Amber",
    ),
    "a line on time has another date": (
        two_lines, lambda shop: put_line(shop, "2", promised_on=day(20)), "July 15", "July 5",
    ),
    "the substitute is sold out": (
        late_with_substitute, lambda shop: shop.stock(AMBER_TWO, 0), "Amber Lamp Two", "Amber Lamp",
    ),
    "the source has no stock of the substitute any more": (
        late_with_substitute, sell_out, "Amber Lamp Two", "Amber Lamp",
    ),
    "the substitute costs more": (
        late_with_substitute, lambda shop: shop.put("products", id="amber2", price=49), "€40.00", "€49.00",
    ),
    "consent to offers was withdrawn": (
        lambda shop: shop.order("1041", LATE),
        lambda shop: shop.customer("c1", marketing_consent=False), "Your code is", "We have an offer for you",
    ),
    "the language is another": (
        lambda shop: shop.order("1041", LATE), lambda shop: shop.customer("c1", locale="pt_BR"), "Hello", "Olá",
    ),
    "the name was corrected": (
        lambda shop: shop.order("1041", LATE), lambda shop: shop.customer("c1", name="Anna Kessler"),
        "Anna Keller", "Anna Kessler",
    ),
    "the tracking number was corrected": (
        late_parcel,
        lambda shop: shop.put("shipments", order_id="1041", number="1", id="A", tracking_number="T2"), "T1", "T2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_a_notice_that_waited_says_what_is_so_now(imported_shop, case):
    prepare, change, old, new = CHANGES[case]
    prepare(imported_shop)
    imported_shop.evaluate()
    (notice,) = imported_shop.notices
    assert old in notice["to_name"] + notice["text"]
    change(imported_shop)
    summary, at_once, messages = left(imported_shop)
    assert (summary.skipped, at_once) == ({SkipReason.CHANGED: 1}, 0)
    (message,) = messages
    assert new in message.text
    if old not in new:
        assert old not in message.to_name + message.text.replace(new, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: put_line(shop, "1", price=39),
        lambda shop: shop.customer("c1", phone="+4915112345678"),
        lambda shop: shop.put("orders", id="1041", priority=3),
        lambda shop: shop.stock(CHAIR, 4),
    ],
    ids=["what was paid", "a phone number", "its priority", "the stock of another product"],
)
def test_a_notice_leaves_at_once_where_only_other_facts_changed(imported_shop, change):
    late_with_substitute(imported_shop)
    imported_shop.evaluate()
    change(imported_shop)
    summary, at_once, messages = left(imported_shop)
    assert (summary.skipped, at_once, len(messages)) == ({}, 1, 1)


def test_facts_that_changed_and_changed_back_hold_nothing_up(imported_shop):
    two_lines(imported_shop)
    imported_shop.evaluate()
    put_line(imported_shop, "2", quantity=3)
    put_line(imported_shop, "2", quantity=2)
    assert imported_shop.deliver().sent == {"email": 1}


def test_a_notice_waits_no_longer_than_its_bucket_lasts(imported_shop):
    imported_shop.order("1041", line(promised=-13))
    imported_shop.evaluate()
    away = FakeTransport(lambda _: TemporaryFailure("away", retry_after=timedelta(hours=6)))
    imported_shop.deliver(transport=away)
    assert [row["message"] for row in imported_shop.notices] == ["fortnight"]
    _, at_once, messages = left(imported_shop, on=2)
    assert at_once == 0
    assert [message.category for message in messages] == ["long"]


def test_a_notice_that_waits_within_its_bucket_leaves_as_it_is(imported_shop):
    imported_shop.order("1041", line(promised=-12))
    imported_shop.evaluate()
    away = FakeTransport(lambda _: TemporaryFailure("away", retry_after=timedelta(hours=6)))
    imported_shop.deliver(transport=away)
    assert imported_shop.deliver(2).sent == {"email": 1}
    assert [message.category for message in imported_shop.transport.taken] == ["fortnight"]


def test_parcels_that_are_planned_otherwise_are_told_otherwise(imported_shop):
    shop = imported_shop
    shop.order("1041", line("1", promised=-9, product=LAMP), line("2", promised=-9, product=VASE))
    shop.stock(LAMP, 1)
    shop.put("inbound", id="I", product_id="vase", quantity=1, promised_on=day(20))
    allocate_and_plan(shop)
    shop.evaluate()
    assert "in 2 parcels" in shop.notices[0]["text"]
    shop.put("orders", id="1041", shipping_preference="complete")
    allocate_and_plan(shop)
    summary, at_once, (message,) = left(shop)
    assert (summary.skipped, at_once) == ({SkipReason.CHANGED: 1}, 0)
    assert "parcels" not in message.text


@pytest.fixture
def held(imported_shop, with_policy):
    """Return a function that lets a run of four late orders be held, and releases it on a later day."""

    def run(promised, released_on, policy):
        imported_shop.context = with_policy(policy).context
        for n in range(4):
            imported_shop.order(f"104{n}", line(promised=promised), customer=customer(f"c{n}"))
        imported_shop.evaluate()
        (key,) = [row["id"] for row in imported_shop.rows(RUNS) if row["state"] == HELD]
        context = imported_shop.context.with_run("", day(released_on), noon(released_on))
        release_or_drop_run(context, key, ReviewDecision.RELEASE, "mara")
        return imported_shop

    return run


def test_a_code_that_expired_in_hold_is_not_promised(held):
    terms = DiscountPolicy(percent=Decimal(10), up_to={"EUR": Decimal(20)}, valid_days=5)
    shop = held(-20, 9, Policy(guardrails=SMALL, future_discount=terms))
    assert all("valid until June 20" in row["text"] for row in shop.notices)
    shop.deliver(9)
    assert shop.transport.taken == []
    shop.context = replace(
        shop.context, policy=shop.context.policy.model_copy(update={"guardrails": GuardrailPolicy()})
    )
    told = shop.run_day(9)
    assert len(told) == 4
    assert not any("valid until June 20" in message.text for message in told)


def test_a_code_that_is_still_valid_leaves(held):
    terms = DiscountPolicy(percent=Decimal(10), up_to={"EUR": Decimal(20)}, valid_days=5)
    shop = held(-20, 5, Policy(guardrails=SMALL, future_discount=terms))
    shop.deliver(5)
    assert len(shop.transport.taken) == 4
    assert all("valid until June 20" in message.text for message in shop.transport.taken)


def test_orders_that_moved_to_a_worse_bucket_in_hold_are_told_of_that_one(held):
    shop = held(-5, 20, Policy(guardrails=SMALL))
    assert {row["message"] for row in shop.notices} == {"week"}
    shop.deliver(20)
    assert shop.transport.taken == []
    shop.context = replace(shop.context, policy=Policy())
    assert [message.category for message in shop.run_day(20)] == ["long"] * 4


def test_a_withdrawn_notice_is_told_to_nobody(imported_shop):
    two_lines(imported_shop)
    imported_shop.evaluate()
    put_line(imported_shop, "2", quantity=1)
    assert imported_shop.deliver().skipped == {SkipReason.CHANGED: 1}
    put_line(imported_shop, "1", shipped_at=noon(0))
    assert imported_shop.run_day(1) == []
    assert [row["state"] for row in imported_shop.notices] == [State.SKIPPED]
    assert imported_shop.told() is None


def test_a_shops_own_words_that_state_the_day_are_written_for_the_day_on_which_they_leave(imported_shop, tmp_path):
    words = tmp_path / "long" / "subject.en.txt"
    words.parent.mkdir()
    words.write_text("As of {{ today | date }}: order {{ order.id }}")
    shop = imported_shop
    shop.context = with_renderer(shop.context, Renderer(SHOP, tmp_path))
    shop.order("1041", line(promised=-9, expected=20))
    shop.evaluate(0)
    assert shop.deliver(1).skipped == {SkipReason.CHANGED: 1}
    (message,) = shop.run_day(1)
    assert message.subject == "As of June 16, 2026: order 1041"


@pytest.fixture
def half_told(imported_shop):
    """Return a shop whose customer was told by a text, while the mail that says the same waits for its provider."""
    shop = imported_shop
    shop.order("1041", line(promised=-20, expected=20), customer=BOTH_WAYS)
    shop.evaluate(0)
    busy = TemporaryFailure("busy", retry_after=timedelta(hours=2))
    told = FakeTransport(lambda message: busy if message.channel is Channel.EMAIL else None)
    assert shop.deliver(0, transport=told).sent == {Channel.SMS: 1}
    return shop


def rewrite(shop, folder, name, words):
    file = folder / "long" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(words)
    shop.context = with_renderer(shop.context, Renderer(SHOP, folder))
    with shop.context.engine.begin() as connection:
        recheck_message(connection, "long")


def test_a_mail_leaves_in_new_words_where_a_text_has_told_the_same_already(half_told, tmp_path):
    shop = half_told
    rewrite(shop, tmp_path, "subject.en.txt", "New words for order {{ order.id }}")
    assert shop.deliver(0, at=LATER).sent == {Channel.EMAIL: 1}
    assert shop.transport.taken[-1].subject == "New words for order 1041"
    assert [row["revision"] for row in shop.notices] == [1, 1]
    assert shop.run_day(1) == []


def test_what_a_mail_in_new_words_says_by_law_is_recorded_as_it_left(half_told, tmp_path):
    shop = half_told
    before = next(row for row in shop.notices if row["channel"] == Channel.EMAIL)["statements"]
    rewrite(shop, tmp_path, "body.en.txt", "Your order {{ order.id }} is late.")
    assert shop.deliver(0, at=LATER).sent == {Channel.EMAIL: 1}
    (mail,) = [row for row in shop.notices if row["channel"] == Channel.EMAIL]
    assert (before, mail["statements"]) == (["silence_changes_nothing"], [])


def test_a_note_that_goes_with_a_mail_in_new_words_goes_with_no_other(half_told):
    shop = half_told
    with shop.context.engine.begin() as connection:
        add_note(connection, "1041", "Anna packs it herself.", noon(0), "Mara")
    assert shop.deliver(0, at=LATER).sent == {Channel.EMAIL: 1}
    assert "Anna packs it herself." in shop.transport.taken[-1].text
    put_line(shop, "1", on=5, expected_on=day(60))
    later = shop.run_day(5)
    assert later
    assert not [message for message in later if "Anna packs it herself." in message.text]


def test_a_note_that_was_taken_back_leaves_with_no_mail_in_new_words(half_told):
    shop = half_told
    with shop.context.engine.begin() as connection:
        key = add_note(connection, "1041", "Anna packs it herself.", noon(0), "Mara")
        assert withdraw_note(connection, key, noon(0))
    assert shop.deliver(0, at=LATER).sent == {Channel.EMAIL: 1}
    assert "Anna packs it herself." not in shop.transport.taken[-1].text


@pytest.mark.parametrize("change", ["opted out", "suppressed", "shipped"])
def test_no_mail_in_new_words_leaves_to_who_must_get_none(half_told, tmp_path, change):
    shop = half_told
    rewrite(shop, tmp_path, "subject.en.txt", "New words for order {{ order.id }}")
    if change == "opted out":
        shop.customer("c1", opted_out=True)
    elif change == "shipped":
        put_line(shop, "1", shipped_at=noon(0))
    else:
        with shop.context.engine.begin() as connection:
            suppress(connection, {"c1@example.com": "asked for it"}, noon(0), "staff")
    assert shop.deliver(0, at=LATER).sent == {}
