"""Send a draft to the person who writes it, marked as a test; never to a customer."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from models.errors import ForewarnError
from models.messages import Message
from tasks.staff.audit import entries, record
from templates.rendering.drafts import Words
from templates.rendering.environment import TemplateError
from templates.rendering.previews import cases_of
from templates.rendering.purchasing import PURCHASE
from templates.rendering.storefront import STOREFRONT
from templates.rendering.template_sets import POSTS
from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.template_preview import look_of, rendered
from web.staff.template_words import field_of, quoted_title
from web.staff.visit import Visit

TESTED, FAILED = "words_tested", "words_test_failed"
"""Kinds of entries of the log."""
PREFIX = "[Test] "
MAX_TESTS = 10
WITHIN = timedelta(hours=1)
KEPT = (
    "Kept here, not sent: no mail leaves this shop, as no provider is set. The preview shows the words as they would "
    "have been sent, and the server's outbox keeps the mail. Nothing was saved."
)


def can_test(visit: Visit, words: Words) -> bool:
    """Return whether a message is a mail to customers, and this server can send mails."""
    return visit.desk.services.send_mail is not None and words.message not in (*POSTS.values(), PURCHASE, STOREFRONT)


def send(visit: Visit, form: Form, words: Words, draft: Mapping[str, str | None]) -> str:
    """Send a draft to the person, and return what was done in a sentence; where it was not sent, the form says so."""
    field = field_of(words.parts[0])
    mail = _mail(visit, form, words, draft)
    if mail is None:
        if not form.errors:
            form.wrong(field, "There is no test of this message: it is no mail to customers.")
        return ""
    what = quoted_title(words, visit.context.policy)
    with visit.writing() as connection:
        recent = entries(connection, who=visit.person.id, kind=TESTED, limit=MAX_TESTS)
        if len(recent) == MAX_TESTS and visit.now - recent[-1].at < WITHIN:
            again = visit.moment(recent[-1].at + WITHIN)
            form.wrong(field, f"You sent {MAX_TESTS} tests within an hour. The next is possible at {again}.")
            return ""
        kept = visit.desk.services.keeps_mails
        done = f"{'kept' if kept else 'sent'} a test of {what} {'for' if kept else 'to'} {visit.person.mail}"
        record(connection, **visit.act(form), kind=TESTED, what=done, **_about(words))
    try:
        _deliver(visit, mail)
    except ForewarnError as error:
        with visit.writing() as connection:
            by = visit.act(form) | {"form_id": None}
            said = f"could not send the test of {what}"
            record(connection, **by, kind=FAILED, what=said, why=str(error), **_about(words))
        form.wrong(field, f"The test was not sent. {sentence(str(error))}")
        return ""
    return KEPT if kept else f"A test was sent to {visit.person.mail}. Nothing was saved."


def _mail(visit: Visit, form: Form, words: Words, draft: Mapping[str, str | None]) -> Message | None:
    if not can_test(visit, words):
        return None
    look = look_of({"case": form.text("case")}, cases_of(words.sent_as, visit.context.shop))
    try:
        return rendered(visit, words, draft, look.case).mail
    except TemplateError as error:
        form.wrong(field_of(words.parts[0]), f"The test was not sent: {error.what}.")
        return None


def _deliver(visit: Visit, mail: Message) -> None:
    deliver, person = visit.desk.services.send_mail, visit.person
    if deliver is None:
        raise ForewarnError("this server sends no mails")
    subject = PREFIX + mail.subject
    deliver(replace(mail, id=uuid.uuid4().hex, to=person.mail, to_name=person.name, subject=subject, valid_until=None))


def _about(words: Words) -> dict[str, Any]:
    return {"subject_kind": "template", "subject": words.message}
