"""Render a message as its readers will see it, for a case such as a date that is known, or long names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from models.config.shop import ShopConfig
from models.decisions import LateLine, Plan
from models.enums import Channel
from models.experiments import Letter, Wording
from models.messages import Message
from models.posts import ProductDelay, ProductStock
from templates.rendering import frames, samples
from templates.rendering.answer_samples import AnswerSample, sample_answers
from templates.rendering.drafts import ANSWERS, Words
from templates.rendering.messages import Renderer
from templates.rendering.purchasing import PURCHASE, PurchaseRenderer
from templates.rendering.storefront import STOREFRONT
from templates.rendering.template_sets import POSTS

Case = TypeVar("Case")
LONG_CUSTOMER = "Maria Fernanda de Albuquerque Cavalcanti-Donaudampfschiffahrt"
LONG_PRODUCT = "Handwoven Reclaimed-Cashmere Donaudampfschiffskapitänsdecke with hand-knotted fringe, king size"
NOTICE_CASES = {
    "known": "Date known",
    "unknown": "No date yet",
    "items": "Two items",
    "offer": "With an offer",
    "long": "Long names",
}
POST_CASES = {"known": "As usual", "unknown": "No date yet", "long": "Long names"}


@dataclass(frozen=True, slots=True)
class Preview:
    """A message rendered; None for what it does not have."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    sms: str | None = None
    sms_with_stop: str | None = None
    """The text as it is sent where it says how to stop texts; None where that is nowhere, or all texts say it."""
    post: str | None = None
    mail: Message | None = None
    """The mail as it can be sent as a test."""


def cases_of(message: str, shop: ShopConfig) -> dict[str, str]:
    """Return the cases in which a message can be looked at, with their titles."""
    if message == frames.REPLY:
        return {kind: kind.replace("_", " ").capitalize() for kind in ANSWERS}
    if message == frames.FRAME:
        return NOTICE_CASES | {frames.SHOWN_AS[frames.REPLY]: "An answer"}
    if message in POSTS.values():
        return POST_CASES
    if message in ANSWERS:
        titles = [each.title for each in sample_answers(shop, "en") if each.kind == message]
        return {str(n): title.rpartition("· ")[2].capitalize() for n, title in enumerate(titles)}
    if message == PURCHASE:
        purchases = (title for title, _ in samples.sample_purchases())
        return {str(n): title.rpartition("· ")[2].capitalize() for n, title in enumerate(purchases)}
    if message == STOREFRONT:
        return {str(n): title for n, (title, _) in enumerate(_storefront_cases("en"))}
    return NOTICE_CASES


def render_preview(
    shop: ShopConfig, own: Path | None, words: Words, case: str, say_stop: Sequence[str] = ()
) -> Preview:
    """Return a message as its readers see it. Raises TemplateError.

    `say_stop` are the countries whose texts say how to stop texts.
    """
    if words.message in frames.FILES:
        language = shop.locale if words.message == frames.FRAME else words.language
        shown = case if case in ANSWERS else frames.SHOWN_AS[words.message]
        return render_preview(shop, own, Words(shown, language), "0" if case in ANSWERS else case, say_stop)
    shop = shop.model_copy(update={"locale": words.language})
    renderer = Renderer(shop, own)
    if words.sent_as in POSTS.values():
        return Preview(post=renderer.render_post(_product(words, case), id="preview", locale=words.language).text)
    if words.sent_as in ANSWERS:
        mail = _answer(shop, words, case).render(renderer.answers)
        return Preview(mail.subject, mail.html, mail.text, mail=mail)
    if words.sent_as == PURCHASE:
        _, purchase = _chosen(list(samples.sample_purchases()), case)
        subject, text = PurchaseRenderer(shop, own).render(purchase, samples.VENDOR)
        return Preview(subject, None, text)
    if words.sent_as == STOREFRONT:
        _, notice = _chosen(list(_storefront_cases(words.language)), case)
        said = renderer.storefront.render_text(notice.available if notice else None, words.language)
        page = renderer.storefront.render_page(notice, words.language, None, "")
        return Preview(said.title, page, said.text)
    return _notice(renderer, words, case, say_stop)


