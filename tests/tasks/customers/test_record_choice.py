from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from models.config.shop import OrderPages
from models.customers import LINK_PLACEHOLDER, Act, ChoiceState, Headline
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.policy.policy import Policy
from models.shipments import ShippingPreference
from tasks.customers.choice_tasks import close_choice, give_reason
from tasks.customers.record_choice import (
    ChoiceConflict,
    NotOffered,
    StatementChanged,
    SubstituteGone,
    TooLate,
)
from tasks.db.sql import read_only
from tasks.orders.choices import load_choices
from tasks.reporting.check_ledger import check_ledger
from tasks.shipments.packing_list import packing_rows
from tasks.shipments.preferences import set_shipping_preference
from tasks.tables import (
    CUSTOMER_ANSWERS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    CUSTOMERS,
    EVENTS,
    ORDER_LINES,
    ORDER_LINKS,
    ORDERS,
    OUTBOX,
    WEBHOOK_EVENTS,
)
from templates.rendering.messages import Renderer
from tests.support.builders import ANNA, DAY, day, line
from tests.support.choosing import Visitor
from tests.support.shop_driver import customer, noon
from tests.support.supply import LAMP, VASE, add_deliveries, allocate, execute

pytestmark = pytest.mark.sqlite_suffices(
    "what a choice means; races, random choices and the acts that lock run on both databases"
)

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
FEE = Decimal("4.90")


@pytest.fixture
def late(driver):
    """Return a driver whose order has a line that is 9 days late, told, and one on time."""
    driver.order("1041", line("1", promised=-9, expected=4), line("2", promised=6), shipping_fee=FEE)
    driver.run_day()
    yield driver
    consistent(driver)


@pytest.fixture
def swappable(driver):
    """Return a driver at which a late lamp may be swapped for the last fern in stock, by either of two customers."""
    driver.order("1041", line("1", promised=-9, expected=4))
    driver.order("1042", line("1", promised=-9, expected=4), customer=customer("c2"))
    driver.stock(FERN, 1)
    driver.run_day()
    yield driver
    consistent(driver)


@pytest.fixture
def split(with_policy):
    """Return a driver whose order has a vase in stock, and a lamp that comes in three days."""
    driver = with_policy(Policy())
    driver.stock(LAMP, 0)
    driver.stock(VASE, 3)
    add_deliveries(driver, ("D1", 5, 3))
    driver.order("1041", line("1", product=LAMP, promised=-5), line("2", product=VASE, promised=5))
    allocate(driver.context)
    yield driver
    consistent(driver)


def consistent(driver):
    with read_only(driver.context.engine) as connection:
        assert check_ledger(connection) == []


def events(driver, subject="1041-C1"):
    return [(row["kind"], row["who"], row["why"]) for row in driver.rows(EVENTS) if row["subject"] == subject]


def bucket(driver, on=0):
    """Return the bucket of order 1041 after the next evaluation, and how many messages then left."""
    sent = len(driver.run_day(on))
    return driver.watch()["bucket"], sent


@pytest.mark.both_databases
def test_a_customer_who_waits_agrees_to_the_date_and_to_the_notice_that_told_it(late):
    made = Visitor(late).choose(Act.WAIT)
    (notice,) = late.notices
    assert (made.id, made.number, made.state) == ("1041-C1", 1, ChoiceState.DONE)
    assert (made.expected_on, made.notice_id, made.lines) == (day(4), notice["id"], ("1",))
    assert (made.made_at, made.made_by, made.undo_until) == (noon(0), "customer", noon(0) + timedelta(hours=1))
    assert events(late) == [("chosen", "customer", "wait")]
    assert not Visitor(late).page.open.may_wait
    assert bucket(late) == ("fortnight", 1)  # the acknowledgement alone


def test_who_waits_is_asked_again_when_the_date_moves(late):
    visitor = Visitor(late)
    visitor.choose(Act.WAIT)
    late.change("1041", on=1, expected_on=day(9))
    visitor.later(days=1)
    assert visitor.page.open.wait_until == day(9)
    second = visitor.choose(Act.WAIT)
    first = visitor.page.choices[1]
    assert (first.state, first.changed_by, second.state) == (ChoiceState.REPLACED, "1041-C2", ChoiceState.DONE)


