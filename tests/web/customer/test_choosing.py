"""Choosing on the order page: GET asks, POST acts once, and everybody else is told what stands."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from starlette.applications import Starlette

from models.customers import Act, ChoiceState, OpenChoices, PageParcel
from tasks.customers.choice_errors import ChoiceConflict, NotOffered, StatementChanged, SubstituteGone, TooLate
from tests.support.order_pages import (
    ALL_OPEN,
    CANCEL_ALL,
    CANCEL_LATE,
    KEY,
    LATE,
    LINK,
    NOW,
    TOKEN,
    MemoryOrders,
    made_choice,
    memory_routes,
    order_page,
)
from tests.support.web_client import FORM, WebClient
from web.customer.forms import FormSigner

PATH = f"/o/{TOKEN}"
OPTIONS = {Act.SWAP: {"option": "1:P3"}, Act.CANCEL: {"option": "late"}}


class Shop:
    """An order page with its customer."""

    def __init__(self, page=None, now=lambda: NOW):
        self.orders = MemoryOrders(page)
        self.client = WebClient(Starlette(routes=memory_routes(self.orders, now=now)))

    def form(self, act):
        return self.client.get(f"{PATH}/{act}").form

    def choose(self, act, **chosen):
        return self.client.send(self.form(act), **(OPTIONS.get(act, {}) | chosen))


@pytest.fixture
def shop():
    return Shop()


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (Act.WAIT, ["Now expected by Tuesday, December 16", "Yes, wait until December 16", "Back to your order"]),
        (Act.SHIP, ["Leaves now 2 × Cedar Bath Caddy", "Follows later Washed Linen", "costs you nothing"]),
        (Act.SWAP, ["Instead of Washed Linen Duvet Cover Sand", "You pay nothing more.", "for 48 hours", "Swap it"]),
        (Act.SWAP, ["It costs €9.00 more. We ask you before we charge anything."]),
        (Act.CANCEL, ["The late item", "€129.00 back", "€167.80 back, shipping included", "Monday, December 8"]),
        (Act.OFFER, ["10% off your next order, up to €16.00", "nothing about your right to cancel"]),
    ],
)
def test_the_page_names_what_follows_before_its_button(shop, act, said):
    page = shop.client.get(f"{PATH}/{act}")
    assert page.status == 200
    assert [words for words in said if words not in page.text] == []
    assert page.html.count("<button") == 1


def test_nothing_is_chosen_beforehand(shop):
    for act in OPTIONS:
        radios = [tag for tag in shop.client.get(f"{PATH}/{act}").tags("input") if tag.get("type") == "radio"]
        assert len(radios) > 1
        assert not [radio for radio in radios if "checked" in radio]


@pytest.mark.parametrize("act", Act)
def test_a_choice_is_recorded_and_shown_on_a_page_of_its_own(shop, act):
    answer = shop.choose(act)
    assert (answer.status, answer.location) == (303, f"{PATH}/answers/1")
    (choice,) = shop.orders.page.choices
    assert choice.act is act
    page = shop.client.get(answer.location)
    assert page.status == 200
    assert "Reference 1041-C1" in page.text
    assert "November 24, 14:03 (Berlin)" in page.text


@pytest.mark.parametrize("act", Act)
def test_a_form_that_is_sent_twice_is_one_choice(shop, act):
    form = shop.form(act)
    first, second = (shop.client.send(form, **OPTIONS.get(act, {})) for _ in range(2))
    assert first.location == second.location
    assert len(shop.orders.page.choices) == 1


def test_two_forms_are_two_choices_and_the_second_is_told_what_stands(shop):
    form, other = shop.form(Act.WAIT), shop.form(Act.CANCEL)
    shop.client.send(form)
    late = shop.client.send(other, option="late")
    assert late.status == 409
    assert "Your order was already answered" in late.text
    assert "You chose to wait until December 16." in late.text
    assert "Cancel and get your money back" in late.text
    assert [choice.act for choice in shop.orders.page.choices] == [Act.WAIT]


@pytest.mark.parametrize("act", OPTIONS)
@pytest.mark.parametrize("option", [{}, {"option": ""}, {"option": "made-up"}])
def test_a_form_in_which_nothing_is_chosen_is_shown_again_with_what_is_missing(shop, act, option):
    answer = shop.client.send(shop.form(act), **option)
    assert answer.status == 422
    assert "Error: " in answer.text
    (summary,) = [tag for tag in answer.tags("div") if tag.get("class") == "errors"]
    assert summary["role"] == "alert"
    assert {"href": "#option-1"} in answer.tags("a")
    assert shop.orders.page.choices == ()
    assert shop.client.send(answer.form, **OPTIONS[act]).status == 303


def test_an_order_with_one_thing_to_cancel_asks_no_question():
    shop = Shop(order_page(open=replace(ALL_OPEN, cancels=(CANCEL_ALL,))))
    page = shop.client.get(f"{PATH}/cancel")
    assert "What do you want to cancel?" not in page.text
    assert "€167.80 back, shipping included" in page.text
    assert shop.client.send(page.form).status == 303


def test_who_has_not_paid_is_promised_no_money():
    unpaid = tuple(replace(option, refund=Decimal(0), includes_shipping=False) for option in ALL_OPEN.cancels)
    shop = Shop(order_page(open=replace(ALL_OPEN, cancels=unpaid)))
    assert "Cancel it There is nothing to pay back." in shop.client.get(PATH).text
    asked = shop.client.get(f"{PATH}/cancel").text
    assert asked.count("There is nothing to pay back.") == len(unpaid)
    shop.orders.page = order_page(choices=(made_choice(Act.CANCEL, refund=Decimal(0)),))
    done = shop.client.get(f"{PATH}/answers/1").text
    assert "You get back There is nothing to pay back." in done
    for text in (asked, done):
        assert not any(word in text for word in ("money", "0.00", "refund"))


@pytest.mark.parametrize(
    ("whole_order", "said"), [(True, "The whole order"), (False, "Everything that has not left yet")]
)
def test_what_is_left_of_an_order_is_not_called_the_whole_order(whole_order, said):
    everything = replace(CANCEL_ALL, whole_order=whole_order, includes_shipping=False)
    shop = Shop(order_page(open=replace(ALL_OPEN, cancels=(CANCEL_LATE, everything))))
    assert f"{said}: €167.80." in shop.client.get(PATH).text
    assert said in shop.client.get(f"{PATH}/cancel").text
    assert ("The whole order" in shop.client.get(PATH).text) is whole_order


def test_a_form_without_an_answer_to_a_question_that_is_gone_is_shown_anew(shop):
    form = shop.form(Act.CANCEL)
    shop.orders.page = order_page(open=replace(ALL_OPEN, cancels=(CANCEL_ALL,)))
    answer = shop.client.send(form)
    assert answer.status == 409
    assert "Something changed while you were reading" in answer.text
    assert shop.client.send(answer.form).status == 303


def test_what_a_form_said_must_still_hold_and_is_otherwise_shown_anew(shop):
    form = shop.form(Act.WAIT)
    later = ALL_OPEN.wait_until + timedelta(days=9)
    shop.orders.page = order_page(expected_on=later, open=replace(ALL_OPEN, wait_until=later))
    answer = shop.client.send(form)
    assert answer.status == 409
    assert "Something changed while you were reading. Nothing was recorded yet." in answer.text
    assert "Yes, wait until December 25" in answer.text
    assert shop.orders.page.choices == ()
    assert shop.client.send(answer.form).status == 303


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (TooLate, "We have started packing"),
        (SubstituteGone, "Someone else took the last one Nothing has changed. What you can still do"),
        (NotOffered, "This is not possible now Nothing has changed."),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(shop, problem, said):
    form = shop.form(Act.SWAP)
    shop.orders.refusal = problem(shop.orders.page)
    answer = shop.client.send(form, option="1:P3")
    assert answer.status == 409
    assert said in answer.text
    assert "Cancel and get your money back" in answer.text


def test_a_changed_statement_of_what_is_not_offered_any_more_shows_the_rest(shop):
    form = shop.form(Act.SWAP)
    shop.orders.refusal = StatementChanged(order_page(open=replace(ALL_OPEN, swaps=())))
    answer = shop.client.send(form, option="1:P3")
    assert answer.status == 409
    assert "Something changed while you were reading" in answer.text
    assert "Wait for it" in answer.text


@pytest.mark.parametrize(
    ("open_choices", "said"),
    [
        (OpenChoices(too_late=True), "We have started packing"),
        (replace(ALL_OPEN, swaps=()), "This is not possible now"),
        (OpenChoices(), "This is not possible now"),
    ],
)
def test_the_page_of_a_choice_that_is_not_offered_says_so(open_choices, said):
    page = Shop(order_page(open=open_choices)).client.get(f"{PATH}/swap")
    assert page.status == 409
    assert said in page.text
    assert page.forms == []


def test_the_button_of_a_mail_leads_to_the_answer_that_stands():
    page = order_page(choices=(made_choice(Act.CANCEL),), open=OpenChoices())
    answer = Shop(page).client.get(f"{PATH}/cancel")
    assert (answer.status, answer.location) == (303, f"{PATH}/answers/1")


def test_a_choice_can_be_taken_back_twice_with_the_same_end(shop):
    page = shop.client.get(shop.choose(Act.CANCEL).location)
    assert "You can take this back until November 24, 15:03 (Berlin)." in page.text
    for _ in range(2):
        assert shop.client.send(page.forms[0]).location == f"{PATH}/answers/1"
    undone = shop.client.get(f"{PATH}/answers/1")
    assert "You took this back" in undone.text
    assert undone.forms == []


@pytest.mark.parametrize(("minutes", "forms"), [(59, 1), (60, 0)])
def test_the_offer_to_take_it_back_ends_with_its_time(minutes, forms):
    shop = Shop(order_page(choices=(made_choice(),)), now=lambda: NOW + timedelta(minutes=minutes))
    assert len(shop.client.get(f"{PATH}/answers/1").forms) == forms


@pytest.mark.parametrize(("status", "forms"), [("cancel_requested", 2), ("cancelled", 1)])
def test_what_the_shop_has_cancelled_is_not_offered_to_be_taken_back(status, forms):
    parcels = (PageParcel((replace(LATE, status=status),)),)
    shop = Shop(order_page(choices=(made_choice(Act.CANCEL),), parcels=parcels))
    assert len(shop.client.get(f"{PATH}/answers/1").forms) == forms


def test_taking_back_too_late_says_so(shop):
    page = shop.client.get(shop.choose(Act.CANCEL).location)
    shop.orders.refusal = TooLate(shop.orders.page)
    answer = shop.client.send(page.forms[0])
    assert (answer.status, "Your answer stands." in answer.text) == (409, True)
    assert shop.orders.page.choices[0].state is ChoiceState.REQUESTED


@pytest.mark.parametrize(
    ("act", "rows"),
    [
        (Act.WAIT, ["Thank you. We keep your order.", "Expected by Tuesday, December 16"]),
        (Act.SHIP, ["We send what is ready now", "Items Cedar Bath Caddy"]),
        (Act.SWAP, ["You get Washed Linen Duvet Cover Fern", "Reserved until November 26, 14:03 (Berlin)"]),
        (Act.CANCEL, ["You get back €129.00, the way you paid", "At the latest by Monday, December 8"]),
        (Act.OFFER, ["LL-7K2M-9QXA", "Valid until Sunday, February 22, 2026"]),
    ],
)
def test_the_page_of_a_choice_says_what_holds(act, rows):
    text = Shop(order_page(choices=(made_choice(act),))).client.get(f"{PATH}/answers/1").text
    assert [row for row in rows if row not in text] == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ChoiceState.DONE, "We have received your cancellation"),
        (ChoiceState.REPLACED, "A later choice of yours took its place"),
        (ChoiceState.UNDONE, "You took this back"),
        (ChoiceState.REFUSED, "We could not do this"),
    ],
)
def test_a_choice_that_does_not_hold_any_more_says_so(state, said):
    page = order_page(choices=(made_choice(Act.CANCEL, state=state, undo_until=None),))
    assert said in Shop(page).client.get(f"{PATH}/answers/1").text


def test_a_code_that_was_taken_back_is_not_shown():
    page = order_page(choices=(made_choice(Act.OFFER, state=ChoiceState.UNDONE, undo_until=None),))
    assert "LL-7K2M" not in Shop(page).client.get(f"{PATH}/answers/1").html


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing_whoever_opens_the_links(shop, method):
    shop.choose(Act.WAIT)
    before = shop.orders.page
    paths = ["", *(f"/{act}" for act in Act), "/answers/1", "/messages/1", "/messages/1/mail", "/fragment"]
    for path in paths:
        assert shop.client.ask(method, PATH + path).status in (200, 409)
    for action in ("undo", "why"):
        assert shop.client.ask(method, f"{PATH}/answers/1/{action}").status == 405
    assert shop.orders.page is before


def signed(**changes):
    stated = {"": "wait::2025-12-16:LL-7K2M-9QXA"}
    made = {"link": LINK, "act": "wait", "version": 0, "stated": stated} | changes
    return FormSigner(changes.get("key", KEY)).sign(made["link"], made["act"], made["version"], made["stated"])


@pytest.mark.parametrize(
    "form",
    [
        "",
        "made-up",
        signed()[:-1],
        signed(link="another-link"),
        signed(act="cancel"),
    ],
)
def test_a_form_that_was_not_made_for_this_page_records_nothing(shop, form):
    answer = shop.client.post(f"{PATH}/wait", {"form": form})
    assert answer.status == 403
    assert "Nothing was recorded" in answer.text
    assert shop.orders.page.choices == ()


def test_a_form_signed_with_another_key_records_nothing(shop):
    form = FormSigner(b"x" * 32).sign(LINK, "wait", 0, {"": ""})
    assert shop.client.post(f"{PATH}/wait", {"form": form}).status == 403
    assert shop.client.post(f"{PATH}/wait", {"form": signed()}).status == 303


@pytest.mark.parametrize(("site", "status"), [("same-origin", 303), ("cross-site", 403), ("same-site", 403)])
def test_a_form_that_another_site_sends_is_refused(shop, site, status):
    headers = FORM | {"Sec-Fetch-Site": site}
    assert shop.client.post(f"{PATH}/wait", shop.form(Act.WAIT).fields, headers).status == status
    assert len(shop.orders.page.choices) == (status == 303)


def test_a_browser_that_does_not_say_where_a_form_comes_from_is_trusted_by_the_forms_token(shop):
    headers = {name: value for name, value in FORM.items() if name != "Sec-Fetch-Site"}
    assert shop.client.post(f"{PATH}/wait", shop.form(Act.WAIT).fields, headers).status == 303


def test_a_conflict_without_a_form_of_its_own_keeps_the_order(shop):
    form = shop.form(Act.WAIT)
    shop.orders.refusal = ChoiceConflict(made_choice(Act.CANCEL))
    shop.orders.page = order_page(choices=(made_choice(Act.CANCEL),), open=OpenChoices())
    answer = shop.client.send(form)
    assert answer.status == 409
    assert "You cancelled Washed Linen Duvet Cover Sand." in answer.text


def test_a_reason_for_cancelling_is_asked_afterwards_and_may_be_left_out(shop):
    page = shop.client.get(shop.choose(Act.CANCEL).location)
    assert "Would you tell us why? (optional)" in page.text
    reason = page.forms[1]
    assert shop.client.send(reason, why=" ").location == f"{PATH}/answers/1"
    assert shop.orders.page.choices[0].why == ""
    shop.client.send(reason, why=" It comes\ntoo late. ")
    told = shop.client.get(f"{PATH}/answers/1")
    assert "You told us why: It comes too late." in told.text
    assert len(told.forms) == 1


@pytest.mark.parametrize("act", [act for act in Act if act is not Act.CANCEL])
def test_nobody_is_asked_why_they_did_not_cancel(shop, act):
    can_be_taken_back = act is not Act.WITHDRAW
    assert len(shop.client.get(shop.choose(act).location).forms) == can_be_taken_back


@pytest.mark.parametrize("action", ["undo", "why"])
def test_a_form_about_one_choice_does_nothing_to_another(action):
    shop = Shop(order_page(choices=(made_choice(Act.CANCEL, 2), made_choice(Act.CANCEL, 1))))
    forms = {form.action.rpartition("/")[2]: form for form in shop.client.get(f"{PATH}/answers/1").forms}
    before = shop.orders.page
    answer = shop.client.post(f"{PATH}/answers/2/{action}", forms[action].fields | {"why": "x"})
    assert answer.status == 403
    assert shop.orders.page is before
