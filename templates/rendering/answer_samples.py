"""Make samples of every mail that answers a customer's act: the gallery shows them, and the check renders them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from models.config.shop import ShopConfig
from models.customers import ENDS_CONTRACT, Act, Choice, ChoiceState, DiscountOption
from models.enums import Channel, RemedyKind
from models.messages import Message
from models.orders import ProductFacts
from templates.rendering.choice_mails import choice_page_url, choice_variables
from templates.rendering.customer_mails import NEW_LINK, STAFF_NOTE, CustomerMailRenderer, answer_variables
from templates.rendering.samples import TODAY, sample_plans
from templates.rendering.variables import AnswerVariables

MADE_AT = datetime.combine(TODAY, time(10), UTC)
HOUR = timedelta(hours=1)
REFUND_DAYS = 14
TEN = Decimal(10)
SAMPLE_NOTE = "I have asked our workshop to pack yours first. Call me if anything is unclear. Mara"


@dataclass(frozen=True, slots=True)
class AnswerSample:
    """One sample: the folder of its templates, its title and its variables."""

    kind: str
    title: str
    locale: str
    variables: AnswerVariables
    more: Mapping[str, Any]

    def render(self, renderer: CustomerMailRenderer) -> Message:
        """Return the mail; raises TemplateError."""
        words = renderer.render(self.kind, self.locale, self.variables, **self.more)
        mail = Message("sample", Channel.EMAIL, "", words.text, words.language, words.subject, words.html)
        return replace(mail, category=self.kind)


def sample_answers(shop: ShopConfig, locale: str) -> Iterator[AnswerSample]:
    """Yield the samples in one language."""
    _, plan = next(sample_plans("week", locale))
    order, product = plan.delay.order, plan.delay.late[0].line.product
    url = choice_page_url(shop, order.id, None)
    variables = answer_variables(order.customer.name, order.id, order.placed_on, url, TODAY)
    yield AnswerSample(NEW_LINK, "new link", locale, variables, {})
    yield AnswerSample(STAFF_NOTE, "staff note", locale, variables, {"note": SAMPLE_NOTE})
    substitute = plan.delay.on_time[0].product
    for kind, title, choice in _choices(order.id, substitute, order.currency):
        more = choice_variables(choice, (product.name,), shop, REFUND_DAYS)
        yield AnswerSample(kind, f"{kind.replace('_', ' ')} · {title}", locale, variables, more)


def _choices(order: str, substitute: ProductFacts, currency: str) -> Iterator[tuple[str, str, Choice]]:
    """Yield the folder, the title and the choice of each sample about a choice."""

    def made(act: Act, **facts: Any) -> Choice:
        state, undo_until = ChoiceState.REQUESTED, MADE_AT + HOUR
        choice = Choice(f"{order}-C1", order, 1, act, state, MADE_AT, "customer", ("1",), currency=currency)
        return replace(choice, **{"undo_until": undo_until} | facts)

    reserved: dict[str, Any] = {"product": substitute, "quantity": 1, "reserved_until": MADE_AT + 48 * HOUR}
    by_title = {
        "wait": made(Act.WAIT, expected_on=TODAY + timedelta(9)),
        "wait, no date": made(Act.WAIT),
        "ship": made(Act.SHIP),
        "swap": made(Act.SWAP, price_difference=Decimal(0), **reserved),
        "swap, dearer": made(Act.SWAP, price_difference=TEN, **reserved),
        "swap, cheaper": made(Act.SWAP, price_difference=-TEN, **reserved),
        "swap, price unknown": made(Act.SWAP, **reserved),
        "cancel": made(Act.CANCEL, refund=Decimal("129.90")),
        "cancel, unpaid": made(Act.CANCEL, refund=Decimal(0)),
        "cancel, amount unknown": made(Act.CANCEL, undo_until=None),
        "withdraw": made(Act.WITHDRAW, refund=Decimal("129.90"), undo_until=None),
    }
    for title, choice in by_title.items():
        yield "choice_received", title, choice
        if "," not in title:
            yield "choice_undone", title, choice
            yield "choice_refused", title, choice
        if choice.act in ENDS_CONTRACT:
            yield "choice_done", title, choice
    for title, discount in _discounts():
        yield "discount_code", title, made(Act.OFFER, undo_until=None, discount=discount)


def _discounts() -> Iterator[tuple[str, DiscountOption]]:
    ends = TODAY + timedelta(60)
    for kind in (RemedyKind.FUTURE_DISCOUNT, RemedyKind.SHIPPING_DISCOUNT):
        for percent, amount in ((TEN, None), (None, TEN), (Decimal(100), None)):
            terms = "an amount" if amount else f"{percent} percent"
            title = f"{kind.replace('_', ' ')}, {terms}"
            yield title, DiscountOption("o1", kind, "SORRY-7KQ4-M2XN", percent, amount, Decimal(20), ends)