def test_what_a_customer_cancels_is_not_late_any_more_and_nothing_is_written_about_it(late):
    made = Visitor(late).choose(Act.CANCEL, "late")
    assert (made.state, made.lines, made.refund) == (ChoiceState.REQUESTED, ("1",), Decimal(40))
    page = Visitor(late).page
    assert (page.headline, page.days_late) == (Headline.ON_TIME, 0)
    assert [(item.number, item.status) for parcel in page.parcels for item in parcel.items] == [
        ("2", "open"),
        ("1", "cancel_requested"),
    ]
    assert late.watch()["next_check_on"] == DAY
    assert bucket(late) == ("on_time", 1)
    late.change("1041", on=20, expected_on=day(60))
    assert [row["number"] for row in late.rows(ORDER_LINES)] == ["1", "2"]
    execute(late, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values(expected_on=None, promised_on=day(90)))
    assert bucket(late, 20) == ("on_time", 0)


@pytest.mark.both_databases
def test_the_whole_order_can_be_cancelled_at_once(late):
    made = Visitor(late).choose(Act.CANCEL, "all")
    assert (made.lines, made.refund) == (("1", "2"), Decimal("84.90"))
    assert Visitor(late).page.headline is Headline.CANCEL_REQUESTED
    assert bucket(late) == ("closed", 1)


def test_a_queued_notice_about_what_was_cancelled_does_not_leave(late):
    late.change("1041", on=5, expected_on=day(30))
    late.evaluate(5)
    assert late.notices[-1]["state"] == "queued"
    Visitor(late, on=5).choose(Act.CANCEL, "all")
    sent = late.transport.taken[:]
    late.deliver(5)
    assert [message.category for message in late.transport.taken[len(sent) :]] == ["choice_received"]
    assert (late.notices[-1]["state"], late.notices[-1]["reason"]) == ("skipped", "cancelled")


def test_a_cancellation_replaces_the_wait_for_the_same_line(late):
    visitor = Visitor(late)
    visitor.choose(Act.WAIT)
    visitor.choose(Act.CANCEL, "late")
    cancel, wait = visitor.page.choices
    assert (wait.state, wait.changed_by, cancel.state) == (
        ChoiceState.REPLACED,
        "1041-C2",
        ChoiceState.REQUESTED,
    )
    assert events(late)[-1] == ("choice_replaced", "customer", "by 1041-C2")
    visitor.undo(2)
    cancel, wait = visitor.page.choices
    assert (wait.state, wait.changed_by, wait.changed_at) == (ChoiceState.DONE, None, None)
    assert cancel.state is ChoiceState.UNDONE


@pytest.mark.both_databases
def test_cancelling_one_line_after_the_other_pays_back_the_shipping_with_the_last(late):
    visitor = Visitor(late)
    first, second = visitor.choose(Act.CANCEL, "2"), visitor.choose(Act.CANCEL, "all")
    assert (first.refund, second.refund, second.lines) == (Decimal(40), Decimal("44.90"), ("1",))


@pytest.mark.both_databases
def test_a_swap_reserves_the_pieces_for_the_time_that_the_policy_says(swappable):
    anna, ben = Visitor(swappable), Visitor(swappable, "1042")
    form = ben.form(Act.SWAP, "1:fern")
    made = anna.choose(Act.SWAP, "1:fern")
    assert (made.product, made.quantity, made.price_difference) == (FERN, 1, 6)
    assert made.reserved_until == noon(0) + timedelta(hours=48)
    with pytest.raises(SubstituteGone) as gone:
        ben.send(form)
    assert Act.CANCEL in gone.value.page.open.acts
    assert ben.later(hours=47).page.open.swaps == ()
    assert ben.later(hours=1).page.open.swaps != ()


@pytest.mark.parametrize("end", ["undone", "refused", "cancelled"])
def test_pieces_of_a_swap_that_does_not_stand_are_free_again(swappable, end):
    anna, ben = Visitor(swappable), Visitor(swappable, "1042")
    anna.choose(Act.SWAP, "1:fern")
    if end == "undone":
        anna.undo()
    elif end == "refused":
        close_choice(swappable.context, "1041-C1", ChoiceState.REFUSED, "ana", "broken", anna.now)
    else:
        anna.choose(Act.CANCEL, "all")
    assert ben.choose(Act.SWAP, "1:fern").number == 1


def test_what_was_swapped_is_not_late_any_more_and_can_still_be_cancelled(swappable):
    visitor = Visitor(swappable)
    visitor.choose(Act.SWAP, "1:fern")
    page = visitor.page
    assert (page.headline, page.open.acts) == (Headline.ON_TIME, (Act.CANCEL,))
    assert swappable.run_day()[-1].category == "choice_received"
    assert swappable.watch()["bucket"] == "closed"
    made = visitor.choose(Act.CANCEL, "all")
    assert [one.state for one in visitor.page.choices] == [ChoiceState.REQUESTED, ChoiceState.REPLACED]
    assert made.refund == 40


