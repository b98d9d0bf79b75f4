"""Render the mails that answer a customer's act, each a folder as every message: `new_link/subject.en.txt`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.enums import Channel
from templates.rendering import size_limits
from templates.rendering.environment import template_errors
from templates.rendering.fitting import fit_mail
from templates.rendering.names import greeting_name, strip_control_chars
from templates.rendering.template_sets import TemplateCatalog
from templates.rendering.variables import AnswerVariables
from templates.rendering.view_models import OrderView

NEW_LINK = "new_link"
STAFF_NOTE = "staff_note"
"""A personal note of staff that is sent by itself; its variable is `note`."""


@dataclass(frozen=True, slots=True)
class MailWords:
    """A rendered mail, and the language that it is in."""

    language: str
    subject: str
    text: str
    html: str


class CustomerMailRenderer:
    """Renders mails in the customer's language, else in the shop's, else in English."""

    def __init__(self, catalog: TemplateCatalog) -> None:
        self._catalog = catalog

    def render(self, kind: str, locale: str | None, variables: AnswerVariables, **more: Any) -> MailWords:
        """Return a mail; `kind` is the folder of its templates. Raises TemplateError with file, line and order."""
        template_set, order = self._catalog.choose(kind, Channel.EMAIL, locale), variables["order"].id
        with template_errors(kind, order):
            everything: Mapping[str, Any] = {**variables, **more, **template_set.common_variables}
            subject, text, html = fit_mail(template_set, dict(everything))
        size_limits.check_mail(template_set.templates, subject, text, html, order)
        return MailWords(template_set.language, subject, text, html)


def answer_variables(customer: str, order_id: str, placed_on: date, url: str, today: date) -> AnswerVariables:
    """Return the variables of a mail that answers a customer; `url` is the order page's address."""
    order = OrderView(strip_control_chars(order_id), placed_on, url)
    return {"customer": greeting_name(customer), "order": order, "today": today}