def _notice(renderer: Renderer, words: Words, case: str, say_stop: Sequence[str]) -> Preview:
    plan = sample_plan(words.sent_as, words.language, case)
    if words.first:
        plan = replace(plan, wording=Wording(words.message, Letter.B, words.message))
    rendered: dict[Channel, Message] = {}
    with_stop = None
    for contact in plan.contacts:
        if renderer.has_language(plan.message, contact.channel, words.language):
            rendered[contact.channel] = renderer.render_message(plan, contact, id="preview")
            if contact.channel is Channel.SMS and say_stop:
                there = replace(contact, country=say_stop[0], says_stop=True)
                with_stop = renderer.render_message(plan, there, id="preview").text
    mail, text = rendered.get(Channel.EMAIL), rendered.get(Channel.SMS)
    sms = text.text if text else None
    with_stop = with_stop if with_stop != sms else None
    if mail is None:
        return Preview(sms=sms, sms_with_stop=with_stop)
    return Preview(mail.subject, mail.html, mail.text, sms, with_stop, mail=mail)


def sample_plan(message: str, language: str, case: str) -> Plan:
    """Return a sample of a message about an order, for a case of NOTICE_CASES."""
    plans = {title.partition(" · ")[2]: plan for title, plan in samples.sample_plans(message, language)}
    first, *_, last = (title.partition(" · ")[0] for title in plans)
    plan = plans[f"{last if case == 'unknown' else first} · {'substitute' if case == 'offer' else 'none'}"]
    if case == "offer":
        return replace(plan, discount=plans[f"{first} · future"].discount)
    if case == "items" and len(plan.delay.late) == 1 and plan.delay.on_time:
        first_late = plan.delay.late[0].line
        second = replace(plan.delay.on_time[0], expected_on=first_late.expected_on, promised_on=first_late.promised_on)
        late = (*plan.delay.late, LateLine(second, plan.delay.days, plan.delay.expected_on))
        return replace(plan, delay=replace(plan.delay, late=late, on_time=()), parcels=())
    return _with_long_names(plan) if case == "long" else plan


def _with_long_names(plan: Plan) -> Plan:
    delay = plan.delay

    def longer(line: Any) -> Any:
        return replace(line, product=replace(line.product, name=LONG_PRODUCT))

    customer = replace(delay.order.customer, name=LONG_CUSTOMER)
    late = tuple(replace(each, line=longer(each.line)) for each in delay.late)
    on_time = tuple(map(longer, delay.on_time))
    order = replace(delay.order, customer=customer, lines=(*(each.line for each in late), *on_time))
    return replace(plan, delay=replace(delay, order=order, late=late, on_time=on_time))


def _product(words: Words, case: str) -> ProductDelay | ProductStock:
    known = [about for _, about in samples.sample_posts(words.language) if POSTS[about.kind] == words.message]
    about = known[-1] if case == "unknown" else known[0]
    return replace(about, product=replace(about.product, name=LONG_PRODUCT)) if case == "long" else about


def _answer(shop: ShopConfig, words: Words, case: str) -> AnswerSample:
    samples_of: list[AnswerSample] = [one for one in sample_answers(shop, words.language) if one.kind == words.message]
    return _chosen(samples_of, case)


def _storefront_cases(language: str) -> Iterator[tuple[str, Any]]:
    for notice in samples.sample_storefront_notices(language):
        if notice is None:
            yield "Nothing is known", None
        else:
            available = notice.available
            left = f", {available.free_quantity} left" if available.free_quantity else ""
            latest = ", with a latest date" if available.latest_on else ""
            yield f"{str(available.state).replace('_', ' ').capitalize()}{left}{latest}", notice


def _chosen(found: list[Case], case: str) -> Case:
    return found[int(case)] if case.isdigit() and int(case) < len(found) else found[0]