def test_a_swap_that_cannot_stand_again_stays_replaced_when_its_cancellation_is_undone(swappable):
    anna, ben = Visitor(swappable), Visitor(swappable, "1042")
    anna.choose(Act.SWAP, "1:fern")
    anna.choose(Act.CANCEL, "all")
    ben.choose(Act.SWAP, "1:fern")
    anna.undo(2)
    assert [one.state for one in anna.page.choices] == [ChoiceState.UNDONE, ChoiceState.REPLACED]
    assert anna.page.headline is Headline.LATE
    ben.undo()
    assert anna.page.open.swaps != ()


def test_what_is_ready_is_sent_now_and_the_rest_follows(split):
    visitor = Visitor(split)
    made = visitor.choose(Act.SHIP)
    assert (made.lines, made.state) == (("2",), ChoiceState.REQUESTED)
    assert [answer["value"] for answer in split.rows(CUSTOMER_ANSWERS)] == [ShippingPreference.AVAILABLE]
    assert visitor.page.open.ship_now == ()
    assert [[item.number for item in parcel.items] for parcel in visitor.page.parcels] == [["2"], ["1"]]
    visitor.undo()
    assert split.rows(CUSTOMER_ANSWERS) == []
    assert visitor.page.open.ship_now == ("2",)


@pytest.mark.both_databases
@pytest.mark.parametrize("changed_since", [False, True])
def test_undoing_restores_the_preference_that_stood_before_unless_it_was_changed_since(split, changed_since):
    set_shipping_preference(split.context, "1041", ShippingPreference.COMPLETE, "ana")
    visitor = Visitor(split)
    visitor.choose(Act.SHIP)
    if changed_since:
        set_shipping_preference(split.context, "1041", None, "ana")
    visitor.undo()
    assert [answer["value"] for answer in split.rows(CUSTOMER_ANSWERS)] == ([] if changed_since else ["complete"])


def test_a_line_that_waited_for_a_cancelled_one_can_leave(split):
    set_shipping_preference(split.context, "1041", ShippingPreference.COMPLETE, "ana")
    before = {item.number: item.expected_on for parcel in Visitor(split).page.parcels for item in parcel.items}
    Visitor(split).choose(Act.CANCEL, "1")
    after = {item.number: item.expected_on for parcel in Visitor(split).page.parcels for item in parcel.items}
    assert before["2"] == before["1"]
    assert after["2"] < before["2"]
    with read_only(split.context.engine) as connection:
        assert {row[3] for row in packing_rows(split.context, connection, DAY)} <= {"2"}


@pytest.mark.both_databases
def test_a_discount_is_taken_once_and_mailed_with_its_code(driver):
    driver.order("1041", line(promised=-20, expected=4))
    driver.run_day()
    visitor = Visitor(driver)
    code = visitor.page.open.discount.code
    made = visitor.choose(Act.OFFER)
    assert (made.state, made.discount.code, made.undo_until) == (ChoiceState.DONE, code, None)
    assert visitor.page.open.discount is None
    (mail,) = driver.run_day()
    assert (mail.category, code in mail.text) == ("discount_code", True)
    with pytest.raises(TooLate):
        visitor.undo()


@pytest.mark.both_databases
def test_the_same_form_is_one_choice(late):
    visitor = Visitor(late)
    form = visitor.form(Act.CANCEL, "late")
    first, again = visitor.send(form), visitor.later(minutes=3).send(form)
    assert again == first
    assert len(late.rows(CUSTOMER_CHOICES)) == len(late.rows(CUSTOMER_MAILS)) == 1


@pytest.mark.both_databases
def test_of_two_forms_one_stands_and_the_other_is_told(late):
    visitor = Visitor(late)
    cancel, wait = visitor.form(Act.CANCEL, "late"), visitor.form(Act.WAIT)
    made = visitor.send(cancel)
    with pytest.raises(ChoiceConflict) as conflict:
        visitor.send(wait)
    assert conflict.value.standing == made


