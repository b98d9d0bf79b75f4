"""Choices that are made at the same moment: one stands, and the other is told."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import update

from models.customers import Act, Choice, ChoiceState
from models.errors import ForewarnError
from models.orders import ProductFacts
from tasks.customers.choice_tasks import close_choice
from tasks.customers.record_choice import ChoiceConflict, SubstituteGone, TooLate
from tasks.db.sql import read_only
from tasks.notices.evaluate import evaluate_orders
from tasks.offers.substitute_stock import SubstituteStock
from tasks.reporting.check_ledger import check_ledger
from tasks.tables import CUSTOMER_CHOICES, CUSTOMER_MAILS, ORDER_LINES, STOCKS
from tests.support.builders import day, line
from tests.support.choosing import Visitor
from tests.support.shop_driver import customer, noon
from tests.support.supply import allocate, execute

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
ROUNDS = 4


def at_once(*works):
    """Do works in threads that begin together; return their results, an error where one was raised."""
    barrier = Barrier(len(works))

    def run(work):
        barrier.wait()
        try:
            return work()
        except ForewarnError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result() for one in [pool.submit(run, work) for work in works]]


def of_type(results, kind):
    return [one for one in results if isinstance(one, kind)]


@pytest.fixture
def shop(driver):
    """Return a driver with late orders, told, of several customers."""
    for n in range(ROUNDS):
        lines = line("1", promised=-9, expected=4), line("2", promised=6)
        driver.order(f"{n}", *lines, customer=customer(f"c{n}"))
    driver.stock(FERN, ROUNDS)
    driver.run_day()
    yield driver
    with read_only(driver.context.engine) as connection:
        assert check_ledger(connection) == []


def test_of_different_forms_at_once_one_stands_and_the_others_are_told_which(shop):
    for n in range(ROUNDS):
        visitor = Visitor(shop, f"{n}")
        page = visitor.page
        acts = ((Act.WAIT, ""), (Act.CANCEL, "late"), (Act.CANCEL, "all"), (Act.SWAP, "1:fern"))
        forms = [visitor.form(act, option, page=page, link_id="shared") for act, option in acts]
        results = at_once(*(partial(visitor.send, form) for form in forms))
        (stands,) = of_type(results, Choice)
        assert {one.standing.id for one in of_type(results, ChoiceConflict)} == {stands.id}
        assert len(of_type(results, ChoiceConflict)) == len(forms) - 1
    assert len(shop.rows(CUSTOMER_CHOICES)) == len(shop.rows(CUSTOMER_MAILS)) == ROUNDS


def test_the_same_form_sent_several_times_at_once_is_one_choice(shop):
    for n in range(ROUNDS):
        visitor = Visitor(shop, f"{n}")
        form = visitor.form(Act.CANCEL, "late")
        first, *others = at_once(*[partial(visitor.send, form)] * 3)
        assert isinstance(first, Choice)
        assert others == [first, first]
    assert len(shop.rows(CUSTOMER_CHOICES)) == len(shop.rows(CUSTOMER_MAILS)) == ROUNDS


def test_the_last_piece_is_one_customers(shop):
    execute(shop, update(STOCKS).values(on_hand=1))
    visitors = [Visitor(shop, f"{n}") for n in range(ROUNDS)]
    forms = [visitor.form(Act.SWAP, "1:fern") for visitor in visitors]
    results = at_once(*(partial(visitor.send, form) for visitor, form in zip(visitors, forms, strict=True)))
    assert len(of_type(results, Choice)) == 1
    assert len(of_type(results, SubstituteGone)) == ROUNDS - 1


def test_what_the_customer_takes_back_as_the_shop_marks_it_done_is_one_of_both(shop):
    for n in range(ROUNDS):
        visitor = Visitor(shop, f"{n}")
        made = visitor.choose(Act.CANCEL, "late")
        undone, done = at_once(
            visitor.undo,
            partial(close_choice, shop.context, made.id, ChoiceState.DONE, "ana", "", visitor.now),
        )
        (stands,) = visitor.page.choices
        if stands.state is ChoiceState.DONE:
            assert isinstance(undone, TooLate)
        else:
            assert (stands.state, undone) == (ChoiceState.UNDONE, stands)
            assert isinstance(done, ForewarnError)


def test_a_line_that_is_packed_as_its_customer_cancels_it_is_one_of_both(shop):
    for n in range(ROUNDS):
        visitor = Visitor(shop, f"{n}")
        form = visitor.form(Act.CANCEL, "late")
        packs = update(ORDER_LINES).where(ORDER_LINES.c.order_id == f"{n}").values(packed=1)
        chosen, _ = at_once(partial(visitor.send, form), partial(execute, shop, packs))
        assert isinstance(chosen, Choice | TooLate)
        assert len(visitor.page.choices) == isinstance(chosen, Choice)


def test_no_notice_that_is_decided_while_its_line_is_cancelled_leaves(shop):
    for n in range(ROUNDS):
        shop.change(f"{n}", on=6, expected_on=None)
    context = shop.context.with_run("run", day(6), noon(6))
    orders = [f"{n}" for n in range(ROUNDS)]
    visitors = [Visitor(shop, key, on=6) for key in orders]
    forms = [visitor.form(Act.CANCEL, "all") for visitor in visitors]
    at_once(
        partial(evaluate_orders, context, SubstituteStock(), orders),
        *(partial(visitor.send, form) for visitor, form in zip(visitors, forms, strict=True)),
    )
    before = len(shop.transport.taken)
    shop.run_day(6)
    assert {message.category for message in shop.transport.taken[before:]} == {"choice_received"}


def test_choices_and_an_allocation_run_do_not_stop_each_other(shop):
    def choose():
        for n in range(ROUNDS):
            visitor = Visitor(shop, f"{n}")
            # What the run computes may change what a form says: its words are not compared here.
            visitor.send(visitor.form(Act.CANCEL, "all", stated=""))
            visitor.undo()
        return True

    def plan():
        for run in range(3):
            allocate(shop.context, run=f"run {run}", batch=1)
        return True

    assert at_once(choose, plan) == [True, True]
