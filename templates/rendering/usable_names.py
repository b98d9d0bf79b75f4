"""List the names that a message's author may use, each with what it is and an example."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_type_hints

from models.config.shop import ShopConfig
from templates.rendering import samples, variables
from templates.rendering.answer_samples import sample_answers
from templates.rendering.choice_mails import CHOICE_MAILS
from templates.rendering.customer_mails import STAFF_NOTE
from templates.rendering.drafts import ANSWERS
from templates.rendering.fill_variables import notice_variables, post_variables
from templates.rendering.formats import write_date
from templates.rendering.frames import SHOWN_AS
from templates.rendering.purchasing import PURCHASE
from templates.rendering.shop_views import shop_view
from templates.rendering.storefront import STOREFRONT
from templates.rendering.template_sets import POSTS

MAX_EXAMPLE = 60


@dataclass(frozen=True, slots=True)
class UsableName:
    """A name as a template writes it."""

    name: str
    about: str
    example: str


def usable_names(message: str, shop: ShopConfig, language: str) -> list[UsableName]:
    """Return the names that a message's parts may use."""
    message = SHOWN_AS.get(message, message)
    values = {"shop": shop_view(shop, language), "lang": language.replace("_", "-"), "locale": language}
    values |= _sample_values(message, shop, language)
    return [
        each
        for group in _groups(message)
        for name, hint in get_type_hints(group, include_extras=True).items()
        for each in _listed(name, hint.__metadata__[0], values.get(name), language)
    ]


def _groups(message: str) -> tuple[type, ...]:
    common = variables.CommonVariables
    if message in POSTS.values():
        return variables.PostVariables, common
    if message in CHOICE_MAILS:
        return variables.AnswerVariables, variables.ChoiceVariables, common
    if message == STAFF_NOTE:
        return variables.AnswerVariables, variables.NoteVariables, common
    if message in ANSWERS:
        return variables.AnswerVariables, common
    if message == PURCHASE:
        return variables.PurchaseVariables, common
    if message == STOREFRONT:
        return variables.StorefrontVariables, common
    return variables.NoticeVariables, variables.BodyVariables, variables.SmsVariables, common


def _sample_values(message: str, shop: ShopConfig, language: str) -> Mapping[str, Any]:
    if message in POSTS.values():
        about = next(one for _, one in samples.sample_posts(language) if POSTS[one.kind] == message)
        return {**post_variables(about, shop)}
    if message in ANSWERS:
        sample = next(one for one in sample_answers(shop, language) if one.kind == message)
        return {**sample.variables, **sample.more}
    if message in (PURCHASE, STOREFRONT):
        return {}
    _, plan = next(iter(samples.sample_plans(message, language)))
    return {**notice_variables(plan, shop, lambda _: None, "", "")}


def _listed(name: str, about: str, value: Any, language: str) -> Iterator[UsableName]:
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        yield UsableName(name, about, f"{len(value)} of them")
        yield from _fields_of(f"{name}[0]", value[0], language)
    elif is_dataclass(value):
        yield UsableName(name, about, "")
        yield from _fields_of(name, value, language)
    else:
        yield UsableName(name, about, _example(value, language))


def _fields_of(name: str, value: Any, language: str) -> Iterator[UsableName]:
    hints = get_type_hints(type(value), include_extras=True)
    for each in fields(value):
        inner = getattr(value, each.name)
        if is_dataclass(inner):
            yield from _fields_of(f"{name}.{each.name}", inner, language)
        elif not isinstance(inner, tuple):
            about = getattr(hints[each.name], "__metadata__", ("",))[0]
            yield UsableName(f"{name}.{each.name}", about, _example(inner, language))


def _example(value: Any, language: str) -> str:
    match value:
        case None | "" | ():
            return "(empty)"
        case bool():
            return "true" if value else "false"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return write_date(value, "long", language)
        case int() | Decimal() | float():
            return str(value)
    text = str(value)
    return text if len(text) <= MAX_EXAMPLE else f"{text[:MAX_EXAMPLE]}..."