@pytest.mark.both_databases
@pytest.mark.parametrize("waited", [False, True])
def test_nobody_is_told_that_a_choice_stands_which_was_taken_back(late, waited):
    visitor = Visitor(late)
    wait = visitor.choose(Act.WAIT) if waited else None
    form = visitor.form(Act.CANCEL, "2")
    visitor.choose(Act.CANCEL, "2")
    visitor.undo(visitor.page.version)
    with pytest.raises(ChoiceConflict if waited else StatementChanged) as refused:
        visitor.send(form)
    if waited:
        assert refused.value.standing.id == wait.id
    assert visitor.choose(Act.CANCEL, "2").refund == 40


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"version": 5}, NotOffered),
        ({"option": "9"}, NotOffered),
        ({"option": ""}, NotOffered),
        ({"act": Act.SHIP}, NotOffered),
        ({"act": Act.OFFER}, StatementChanged),
        ({"act": Act.SWAP, "option": "1:fern"}, SubstituteGone),
        ({"act": Act.SWAP, "option": "9:fern"}, NotOffered),
        ({"stated": "something else"}, StatementChanged),
    ],
)
def test_what_a_form_says_is_not_believed(late, changed, error):
    visitor = Visitor(late)
    form = replace(visitor.form(Act.CANCEL, "late"), **changed)
    if "version" in changed:
        visitor.choose(Act.WAIT)
        error = ChoiceConflict
    with pytest.raises(error):
        visitor.send(form)
    assert late.rows(CUSTOMER_MAILS) == [] or "version" in changed


@pytest.mark.parametrize(
    ("act", "option", "facts"),
    [
        (Act.WAIT, "", {"expected_on": day(5)}),
        (Act.CANCEL, "late", {"price": Decimal(39)}),
        (Act.CANCEL, "late", {"quantity": 2}),
    ],
)
def test_a_date_or_an_amount_that_changed_since_the_form_was_shown_is_shown_again(late, act, option, facts):
    visitor = Visitor(late)
    form = visitor.form(act, option)
    late.change("1041", **facts)
    with pytest.raises(StatementChanged) as changed:
        visitor.send(form)
    assert changed.value.page == visitor.page
    assert visitor.choose(act, option).number == 1


@pytest.mark.parametrize("taken", [{"packed": 1}, {"shipped_at": noon(-1)}])
def test_what_the_warehouse_took_while_the_form_was_open_is_not_cancelled(late, taken):
    visitor = Visitor(late)
    form = visitor.form(Act.CANCEL, "2")
    execute(late, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values(taken))
    with pytest.raises(TooLate):
        visitor.send(form)
    assert visitor.choose(Act.CANCEL, "late").lines == ("1",)


def test_an_order_that_nobody_knows_has_no_choice(driver):
    visitor = Visitor(driver, "9")
    with pytest.raises(ForewarnError, match="no order '9'"):
        visitor.send(replace(visitor.form(Act.WAIT, page=Visitor(_with_order(driver)).page), order_id="9"))


def _with_order(driver):
    driver.order("1041", line(promised=-9))
    return driver


def test_a_form_of_another_order_records_nothing(driver):
    for key in ("1041", "1042"):
        driver.order(key, line(promised=-9), customer=customer(f"c{key}"))
    form = Visitor(driver).form(Act.WAIT)
    Visitor(driver).send(form)
    with pytest.raises(NotOffered):
        Visitor(driver, "1042").send(replace(form, order_id="1042", stated=""))


@pytest.mark.parametrize(("minutes", "possible"), [(59, True), (60, False)])
def test_a_choice_can_be_taken_back_for_an_hour(late, minutes, possible):
    visitor = Visitor(late)
    visitor.choose(Act.CANCEL, "late")
    visitor.later(minutes=minutes)
    if not possible:
        with pytest.raises(TooLate):
            visitor.undo()
        return
    undone = visitor.undo()
    assert (undone.state, undone.changed_at, undone.changed_by) == (ChoiceState.UNDONE, visitor.now, "customer")
    assert visitor.page.headline is Headline.PART_LATE
    assert keys(visitor) == ["late", "2", "all"]
    assert visitor.undo() == undone
    assert bucket(late)[0] == "fortnight"
    assert [mail["kind"] for mail in late.rows(CUSTOMER_MAILS)] == ["choice_received", "choice_undone"]


def keys(visitor):
    return [option.key for option in visitor.page.open.cancels]


def test_what_the_shop_has_done_is_taken_back_no_more(late):
    visitor = Visitor(late)
    visitor.choose(Act.CANCEL, "late")
    done = close_choice(late.context, "1041-C1", ChoiceState.DONE, "ana", "paid back", visitor.now)
    assert (done.state, done.changed_by, done.undo_until) == (ChoiceState.DONE, "ana", None)
    with pytest.raises(TooLate):
        visitor.undo()
    assert events(late)[-1] == ("choice_done", "ana", "paid back")
    assert [mail["kind"] for mail in late.rows(CUSTOMER_MAILS)] == ["choice_received", "choice_done"]
    assert close_choice(late.context, "1041-C1", ChoiceState.DONE, "ben", "", visitor.now) == done
    assert visitor.page.headline is Headline.ON_TIME


@pytest.mark.parametrize(
    ("facts", "possible"),
    [({"cancelled_at": noon(0)}, False), ({"shipped": 1}, True), ({"packed": 1}, True), ({}, True)],
)
def test_a_cancellation_that_the_shop_has_carried_out_is_taken_back_no_more(late, facts, possible):
    visitor = Visitor(late)
    visitor.choose(Act.CANCEL, "2")
    execute(late, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values({"number": "2"} | facts))
    if possible:
        assert visitor.undo().state is ChoiceState.UNDONE
        return
    with pytest.raises(TooLate):
        visitor.undo()
    assert visitor.page.choices[0].state is ChoiceState.REQUESTED


@pytest.mark.parametrize("taken", [{"packed": 1}, {"shipped_at": noon(0)}])
def test_what_is_packed_because_its_customer_asked_for_it_is_taken_back_no_more(split, taken):
    visitor = Visitor(split)
    visitor.choose(Act.SHIP)
    execute(split, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values(taken))
    with pytest.raises(TooLate):
        visitor.undo()
    assert [answer["value"] for answer in split.rows(CUSTOMER_ANSWERS)] == [ShippingPreference.AVAILABLE]


@pytest.mark.both_databases
def test_what_the_shop_refuses_is_owed_again_and_the_customer_is_told(late):
    visitor = Visitor(late)
    visitor.choose(Act.CANCEL, "late")
    assert bucket(late)[0] == "on_time"
    close_choice(late.context, "1041-C1", ChoiceState.REFUSED, "ana", "it had left", visitor.now)
    assert visitor.page.headline is Headline.PART_LATE
    late.evaluate()
    late.deliver()
    assert late.watch()["bucket"] == "fortnight"
    assert late.transport.taken[-1].category == "choice_refused"


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (ChoiceState.UNDONE, ChoiceState.DONE),
        (ChoiceState.REFUSED, ChoiceState.DONE),
        (ChoiceState.REPLACED, ChoiceState.REFUSED),
        (ChoiceState.REQUESTED, ChoiceState.UNDONE),
    ],
)
def test_only_what_is_requested_is_marked_as_done_or_refused(late, state, to):
    Visitor(late).choose(Act.CANCEL, "late")
    execute(late, update(CUSTOMER_CHOICES).values(state=state, changed_at=noon(0)))
    with pytest.raises(ForewarnError, match="marked as"):
        close_choice(late.context, "1041-C1", to, "ana", "", noon(0))


def test_a_reason_is_stored_beside_its_choice(late):
    visitor = Visitor(late)
    visitor.choose(Act.CANCEL, "late")
    give_reason(late.context, "1041", 1, "  too slow ")
    assert visitor.page.choices[0].why == "too slow"
    with pytest.raises(ForewarnError, match="no choice '1041-C2'"):
        give_reason(late.context, "1041", 2, "")


@pytest.mark.parametrize("email", [None, "no address"])
def test_a_customer_without_a_mail_address_chooses_all_the_same(late, email):
    execute(late, update(CUSTOMERS).values(email=email))
    assert Visitor(late).choose(Act.WAIT).number == 1
    assert late.rows(CUSTOMER_MAILS) == []


def test_the_mail_has_the_words_of_the_customers_language_and_waits_in_the_outbox(late):
    execute(late, update(CUSTOMERS).values(locale="pt_BR"))
    Visitor(late).choose(Act.CANCEL, "late")
    (mail,) = late.rows(CUSTOMER_MAILS)
    (state,) = [row for row in late.rows(OUTBOX) if row["id"] == mail["id"]]
    assert (mail["locale"], mail["kind"], mail["choice_id"]) == ("pt_BR", "choice_received", "1041-C1")
    assert "cancelamento" in mail["subject"]
    assert (state["channel"], state["state"], state["not_before"]) == ("email", "queued", noon(0))
    assert late.rows(ORDER_LINKS) == []


@pytest.mark.parametrize("link", [None, "own"])
def test_the_mail_links_to_the_order_page_by_the_customers_own_link_or_a_new_one(late, link):
    pages = OrderPages(url="https://orders.example.com")
    shop = late.context.shop.model_copy(update={"order_pages": pages})
    late.context = replace(late.context, shop=shop, link_key=bytes(32))
    late.context = replace(late.context, load_renderer=_renderer_of(shop))
    visitor = Visitor(late)
    visitor.send(visitor.form(Act.WAIT, link_id=link))
    (mail,) = late.rows(CUSTOMER_MAILS)
    assert f"https://orders.example.com/o/{LINK_PLACEHOLDER}" in mail["text"]
    assert mail["link_id"] == (link or late.rows(ORDER_LINKS)[0]["id"])


@pytest.mark.parametrize("link", [None, "link-1"])
def test_an_order_with_a_page_in_the_shop_keeps_it_unless_its_customer_chose_on_ours(late, link):
    shop = late.context.shop.model_copy(update={"order_pages": OrderPages(url="https://orders.example.com")})
    late.context = replace(late.context, shop=shop, link_key=bytes(32), load_renderer=_renderer_of(shop))
    execute(late, update(ORDERS).values(url="https://shop.example.com/my/1041"))
    visitor = Visitor(late)
    visitor.send(visitor.form(Act.WAIT, link_id=link))
    (mail,) = late.rows(CUSTOMER_MAILS)
    assert ("https://shop.example.com/my/1041" in mail["text"]) is (link is None)
    assert mail["link_id"] == link
    assert late.rows(ORDER_LINKS) == []


def _renderer_of(shop):
    renderer = Renderer(shop)
    return lambda: renderer


def test_the_shops_systems_are_told_of_each_change(late):
    late.context = replace(late.context, has_webhook=True)
    visitor = Visitor(late)
    visitor.choose(Act.WAIT)
    visitor.choose(Act.CANCEL, "late")
    visitor.undo(2)
    kinds = [(row["kind"], row["choice_id"]) for row in late.rows(WEBHOOK_EVENTS)]
    assert sorted(kinds) == [
        ("choice.done", "1041-C1"),
        ("choice.done", "1041-C1"),
        ("choice.replaced", "1041-C1"),
        ("choice.requested", "1041-C2"),
        ("choice.undone", "1041-C2"),
    ]


def test_a_mistake_in_a_template_keeps_nobody_from_cancelling(late, tmp_path):
    (tmp_path / "choice_received").mkdir()
    (tmp_path / "choice_received" / "body.en.txt").write_text("{{ mistake }}")
    renderer = Renderer(late.context.shop, tmp_path)
    late.context = replace(late.context, load_renderer=lambda: renderer)
    assert Visitor(late).choose(Act.CANCEL, "late").state is ChoiceState.REQUESTED
    assert late.rows(CUSTOMER_MAILS) == []
    chosen, (kind, who, why) = events(late)
    assert (chosen[0], kind, who) == ("chosen", "choice_not_mailed", "forewarn")
    assert "'mistake' is undefined" in why


@pytest.mark.both_databases
def test_a_choice_and_all_that_follows_from_it_are_one_transaction(late):
    def broken():
        raise RuntimeError("no words")

    visitor = Visitor(late)
    form, whole = visitor.form(Act.CANCEL, "late"), late.context
    late.context = replace(whole, load_renderer=broken)
    with pytest.raises(RuntimeError):
        visitor.send(form)
    late.context = whole
    assert late.rows(CUSTOMER_CHOICES) == []
    assert visitor.send(form).number == 1


def test_an_unpaid_order_is_cancelled_without_a_refund(driver):
    driver.order("1041", line(promised=-9), shipping_fee=FEE)
    execute(driver, update(ORDERS).values(unpaid=True))
    assert Visitor(driver).choose(Act.CANCEL, "all").refund == 0
    assert "0.00" not in driver.rows(CUSTOMER_MAILS)[0]["text"]


@pytest.mark.both_databases
def test_choices_of_one_order_do_not_close_the_lines_of_another(driver):
    driver.order("1041", line("1", promised=-9))
    driver.order("1042", line("1", promised=-9), customer=replace(ANNA, id="c2"))
    Visitor(driver).choose(Act.CANCEL, "all")
    assert driver.evaluate().notified == 1
    with read_only(driver.context.engine) as connection:
        assert load_choices(connection, "1042") == ()
